//! One physical connection: how it is opened, tried, cleaned and given up.

use crate::address::DatabaseAddress;
use crate::danger;
use crate::entry::{EffectEntry, Entry, JobEntry};
use crate::error::TenancyError;
use crate::login::{self, Login};
use crate::pooler::{Manner, Pooler};
use crate::tx::COMMIT;
use bearingwall_core::Sensitive;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use diesel::connection::CacheSize;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncConnection, AsyncConnectionCore, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use std::any::TypeId;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::NoTls;

/// What a hostile statement could leave behind for the next tenant: cursors, settings, listeners, locks, temporary
/// tables, another role, a known seed of random numbers, and prepared statements under the driver's own names. Any error gives the connection up.
///
/// SECURITY: not DISCARD ALL, which kills the driver's statement cache unnoticed.
const RESET: &str = "CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; UNLISTEN *; SELECT pg_catalog.pg_advisory_unlock_all(); \
    DISCARD TEMP; DISCARD SEQUENCES; RESET ALL; \
    SELECT pg_catalog.setseed(('x' || pg_catalog.substr(pg_catalog.gen_random_uuid()::text, 1, 8))::bit(32)::int / 2147483648.0); \
    SELECT 1 / (CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql) THEN 0 ELSE 1 END)";

/// A connection that knows its backend and whether it has been cleaned since its last use.
pub(crate) struct Session {
    pub(crate) connection: AsyncPgConnection,
    /// What entries are signed for; 0 where a pooler gives each transaction another backend.
    pub(crate) pid: i32,
    pub(crate) manner: Manner,
    pub(crate) clean: bool,
    opened_at: Instant,
    /// Kinds of records whose statement the driver has prepared on this connection.
    prepared: Mutex<HashSet<TypeId>>,
}

impl Session {
    /// Something outside of any tenant. Behind a pooler it is a transaction of its own, because what is prepared in one
    /// is not there in the next.
    pub(crate) async fn outside<T>(
        &self,
        ask: impl AsyncFnOnce(&mut &AsyncPgConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, TenancyError> {
        let failed = TenancyError::Statement;
        let mut connection = &self.connection;
        if self.manner.pooler == Pooler::None {
            return ask(&mut connection).await.map_err(failed);
        }
        connection.batch_execute(&self.manner.begin).await.map_err(failed)?;
        let answer = ask(&mut connection).await.map_err(failed);
        let end = if answer.is_ok() { COMMIT } else { "ROLLBACK" };
        let ended = connection.batch_execute(end).await.map_err(TenancyError::NotCommitted);
        // The answer's own error says more than that of the rollback.
        let answer = answer?;
        ended.map(|()| answer)
    }

    /// Whether a record of this kind would leave at once, without a round trip for its preparation first.
    pub(crate) fn has_prepared<R: 'static>(&self) -> bool {
        self.prepared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&TypeId::of::<R>())
    }

