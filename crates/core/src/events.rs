//! The port through which lower layers report security events, without knowing who records them.

use crate::{BearerProof, CustomerId, RequestId, SubjectId};
use std::net::IpAddr;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was refused by a rule.
    Denied,
    /// It failed for another reason.
    Failure,
    /// Nobody knows.
    Unknown,
}

impl Outcome {
    /// The word in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Denied => "denied",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }
}

/// Something that security staff want on the record. It holds codes and ids only, never personal data.
#[derive(Clone, Debug)]
pub struct SecurityEvent {
    /// A code of the vocabulary, as `http.request.denied`.
    pub event_type: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// A stable error code, as `AUT-004`.
    pub reason: &'static str,
    /// The tenant it belongs to; `None` puts it under the platform's own.
    pub customer: Option<CustomerId>,
    /// The verified actor, if any. Nothing is invented where none was proven.
    pub subject: Option<SubjectId>,
    /// The request in which it happened.
    pub request: RequestId,
    /// The route's template, as `GET /v1/clients/{id}`; never the path itself.
    pub route: Option<&'static str>,
    /// The token that proved the actor, where the database verifies it itself. It is never recorded.
    pub proof: Option<BearerProof>,
    /// The address from which the request came.
    pub source_ip: Option<IpAddr>,
    /// What was read out of a vault, if that is what happened.
    pub secret: Option<SecretRead>,
}

/// Which secret was read out of a vault; never the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretRead {
    /// The reference, as `azure-kv://spa-prod/db-app`.
    pub reference: String,
    /// The version that was given out, in the words of the vault; `None` where none was.
    pub version: Option<String>,
}

/// Where lower layers report to. Reporting never blocks and never fails the caller:
/// an implementation that loses an event counts the loss and raises an alarm.
pub trait EventSink: Send + Sync {
    /// Takes an event for the record.
    fn report(&self, event: SecurityEvent);
}
