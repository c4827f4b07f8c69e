#![doc = include_str!("../README.md")]

mod chain;
mod config;
mod error;
mod export;
mod field;
mod log;
mod metrics;
mod scrub;
mod setup;
mod trace_context;

pub use chain::error_chain;
pub use config::{Format, TelemetryConfig};
pub use error::TelemetryError;
pub use field::{ALLOWED_FIELDS, AllowedField, FieldClass, WITHHELD};
pub use log::LogLayer;
pub use metrics::{Metrics, ProbeOutcome};
pub use scrub::scrub;
pub use setup::{TelemetryGuard, dispatch, init, log_panics};
pub use trace_context::TraceContext;
