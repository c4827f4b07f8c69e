//! The port of transports, and the one way to it: past the list of stopped addresses.

use super::suppression::{Stop, SuppressionKey, Suppressions, unavailable};
use super::{Address, Class, MailError, Message};
use bearingwall_core::CustomerId;
use futures_core::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The transport has taken it, under this name.
    Accepted(ProviderId),
    /// It was not taken, and the same message never will be.
    Refused(Reason),
    /// It was not taken, and may be later: nothing has left.
    Later(Reason),
    /// Nobody knows whether it was taken. It must not be sent again by a program: a person decides.
    Unknown(Reason),
}

/// What a transport calls a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderId(String);

impl ProviderId {
    /// Bytes of a name.
    const MAX_BYTES: usize = 128;

    /// Takes a name of letters, digits, `-`, `_` and `.`, as Amazon SES makes them; none for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        ((1..=Self::MAX_BYTES).contains(&text.len()) && text.bytes().all(fit)).then(|| Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why, in one word of the transport's; never its text, which may repeat an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Bytes of a word.
    const MAX_BYTES: usize = 64;

    /// Takes a word of letters and digits; `unnamed` stands for anything else.
    #[must_use]
    pub fn of(word: &str) -> Self {
        let fit = (1..=Self::MAX_BYTES).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        Self(if fit { word.to_owned() } else { "unnamed".to_owned() })
    }

    /// The word.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message whose recipient is not stopped. Only [`Mailer::send`] makes one, and a transport uses it up.
///
/// ```compile_fail,E0423
/// fn around(message: bearingwall_connectors::mail::Message) -> bearingwall_connectors::mail::Cleared {
///     bearingwall_connectors::mail::Cleared(message)
/// }
/// ```
#[derive(Debug)]
pub struct Cleared(Message);

impl Cleared {
    /// Its class.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.0.class()
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.0.id()
    }

    /// The tenant for which it is sent.
    #[must_use]
    pub const fn customer(&self) -> CustomerId {
        self.0.customer()
    }

    /// The sender of the envelope.
    #[must_use]
    pub const fn from(&self) -> &Address {
        self.0.from()
    }

    /// The one recipient of the envelope.
    #[must_use]
    pub const fn to(&self) -> &Address {
        self.0.to()
    }

    /// The bytes as they go out. They may be personal: not for logs.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        self.0.raw()
    }
}

/// What carries messages away.
pub trait MailTransport: Send + Sync {
    /// Tries once. A transport without a token for idempotency never tries again by itself.
    fn send(&self, message: Cleared) -> BoxFuture<'_, Outcome>;
}

/// What came of an attempt to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Nothing was sent: the address is stopped.
    Stopped(Stop),
    /// The transport was asked.
    Tried(Outcome),
}

/// Sends, after it has asked whether the recipient is stopped.
pub struct Mailer {
    transport: Arc<dyn MailTransport>,
    suppressions: Arc<dyn Suppressions>,
    key: SuppressionKey,
}

impl Mailer {
    /// Over this transport, with this list.
    #[must_use]
    pub fn new(transport: Arc<dyn MailTransport>, suppressions: Arc<dyn Suppressions>, key: SuppressionKey) -> Self {
        Self {
            transport,
            suppressions,
            key,
        }
    }

    /// Asks the list, then sends.
    ///
    /// # Errors
    ///
    /// [`MailError::Suppressions`] if the list cannot be asked: nothing was sent.
    // CONTROL: MAI-3
    pub async fn send(&self, message: Message) -> Result<Delivery, MailError> {
        let digest = self.key.digest(message.to());
        let stop = self.suppressions.stop_of(message.customer(), &digest).await;
        match stop.map_err(unavailable)? {
            Some(stop) => Ok(Delivery::Stopped(stop)),
            None => Ok(Delivery::Tried(self.transport.send(Cleared(message)).await)),
        }
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailer(…)")
    }
}
