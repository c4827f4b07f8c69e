//! The Merkle tree of RFC 6962 §2.1 and RFC 9162 §2.1: its shape, frontier, proofs and where hashes are read from.

mod frontier;
mod plan;
mod range;
mod reader;
mod shape;
mod stored;
mod verify;

pub use frontier::Frontier;
pub use plan::{Plan, consistency_proof, inclusion_proof, tree_root};
pub use range::{RangeProof, range_proof};
pub use reader::{HashReader, LeafReader, MemoryTree};
pub use shape::{Node, covering};
pub use stored::StoredRun;
pub use verify::{verify_consistency, verify_inclusion};

use bearingwall_core::{Classified, ErrorKind};

/// What a reader of hashes answers when it cannot.
pub type SourceError = Box<dyn std::error::Error + Send + Sync>;

/// Why a proof was not made or not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MerkleError {
    /// A leaf, a range or an earlier size lies outside the tree.
    #[error("{position} lies outside a tree of {size} leaves")]
    OutOfRange {
        /// The leaf index or the size asked for.
        position: u64,
        /// The size of the tree in leaves.
        size: u64,
    },
    /// A proof has another number of hashes than its position and tree need.
    #[error("the proof holds another number of hashes than it must")]
    Length,
    /// The proof leads to another root.
    #[error("the proof does not lead to the expected root")]
    Root,
    /// The bytes of a frontier are no frontier, or a subtree does not fit where it is appended.
    #[error("the frontier is malformed, or the subtree does not fit it")]
    Frontier,
    /// The tree holds 2^64 - 1 leaves.
    #[error("the tree is full")]
    Full,
    /// The source of hashes failed.
    #[error("the tree's hashes cannot be read")]
    Unavailable(#[source] SourceError),
}

impl Classified for MerkleError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::OutOfRange { .. } | Self::Length | Self::Root | Self::Frontier => ErrorKind::Invalid,
            Self::Full => ErrorKind::Internal,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "TLG-001",
            Self::Length => "TLG-002",
            Self::Root => "TLG-003",
            Self::Frontier => "TLG-004",
            Self::Full => "TLG-005",
            Self::Unavailable(_) => "TLG-006",
        }
    }
}
