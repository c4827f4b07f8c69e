//! Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp` and `webhook-signature` over `<id>.<seconds>.<body>`, with
//! HMAC-SHA256 (`v1`) or Ed25519 (`v1a`, RFC 8032).

use super::keys::HmacKeys;
use super::{
    Delivery, Event, MAX_ID_BYTES, MAX_SECRETS, MAX_SIGNATURES, Verified, WebhookError, fresh, sha256, verified,
};
use aws_lc_rs::hmac::HMAC_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_core::Phi;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// The header that holds the message's id.
pub const ID_HEADER: &str = "webhook-id";
/// The header that holds the time, in seconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header that holds the signatures.
pub const SIGNATURE_HEADER: &str = "webhook-signature";
/// How many bytes a shared secret has, by the specification.
pub const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What a private key begins with.
const PRIVATE_PREFIX: &str = "whsk_";

/// Verifies what a sender of Standard Webhooks sends to one endpoint: with shared secrets or with public keys.
pub struct Standard(Keys);

enum Keys {
    Shared(HmacKeys),
    Public(Vec<VerifyingKey>),
}

impl Standard {
    /// Takes shared secrets (`whsec_` and base64; the prefix may be missing), or public keys (`whpk_` and base64), the current
    /// one first. One endpoint has the one or the other: which scheme a signature must have is never the sender's choice.
    ///
    /// # Errors
    /// [`WebhookError::Secrets`].
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WebhookError> {
        let mut shared = Vec::new();
        let mut public = Vec::new();
        for secret in secrets {
            let text = std::str::from_utf8(secret).map_err(|_| WebhookError::Secrets)?;
            match text.strip_prefix("whpk_") {
                Some(encoded) => public.push(public_key(encoded)?),
                None => shared.push(shared_secret(text)?),
            }
        }
        match (shared.is_empty(), public.len()) {
            (false, 0) => HmacKeys::new(HMAC_SHA256, shared.iter().map(|secret| secret.as_slice()))
                .map(|keys| Self(Keys::Shared(keys))),
            (true, 1..=MAX_SECRETS) => Ok(Self(Keys::Public(public))),
            _ => Err(WebhookError::Secrets),
        }
    }

    /// Settles who sent a delivery, at `now`.
    ///
    /// # Errors
    /// [`WebhookError::Refused`].
    // CONTROL: CON-1
    pub fn verify(&self, delivery: &Delivery<'_>, now: OffsetDateTime) -> Result<Verified<Event>, WebhookError> {
        let id = delivery.header(ID_HEADER)?;
        let time = delivery.header(TIMESTAMP_HEADER)?;
        if !is_id(id) {
            return Err(WebhookError::Refused);
        }
        let signed_at = fresh(time, now)?;
        let signatures: Vec<_> = delivery.header(SIGNATURE_HEADER)?.split(' ').collect();
        if signatures.len() > MAX_SIGNATURES {
            return Err(WebhookError::Refused);
        }
        let parts: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", delivery.body];
        let signer = match &self.0 {
            Keys::Shared(keys) => HmacKeys::signer(&keys.tags(&parts), &decoded::<32>(&signatures, "v1,")),
            Keys::Public(keys) => public_signer(keys, &parts.concat(), &decoded::<64>(&signatures, "v1a,")),
        };
        verified(Event {
            id: id.to_owned(),
            digest: sha256(delivery.body),
            key: signer.ok_or(WebhookError::Refused)?,
            signed_at: Some(signed_at),
            body: Phi::new(delivery.body.to_vec()),
        })
    }
}

impl fmt::Debug for Standard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Standard(…)")
    }
}

/// Signs what we send, with each of the endpoint's secrets, so that a receiver may still hold the one before.
pub struct Signer(SigningKeys);

enum SigningKeys {
    Shared(HmacKeys),
    Private(Vec<SigningKey>),
}

