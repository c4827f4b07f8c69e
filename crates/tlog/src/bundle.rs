//! Exports of a log that are verified offline, and the verification.
//!
//! An export is a folder:
//!
//! | file | content |
//! |---|---|
//! | `manifest.json` | [`Manifest`]: what the export claims to hold, and the SHA-256 of every other file |
//! | `events.jsonl` | one leaf for each line: the bytes of the line without its newline are the leaf's data |
//! | `leaves` | the leaf hash of each line, 32 raw bytes each; not trusted before it leads to the signed root |
//! | `checkpoint` | the log's signed checkpoint of the size `tree_size` |
//! | `range.json` | of a range: `{"left":[…],"right":[…]}`, see [`RangeProof`](crate::merkle::RangeProof) |
//! | `proofs.jsonl` | of selected events: `{"index":…,"hashes":[…]}` for each line, indices rising |
//! | `checkpoints/<size, 20 digits>` | earlier signed checkpoints |
//! | `consistency.json` | `[{"from":…,"hashes":[…]}]`: consistency proofs from earlier sizes to `tree_size` |
//! | `rotations/<number, 4 digits>` | rotations of the log's key, oldest first |
//!
//! Hashes in JSON are 64 lower-case hexadecimal digits. Nothing else may stand in the folder.

mod align;
mod events;
mod files;
mod manifest;
mod report;
mod tree;
mod verify;
mod writer;

pub use manifest::{Manifest, Selection};
pub use report::{Finding, Report, Seen};
pub use verify::{Progress, Remembered, VerifyOptions, verify};
pub use writer::{BundleHeader, BundleWriter};

use crate::checkpoint::CheckpointError;
use crate::merkle::MerkleError;
use bearingwall_core::{Classified, ErrorKind};
use std::io;
use std::path::{Path, PathBuf};

/// A line of more bytes than this is neither written nor accepted.
pub const LINE_MAX_BYTES: usize = 1 << 20;

const MANIFEST: &str = "manifest.json";
const EVENTS: &str = "events.jsonl";
const LEAVES: &str = "leaves";
const CHECKPOINT: &str = "checkpoint";
const RANGE: &str = "range.json";
const PROOFS: &str = "proofs.jsonl";
const CONSISTENCY: &str = "consistency.json";
const CHECKPOINTS: &str = "checkpoints";
const ROTATIONS: &str = "rotations";

/// Why an export could not be written, or could not be examined at all. What an examination finds is no error, it
/// stands in the [`Report`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file or folder could not be read or written.
    #[error("`{}` cannot be read or written", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The folder holds no `manifest.json`.
    #[error("`{}` is no export: it has no manifest", path.display())]
    NoExport {
        /// Which folder.
        path: PathBuf,
    },
    /// The writer was given a line that is no JSON object with an `event_id`, is too long, or comes out of order.
    #[error("the event of leaf {index} cannot be exported: {reason}")]
    Event {
        /// The leaf index that was given.
        index: u64,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The writer was given parts that do not fit one another.
    #[error("the export does not fit together: {reason}")]
    Parts {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A checkpoint that the writer was given.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The events do not lead to the checkpoint's root, or the tree cannot be read: the export was not written.
    #[error(transparent)]
    Tree(#[from] MerkleError),
}

impl Classified for BundleError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } => ErrorKind::Unavailable,
            Self::NoExport { .. } => ErrorKind::NotFound,
            Self::Event { .. } | Self::Parts { .. } => ErrorKind::Internal,
            Self::Checkpoint(error) => error.kind(),
            Self::Tree(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "TLG-070",
            Self::NoExport { .. } => "TLG-071",
            Self::Event { .. } => "TLG-072",
            Self::Parts { .. } => "TLG-073",
            Self::Checkpoint(error) => error.code(),
            Self::Tree(error) => error.code(),
        }
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> BundleError {
    let path = path.to_owned();
    move |source| BundleError::Io { path, source }
}

fn checkpoint_name(size: u64) -> String {
    format!("{CHECKPOINTS}/{size:020}")
}

fn rotation_name(number: usize) -> String {
    format!("{ROTATIONS}/{number:04}")
}
