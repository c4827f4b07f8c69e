//! The transaction that stores work in: queries and nothing else.

use crate::entry::{Entrance, is_served};
use crate::error::TenancyError;
use crate::session::Session;
use diesel::pg::Pg;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as DieselError, QueryResult};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::unconstrained;
use tracing::Instrument;
use uuid::Uuid;

/// Ends a transaction only if it is sound and there is one: in an aborted transaction, and where an injected ROLLBACK has
/// ended it, SAVEPOINT fails, and COMMIT, which would answer without an error, is not reached.
pub(crate) const COMMIT: &str = "SAVEPOINT sound; COMMIT";
/// Ends it only if some context is there: what injected SQL has begun in its place (`COMMIT AND CHAIN`, `ROLLBACK` and
/// `BEGIN`) holds none. For work that has no request of its own.
const COMMIT_ENTERED: &str = "SELECT tenancy.current_customer_id(); COMMIT";

/// Ends it only if it is still the one that was entered for this request. Another context can be entered in its place without
/// a proof (the canary's), or with another one that was captured; this request's cannot.
/// SECURITY: with every name qualified, because the same SQL may have changed the search path.
pub(crate) fn commit_entered(request: Option<Uuid>) -> String {
    match request {
        None => COMMIT_ENTERED.to_owned(),
        Some(request) => format!(
            "SELECT 1 OPERATOR(pg_catalog./) (tenancy.current_request_id() OPERATOR(pg_catalog.=) '{request}'::pg_catalog.uuid)\
             ::pg_catalog.int4; COMMIT"
        ),
    }
}

/// The statements that go ahead of the first query.
pub(crate) enum Prefix<'c> {
    /// All of them are prepared: they and the query leave in one flush.
    Flush(BoxFuture<'c, Result<(), TenancyError>>),
    /// One has yet to be prepared. SECURITY: the query waits for the end, or it would overtake the commit of the record.
    First(BoxFuture<'c, Result<(), TenancyError>>),
}

/// How far the beginning of a transaction has come.
pub(crate) enum Start<'c> {
    /// Nothing has been sent.
    Waiting(Prefix<'c>),
    /// It was sent, and the answer has not been seen. Who finds this later knows that the statement was dropped half-way.
    Sent,
    /// The transaction is open.
    Open,
    /// It could not begin; the reason until somebody has taken it.
    Failed(Option<TenancyError>),
}

/// A transaction inside one tenant. It lives inside [`TenantPool::run`](crate::TenantPool::run), which commits or rolls
/// back; nothing on it can commit, nest, open another connection or run a batch.
// CONTROL: TEN-3
pub struct TenantTx<'c> {
    connection: &'c AsyncPgConnection,
    progress: Arc<Mutex<Progress<'c>>>,
}

/// How a transaction ended, as far as its statements tell.
pub(crate) struct End<'c> {
    /// How far it came.
    pub(crate) start: Start<'c>,
    /// Its connection should be given up.
    pub(crate) doubtful: bool,
    /// A statement's text was made at run time: it may have ended the transaction, or left something on the session.
    pub(crate) free_text: bool,
}

/// What the pool must know at the end. A statement holds it, not the transaction, because a future may outlive the call
/// that made it, or never be polled.
struct Progress<'c> {
    start: Start<'c>,
    /// A statement failed in a way that is no answer to a well-formed question.
    doubtful: bool,
    /// See [`End::free_text`]. One that the query builder made from types alone is what it says.
    free_text: bool,
}

impl<'c> TenantTx<'c> {
    pub(crate) fn new(connection: &'c AsyncPgConnection, prefix: Prefix<'c>, free_text: bool) -> Self {
        let progress = Progress {
            start: Start::Waiting(prefix),
            doubtful: false,
            free_text,
        };
        Self {
            connection,
            progress: Arc::new(Mutex::new(progress)),
        }
    }

