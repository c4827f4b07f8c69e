//! Webhooks: who really sent a request is settled over its raw bytes, before anything of it is read.

pub mod github;
mod keys;
pub mod standard;
pub mod stripe;
pub mod twilio;

use aws_lc_rs::digest;
use bearingwall_core::{Classified, ErrorKind, Phi};
use serde::de::DeserializeOwned;
use std::fmt;
use time::OffsetDateTime;

/// How far a signed time may lie from ours, in either direction, in seconds.
pub const TOLERANCE_S: i64 = 300;
/// More signatures than this in one header are an attempt to make us work.
pub const MAX_SIGNATURES: usize = 16;
/// How many secrets may be valid at once: the current one, those that a rotation overlaps, and a reserve.
pub const MAX_SECRETS: usize = 4;
/// The longest signature header that is looked at, in bytes.
const MAX_HEADER_BYTES: usize = 4096;
/// The longest id of an event, in bytes.
const MAX_ID_BYTES: usize = 255;

/// Why a delivery is not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookError {
    /// Nobody who holds the secret sent this, or not now. What exactly is wrong is not told: that would help a forger only.
    #[error("the webhook's signature is refused")]
    Refused,
    /// The sender is genuine, and what it sent is no event of the declared shape.
    #[error("the webhook's content is malformed")]
    Malformed,
    /// No secret, too many, or one that is not of the scheme's form. The secret is not repeated.
    #[error("the webhook's secrets cannot be used")]
    Secrets,
}

impl Classified for WebhookError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused => ErrorKind::Unauthenticated,
            Self::Malformed => ErrorKind::Invalid,
            Self::Secrets => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Refused => "CON-001",
            Self::Malformed => "CON-002",
            Self::Secrets => "CON-003",
        }
    }
}

/// A request as it arrived: nothing of it is believed.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    url: &'a str,
    headers: &'a [(&'a str, &'a [u8])],
    body: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// Takes a request apart.
    ///
    /// `url` is the address under which the provider knows us, from the configuration, with the query as it arrived: what
    /// `Host` and `X-Forwarded-*` say is the sender's own claim. `body` is the bytes as they arrived.
    #[must_use]
    pub const fn new(url: &'a str, headers: &'a [(&'a str, &'a [u8])], body: &'a [u8]) -> Self {
        Self { url, headers, body }
    }

    /// The header's only value. A repeated one is refused: of two readers, each might take another.
    fn header(&self, name: &str) -> Result<&'a str, WebhookError> {
        let mut found = self
            .headers
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let (Some((_, value)), None) = (found.next(), found.next()) else {
            return Err(WebhookError::Refused);
        };
        let is_plain = value.len() <= MAX_HEADER_BYTES && value.iter().all(|byte| (0x20..0x7f).contains(byte));
        match std::str::from_utf8(value) {
            Ok(text) if is_plain => Ok(text),
            Ok(_) | Err(_) => Err(WebhookError::Refused),
        }
    }
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Delivery({} bytes)", self.body.len())
    }
}

/// What the holder of the secret sent. Only the verifiers of this module make it.
#[derive(Clone, Debug)]
pub struct Event {
    id: String,
    digest: [u8; 32],
    key: usize,
    signed_at: Option<OffsetDateTime>,
    body: Phi<Vec<u8>>,
}

impl Event {
    /// The provider's id of the event: the same one for each attempt to deliver it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// SHA-256 of the event's content, without what may differ between two attempts to deliver it.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Which of the secrets signed it, by its place in the list. One that is used after its rotation shows here.
    #[must_use]
    pub const fn key(&self) -> usize {
        self.key
    }

    /// When it was signed, where the scheme signs a time.
    #[must_use]
    pub const fn signed_at(&self) -> Option<OffsetDateTime> {
        self.signed_at
    }

    /// The bytes that were signed. They may describe a person.
    #[must_use]
    pub const fn body(&self) -> &Phi<Vec<u8>> {
        &self.body
    }
}

/// Something that arrived and was signed by who should have. Handlers take this and nothing less.
///
/// ```compile_fail
/// use bearingwall_connectors::webhooks::Verified;
/// let forged = Verified("anything");
/// ```
// CONTROL: CON-1
#[derive(Clone, Debug)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// What was verified.
    #[must_use]
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// What was verified, by move.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl Verified<Event> {
    /// The body read as JSON.
    ///
    /// # Errors
    /// [`WebhookError::Malformed`], without saying where: the body may describe a person.
    #[expect(
        clippy::disallowed_methods,
        reason = "the body is read into the type that the handler declares"
    )]
    pub fn json<T: DeserializeOwned>(&self) -> Result<Verified<T>, WebhookError> {
        let read = serde_json::from_slice(self.0.body.disclose());
        read.map(Verified).map_err(|_| WebhookError::Malformed)
    }

    /// The body read as a form: names and values in their order.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the body is read into fields that stay marked as personal"
    )]
    pub fn form(&self) -> Verified<Phi<Vec<(String, String)>>> {
        Verified(Phi::new(twilio::parameters(self.0.body.disclose())))
    }
}

/// Takes an event into its proof; the last step of each verifier.
fn verified(event: Event) -> Result<Verified<Event>, WebhookError> {
    let is_usable =
        !event.id.is_empty() && event.id.len() <= MAX_ID_BYTES && event.id.chars().all(|c| c.is_ascii_graphic());
    if is_usable {
        Ok(Verified(event))
    } else {
        Err(WebhookError::Malformed)
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, bytes).as_ref()) {
        *to = *from;
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// 32 bytes in lower-case hexadecimal, and in nothing else.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut out = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (to, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *to = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

/// A time in whole seconds since the Unix epoch, as digits only, no further from `now` than [`TOLERANCE_S`].
fn fresh(text: &str, now: OffsetDateTime) -> Result<OffsetDateTime, WebhookError> {
    let is_number = (1..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let seconds: i64 = match text.parse() {
        Ok(seconds) if is_number => seconds,
        Ok(_) | Err(_) => return Err(WebhookError::Refused),
    };
    let distance = now.unix_timestamp().abs_diff(seconds);
    if distance > TOLERANCE_S.unsigned_abs() {
        return Err(WebhookError::Refused);
    }
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| WebhookError::Refused)
}
