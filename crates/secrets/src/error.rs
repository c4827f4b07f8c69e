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
    #[error("no adapter for `{scheme}` references is compiled in and set up")]
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
    /// The store does not answer, or not in time; or it answers that it cannot.
    #[error("the secret store cannot be reached")]
    Unreachable(#[source] BoxError),
    /// The store knows who asks, and refuses.
    #[error("the secret store refuses this identity")]
    Refused(#[source] BoxError),
    /// Nobody vouches for this process: no token was to be had as which it could ask.
    #[error("no identity to ask the secret store as")]
    NoIdentity(#[source] BoxError),
    /// The store asks for a token that is meant for somebody else.
    #[error("the secret store asks for a token that is not meant for it: {what}")]
    ForeignChallenge {
        /// What does not belong to the store.
        what: &'static str,
    },
    /// The secret is there, and switched off, expired or waiting for its deletion.
    #[error("the secret `{name}` is disabled")]
    Disabled {
        /// The name within the store.
        name: String,
    },
    /// The store's answer is not what its protocol says.
    #[error("the secret store's answer cannot be understood")]
    Answer(#[source] BoxError),
    /// A setting of the store is unusable.
    #[error("the secret store is set up wrongly: {what}")]
    Setting {
        /// What is wrong.
        what: &'static str,
    },
}

/// What went wrong below, without any secret in its text.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl SecretError {
    /// Whether the store is merely away, so that what it said a while ago may still hold. An identity that it refuses, a
    /// secret that is gone or disabled, and an answer that makes no sense are no outage.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Io { .. })
    }
}

impl Classified for SecretError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::MalformedReference | Self::MalformedName => ErrorKind::Invalid,
            Self::Io { .. } | Self::Unreachable(_) | Self::NoIdentity(_) => ErrorKind::Unavailable,
            Self::Seal(source) => source.kind(),
            Self::NoAdapter { .. }
            | Self::Missing { .. }
            | Self::OtherStore
            | Self::Exposed { .. }
            | Self::Corrupt { .. }
            | Self::NotText
            | Self::Exists { .. }
            | Self::Refused(_)
            | Self::ForeignChallenge { .. }
            | Self::Disabled { .. }
            | Self::Answer(_)
            | Self::Setting { .. } => ErrorKind::Internal,
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
            Self::Unreachable(_) => "SEC-012",
            Self::Refused(_) => "SEC-013",
            Self::NoIdentity(_) => "SEC-014",
            Self::ForeignChallenge { .. } => "SEC-015",
            Self::Disabled { .. } => "SEC-016",
            Self::Answer(_) => "SEC-017",
            Self::Setting { .. } => "SEC-018",
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
            Self::Store(source) if source.is_outage() => ErrorKind::Unavailable,
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
