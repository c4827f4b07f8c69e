//! The signing keys of one issuer: fetched rarely, by one task at a time, and kept through an outage.

use crate::document::{DocumentError, Documents};
use crate::error::AuthnError;
use crate::issuer::IssuerConfig;
use crate::jws::{JwsError, KeySet, PublicKey};
use arc_swap::ArcSwap;
use bearingwall_core::{Classified, Clock};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::Instrument;
use url::Url;

const ABSENT_KIDS: u64 = 10_000;
const NEVER_MS: i64 = i64::MIN;
/// A clock that was stepped back by less than this is taken for a standing clock.
const CLOCK_STEP_MS: i64 = 60_000;

/// How old keys may be, and how often they may be asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Between two attempts, whether they succeed or not.
    pub(crate) min_refetch: Duration,
    /// After this age they are fetched in the background; after twice this age a request waits for the attempt.
    pub(crate) refresh_after: Duration,
    /// After this age they are not used any more.
    pub(crate) stale_limit: Duration,
}

/// The keys as they were published at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    fetched_ms: i64,
    /// One more with every fetch that succeeded.
    generation: u64,
    /// One more with every fetch in which a key was gone or changed: what was verified before is verified again.
    pub(crate) epoch: u64,
}

/// Where the keys are.
pub(crate) struct Source {
    pub(crate) issuer: String,
    pub(crate) location: Url,
    pub(crate) jwks: Option<Url>,
}

pub(crate) struct KeyRing {
    source: Source,
    documents: Documents,
    clock: Arc<dyn Clock>,
    timing: Timing,
    current: ArcSwap<Snapshot>,
    /// When the last attempt began; written only by the holder of `gate`.
    tried_ms: AtomicI64,
    /// Single flight: held by the one task that fetches.
    gate: Arc<Mutex<()>>,
    /// Key ids that the issuer does not have, and until when nobody asks again.
    absent: moka::sync::Cache<Box<str>, i64>,
}

/// What the issuer publishes at this moment, for a tool that hands the keys on; a server keeps a ring.
///
/// # Errors
/// [`AuthnError::Config`] for a configuration that breaks a rule, [`AuthnError::KeysUnavailable`] without a usable key.
pub async fn published_keys(config: &IssuerConfig, timeout: Duration) -> Result<KeySet, AuthnError> {
    let (location, jwks) = config.locations()?;
    let source = Source {
        issuer: config.issuer.clone(),
        location,
        jwks,
    };
    let documents = Documents::new(timeout).map_err(|source| AuthnError::Client { source })?;
    let unavailable = |error| AuthnError::KeysUnavailable {
        issuer: config.issuer.clone(),
        source: Some(error),
    };
    let keys = fetched_keys(&source, &documents).await.map_err(unavailable)?;
    if keys.is_empty() {
        return Err(unavailable(DocumentError::NoKeys));
    }
    Ok(keys)
}

impl KeyRing {
    /// Fetches the keys for the first time; an issuer without a usable key is an error.
    pub(crate) async fn preload(
        source: Source,
        documents: Documents,
        clock: Arc<dyn Clock>,
        timing: Timing,
    ) -> Result<Arc<Self>, AuthnError> {
        let unavailable = |issuer: &str, error| AuthnError::KeysUnavailable {
            issuer: issuer.to_owned(),
            source: Some(error),
        };
        let keys = fetched_keys(&source, &documents)
            .await
            .map_err(|error| unavailable(&source.issuer, error))?;
        if keys.is_empty() {
            return Err(unavailable(&source.issuer, DocumentError::NoKeys));
        }
        let snapshot = Snapshot {
            keys,
            fetched_ms: clock.unix_ms(),
            generation: 0,
            epoch: 0,
        };
        Ok(Arc::new(Self {
            source,
            documents,
            clock,
            timing,
            current: ArcSwap::from_pointee(snapshot),
            tried_ms: AtomicI64::new(NEVER_MS),
            gate: Arc::new(Mutex::new(())),
            absent: moka::sync::Cache::builder()
                .max_capacity(ABSENT_KIDS)
                .time_to_live(timing.min_refetch.max(Duration::from_millis(1)))
                .build(),
        }))
    }

    /// The key with this id and the epoch in which it was seen.
    // CONTROL: AUT-2
    pub(crate) async fn key(self: &Arc<Self>, kid: &str) -> Result<(Arc<PublicKey>, u64), AuthnError> {
        let snapshot = self.snapshot().await?;
        if let Some(key) = snapshot.keys.key(kid) {
            return Ok((Arc::clone(key), snapshot.epoch));
        }
        let now_ms = self.clock.unix_ms();
        if self.absent.get(kid).is_some_and(|until_ms| now_ms < until_ms) {
            return Err(JwsError::UnknownKey.into());
        }
        let snapshot = self.refresh(snapshot).await;
        if let Some(key) = snapshot.keys.key(kid) {
            return Ok((Arc::clone(key), snapshot.epoch));
        }
        let until_ms = self
            .tried_ms
            .load(Ordering::Acquire)
            .saturating_add(millis(self.timing.min_refetch));
        self.absent.insert(kid.into(), until_ms);
        Err(JwsError::UnknownKey.into())
    }

