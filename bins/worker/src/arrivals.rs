//! What has arrived by webhooks, worked on; its content taken away after its time, and conversations that have expired with it.

use crate::config::{ArrivalSettings, Config};
use bearingwall_connectors::arrivals::{Arrivals, Looked, prune};
use bearingwall_core::Classified;
use bearingwall_domain::CrmArrivals;
use bearingwall_domain::masking::sweep;
use bearingwall_secrets::{CacheOptions, KeyStore, KeyStores};
use bearingwall_telemetry::error_chain;
use bearingwall_tenancy::jobs::JobPool;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// Connections: for two events at once, and for what is taken away.
pub(crate) const CONNECTIONS: usize = 3;

/// The pause between two looks for what is to be taken away.
const LOOK: Duration = Duration::from_secs(30);

/// Works on what arrives for as long as it is asked.
pub(crate) struct Intake {
    pool: JobPool,
    arrivals: Arrivals,
    handler: CrmArrivals,
    poll: Duration,
    retention: Duration,
}

impl Intake {
    pub(crate) fn new(config: &Config, pool: JobPool, keys: Arc<dyn KeyStore>) -> Self {
        let ArrivalSettings { retention_days } = config.arrivals;
        Self {
            arrivals: Arrivals::new(pool.clone(), Arc::clone(&keys)),
            pool,
            handler: CrmArrivals::new(keys, KeyStores::new(), CacheOptions::default()),
            poll: Duration::from_millis(config.work.poll_ms),
            retention: Duration::from_hours(24 * u64::from(retention_days)),
        }
    }

    /// Works until it is stopped, and finishes what is under way.
    pub(crate) async fn run(&self, stopped: impl AsyncFn()) {
        tokio::join!(
            repeat(&stopped, async || Box::pin(self.work()).await),
            repeat(&stopped, async || Box::pin(self.work()).await),
            repeat(&stopped, async || Box::pin(self.prune()).await),
            repeat(&stopped, async || Box::pin(self.sweep()).await)
        );
    }

    // CONTROL: CON-12
    async fn work(&self) -> Duration {
        match self.arrivals.next(&self.handler).await {
            Ok(Looked::Nothing) => self.poll,
            Ok(Looked::Settled(verdict)) => {
                tracing::debug!(?verdict, "an event was settled");
                Duration::ZERO
            }
            Ok(Looked::Again) => Duration::ZERO,
            Ok(Looked::GivenUp) => {
                tracing::warn!("an event waits for a person");
                Duration::ZERO
            }
            Err(error) => failed(
                &error,
                "no look for what has arrived",
                self.poll.max(Duration::from_secs(1)),
            ),
        }
    }

    // CONTROL: CON-14
    async fn prune(&self) -> Duration {
        match prune(&self.pool, self.retention, OffsetDateTime::now_utc()).await {
            Ok(None) => LOOK,
            Ok(Some(pruned)) => {
                tracing::info!(pruned, "the content of settled events was taken away");
                Duration::ZERO
            }
            Err(error) => failed(&error, "no look for content whose time is over", LOOK),
        }
    }

    // CONTROL: PII-8
    async fn sweep(&self) -> Duration {
        match sweep(&self.pool).await {
            Ok(None) => LOOK,
            Ok(Some(swept)) => {
                tracing::info!(swept, "expired conversations were taken away");
                Duration::ZERO
            }
            Err(error) => failed(&error, "no look for conversations that have expired", LOOK),
        }
    }
}

/// The pause after a look is the look's to say.
async fn repeat(stopped: &impl AsyncFn(), look: impl AsyncFn() -> Duration) {
    let mut stopping = std::pin::pin!(stopped());
    loop {
        let pause = look().await;
        tokio::select! {
            biased;
            () = &mut stopping => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn failed(error: &impl Classified, what: &'static str, pause: Duration) -> Duration {
    tracing::warn!(error = error_chain(error), code = error.code(), "{what}");
    pause
}
