//! The client's side of a transaction, the same for every variant: BEGIN, what opens the tenant and the query leave in one
//! flush, and the end of the transaction in another.

use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// The region that everything here lives in.
pub(crate) const REGION: &str = "bench-1";

/// As the pool ends its transactions.
const COMMIT: &str = "SAVEPOINT sound; COMMIT";

enum Bind {
    Uuid(Uuid),
    Text(String),
    BigInt(i64),
    SmallInt(i16),
    Texts(Vec<String>),
    Bytes(Vec<u8>),
}

/// A statement that answers one text, prepared once on a connection: the pieces of its text stand between its parameters.
pub(crate) struct Statement {
    pieces: &'static [&'static str],
    binds: Vec<Bind>,
}

impl QueryId for Statement {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Text;
}

/// A statement whose text follows from its type, as the query builder's own does.
pub(crate) struct Fixed<const POINT: bool>(pub(crate) Statement);

impl<const POINT: bool> QueryId for Fixed<POINT> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const POINT: bool> Query for Fixed<POINT> {
    type SqlType = Text;
}

impl<const POINT: bool> QueryFragment<Pg> for Fixed<POINT> {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        for (index, piece) in self.pieces.iter().enumerate() {
            out.push_sql(piece);
            match self.binds.get(index) {
                None => {}
                Some(Bind::Uuid(value)) => out.push_bind_param::<SqlUuid, _>(value)?,
                Some(Bind::Text(value)) => out.push_bind_param::<Text, _>(value)?,
                Some(Bind::BigInt(value)) => out.push_bind_param::<BigInt, _>(value)?,
                Some(Bind::SmallInt(value)) => out.push_bind_param::<SmallInt, _>(value)?,
                Some(Bind::Texts(value)) => out.push_bind_param::<Array<Text>, _>(value)?,
                Some(Bind::Bytes(value)) => out.push_bind_param::<Binary, _>(value)?,
            }
        }
        Ok(())
    }
}

/// What is asked inside the tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// One row by its key.
    Point,
    /// All rows of the tenant, added up.
    Scan,
}

/// The statement of `work`; without row security it must name the tenant itself.
pub(crate) fn query(work: Work, names_tenant: bool, customer: Uuid, id: Uuid) -> Statement {
    let (pieces, binds): (&'static [&'static str], _) = match (work, names_tenant) {
        (Work::Point, false) => (
            &["SELECT label FROM bench.things WHERE id = ", ""],
            vec![Bind::Uuid(id)],
        ),
        (Work::Point, true) => (
            &["SELECT label FROM bench.things WHERE customer_id = ", " AND id = ", ""],
            vec![Bind::Uuid(customer), Bind::Uuid(id)],
        ),
        (Work::Scan, false) => (&["SELECT sum(amount)::text FROM bench.things"], Vec::new()),
        (Work::Scan, true) => (
            &["SELECT sum(amount)::text FROM bench.things WHERE customer_id = ", ""],
            vec![Bind::Uuid(customer)],
        ),
    };
    Statement { pieces, binds }
}

/// The tutorial's way into a tenant.
pub(crate) fn set_tenant(customer: Uuid) -> Statement {
    Statement {
        pieces: &["SELECT set_config('app.tenant', ", ", true)"],
        binds: vec![Bind::Text(customer.to_string())],
    }
}

/// `tenancy.login` for this token and tenant; the answer is the ticket, in hex.
pub(crate) fn login(token: &str, customer: Uuid) -> Statement {
    Statement {
        pieces: &[
            "SELECT subject || ' ' || expiry_ms || ' ' || nonce || ' ' || encode(mac, 'hex') FROM tenancy.login(",
            ", ",
            ")",
        ],
        binds: vec![Bind::Text(token.to_owned()), Bind::Uuid(customer)],
    }
}

/// The arguments of one call of `tenancy.enter`.
pub(crate) struct Entry {
    pub(crate) customer: Uuid,
    pub(crate) subject: Uuid,
    pub(crate) request: Uuid,
    pub(crate) expiry_ms: i64,
    pub(crate) nonce: Uuid,
    pub(crate) kid: i16,
    pub(crate) mac: Vec<u8>,
}

