//! One physical connection: how it is opened, tried, cleaned and given up.

use crate::address::DatabaseAddress;
use crate::danger;
use crate::entry::{Entry, JobEntry};
use crate::error::TenancyError;
use bearingwall_core::Sensitive;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncConnectionCore, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use std::any::TypeId;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio_postgres::NoTls;

/// What a hostile statement could leave behind for the next tenant: cursors, settings, listeners, locks, temporary
/// tables, another role, and prepared statements under the driver's own names. Any error gives the connection up.
///
/// SECURITY: not DISCARD ALL, which kills the driver's statement cache unnoticed.
const RESET: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); \
    DISCARD TEMP; DISCARD SEQUENCES; RESET ALL; \
    SELECT 1 / (CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql) THEN 0 ELSE 1 END)";

/// A connection that knows its backend and whether it has been cleaned since its last use.
pub(crate) struct Session {
    pub(crate) connection: AsyncPgConnection,
    pub(crate) pid: i32,
    pub(crate) clean: bool,
    /// Kinds of records whose statement the driver has prepared on this connection.
    prepared: Mutex<HashSet<TypeId>>,
}

impl Session {
    /// Whether a record of this kind would leave at once, without a round trip for its preparation first.
    pub(crate) fn has_prepared<R: 'static>(&self) -> bool {
        self.prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&TypeId::of::<R>())
    }

    pub(crate) fn note_prepared<R: 'static>(&self) {
        self.prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(TypeId::of::<R>());
    }
}

/// Opens and recycles sessions for the pool.
#[derive(Debug)]
pub(crate) struct SessionManager {
    pub(crate) address: DatabaseAddress,
    pub(crate) password: Option<Sensitive<String>>,
    pub(crate) statement_timeout: Duration,
    pub(crate) door: Door,
}

/// Through which function the sessions of a login enter tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// `tenancy.enter`, with a proof for the tenant.
    Tenants,
    /// `tenancy.enter_job`, with the lease of a job.
    Jobs,
}

impl SessionManager {
    /// A forged entry goes first: it prepares the statement, so that later entries travel in one flush with BEGIN, and a
    /// database that accepts it is not one to work with.
    async fn try_the_door(&self, connection: &mut AsyncPgConnection) -> Result<(), TenancyError> {
        let (tried, refusal) = match self.door {
            Door::Tenants => (
                connection.execute_returning_count(Entry::forged()).await,
                "tenant token rejected",
            ),
            Door::Jobs => (
                connection.execute_returning_count(JobEntry::forged()).await,
                "no such lease",
            ),
        };
        match tried {
            Err(diesel::result::Error::DatabaseError(_, information)) if information.message() == refusal => Ok(()),
            Err(error) => Err(TenancyError::Statement(error)),
            Ok(_) => Err(TenancyError::Dial(
                "the database accepted a forged tenant context".into(),
            )),
        }
    }

    async fn open(&self) -> Result<AsyncPgConnection, TenancyError> {
        let mut config = danger::with_password(&self.address, self.password.as_ref());
        // SECURITY: options of the start-up packet beat whatever was stored on the role with ALTER ROLE … SET.
        config.options(format!(
            "-c search_path=pg_catalog -c statement_timeout={ms} -c idle_in_transaction_session_timeout={ms} -c row_security=on -c TimeZone=UTC \
             -c synchronous_commit=on -c default_transaction_isolation=read\\ committed",
            ms = self.statement_timeout.as_millis()
        ));
        config.application_name("bearingwall");
        let connection = if self.address.is_remote() {
            let (client, connection) = danger::connect(&config, danger::tls(&self.address)?).await?;
            establish(client, connection).await
        } else {
            let (client, connection) = danger::connect(&config, NoTls).await?;
            establish(client, connection).await
        };
        connection.map_err(|error| TenancyError::Dial(error.into()))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this crate is the one place that opens connections"
)]
async fn establish<S>(
    client: tokio_postgres::Client,
    connection: tokio_postgres::Connection<tokio_postgres::Socket, S>,
) -> diesel::ConnectionResult<AsyncPgConnection>
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

impl Manager for SessionManager {
    type Type = Session;
    type Error = TenancyError;

    async fn create(&self) -> Result<Session, TenancyError> {
        let mut connection = self.open().await?;
        let pid = diesel::select(pg_backend_pid())
            .get_result::<i32>(&mut connection)
            .await
            .map_err(TenancyError::Statement)?;
        connection
            .execute_returning_count(Ping)
            .await
            .map_err(TenancyError::Statement)?;
        self.try_the_door(&mut connection).await?;
        Ok(Session {
            connection,
            pid,
            clean: true,
            prepared: Mutex::default(),
        })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<TenancyError> {
        // A restart of the database closes every connection: known to be closed, it must not cost a request.
        if session.connection.is_broken() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if !session.clean {
            return Err(RecycleError::message("the session was not cleaned"));
        }
        session.clean = false;
        Ok(())
    }
}

diesel::define_sql_function! {
    fn pg_backend_pid() -> diesel::sql_types::Integer;
}

/// A cached statement: it fails where somebody deallocated the driver's statements.
struct Ping;

impl QueryId for Ping {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Ping {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT 1");
        Ok(())
    }
}

pub(crate) async fn clean(connection: &AsyncPgConnection) -> diesel::QueryResult<()> {
    let (mut reset, mut ping) = (connection, connection);
    let (reset, ping) = futures_util::join!(reset.batch_execute(RESET), ping.execute_returning_count(Ping));
    reset.and(ping.map(drop))
}
