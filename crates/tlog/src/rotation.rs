//! Rotation of a log's key: the old key says which key signs from which size on.
//!
//! The format is this project's own: a signed note whose text is four lines, the origin,
//! `bearingwall-key-rotation/v1`, the first size that the new key signs (decimal), and the new key in the form of
//! [`VerifierKey`].

use crate::checkpoint::parse_decimal;
use crate::note::{KeyKind, Note, NoteError, SigningKey, VerifierKey};
use bearingwall_core::{Classified, ErrorKind};
use std::fmt;

const HEADER: &str = "bearingwall-key-rotation/v1";

/// Why a rotation was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// The note or its signature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is no rotation in the exact form.
    #[error("the rotation is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It is of another log.
    #[error("the rotation is of the log `{found}`")]
    Origin {
        /// The log that it names.
        found: String,
    },
    /// It starts at a size below one before it, or brings a key that was used before.
    #[error("the rotation does not continue the one before it")]
    Order,
    /// No rotation leads from the trusted key, or to it.
    #[error("the trusted key does not stand in the chain of keys")]
    Untrusted,
}

impl Classified for RotationError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Note(error) => error.kind(),
            Self::Malformed { .. } => ErrorKind::Invalid,
            Self::Origin { .. } | Self::Order | Self::Untrusted => ErrorKind::Forbidden,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Note(error) => error.code(),
            Self::Malformed { .. } => "TLG-050",
            Self::Origin { .. } => "TLG-051",
            Self::Order => "TLG-052",
            Self::Untrusted => "TLG-053",
        }
    }
}

const fn malformed(reason: &'static str) -> RotationError {
    RotationError::Malformed { reason }
}

/// One change of a log's key. `Display` writes the note's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    origin: String,
    from_size: u64,
    key: VerifierKey,
}

impl Rotation {
    /// The log `origin` is signed by `key` from the checkpoint of `from_size` leaves on.
    ///
    /// # Errors
    /// [`RotationError::Malformed`] for a key that is not of type `0x01`.
    pub fn new(origin: &str, from_size: u64, key: VerifierKey) -> Result<Self, RotationError> {
        if key.kind() != KeyKind::Ed25519 {
            return Err(malformed("the new key is not of type `0x01`"));
        }
        if origin.is_empty() || origin.contains('\n') {
            return Err(malformed("the origin is empty or more than a line"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            from_size,
            key,
        })
    }

    /// Parses a note's text.
    ///
    /// # Errors
    /// [`RotationError::Malformed`], [`RotationError::Note`] for the key in it.
    pub fn parse(text: &str) -> Result<Self, RotationError> {
        let lines: Vec<&str> = text.split('\n').collect();
        let [origin, HEADER, from_size, key, ""] = lines.as_slice() else {
            return Err(malformed("it does not have its four lines"));
        };
        let from_size = parse_decimal(from_size).ok_or(malformed("the size is not a plain decimal number"))?;
        Self::new(origin, from_size, VerifierKey::parse(key)?)
    }

    /// The note by which the old key hands over.
    ///
    /// # Errors
    /// [`RotationError::Note`] for a text that no note may have.
    pub fn sign(&self, old_key: &SigningKey) -> Result<Note, RotationError> {
        let mut note = Note::new(self.to_string())?;
        note.sign(old_key);
        Ok(note)
    }

    /// The first size that the new key signs.
    #[must_use]
    pub fn from_size(&self) -> u64 {
        self.from_size
    }

    /// The new key.
    #[must_use]
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{HEADER}\n{}\n{}", self.origin, self.from_size, self.key)
    }
}

/// Which key is right at which size; made by [`KeyChain::verify`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChain {
    /// First size and key, sizes never falling.
    keys: Vec<(u64, VerifierKey)>,
}

impl KeyChain {
    /// A log that has never changed its key.
    #[must_use]
    pub fn single(key: VerifierKey) -> Self {
        Self { keys: vec![(0, key)] }
    }

    /// Follows the rotations of a log, oldest first, from the key that is trusted.
    ///
    /// The trusted key may also be a later one: then only what it and its successors sign can be verified, and the
    /// rotations before it are passed over.
    ///
    /// # Errors
    /// [`RotationError::Note`] when a rotation is malformed or not signed by the key before it,
    /// [`RotationError::Origin`], [`RotationError::Order`] when sizes fall or a key comes back, and
    /// [`RotationError::Untrusted`] when the trusted key has no place in the chain.
    pub fn verify<N: AsRef<[u8]>>(origin: &str, trusted: &VerifierKey, rotations: &[N]) -> Result<Self, RotationError> {
        let mut read = Vec::with_capacity(rotations.len());
        for bytes in rotations {
            let note = Note::parse(bytes.as_ref())?;
            let rotation = Rotation::parse(note.text())?;
            if rotation.origin != origin {
                return Err(RotationError::Origin { found: rotation.origin });
            }
            read.push((note, rotation));
        }
        let trusted_at = read.iter().position(|(_, rotation)| rotation.key == *trusted);
        let start = trusted_at.and_then(|at| Some((at, read.get(at)?.1.from_size)));
        let (skipped, from_size) = start.map_or((0, 0), |(at, from_size)| (at + 1, from_size));
        let mut chain = Self {
            keys: vec![(from_size, trusted.clone())],
        };
        for (note, rotation) in read.into_iter().skip(skipped) {
            let Some((last_size, last_key)) = chain.keys.last() else {
                return Err(RotationError::Untrusted);
            };
            if rotation.from_size < *last_size || chain.keys.iter().any(|(_, key)| *key == rotation.key) {
                return Err(RotationError::Order);
            }
            note.verify(std::slice::from_ref(last_key))
                .map_err(|error| match error {
                    NoteError::Unsigned => RotationError::Untrusted,
                    other => other.into(),
                })?;
            chain.keys.push((rotation.from_size, rotation.key));
        }
        Ok(chain)
    }

    /// The key that signs the checkpoint of a size; `None` where that lies before the trusted key.
    #[must_use]
    pub fn key_at(&self, size: u64) -> Option<&VerifierKey> {
        let valid = self.keys.iter().rev().find(|(from_size, _)| *from_size <= size);
        valid.map(|(_, key)| key)
    }

    /// Every key with the first size that it signs.
    #[must_use]
    pub fn keys(&self) -> &[(u64, VerifierKey)] {
        &self.keys
    }
}
