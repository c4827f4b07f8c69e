//! The only way to the database: a context goes in, a committed transaction comes out.

use crate::address::DatabaseAddress;
use crate::entry::{CanaryEntry, EnterKey, Entry, LocatedEntry};
use crate::error::TenancyError;
use crate::login::{self, Login};
use crate::pooler::Pooler;
use crate::posture::{self, Expected};
use crate::session::{Door, Session};
use crate::sessions::{Ahead, Sessions};
use crate::statement::statement;
use crate::tickets::Tickets;
use crate::tx::{self, TenantTx};
use bearingwall_core::{Clock, Ctx, RequestId, Sensitive, SystemClock};
use diesel::pg::Pg;
use diesel::query_builder::{QueryFragment, QueryId};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How to reach the database and how much of it to use.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Where it is, and as whom.
    pub address: DatabaseAddress,
    /// The login's password, where it has one.
    pub password: Option<Sensitive<String>>,
    /// Where the login's secret comes from for each new connection, instead of `password`.
    pub login: Option<Login>,
    /// The age at which a connection is not used again: for as long a secret works on that was withdrawn. `None` is for ever.
    pub max_lifetime: Option<Duration>,
    /// The regions whose tenants this server serves.
    pub regions: Vec<String>,
    /// Connections at the most.
    pub max_connections: usize,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// How long a statement may run, and how long a transaction may idle.
    pub statement_timeout: Duration,
    /// The migration version that the database must stand at; `None` for an embedder with migrations of its own.
    pub schema_version: Option<String>,
    /// A PostgreSQL version below the security floor that the operator accepts by name, as `15.18`.
    pub accepted_version: Option<String>,
    /// What stands between the pool and the database. Tried at the start, and refused if it is something else.
    pub pooler: Pooler,
}

impl PoolConfig {
    /// Sensible limits for one server process.
    #[must_use]
    pub fn new(address: DatabaseAddress, password: Option<Sensitive<String>>, regions: Vec<String>) -> Self {
        Self {
            address,
            password,
            login: None,
            max_lifetime: None,
            regions,
            max_connections: 16,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
            schema_version: Some(crate::SCHEMA_VERSION.to_owned()),
            accepted_version: None,
            pooler: Pooler::None,
        }
    }
}

/// Whose proof opens a tenant. The database is set to one of the two, and a server that is set to the other does not start.
#[derive(Clone, Debug)]
pub enum Authority {
    /// This process signs each entry with a key that the database knows: it is trusted to have verified the caller.
    EnterKey(EnterKey),
    /// This process holds no key. The database verifies the caller's own access token, which every context must carry
    /// ([`Ctx::with_proof`]), and mints a ticket of at most 60 seconds.
    SplitKey,
}

impl Authority {
    /// The word for it in `tenancy.config`.
    pub(crate) const fn profile(&self) -> &'static str {
        match self {
            Self::EnterKey(_) => "enter-key",
            Self::SplitKey => "split-key",
        }
    }
}

impl From<EnterKey> for Authority {
    fn from(key: EnterKey) -> Self {
        Self::EnterKey(key)
    }
}

statement!(AddLocator { kind: &'static str => diesel::sql_types::Text, key_sha256: Vec<u8> => diesel::sql_types::Binary }
    "true FROM tenancy.locator_add" -> diesel::sql_types::Bool);

struct Inner {
    sessions: Sessions,
    authority: Authority,
    tickets: Tickets,
    regions: Arc<[String]>,
    clock: Arc<dyn Clock>,
}

/// The pool. Cloning shares it.
#[derive(Clone)]
pub struct TenantPool {
    inner: Arc<Inner>,
}

impl fmt::Debug for TenantPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantPool")
            .field("authority", &self.inner.authority)
            .field("regions", &self.inner.regions)
            .finish_non_exhaustive()
    }
}

impl TenantPool {
    /// Connects, and refuses a database or a role that does not hold what isolation needs.
    ///
    /// # Errors
    /// [`TenancyError::Posture`] naming every reason; [`TenancyError::Dial`] when there is no connection.
    pub async fn connect(config: PoolConfig, authority: impl Into<Authority>) -> Result<Self, TenancyError> {
        Self::connect_with_clock(config, authority, Arc::new(SystemClock)).await
    }

    /// As [`TenantPool::connect`], with another clock.
    ///
    /// # Errors
    /// As [`TenantPool::connect`].
    pub async fn connect_with_clock(
        config: PoolConfig,
        authority: impl Into<Authority>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TenancyError> {
        let authority = authority.into();
        let expected = Expected {
            schema_version: config.schema_version.as_deref(),
            accepted_version: config.accepted_version.as_deref(),
            profile: Some(authority.profile()),
        };
        // Before the pool exists: a database that is too old or not migrated could not even be entered.
        let password = login::secret(&config).await?;
        posture::require(&config.address, password.as_ref(), &expected, config.pooler).await?;
        let pool = Self {
            inner: Arc::new(Inner {
                regions: config.regions.clone().into(),
                sessions: Sessions::new(config, Door::Tenants)?,
                authority,
                tickets: Tickets::default(),
                clock,
            }),
        };
        pool.ping().await?;
        Ok(pool)
    }

    /// Runs `work` in a transaction inside the context's tenant: commits on `Ok`, rolls back on `Err`.
    ///
    /// BEGIN and the entry travel with the first statement. Work that sends no statement costs no round trip.
    /// Dropping the returned future closes the connection.
    ///
    /// # Errors
    /// What `work` returns, or the reason why the transaction could not begin or commit.
    pub async fn run<T, E, W>(&self, ctx: &Ctx, work: W) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let lease = self.inner.sessions.lease().await?;
        let (lease, entry) = lease
            .keep_on_refusal(async |session| self.entry(ctx, session).await)
            .await?;
        lease
            .conclude(
                |session| tx::begin(session, entry),
                work,
                Ahead::Nothing,
                Some(ctx.request().as_uuid()),
            )
            .await
    }

