#![doc = include_str!("../README.md")]

mod error;
mod examination;
mod export;
mod hashes;
mod key;
mod log;
mod rows;
mod sealer;
mod verify;
mod witness;

pub use error::SealingError;
pub use examination::{Examination, Scope};
pub use export::{ExportOptions, Exported, Range, export};
pub use hashes::read_hashes;
pub use key::{SealingKey, key_for_log, log_origin};
pub use log::{SealedCheckpoint, latest_checkpoint};
pub use sealer::{Sealed, Sealer, SealerOptions};
pub use verify::{Compared, Finding, LogReport, VerifyOptions, compare, list_logs, unsealed_events, verify_log};
pub use witness::{Due, FileWitness, Left, Offer, WitnessError};
