#![doc = include_str!("../README.md")]

mod access;
mod access_log;
mod error;
mod log;
mod record;
mod sink;
mod vocabulary;

pub use access::{Access, Command, PhiTx};
pub use access_log::{AccessEntry, AccessPage};
pub use error::AuditError;
pub use log::AuditLog;
pub use sink::AuditSink;
pub use vocabulary::EventType;