    /// Sends what goes ahead although no query followed.
    pub(crate) async fn start(&self) {
        let prefix = lock(&self.progress).take_prefix();
        if let Some(prefix) = prefix {
            let (Prefix::Flush(prefix) | Prefix::First(prefix)) = prefix;
            let begun = unconstrained(prefix).await;
            lock(&self.progress).begun(begun);
        }
    }

    /// What the pool decides by.
    pub(crate) fn end(self) -> End<'c> {
        let mut progress = lock(&self.progress);
        End {
            start: std::mem::replace(&mut progress.start, Start::Failed(None)),
            doubtful: progress.doubtful,
            free_text: progress.free_text,
        }
    }

    fn after_prefix<'a, Q, T>(&mut self, query: BoxFuture<'a, QueryResult<T>>) -> BoxFuture<'a, QueryResult<T>>
    where
        'c: 'a,
        Q: QueryId,
        T: Send + 'a,
    {
        let progress = Arc::clone(&self.progress);
        let free_text = Q::query_id().is_none();
        let statement = async move {
            lock(&progress).free_text |= free_text;
            // INVARIANT: taken at the first poll: a future that is never polled leaves the beginning to the next one.
            let prefix = lock(&progress).take_prefix();
            let answer = match prefix {
                None if lock(&progress).is_open() => query.await,
                None => Err(DieselError::RollbackTransaction),
                // INVARIANT: the prefix is polled first, so that its messages are queued ahead of the query's. Unconstrained,
                // for the driver takes locks: a task out of budget would wait at one and send what comes behind it first.
                Some(Prefix::Flush(prefix)) => {
                    let together = async { futures_util::join!(prefix, query) };
                    let (begun, answer) = unconstrained(together).await;
                    if lock(&progress).begun(begun) {
                        answer
                    } else {
                        Err(DieselError::RollbackTransaction)
                    }
                }
                Some(Prefix::First(prefix)) => {
                    let begun = unconstrained(prefix).await;
                    if lock(&progress).begun(begun) {
                        query.await
                    } else {
                        Err(DieselError::RollbackTransaction)
                    }
                }
            };
            // SECURITY: among these is the prepared statement that injected SQL has deallocated under the driver: a connection
            // that kept it would fail every later tenant's request.
            if let Err(DieselError::DatabaseError(DatabaseErrorKind::Unknown, _)) = &answer {
                lock(&progress).doubtful = true;
            }
            answer
        };
        statement.instrument(tracing::debug_span!("db.statement")).boxed()
    }
}

fn lock<'m, 'c>(progress: &'m Mutex<Progress<'c>>) -> MutexGuard<'m, Progress<'c>> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'c> Progress<'c> {
    fn take_prefix(&mut self) -> Option<Prefix<'c>> {
        if !matches!(self.start, Start::Waiting(_)) {
            return None;
        }
        match std::mem::replace(&mut self.start, Start::Sent) {
            Start::Waiting(prefix) => Some(prefix),
            _ => None,
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.start, Start::Open)
    }

    fn begun(&mut self, begun: Result<(), TenancyError>) -> bool {
        self.start = match begun {
            Ok(()) => Start::Open,
            Err(error) => Start::Failed(Some(error)),
        };
        self.is_open()
    }
}

/// BEGIN and the entry.
pub(crate) fn begin<E: Entrance>(session: &Session, entry: E) -> Prefix<'_> {
    let manner = &session.manner;
    let entered = enter(&session.connection, &manner.begin, TenancyError::Statement, entry).boxed();
    if manner.keeps_statements() {
        Prefix::Flush(entered)
    } else {
        Prefix::First(entered)
    }
}

async fn enter<E: Entrance>(
    connection: &AsyncPgConnection,
    opening: &str,
    not_opened: fn(DieselError) -> TenancyError,
    entry: E,
) -> Result<(), TenancyError> {
    let (mut first, mut second) = (connection, connection);
    let regions = entry.regions();
    let (opened, region) = futures_util::join!(first.batch_execute(opening), entry.get_result::<String>(&mut second));
    opened.map_err(not_opened)?;
    if is_served(&region.map_err(TenancyError::from_enter)?, &regions) {
        Ok(())
    } else {
        Err(TenancyError::RegionNotServed)
    }
}

