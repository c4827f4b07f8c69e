#![doc = include_str!("../README.md")]

mod error;
mod export;
mod log;
mod rows;
mod sealer;
mod verify;

pub use error::SealingError;
pub use export::{ExportOptions, Exported, Selection, export};
pub use log::{Checkpoint, DatabaseHashes, LogHead};
pub use sealer::{Sealed, Sealer, SealerOptions};
pub use verify::{DatabaseReport, Finding, verify_database};
