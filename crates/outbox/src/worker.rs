//! The worker: claims, attempts, and what comes of them.

use crate::backoff;
use crate::destination::{Delivery, Destination, IdempotencyKey, Outcome, Prepared};
use crate::error::OutboxError;
use crate::statements;
use bearingwall_core::{CustomerId, EffectId, RequestId};
use bearingwall_gates::{Canonical, DestinationName, GateError, PayloadCipher as _, PayloadKeys};
use bearingwall_secrets::WrappedKey;
use bearingwall_tenancy::effects::{CLAIM_MAX, EffectLease, EffectPool};
use bearingwall_tenancy::{TenancyError, TenantTx};
use diesel_async::RunQueryDsl as _;
use futures_util::FutureExt as _;
use futures_util::future::{Fuse, FusedFuture as _};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

/// How a worker works.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// Effects under way at once: 1 to 100.
    pub concurrency: u16,
    /// How long a lease lasts: 1 to 900 whole seconds.
    pub lease: Duration,
    /// What a lease must last beyond any destination's deadline, for the statements around a call.
    pub margin: Duration,
    /// The pause after a claim that brought nothing.
    pub poll: Duration,
    /// Makes a span continue the trace of a `traceparent`.
    pub adopt: fn(&Span, &str),
}

impl Default for WorkerOptions {
    /// 16 effects, leases of a minute, four looks a second.
    fn default() -> Self {
        Self {
            concurrency: 16,
            lease: Duration::from_secs(60),
            margin: Duration::from_secs(5),
            poll: Duration::from_millis(250),
            adopt: |_, _| {},
        }
    }
}

/// One worker: what it claims, it attempts, and nothing is attempted that is not on record.
pub struct Worker {
    pool: EffectPool,
    keys: PayloadKeys,
    destinations: Vec<Arc<dyn Destination>>,
    /// Index by pattern.
    served: HashMap<String, usize>,
    options: WorkerOptions,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Worker {
    /// A worker for these destinations.
    ///
    /// # Errors
    /// [`OutboxError::Destination`], [`OutboxError::Deadline`].
    pub fn new(
        pool: EffectPool,
        keys: PayloadKeys,
        destinations: Vec<Arc<dyn Destination>>,
        options: WorkerOptions,
    ) -> Result<Self, OutboxError> {
        let mut served = HashMap::new();
        for (index, destination) in destinations.iter().enumerate() {
            if destination.deadline() + options.margin > options.lease {
                return Err(OutboxError::Deadline);
            }
            for pattern in destination.serves() {
                let name = pattern.strip_suffix(".*").unwrap_or(&pattern);
                if name.parse::<DestinationName>().is_err() || served.insert(pattern.clone(), index).is_some() {
                    return Err(OutboxError::Destination { pattern });
                }
            }
        }
        Ok(Self {
            pool,
            keys,
            destinations,
            served,
            options,
        })
    }

    /// Works until `shutdown` is done; then nothing more is claimed, and what is under way is finished.
    ///
    /// A database that is away is waited for.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let patterns: Vec<String> = self.served.keys().cloned().collect();
        let concurrency = usize::from(self.options.concurrency.clamp(1, CLAIM_MAX));
        let mut under_way = FuturesUnordered::new();
        // INVARIANT: attempts go on while a claim waits for a connection, for they may hold them all.
        let mut claiming = std::pin::pin!(Fuse::terminated());
        let mut idle_until = Instant::now();
        let mut stopping = false;
        while !(stopping && under_way.is_empty() && claiming.is_terminated()) {
            let free = concurrency.saturating_sub(under_way.len());
            tokio::select! {
                biased;
                () = &mut shutdown, if !stopping => stopping = true,
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
                claimed = &mut claiming, if !claiming.is_terminated() => {
                    let claimed: Vec<EffectLease> = claimed;
                    if claimed.is_empty() {
                        idle_until = Instant::now() + self.options.poll;
                    }
                    for lease in claimed {
                        if stopping {
                            self.give_back(&lease).await;
                        } else {
                            under_way.push(self.attempt(lease));
                        }
                    }
                }
                () = tokio::time::sleep_until(idle_until), if !stopping && free > 0 && claiming.is_terminated() => {
                    claiming.set(self.claim(&patterns, free).fuse());
                }
            }
        }
    }

