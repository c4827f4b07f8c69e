//! The sealer's key, and the names under which its logs know it.

use crate::error::SealingError;
use bearingwall_tlog::note::{KeyKind, SigningKey, VerifierKey};
use std::fmt;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What an Ed25519 signing key is made from (RFC 8032, section 5.1.5).
///
/// One key signs all logs of a database, in each under the name of that log (C2SP tlog-checkpoint: the key's name is the
/// log's origin), so that a note for one log is a note for no other.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    /// From the 32 bytes of the private key, which must be random.
    #[must_use]
    pub const fn from_seed(seed: Zeroizing<[u8; 32]>) -> Self {
        Self(seed)
    }

    /// The key as the log `origin` knows it.
    ///
    /// # Errors
    /// [`SealingError::Note`] for a name that no key may have.
    pub fn for_log(&self, origin: &str) -> Result<SigningKey, SealingError> {
        SigningKey::from_seed(origin, &self.0).map_err(SealingError::note)
    }

    /// The public key under the name `origin`.
    ///
    /// # Errors
    /// [`SealingError::Note`] for a name that no key may have.
    pub fn verifier(&self, origin: &str) -> Result<VerifierKey, SealingError> {
        self.for_log(origin).map(|key| key.verifier())
    }
}

/// The name of a tenant's log, by which its checkpoints are told from those of all others.
#[must_use]
pub fn log_origin(root: &str, customer: Uuid) -> String {
    format!("{root}/{customer}")
}

/// A public key under the name of one log, whatever name it was written down with.
///
/// # Errors
/// [`SealingError::Note`] for a name that no key may have.
pub fn key_for_log(trusted: &VerifierKey, origin: &str) -> Result<VerifierKey, SealingError> {
    VerifierKey::new(origin, KeyKind::Ed25519, trusted.public_bytes()).map_err(SealingError::note)
}
