//! The work on tenants' keys: what is due is looked for at intervals and done, under a login of its own.

use crate::config::{Config, KeyWorkerSettings};
use anyhow::Context as _;
use bearingwall_core::Classified as _;
use bearingwall_domain::{DomainError, KeyTurner, KeyWork, TurnOptions, Turned};
use bearingwall_secrets::KeyStore;
use bearingwall_telemetry::error_chain;
use bearingwall_tenancy::PoolConfig;
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_vaults::Vaults;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// One connection works, and one is there while that is being replaced.
const CONNECTIONS: usize = 2;

/// Failures in one look after which the next one is waited for: a key store that is away is away for every tenant.
const FAILURES_MAX: u32 = 20;

const DAY_S: u64 = 86_400;

/// Turns keys; or, where no login for that is configured, does nothing for ever.
pub(crate) struct Keeper {
    work: Option<Work>,
}

struct Work {
    queue: JobPool,
    turner: KeyTurner,
    interval: Duration,
}

impl Keeper {
    pub(crate) async fn open(config: &Config, vaults: &Vaults, kek: Arc<dyn KeyStore>) -> anyhow::Result<Self> {
        let Some(worker) = &config.keys.worker else {
            return Ok(Self { work: None });
        };
        let queue = queue(config, worker, vaults).await.context("`keys.worker`")?;
        let days = u64::from(config.keys.rotate_after_days);
        let options = TurnOptions {
            rotate_after: (days > 0).then(|| Duration::from_secs(days.saturating_mul(DAY_S))),
            ..TurnOptions::default()
        };
        Ok(Self {
            work: Some(Work {
                queue,
                turner: KeyTurner::new(kek, vaults.keys.clone(), options),
                interval: Duration::from_secs(worker.interval_s),
            }),
        })
    }

    // CONTROL: SEC-5
    pub(crate) async fn watch(&self) -> Infallible {
        let Some(work) = &self.work else {
            return std::future::pending().await;
        };
        loop {
            work.look().await;
            tokio::time::sleep(work.interval).await;
        }
    }
}

impl Work {
    async fn look(&self) {
        if let Err(error) = self.queue.enqueue_keys(KeyWork::Turn.kind(), None).await {
            tracing::error!(
                error = error_chain(&error),
                code = error.code(),
                "work on keys cannot be planned"
            );
            return;
        }
        let mut failures = 0;
        while failures < FAILURES_MAX {
            match self.turner.next(&self.queue, &[KeyWork::Turn, KeyWork::Rotate]).await {
                Ok(None) => return,
                Ok(Some(turned)) => said(&turned),
                Err(error) => {
                    failures += 1;
                    failed(&error);
                }
            }
        }
    }
}

async fn queue(config: &Config, worker: &KeyWorkerSettings, vaults: &Vaults) -> anyhow::Result<JobPool> {
    let pool = PoolConfig {
        max_connections: CONNECTIONS,
        accepted_version: config.database.accept_version.clone(),
        pooler: config.database.pooler.into(),
        ..vaults
            .pool_config(&worker.login(&config.database), config.database.regions.clone())
            .await?
    };
    Ok(JobPool::connect(pool).await?)
}

fn said(turned: &Turned) {
    if turned.made.is_none() && turned.moved == 0 && turned.rewrapped == 0 && turned.destroyed.is_empty() {
        return;
    }
    tracing::info!(
        made = turned.made,
        moved = turned.moved,
        rewrapped = turned.rewrapped,
        left = turned.left,
        destroyed = turned.destroyed.len(),
        "keys.turned"
    );
}

fn failed(error: &DomainError) {
    tracing::error!(
        error = error_chain(error),
        code = error.code(),
        "a tenant's keys could not be turned"
    );
}
