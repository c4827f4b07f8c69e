//! Taking away what has expired, in the background: a worker that holds no key and names no tenant.

use super::error::MaskingError;
use super::store;
use bearingwall_tenancy::jobs::{Job, JobPool, enqueue};
use bearingwall_tenancy::{TenancyError, TenantTx};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// The kind of job that every conversation leaves behind, due when it has expired.
pub const SWEEP: &str = "pii.sweep";

/// How long a sweep of one tenant may take.
const LEASE: Duration = Duration::from_secs(60);

/// Takes one job of the kind [`SWEEP`], if one is due, and with it all expired conversations of that tenant. Answers how many
/// there were; `None` if nothing was due.
///
/// # Errors
/// When the database is away; the job is then tried again later.
pub async fn sweep(pool: &JobPool) -> Result<Option<usize>, MaskingError> {
    let job: Option<Job> = pool.lease(&[SWEEP], LEASE).await?;
    let Some(job) = job else {
        return Ok(None);
    };
    pool.run(job, async |tx: &mut TenantTx<'_>| store::sweep(tx).await)
        .await
        .map(Some)
}

/// Leaves the job behind that sweeps a conversation when it has expired.
pub(super) async fn schedule(
    tx: &mut TenantTx<'_>,
    conversation: Uuid,
    expires_at: OffsetDateTime,
) -> Result<(), MaskingError> {
    // A second later, so that whatever is rounded on the way, it has expired when the job is due.
    let due = expires_at + time::Duration::SECOND;
    enqueue(tx, conversation, SWEEP, due)
        .await
        .map_err(|error| TenancyError::Statement(error).into())
}
