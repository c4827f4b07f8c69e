//! Messages of clients: what somebody wrote, sealed under that client's key; or under the tenant's, while nobody knows whose it is.

mod cases;
pub(crate) mod payload;
mod store;

use bearingwall_core::{ClientId, MessageId, Phi};
use time::OffsetDateTime;

/// The words of `crm.sms_consents.state`.
pub(crate) const OPTED_IN: &str = "opted_in";
pub(crate) const OPTED_OUT: &str = "opted_out";

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageContent {
    /// The sender's number, as the provider has it.
    pub from: Phi<String>,
    /// The number that it was sent to.
    pub to: Phi<String>,
    /// The text.
    pub body: Phi<String>,
    /// What is attached: where the provider keeps it, and its media type. Nothing of it was fetched.
    pub media: Vec<(Phi<String>, String)>,
}

/// A message on a client's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// Its id: that of the event that brought it.
    pub id: MessageId,
    /// Whose it is.
    pub client: ClientId,
    /// `in` or `out`.
    pub direction: String,
    /// `sms`.
    pub channel: String,
    /// The provider's id of it.
    pub provider_id: String,
    /// When it was taken in.
    pub received_at: OffsetDateTime,
    /// What it says.
    pub content: MessageContent,
}

/// A message of which it is unknown whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedMessage {
    /// Its id: that of the event that brought it.
    pub id: MessageId,
    /// `nobody` has its number, or `several` have.
    pub reason: String,
    /// `sms`.
    pub channel: String,
    /// The provider's id of it.
    pub provider_id: String,
    /// When it was taken in.
    pub received_at: OffsetDateTime,
    /// What it says.
    pub content: MessageContent,
}
