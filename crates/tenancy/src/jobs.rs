//! Background work: a job is put into the queue inside a tenant, and a worker enters the tenant of the job that it leased.
//!
//! A worker has a login of its own and no key: it names a job and a lease, never a tenant.

use crate::entry::JobEntry;
use crate::error::TenancyError;
use crate::login;
use crate::pool::PoolConfig;
use crate::posture::{self, Expected};
use crate::session::Door;
use crate::sessions::{Ahead, Sessions};
use crate::tx::{self, TenantTx};
use bearingwall_core::{CustomerId, RequestId};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// The longest time that one lease lasts.
pub const LEASE_MAX: Duration = Duration::from_secs(900);
/// The longest time that a failed job waits before it is tried again.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// A job that this worker has leased. It says what to do, and not for whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Job {
    id: Uuid,
    kind: String,
    lease: Uuid,
    attempts: u32,
}

impl Job {
    /// The job's id, which is the key of what it is about in the tenant's own tables.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// What kind of work it is.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// How often it has been leased, this time included.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// One second, doubled with each attempt, an hour at the most.
    fn wait(&self) -> Duration {
        let doublings = self.attempts.saturating_sub(1).min(12);
        Duration::from_secs(1 << doublings).min(WAIT_MAX)
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The lease opens a tenant.
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Puts a job into the queue, for this transaction's tenant and request; it is there once the transaction commits.
///
/// `kind` is a code: lower-case letters, digits, `_` and `.`.
///
/// # Errors
/// What the database says, such as a job that is in the queue already.
pub async fn enqueue(
    tx: &mut TenantTx<'_>,
    job: Uuid,
    kind: &str,
    available_at: OffsetDateTime,
) -> diesel::QueryResult<()> {
    let available_ms = i64::try_from(available_at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
    let enqueue = Enqueue {
        job,
        kind: kind.to_owned(),
        available_ms,
    };
    diesel_async::AsyncConnectionCore::execute_returning_count(tx, enqueue)
        .await
        .map(drop)
}

struct Inner {
    sessions: Sessions,
    regions: Arc<[String]>,
}

/// The worker's way to the database: as [`TenantPool`](crate::TenantPool), for leased jobs. Cloning shares it.
#[derive(Clone)]
pub struct JobPool {
    inner: Arc<Inner>,
}

impl fmt::Debug for JobPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobPool")
            .field("regions", &self.inner.regions)
            .finish_non_exhaustive()
    }
}

impl JobPool {
    /// Connects as the worker's login, under the same start-up checks as the server's.
    ///
    /// # Errors
    /// As [`TenantPool::connect`](crate::TenantPool::connect).
    pub async fn connect(config: PoolConfig) -> Result<Self, TenancyError> {
        let expected = Expected {
            schema_version: config.schema_version.as_deref(),
            accepted_version: config.accepted_version.as_deref(),
            profile: None,
        };
        let password = login::secret(&config).await?;
        posture::require(&config.address, password.as_ref(), &expected, config.pooler).await?;
        let pool = Self {
            inner: Arc::new(Inner {
                regions: config.regions.clone().into(),
                sessions: Sessions::new(config, Door::Jobs)?,
            }),
        };
        pool.inner.sessions.lease().await?.release_as_it_is();
        Ok(pool)
    }

    /// Leases the job of these kinds that has waited longest, for `lasting`: from 1 to 900 seconds.
    ///
    /// # Errors
    /// [`TenancyError::Statement`] for another duration or when the database fails.
    pub async fn lease(&self, kinds: &[&str], lasting: Duration) -> Result<Option<Job>, TenancyError> {
        let query = LeaseOne {
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            regions: Arc::clone(&self.inner.regions),
            seconds: i32::try_from(lasting.as_secs()).unwrap_or(i32::MAX),
        };
        let rows: Vec<(Uuid, String, Uuid, i32)> = self
            .outside(async |c: &mut &AsyncPgConnection| query.get_results(c).await)
            .await?;
        Ok(rows.into_iter().next().map(|(id, kind, lease, attempts)| Job {
            id,
            kind,
            lease,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        }))
    }

