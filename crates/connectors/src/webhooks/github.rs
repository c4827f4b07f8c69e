//! GitHub: `X-Hub-Signature-256: sha256=<hexadecimal>` over the body with HMAC-SHA256.
//!
//! Neither a time nor the delivery's id is signed, so the event's id is the digest of its content: a replay is a duplicate.

use super::keys::HmacKeys;
use super::{Delivery, Event, Verified, WebhookError, hex, sha256, unhex, verified};
use aws_lc_rs::hmac::HMAC_SHA256;
use bearingwall_core::Phi;
use std::fmt;

/// The header that holds the signature.
pub const HEADER: &str = "X-Hub-Signature-256";

/// Verifies what GitHub sends to one endpoint.
pub struct GitHub {
    keys: HmacKeys,
}

impl GitHub {
    /// Takes the endpoint's secrets, the current one first.
    ///
    /// # Errors
    /// [`WebhookError::Secrets`].
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WebhookError> {
        let keys = HmacKeys::new(HMAC_SHA256, secrets)?;
        Ok(Self { keys })
    }

    /// Settles who sent a delivery.
    ///
    /// # Errors
    /// [`WebhookError::Refused`].
    // CONTROL: CON-1
    pub fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified<Event>, WebhookError> {
        let value = delivery.header(HEADER)?;
        let signature = value
            .strip_prefix("sha256=")
            .and_then(unhex)
            .ok_or(WebhookError::Refused)?;
        let tags = self.keys.tags(&[delivery.body]);
        let key = HmacKeys::signer(&tags, &[signature]).ok_or(WebhookError::Refused)?;
        let digest = sha256(delivery.body);
        verified(Event {
            id: hex(&digest),
            digest,
            key,
            signed_at: None,
            body: Phi::new(delivery.body.to_vec()),
        })
    }
}

impl fmt::Debug for GitHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GitHub(…)")
    }
}
