//! Checkpoints (C2SP tlog-checkpoint): a log's origin, size and root as the text of a signed note.

use crate::hash::Hash;
use crate::note::{Note, NoteError, Signer, SigningKey, VerifierKey};
use bearingwall_core::{Classified, ErrorKind};
use std::fmt;

/// Why a checkpoint was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note or its signatures.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is no checkpoint in the exact form.
    #[error("the checkpoint is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is another log's.
    #[error("the checkpoint is of the log `{found}`, not of `{expected}`")]
    Origin {
        /// The log that was asked about.
        expected: String,
        /// The log that it names.
        found: String,
    },
    /// Too few of the known witnesses have cosigned.
    #[error("{found} of the known witnesses have cosigned, and {needed} must")]
    Quorum {
        /// How many have.
        found: usize,
        /// How many must.
        needed: usize,
    },
}

impl Classified for CheckpointError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Note(error) => error.kind(),
            Self::Malformed { .. } => ErrorKind::Invalid,
            Self::Origin { .. } | Self::Quorum { .. } => ErrorKind::Forbidden,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Note(error) => error.code(),
            Self::Malformed { .. } => "TLG-020",
            Self::Origin { .. } => "TLG-021",
            Self::Quorum { .. } => "TLG-022",
        }
    }
}

const fn malformed(reason: &'static str) -> CheckpointError {
    CheckpointError::Malformed { reason }
}

/// What a log says about itself at a size.
///
/// `Display` writes the note's text, its final newline included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] for an origin that is empty or holds a control character, or another root than
    /// the empty one for size 0.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        if origin.is_empty() || origin.bytes().any(|byte| byte < b' ') {
            return Err(malformed("the origin is empty or holds a control character"));
        }
        if size == 0 && root != Hash::empty_root() {
            return Err(malformed("the root of the empty tree is another"));
        }
        Ok(Self {
            origin,
            size,
            root,
            extensions: Vec::new(),
        })
    }

    /// Parses a note's text.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let lines = text
            .strip_suffix('\n')
            .ok_or(malformed("it does not end in a newline"))?;
        let mut lines = lines.split('\n');
        let mut next = || lines.next().ok_or(malformed("it has fewer than three lines"));
        let (origin, size, root) = (next()?, next()?, next()?);
        let size = parse_decimal(size).ok_or(malformed("the size is not a plain decimal number"))?;
        let root = Hash::from_base64(root).ok_or(malformed("the root is not the base64 of 32 bytes"))?;
        let mut checkpoint = Self::new(origin, size, root)?;
        checkpoint.extensions = lines.map(str::to_owned).collect();
        if checkpoint.extensions.iter().any(String::is_empty) {
            return Err(malformed("an extension line is empty"));
        }
        Ok(checkpoint)
    }

    /// The log's identity.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root over these leaves.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// Opaque lines below the root; this project writes none.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The signed note that the log publishes.
    ///
    /// The caller signs only what continues everything that it has signed before.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] for a text that no note may have.
    pub fn sign(&self, keys: &[&SigningKey]) -> Result<Note, CheckpointError> {
        let mut note = Note::new(self.to_string())?;
        for key in keys {
            note.sign(key);
        }
        Ok(note)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A checkpoint whose log has signed it; made by [`SignedCheckpoint::open`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
    signers: Vec<Signer>,
}

impl SignedCheckpoint {
    /// Parses a signed note and verifies it.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] when it is malformed, carries a bad signature of one of `log_keys`, or none of theirs;
    /// [`CheckpointError::Malformed`]; [`CheckpointError::Origin`] when it is another log's.
    pub fn open(bytes: &[u8], origin: &str, log_keys: &[VerifierKey]) -> Result<Self, CheckpointError> {
        Self::verify(Note::parse(bytes)?, origin, log_keys)
    }

    /// The same for a note that is parsed already.
    ///
    /// # Errors
    /// As [`SignedCheckpoint::open`].
    pub fn verify(note: Note, origin: &str, log_keys: &[VerifierKey]) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != origin {
            return Err(CheckpointError::Origin {
                expected: origin.to_owned(),
                found: checkpoint.origin,
            });
        }
        let signers = note.verify(log_keys)?;
        Ok(Self {
            checkpoint,
            note,
            signers,
        })
    }

    /// Verifies the cosignatures (type `0x04`) of known witnesses and answers them.
    ///
    /// # Errors
    /// [`CheckpointError::Note`] for a bad cosignature of a known witness, [`CheckpointError::Quorum`] when fewer than
    /// `quorum` witnesses, each counted once by its public key, have cosigned.
    pub fn cosigners(&self, witnesses: &[VerifierKey], quorum: usize) -> Result<Vec<Signer>, CheckpointError> {
        let mut signers = match self.note.verify(witnesses) {
            Ok(signers) => signers,
            Err(NoteError::Unsigned) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        // SECURITY: only a cosignature says that consistency was checked, and a witness that is configured under two
        // names is one witness.
        let mut seen = Vec::new();
        signers.retain(|signer| {
            let public = *signer.key.public_bytes();
            let counts = signer.time_s.is_some() && !seen.contains(&public);
            seen.push(public);
            counts
        });
        if signers.len() < quorum {
            return Err(CheckpointError::Quorum {
                found: signers.len(),
                needed: quorum,
            });
        }
        Ok(signers)
    }

    /// What the log says.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The root over these leaves.
    #[must_use]
    pub fn root(&self) -> &Hash {
        &self.checkpoint.root
    }

    /// The note as it was signed, cosignatures included.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The log's keys that have signed.
    #[must_use]
    pub fn signers(&self) -> &[Signer] {
        &self.signers
    }
}

/// ASCII digits without leading zeros, below 2^64.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}