    pub(crate) fn note_prepared<R: 'static>(&self) {
        if !self.manner.keeps_statements() {
            return;
        }
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
    pub(crate) login: Option<Login>,
    pub(crate) max_lifetime: Option<Duration>,
    /// The fetched secret that the database took last.
    pub(crate) worked: Mutex<Option<Sensitive<String>>>,
    pub(crate) manner: Manner,
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
    /// `tenancy.enter_effect`, with the lease of an effect.
    Effects,
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
            Door::Effects => (
                connection.execute_returning_count(EffectEntry::forged()).await,
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

    /// With the secret as it is now; once more, if that has just turned; with the one that worked last, since a vault may
    /// have the next one before the database takes it; and with the one of now again, since the database may have taken it
    /// between those two tries.
    // CONTROL: SEC-4
    async fn open(&self) -> Result<AsyncPgConnection, TenancyError> {
        let Some(login) = &self.login else {
            return self.open_with(self.password.as_ref()).await;
        };
        let refused = match self.open_and_remember(login).await {
            Err(error) if login::is_refusal(&error) && login.refused() => match self.open_and_remember(login).await {
                Err(error) if login::is_refusal(&error) => error,
                opened => return opened,
            },
            opened => return opened,
        };
        let worked = self.worked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(worked) = worked else { return Err(refused) };
        match self.open_with(Some(&worked)).await {
            Err(error) if login::is_refusal(&error) => self.open_and_remember(login).await,
            opened => opened,
        }
    }

    async fn open_and_remember(&self, login: &Login) -> Result<AsyncPgConnection, TenancyError> {
        let secret = login.fetch().await?;
        let opened = self.open_with(Some(&secret)).await?;
        *self.worked.lock().unwrap_or_else(PoisonError::into_inner) = Some(secret);
        Ok(opened)
    }

    async fn open_with(&self, password: Option<&Sensitive<String>>) -> Result<AsyncPgConnection, TenancyError> {
        let mut config = danger::with_password(&self.address, password);
        // Without statistics the planner takes a tenant for much smaller than it is, and then prefers to fetch and sort all of
        // its rows by a bitmap to walking the key for a page; the key of every table begins with the tenant.
        // SECURITY: options of the start-up packet beat whatever was stored on the role with ALTER ROLE … SET.
        let options = format!(
            "-c search_path=pg_catalog -c statement_timeout={ms} -c idle_in_transaction_session_timeout={ms} -c row_security=on -c TimeZone=UTC -c enable_bitmapscan=off \
             -c synchronous_commit=on -c default_transaction_isolation=read\\ committed",
            ms = self.statement_timeout.as_millis()
        );
        if self.manner.pooler == Pooler::None {
            config.options(options);
        }
        config.application_name("bearingwall");
        let connection = if self.address.needs_tls() {
            let (client, connection) = danger::connect(&config, danger::tls(&self.address)?).await?;
            establish(client, connection, &self.manner).await
        } else {
            let (client, connection) = danger::connect(&config, NoTls).await?;
            establish(client, connection, &self.manner).await
        };
        connection.map_err(|error| TenancyError::Dial(error.into()))
    }

    /// The number that a backend's entries name.
    async fn backend(&self, connection: &mut AsyncPgConnection) -> diesel::QueryResult<i32> {
        if self.manner.pooler == Pooler::None {
            diesel::select(pg_backend_pid()).get_result(connection).await
        } else {
            // INVARIANT: what `tenancy.enter` takes where `tenancy.config.require_pid` is false.
            Ok(0)
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this crate is the one place that opens connections"
)]
async fn establish<S>(
    client: tokio_postgres::Client,
    mut connection: tokio_postgres::Connection<tokio_postgres::Socket, S>,
    manner: &Manner,
) -> diesel::ConnectionResult<AsyncPgConnection>
where
    S: tokio_postgres::tls::TlsStream + Unpin + Send + 'static,
{
    if manner.pooler == Pooler::None {
        return AsyncPgConnection::try_from_client_and_connection(client, connection).await;
    }
    // The driver prepares its first statements at once. In one transaction they meet the backend that they were prepared on.
    let begun = tokio::select! {
        begun = client.batch_execute("BEGIN") => begun,
        ended = &mut connection => ended,
    };
    begun.map_err(|error| diesel::ConnectionError::BadConnection(error.to_string()))?;
    let mut connection = AsyncPgConnection::try_from_client_and_connection(client, connection).await?;
    if !manner.keeps_statements() {
        connection.set_prepared_statement_cache_size(CacheSize::Disabled);
    }
    let ended = connection.batch_execute("ROLLBACK").await;
    ended.map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

impl Manager for SessionManager {
    type Type = Session;
    type Error = TenancyError;

    async fn create(&self) -> Result<Session, TenancyError> {
        let mut connection = self.open().await?;
        let failed = TenancyError::Statement;
        let pid = self.backend(&mut connection).await.map_err(failed)?;
        if self.manner.keeps_statements() {
            connection.execute_returning_count(Ping).await.map_err(failed)?;
        }
        if self.manner.pooler == Pooler::None {
            self.try_the_door(&mut connection).await?;
        } else {
            connection.batch_execute(&self.manner.begin).await.map_err(failed)?;
            self.try_the_door(&mut connection).await?;
            connection.batch_execute("ROLLBACK").await.map_err(failed)?;
        }
        Ok(Session {
            connection,
            pid,
            manner: self.manner.clone(),
            clean: true,
            opened_at: Instant::now(),
            prepared: Mutex::default(),
        })
    }

    async fn recycle(&self, session: &mut Session, _: &Metrics) -> RecycleResult<TenancyError> {
        // A restart of the database closes every connection: known to be closed, it must not cost a request.
        if session.connection.is_broken() {
            return Err(RecycleError::message("the connection is closed"));
        }
        if self
            .max_lifetime
            .is_some_and(|most| session.opened_at.elapsed() >= most)
        {
            return Err(RecycleError::message("the connection has been open for long enough"));
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

pub(crate) async fn clean(session: &Session) -> diesel::QueryResult<()> {
    let (mut reset, mut ping) = (&session.connection, &session.connection);
    if session.manner.pooler != Pooler::None {
        // SECURITY: the pooler cleans the backend, which was tried at the start. But some settings (the time zone, the form
        // of dates, the syntax of strings) it keeps for this connection, and gives them to every backend that serves it.
        reset.batch_execute("RESET ALL").await?;
        if session.manner.keeps_statements() {
            ping.execute_returning_count(Ping).await?;
        }
        return Ok(());
    }
    let (reset, ping) = futures_util::join!(reset.batch_execute(RESET), ping.execute_returning_count(Ping));
    reset.and(ping.map(drop))
}
