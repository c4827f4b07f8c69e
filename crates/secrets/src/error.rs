//! What can go wrong with a secret or a key; no variant ever holds one.

use crate::Scheme;
use bearingwall_core::{Classified, ErrorKind};
use std::io;
use std::path::PathBuf;

/// A secret could not be named, stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// A text is no reference. It is not repeated: it may be the secret itself, put where its reference belongs.
    #[error("not a secret reference of the form `scheme://store/name`")]
    MalformedReference,
    /// The configuration names a store whose adapter is not part of this program.
    #[error("no adapter for `{scheme}` references was compiled in")]
    NoAdapter {
        /// The scheme that was asked for.
        scheme: Scheme,
    },
    /// The store has no such secret.
    #[error("the store has no secret `{name}`")]
    Missing {
        /// The name within the store.
        name: String,
    },
    /// The reference belongs to another store than the one that was asked.
    #[error("the reference points to another store")]
    OtherStore,
    /// Somebody else could read or replace a file of the store.
    #[error("`{path}` {exposure}")]
    Exposed {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        exposure: &'static str,
    },
    /// The file system refused.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A file of the store is damaged, or was changed by something other than this crate.
    #[error("`{path}` is damaged or was tampered with")]
    Corrupt {
        /// The file.
        path: PathBuf,
    },
    /// A secret that must be text is not.
    #[error("the secret is not UTF-8 text")]
    NotText,
    /// A name holds something other than letters, digits and `._/-`, or is too long.
    #[error("a secret's name must be 1 to 128 of the characters `A-Z a-z 0-9 . _ / -`")]
    MalformedName,
    /// There is a store already.
    #[error("`{path}` already holds a store")]
    Exists {
        /// The store's directory.
        path: PathBuf,
    },
    /// The envelope refused to seal.
    #[error("cannot seal the secret")]
    Seal(#[source] Box<KeyError>),
}

impl Classified for SecretError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::MalformedReference | Self::MalformedName => ErrorKind::Invalid,
            Self::Io { .. } => ErrorKind::Unavailable,
            Self::Seal(source) => source.kind(),
            Self::NoAdapter { .. }
            | Self::Missing { .. }
            | Self::OtherStore
            | Self::Exposed { .. }
            | Self::Corrupt { .. }
            | Self::NotText
            | Self::Exists { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::MalformedReference => "SEC-001",
            Self::NoAdapter { .. } => "SEC-002",
            Self::Missing { .. } => "SEC-003",
            Self::OtherStore => "SEC-004",
            Self::Exposed { .. } => "SEC-005",
            Self::Io { .. } => "SEC-006",
            Self::Corrupt { .. } => "SEC-007",
            Self::NotText => "SEC-008",
            Self::MalformedName => "SEC-009",
            Self::Exists { .. } => "SEC-010",
            Self::Seal(_) => "SEC-011",
        }
    }
}

/// A key could not be made, wrapped, unwrapped or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Wrong key, wrong place, or changed bytes. Which of them is not told: that would help an attacker only.
    #[error("the ciphertext does not open under this key at this place")]
    Refused,
    /// The bytes were not made by this crate, or by a version of it that is not known here.
    #[error("the ciphertext has no known envelope format")]
    UnknownFormat,
    /// Key material of another length than 32 bytes.
    #[error("a data key has 32 bytes")]
    Length,
    /// More bytes than AES-GCM encrypts in one message (NIST SP 800-38D, section 5.2.1.1).
    #[error("the text is too long for one ciphertext")]
    TooLong,
    /// The system's random source failed; nothing is encrypted without it.
    #[error("the system's random source failed")]
    Random(#[source] getrandom::Error),
    /// The key-encryption key has no such version (any more).
    #[error("the key-encryption key has no version `{version}`")]
    UnknownVersion {
        /// The version that the wrapped key names.
        version: String,
    },
    /// The store of the key-encryption key failed.
    #[error("cannot reach the key-encryption key")]
    Store(#[source] SecretError),
}

impl Classified for KeyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Random(_) => ErrorKind::Unavailable,
            Self::TooLong => ErrorKind::Invalid,
            // A file that cannot be read now may be readable later; everything else needs an operator.
            Self::Store(SecretError::Io { .. }) => ErrorKind::Unavailable,
            Self::Store(_) | Self::Refused | Self::UnknownFormat | Self::Length | Self::UnknownVersion { .. } => {
                ErrorKind::Internal
            }
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Refused => "SEC-020",
            Self::UnknownFormat => "SEC-021",
            Self::Length => "SEC-022",
            Self::TooLong => "SEC-023",
            Self::Random(_) => "SEC-024",
            Self::UnknownVersion { .. } => "SEC-025",
            Self::Store(_) => "SEC-026",
        }
    }
}
