//! The document that SNS posts, and the text of it that is signed.
//!
//! Source: Amazon SNS Developer Guide, "Verifying the signatures of Amazon SNS messages".

use super::{SnsError, TopicArn};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use url::Url;

/// Bytes of a signature: an RSA key of 4096 bits makes 512.
const SIGNATURE_MAX_BYTES: usize = 1_024;

/// What kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(super) enum Kind {
    Notification,
    SubscriptionConfirmation,
    UnsubscribeConfirmation,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => "SubscriptionConfirmation",
            Self::UnsubscribeConfirmation => "UnsubscribeConfirmation",
        }
    }
}

/// Fields that are not here are not signed, and nobody reads them. A field that stands twice is refused by serde.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Document {
    #[serde(rename = "Type")]
    pub(super) kind: Kind,
    pub(super) message_id: String,
    pub(super) topic_arn: String,
    pub(super) subject: Option<String>,
    pub(super) message: String,
    pub(super) timestamp: String,
    pub(super) signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    pub(super) signing_cert_url: String,
    token: Option<String>,
    #[serde(rename = "SubscribeURL")]
    subscribe_url: Option<String>,
}

impl Document {
    /// The signed text is lines of names and values without any lengths. So every value but the message's is one line: else
    /// one signature would cover two documents, in which the values are cut at other places.
    // SECURITY: with a line end in `MessageId`, text could move between `Message` and its neighbours under one signature.
    pub(super) fn check_form(&self) -> Result<(), SnsError> {
        let values = [
            Some(&self.message_id),
            Some(&self.topic_arn),
            Some(&self.timestamp),
            self.subject.as_ref(),
            self.token.as_ref(),
            self.subscribe_url.as_ref(),
        ];
        let one_line = |value: &&String| !value.is_empty() && !value.chars().any(char::is_control);
        let confirms = self.kind != Kind::Notification;
        if !values.iter().flatten().all(one_line) {
            Err(SnsError::Malformed { what: "a value" })
        } else if self.token.is_some() != confirms || self.subscribe_url.is_some() != confirms {
            Err(SnsError::Malformed { what: "its fields" })
        } else {
            Ok(())
        }
    }

    /// Names and values in the order of the names, each on a line.
    pub(super) fn signed_text(&self) -> Vec<u8> {
        let fields = [
            ("Message", Some(&self.message)),
            ("MessageId", Some(&self.message_id)),
            (
                "Subject",
                self.subject.as_ref().filter(|_| self.kind == Kind::Notification),
            ),
            ("SubscribeURL", self.subscribe_url.as_ref()),
            ("Timestamp", Some(&self.timestamp)),
            ("Token", self.token.as_ref()),
            ("TopicArn", Some(&self.topic_arn)),
        ];
        let mut text = String::new();
        for (name, value) in fields {
            if let Some(value) = value {
                for line in [name, value] {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
        text.push_str("Type\n");
        text.push_str(self.kind.as_str());
        text.push('\n');
        text.into_bytes()
    }

    pub(super) fn signature(&self) -> Result<Vec<u8>, SnsError> {
        BASE64
            .decode(&self.signature)
            .ok()
            .filter(|signature| signature.len() <= SIGNATURE_MAX_BYTES)
            .ok_or(SnsError::Malformed { what: "its signature" })
    }

    /// The address that confirms, if it leads to the topic's own host and is about this topic.
    pub(super) fn confirmation(&self, topic: &TopicArn) -> Result<Url, SnsError> {
        let text = self.subscribe_url.as_deref().unwrap_or_default();
        let url = Url::parse(text).map_err(|_| SnsError::ForeignAddress)?;
        let own = url.scheme() == "https"
            && url.host_str() == Some(topic.host().as_str())
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
            && url.path() == "/";
        let queried = |name: &str| {
            let mut values = url
                .query_pairs()
                .filter(|(found, _)| found == name)
                .map(|(_, value)| value);
            // One value: of two, nobody knows which one counts over there.
            values.next().filter(|_| values.next().is_none())
        };
        let about = queried("Action").as_deref() == Some("ConfirmSubscription")
            && queried("TopicArn").as_deref() == Some(topic.as_str())
            && queried("Token").as_deref() == self.token.as_deref();
        if own && about {
            Ok(url)
        } else {
            Err(SnsError::ForeignAddress)
        }
    }
}
