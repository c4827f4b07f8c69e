//! The right edge of a growing tree: what appending and the root need, and nothing else.

use super::{MerkleError, Node, covering};
use crate::hash::{HASH_BYTES, Hash};

/// The roots of the perfect subtrees that a tree of a size is made of, largest first: at most 64 hashes.
///
/// It is the "compact range" from leaf 0: enough to append leaves and to compute the root at each size.
/// Its bytes are the size (8 bytes, big-endian) and then the hashes; see [`Frontier::to_bytes`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From a size and the hashes of its subtrees, largest first.
    ///
    /// # Errors
    /// [`MerkleError::Frontier`] when the number of hashes does not fit the size.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, MerkleError> {
        if usize::try_from(size.count_ones()).ok() != Some(hashes.len()) {
            return Err(MerkleError::Frontier);
        }
        Ok(Self { size, hashes })
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes of the perfect subtrees, largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The perfect subtrees that [`Frontier::hashes`] belong to, in the same order.
    #[must_use]
    pub fn nodes(&self) -> Vec<Node> {
        covering(0, self.size)
    }

    /// Appends a leaf and answers its index.
    ///
    /// # Errors
    /// [`MerkleError::Full`] when the tree holds 2^64 - 1 leaves.
    pub fn append(&mut self, leaf_hash: Hash) -> Result<u64, MerkleError> {
        let index = self.size;
        self.append_subtree(0, leaf_hash)?;
        Ok(index)
    }

    /// Appends a leaf, answers its index, and reports every perfect subtree of two or more leaves that it completes, smallest
    /// first: what a store keeps so that proofs need not read all leaves.
    ///
    /// # Errors
    /// [`MerkleError::Full`] when the tree holds 2^64 - 1 leaves.
    pub fn append_with(&mut self, leaf_hash: Hash, completed: impl FnMut(Node, &Hash)) -> Result<u64, MerkleError> {
        let index = self.size;
        self.merge(0, leaf_hash, completed)?;
        Ok(index)
    }

    /// Appends a perfect subtree of `2^level` leaves, whose first leaf must be a multiple of that number.
    ///
    /// # Errors
    /// [`MerkleError::Frontier`] when the subtree does not fit the size, [`MerkleError::Full`] when it would overflow.
    pub fn append_subtree(&mut self, level: u8, hash: Hash) -> Result<(), MerkleError> {
        self.merge(level, hash, |_, _| {})
    }

    fn merge(&mut self, level: u8, hash: Hash, mut completed: impl FnMut(Node, &Hash)) -> Result<(), MerkleError> {
        let count = 1_u64.checked_shl(u32::from(level)).ok_or(MerkleError::Full)?;
        if !self.size.is_multiple_of(count) {
            return Err(MerkleError::Frontier);
        }
        let size = self.size.checked_add(count).ok_or(MerkleError::Full)?;
        // Each carry of the addition closes one subtree.
        let mut merged = hash;
        let mut node = Node {
            level,
            index: self.size >> level,
        };
        while self.size & (1 << node.level) != 0 {
            let left = self.hashes.pop().ok_or(MerkleError::Frontier)?;
            merged = Hash::node(&left, &merged);
            node = Node {
                level: node.level + 1,
                index: node.index >> 1,
            };
            completed(node, &merged);
        }
        self.hashes.push(merged);
        self.size = size;
        Ok(())
    }

    /// The root of the tree at this size (RFC 6962 §2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        fold_right(&self.hashes).unwrap_or_else(Hash::empty_root)
    }

    /// The size in 8 bytes, big-endian, then each hash.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + self.hashes.len() * HASH_BYTES);
        bytes.extend_from_slice(&self.size.to_be_bytes());
        for hash in &self.hashes {
            bytes.extend_from_slice(hash.as_bytes());
        }
        bytes
    }

    /// Reads what [`Frontier::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`MerkleError::Frontier`] for any other length than the size demands.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MerkleError> {
        let (size, rest) = bytes.split_first_chunk::<8>().ok_or(MerkleError::Frontier)?;
        let (hashes, remainder) = rest.as_chunks::<HASH_BYTES>();
        if !remainder.is_empty() {
            return Err(MerkleError::Frontier);
        }
        Self::from_parts(
            u64::from_be_bytes(*size),
            hashes.iter().copied().map(Hash::new).collect(),
        )
    }
}

/// The root over subtrees of falling size: RFC 6962 splits a tree at the largest power of two, so it folds from the
/// right. `None` for no hash.
pub(super) fn fold_right(hashes: &[Hash]) -> Option<Hash> {
    let mut from_right = hashes.iter().rev().copied();
    let last = from_right.next()?;
    Some(from_right.fold(last, |right, left| Hash::node(&left, &right)))
}