/// A whole transaction for the record, and the beginning of the one that it permits, in one flush.
///
/// The server works through them in order: a record that fails leaves the first transaction aborted, in which the second
/// is not begun, and the entry and every query fail too.
pub(crate) fn record_then_begin<R, E>(session: &Session, record: R, entries: [E; 2]) -> Prefix<'_>
where
    R: QueryFragment<Pg> + QueryId + Send + 'static,
    E: Entrance,
{
    let connection = &session.connection;
    // One message, because the server answers each with a write of its own.
    let next: &str = &session.manner.commit_and_begin;
    let [first, second] = entries;
    if session.has_prepared::<R>() {
        let flush = async move {
            let (recorded, entered) = futures_util::join!(
                write_record(session, first, record),
                enter(connection, next, TenancyError::Unrecorded, second)
            );
            recorded.and(entered)
        };
        Prefix::Flush(flush.boxed())
    } else {
        let first = async move {
            write_record(session, first, record).await?;
            session.note_prepared::<R>();
            enter(connection, next, TenancyError::Unrecorded, second).await
        };
        Prefix::First(first.boxed())
    }
}

async fn write_record<R, E>(session: &Session, entry: E, record: R) -> Result<(), TenancyError>
where
    R: QueryFragment<Pg> + QueryId + Send + 'static,
    E: Entrance,
{
    let mut write = &session.connection;
    let entering = enter(
        &session.connection,
        &session.manner.begin,
        TenancyError::Statement,
        entry,
    );
    if !session.manner.keeps_statements() {
        // Both have yet to be prepared, and the record must not overtake the entry.
        entering.await?;
        let recorded = write.execute_returning_count(record).await;
        return recorded.map(drop).map_err(TenancyError::Unrecorded);
    }
    let (entered, recorded) = futures_util::join!(entering, write.execute_returning_count(record));
    entered?;
    recorded.map(drop).map_err(TenancyError::Unrecorded)
}

/// The trait demands a batch; a transaction that must not commit has none.
impl SimpleAsyncConnection for TenantTx<'_> {
    async fn batch_execute(&mut self, _: &str) -> QueryResult<()> {
        Err(DieselError::QueryBuilderError(
            "a tenant transaction runs no batches".into(),
        ))
    }
}

impl<'c> AsyncConnectionCore for TenantTx<'c> {
    type ExecuteFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<usize>>;
    type LoadFuture<'conn, 'query> = BoxFuture<'conn, QueryResult<Self::Stream<'conn, 'query>>>;
    type Stream<'conn, 'query> = <AsyncPgConnection as AsyncConnectionCore>::Stream<'conn, 'query>;
    type Row<'conn, 'query> = <AsyncPgConnection as AsyncConnectionCore>::Row<'conn, 'query>;
    type Backend = Pg;

    fn load<'conn, 'query, T>(&'conn mut self, source: T) -> Self::LoadFuture<'conn, 'query>
    where
        T: AsQuery + 'query,
        T::Query: QueryFragment<Pg> + QueryId + 'query,
    {
        let mut connection: &'c AsyncPgConnection = self.connection;
        let query: BoxFuture<'c, _> = AsyncConnectionCore::load(&mut connection, source);
        self.after_prefix::<T::Query, _>(query)
    }

    fn execute_returning_count<'conn, 'query, T>(&'conn mut self, source: T) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Pg> + QueryId + 'query,
    {
        let mut connection: &'c AsyncPgConnection = self.connection;
        let query: BoxFuture<'c, _> = AsyncConnectionCore::execute_returning_count(&mut connection, source);
        self.after_prefix::<T, _>(query)
    }
}
