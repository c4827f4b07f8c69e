//! The body of an `add-checkpoint` request.

use super::WitnessError;
use crate::checkpoint::{Checkpoint, CheckpointError, parse_decimal};
use crate::hash::Hash;
use crate::note::{NOTE_MAX_BYTES, Note};
use crate::proof::parse_hashes;
use std::fmt;

/// More lines of proof than this are refused, as the specification says.
const MOST_HASHES: usize = 63;

/// The old size, the consistency proof from it, and the new checkpoint. `Display` writes the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpointRequest {
    /// The size of the latest checkpoint that the witness has cosigned, 0 if none.
    pub old_size: u64,
    /// The consistency proof from the old size to the checkpoint's.
    pub proof: Vec<Hash>,
    /// The log's signed checkpoint; not verified.
    pub checkpoint: Note,
}

impl AddCheckpointRequest {
    /// Parses a body.
    ///
    /// # Errors
    /// [`WitnessError::Malformed`], [`WitnessError::Checkpoint`] when what follows is no checkpoint.
    pub fn parse(body: &[u8]) -> Result<Self, WitnessError> {
        let malformed = |reason| WitnessError::Malformed { reason };
        if body.len() > NOTE_MAX_BYTES {
            return Err(malformed("it is too long"));
        }
        let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
        let (head, checkpoint) = text
            .split_once("\n\n")
            .ok_or(malformed("no empty line stands before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old_size = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(parse_decimal)
            .ok_or(malformed("it has no old size"))?;
        let proof = parse_hashes(lines, MOST_HASHES).ok_or(malformed("a line of it is no hash, or it has too many"))?;
        let checkpoint = Note::parse(checkpoint.as_bytes()).map_err(CheckpointError::from)?;
        // A note's text may hold empty lines; a checkpoint's does not.
        Checkpoint::parse(checkpoint.text())?;
        Ok(Self {
            old_size,
            proof,
            checkpoint,
        })
    }
}

impl fmt::Display for AddCheckpointRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        for hash in &self.proof {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}
