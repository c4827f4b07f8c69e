//! The sealer's day: seal, keep months ready, leave checkpoints, and begin again when the database was gone.

use crate::config::{BucketSettings, Config, WitnessSettings};
use crate::https::HttpsWitness;
use crate::reads::Reads;
use anyhow::Context as _;
use bearingwall_core::{EventSink, Sensitive};
use bearingwall_sealing::{
    Due, FileWitness, Left, Offer, Sealer, SealerOptions, SealingError, SealingKey, WitnessError,
};
use bearingwall_secrets::{CachingStore, SecretError, SecretRef, SecretStore as _};
use bearingwall_telemetry::error_chain;
use bearingwall_tenancy::danger;
use bearingwall_vaults::{Vaults, VaultsError};
use bearingwall_witness_s3::{AccessKey, Bucket, Identity, S3Witness};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_postgres::Client;
use zeroize::Zeroizing;

/// The pause before the database is tried again, and between two looks at whether the other sealer is gone.
const PAUSE: Duration = Duration::from_secs(1);

/// The pause between two looks for months to make and accesses to end.
const MAINTENANCE: Duration = Duration::from_secs(10);

enum Witness {
    File(FileWitness),
    Bucket(Box<S3Witness>),
    Https(Box<HttpsWitness>),
}

impl Witness {
    fn open(settings: &WitnessSettings, secrets: &CachingStore) -> anyhow::Result<Self> {
        Ok(match settings {
            WitnessSettings::Bucket(settings) => Self::Bucket(Box::new(bucket(settings, secrets))),
            WitnessSettings::Directory { name, directory } => Self::File(FileWitness::new(name, directory)),
            WitnessSettings::Https { url, key } => Self::Https(Box::new(HttpsWitness::new(url, key.as_ref().clone())?)),
        })
    }

    fn name(&self) -> &str {
        match self {
            Self::File(witness) => witness.name(),
            Self::Bucket(witness) => witness.name(),
            Self::Https(witness) => witness.name(),
        }
    }

    async fn leave_all(&self, due: Vec<Due>) -> Answers {
        let mut answers = Vec::with_capacity(due.len());
        for due in due {
            let answer = self.leave(&due.offer).await;
            let is_lost = answer.is_err();
            answers.push((due, answer));
            if is_lost {
                break;
            }
        }
        answers
    }

    async fn leave(&self, offer: &Offer) -> Result<Left, WitnessError> {
        match self {
            Self::File(witness) => witness.leave(offer),
            Self::Bucket(witness) => witness.leave(offer).await,
            Self::Https(witness) => witness.leave(offer).await,
        }
    }
}

fn bucket(settings: &BucketSettings, secrets: &CachingStore) -> S3Witness {
    let identity = match (&settings.access_key_id, &settings.secret_access_key) {
        (Some(id), Some(secret)) => {
            let (id, secret, secrets) = (id.clone(), secret.clone(), secrets.clone());
            Identity::Key(Arc::new(move || {
                let (id, secret, secrets) = (id.clone(), secret.clone(), secrets.clone());
                Box::pin(async move {
                    let text = async |reference: &SecretRef| -> Result<_, SecretError> {
                        Ok(Sensitive::new(secrets.fetch(reference).await?.utf8()?.to_owned()))
                    };
                    Ok(AccessKey {
                        id: text(&id).await?,
                        secret: text(&secret).await?,
                    })
                })
            }))
        }
        // One without the other is refused with the configuration.
        (_, _) => Identity::Machine,
    };
    let bucket = Bucket {
        name: settings.bucket.clone(),
        region: settings.region.clone(),
        prefix: settings.prefix.clone(),
        endpoint: settings.endpoint.clone(),
        retain_days: settings.retain_days,
    };
    S3Witness::new(&settings.name, bucket, identity)
}

/// Sets every vault up, connects nothing, and refuses references that none of them could resolve.
// CONTROL: SEC-1
pub(crate) fn vaults(config: &Config) -> Result<Vaults, VaultsError> {
    let vaults = Vaults::open("bearingwall-sealer", &config.vaults)?;
    vaults.check(config.references())?;
    Ok(vaults)
}

