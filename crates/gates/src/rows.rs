//! What the database answers about gates.

use crate::canonical::Canonical;
use crate::operation::Digest;
use bearingwall_core::{GateId, Phi};
use time::OffsetDateTime;
use uuid::Uuid;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requested {
    /// Its number, which the effect will bear as well.
    pub gate: GateId,
    /// What is to be approved.
    pub digest: Digest,
    /// Until when.
    pub expires_at: OffsetDateTime,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GateState {
    /// It waits for approvals.
    Requested,
    /// It may be used.
    Approved,
    /// Somebody rejected it.
    Rejected,
    /// It was not decided, or not used, in time.
    Expired,
    /// It was taken back.
    Cancelled,
    /// It was used.
    Consumed,
}

impl GateState {
    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Consumed => "consumed",
        }
    }

    pub(crate) fn from_word(word: &str) -> Result<Self, crate::GateError> {
        let all = [
            Self::Requested,
            Self::Approved,
            Self::Rejected,
            Self::Expired,
            Self::Cancelled,
            Self::Consumed,
        ];
        all.into_iter()
            .find(|state| state.as_str() == word)
            .ok_or(crate::GateError::Malformed { what: "state" })
    }
}

/// A request that waits for a decision; no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateSummary {
    /// Its number.
    pub gate: GateId,
    /// What kind of action.
    pub kind: String,
    /// Where it goes.
    pub destination: String,
    /// Who asked.
    pub requested_by: Uuid,
    /// `human`, `agent`, `service` or `system`.
    pub requested_kind: String,
    /// The person for whom an agent asked.
    pub principal: Option<Uuid>,
    /// How many persons must approve it.
    pub quorum: i32,
    /// How many have.
    pub approvals: i64,
    /// When it was asked for.
    pub requested_at: OffsetDateTime,
    /// Until when it can be decided.
    pub expires_at: OffsetDateTime,
    /// SHA-256 of what is decided on.
    pub digest: Digest,
}

/// A request with its content.
#[derive(Debug)]
pub struct GateContent {
    /// What a list says of it.
    pub summary: GateSummary,
    /// What it is about, where order matters.
    pub aggregate: Option<Uuid>,
    /// How far it has come.
    pub state: GateState,
    /// When it was decided.
    pub decided_at: Option<OffsetDateTime>,
    /// What would be sent, byte for byte.
    pub content: Phi<Canonical>,
}
