//! How a row of the record becomes an event.

use crate::error::AuditError;
use crate::examination::RecordedEvent;
use bearingwall_events::Event;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bytea, Integer, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use time::OffsetDateTime;
use uuid::Uuid;

/// What is selected of `audit.events e` for a [`Row`], beside its leaf.
pub(crate) const COLUMNS: &str = "e.customer_id, e.recorded_at, e.xid::text AS xid, e.db_role::text AS db_role, e.actor_id, \
     e.request_id, e.salt, e.event_id, e.schema_version, e.event_type, e.phase, e.outcome, e.outcome_code, e.access_id, \
     e.parent_id, e.actor_roles, e.on_behalf_of, e.break_glass, e.auth_method, e.purpose_of_use, e.legal_basis, e.subject_id, \
     e.resource, e.resource_id, e.resource_version, e.commands, e.fields, e.result_count, e.recipient, e.query_digest, \
     e.before_digest, e.after_digest, e.route, e.http_status, host(e.source_ip) AS source_ip, e.trace_id, e.span_id, e.service";

/// The leaf of an event `e`, as the column `leaf_index`. Each event is sealed once; without an order the index over events is
/// the only good plan.
pub(crate) const LEAF: &str = "LEFT JOIN LATERAL (SELECT l.leaf_index FROM audit.leaves l WHERE l.customer_id = e.customer_id \
     AND l.event_id = e.event_id AND l.recorded_at = e.recorded_at) leaf ON true";

#[derive(QueryableByName)]
pub(crate) struct Row {
    #[diesel(sql_type = SqlUuid)]
    customer_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    xid: String,
    #[diesel(sql_type = Text)]
    db_role: String,
    #[diesel(sql_type = SqlUuid)]
    actor_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    request_id: Uuid,
    #[diesel(sql_type = Bytea)]
    salt: Vec<u8>,
    #[diesel(sql_type = SqlUuid)]
    event_id: Uuid,
    #[diesel(sql_type = SmallInt)]
    schema_version: i16,
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Text)]
    phase: String,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<Text>)]
    outcome_code: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    access_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    parent_id: Option<Uuid>,
    #[diesel(sql_type = Array<Text>)]
    actor_roles: Vec<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    on_behalf_of: Option<Uuid>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    break_glass: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    auth_method: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    purpose_of_use: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    legal_basis: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    subject_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    resource: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    resource_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<BigInt>)]
    resource_version: Option<i64>,
    #[diesel(sql_type = Array<Text>)]
    commands: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    fields: Vec<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    result_count: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    recipient: Option<String>,
    #[diesel(sql_type = Nullable<Bytea>)]
    query_digest: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Bytea>)]
    before_digest: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Bytea>)]
    after_digest: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    route: Option<String>,
    #[diesel(sql_type = Nullable<SmallInt>)]
    http_status: Option<i16>,
    #[diesel(sql_type = Nullable<Text>)]
    source_ip: Option<String>,
    #[diesel(sql_type = Nullable<Bytea>)]
    trace_id: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Bytea>)]
    span_id: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    service: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    leaf_index: Option<i64>,
}

const fn malformed(what: &'static str) -> AuditError {
    AuditError::Malformed { what }
}

fn fixed<const N: usize>(bytes: Option<Vec<u8>>) -> Result<Option<[u8; N]>, AuditError> {
    bytes
        .map(|bytes| bytes.try_into().map_err(|_| malformed("a digest")))
        .transpose()
}

impl TryFrom<Row> for RecordedEvent {
    type Error = AuditError;

    fn try_from(row: Row) -> Result<Self, AuditError> {
        let leaf_index = row
            .leaf_index
            .map(|index| u64::try_from(index).map_err(|_| malformed("a leaf")))
            .transpose()?;
        let source_ip = row
            .source_ip
            .map(|text| text.parse().map_err(|_| malformed("an address")))
            .transpose()?;
        let event = Event {
            customer_id: row.customer_id,
            recorded_at: row.recorded_at,
            xid: row.xid.parse().map_err(|_| malformed("a transaction id"))?,
            db_role: row.db_role,
            actor_id: row.actor_id,
            request_id: row.request_id,
            salt: row.salt.try_into().map_err(|_| malformed("a salt"))?,
            event_id: row.event_id,
            schema_version: row.schema_version,
            event_type: row.event_type,
            phase: row.phase,
            outcome: row.outcome,
            outcome_code: row.outcome_code,
            access_id: row.access_id,
            parent_id: row.parent_id,
            actor_roles: row.actor_roles,
            on_behalf_of: row.on_behalf_of,
            break_glass: row.break_glass,
            auth_method: row.auth_method,
            purpose_of_use: row.purpose_of_use,
            legal_basis: row.legal_basis,
            subject_id: row.subject_id,
            resource: row.resource,
            resource_id: row.resource_id,
            resource_version: row.resource_version,
            commands: row.commands,
            fields: row.fields,
            result_count: row.result_count,
            recipient: row.recipient,
            query_digest: fixed(row.query_digest)?,
            before_digest: fixed(row.before_digest)?,
            after_digest: fixed(row.after_digest)?,
            route: row.route,
            http_status: row.http_status,
            source_ip,
            trace_id: fixed(row.trace_id)?,
            span_id: fixed(row.span_id)?,
            service: row.service,
        };
        Ok(Self { event, leaf_index })
    }
}
