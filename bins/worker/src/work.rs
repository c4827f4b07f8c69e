//! The worker's day: effects out of the outbox, what has arrived, and what has had its time.

use crate::arrivals::{self, Intake};
use crate::config::Config;
use anyhow::Context as _;
use bearingwall_audit::AuditSink;
use bearingwall_core::GateId;
use bearingwall_gates::{GateError, PayloadKeys, gate_expire};
use bearingwall_outbox::{Destination, Worker, WorkerOptions};
use bearingwall_secrets::CacheOptions;
use bearingwall_telemetry::{TraceContext, error_chain};
use bearingwall_tenancy::effects::EffectPool;
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_tenancy::{PoolConfig, TenantTx};
use bearingwall_vaults::{Vaults, VaultsError};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Connections for effects, and for approvals whose time is over.
const CONNECTIONS: [usize; 2] = [6, 1];

/// The kind of the job that `tenancy.gate_request` leaves.
const EXPIRE: &str = "gate.expire";

/// The pause between two looks for approvals whose time is over.
const LOOK: Duration = Duration::from_secs(5);

/// How long the last reads of vaults may take to reach the record when the worker stops.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// How long one of them may take.
const LEASE: Duration = Duration::from_secs(30);

/// Sets every vault up, connects nothing, and refuses references that none of them could resolve.
// CONTROL: SEC-1
pub(crate) fn vaults(config: &Config) -> Result<Vaults, VaultsError> {
    let vaults = Vaults::open("bearingwall-worker", &config.vaults)?;
    vaults.check(config.references())?;
    vaults.check_key("keys.kek", &config.keys.kek)?;
    Ok(vaults)
}

/// Works for what the configuration opens and for `destinations` until `shutdown` is done, then finishes what is under way. A database that is away is waited for.
///
/// # Errors
/// When a secret cannot be had, the database is not in the state that isolation needs, or the destinations contradict each other.
pub async fn run(
    config: &Config,
    destinations: Vec<Arc<dyn Destination>>,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let vaults = vaults(config)?;
    let key_store = vaults.key("keys.kek", &config.keys.kek)?;
    let keys = PayloadKeys::new(Arc::clone(&key_store), CacheOptions::default());
    let [effects, jobs] = CONNECTIONS;
    let pool = EffectPool::connect(pool_config(config, &vaults, effects).await?)
        .await
        .context("the database")?;
    let jobs = JobPool::connect(pool_config(config, &vaults, jobs).await?)
        .await
        .context("the database")?;
    let reads = AuditSink::of_worker(jobs.clone());
    vaults.report_to(Arc::new(reads.clone()));
    let arrived = JobPool::connect(pool_config(config, &vaults, arrivals::CONNECTIONS).await?)
        .await
        .context("the database")?;
    let intake = Intake::new(config, arrived, key_store);
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
    // SECURITY: from the vaults whose reads are on the record.
    let ways = crate::ways(config, &vaults)?.into_iter().chain(destinations).collect();
    let worker = Worker::new(pool, keys, ways, options).context("the destinations")?;
    tracing::info!("working");
    let (stop, stopped) = watch::channel(false);
    let halt = async {
        shutdown.await;
        // Nobody who listens is nobody to stop.
        let _ = stop.send(true);
    };
    let (stopped_too, stopped_as_well) = (stopped.clone(), stopped.clone());
    tokio::join!(
        halt,
        worker.run(until(stopped)),
        expire(&jobs, stopped_too),
        Box::pin(intake.run(async || until(stopped_as_well.clone()).await))
    );
    if tokio::time::timeout(FLUSH_LIMIT, reads.flush()).await.is_err() {
        tracing::error!("the last reads of vaults were not written to the record in time");
    }
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

async fn pool_config(config: &Config, vaults: &Vaults, connections: usize) -> anyhow::Result<PoolConfig> {
    Ok(PoolConfig {
        max_connections: connections,
        ..vaults
            .pool_config(&config.database.login(), config.database.regions.clone())
            .await?
    })
}
