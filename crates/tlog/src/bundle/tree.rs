//! The export's leaf hashes and the proofs that lead from them to the signed root.

use super::events::{Indices, Leaves};
use super::files::{Lines, Listing, digest};
use super::manifest::{ConsistencyEntry, ProofLine, RangeFile};
use super::report::{Finding, Report};
use super::{BundleError, CONSISTENCY, LEAVES, Manifest, PROOFS, RANGE, at};
use crate::checkpoint::SignedCheckpoint;
use crate::hash::{HASH_BYTES, Hash};
use crate::merkle::{Frontier, MerkleError, RangeProof, verify_inclusion};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read as _};

/// SHA-256 of the files that were read, by their path in the folder.
pub(super) type Digests = BTreeMap<String, Hash>;

/// What the proofs of an export say.
pub(super) struct Tree {
    pub(super) leaves: Leaves,
    /// The roots of earlier sizes, as they follow from the leaf hashes.
    pub(super) roots: BTreeMap<u64, Hash>,
    /// Of a range, its sides.
    pub(super) range: Option<RangeProof>,
}

/// Reads a small JSON file; `None`, with a finding, where it is missing or malformed.
pub(super) fn json<T: serde::de::DeserializeOwned>(
    listing: &Listing,
    name: &str,
    digests: &mut Digests,
    report: &mut Report,
) -> Result<Option<T>, BundleError> {
    let Some(bytes) = listing.small(name)? else {
        report.find(Finding::FileMissing { file: name.to_owned() });
        return Ok(None);
    };
    digests.insert(name.to_owned(), digest(&bytes));
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(error) => {
            report.find(Finding::FileMalformed {
                file: name.to_owned(),
                reason: error.to_string(),
            });
            Ok(None)
        }
    }
}

/// The file of leaf hashes; `None`, with a finding, where it is missing or of another length than the manifest says.
fn leaf_hashes(
    listing: &Listing,
    manifest: &Manifest,
    digests: &mut Digests,
    report: &mut Report,
) -> Result<Option<Vec<Hash>>, BundleError> {
    let Some(length) = listing.files.get(LEAVES) else {
        report.find(Finding::FileMissing {
            file: LEAVES.to_owned(),
        });
        return Ok(None);
    };
    let path = listing.path(LEAVES);
    let file = File::open(&path).map_err(at(&path))?;
    let mut reader = BufReader::with_capacity(HASH_BYTES << 13, file);
    let mut hashes = Vec::new();
    let mut hasher = sha2::Sha256::default();
    let mut is_whole = *length == manifest.count.saturating_mul(HASH_BYTES as u64);
    if is_whole {
        let mut bytes = [0; HASH_BYTES];
        for _ in 0..manifest.count {
            match reader.read_exact(&mut bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    is_whole = false;
                    break;
                }
                Err(error) => return Err(at(&path)(error)),
            }
            sha2::Digest::update(&mut hasher, bytes);
            hashes.push(Hash::new(bytes));
        }
    }
    if !is_whole {
        report.find(Finding::FileMalformed {
            file: LEAVES.to_owned(),
            reason: format!("it does not hold {} hashes", manifest.count),
        });
        return Ok(None);
    }
    digests.insert(LEAVES.to_owned(), Hash::new(sha2::Digest::finalize(hasher).into()));
    Ok(Some(hashes))
}

/// A range: all its leaves lead to the root together. `wanted` are the earlier sizes whose roots are asked for.
pub(super) fn read_range(
    listing: &Listing,
    manifest: &Manifest,
    root: &Hash,
    wanted: &BTreeSet<u64>,
    digests: &mut Digests,
    report: &mut Report,
) -> Result<Option<Tree>, BundleError> {
    let Some(file) = json::<RangeFile>(listing, RANGE, digests, report)? else {
        return Ok(None);
    };
    let range = RangeProof::from(file);
    let Ok(mut frontier) = range.frontier(manifest.first) else {
        report.find(Finding::FileMalformed {
            file: RANGE.to_owned(),
            reason: "its left side does not fit the first leaf".to_owned(),
        });
        return Ok(None);
    };
    let hashes = leaf_hashes(listing, manifest, digests, report)?;
    let mut roots = BTreeMap::new();
    let mut remember = |frontier: &Frontier| {
        if wanted.contains(&frontier.size()) {
            roots.insert(frontier.size(), frontier.root());
        }
    };
    remember(&frontier);
    for hash in hashes.iter().flatten() {
        frontier.append(*hash)?;
        remember(&frontier);
    }
    let completed = match range.complete(&mut frontier, manifest.tree_size, remember) {
        Ok(()) => true,
        // Without leaf hashes the sides are tried with the lines.
        Err(_) if hashes.is_none() => false,
        Err(_) => {
            report.find(Finding::FileMalformed {
                file: RANGE.to_owned(),
                reason: "its right side does not fit the last leaf".to_owned(),
            });
            return Ok(None);
        }
    };
    let is_proven = completed && hashes.is_some() && frontier.root() == *root;
    if hashes.is_none() {
        roots.clear();
    }
    Ok(Some(Tree {
        leaves: Leaves {
            hashes: hashes.unwrap_or_default(),
            indices: Indices::From(manifest.first),
            is_proven,
            unproven: 0,
        },
        roots,
        range: Some(range),
    }))
}

