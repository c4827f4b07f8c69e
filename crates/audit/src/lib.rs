#![doc = include_str!("../README.md")]

mod access;
mod access_log;
mod error;
mod log;
mod record;
mod sink;

pub use access::{Access, Command, Details, PhiTx};
pub use access_log::{AccessEntry, AccessPage};
pub use bearingwall_events::EventType;
pub use error::AuditError;
pub use log::AuditLog;
pub use sink::AuditSink;
