//! Taking away the content of events that were settled, once no sender tries them again any more. What they did stays, and so do
//! their ids: a replay is known however late it comes.

use super::ArrivalError;
use super::schema::events;
use bearingwall_tenancy::TenantTx;
use bearingwall_tenancy::jobs::JobPool;
use diesel::dsl::{exists, now};
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// The kind of job that looks for such content, once a day for as long as a tenant has any.
pub const PRUNE: &str = "webhook.prune";

/// How long content is kept after it was settled, where nobody says otherwise: 30 days.
pub const RETENTION: Duration = Duration::from_hours(24 * 30);

/// The least, which the database holds to, too: Stripe tries for three days, and a person has to see what went wrong.
pub const RETENTION_MIN: Duration = Duration::from_hours(24 * 4 + 1);

/// How long a look at one tenant may take.
const LEASE: Duration = Duration::from_mins(5);

/// Contents that one statement takes away.
const BATCH: i64 = 500;

/// Statements of one look; what is left waits for the next day.
const BATCHES: usize = 40;

/// Takes one job of the kind [`PRUNE`], if one is due, and takes away what that tenant settled longer than `retention` before
/// `at`. Answers how many contents; `None` if nothing was due.
///
/// # Errors
/// When the database is away; the job is then tried again later.
// CONTROL: CON-14
pub async fn prune(pool: &JobPool, retention: Duration, at: OffsetDateTime) -> Result<Option<usize>, ArrivalError> {
    let Some(job) = pool.lease(&[PRUNE], LEASE).await? else {
        return Ok(None);
    };
    let before = at - retention.max(RETENTION_MIN);
    pool.run(job, async |tx: &mut TenantTx<'_>| {
        let mut pruned = 0;
        for _ in 0..BATCHES {
            let taken = take(tx, before).await.map_err(ArrivalError::Statement)?;
            pruned += taken;
            if taken < BATCH.unsigned_abs() as usize {
                break;
            }
        }
        let left = events::table.filter(events::sealed.is_not_null()).select(events::id);
        let left: bool = diesel::select(exists(left))
            .get_result(tx)
            .await
            .map_err(ArrivalError::Statement)?;
        if left {
            diesel::select(arrivals_prune_again())
                .execute(tx)
                .await
                .map_err(ArrivalError::Statement)?;
        }
        Ok(Some(pruned))
    })
    .await
}

async fn take(tx: &mut TenantTx<'_>, before: OffsetDateTime) -> QueryResult<usize> {
    let old: Vec<Uuid> = events::table
        .filter(events::state.eq_any(["done", "ignored"]))
        .filter(events::sealed.is_not_null())
        .filter(events::settled_at.lt(before))
        .select(events::id)
        .limit(BATCH)
        .load(tx)
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    diesel::update(events::table.filter(events::id.eq_any(old)))
        .set((
            events::sealed.eq(None::<Vec<u8>>),
            events::pruned_at.eq(now.into_sql::<Timestamptz>().nullable()),
        ))
        .execute(tx)
        .await
}

diesel::define_sql_function! {
    #[sql_name = "tenancy.arrivals_prune_again"]
    fn arrivals_prune_again() -> diesel::sql_types::Text;
}
