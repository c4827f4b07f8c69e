#![doc = include_str!("../README.md")]

mod backoff;
mod destination;
mod effect;
mod error;
mod parked;
mod statements;
mod worker;

pub use destination::{Delivery, Destination, Idempotency, IdempotencyKey, Outcome, Prepared};
pub use effect::{Effect, EffectState, Outbox};
pub use error::OutboxError;
pub use parked::{PAGE_MAX, ParkedEffect, Settlement, effect_settle, effects_parked};
pub use worker::{Worker, WorkerOptions};