    /// As [`TenantPool::run`], after `record` has been committed in a transaction of its own.
    ///
    /// Both transactions travel together; if the record fails, nothing of the second runs and the error is
    /// [`TenancyError::Unrecorded`], never an empty answer.
    ///
    /// # Errors
    /// As [`TenantPool::run`], and [`TenancyError::Unrecorded`].
    pub async fn run_recorded<T, E, R, W>(&self, ctx: &Ctx, record: R, work: W) -> Result<T, E>
    where
        E: From<TenancyError>,
        R: QueryFragment<Pg> + QueryId + Send + 'static,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let lease = self.inner.sessions.lease().await?;
        let (lease, entries) = lease
            .keep_on_refusal(async |session| Ok([self.entry(ctx, session).await?, self.entry(ctx, session).await?]))
            .await?;
        lease
            .conclude(
                |session| tx::record_then_begin(session, record, entries),
                work,
                Ahead::Record {
                    free_text: R::query_id().is_none(),
                },
                Some(ctx.request().as_uuid()),
            )
            .await
    }

    /// As [`TenantPool::run`], in the tenant that a key of at least 32 bytes leads to, for a caller without an identity of its
    /// own: an endpoint of webhooks. What happens there is recorded as [`SubjectId::CONNECTOR`](bearingwall_core::SubjectId)'s.
    ///
    /// # Errors
    /// As [`TenantPool::run`]; a key that leads nowhere is refused by the database.
    // CONTROL: CON-4
    pub async fn run_located<T, E, W>(
        &self,
        kind: &'static str,
        key: &[u8],
        request: RequestId,
        work: W,
    ) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let entry = LocatedEntry {
            kind,
            key: key.to_vec(),
            request: request.as_uuid(),
            regions: Arc::clone(&self.inner.regions),
        };
        let lease = self.inner.sessions.lease().await?;
        lease
            .conclude(
                |session| tx::begin(session, entry),
                work,
                Ahead::Nothing,
                Some(request.as_uuid()),
            )
            .await
    }

    /// Makes a key lead to the entered tenant; only its digest is kept. A statement for [`TenantPool::run`].
    #[must_use]
    pub fn locator(
        kind: &'static str,
        key_sha256: Vec<u8>,
    ) -> impl QueryFragment<Pg> + QueryId + diesel::query_builder::Query<SqlType = diesel::sql_types::Bool> + Send + 'static
    {
        AddLocator { kind, key_sha256 }
    }

    /// Runs `work` as the canary, in a tenant of the platform's own.
    pub(crate) async fn run_canary<T, E, W>(&self, work: W) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let lease = self.inner.sessions.lease().await?;
        lease
            .conclude(|session| tx::begin(session, CanaryEntry), work, Ahead::Nothing, None)
            .await
    }

    /// Runs one statement of the platform's own that belongs to no tenant, outside of any context: row security shows
    /// it nothing, so only functions that need no context do anything.
    ///
    /// # Errors
    /// [`TenancyError::Statement`] when the database refuses.
    pub async fn run_outside<Q>(&self, query: Q) -> Result<usize, TenancyError>
    where
        Q: QueryFragment<Pg> + QueryId + Send + 'static,
    {
        use diesel_async::AsyncConnectionCore as _;
        let lease = self.inner.sessions.lease().await?;
        let session = lease.session().ok_or(TenancyError::Busy)?;
        let outcome = session
            .outside(async |connection| connection.execute_returning_count(query).await)
            .await;
        if Q::query_id().is_some() {
            lease.release_as_it_is();
        } else {
            lease.release();
        }
        outcome
    }

    /// One statement of this crate's own on a table of the platform, outside of any tenant.
    pub(crate) async fn platform<T>(
        &self,
        ask: impl AsyncFnOnce(&mut &AsyncPgConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, TenancyError> {
        let lease = self.inner.sessions.lease().await?;
        let answer = lease.session().ok_or(TenancyError::Busy)?.outside(ask).await;
        lease.release_as_it_is();
        answer
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), TenancyError> {
        let lease = self.inner.sessions.lease().await?;
        let mut connection = &lease.session().ok_or(TenancyError::Busy)?.connection;
        connection
            .batch_execute("SELECT")
            .await
            .map_err(TenancyError::Statement)?;
        lease.release_as_it_is();
        Ok(())
    }

    async fn entry(&self, ctx: &Ctx, session: &Session) -> Result<Entry, TenancyError> {
        let inner = &self.inner;
        let now_ms = inner.clock.unix_ms();
        match &inner.authority {
            Authority::EnterKey(key) => Ok(Entry::sign(key, ctx, &inner.regions, session.pid, now_ms)),
            Authority::SplitKey => {
                let ticket = inner.tickets.ticket(ctx, session, now_ms).await?;
                Ok(Entry::with_ticket(&ticket, ctx, &inner.regions))
            }
        }
    }
}
