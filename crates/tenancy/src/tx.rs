//! The transaction that stores work in: queries and nothing else.

use crate::entry::Entry;
use crate::error::TenancyError;
use crate::session::Session;
use diesel::pg::Pg;
use diesel::query_builder::{AsQuery, QueryFragment, QueryId};
use diesel::result::{Error as DieselError, QueryResult};
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::Instrument;

/// Ends a transaction only if it is sound: in an aborted one the empty SELECT fails, and COMMIT, which would answer
/// ROLLBACK without an error, is not reached.
pub(crate) const COMMIT: &str = "SELECT; COMMIT";

/// The statements that go ahead of the first query.
pub(crate) enum Prefix<'c> {
    /// All of them are prepared: they and the query leave in one flush.
    Flush(BoxFuture<'c, Result<(), TenancyError>>),
    /// One has yet to be prepared. SECURITY: the query waits for the end, or it would overtake the commit of the record.
    First(BoxFuture<'c, Result<(), TenancyError>>),
}

/// A transaction inside one tenant. It lives inside [`TenantPool::run`](crate::TenantPool::run), which commits or rolls
/// back; nothing on it can commit, nest, open another connection or run a batch.
// CONTROL: TEN-3
pub struct TenantTx<'c> {
    connection: &'c AsyncPgConnection,
    prefix: Option<Prefix<'c>>,
    failure: Arc<Mutex<Option<TenancyError>>>,
}

impl<'c> TenantTx<'c> {
    pub(crate) fn new(connection: &'c AsyncPgConnection, prefix: Prefix<'c>) -> Self {
        Self {
            connection,
            prefix: Some(prefix),
            failure: Arc::default(),
        }
    }

    /// Whether any statement has been sent.
    pub(crate) fn started(&self) -> bool {
        self.prefix.is_none()
    }

    /// Sends what goes ahead although no query followed.
    pub(crate) async fn start(&mut self) -> Result<(), TenancyError> {
        match self.prefix.take() {
            Some(Prefix::Flush(prefix) | Prefix::First(prefix)) => prefix.await,
            None => Ok(()),
        }
    }

    /// Why the transaction could not begin, if it could not.
    pub(crate) fn take_failure(&self) -> Option<TenancyError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn after_prefix<'a, T: Send + 'a>(&mut self, query: BoxFuture<'a, QueryResult<T>>) -> BoxFuture<'a, QueryResult<T>>
    where
        'c: 'a,
    {
        let span = tracing::debug_span!("db.statement");
        let Some(prefix) = self.prefix.take() else {
            return query.instrument(span).boxed();
        };
        let failure = Arc::clone(&self.failure);
        async move {
            let (begun, answer) = match prefix {
                // INVARIANT: the prefix is polled first, so that its messages are queued ahead of the query's.
                Prefix::Flush(prefix) => {
                    let (begun, answer) = futures_util::join!(prefix, query);
                    (begun, Some(answer))
                }
                Prefix::First(prefix) => match prefix.await {
                    Ok(()) => (Ok(()), Some(query.await)),
                    Err(error) => (Err(error), None),
                },
            };
            if let Err(error) = begun {
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return Err(DieselError::RollbackTransaction);
            }
            answer.unwrap_or(Err(DieselError::RollbackTransaction))
        }
        .instrument(span)
        .boxed()
    }
}

/// BEGIN and the signed entry.
pub(crate) fn begin(session: &Session, entry: Entry) -> Prefix<'_> {
    Prefix::Flush(enter(&session.connection, entry).boxed())
}

async fn enter(connection: &AsyncPgConnection, entry: Entry) -> Result<(), TenancyError> {
    let (mut first, mut second) = (connection, connection);
    let (begun, entered) = futures_util::join!(first.batch_execute("BEGIN"), second.execute_returning_count(entry));
    begun.map_err(TenancyError::Statement)?;
    entered.map(drop).map_err(TenancyError::from_enter)
}

/// A whole transaction for the record, and the beginning of the one that it permits, in one flush.
///
/// The server works through them in order: a record that fails leaves the first transaction aborted, in which the second
/// BEGIN, the entry and every query fail too.
pub(crate) fn record_then_begin<R>(session: &Session, record: R, entries: [Entry; 2]) -> Prefix<'_>
where
    R: QueryFragment<Pg> + QueryId + Send + 'static,
{
    let connection = &session.connection;
    let [first, second] = entries;
    if session.has_prepared::<R>() {
        let flush = async move {
            let mut commit = connection;
            let (recorded, committed, entered) = futures_util::join!(
                write_record(connection, first, record),
                commit.batch_execute(COMMIT),
                enter(connection, second)
            );
            recorded?;
            committed.map_err(TenancyError::Unrecorded)?;
            entered
        };
        Prefix::Flush(flush.boxed())
    } else {
        let first = async move {
            write_record(connection, first, record).await?;
            session.note_prepared::<R>();
            let mut commit = connection;
            let (committed, entered) = futures_util::join!(commit.batch_execute(COMMIT), enter(connection, second));
            committed.map_err(TenancyError::Unrecorded)?;
            entered
        };
        Prefix::First(first.boxed())
    }
}

async fn write_record<R>(connection: &AsyncPgConnection, entry: Entry, record: R) -> Result<(), TenancyError>
where
    R: QueryFragment<Pg> + QueryId + Send + 'static,
{
    let mut write = connection;
    let (entered, recorded) = futures_util::join!(enter(connection, entry), write.execute_returning_count(record));
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
        self.after_prefix(query)
    }

    fn execute_returning_count<'conn, 'query, T>(&'conn mut self, source: T) -> Self::ExecuteFuture<'conn, 'query>
    where
        T: QueryFragment<Pg> + QueryId + 'query,
    {
        let mut connection: &'c AsyncPgConnection = self.connection;
        let query: BoxFuture<'c, _> = AsyncConnectionCore::execute_returning_count(&mut connection, source);
        self.after_prefix(query)
    }
}
