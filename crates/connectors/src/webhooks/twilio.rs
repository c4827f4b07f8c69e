//! Twilio: `X-Twilio-Signature` over our own address and the form's sorted fields, with HMAC-SHA1 under the account's token or
//! HMAC-SHA256 under a shared key; a body that is no form is covered by its SHA-256 in the query.
//!
//! Twilio signs no time, so that a delivery may be replayed unless its event is kept, and it signs names and values without a
//! mark between them, so that the holder of one genuine delivery may draw the border elsewhere: a handler asks for the fields
//! that it needs by their names and refuses where one is missing.

use super::keys::HmacKeys;
use super::{Delivery, Event, MAX_SECRETS, Verified, WebhookError, hex, sha256, unhex, verified};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_core::Phi;
use std::collections::BTreeSet;
use std::fmt;
use url::Url;

/// The header that holds the signature.
pub const HEADER: &str = "X-Twilio-Signature";
/// The field of the query that holds the SHA-256 of a body that is no form.
const BODY_DIGEST: &str = "bodySHA256";
/// More fields than this are no form of Twilio's.
const MAX_FIELDS: usize = 512;

/// With which algorithm a secret signs. It belongs to the secret: what the delivery itself says about it is not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// The account's authentication token, HMAC-SHA1.
    AuthToken,
    /// A shared key, HMAC-SHA256.
    SharedKey,
}

/// Verifies what Twilio sends to one endpoint.
pub struct Twilio {
    // Of each algorithm's keys, with their places in the list that was given.
    tokens: Option<(HmacKeys, Vec<usize>)>,
    shared: Option<(HmacKeys, Vec<usize>)>,
}

impl Twilio {
    /// Takes the secrets, each with the algorithm that it signs with, the current one first.
    ///
    /// # Errors
    /// [`WebhookError::Secrets`].
    pub fn new<'a>(secrets: impl IntoIterator<Item = (Algorithm, &'a [u8])>) -> Result<Self, WebhookError> {
        let secrets: Vec<_> = secrets.into_iter().enumerate().collect();
        if !(1..=MAX_SECRETS).contains(&secrets.len()) {
            return Err(WebhookError::Secrets);
        }
        let of = |wanted| {
            let (places, bytes): (Vec<_>, Vec<_>) = secrets
                .iter()
                .filter(|(_, (algorithm, _))| *algorithm == wanted)
                .map(|(place, (_, bytes))| (*place, *bytes))
                .unzip();
            let hmac = match wanted {
                Algorithm::AuthToken => HMAC_SHA1_FOR_LEGACY_USE_ONLY,
                Algorithm::SharedKey => HMAC_SHA256,
            };
            if places.is_empty() {
                Ok(None)
            } else {
                HmacKeys::new(hmac, bytes).map(|keys| Some((keys, places)))
            }
        };
        let tokens = of(Algorithm::AuthToken)?;
        let shared = of(Algorithm::SharedKey)?;
        Ok(Self { tokens, shared })
    }

    /// Settles who sent a delivery.
    ///
    /// # Errors
    /// [`WebhookError::Refused`].
    // CONTROL: CON-1
    pub fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified<Event>, WebhookError> {
        let signature = BASE64
            .decode(delivery.header(HEADER)?)
            .map_err(|_| WebhookError::Refused)?;
        let content = Content::of(delivery)?;
        // The length says which algorithm made it; one that no secret is held for is refused by having no keys.
        let keys = match signature.len() {
            20 => self.tokens.as_ref(),
            32 => self.shared.as_ref(),
            _ => None,
        };
        let (keys, places) = keys.ok_or(WebhookError::Refused)?;
        let mut signer = None;
        for url in spellings(delivery.url)? {
            let tags = keys.tags(&[url.as_bytes(), content.signed.as_bytes()]);
            let found = HmacKeys::signer(&tags, &[&signature]);
            signer = signer.or(found);
        }
        let key = signer
            .and_then(|place| places.get(place))
            .ok_or(WebhookError::Refused)?;
        verified(Event {
            id: content.id,
            digest: content.digest,
            key: *key,
            signed_at: None,
            body: Phi::new(delivery.body.to_vec()),
        })
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Twilio(…)")
    }
}