    /// Runs `work` in a transaction inside the tenant of the job. On `Ok` the job leaves the queue in the same transaction;
    /// on `Err` everything is rolled back, and the job waits for a while, longer with each attempt, to be leased again.
    ///
    /// # Errors
    /// What `work` returns; [`TenancyError::LeaseEnded`] when somebody else may have the job meanwhile, and nothing is done.
    pub async fn run<T, E, W>(&self, job: Job, work: W) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let outcome = self.finish(&job, work).await;
        if outcome.is_err() {
            self.give_back(&job).await;
        }
        outcome
    }

    /// As [`JobPool::run`]; on `Err` the job stays leased, for another try or for [`JobPool::give_back`].
    ///
    /// # Errors
    /// As [`JobPool::run`].
    pub async fn finish<T, E, W>(&self, job: &Job, work: W) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let finish = Finish {
            job: job.id,
            lease: job.lease,
        };
        self.ahead(job, async |tx: &mut TenantTx<'_>| {
            let answer = work(tx).await?;
            let finished: bool = finish.get_result(tx).await.map_err(TenancyError::Statement)?;
            if finished {
                Ok(answer)
            } else {
                Err(TenancyError::LeaseEnded.into())
            }
        })
        .await
    }

    /// Runs `work` in a transaction inside the tenant of the job that goes ahead of the one that finishes it: what it commits
    /// stays if the job is tried again.
    ///
    /// # Errors
    /// What `work` returns, or why the tenant could not be entered.
    pub async fn ahead<T, E, W>(&self, job: &Job, work: W) -> Result<T, E>
    where
        E: From<TenancyError>,
        W: AsyncFnOnce(&mut TenantTx<'_>) -> Result<T, E>,
    {
        let entry = JobEntry {
            job: job.id,
            lease: job.lease,
            regions: Arc::clone(&self.inner.regions),
        };
        let lease = self.inner.sessions.lease().await?;
        lease
            .conclude(|session| tx::begin(session, entry), work, Ahead::Nothing, None)
            .await
    }

    /// Lets a job wait for a while, longer with each attempt, to be leased again. One that cannot be given back is free when its
    /// lease ends.
    pub async fn give_back(&self, job: &Job) {
        let query = GiveBack {
            job: job.id,
            lease: job.lease,
            wait_s: i64::try_from(job.wait().as_secs()).unwrap_or(i64::MAX),
        };
        let given_back: Result<bool, TenancyError> = self
            .outside(async |c: &mut &AsyncPgConnection| query.get_result(c).await)
            .await;
        if let Err(error) = given_back {
            tracing::warn!(error = %error, job = %job.id, "a job could not be given back before its lease ends");
        }
    }

    /// Puts work on keys into the queue: for a tenant, or for every active one. What is in the queue already stays as it is.
    /// The answer is how many jobs came in.
    ///
    /// # Errors
    /// [`TenancyError::Statement`] for another kind than those of keys, or when the database fails.
    pub async fn enqueue_keys(&self, kind: &str, customer: Option<CustomerId>) -> Result<u64, TenancyError> {
        let query = EnqueueKeys {
            kind: kind.to_owned(),
            customer: customer.map(CustomerId::as_uuid),
        };
        let count: i32 = self
            .outside(async |c: &mut &AsyncPgConnection| query.get_result(c).await)
            .await?;
        Ok(u64::from(count.unsigned_abs()))
    }

    /// Runs one statement of the platform's own that belongs to no tenant, as
    /// [`TenantPool::run_outside`](crate::TenantPool::run_outside) does.
    ///
    /// # Errors
    /// [`TenancyError::Statement`] when the database refuses.
    pub async fn run_outside<Q>(&self, query: Q) -> Result<usize, TenancyError>
    where
        Q: QueryFragment<Pg> + QueryId + Send + 'static,
    {
        let lease = self.inner.sessions.lease().await?;
        let session = lease.session().ok_or(TenancyError::Busy)?;
        let outcome = session
            .outside(async |connection| {
                diesel_async::AsyncConnectionCore::execute_returning_count(connection, query).await
            })
            .await;
        if Q::query_id().is_some() {
            lease.release_as_it_is();
        } else {
            lease.release();
        }
        outcome
    }

    /// Something on the queue itself, outside of any tenant.
    async fn outside<T>(
        &self,
        ask: impl AsyncFnOnce(&mut &AsyncPgConnection) -> diesel::QueryResult<T>,
    ) -> Result<T, TenancyError> {
        let lease = self.inner.sessions.lease().await?;
        let answer = lease.session().ok_or(TenancyError::Busy)?.outside(ask).await;
        lease.release_as_it_is();
        answer
    }
}

