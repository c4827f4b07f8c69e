//! Proofs that are verified offline (C2SP tlog-proof): an entry's index, its inclusion proof and a checkpoint in one
//! text.

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint, parse_decimal};
use crate::hash::Hash;
use crate::merkle::{MerkleError, verify_inclusion};
use crate::note::{Note, VerifierKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bearingwall_core::{Classified, ErrorKind};
use std::fmt;

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A path in a tree of 2^64 - 1 leaves has 64 hashes.
const MOST_HASHES: usize = 64;

/// Why a proof was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// It is no proof in the exact form.
    #[error("the proof is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not where it says, or not in the tree.
    #[error(transparent)]
    Inclusion(#[from] MerkleError),
}

impl Classified for ProofError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed { .. } => ErrorKind::Invalid,
            Self::Checkpoint(error) => error.kind(),
            Self::Inclusion(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "TLG-040",
            Self::Checkpoint(error) => error.code(),
            Self::Inclusion(error) => error.code(),
        }
    }
}

const fn malformed(reason: &'static str) -> ProofError {
    ProofError::Malformed { reason }
}

/// A proof in the exact form; not verified. `Display` writes its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Data of the application; nothing authenticates it.
    pub extra: Option<Vec<u8>>,
    /// The entry's index in the log, from 0.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling to the root's child.
    pub hashes: Vec<Hash>,
    /// The checkpoint as the log issued it, cosignatures included.
    pub checkpoint: Note,
}

impl LogProof {
    /// Parses a proof; files of it are called `*.tlog-proof`.
    ///
    /// # Errors
    /// [`ProofError::Malformed`], [`ProofError::Checkpoint`] when what follows is no checkpoint.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let (head, checkpoint) = text
            .split_once("\n\n")
            .ok_or(malformed("no empty line stands before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("its first line is another"));
        }
        let extra = lines
            .next_if(|line| line.starts_with("extra "))
            .and_then(|line| line.strip_prefix("extra "))
            .map(|data| {
                STANDARD
                    .decode(data)
                    .map_err(|_| malformed("its extra data is not base64"))
            })
            .transpose()?;
        let index = lines
            .next()
            .and_then(|line| line.strip_prefix("index "))
            .and_then(parse_decimal)
            .ok_or(malformed("it has no index"))?;
        let hashes =
            parse_hashes(lines, MOST_HASHES).ok_or(malformed("a line of it is no hash, or it has too many"))?;
        let checkpoint = Note::parse(checkpoint.as_bytes()).map_err(CheckpointError::from)?;
        // A note's text may hold empty lines; a checkpoint's does not.
        Checkpoint::parse(checkpoint.text())?;
        Ok(Self {
            extra,
            index,
            hashes,
            checkpoint,
        })
    }

    /// Verifies that the log with these keys has the entry, and that enough witnesses have seen its checkpoint.
    ///
    /// # Errors
    /// [`ProofError::Checkpoint`] when the checkpoint is another log's, is not signed by its key, or lacks the quorum of
    /// cosignatures; [`ProofError::Inclusion`] when the entry is not at the index.
    pub fn verify(
        &self,
        leaf_hash: &Hash,
        origin: &str,
        log_keys: &[VerifierKey],
        witnesses: &[VerifierKey],
        quorum: usize,
    ) -> Result<SignedCheckpoint, ProofError> {
        let checkpoint = SignedCheckpoint::verify(self.checkpoint.clone(), origin, log_keys)?;
        checkpoint.cosigners(witnesses, quorum)?;
        verify_inclusion(
            leaf_hash,
            self.index,
            checkpoint.size(),
            &self.hashes,
            checkpoint.root(),
        )?;
        Ok(checkpoint)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// One base64 hash for each line; `None` if a line is none or there are more than `most`.
pub(crate) fn parse_hashes<'a>(lines: impl Iterator<Item = &'a str>, most: usize) -> Option<Vec<Hash>> {
    let hashes: Vec<Hash> = lines.take(most + 1).map(Hash::from_base64).collect::<Option<_>>()?;
    (hashes.len() <= most).then_some(hashes)
}
