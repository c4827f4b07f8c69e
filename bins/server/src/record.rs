//! The record's own health: for how many months it can be written, and whether the sealer keeps up.

use bearingwall_telemetry::{Metrics, error_chain};
use bearingwall_tenancy::{TenancyError, TenantPool};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The pause between two looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// Fewer months than this beyond the current one are a warning: the sealer, which makes them, keeps three.
const MONTHS_MIN: i64 = 2;

/// An event that waits for its seal for longer than this, in hundredths of a second, is an alarm.
const WINDOW_MAX_CS: usize = 200;

/// What the last look found, for the probe of readiness.
#[derive(Debug, Default)]
pub(crate) struct RecordHealth {
    short_of_months: AtomicBool,
}

impl RecordHealth {
    /// Whether so few months are ready that the record will soon stop taking events.
    pub(crate) fn is_short_of_months(&self) -> bool {
        self.short_of_months.load(Ordering::Relaxed)
    }
}

/// Looks, and tells metrics, log and probe.
pub(crate) struct RecordWatch {
    pub(crate) pool: TenantPool,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<RecordHealth>,
}

impl RecordWatch {
    /// Looks once at every interval, until it is dropped.
    pub(crate) async fn watch(&self) -> Infallible {
        let (mut few, mut late) = (false, false);
        loop {
            match self.look().await {
                Ok((months, window)) => {
                    self.metrics.record_seen(months, window);
                    self.health
                        .short_of_months
                        .store(months < MONTHS_MIN, Ordering::Relaxed);
                    // Said when it begins and when it ends, and not every five seconds in between.
                    if (months < MONTHS_MIN) != few {
                        few = months < MONTHS_MIN;
                        if few {
                            tracing::warn!(
                                count = months,
                                "the record has too few months ahead: is the sealer running?"
                            );
                        }
                    }
                    if (window > WINDOW_MAX_CS) != late {
                        late = window > WINDOW_MAX_CS;
                        if late {
                            tracing::error!(
                                "events wait for their seal for more than two seconds: is the sealer running?"
                            );
                        } else {
                            tracing::info!("the sealer has caught up");
                        }
                    }
                }
                Err(error) => {
                    self.metrics.record_unseen();
                    tracing::warn!(error = error_chain(&error), "the record's health is not known");
                }
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Months ahead, -1 if not even this one is there; and hundredths of a second.
    async fn look(&self) -> Result<(i64, usize), TenancyError> {
        let rows = self.pool.run_outside(MonthsAhead).await?;
        let months = i64::try_from(rows).unwrap_or(i64::MAX).saturating_sub(1);
        let window = self.pool.run_outside(UnsealedFor).await?;
        Ok((months, window))
    }
}

/// As many rows as there are months ready, this one among them: outside of a tenant the pool answers numbers of rows only.
struct MonthsAhead;

impl QueryId for MonthsAhead {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for MonthsAhead {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT FROM pg_catalog.generate_series(0, audit.months_ahead())");
        Ok(())
    }
}

/// As many rows as the oldest event without a seal is old, in hundredths of a second, and half a minute at the most:
/// beyond that it is an alarm whatever it is, and rows are not to be sent for nothing.
struct UnsealedFor;

impl QueryId for UnsealedFor {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for UnsealedFor {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql(
            "SELECT FROM pg_catalog.generate_series(1, LEAST(pg_catalog.ceil(100 * audit.unsealed_seconds()), 3000)::pg_catalog.int4)",
        );
        Ok(())
    }
}