macro_rules! statement {
    ($name:ident, $answer:ty) => {
        impl Query for $name {
            type SqlType = $answer;
        }

        impl QueryId for $name {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }
    };
}

struct Enqueue {
    job: Uuid,
    kind: String,
    available_ms: i64,
}

statement!(Enqueue, ());

impl QueryFragment<Pg> for Enqueue {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.job_enqueue(");
        out.push_bind_param::<SqlUuid, _>(&self.job)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.kind)?;
        out.push_sql(", pg_catalog.to_timestamp(");
        out.push_bind_param::<BigInt, _>(&self.available_ms)?;
        out.push_sql(" / 1000.0))");
        Ok(())
    }
}

struct EnqueueKeys {
    kind: String,
    customer: Option<Uuid>,
}

statement!(EnqueueKeys, Integer);

impl QueryFragment<Pg> for EnqueueKeys {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.keys_enqueue(");
        out.push_bind_param::<Text, _>(&self.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<SqlUuid>, _>(&self.customer)?;
        out.push_sql(")");
        Ok(())
    }
}

struct LeaseOne {
    kinds: Vec<String>,
    regions: Arc<[String]>,
    seconds: i32,
}

statement!(LeaseOne, (SqlUuid, Text, SqlUuid, Integer));

impl QueryFragment<Pg> for LeaseOne {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT job, kind, lease, attempts FROM tenancy.job_lease(");
        out.push_bind_param::<Array<Text>, _>(&self.kinds)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&*self.regions)?;
        out.push_sql(", ");
        out.push_bind_param::<Integer, _>(&self.seconds)?;
        out.push_sql(")");
        Ok(())
    }
}

struct Finish {
    job: Uuid,
    lease: Uuid,
}

statement!(Finish, Bool);

impl QueryFragment<Pg> for Finish {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.job_finish(");
        out.push_bind_param::<SqlUuid, _>(&self.job)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.lease)?;
        out.push_sql(")");
        Ok(())
    }
}

struct GiveBack {
    job: Uuid,
    lease: Uuid,
    wait_s: i64,
}

statement!(GiveBack, Bool);

impl QueryFragment<Pg> for GiveBack {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.job_return(");
        out.push_bind_param::<SqlUuid, _>(&self.job)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.lease)?;
        out.push_sql(", pg_catalog.make_interval(secs => ");
        out.push_bind_param::<BigInt, _>(&self.wait_s)?;
        out.push_sql("))");
        Ok(())
    }
}

/// The request that asked for the work is the correlation id of what the worker does.
///
/// # Errors
/// What the database says.
pub async fn request(tx: &mut TenantTx<'_>) -> diesel::QueryResult<RequestId> {
    CurrentRequest.get_result::<Uuid>(tx).await.map(RequestId::from_uuid)
}

struct CurrentRequest;

statement!(CurrentRequest, SqlUuid);

impl QueryFragment<Pg> for CurrentRequest {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.current_request_id()");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(attempts: u32) -> Job {
        Job {
            id: Uuid::nil(),
            kind: "mail.send".to_owned(),
            lease: Uuid::max(),
            attempts,
        }
    }

    #[test]
    fn a_failed_job_waits_longer_each_time_and_an_hour_at_the_most() {
        let waits: Vec<u64> = [1, 2, 3, 12, 13, 1_000]
            .map(|attempts| job(attempts).wait().as_secs())
            .into();
        assert_eq!(waits, [1, 2, 4, 2_048, 3_600, 3_600]);
    }

    #[test]
    fn a_printed_job_does_not_show_its_lease() {
        assert!(!format!("{:?}", job(1)).contains("ffff"));
    }
}
