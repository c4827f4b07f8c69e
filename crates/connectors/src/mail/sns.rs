//! What Amazon SNS posts about mail: verified, then read for addresses to stop.
//!
//! The signature covers the fields that [`Verified`] shows, and nothing else of the document.

mod certificate;
mod document;
mod error;
mod events;
mod topic;

pub use certificate::{CertificateSource, CertificateUrl, Chain};
pub use error::SnsError;
pub use events::{EventKind, MailEvent};
pub use topic::TopicArn;

use bearingwall_core::Clock;
use certificate::Keys;
use document::{Document, Kind};
use std::fmt;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;
use uuid::Uuid;

/// Bytes of a document: SNS carries 256 KiB, which JSON may write twice as long.
const DOCUMENT_MAX_BYTES: usize = 600_000;

/// Which signatures count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signatures {
    /// Version 2 alone: SHA-256.
    #[default]
    Sha256,
    /// Version 1 as well: SHA-1, for a topic that cannot be set to version 2.
    Sha1AsWell,
}

/// What is accepted.
#[derive(Clone, Debug)]
pub struct SnsPolicy {
    /// The topics that are ours; every other one is refused.
    pub topics: Vec<TopicArn>,
    /// Which signatures count.
    pub signatures: Signatures,
    /// The age in seconds at which a document is too old. SNS tries for less than an hour by default.
    pub max_age_s: u32,
    /// How far a document's time may be ahead of ours, in seconds.
    pub max_ahead_s: u32,
    /// How far the signing certificate is followed.
    pub chain: Chain,
}

impl SnsPolicy {
    /// These topics, version 2 alone, one hour, five minutes ahead, certificates as the pinned host serves them.
    #[must_use]
    pub const fn of(topics: Vec<TopicArn>) -> Self {
        Self {
            topics,
            signatures: Signatures::Sha256,
            max_age_s: 3_600,
            max_ahead_s: 300,
            chain: Chain::AsServed,
        }
    }
}

/// Verifies documents. It holds the keys of the certificates that it has seen, for a day at most.
pub struct SnsVerifier {
    policy: SnsPolicy,
    keys: Keys,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for SnsVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnsVerifier")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl SnsVerifier {
    /// Fetches certificates through this port.
    #[must_use]
    pub fn new(policy: SnsPolicy, certificates: Arc<dyn CertificateSource>, clock: Arc<dyn Clock>) -> Self {
        let keys = Keys::new(certificates, policy.chain.clone());
        Self { policy, keys, clock }
    }

    /// Verifies the bytes of a request's body, before anything in them is believed.
    ///
    /// A document that was verified before is verified again: whoever takes it keeps [`Verified::message_id`] for longer
    /// than the age that the policy allows, and acts on each id once.
    ///
    /// # Errors
    ///
    /// [`SnsError`], which says what to look at, and repeats nothing of the document.
    // CONTROL: MAI-4
    pub async fn verify(&self, body: &[u8]) -> Result<Verified, SnsError> {
        if body.len() > DOCUMENT_MAX_BYTES {
            return Err(SnsError::Malformed { what: "its size" });
        }
        let document: Document = serde_json::from_slice(body).map_err(|_| SnsError::Malformed { what: "its form" })?;
        document.check_form()?;
        let topic = TopicArn::parse(&document.topic_arn)?;
        if !self.policy.topics.contains(&topic) {
            return Err(SnsError::OtherTopic);
        }
        let now = self.clock.now();
        let at = self.check_age(&document, now)?;
        let sha1 = match (document.signature_version.as_str(), self.policy.signatures) {
            ("2", _) => false,
            ("1", Signatures::Sha1AsWell) => true,
            _ => return Err(SnsError::SignatureVersion),
        };
        let url = CertificateUrl::parse(&document.signing_cert_url, &topic)?;
        let key = self.keys.key(&url, now).await?;
        let content = document.content(&topic)?;
        key.verify(&document.signed_text(), &document.signature()?, sha1)?;
        let message_id = document
            .message_id
            .parse()
            .map_err(|_| SnsError::Malformed { what: "its id" })?;
        Ok(Verified {
            message_id,
            topic,
            at,
            content,
        })
    }

    fn check_age(&self, document: &Document, now: OffsetDateTime) -> Result<OffsetDateTime, SnsError> {
        let at = OffsetDateTime::parse(&document.timestamp, &Rfc3339)
            .map_err(|_| SnsError::Malformed { what: "its time" })?;
        let age_s = (now - at).whole_seconds();
        if age_s > i64::from(self.policy.max_age_s) || age_s < -i64::from(self.policy.max_ahead_s) {
            return Err(SnsError::Age);
        }
        Ok(at)
    }
}

/// A document that one of our topics has signed, of an age that counts. Only [`SnsVerifier::verify`] makes one.
#[derive(Debug)]
pub struct Verified {
    message_id: Uuid,
    topic: TopicArn,
    at: OffsetDateTime,
    content: Content,
}

/// What a verified document holds.
#[derive(Debug)]
pub enum Content {
    /// A message that was published.
    Notification(Notification),
    /// The topic asks whether it shall post here: calling this address says yes. It is of the topic's own host.
    Subscription(Url),
    /// The topic does not post here any more.
    Unsubscribed,
}

/// The text of a message. It may be personal.
pub struct Notification(String);

impl fmt::Debug for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Notification(…)")
    }
}

impl Notification {
    /// Reads it as an event of Amazon SES.
    ///
    /// # Errors
    ///
    /// [`SnsError::Malformed`] if it is none.
    pub fn event(&self) -> Result<MailEvent, SnsError> {
        MailEvent::parse(&self.0)
    }
}

impl Verified {
    /// The id under which SNS posts it, again and again until somebody takes it.
    #[must_use]
    pub const fn message_id(&self) -> Uuid {
        self.message_id
    }

    /// The topic.
    #[must_use]
    pub const fn topic(&self) -> &TopicArn {
        &self.topic
    }

    /// When it was published.
    #[must_use]
    pub const fn at(&self) -> OffsetDateTime {
        self.at
    }

    /// What it holds.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }
}

impl Document {
    fn content(&self, topic: &TopicArn) -> Result<Content, SnsError> {
        Ok(match self.kind {
            Kind::Notification => Content::Notification(Notification(self.message.clone())),
            Kind::SubscriptionConfirmation => Content::Subscription(self.confirmation(topic)?),
            Kind::UnsubscribeConfirmation => Content::Unsubscribed,
        })
    }
}
