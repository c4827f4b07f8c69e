//! Why a step at a gate was not taken. No text holds anything of what the gate is about.

use crate::canonical::CanonicalError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::KeyError;
use bearingwall_tenancy::TenancyError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why a step at a gate, or with what comes of it, was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// The tenant's key of payloads could not be made or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The operation has no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
    /// What was sent breaks a rule.
    #[error("{field} {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        reason: &'static str,
    },
    /// There is nothing of that id in this tenant with which this can be done; another tenant's looks the same.
    #[error("there is nothing of that id with which this can be done")]
    NoSuch,
    /// The kind of action is not in the catalogue, or not as the operation says.
    #[error("the catalogue has no such kind of action")]
    NotInCatalogue,
    /// Nobody approves what they asked for, or what was asked for them.
    #[error("it takes somebody else")]
    OwnRequest,
    /// A machine, or somebody who is not signed in, decides nothing.
    #[error("only a person of the tenant who is signed in may do this")]
    NotAPerson,
    /// What is decided on, or used, is not what was seen.
    #[error("the content is not the one whose digest was sent")]
    OtherContent,
    /// It was decided, used or taken back meanwhile, or the same person has decided already.
    #[error("the gate is not open any more")]
    NotOpen,
    /// It was not decided, or not used, in time.
    #[error("it is too late for that")]
    Expired,
    /// There is no approval of exactly that.
    #[error("a person must approve exactly this first")]
    NotApproved,
    /// A tenant's rule asks for less than the catalogue.
    #[error("a tenant's policy only tightens the catalogue's")]
    Loosens,
    /// That the content is read is not on record yet.
    #[error("the reading of the content could not be put on record")]
    NotRecorded,
    /// A row is not what the schema says.
    #[error("the {what} of a row is malformed")]
    Malformed {
        /// What.
        what: &'static str,
    },
}

impl Classified for GateError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Key(error) => error.kind(),
            Self::Canonical(_) | Self::Invalid { .. } | Self::Loosens => ErrorKind::Invalid,
            Self::NoSuch => ErrorKind::NotFound,
            Self::OwnRequest | Self::NotAPerson => ErrorKind::Forbidden,
            Self::OtherContent | Self::NotOpen | Self::Expired => ErrorKind::Conflict,
            Self::NotApproved => ErrorKind::ApprovalRequired,
            Self::NotRecorded => ErrorKind::Unavailable,
            Self::NotInCatalogue | Self::Malformed { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Canonical(_) => "GAT-001",
            Self::Invalid { .. } => "GAT-002",
            Self::NoSuch => "GAT-003",
            Self::NotInCatalogue => "GAT-004",
            Self::OwnRequest => "GAT-005",
            Self::NotAPerson => "GAT-006",
            Self::OtherContent => "GAT-007",
            Self::NotOpen => "GAT-008",
            Self::Expired => "GAT-009",
            Self::NotApproved => "GAT-010",
            Self::Loosens => "GAT-011",
            Self::NotRecorded => "GAT-012",
            Self::Malformed { .. } => "GAT-013",
        }
    }
}

impl GateError {
    /// What the database's refusal means to the caller.
    #[must_use]
    pub fn from_refusal(error: DieselError) -> Self {
        let DieselError::DatabaseError(kind, information) = &error else {
            return TenancyError::Statement(error).into();
        };
        match (kind, information.details()) {
            (_, Some("no-such-gate" | "no-such-effect")) => Self::NoSuch,
            (_, Some("not-requestable" | "not-of-its-kind")) => Self::NotInCatalogue,
            (_, Some("own-request")) => Self::OwnRequest,
            (_, Some("not-a-person")) => Self::NotAPerson,
            (_, Some("other-content")) => Self::OtherContent,
            (_, Some("not-open")) => Self::NotOpen,
            (_, Some("expired")) => Self::Expired,
            (_, Some("not-approved")) => Self::NotApproved,
            (_, Some("loosens")) => Self::Loosens,
            (_, Some("not-recorded")) => Self::NotRecorded,
            (_, Some("not-settleable")) => Self::Invalid {
                field: "reason",
                reason: "is not of 10 to 500 characters without control characters",
            },
            (DatabaseErrorKind::UniqueViolation, _) => Self::NotOpen,
            _ => TenancyError::Statement(error).into(),
        }
    }
}