/// What of a body stands behind the address when it is signed, and how the event is told from others.
struct Content {
    signed: String,
    id: String,
    digest: [u8; 32],
}

impl Content {
    fn of(delivery: &Delivery<'_>) -> Result<Self, WebhookError> {
        match query_digest(delivery.url)? {
            Some(expected) => {
                let digest = sha256(delivery.body);
                verify_slices_are_equal(&expected, &digest).map_err(|_| WebhookError::Refused)?;
                Ok(Self {
                    signed: String::new(),
                    id: hex(&digest),
                    digest,
                })
            }
            None => Self::of_form(delivery),
        }
    }

    /// SECURITY: a body that is neither a form nor covered by a digest is covered by nothing.
    fn of_form(delivery: &Delivery<'_>) -> Result<Self, WebhookError> {
        let is_form = delivery.header("Content-Type").is_ok_and(|value| {
            let essence = value.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if !is_form && !delivery.body.is_empty() {
            return Err(WebhookError::Refused);
        }
        let fields = parameters(delivery.body);
        if fields.len() > MAX_FIELDS || !fields.iter().all(|(name, _)| is_name(name)) {
            return Err(WebhookError::Refused);
        }
        // Bytewise order of UTF-8 is the order of code points, which is how Twilio sorts; a repeated pair counts once.
        let sorted: BTreeSet<_> = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let mut signed = String::with_capacity(delivery.body.len());
        for (name, value) in &sorted {
            signed.push_str(name);
            signed.push_str(value);
        }
        let digest = sha256(signed.as_bytes());
        Ok(Self {
            id: message(&sorted).unwrap_or_else(|| hex(&digest)),
            signed,
            digest,
        })
    }
}

/// SECURITY: a value that was moved into a name seldom reads as one.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-[]".contains(&byte);
    !text.is_empty() && text.bytes().all(is_plain)
}

/// A message has one event for each status. A call has many for one, so that those go by their content.
fn message(fields: &BTreeSet<(&str, &str)>) -> Option<String> {
    let only = |wanted: &str| {
        let mut values = fields
            .iter()
            .filter(|(name, _)| *name == wanted)
            .map(|(_, value)| *value);
        values
            .next()
            .filter(|value| values.next().is_none() && !value.is_empty())
    };
    let status = only("MessageStatus").or_else(|| only("SmsStatus"))?;
    Some(format!("{}:{status}", only("MessageSid")?))
}

/// The fields of a form, in their order. They may describe a person.
#[must_use]
pub fn parameters(body: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// The digest of the body that the query holds, if it holds one.
fn query_digest(url: &str) -> Result<Option<[u8; 32]>, WebhookError> {
    let Some((_, query)) = url.split_once('?') else {
        return Ok(None);
    };
    let mut values = url::form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == BODY_DIGEST);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some((_, value)), None) => unhex(&value).map(Some).ok_or(WebhookError::Refused),
        (Some(_), Some(_)) => Err(WebhookError::Refused),
    }
}

/// The ways in which Twilio may have written the one address: with and without the port, and with either apostrophe.
///
/// Twilio leaves any port out of an `https` address, and only the usual one out of an `http` address.
fn spellings(url: &str) -> Result<BTreeSet<String>, WebhookError> {
    let parsed = Url::parse(url).map_err(|_| WebhookError::Refused)?;
    let (scheme, rest) = url.split_once("://").ok_or(WebhookError::Refused)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).ok_or(WebhookError::Refused)?;
    let (user, host) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(user, host)| (user, host));
    let at = if user.is_empty() { "" } else { "@" };
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host,
    };
    let usual = parsed.port_or_known_default().ok_or(WebhookError::Refused)?;
    let mut hosts = vec![host.to_owned(), format!("{bare}:{usual}")];
    if scheme == "https" || parsed.port().is_none() {
        hosts.push(bare.to_owned());
    }
    let tails = [tail.to_owned(), tail.replace('\'', "%27"), tail.replace("%27", "'")];
    let spell = |host: &String| tails.clone().map(|tail| format!("{scheme}://{user}{at}{host}{tail}"));
    Ok(hosts.iter().flat_map(spell).collect())
}
