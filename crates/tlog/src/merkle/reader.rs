//! Where the tree's hashes come from.

use super::frontier::fold_right;
use super::{Frontier, Node, SourceError, covering};
use crate::hash::Hash;

/// A source of the hashes of perfect subtrees.
pub trait HashReader {
    /// The hash of each subtree, in the order asked.
    ///
    /// A reader that answers wrong hashes makes proofs that no verifier accepts; it cannot make a wrong proof valid.
    ///
    /// # Errors
    /// When a subtree is not complete, is pruned, or the source fails.
    fn hashes(&self, nodes: &[Node]) -> Result<Vec<Hash>, SourceError>;
}

impl<R: HashReader + ?Sized> HashReader for &R {
    fn hashes(&self, nodes: &[Node]) -> Result<Vec<Hash>, SourceError> {
        (**self).hashes(nodes)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the subtree at level {level}, index {index} is not there")]
struct MissingNode {
    level: u8,
    index: u64,
}

fn missing(node: &Node) -> SourceError {
    let Node { level, index } = *node;
    Box::new(MissingNode { level, index })
}

/// A reader over a function that answers leaf hashes: it is given the first leaf and a number of leaves.
///
/// For a store that holds leaves only. A proof in a tree of `n` leaves reads up to `n` leaf hashes.
pub struct LeafReader<F> {
    leaves: F,
}

/// How many leaf hashes are asked for at once: 2 MiB of hashes.
const CHUNK: u64 = 65_536;

impl<F: Fn(u64, u64) -> Result<Vec<Hash>, SourceError>> LeafReader<F> {
    /// `leaves(first, count)` answers exactly `count` hashes, those of the leaves from `first` on.
    pub fn new(leaves: F) -> Self {
        Self { leaves }
    }

    fn subtree(&self, node: &Node) -> Result<Hash, SourceError> {
        let first = node.first_leaf().ok_or_else(|| missing(node))?;
        let count = node.leaf_count().ok_or_else(|| missing(node))?;
        let mut frontier = Frontier::new();
        while frontier.size() < count {
            let wanted = CHUNK.min(count - frontier.size());
            let hashes = (self.leaves)(first + frontier.size(), wanted)?;
            if u64::try_from(hashes.len())? != wanted {
                return Err(missing(node));
            }
            for hash in hashes {
                frontier.append(hash)?;
            }
        }
        Ok(frontier.root())
    }
}

impl<F: Fn(u64, u64) -> Result<Vec<Hash>, SourceError>> HashReader for LeafReader<F> {
    fn hashes(&self, nodes: &[Node]) -> Result<Vec<Hash>, SourceError> {
        nodes.iter().map(|node| self.subtree(node)).collect()
    }
}

/// A tree that keeps every hash in memory: about 64 bytes for each leaf.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    levels: Vec<Vec<Hash>>,
}

impl MemoryTree {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    /// Appends a leaf.
    pub fn append(&mut self, leaf_hash: Hash) {
        let mut hash = leaf_hash;
        let mut level = 0;
        loop {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let Some(row) = self.levels.get_mut(level) else { return };
            row.push(hash);
            // A full pair makes a node one level up.
            let [.., left, right] = row.as_slice() else { return };
            if row.len() % 2 == 1 {
                return;
            }
            hash = Hash::node(left, right);
            level += 1;
        }
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let hashes = self.hashes(&covering(0, self.size())).unwrap_or_default();
        fold_right(&hashes).unwrap_or_else(Hash::empty_root)
    }
}

impl FromIterator<Hash> for MemoryTree {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut tree = Self::new();
        leaves.into_iter().for_each(|leaf| tree.append(leaf));
        tree
    }
}

impl HashReader for MemoryTree {
    fn hashes(&self, nodes: &[Node]) -> Result<Vec<Hash>, SourceError> {
        let read = |node: &Node| {
            let row = self.levels.get(usize::from(node.level));
            let hash = row.and_then(|row| row.get(usize::try_from(node.index).ok()?));
            hash.copied().ok_or_else(|| missing(node))
        };
        nodes.iter().map(read).collect()
    }
}

/// Hashes that were fetched before, such as those of [`Plan::nodes`](super::Plan::nodes).
impl HashReader for std::collections::BTreeMap<Node, Hash> {
    fn hashes(&self, nodes: &[Node]) -> Result<Vec<Hash>, SourceError> {
        let read = |node: &Node| self.get(node).copied().ok_or_else(|| missing(node));
        nodes.iter().map(read).collect()
    }
}
