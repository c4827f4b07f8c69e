#![doc = include_str!("../README.md")]

mod access;
mod access_log;
mod error;
mod examination;
mod log;
mod proofs;
mod record;
mod reports;
mod rows;
mod sink;
#[cfg(feature = "sql")]
pub mod sql;

pub use access::{Access, Command, Details, PhiTx};
pub use access_log::AccessEntry;
pub use bearingwall_events::{Event, EventType, Kind};
pub use error::AuditError;
pub use examination::{EventFilter, EventPage, Events, Position, RecordedEvent};
pub use log::AuditLog;
pub use proofs::{ConsistencyProof, Place};
pub use record::Phase;
pub use reports::{AccessNode, ActivityQuery, ActorActivity, Disclosure, Kin, Kinship, RequestTree};
pub use sink::AuditSink;
