//! A store in front of the vaults: secrets stay in memory for a bounded time, and an outage is survived for a bounded time.

use crate::reads::Reads;
use crate::{Secret, SecretError, SecretRef, SecretStore};
use bearingwall_core::EventSink;
use futures_core::future::BoxFuture;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The longest time for which a vault's "there is none" is believed.
const MISSING_MAX: Duration = Duration::from_secs(5);

/// How long those who ask are told that a vault is away before it is asked again.
const AWAY_FOR: Duration = Duration::from_secs(1);

/// How long a secret is used, and when it is read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachingOptions {
    /// How long a secret is used before it is read again, less up to a tenth by chance, so that many processes do not ask at
    /// the same time: the bound on how long a rotated or withdrawn secret is still used.
    pub time_to_live: Duration,
    /// How long before that it is read again beside the one who asks, who does not wait.
    pub refresh_ahead: Duration,
    /// How much longer it is used while the vault is away. Then nothing is served.
    pub stale_max: Duration,
    /// How long a vault's "there is none" is believed; five seconds at the most.
    pub missing_for: Duration,
    /// Secrets kept at the most; at least one.
    pub capacity: usize,
}

impl Default for CachingOptions {
    /// Five minutes, read again in the last of them, fifteen minutes more in an outage; 1,024 secrets.
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_secs(300),
            refresh_ahead: Duration::from_secs(60),
            stale_max: Duration::from_secs(900),
            missing_for: MISSING_MAX,
            capacity: 1024,
        }
    }
}

/// A [`SecretStore`] that remembers. Cloning shares what it remembers.
///
/// Of those who ask for the same secret at the same time, one asks the vault. Each read of the vault is reported; what comes
/// from memory is none.
#[derive(Clone)]
pub struct CachingStore {
    inner: Arc<Inner>,
}

type Key = (SecretRef, Option<String>);

struct Inner {
    store: Arc<dyn SecretStore>,
    options: CachingOptions,
    entries: Mutex<HashMap<Key, Arc<Entry>>>,
    reads: Reads,
}

#[derive(Default)]
struct Entry {
    flight: tokio::sync::Mutex<()>,
    refreshing: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    missing_until: Option<Instant>,
    away_until: Option<Instant>,
}

struct Held {
    secret: Secret,
    refresh_at: Instant,
    fresh_until: Instant,
    stale_until: Instant,
}

/// What memory says.
enum Look {
    Fresh(Secret),
    /// Fresh, and soon not any more.
    Ahead(Secret),
    /// Not fresh any more, and the vault was away a moment ago.
    Stale(Secret),
    Missing,
    Away,
    Unknown,
}

impl Entry {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, now: Instant) -> Look {
        let mut state = self.state();
        // What may not be used any more is wiped, whether or not anything follows on it.
        if state.held.as_ref().is_some_and(|held| held.stale_until <= now) {
            state.held = None;
        }
        let away = state.away_until.is_some_and(|until| until > now);
        match &state.held {
            Some(held) if held.fresh_until > now => {
                if held.refresh_at <= now && !away {
                    Look::Ahead(held.secret.clone())
                } else {
                    Look::Fresh(held.secret.clone())
                }
            }
            Some(held) if away => Look::Stale(held.secret.clone()),
            None if away => Look::Away,
            None if state.missing_until.is_some_and(|until| until > now) => Look::Missing,
            _ => Look::Unknown,
        }
    }
}