    /// Claims and attempts once; how many effects that were. For tests, and for whoever schedules it otherwise.
    ///
    /// # Errors
    /// When the database is away.
    pub async fn step(&self) -> Result<usize, OutboxError> {
        let patterns: Vec<String> = self.served.keys().cloned().collect();
        let limit = self.options.concurrency.clamp(1, CLAIM_MAX);
        let claimed = self.pool.claim(&patterns, limit, self.options.lease).await?;
        let count = claimed.len();
        let mut under_way: FuturesUnordered<_> = claimed.into_iter().map(|lease| self.attempt(lease)).collect();
        while under_way.next().await.is_some() {}
        Ok(count)
    }

    async fn claim(&self, patterns: &[String], free: usize) -> Vec<EffectLease> {
        let limit = u16::try_from(free).unwrap_or(CLAIM_MAX).min(CLAIM_MAX);
        match self.pool.claim(patterns, limit, self.options.lease).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(error = %error, "effects could not be claimed");
                Vec::new()
            }
        }
    }

    fn destination(&self, name: &str) -> Option<&Arc<dyn Destination>> {
        let family = name.split_once('.').map(|(first, _)| format!("{first}.*"));
        let exact = self.served.get(name);
        let index = exact.or_else(|| family.and_then(|family| self.served.get(&family)))?;
        self.destinations.get(*index)
    }

    async fn give_back(&self, lease: &EffectLease) {
        if let Err(error) = self.pool.give_back(lease).await {
            tracing::warn!(error = %error, "an effect could not be given back before its lease ends");
        }
    }

    /// One attempt, from the row that announces it to the row that says how it ended.
    async fn attempt(&self, lease: EffectLease) {
        let span = tracing::info_span!("outbox.attempt", effect = %lease.effect(), attempt = lease.number());
        let Some(destination) = self.destination(lease.destination()) else {
            self.give_back(&lease).await;
            return;
        };
        if let Err(error) = self
            .attempt_at(&lease, destination.as_ref(), &span)
            .instrument(span.clone())
            .await
        {
            // Its lease ends by itself. What may have arrived where that matters is then for a person.
            span.in_scope(|| tracing::warn!(error = %error, "an attempt ended without a record of how"));
        }
    }

    // CONTROL: OUT-3
    async fn attempt_at(
        &self,
        lease: &EffectLease,
        destination: &dyn Destination,
        span: &Span,
    ) -> Result<(), OutboxError> {
        let Some((begun, wrapped)) = self.begin(lease, destination).await? else {
            return Ok(());
        };
        if let Some(traceparent) = &begun.traceparent {
            (self.options.adopt)(span, traceparent);
        }
        let outcome = match self.open(begun, wrapped, destination).await {
            Ok(delivery) => self.deliver(lease, destination, &delivery).await?,
            // Nothing has left; a key service that is away comes back, and bytes that do not open stay where they are.
            Err(error) => {
                tracing::error!(error = %error, "a payload could not be opened");
                Outcome::Unavailable {
                    code: "payload".to_owned(),
                    after: None,
                }
            }
        };
        self.finish(lease, outcome).await
    }

    async fn begin(
        &self,
        lease: &EffectLease,
        destination: &dyn Destination,
    ) -> Result<Option<(Begun, Option<WrappedKey>)>, OutboxError> {
        let begin = statements::Begin {
            effect: lease.effect(),
            lease: lease.lease(),
            idempotency: destination.idempotency().as_str(),
        };
        self.pool
            .run(lease, async |tx: &mut TenantTx<'_>| {
                let rows: Vec<BegunRow> = begin.get_results(tx).await.map_err(GateError::from_refusal)?;
                let Some(row) = rows.into_iter().next() else {
                    return Ok(None);
                };
                let wrapped = PayloadKeys::wrapped(tx).await?;
                Ok(Some((Begun::new(lease.effect(), row), wrapped)))
            })
            .await
    }

    async fn open(
        &self,
        begun: Begun,
        wrapped: Option<WrappedKey>,
        destination: &dyn Destination,
    ) -> Result<Delivery, GateError> {
        let content = if begun.sealed {
            let wrapped = wrapped.ok_or(GateError::Malformed { what: "key" })?;
            let cipher = self.keys.cipher_of(begun.customer, wrapped).await?;
            Canonical::checked(&cipher.open(begun.effect.as_uuid(), &begun.payload)?)?
        } else {
            Canonical::checked(&begun.payload)?
        };
        Ok(Delivery {
            customer: begun.customer,
            effect: begun.effect,
            kind: begun.kind,
            destination: begun.destination,
            aggregate: begun.aggregate,
            content,
            key: IdempotencyKey::of(begun.effect),
            attempt: begun.attempt,
            enqueued_at: begun.enqueued_at,
            request: begun.request,
            traceparent: begun.traceparent,
            deadline: destination.deadline(),
        })
    }

    async fn deliver(
        &self,
        lease: &EffectLease,
        destination: &dyn Destination,
        delivery: &Delivery,
    ) -> Result<Outcome, OutboxError> {
        let prepared: Result<Prepared, Outcome> = self
            .pool
            .run(lease, async |tx: &mut TenantTx<'_>| {
                Ok::<_, TenancyError>(destination.prepare(tx, delivery).await)
            })
            .await?;
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(outcome) => return Ok(outcome),
        };
        let call = AssertUnwindSafe(destination.deliver(delivery, prepared)).catch_unwind();
        let ambiguous = |code: &str| Outcome::Ambiguous { code: code.to_owned() };
        Ok(match tokio::time::timeout(delivery.deadline, call).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => ambiguous("panicked"),
            Err(_) => ambiguous("deadline"),
        })
    }

    async fn finish(&self, lease: &EffectLease, outcome: Outcome) -> Result<(), OutboxError> {
        let wait = backoff::wait(lease.number(), backoff::draw());
        let (word, code, receipt, wait) = match outcome {
            Outcome::Delivered { receipt } => ("delivered", None, receipt, wait),
            Outcome::Refused { code } => ("refused", Some(code), None, wait),
            Outcome::Retry { code, after } => ("retry", Some(code), None, after.unwrap_or(wait).max(wait)),
            Outcome::Unavailable { code, after } => ("unavailable", Some(code), None, after.unwrap_or(wait).max(wait)),
            Outcome::Ambiguous { code } => ("ambiguous", Some(code), None, wait),
        };
        let finish = statements::Finish {
            effect: lease.effect(),
            lease: lease.lease(),
            outcome: word,
            code: code.filter(|code| is_code(code, 64, "._-")),
            receipt: receipt.filter(|receipt| is_code(receipt, 200, "._:@/+=-")),
            wait_ms: i32::try_from(wait.as_millis()).unwrap_or(i32::MAX),
        };
        let state: String = self
            .pool
            .run(lease, async |tx: &mut TenantTx<'_>| {
                finish
                    .get_result(tx)
                    .await
                    .map_err(|error| OutboxError::from(GateError::from_refusal(error)))
            })
            .await?;
        tracing::debug!(outcome = word, state = state, "an attempt ended");
        Ok(())
    }
}