/// Selected events: each leaf leads to the root by itself.
pub(super) fn read_selected(
    listing: &Listing,
    manifest: &Manifest,
    root: &Hash,
    digests: &mut Digests,
    report: &mut Report,
) -> Result<Option<Tree>, BundleError> {
    if !listing.files.contains_key(PROOFS) {
        report.find(Finding::FileMissing {
            file: PROOFS.to_owned(),
        });
        return Ok(None);
    }
    let Some(hashes) = leaf_hashes(listing, manifest, digests, report)? else {
        return Ok(None);
    };
    let mut lines = Lines::open(listing.path(PROOFS))?;
    let mut indices: Vec<u64> = Vec::new();
    let mut unproven = 0;
    let mut fault = None;
    while let Some(line) = lines.next()? {
        // After the first fault only the digest of the file is still of use.
        if fault.is_some() {
            continue;
        }
        let number = indices.len() as u64 + 1;
        let parsed = (!line.is_too_long && line.is_ended).then(|| serde_json::from_slice::<ProofLine>(line.bytes));
        let proof = match parsed {
            Some(Ok(proof)) => proof,
            _ => {
                fault = Some(format!("line {number} is no proof"));
                continue;
            }
        };
        let expected = indices.last().map_or(Some(manifest.first), |last| last.checked_add(1));
        let is_in_order = match (expected, indices.is_empty()) {
            (Some(first), true) => proof.index == first,
            (Some(least), false) => proof.index >= least,
            (None, _) => false,
        };
        let Some(hash) = hashes.get(indices.len()).filter(|_| is_in_order) else {
            fault = Some(format!("line {number} is out of order, or one too many"));
            continue;
        };
        if verify_inclusion(hash, proof.index, manifest.tree_size, &proof.hashes, root).is_err() {
            unproven += 1;
            report.find(Finding::LeafUnproven {
                line: number,
                leaf: proof.index,
            });
        }
        indices.push(proof.index);
    }
    digests.insert(PROOFS.to_owned(), lines.digest());
    if fault.is_none() && indices.len() != hashes.len() {
        fault = Some(format!("it holds {} proofs for {} events", indices.len(), hashes.len()));
    }
    if let Some(reason) = fault {
        report.find(Finding::FileMalformed {
            file: PROOFS.to_owned(),
            reason,
        });
        return Ok(None);
    }
    Ok(Some(Tree {
        leaves: Leaves {
            hashes,
            indices: Indices::List(indices),
            is_proven: true,
            unproven,
        },
        roots: BTreeMap::new(),
        range: None,
    }))
}

/// The consistency proofs by the size from which they lead.
pub(super) fn read_consistency(
    listing: &Listing,
    digests: &mut Digests,
    report: &mut Report,
) -> Result<BTreeMap<u64, Vec<Hash>>, BundleError> {
    if !listing.files.contains_key(CONSISTENCY) {
        return Ok(BTreeMap::new());
    }
    let entries = json::<Vec<ConsistencyEntry>>(listing, CONSISTENCY, digests, report)?;
    let entries = entries.unwrap_or_default().into_iter();
    Ok(entries.map(|entry| (entry.from, entry.hashes)).collect())
}

/// How an earlier checkpoint stands to the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Continued,
    Forked,
    Inconsistent,
    NotCompared,
}

/// Compares an earlier checkpoint with the tree: by the root that follows from the leaf hashes, or by its proof.
pub(super) fn standing(
    earlier: &SignedCheckpoint,
    signed: &SignedCheckpoint,
    roots: Option<&BTreeMap<u64, Hash>>,
    consistency: &BTreeMap<u64, Vec<Hash>>,
) -> Standing {
    let size = earlier.size();
    let known = match size {
        0 => Some(Hash::empty_root()),
        _ if size == signed.size() => Some(*signed.root()),
        _ => roots.and_then(|roots| roots.get(&size)).copied(),
    };
    if let Some(root) = known {
        return if root == *earlier.root() {
            Standing::Continued
        } else {
            Standing::Forked
        };
    }
    let Some(proof) = consistency.get(&size) else {
        return Standing::NotCompared;
    };
    match crate::merkle::verify_consistency(size, earlier.root(), signed.size(), signed.root(), proof) {
        Ok(()) => Standing::Continued,
        Err(MerkleError::OutOfRange { .. } | MerkleError::Length | MerkleError::Root) => Standing::Inconsistent,
        Err(_) => Standing::NotCompared,
    }
}
