//! The transaction that stores work in: queries and nothing else.

use crate::entry::Entry;
use crate::error::TenancyError;
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

/// The statements that go ahead of the first query, in one flush with it.
pub(crate) type Prefix<'c> = BoxFuture<'c, Result<(), TenancyError>>;

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
        Self { connection, prefix: Some(prefix), failure: Arc::default() }
    }

    /// Whether any statement has been sent.
    pub(crate) fn started(&self) -> bool {
        self.prefix.is_none()
    }

    /// Sends what goes ahead although no query followed.
    pub(crate) async fn start(&mut self) -> Result<(), TenancyError> {
        match self.prefix.take() {
            Some(prefix) => prefix.await,
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
        let Some(prefix) = self.prefix.take() else { return query.instrument(span).boxed() };
        let failure = Arc::clone(&self.failure);
        async move {
            // INVARIANT: the prefix is polled first, so that its messages are queued ahead of the query's.
            let (begun, answer) = futures_util::join!(prefix, query);
            if let Err(error) = begun {
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                return Err(DieselError::RollbackTransaction);
            }
            answer
        }
        .instrument(span)
        .boxed()
    }
}

/// BEGIN and the signed entry.
pub(crate) fn begin(connection: &AsyncPgConnection, entry: Entry) -> Prefix<'_> {
    async move {
        let (mut first, mut second) = (connection, connection);
        let (begun, entered) =
            futures_util::join!(first.batch_execute("BEGIN"), second.execute_returning_count(entry));
        begun.map_err(TenancyError::Statement)?;
        entered.map(drop).map_err(TenancyError::from_enter)
    }
    .boxed()
}

/// A whole transaction for the record, and the beginning of the one that it permits, in one flush.
///
/// The server works through them in order: a record that fails leaves the first transaction aborted, in which the second
/// BEGIN, the entry and every query fail too.
pub(crate) fn record_then_begin<R>(connection: &AsyncPgConnection, record: R, entries: [Entry; 2]) -> Prefix<'_>
where
    R: QueryFragment<Pg> + QueryId + Send + 'static,
{
    async move {
        let [first, second] = entries;
        let (mut c1, mut c2, mut c3, mut c4, mut c5, mut c6) =
            (connection, connection, connection, connection, connection, connection);
        let (begun, entered, recorded, committed, begun_again, entered_again) = futures_util::join!(
            c1.batch_execute("BEGIN"),
            c2.execute_returning_count(first),
            c3.execute_returning_count(record),
            c4.batch_execute(COMMIT),
            c5.batch_execute("BEGIN"),
            c6.execute_returning_count(second),
        );
        begun.map_err(TenancyError::Statement)?;
        entered.map_err(TenancyError::from_enter)?;
        recorded.map_err(TenancyError::Unrecorded)?;
        committed.map_err(TenancyError::Unrecorded)?;
        begun_again.map_err(TenancyError::Statement)?;
        entered_again.map(drop).map_err(TenancyError::from_enter)
    }
    .boxed()
}

/// The trait demands a batch; a transaction that must not commit has none.
impl SimpleAsyncConnection for TenantTx<'_> {
    async fn batch_execute(&mut self, _: &str) -> QueryResult<()> {
        Err(DieselError::QueryBuilderError("a tenant transaction runs no batches".into()))
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
