//! Verification of single proofs, by the algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2.

use super::MerkleError;
use crate::hash::Hash;

/// Verifies that a leaf stands at `index` in the tree of `size` leaves with the root `root`.
///
/// # Errors
/// [`MerkleError::OutOfRange`] unless `index < size`, [`MerkleError::Length`] for another number of hashes than that
/// position needs, [`MerkleError::Root`] when they lead to another root.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), MerkleError> {
    let mut last = match size.checked_sub(1) {
        Some(last) if index <= last => last,
        _ => return Err(MerkleError::OutOfRange { position: index, size }),
    };
    let mut position = index;
    let mut hash = *leaf_hash;
    for sibling in proof {
        if last == 0 {
            return Err(MerkleError::Length);
        }
        if position & 1 == 1 || position == last {
            hash = Hash::node(sibling, &hash);
            // Up to where the subtree has a sibling on the left.
            let skipped = position.trailing_zeros();
            position = position.checked_shr(skipped).unwrap_or(0);
            last = last.checked_shr(skipped).unwrap_or(0);
        } else {
            hash = Hash::node(&hash, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(MerkleError::Length);
    }
    if hash == *root { Ok(()) } else { Err(MerkleError::Root) }
}

/// Verifies that the tree of `second` leaves with `second_root` continues the tree of `first` leaves with
/// `first_root`.
///
/// The proof is empty when `first` is 0 (then `first_root` must be the empty root) or `second` (then the roots must be
/// equal).
///
/// # Errors
/// [`MerkleError::OutOfRange`] unless `first <= second`, [`MerkleError::Length`] for another number of hashes than the
/// sizes need, [`MerkleError::Root`] when they lead to another root.
pub fn verify_consistency(
    first: u64,
    first_root: &Hash,
    second: u64,
    second_root: &Hash,
    proof: &[Hash],
) -> Result<(), MerkleError> {
    if first > second {
        return Err(MerkleError::OutOfRange {
            position: first,
            size: second,
        });
    }
    if first == second || first == 0 {
        let expected = if first == 0 { Hash::empty_root() } else { *second_root };
        let second_fits = second != 0 || *second_root == Hash::empty_root();
        return match (proof, *first_root == expected && second_fits) {
            ([], true) => Ok(()),
            ([], false) => Err(MerkleError::Root),
            _ => Err(MerkleError::Length),
        };
    }
    // A first tree that is one perfect subtree is where the path starts; its root is left out of the proof.
    let (seed, path) = if first.is_power_of_two() {
        (first_root, proof)
    } else {
        proof.split_first().ok_or(MerkleError::Length)?
    };
    let mut position = first - 1;
    let mut last = second - 1;
    let skipped = position.trailing_ones();
    position = position.checked_shr(skipped).unwrap_or(0);
    last = last.checked_shr(skipped).unwrap_or(0);
    let (mut old, mut new) = (*seed, *seed);
    for sibling in path {
        if last == 0 {
            return Err(MerkleError::Length);
        }
        if position & 1 == 1 || position == last {
            old = Hash::node(sibling, &old);
            new = Hash::node(sibling, &new);
            let skipped = position.trailing_zeros();
            position = position.checked_shr(skipped).unwrap_or(0);
            last = last.checked_shr(skipped).unwrap_or(0);
        } else {
            new = Hash::node(&new, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(MerkleError::Length);
    }
    if old == *first_root && new == *second_root {
        Ok(())
    } else {
        Err(MerkleError::Root)
    }
}
