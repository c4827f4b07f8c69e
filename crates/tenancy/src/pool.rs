//! The only way to the database: a context goes in, a committed transaction comes out.

use crate::address::DatabaseAddress;
use crate::entry::{EnterKey, Entry};
use crate::error::TenancyError;
use crate::pooler::{Manner, Pooler, way};
use crate::posture;
use crate::session::{Lease, SessionManager};
use crate::tx::{self, COMMIT, Start, TenantTx};
use bearingwall_core::{Clock, Ctx, Sensitive, SystemClock};
use deadpool::Runtime;
use deadpool::managed::{Pool, PoolError, QueueMode, Timeouts};
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

struct Inner {
    pool: Pool<SessionManager>,
    key: EnterKey,
    regions: Vec<String>,
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
            .field("regions", &self.inner.regions)
            .finish_non_exhaustive()
    }
}

impl TenantPool {
    /// Connects, and refuses a database or a role that does not hold what isolation needs.
    ///
    /// # Errors
    /// [`TenancyError::Posture`] naming every reason; [`TenancyError::Dial`] when there is no connection.
    pub async fn connect(config: PoolConfig, key: EnterKey) -> Result<Self, TenancyError> {
        Self::connect_with_clock(config, key, Arc::new(SystemClock)).await
    }

    /// As [`TenantPool::connect`], with another clock.
    ///
    /// # Errors
    /// As [`TenantPool::connect`].
    pub async fn connect_with_clock(
        config: PoolConfig,
        key: EnterKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TenancyError> {
        let manager = SessionManager {
            address: config.address,
            password: config.password,
            manner: Manner::new(config.pooler, config.statement_timeout),
            statement_timeout: config.statement_timeout,
        };
        // Before the pool exists: a database that is too old or not migrated could not even be entered.
        let mut violations = posture::violations(
            &manager,
            config.schema_version.as_deref(),
            config.accepted_version.as_deref(),
        )
        .await?;
        // What has not been migrated has no rules of entry that could be read.
        if violations.is_empty() {
            let way = way(&manager.address, manager.password.as_ref()).await?;
            violations.extend(way.violations(config.pooler));
        }
        if !violations.is_empty() {
            return Err(TenancyError::Posture { violations });
        }
        let pool = Pool::builder(manager)
            .max_size(config.max_connections)
            // The session used last has its plans and its backend's memory still warm.
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts {
                wait: Some(config.acquire_timeout),
                create: Some(config.acquire_timeout),
                recycle: Some(config.acquire_timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| TenancyError::Dial(error.into()))?;
        let pool = Self {
            inner: Arc::new(Inner {
                pool,
                key,
                regions: config.regions,
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
        let lease = self.lease().await?;
        let session = lease.session().ok_or(TenancyError::Busy)?;
        let tx = TenantTx::new(&session.connection, tx::begin(session, self.entry(ctx, session.pid)));
        let outcome = conclude(&session.connection, tx, work, false).await;
        settle(lease, outcome)
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
        let lease = self.lease().await?;
        let session = lease.session().ok_or(TenancyError::Busy)?;
        let entries = [self.entry(ctx, session.pid), self.entry(ctx, session.pid)];
        let prefix = tx::record_then_begin(session, record, entries);
        let outcome = conclude(
            &session.connection,
            TenantTx::new(&session.connection, prefix),
            work,
            true,
        )
        .await;
        settle(lease, outcome)
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
        let lease = self.lease().await?;
        let session = lease.session().ok_or(TenancyError::Busy)?;
        let mut connection = &session.connection;
        let failed = TenancyError::Statement;
        if session.manner.pooler == Pooler::None {
            let outcome = connection.execute_returning_count(query).await.map_err(failed);
            lease.release();
            return outcome;
        }
        // Prepared and run on one backend; a failure in between gives the connection up.
        connection.batch_execute(&session.manner.begin).await.map_err(failed)?;
        let count = connection.execute_returning_count(query).await.map_err(failed)?;
        connection
            .batch_execute(COMMIT)
            .await
            .map_err(TenancyError::NotCommitted)?;
        lease.release();
        Ok(count)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn ping(&self) -> Result<(), TenancyError> {
        let lease = self.lease().await?;
        let mut connection = &lease.session().ok_or(TenancyError::Busy)?.connection;
        connection
            .batch_execute("SELECT")
            .await
            .map_err(TenancyError::Statement)?;
        lease.release();
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that checks connections out"
    )]
    async fn lease(&self) -> Result<Lease, TenancyError> {
        self.inner
            .pool
            .get()
            .await
            .map(Lease::new)
            .map_err(|error| match error {
                PoolError::Backend(error) => error,
                _ => TenancyError::Busy,
            })
    }

    fn entry(&self, ctx: &Ctx, pid: i32) -> Entry {
        Entry::sign(
            &self.inner.key,
            ctx,
            &self.inner.regions,
            pid,
            self.inner.clock.unix_ms(),
        )
    }
}

/// Whether the session may be used again.
enum Reuse {
    Yes,
    No,
}

async fn conclude<'c, T, E, W>(
    connection: &'c AsyncPgConnection,
    mut tx: TenantTx<'c>,
    work: W,
    must_start: bool,
) -> (Result<T, E>, Reuse)
where
    E: From<TenancyError>,
    W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
{
    let mut answer = work(&mut tx).await;
    if must_start {
        tx.start().await;
    }
    let (start, doubtful, commit) = tx.end();
    match start {
        Start::Waiting(_) => return (answer, Reuse::Yes),
        Start::Open => {}
        // The reason why the transaction never began wins over what the work made of the failed statement.
        // SECURITY: where the reason is not the tenant's own, the session may be what is broken, and is given up.
        Start::Failed(Some(failure @ (TenancyError::NotActive | TenancyError::RegionNotServed))) => {
            answer = Err(failure.into());
        }
        Start::Failed(Some(failure)) => return (Err(failure.into()), Reuse::No),
        Start::Failed(None) | Start::Sent => return (answer.and(Err(TenancyError::Interrupted.into())), Reuse::No),
    }
    let reuse = if doubtful { Reuse::No } else { Reuse::Yes };
    let mut end = connection;
    match answer {
        Ok(value) => match end.batch_execute(commit).await {
            Ok(()) => (Ok(value), reuse),
            Err(error) => (Err(TenancyError::NotCommitted(error).into()), Reuse::No),
        },
        Err(error) => match end.batch_execute("ROLLBACK").await {
            Ok(()) => (Err(error), reuse),
            Err(_) => (Err(error), Reuse::No),
        },
    }
}

fn settle<T, E>(lease: Lease, (answer, reuse): (Result<T, E>, Reuse)) -> Result<T, E> {
    match reuse {
        Reuse::Yes => lease.release(),
        Reuse::No => drop(lease),
    }
    answer
}