/// Seals until `shutdown` is done. A database that is gone is waited for.
///
/// # Errors
/// When a secret cannot be had, or the logs have another name or key than the configuration says.
pub async fn run(config: &Config, shutdown: impl Future<Output = ()>) -> anyhow::Result<()> {
    let mut shutdown = std::pin::pin!(shutdown);
    let vaults = vaults(config)?;
    let reads = Arc::new(Reads::default());
    vaults.report_to(Arc::clone(&reads) as Arc<dyn EventSink>);
    let key = key_of(&vaults.secrets, &config.key.current)
        .await
        .context("the signing key")?;
    let previous = match &config.key.previous {
        Some(reference) => Some(
            key_of(&vaults.secrets, reference)
                .await
                .context("the previous signing key")?,
        ),
        None => None,
    };
    let options = SealerOptions {
        origin: config.origin.clone(),
        previous,
        heartbeat: Duration::from_secs(config.schedule.heartbeat_s),
    };
    let opened = config
        .witnesses
        .iter()
        .map(|witness| Witness::open(witness, &vaults.secrets).map(Arc::new));
    let witnesses = opened.collect::<anyhow::Result<Vec<_>>>()?;
    loop {
        let ended = tokio::select! {
            ended = session((config, &vaults, &reads), &key, &options, &witnesses) => ended,
            () = &mut shutdown => return Ok(()),
        };
        let Err(error) = ended;
        // Another name or key, or a tree that contradicts itself: sealing on would destroy evidence.
        if let Some(SealingError::Identity { .. } | SealingError::Inconsistent { .. }) = error.downcast_ref() {
            return Err(error);
        }
        tracing::error!(error = error_chain(error.as_ref()), "sealing was interrupted");
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = &mut shutdown => return Ok(()),
        }
    }
}

/// One connection's life.
async fn session(
    (config, vaults, reads): (&Config, &Vaults, &Reads),
    key: &SealingKey,
    options: &SealerOptions,
    witnesses: &[Arc<Witness>],
) -> anyhow::Result<std::convert::Infallible> {
    let mut client = dial(config, vaults).await?;
    let mut waits = false;
    let mut sealer = loop {
        match Sealer::take_over(client, key.clone(), options.clone()).await? {
            Ok(sealer) => break sealer,
            Err(waiting) => {
                if !waits {
                    tracing::info!("another sealer is active; waiting for its end");
                    waits = true;
                }
                client = waiting;
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    tracing::info!("sealing");
    let mut maintained = None::<Instant>;
    let mut errands: Vec<Errand> = witnesses.iter().map(Errand::new).collect();
    let interval = Duration::from_millis(config.schedule.interval_ms);
    let witness_interval = Duration::from_secs(config.schedule.witness_interval_s);
    loop {
        let round = Instant::now();
        let sealed = sealer.seal().await?;
        if sealed.events > 0 {
            tracing::debug!(
                count = sealed.events,
                elapsed_ms = u64::try_from(sealed.window.as_millis()).unwrap_or(u64::MAX),
                "sealed"
            );
        }
        reads.record(&sealer).await?;
        if is_due(maintained, MAINTENANCE) {
            let ended = sealer.maintain().await?;
            if ended > 0 {
                tracing::warn!(count = ended, "accesses without an end were ended as unknown");
            }
            maintained = Some(Instant::now());
        }
        for errand in &mut errands {
            errand.go_on(&sealer, witness_interval).await?;
        }
        tokio::time::sleep(interval.saturating_sub(round.elapsed())).await;
    }
}

fn is_due(last: Option<Instant>, pause: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= pause)
}

/// What a witness answered to each checkpoint, up to the first that did not reach it.
type Answers = Vec<(Due, Result<Left, WitnessError>)>;

/// The way to one witness and back, beside the sealing, which never waits for it.
struct Errand {
    witness: Arc<Witness>,
    begun: Option<Instant>,
    running: Option<JoinHandle<Answers>>,
}

impl Errand {
    fn new(witness: &Arc<Witness>) -> Self {
        Self {
            witness: Arc::clone(witness),
            begun: None,
            running: None,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an errand belongs to no request; it ends with its answers, or with this value"
    )]
    async fn go_on(&mut self, sealer: &Sealer, pause: Duration) -> anyhow::Result<()> {
        if self.running.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(running) = self.running.take()
        {
            for (due, answer) in running.await.context("the errand to a witness")? {
                match answer {
                    Ok(left) => {
                        if let Left::Refused(code) = &left {
                            tracing::error!(code = *code, customer_id = %due.customer, "a witness refused a checkpoint");
                        }
                        sealer.answered(&due, self.witness.name(), &left).await?;
                    }
                    Err(error) => {
                        tracing::error!(error = error_chain(&error), "a witness could not be reached");
                        sealer.record("witness.unreachable", "failure", None).await?;
                    }
                }
            }
        }
        if self.running.is_none() && is_due(self.begun, pause) {
            self.begun = Some(Instant::now());
            let due = sealer.due(self.witness.name()).await?;
            if !due.is_empty() {
                let witness = Arc::clone(&self.witness);
                self.running = Some(tokio::spawn(async move { witness.leave_all(due).await }));
            }
        }
        Ok(())
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

async fn dial(config: &Config, vaults: &Vaults) -> anyhow::Result<Client> {
    let login = config.database.login();
    let shown = vaults.login(&login).await?;
    Ok(danger::dial_as(&login.address(), shown.as_ref()).await?)
}

async fn key_of(secrets: &CachingStore, reference: &SecretRef) -> anyhow::Result<SealingKey> {
    let secret = secrets.fetch(reference).await?;
    let bytes: [u8; 32] = secret.bytes().try_into().context("it is not 32 bytes")?;
    Ok(SealingKey::from_seed(Zeroizing::new(bytes)))
}
