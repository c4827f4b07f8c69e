//! What a subscriber is told: that something happened, and to what. There is no place in it for anything else.

use bearingwall_gates::{Canonical, CanonicalError, DestinationName, DestinationNameError, Operation, Ungated};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// What destinations of subscriptions begin with.
pub(super) const FAMILY: &str = "webhook";

/// What happened. The database tells of each in the transaction in which it happens: triggers `told` on the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NoticeType {
    /// A chart note was written.
    #[serde(rename = "chart_note.created")]
    ChartNoteCreated,
    /// A client's record was created.
    #[serde(rename = "client.created")]
    ClientCreated,
    /// An approval was given.
    #[serde(rename = "gate.approved")]
    GateApproved,
    /// An approval was not given or used in time.
    #[serde(rename = "gate.expired")]
    GateExpired,
    /// An approval was refused.
    #[serde(rename = "gate.rejected")]
    GateRejected,
    /// An approval was asked for.
    #[serde(rename = "gate.requested")]
    GateRequested,
    /// Somebody tries the receiver. Nobody subscribes to it.
    #[serde(rename = "webhook.test")]
    Test,
}

impl NoticeType {
    /// Everything that can be subscribed to.
    pub const ALL: [Self; 6] = [
        Self::ChartNoteCreated,
        Self::ClientCreated,
        Self::GateApproved,
        Self::GateExpired,
        Self::GateRejected,
        Self::GateRequested,
    ];

    /// The word in the notice and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChartNoteCreated => "chart_note.created",
            Self::ClientCreated => "client.created",
            Self::GateApproved => "gate.approved",
            Self::GateExpired => "gate.expired",
            Self::GateRejected => "gate.rejected",
            Self::GateRequested => "gate.requested",
            Self::Test => "webhook.test",
        }
    }

    /// What can be subscribed to, by its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// A notice: `{"data":{"id":…,"subscription_id":…},"timestamp":…,"type":…}`, as Standard Webhooks has thin payloads.
///
/// Ids are random and mean nothing to whoever may not ask this API about them. Who receives a notice asks for the rest, with a token,
/// under its own permission, and that stands on the record: no notice holds health information.
// CONTROL: CON-9
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    data: Subject,
    #[serde(with = "time::serde::rfc3339")]
    timestamp: OffsetDateTime,
    #[serde(rename = "type")]
    kind: NoticeType,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    id: Uuid,
    subscription_id: Uuid,
}

impl Notice {
    /// A notice to a subscription about the thing with this id.
    #[must_use]
    pub const fn new(kind: NoticeType, id: Uuid, subscription_id: Uuid, timestamp: OffsetDateTime) -> Self {
        Self {
            data: Subject { id, subscription_id },
            timestamp,
            kind,
        }
    }

    /// What happened.
    #[must_use]
    pub const fn kind(&self) -> NoticeType {
        self.kind
    }

    /// What it happened to.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.data.id
    }

    /// To whom it is told.
    #[must_use]
    pub const fn subscription(&self) -> Uuid {
        self.data.subscription_id
    }

    /// The bytes that are sent: made of this type, whatever was stored, and the same for every attempt.
    pub(super) fn body(&self) -> Result<Canonical, CanonicalError> {
        self.canonical()
    }
}

/// Where notices to a subscription go.
pub(super) fn destination(subscription: Uuid) -> Result<DestinationName, DestinationNameError> {
    format!("{FAMILY}.{subscription}").parse()
}

impl Operation for Notice {
    type Recourse = Ungated;
    const KIND: &'static str = "webhook.notify";
    const SEALED: bool = false;

    #[expect(clippy::expect_used, reason = "a word, a full stop and a UUID are a name")]
    fn destination(&self) -> DestinationName {
        destination(self.data.subscription_id).expect("a word, a full stop and a UUID are a name")
    }

    /// Notices need no order: each has its time, and one that is refused holds up no other.
    fn aggregate(&self) -> Option<Uuid> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"data":{"id":"0190d6f0-0000-7000-8000-000000000001","subscription_id":"0190d6f0-0000-7000-8000-000000000002"},"timestamp":"2026-11-27T17:00:00.250000Z","type":"client.created"}"#;

    fn read(text: &str) -> Option<Notice> {
        Canonical::of_text(text.as_bytes()).ok()?.read().ok()
    }

    #[test]
    fn con_9_a_notice_is_ids_a_type_and_a_time_and_nothing_else() {
        let notice = read(TEXT).unwrap();
        assert_eq!(
            (notice.kind(), notice.destination().as_str()),
            (
                NoticeType::ClientCreated,
                "webhook.0190d6f0-0000-7000-8000-000000000002"
            )
        );
        for (from, to) in [
            (r#""data":{"#, r#""data":{"name":"Ada","#),
            (r#""type":"#, r#""text":"Ada","type":"#),
            ("0190d6f0-0000-7000-8000-000000000001", "Ada Lovelace"),
            ("client.created", "Ada Lovelace"),
            ("2026-11-27T17:00:00.250000Z", "born 1815"),
        ] {
            assert_eq!(read(&TEXT.replacen(from, to, 1)), None, "{to}");
        }
    }

    #[test]
    fn con_9_what_is_sent_is_made_of_the_type_and_the_same_each_time() {
        let sent = read(TEXT).unwrap().body().unwrap();
        assert_eq!(sent.read::<Notice>().unwrap(), read(TEXT).unwrap());
        assert_eq!(sent, read(TEXT).unwrap().body().unwrap());
    }

    #[test]
    fn con_9_each_type_has_one_word() {
        for kind in NoticeType::ALL {
            assert_eq!(NoticeType::from_word(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!(NoticeType::from_word("webhook.test"), None);
    }
}
