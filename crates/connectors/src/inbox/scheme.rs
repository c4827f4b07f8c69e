//! Whose webhooks an endpoint takes, and the secrets that it holds for that.

use super::InboxError;
use crate::webhooks::github::GitHub;
use crate::webhooks::standard::Standard;
use crate::webhooks::stripe::Stripe;
use crate::webhooks::twilio::{Algorithm, Twilio};
use crate::webhooks::{Delivery, Event, Verified, WebhookError};
use time::OffsetDateTime;

/// The shortest secret that an endpoint is given, in bytes.
const SECRET_BYTES_MIN: usize = 16;

/// Who sends the webhooks of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// GitHub.
    GitHub,
    /// A sender of Standard Webhooks.
    Standard,
    /// Stripe.
    Stripe,
    /// Twilio.
    Twilio,
}

impl Sender {
    /// Every sender.
    pub const ALL: [Self; 4] = [Self::GitHub, Self::Standard, Self::Stripe, Self::Twilio];

    /// The word in paths and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Standard => "standard",
            Self::Stripe => "stripe",
            Self::Twilio => "twilio",
        }
    }

    /// The sender of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sender| sender.as_str() == word)
    }

    /// Whether an endpoint can hold this secret.
    pub(super) fn check(self, secret: &Secret<'_>) -> Result<(), InboxError> {
        let invalid = |field, reason| InboxError::Invalid { field, reason };
        if (self == Self::Twilio) != secret.algorithm.is_some() {
            return Err(invalid(
                "algorithm",
                "`algorithm` stands with a secret of Twilio, and with no other",
            ));
        }
        if secret.bytes.len() < SECRET_BYTES_MIN || Verifier::new(self, [*secret]).is_err() {
            return Err(invalid(
                "secret",
                "`secret` is not of the sender's form, or shorter than 16 characters",
            ));
        }
        Ok(())
    }
}

/// A secret with what it signs with, where its sender knows more than one way.
#[derive(Clone, Copy)]
pub(super) struct Secret<'a> {
    pub(super) algorithm: Option<Algorithm>,
    pub(super) bytes: &'a [u8],
}

pub(super) const fn algorithm_word(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::AuthToken => "auth_token",
        Algorithm::SharedKey => "shared_key",
    }
}

pub(super) fn algorithm_of(word: &str) -> Option<Algorithm> {
    [Algorithm::AuthToken, Algorithm::SharedKey]
        .into_iter()
        .find(|algorithm| algorithm_word(*algorithm) == word)
}

/// The verifier of an endpoint.
pub(super) enum Verifier {
    GitHub(GitHub),
    Standard(Standard),
    Stripe(Stripe),
    Twilio(Twilio),
}

impl Verifier {
    pub(super) fn new<'a>(sender: Sender, secrets: impl IntoIterator<Item = Secret<'a>>) -> Result<Self, WebhookError> {
        let secrets = secrets.into_iter();
        let bytes = |secret: Secret<'a>| secret.bytes;
        Ok(match sender {
            Sender::GitHub => Self::GitHub(GitHub::new(secrets.map(bytes))?),
            Sender::Standard => Self::Standard(Standard::new(secrets.map(bytes))?),
            Sender::Stripe => Self::Stripe(Stripe::new(secrets.map(bytes))?),
            Sender::Twilio => {
                let pinned = |secret: Secret<'a>| Some((secret.algorithm?, secret.bytes));
                let pinned: Option<Vec<_>> = secrets.map(pinned).collect();
                Self::Twilio(Twilio::new(pinned.ok_or(WebhookError::Secrets)?)?)
            }
        })
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>, now: OffsetDateTime) -> Result<Verified<Event>, WebhookError> {
        match self {
            Self::GitHub(verifier) => verifier.verify(delivery),
            Self::Standard(verifier) => verifier.verify(delivery, now),
            Self::Stripe(verifier) => verifier.verify(delivery, now),
            Self::Twilio(verifier) => verifier.verify(delivery),
        }
    }
}
