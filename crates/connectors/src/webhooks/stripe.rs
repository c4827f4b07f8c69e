//! Stripe: `Stripe-Signature: t=<seconds>,v1=<hexadecimal>` over `<seconds>.<body>` with HMAC-SHA256.
//!
//! Stricter than Stripe's own libraries on purpose: a time in the future is bounded as one in the past is, a second `t` is
//! refused, and hexadecimal has one spelling.

use super::keys::HmacKeys;
use super::{Delivery, Event, MAX_SIGNATURES, Verified, WebhookError, fresh, sha256, unhex, verified};
use aws_lc_rs::hmac::HMAC_SHA256;
use bearingwall_core::Phi;
use serde_json::{Map, Value};
use std::fmt;
use time::OffsetDateTime;

/// The header that holds the time and the signatures.
pub const HEADER: &str = "Stripe-Signature";

/// Verifies what Stripe sends to one endpoint.
pub struct Stripe {
    keys: HmacKeys,
}

impl Stripe {
    /// Takes the endpoint's signing secrets, `whsec_` included, the current one first.
    ///
    /// # Errors
    /// [`WebhookError::Secrets`].
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WebhookError> {
        let keys = HmacKeys::new(HMAC_SHA256, secrets)?;
        Ok(Self { keys })
    }

    /// Settles who sent a delivery, at `now`.
    ///
    /// # Errors
    /// [`WebhookError::Refused`]; [`WebhookError::Malformed`] for a genuine body without the id of an event.
    // CONTROL: CON-1
    pub fn verify(&self, delivery: &Delivery<'_>, now: OffsetDateTime) -> Result<Verified<Event>, WebhookError> {
        let header = Header::read(delivery.header(HEADER)?)?;
        let signed_at = fresh(header.time, now)?;
        let tags = self.keys.tags(&[header.time.as_bytes(), b".", delivery.body]);
        let key = HmacKeys::signer(&tags, &header.signatures).ok_or(WebhookError::Refused)?;
        let mut content: Map<String, Value> =
            serde_json::from_slice(delivery.body).map_err(|_| WebhookError::Malformed)?;
        // How many deliveries are still to be made: it may differ from one attempt to the next.
        content.remove("pending_webhooks");
        let id = content
            .get("id")
            .and_then(Value::as_str)
            .ok_or(WebhookError::Malformed)?
            .to_owned();
        let content = serde_json::to_vec(&content).map_err(|_| WebhookError::Malformed)?;
        verified(Event {
            id,
            digest: sha256(&content),
            key,
            signed_at: Some(signed_at),
            body: Phi::new(delivery.body.to_vec()),
        })
    }
}

impl fmt::Debug for Stripe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stripe(…)")
    }
}

struct Header<'a> {
    time: &'a str,
    signatures: Vec<[u8; 32]>,
}

impl<'a> Header<'a> {
    fn read(text: &'a str) -> Result<Self, WebhookError> {
        let mut time = None;
        let mut signatures = Vec::new();
        for item in text.split(',') {
            let (name, value) = item.split_once('=').ok_or(WebhookError::Refused)?;
            match name {
                "t" if time.is_none() => time = Some(value),
                "t" => return Err(WebhookError::Refused),
                "v1" => signatures.push(unhex(value).ok_or(WebhookError::Refused)?),
                // `v0` signs with nothing that we hold; what a later scheme is called is not known here.
                _ => {}
            }
        }
        match time {
            Some(time) if (1..=MAX_SIGNATURES).contains(&signatures.len()) => Ok(Self { time, signatures }),
            Some(_) | None => Err(WebhookError::Refused),
        }
    }
}
