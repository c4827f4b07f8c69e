//! What Amazon SES says about messages, by either of its two forms: event publishing and feedback notifications.
//!
//! Source: Amazon SES Developer Guide, "Contents of event data" and "Amazon SNS notification contents". Headers and subjects
//! of messages, which these documents may repeat, are not read.

use super::SnsError;
use crate::mail::{Address, Change, Scope, Stop, SuppressionKey};
use bearingwall_core::CustomerId;
use serde::Deserialize;
use std::collections::HashMap;
use uuid::Uuid;

/// What has happened to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// It came back for good.
    BouncedForGood,
    /// It came back for now, or nobody knows for how long.
    BouncedForNow,
    /// Who reads it has called it unwanted.
    Complained,
    /// Who reads it has taken a complaint back.
    NotSpam,
    /// The recipient's server has taken it.
    Delivered,
    /// Anything else: sent, delayed, rejected, opened.
    Other,
}

/// One event of a message.
#[derive(Debug)]
pub struct MailEvent {
    kind: EventKind,
    mail: Option<Uuid>,
    customer: Option<CustomerId>,
    recipients: Vec<Address>,
    unreadable: usize,
}

impl MailEvent {
    /// What has happened.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        self.kind
    }

    /// The message's own id, where its tag came back.
    #[must_use]
    pub const fn mail(&self) -> Option<Uuid> {
        self.mail
    }

    /// The tenant for which it was sent, where its tag came back.
    #[must_use]
    pub const fn customer(&self) -> Option<CustomerId> {
        self.customer
    }

    /// How many recipients are named in a way that is no address: a fault to look at, since they are not stopped.
    #[must_use]
    pub const fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// The addresses to stop: where it bounced for good, or somebody complained.
    // CONTROL: MAI-3
    #[must_use]
    pub fn changes(&self, key: &SuppressionKey) -> Vec<Change> {
        let stop = match self.kind {
            EventKind::BouncedForGood => Stop::Bounced,
            EventKind::Complained => Stop::Complained,
            EventKind::BouncedForNow | EventKind::NotSpam | EventKind::Delivered | EventKind::Other => {
                return Vec::new();
            }
        };
        let scope = self.customer.map_or(Scope::Everybody, Scope::Tenant);
        let change = |address: &Address| Change {
            scope,
            address: key.digest(address),
            stop,
        };
        self.recipients.iter().map(change).collect()
    }

    pub(super) fn parse(text: &str) -> Result<Self, SnsError> {
        let read: Read = serde_json::from_str(text).map_err(|_| SnsError::Malformed { what: "its event" })?;
        let word = match (&read.event_type, &read.notification_type) {
            (Some(word), None) | (None, Some(word)) => word.as_str(),
            _ => return Err(SnsError::Malformed { what: "its event" }),
        };
        let missing = || SnsError::Malformed { what: "its event" };
        let (kind, named) = match word {
            "Bounce" => {
                let bounce = read.bounce.ok_or_else(missing)?;
                let kind = match bounce.bounce_type.as_str() {
                    "Permanent" => EventKind::BouncedForGood,
                    "Transient" | "Undetermined" => EventKind::BouncedForNow,
                    _ => return Err(missing()),
                };
                (kind, bounce.bounced_recipients)
            }
            "Complaint" => {
                let complaint = read.complaint.ok_or_else(missing)?;
                let kind = match complaint.complaint_feedback_type.as_deref() {
                    Some("not-spam") => EventKind::NotSpam,
                    _ => EventKind::Complained,
                };
                (kind, complaint.complained_recipients)
            }
            "Delivery" => (EventKind::Delivered, Vec::new()),
            _ => (EventKind::Other, Vec::new()),
        };
        let parsed: Vec<_> = named.iter().map(|named| address(&named.email_address)).collect();
        let unreadable = parsed.iter().filter(|address| address.is_none()).count();
        let tag = |name: &str| match read.mail.tags.get(name).map(Vec::as_slice) {
            Some([only]) => Some(only.as_str()),
            _ => None,
        };
        Ok(Self {
            kind,
            mail: tag("mail").and_then(|id| id.parse().ok()),
            customer: tag("customer").and_then(|id| id.parse().ok()),
            recipients: parsed.into_iter().flatten().collect(),
            unreadable,
        })
    }
}

/// An address, or one between angle brackets behind a name.
fn address(text: &str) -> Option<Address> {
    let bare = match text.trim().strip_suffix('>') {
        Some(rest) => rest.rsplit_once('<')?.1,
        None => text.trim(),
    };
    Address::parse(bare).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    event_type: Option<String>,
    notification_type: Option<String>,
    #[serde(default)]
    mail: Mail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
}

#[derive(Default, Deserialize)]
struct Mail {
    #[serde(default)]
    tags: HashMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Named>,
    complaint_feedback_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    email_address: String,
}