impl CachingStore {
    /// Remembers what `store` gives out.
    #[must_use]
    pub fn new(store: Arc<dyn SecretStore>, options: CachingOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                options: CachingOptions {
                    missing_for: options.missing_for.min(MISSING_MAX),
                    ..options
                },
                entries: Mutex::new(HashMap::new()),
                reads: Reads::default(),
            }),
        }
    }

    /// Reports reads here from now on, and those of before that have waited: secrets open the database that the record is in.
    pub fn report_to(&self, sink: Arc<dyn EventSink>) {
        self.inner.reads.open(sink);
    }

    /// Reads that did not get onto the record, because it was not open and too many waited. Not zero is an alarm.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.inner.reads.lost()
    }

    /// Forgets a secret: the next one who asks reads the vault.
    pub fn invalidate(&self, name: &SecretRef) {
        self.inner.entries().retain(|(held, _), _| held != name);
    }

    /// Somebody has refused this version of a secret (an HTTP 401, a login that failed): unless another one has come in the
    /// meantime, the next one who asks reads the vault. True if so: then it is worth asking once more.
    #[must_use]
    pub fn rejected(&self, name: &SecretRef, version: &str) -> bool {
        let mut entries = self.inner.entries();
        let key = (name.clone(), None);
        let held = entries.get(&key).is_some_and(|entry| {
            let state = entry.state();
            state.held.as_ref().is_some_and(|held| held.secret.version() == version)
        });
        if held {
            entries.remove(&key);
        }
        held
    }

    async fn get(&self, key: Key) -> Result<Secret, SecretError> {
        let entry = self.inner.entry(&key);
        if let Some(known) = self.known(&key, &entry) {
            return known;
        }
        let flight = entry.flight.lock().await;
        // Who waited finds what the one before has brought.
        if let Some(known) = self.known(&key, &entry) {
            return known;
        }
        let read = self.inner.read(&key, &entry).await;
        drop(flight);
        read
    }

    fn known(&self, (name, version): &Key, entry: &Arc<Entry>) -> Option<Result<Secret, SecretError>> {
        match entry.look(Instant::now()) {
            Look::Fresh(secret) | Look::Stale(secret) => Some(Ok(secret)),
            Look::Ahead(secret) => {
                self.refresh((name.clone(), version.clone()), entry);
                Some(Ok(secret))
            }
            Look::Missing => Some(Err(SecretError::Missing {
                name: name.name().to_owned(),
            })),
            Look::Away => Some(Err(SecretError::Unreachable("it was away a moment ago".into()))),
            Look::Unknown => None,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the read belongs to no request, and ends with the store's own time limits"
    )]
    fn refresh(&self, key: Key, entry: &Arc<Entry>) {
        if entry.refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let (inner, entry) = (Arc::clone(&self.inner), Arc::clone(entry));
        tokio::spawn(async move {
            let flight = entry.flight.lock().await;
            // What comes of it is in the entry and on the record.
            drop(inner.read(&key, &entry).await);
            drop(flight);
            entry.refreshing.store(false, Ordering::Release);
        });
    }
}

impl Inner {
    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, key: &Key) -> Arc<Entry> {
        let mut entries = self.entries();
        if let Some(entry) = entries.get(key) {
            return Arc::clone(entry);
        }
        if entries.len() >= self.options.capacity.max(1) {
            let now = Instant::now();
            entries.retain(|_, entry| entry.state().held.as_ref().is_some_and(|held| held.stale_until > now));
        }
        if entries.len() >= self.options.capacity.max(1) {
            let oldest = entries
                .iter()
                .min_by_key(|(_, entry)| entry.state().held.as_ref().map(|held| held.fresh_until))
                .map(|(key, _)| key.clone());
            oldest.and_then(|key| entries.remove(&key));
        }
        Arc::clone(entries.entry(key.clone()).or_default())
    }

    // CONTROL: SEC-4
    async fn read(&self, (name, version): &Key, entry: &Entry) -> Result<Secret, SecretError> {
        let read = match version {
            None => self.store.fetch(name).await,
            Some(version) => self.store.fetch_version(name, version).await,
        };
        self.reads.read(name, read.as_ref());
        let now = Instant::now();
        let mut state = entry.state();
        let error = match read {
            Ok(secret) => {
                *state = State {
                    held: Some(self.held(secret.clone(), now)),
                    ..State::default()
                };
                return Ok(secret);
            }
            Err(error) => error,
        };
        if error.is_outage() {
            state.away_until = Some(now + AWAY_FOR);
            if let Some(held) = state.held.as_ref().filter(|held| held.stale_until > now) {
                let secret = held.secret.clone();
                if held.fresh_until <= now {
                    self.reads.stale(name, &secret, &error);
                }
                return Ok(secret);
            }
            return Err(error);
        }
        // SECURITY: the vault has answered, and it does not give this secret to us any more.
        state.held = None;
        if matches!(error, SecretError::Missing { .. }) {
            state.missing_until = Some(now + self.options.missing_for);
        }
        Err(error)
    }

    fn held(&self, secret: Secret, now: Instant) -> Held {
        let options = &self.options;
        let lasts = options
            .time_to_live
            .saturating_sub(by_chance(options.time_to_live / 10));
        let fresh_until = now + lasts;
        Held {
            secret,
            refresh_at: now + lasts.saturating_sub(options.refresh_ahead),
            fresh_until,
            stale_until: fresh_until + options.stale_max,
        }
    }
}

/// Some time up to `most`. Without random numbers none: that spreads nothing, and is right otherwise.
fn by_chance(most: Duration) -> Duration {
    let mut bytes = [0; 4];
    if getrandom::fill(&mut bytes).is_err() {
        return Duration::ZERO;
    }
    most.mul_f64(f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX))
}

impl SecretStore for CachingStore {
    fn fetch<'a>(&'a self, name: &'a SecretRef) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(self.get((name.clone(), None)))
    }

    fn fetch_version<'a>(
        &'a self,
        name: &'a SecretRef,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(self.get((name.clone(), Some(version.to_owned()))))
    }
}

impl fmt::Debug for CachingStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachingStore")
            .field("options", &self.inner.options)
            .finish_non_exhaustive()
    }
}
