//! One proof for a contiguous range of leaves.

use super::{Frontier, HashReader, MerkleError, Node, covering};
use crate::hash::Hash;

/// What a verifier needs besides the leaf hashes of `first..end` to compute the root of the tree of `size` leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeProof {
    /// The frontier at `first`: perfect subtrees that cover `0..first`, from left to right.
    pub left: Vec<Hash>,
    /// The perfect subtrees that cover `end..size`, from left to right.
    pub right: Vec<Hash>,
}

impl RangeProof {
    /// The frontier that the range is appended to.
    ///
    /// # Errors
    /// [`MerkleError::Length`] when the left hashes do not fit `first`.
    pub fn frontier(&self, first: u64) -> Result<Frontier, MerkleError> {
        Frontier::from_parts(first, self.left.clone()).map_err(|_| MerkleError::Length)
    }

    /// Appends the right side to a frontier that stands at the end of the range; `at` is told every size on the way.
    ///
    /// # Errors
    /// [`MerkleError::OutOfRange`] when the frontier is larger than the tree, [`MerkleError::Length`] when the right
    /// hashes do not fit.
    pub fn complete(
        &self,
        frontier: &mut Frontier,
        size: u64,
        mut at: impl FnMut(&Frontier),
    ) -> Result<(), MerkleError> {
        let end = frontier.size();
        if end > size {
            return Err(MerkleError::OutOfRange { position: end, size });
        }
        let nodes = covering(end, size);
        if nodes.len() != self.right.len() {
            return Err(MerkleError::Length);
        }
        for (node, hash) in nodes.iter().zip(&self.right) {
            frontier.append_subtree(node.level, *hash)?;
            at(frontier);
        }
        Ok(())
    }

    /// Verifies that `leaf_hashes` are the leaves from `first` on in the tree of `size` leaves with the root `root`.
    ///
    /// # Errors
    /// [`MerkleError::OutOfRange`] or [`MerkleError::Length`] when range, tree and proof do not fit one another,
    /// [`MerkleError::Root`] when they lead to another root.
    pub fn verify(
        &self,
        first: u64,
        leaf_hashes: impl IntoIterator<Item = Hash>,
        size: u64,
        root: &Hash,
    ) -> Result<(), MerkleError> {
        let mut frontier = self.frontier(first)?;
        for leaf in leaf_hashes {
            frontier.append(leaf)?;
        }
        self.complete(&mut frontier, size, |_| ())?;
        if frontier.root() == *root {
            Ok(())
        } else {
            Err(MerkleError::Root)
        }
    }
}

/// The proof for the leaves `first..end` in the tree of `size` leaves.
///
/// # Errors
/// [`MerkleError::OutOfRange`] unless `first <= end <= size`, [`MerkleError::Unavailable`] when the reader fails.
pub fn range_proof(
    reader: &(impl HashReader + ?Sized),
    first: u64,
    end: u64,
    size: u64,
) -> Result<RangeProof, MerkleError> {
    if first > end || end > size {
        return Err(MerkleError::OutOfRange {
            position: end.max(first),
            size,
        });
    }
    let read = |nodes: &[Node]| {
        let hashes = reader.hashes(nodes).map_err(MerkleError::Unavailable)?;
        if hashes.len() == nodes.len() {
            Ok(hashes)
        } else {
            Err(MerkleError::Length)
        }
    };
    Ok(RangeProof {
        left: read(&covering(0, first))?,
        right: read(&covering(end, size))?,
    })
}
