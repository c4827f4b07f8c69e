//! Addresses to which nothing is sent any more: asked before each message, known by a keyed digest alone.

use super::{Address, MailError};
use aws_lc_rs::hmac;
use bearingwall_core::{CustomerId, Sensitive};
use futures_core::future::BoxFuture;
use std::error::Error;
use std::fmt;

/// What was said first into each digest, so that the same key never digests something else alike.
const CONTEXT: &[u8] = b"bearingwall/mail-suppression/1\0";

/// The key of the digests. With it, somebody could try out addresses; without it, nobody can.
pub struct SuppressionKey(hmac::Key);

impl SuppressionKey {
    /// Takes a key of 32 bytes.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the key is taken for digests"
    )]
    pub fn new(key: &Sensitive<[u8; 32]>) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    /// The digest of an address: HMAC-SHA-256 over the address in lower case. Some servers tell the local parts `Ada` and
    /// `ada` apart; here both stop, since the wrong one of two mistakes is to send.
    #[must_use]
    pub fn digest(&self, address: &Address) -> AddressDigest {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(CONTEXT);
        context.update(address.wire().to_ascii_lowercase().as_bytes());
        let mut digest = [0; 32];
        for (byte, of) in digest.iter_mut().zip(context.sign().as_ref()) {
            *byte = *of;
        }
        AddressDigest(digest)
    }
}

impl fmt::Debug for SuppressionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SuppressionKey(…)")
    }
}

/// An address as the list knows it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddressDigest([u8; 32]);

impl AddressDigest {
    /// Its bytes, for a store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for AddressDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AddressDigest(…)")
    }
}

/// Why nothing is sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It does not exist, or refuses for good.
    Bounced,
    /// Who reads it has called a message unwanted.
    Complained,
}

/// Whose messages an address is stopped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This tenant's.
    Tenant(CustomerId),
    /// Everybody's: the event did not say whose message it was.
    Everybody,
}

/// An address that is to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Whose messages.
    pub scope: Scope,
    /// Which address.
    pub address: AddressDigest,
    /// Why.
    pub stop: Stop,
}

/// The list of stopped addresses.
pub trait Suppressions: Send + Sync {
    /// Why nothing of this tenant is sent to the address, if so; what is stopped for everybody counts.
    fn stop_of<'a>(
        &'a self,
        customer: CustomerId,
        address: &'a AddressDigest,
    ) -> BoxFuture<'a, Result<Option<Stop>, Box<dyn Error + Send + Sync>>>;

    /// Puts an address on the list. Once more changes nothing.
    fn stop<'a>(&'a self, change: &'a Change) -> BoxFuture<'a, Result<(), Box<dyn Error + Send + Sync>>>;
}

pub(super) fn unavailable(source: Box<dyn Error + Send + Sync>) -> MailError {
    MailError::Suppressions { source }
}
