//! Which hashes a store reads that keeps the leaves and the roots of every 256th level only.

use super::{Frontier, Node};
use crate::hash::Hash;

/// Levels between two that are kept: the height of a tile (C2SP tlog-tiles).
const HEIGHT: u8 = 8;

/// A run of kept hashes of one level, from which the hash of one perfect subtree is made.
///
/// Level 0 are the leaves, level `n` the roots of full subtrees of `256^n` leaves. A run has at most 128 hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StoredRun {
    /// The level, 0 to 7.
    pub level: u8,
    /// The position of the first hash in its level.
    pub first: u64,
    /// The number of hashes: a power of two.
    pub count: u64,
}

impl StoredRun {
    /// The run that makes up a subtree; `None` where that lies beyond 2^64 - 1.
    #[must_use]
    pub fn of(node: &Node) -> Option<Self> {
        node.first_leaf()?;
        let height = node.level % HEIGHT;
        Some(Self {
            level: node.level / HEIGHT,
            first: node.index << height,
            count: 1 << height,
        })
    }

    /// The hash of the subtree; `None` unless there are as many hashes as [`StoredRun::count`].
    #[must_use]
    pub fn fold(&self, hashes: &[Hash]) -> Option<Hash> {
        if u64::try_from(hashes.len()).ok() != Some(self.count) {
            return None;
        }
        let mut frontier = Frontier::new();
        for hash in hashes {
            // The hashes of a level combine like leaves do.
            frontier.append(*hash).ok()?;
        }
        Some(frontier.root())
    }
}

impl Node {
    /// Whether a store of full tiles keeps its hash: its level is 8, 16, …
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.level > 0 && self.level.is_multiple_of(HEIGHT)
    }
}
