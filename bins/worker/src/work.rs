//! The worker's day: effects out of the outbox, and approvals whose time is over.

use crate::config::Config;
use anyhow::Context as _;
use bearingwall_core::{GateId, Sensitive};
use bearingwall_gates::{GateError, PayloadKeys, gate_expire};
use bearingwall_outbox::{Destination, Worker, WorkerOptions};
use bearingwall_secrets::{
    CacheOptions, FileKeyStore, FileStore, KeyStore, Scheme, SealedFiles, SecretRef, SecretStore as _, SecretStores,
};
use bearingwall_telemetry::{TraceContext, error_chain};
use bearingwall_tenancy::effects::EffectPool;
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_tenancy::{PoolConfig, TenantTx};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Connections for effects, and for approvals whose time is over.
const CONNECTIONS: [usize; 2] = [6, 1];

/// The kind of the job that `tenancy.gate_request` leaves.
const EXPIRE: &str = "gate.expire";

/// The pause between two looks for approvals whose time is over.
const LOOK: Duration = Duration::from_secs(5);

/// How long one of them may take.
const LEASE: Duration = Duration::from_secs(30);

/// Works until `shutdown` is done, then finishes what is under way. A database that is away is waited for.
///
/// # Errors
/// When a secret cannot be had, the database is not in the state that isolation needs, or the destinations contradict each other.
pub async fn run(
    config: &Config,
    destinations: Vec<Arc<dyn Destination>>,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let keys = PayloadKeys::new(key_store(&config.keys.kek)?, CacheOptions::default());
    let [effects, jobs] = CONNECTIONS;
    let pool = EffectPool::connect(pool_config(config, effects).await?)
        .await
        .context("the database")?;
    let jobs = JobPool::connect(pool_config(config, jobs).await?)
        .await
        .context("the database")?;
    let options = WorkerOptions {
        concurrency: config.work.concurrency,
        lease: Duration::from_secs(config.work.lease_s),
        poll: Duration::from_millis(config.work.poll_ms),
        adopt: |span, traceparent| {
            if let Some(context) = TraceContext::parse(traceparent) {
                context.adopt(span);
            }
        },
        ..WorkerOptions::default()
    };
    let worker = Worker::new(pool, keys, destinations, options).context("the destinations")?;
    tracing::info!("working");
    let (stop, stopped) = watch::channel(false);
    let halt = async {
        shutdown.await;
        // Nobody who listens is nobody to stop.
        let _ = stop.send(true);
    };
    let stopped_too = stopped.clone();
    tokio::join!(halt, worker.run(until(stopped)), expire(&jobs, stopped_too));
    Ok(())
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // A sender that is gone stops, too.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Ends what was not decided or not used in time.
// CONTROL: GAT-3
async fn expire(jobs: &JobPool, stopped: watch::Receiver<bool>) {
    let mut stopping = std::pin::pin!(until(stopped));
    loop {
        let pause = match jobs.lease(&[EXPIRE], LEASE).await {
            Ok(Some(job)) => {
                let gate = GateId::from_uuid(job.id());
                let ended: Result<bool, GateError> = jobs
                    .run(job, async |tx: &mut TenantTx<'_>| gate_expire(tx, gate).await)
                    .await;
                if let Err(error) = ended {
                    tracing::warn!(error = error_chain(&error), "an approval could not be ended");
                }
                Duration::ZERO
            }
            Ok(None) => LOOK,
            Err(error) => {
                tracing::warn!(error = error_chain(&error), "no look for approvals whose time is over");
                LOOK
            }
        };
        tokio::select! {
            () = &mut stopping => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn pool_config(config: &Config, connections: usize) -> anyhow::Result<PoolConfig> {
    let address = match &config.database.root_file {
        Some(file) => config.database.url.clone().with_root_file(file.clone()),
        None => config.database.url.clone(),
    };
    let password = match &config.database.password {
        Some(reference) => {
            let secret = stores().fetch(reference).await?;
            Some(Sensitive::new(secret.utf8()?.to_owned()))
        }
        None => None,
    };
    let mut pool = PoolConfig::new(address, password, config.database.regions.clone());
    pool.max_connections = connections;
    Ok(pool)
}

fn stores() -> SecretStores {
    SecretStores::new().with(Scheme::SealedFile, Arc::new(SealedFiles))
}

fn key_store(reference: &SecretRef) -> anyhow::Result<Arc<dyn KeyStore>> {
    let scheme = reference.scheme();
    if scheme != Scheme::SealedFile {
        return Err(bearingwall_secrets::SecretError::NoAdapter { scheme }.into());
    }
    let store = FileStore::open(reference.store()).with_context(|| format!("the key `{reference}`"))?;
    let keys = FileKeyStore::open(store, reference.name()).with_context(|| format!("the key `{reference}`"))?;
    Ok(Arc::new(keys))
}
