//! What an export claims to be, and the JSON around its proofs.

use crate::hash::Hash;
use crate::merkle::RangeProof;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The value of `format`.
pub(super) const FORMAT: &str = "bearingwall-audit-export/1";

/// Numbers in JSON stay below 2^53, so that every reader holds them exactly.
const NUMBER_LIMIT: u64 = 1 << 53;

/// How the events of an export were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Every leaf from `first` on, `count` of them: that none is missing is proven.
    Range,
    /// Single leaves, each with its own proof; it is not proven that nothing else would belong to them.
    Selected,
}

/// The content of `manifest.json`. It is not signed: it says what to check, and every claim is checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `bearingwall-audit-export/1`.
    pub format: String,
    /// The log's identity.
    pub origin: String,
    /// The tenant whose log it is.
    pub customer_id: Uuid,
    /// The leaf index of the first event; 0 if there is none.
    pub first: u64,
    /// The number of events.
    pub count: u64,
    /// The number of leaves of the tree that `checkpoint` signs.
    pub tree_size: u64,
    /// How the events were chosen.
    pub selection: Selection,
    /// The SHA-256 of every other file, by its path in the folder.
    pub files: BTreeMap<String, Hash>,
}

impl Manifest {
    /// Parses the file; the error says what is wrong in words.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if manifest.format != FORMAT {
            return Err(format!("its format is not `{FORMAT}`"));
        }
        let numbers = [manifest.first, manifest.count, manifest.tree_size];
        if numbers.iter().any(|number| *number >= NUMBER_LIMIT) {
            return Err("a number of it is 2^53 or more".to_owned());
        }
        // Each below 2^53: the sum does not overflow.
        let fits = match manifest.selection {
            Selection::Range => manifest.first + manifest.count <= manifest.tree_size,
            Selection::Selected => manifest.count == 0 || manifest.first + manifest.count <= manifest.tree_size,
        };
        if !fits {
            return Err("its events lie outside its tree".to_owned());
        }
        Ok(manifest)
    }
}

/// `range.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RangeFile {
    left: Vec<Hash>,
    right: Vec<Hash>,
}

impl From<RangeFile> for RangeProof {
    fn from(file: RangeFile) -> Self {
        Self {
            left: file.left,
            right: file.right,
        }
    }
}

impl From<&RangeProof> for RangeFile {
    fn from(proof: &RangeProof) -> Self {
        Self {
            left: proof.left.clone(),
            right: proof.right.clone(),
        }
    }
}

/// A line of `proofs.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofLine {
    pub(super) index: u64,
    pub(super) hashes: Vec<Hash>,
}

/// An element of `consistency.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsistencyEntry {
    pub(super) from: u64,
    pub(super) hashes: Vec<Hash>,
}