/// What the database keeps: an error's text may hold personal data, a code does not.
fn is_code(text: &str, longest: usize, others: &str) -> bool {
    (1..=longest).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

type BegunRow = (
    Uuid,
    String,
    String,
    Option<Uuid>,
    Vec<u8>,
    Option<i32>,
    i64,
    OffsetDateTime,
    Uuid,
    Option<String>,
);

/// An attempt whose announcement is on record.
struct Begun {
    customer: CustomerId,
    effect: EffectId,
    kind: String,
    destination: String,
    aggregate: Option<Uuid>,
    payload: Vec<u8>,
    sealed: bool,
    attempt: i64,
    enqueued_at: OffsetDateTime,
    request: RequestId,
    traceparent: Option<String>,
}

impl Begun {
    fn new(effect: Uuid, row: BegunRow) -> Self {
        Self {
            customer: CustomerId::from_uuid(row.0),
            effect: EffectId::from_uuid(effect),
            kind: row.1,
            destination: row.2,
            aggregate: row.3,
            payload: row.4,
            sealed: row.5.is_some(),
            attempt: row.6,
            enqueued_at: row.7,
            request: RequestId::from_uuid(row.8),
            traceparent: row.9,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn out_3_what_is_no_code_is_not_kept() {
        assert!(is_code("http-503", 64, "._-"));
        for text in ["", "no such patient: Ada", "ada@example.org", "ä", &"a".repeat(65)] {
            assert!(!is_code(text, 64, "._-"), "{text}");
        }
    }
}