impl Entry {
    fn unsigned(kid: i16, customer: Uuid) -> Self {
        Self {
            customer,
            subject: Uuid::from_u128(7),
            request: Uuid::now_v7(),
            expiry_ms: now_ms() + 55_000,
            nonce: Uuid::new_v4(),
            kid,
            mac: Vec::new(),
        }
    }

    /// As a server with the enter key signs it.
    pub(crate) fn signed(key: &[u8], customer: Uuid, pid: i32) -> Self {
        let mut entry = Self::unsigned(1, customer);
        entry.mac = Hmac::<Sha256>::new_from_slice(key)
            .unwrap()
            .chain_update(b"enter.v1")
            .chain_update(entry.kid.to_be_bytes())
            .chain_update(entry.customer)
            .chain_update(entry.subject)
            .chain_update(entry.request)
            .chain_update(pid.to_be_bytes())
            .chain_update(entry.expiry_ms.to_be_bytes())
            .chain_update(entry.nonce)
            .chain_update(Sha256::digest(REGION.as_bytes()))
            .finalize()
            .into_bytes()
            .to_vec();
        entry
    }

    /// As `tenancy.login` mints it: the key of tickets is this run's own.
    pub(crate) fn ticket(key: &[u8], customer: Uuid) -> Self {
        let mut entry = Self::unsigned(0, customer);
        entry.mac = Hmac::<Sha256>::new_from_slice(key)
            .unwrap()
            .chain_update(b"ticket.v1")
            .chain_update(entry.kid.to_be_bytes())
            .chain_update(entry.customer)
            .chain_update(entry.subject)
            .chain_update(entry.expiry_ms.to_be_bytes())
            .chain_update(entry.nonce)
            .finalize()
            .into_bytes()
            .to_vec();
        entry
    }

    /// What [`login`] answered.
    pub(crate) fn minted(answer: &str, customer: Uuid) -> Self {
        let fields: Vec<&str> = answer.split(' ').collect();
        let mac = (0..32).map(|at| u8::from_str_radix(&fields[3][at * 2..at * 2 + 2], 16).unwrap());
        Self {
            customer,
            subject: fields[0].parse().unwrap(),
            request: Uuid::now_v7(),
            expiry_ms: fields[1].parse().unwrap(),
            nonce: fields[2].parse().unwrap(),
            kid: 0,
            mac: mac.collect(),
        }
    }

    pub(crate) fn statement(self) -> Statement {
        Statement {
            pieces: &["SELECT tenancy.enter(", ", ", ", ", ", ", ", ", ", ", ", ", ", ", ")"],
            binds: vec![
                Bind::Uuid(self.customer),
                Bind::Uuid(self.subject),
                Bind::Uuid(self.request),
                Bind::BigInt(self.expiry_ms),
                Bind::Uuid(self.nonce),
                Bind::SmallInt(self.kid),
                Bind::Texts(vec![REGION.to_owned()]),
                Bind::Bytes(self.mac),
            ],
        }
    }
}

/// One transaction, in two flushes and as many round trips.
pub(crate) async fn transaction(
    connection: &AsyncPgConnection,
    opening: Option<Statement>,
    query: Statement,
) -> String {
    let (mut first, mut second, mut third) = (connection, connection, connection);
    let answer = match opening {
        None => {
            let flush =
                async { futures_util::join!(first.batch_execute("BEGIN"), query.get_result::<String>(&mut third)) };
            let (begun, answer) = tokio::task::unconstrained(flush).await;
            begun.unwrap();
            answer
        }
        Some(opening) => {
            let flush = async {
                futures_util::join!(
                    first.batch_execute("BEGIN"),
                    opening.get_result::<String>(&mut second),
                    query.get_result::<String>(&mut third)
                )
            };
            let (begun, opened, answer) = tokio::task::unconstrained(flush).await;
            begun.unwrap();
            opened.unwrap();
            answer
        }
    };
    let mut end = connection;
    end.batch_execute(COMMIT).await.unwrap();
    answer.unwrap()
}

/// Makes the driver prepare a statement, so that it travels in one flush from then on. Its failure means nothing here.
pub(crate) async fn prepare(connection: &AsyncPgConnection, statement: Statement) {
    let mut connection = connection;
    let _ = connection.execute_returning_count(statement).await;
}

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
