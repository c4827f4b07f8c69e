//! Proofs are planned first and assembled later, so that a caller may fetch the hashes in any way it likes.

use super::frontier::fold_right;
use super::{HashReader, MerkleError, Node, covering};
use crate::hash::Hash;

/// The perfect subtrees that a proof needs, and how they combine into its hashes.
///
/// [`Plan::nodes`] says what to fetch (from tiles, or from a database in one statement), [`Plan::assemble`] turns the
/// answers into the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Each group folds into one hash of the proof.
    groups: Vec<Vec<Node>>,
}

impl Plan {
    /// The root of the tree of a size above zero.
    ///
    /// # Errors
    /// [`MerkleError::OutOfRange`] for size 0, whose root is a constant.
    pub fn root(size: u64) -> Result<Self, MerkleError> {
        if size == 0 {
            return Err(MerkleError::OutOfRange { position: 0, size });
        }
        Ok(Self {
            groups: vec![covering(0, size)],
        })
    }

    /// The inclusion proof of the leaf `index` in the tree of `size` leaves (RFC 6962 §2.1.1).
    ///
    /// # Errors
    /// [`MerkleError::OutOfRange`] unless `index < size`.
    pub fn inclusion(index: u64, size: u64) -> Result<Self, MerkleError> {
        if index >= size {
            return Err(MerkleError::OutOfRange { position: index, size });
        }
        let mut groups = Vec::new();
        let (mut start, mut end) = (0, size);
        while let Some(middle) = split(start, end) {
            if index < middle {
                groups.push(covering(middle, end));
                end = middle;
            } else {
                groups.push(covering(start, middle));
                start = middle;
            }
        }
        groups.reverse();
        Ok(Self { groups })
    }

    /// The consistency proof between the trees of `first` and of `second` leaves (RFC 6962 §2.1.2).
    /// It is empty when `first` is 0 or `second`.
    ///
    /// # Errors
    /// [`MerkleError::OutOfRange`] unless `first <= second`.
    pub fn consistency(first: u64, second: u64) -> Result<Self, MerkleError> {
        if first > second {
            return Err(MerkleError::OutOfRange {
                position: first,
                size: second,
            });
        }
        let mut groups = Vec::new();
        if first == 0 || first == second {
            return Ok(Self { groups });
        }
        let (mut start, mut end) = (0, second);
        // Whether the subtree that is left over is the whole first tree, whose root the verifier knows.
        let mut whole = true;
        while end != first {
            let Some(middle) = split(start, end) else { break };
            if first <= middle {
                groups.push(covering(middle, end));
                end = middle;
            } else {
                groups.push(covering(start, middle));
                start = middle;
                whole = false;
            }
        }
        if !whole {
            groups.push(covering(start, end));
        }
        groups.reverse();
        Ok(Self { groups })
    }

    /// What to fetch, in the order that [`Plan::assemble`] expects.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        self.groups.iter().flatten().copied().collect()
    }

    /// Turns the fetched hashes into the hashes of the proof.
    ///
    /// # Errors
    /// [`MerkleError::Length`] when there are more or fewer hashes than [`Plan::nodes`].
    pub fn assemble(&self, hashes: &[Hash]) -> Result<Vec<Hash>, MerkleError> {
        let mut rest = hashes;
        let mut proof = Vec::with_capacity(self.groups.len());
        for group in &self.groups {
            let (mine, others) = rest.split_at_checked(group.len()).ok_or(MerkleError::Length)?;
            proof.push(fold_right(mine).ok_or(MerkleError::Length)?);
            rest = others;
        }
        if rest.is_empty() {
            Ok(proof)
        } else {
            Err(MerkleError::Length)
        }
    }

    fn fetch(&self, reader: &(impl HashReader + ?Sized)) -> Result<Vec<Hash>, MerkleError> {
        self.assemble(&reader.hashes(&self.nodes()).map_err(MerkleError::Unavailable)?)
    }
}

/// The inclusion proof of the leaf `index` in the tree of `size` leaves, from the leaf's sibling to the root's child.
///
/// # Errors
/// [`MerkleError::OutOfRange`] unless `index < size`, [`MerkleError::Unavailable`] when the reader fails.
pub fn inclusion_proof(reader: &(impl HashReader + ?Sized), index: u64, size: u64) -> Result<Vec<Hash>, MerkleError> {
    Plan::inclusion(index, size)?.fetch(reader)
}

/// The consistency proof between the trees of `first` and of `second` leaves.
///
/// # Errors
/// [`MerkleError::OutOfRange`] unless `first <= second`, [`MerkleError::Unavailable`] when the reader fails.
pub fn consistency_proof(
    reader: &(impl HashReader + ?Sized),
    first: u64,
    second: u64,
) -> Result<Vec<Hash>, MerkleError> {
    Plan::consistency(first, second)?.fetch(reader)
}

/// The root of the tree of `size` leaves.
///
/// # Errors
/// [`MerkleError::Unavailable`] when the reader fails.
pub fn tree_root(reader: &(impl HashReader + ?Sized), size: u64) -> Result<Hash, MerkleError> {
    if size == 0 {
        return Ok(Hash::empty_root());
    }
    let hashes = Plan::root(size)?.fetch(reader)?;
    hashes.first().copied().ok_or(MerkleError::Length)
}

/// Where RFC 6962 splits the leaves `start..end`: after the largest power of two below their number.
/// `None` for fewer than two leaves.
fn split(start: u64, end: u64) -> Option<u64> {
    let count = end.checked_sub(start).filter(|count| *count > 1)?;
    Some(start + (1 << (count - 1).ilog2()))
}
