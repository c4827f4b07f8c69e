//! Multi-row inserts: fixed text over one array a column, so that a chunk of any size is one cached statement.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, Binary, Integer, Nullable, SmallInt, Timestamptz, Uuid as SqlUuid};
use std::marker::PhantomData;
use time::OffsetDateTime;
use uuid::Uuid;

/// The text of one insert, around the arrays. The columns of `HEAD` are in the order of the arrays.
pub(crate) trait Batch: 'static {
    const HEAD: &'static str;
    const TAIL: &'static str = ")";
}

/// The values of one column, one for each row.
pub(crate) enum Column {
    Ids(Vec<Uuid>),
    Bytes(Vec<Vec<u8>>),
    OptionalBytes(Vec<Option<Vec<u8>>>),
    Kinds(Vec<i16>),
    Numbers(Vec<i32>),
    Instants(Vec<OffsetDateTime>),
    Versions(Vec<i32>),
}

/// An insert of many rows.
pub(crate) struct Insert<B> {
    columns: Vec<Column>,
    batch: PhantomData<fn() -> B>,
}

impl<B: Batch> Insert<B> {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self {
            columns,
            batch: PhantomData,
        }
    }
}

impl<B: Batch> QueryId for Insert<B> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

/// What a batch that ends in `RETURNING id` answers; the others are only executed.
impl<B: Batch> Query for Insert<B> {
    type SqlType = SqlUuid;
}

impl<B: Batch> QueryFragment<Pg> for Insert<B> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql(B::HEAD);
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push_sql(", ");
            }
            match column {
                Column::Ids(values) => out.push_bind_param::<Array<SqlUuid>, _>(values)?,
                Column::Bytes(values) => out.push_bind_param::<Array<Binary>, _>(values)?,
                Column::OptionalBytes(values) => out.push_bind_param::<Array<Nullable<Binary>>, _>(values)?,
                Column::Kinds(values) => out.push_bind_param::<Array<SmallInt>, _>(values)?,
                Column::Numbers(values) => out.push_bind_param::<Array<Integer>, _>(values)?,
                Column::Instants(values) => out.push_bind_param::<Array<Timestamptz>, _>(values)?,
                Column::Versions(values) => out.push_bind_param::<Array<Integer>, _>(values)?,
            }
        }
        out.push_sql(B::TAIL);
        Ok(())
    }
}

/// Spine rows of clients; one whose external id is taken is left out, and the ids that came in are returned.
pub(crate) struct Clients;

impl Batch for Clients {
    const HEAD: &'static str = "INSERT INTO crm.clients (id, external_digest, import_digest) SELECT * FROM unnest(";
    const TAIL: &'static str = ") ON CONFLICT (customer_id, external_digest) DO NOTHING RETURNING id";
}

/// Wrapped keys of clients, with the version of the tenant's key that each is under.
pub(crate) struct ClientKeys;

impl Batch for ClientKeys {
    const HEAD: &'static str = "INSERT INTO crm.client_keys (client_id, wrapped, tenant_version) SELECT * FROM unnest(";
}

/// Sealed records of clients.
pub(crate) struct ClientRecords;

impl Batch for ClientRecords {
    const HEAD: &'static str = "INSERT INTO crm.client_records (client_id, payload) SELECT * FROM unnest(";
}

/// Blind indexes of clients.
pub(crate) struct ClientDigests;

impl Batch for ClientDigests {
    const HEAD: &'static str = "INSERT INTO crm.client_digests (client_id, kind, digest) SELECT * FROM unnest(";
}

/// Digests of what the actor of the transaction is called; the ones that are known are left out.
pub(crate) struct StaffDigests;

impl Batch for StaffDigests {
    const HEAD: &'static str = "INSERT INTO crm.staff_digests (kind, digest) SELECT * FROM unnest(";
    const TAIL: &'static str = ") ON CONFLICT (customer_id, subject_id, kind, digest) DO NOTHING";
}

/// Spine rows of chart notes; one whose import key is taken is left out, and the ids that came in are returned.
pub(crate) struct ChartNotes;

impl Batch for ChartNotes {
    const HEAD: &'static str =
        "INSERT INTO crm.chart_notes (id, client_id, import_key, import_digest) SELECT * FROM unnest(";
    const TAIL: &'static str = ") ON CONFLICT (customer_id, import_key) DO NOTHING RETURNING id";
}

/// Sealed chart notes.
pub(crate) struct ChartNoteRecords;

impl Batch for ChartNoteRecords {
    const HEAD: &'static str = "INSERT INTO crm.chart_note_records (note_id, client_id, payload) SELECT * FROM unnest(";
}

/// What placeholders of a conversation stand for.
pub(crate) struct VaultValues;

impl Batch for VaultValues {
    const HEAD: &'static str =
        "INSERT INTO pii.vault (id, conversation_id, position, spelling, payload, expires_at) SELECT * FROM unnest(";
}