impl Signer {
    /// Takes the endpoint's shared secrets, or private keys (`whsk_` and base64 of seed and public key), the current one first.
    ///
    /// # Errors
    /// [`WebhookError::Secrets`], also where both kinds stand side by side.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, WebhookError> {
        let mut shared = Vec::new();
        let mut private = Vec::new();
        for secret in secrets {
            let text = std::str::from_utf8(secret).map_err(|_| WebhookError::Secrets)?;
            match text.strip_prefix(PRIVATE_PREFIX) {
                Some(encoded) => private.push(private_key(encoded)?),
                None => shared.push(shared_secret(text)?),
            }
        }
        match (shared.is_empty(), private.len()) {
            (false, 0) => HmacKeys::new(HMAC_SHA256, shared.iter().map(|secret| secret.as_slice()))
                .map(|keys| Self(SigningKeys::Shared(keys))),
            (true, 1..=MAX_SECRETS) => Ok(Self(SigningKeys::Private(private))),
            _ => Err(WebhookError::Secrets),
        }
    }

    /// The value of [`SIGNATURE_HEADER`] for a message.
    ///
    /// # Errors
    /// [`WebhookError::Malformed`] for an id that holds a full stop, or anything that is not visible ASCII.
    pub fn sign(&self, id: &str, at: OffsetDateTime, body: &[u8]) -> Result<String, WebhookError> {
        if !is_id(id) {
            return Err(WebhookError::Malformed);
        }
        let time = at.unix_timestamp().to_string();
        let parts: [&[u8]; 5] = [id.as_bytes(), b".", time.as_bytes(), b".", body];
        let values: Vec<_> = match &self.0 {
            SigningKeys::Shared(keys) => {
                let tags = keys.tags(&parts);
                tags.iter()
                    .map(|tag| format!("v1,{}", BASE64.encode(tag.as_ref())))
                    .collect()
            }
            SigningKeys::Private(keys) => {
                let signed = parts.concat();
                let sign = |key: &SigningKey| BASE64.encode(key.sign(&signed).to_bytes());
                keys.iter().map(|key| format!("v1a,{}", sign(key))).collect()
            }
        };
        Ok(values.join(" "))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

/// SECURITY: with a full stop in it, the id `a.1` at 2 signs as the id `a` at 1 does with a body that begins with `2.`.
fn is_id(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.')
}

/// The signatures of one version; what belongs to another, or is none, is nobody's.
fn decoded<const BYTES: usize>(signatures: &[&str], version: &str) -> Vec<[u8; BYTES]> {
    let decode = |value: &&str| BASE64.decode(value.strip_prefix(version)?).ok()?.try_into().ok();
    signatures.iter().filter_map(decode).collect()
}

fn public_signer(keys: &[VerifyingKey], signed: &[u8], signatures: &[[u8; 64]]) -> Option<usize> {
    let made = |key: &VerifyingKey| {
        let holds = |bytes: &[u8; 64]| key.verify_strict(signed, &Signature::from_bytes(bytes)).is_ok();
        signatures.iter().any(holds)
    };
    keys.iter().position(made)
}

fn shared_secret(text: &str) -> Result<Zeroizing<Vec<u8>>, WebhookError> {
    let encoded = text.strip_prefix("whsec_").unwrap_or(text);
    match BASE64.decode(encoded).map(Zeroizing::new) {
        Ok(secret) if SECRET_BYTES.contains(&secret.len()) => Ok(secret),
        Ok(_) | Err(_) => Err(WebhookError::Secrets),
    }
}

fn private_key(encoded: &str) -> Result<SigningKey, WebhookError> {
    let bytes = BASE64
        .decode(encoded)
        .map(Zeroizing::new)
        .map_err(|_| WebhookError::Secrets)?;
    let bytes: &[u8; 64] = bytes.as_slice().try_into().map_err(|_| WebhookError::Secrets)?;
    SigningKey::from_keypair_bytes(bytes).map_err(|_| WebhookError::Secrets)
}

/// A new secret of 32 random bytes: `whsec_` and base64.
pub(crate) fn shared_secret_new() -> Result<Zeroizing<String>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    Ok(Zeroizing::new(format!("whsec_{}", BASE64.encode(bytes.as_slice()))))
}

/// A new pair of keys: `whsk_` and base64 of seed and public key, and `whpk_` and base64 of the public key.
pub(crate) fn key_pair_new() -> Result<(Zeroizing<String>, String), getrandom::Error> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())?;
    let key = SigningKey::from_bytes(&seed);
    let pair = Zeroizing::new(key.to_keypair_bytes());
    let private = Zeroizing::new(format!("{PRIVATE_PREFIX}{}", BASE64.encode(pair.as_slice())));
    Ok((
        private,
        format!("whpk_{}", BASE64.encode(key.verifying_key().as_bytes())),
    ))
}

fn public_key(encoded: &str) -> Result<VerifyingKey, WebhookError> {
    let bytes = BASE64.decode(encoded).map_err(|_| WebhookError::Secrets)?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| WebhookError::Secrets)?;
    match VerifyingKey::from_bytes(&bytes) {
        Ok(key) if !key.is_weak() => Ok(key),
        Ok(_) | Err(_) => Err(WebhookError::Secrets),
    }
}
