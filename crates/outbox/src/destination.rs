//! The port that connectors implement: one call outside, and what came of it.

use bearingwall_core::{CustomerId, EffectId, RequestId};
use bearingwall_gates::Canonical;
use bearingwall_tenancy::TenantTx;
use futures_core::future::BoxFuture;
use std::any::Any;
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// What happens when the same effect is delivered twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// The other side takes a key and does the work once for it.
    Native,
    /// The work itself has the same result twice: an upsert, a state that is set.
    Natural,
    /// It happens twice. After an attempt of which nobody knows the end, a person decides.
    None,
}

impl Idempotency {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Natural => "natural",
            Self::None => "none",
        }
    }
}

/// What is sent to a destination so that it does the work once: the same for every attempt of one effect, and for no other.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of an effect: `bw1-` and its number, 40 characters of `a-z`, `0-9` and `-`.
    #[must_use]
    pub fn of(effect: EffectId) -> Self {
        Self(format!("bw1-{effect}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({})", self.0)
    }
}

/// One attempt at one effect, as a destination is handed it. It prints without its content.
pub struct Delivery {
    pub(crate) customer: CustomerId,
    pub(crate) effect: EffectId,
    pub(crate) kind: String,
    pub(crate) destination: String,
    pub(crate) aggregate: Option<Uuid>,
    pub(crate) content: Canonical,
    pub(crate) key: IdempotencyKey,
    pub(crate) attempt: i64,
    pub(crate) enqueued_at: OffsetDateTime,
    pub(crate) request: RequestId,
    pub(crate) traceparent: Option<String>,
    pub(crate) deadline: Duration,
}

impl Delivery {
    /// Whose effect it is.
    #[must_use]
    pub const fn customer(&self) -> CustomerId {
        self.customer
    }

    /// Which effect.
    #[must_use]
    pub const fn effect(&self) -> EffectId {
        self.effect
    }

    /// Its kind in the catalogue, [`Operation::KIND`](bearingwall_gates::Operation::KIND).
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Where it goes, as `webhook.0190d6f0-0000-7000-8000-000000000001`.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// What it is about, where order matters.
    #[must_use]
    pub const fn aggregate(&self) -> Option<Uuid> {
        self.aggregate
    }

    /// What is to be sent, byte for byte as it was approved; [`Canonical::read`] makes the operation of it.
    #[must_use]
    pub const fn content(&self) -> &Canonical {
        &self.content
    }

    /// What the destination is told so that it does the work once.
    #[must_use]
    pub const fn key(&self) -> &IdempotencyKey {
        &self.key
    }

    /// Which attempt it is, from 1. It rises with every lease: a fencing number for a destination that takes one.
    #[must_use]
    pub const fn attempt(&self) -> i64 {
        self.attempt
    }

    /// When the effect was written.
    #[must_use]
    pub const fn enqueued_at(&self) -> OffsetDateTime {
        self.enqueued_at
    }

    /// The request that brought it about: the correlation id.
    #[must_use]
    pub const fn request(&self) -> RequestId {
        self.request
    }

    /// The trace that brought it about (W3C Trace Context, `traceparent`).
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// How long the call may take; it is cut off then.
    #[must_use]
    pub const fn deadline(&self) -> Duration {
        self.deadline
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("effect", &self.effect)
            .field("kind", &self.kind)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// How a call ended. A `code` is for the record: letters, digits, `.`, `_` and `-`, 64 at the most; anything else is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken. `receipt` is what the other side calls it: letters, digits and `._:@/+=-`, 200 at the most.
    Delivered {
        /// The other side's name for it.
        receipt: Option<String>,
    },
    /// It was refused, and will be again: a person looks at it.
    Refused {
        /// Why.
        code: String,
    },
    /// It was certainly not done, and may be later. This counts towards giving up.
    Retry {
        /// Why.
        code: String,
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
    },
    /// The destination is away, and it was certainly not done. This does not count; the destination is left alone for a while.
    Unavailable {
        /// Why.
        code: String,
        /// How long the other side wants to be left alone.
        after: Option<Duration>,
    },
    /// Nobody knows whether it was done: no answer, a broken one, an error after the work.
    Ambiguous {
        /// What was seen.
        code: String,
    },
}

/// What [`Destination::prepare`] read, for the call: handed back as it is.
pub type Prepared = Option<Box<dyn Any + Send + Sync>>;

/// A way out of the system. Object-safe: a worker has a list of them.
pub trait Destination: Send + Sync {
    /// The names that it serves: whole names, or `webhook.*` for everything behind the first dot.
    fn serves(&self) -> Vec<String>;

    /// What happens when it is delivered to twice. Written down before each call.
    fn idempotency(&self) -> Idempotency;

    /// How long one call may take. Shorter than a worker's lease.
    fn deadline(&self) -> Duration;

    /// Reads what the call needs of the tenant's own (an endpoint, a list of suppressed addresses), inside the tenant and before
    /// anything leaves. `Err` is how the attempt ends instead.
    ///
    /// # Errors
    /// The outcome without a call; [`Outcome::Delivered`] and [`Outcome::Ambiguous`] make no sense here.
    fn prepare<'a>(
        &'a self,
        tx: &'a mut TenantTx<'_>,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<Prepared, Outcome>>;

    /// Makes the call. The future is dropped at its deadline, which counts as [`Outcome::Ambiguous`].
    fn deliver<'a>(&'a self, delivery: &'a Delivery, prepared: Prepared) -> BoxFuture<'a, Outcome>;
}