    /// The keys, fresh enough to be used. Also keeps them fresh: called for every token, cached or not.
    pub(crate) async fn snapshot(self: &Arc<Self>) -> Result<Arc<Snapshot>, AuthnError> {
        let mut snapshot = self.current.load_full();
        let refresh_after_ms = millis(self.timing.refresh_after);
        let age_ms = self.elapsed_ms(snapshot.fetched_ms);
        if age_ms < refresh_after_ms {
            return Ok(snapshot);
        }
        if age_ms < refresh_after_ms.saturating_mul(2) {
            self.refresh_in_background();
            return Ok(snapshot);
        }
        // Nobody asked for a long while: a key that was withdrawn meanwhile must not be served even once.
        snapshot = self.refresh(snapshot).await;
        if self.elapsed_ms(snapshot.fetched_ms) < millis(self.timing.stale_limit) {
            return Ok(snapshot);
        }
        Err(AuthnError::KeysUnavailable {
            issuer: self.source.issuer.clone(),
            source: None,
        })
    }

    fn refresh_in_background(self: &Arc<Self>) {
        if !self.may_try() {
            return;
        }
        if let Ok(gate) = Arc::clone(&self.gate).try_lock_owned() {
            drop(self.fetch_task(gate));
        }
    }

    /// Waits for one attempt: its own, or the one that is under way. Answers what is current then.
    async fn refresh(self: &Arc<Self>, seen: Arc<Snapshot>) -> Arc<Snapshot> {
        let gate = Arc::clone(&self.gate).lock_owned().await;
        if self.current.load().generation == seen.generation && self.may_try() {
            // A task of its own, holding the gate: a client that hangs up must not abort the fetch, or it
            // could keep everybody from ever seeing a new key.
            if self.fetch_task(gate).await.is_err() {
                tracing::error!(issuer = %self.source.issuer, "the task that fetches signing keys ended early");
            }
        }
        self.current.load_full()
    }

    /// Starts the attempt; it ends with the document timeout at the latest.
    #[expect(
        clippy::disallowed_methods,
        reason = "a fetch outlives the request that started it; two timeouts end it"
    )]
    fn fetch_task(self: &Arc<Self>, gate: OwnedMutexGuard<()>) -> tokio::task::JoinHandle<()> {
        self.tried_ms.store(self.clock.unix_ms(), Ordering::Release);
        let ring = Arc::clone(self);
        let span = tracing::info_span!("jwks_refresh", issuer = %self.source.issuer);
        tokio::spawn(
            async move {
                match fetched_keys(&ring.source, &ring.documents).await {
                    Ok(keys) => ring.swap(keys),
                    Err(error) => {
                        tracing::warn!(
                            code = error.code(),
                            error = &error as &dyn std::error::Error,
                            "keys are kept"
                        );
                    }
                }
                drop(gate);
            }
            .instrument(span),
        )
    }

    fn swap(&self, keys: KeySet) {
        let before = self.current.load_full();
        let is_kept = keys.keeps(&before.keys);
        tracing::info!(keys = keys.len(), withdrawn = !is_kept, "signing keys fetched");
        self.current.store(Arc::new(Snapshot {
            keys,
            fetched_ms: self.clock.unix_ms(),
            generation: before.generation + 1,
            epoch: before.epoch + u64::from(!is_kept),
        }));
    }

    fn may_try(&self) -> bool {
        let tried_ms = self.tried_ms.load(Ordering::Acquire);
        tried_ms == NEVER_MS || self.elapsed_ms(tried_ms) >= millis(self.timing.min_refetch)
    }

    /// How long ago. A clock that was set back far makes everything old, so that it is looked at again.
    fn elapsed_ms(&self, since_ms: i64) -> i64 {
        match self.clock.unix_ms().saturating_sub(since_ms) {
            elapsed if elapsed >= 0 => elapsed,
            elapsed if elapsed > -CLOCK_STEP_MS => 0,
            _ => i64::MAX,
        }
    }
}

async fn fetched_keys(source: &Source, documents: &Documents) -> Result<KeySet, DocumentError> {
    let address = match &source.jwks {
        Some(address) => address.clone(),
        None => documents.discovered(&source.issuer, &source.location).await?,
    };
    // An empty set is taken at its word later on: an issuer that withdraws every key means it.
    KeySet::from_json(&documents.fetch(address).await?).map_err(|_| DocumentError::NoKeys)
}

pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
