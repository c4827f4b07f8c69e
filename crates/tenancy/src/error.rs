//! What can go wrong between a context and its committed transaction.

use crate::posture::Violation;
use bearingwall_core::{Classified, ErrorKind};
use diesel::result::{DatabaseErrorInformation, Error as DieselError};

/// A failure of the tenant pool.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenancyError {
    /// The running system does not hold what the design promises; the server must not start.
    #[error("the database is not in the state that tenant isolation needs: {}", list(.violations))]
    Posture {
        /// Each reason.
        violations: Vec<Violation>,
    },
    /// No connection to the database.
    #[error("the database cannot be reached")]
    Dial(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Every connection is in use.
    #[error("no database connection came free in time")]
    Busy,
    /// The database refused the signed entry: wrong key, wrong clock, or a forged context.
    #[error("the database refused the tenant context")]
    Refused(#[source] DieselError),
    /// The database refused the caller's own token (the split-key profile).
    #[error("the database refused the proof of identity")]
    ProofRejected,
    /// The context carries no token, and the database asks for one (the split-key profile).
    #[error("the context carries no proof of identity")]
    NoProof,
    /// The token is about somebody else than the context.
    #[error("the proof of identity is about somebody else than the context")]
    ForeignProof,
    /// The lease of the job has ended: somebody else may have it.
    #[error("the lease of the job has ended")]
    LeaseEnded,
    /// The key leads to no tenant.
    #[error("the key leads to no tenant")]
    NoSuchKey,
    /// The tenant does not exist or is suspended.
    #[error("the tenant is not active")]
    NotActive,
    /// The tenant's region is not served by this server or this database.
    #[error("the tenant's region is not served here")]
    RegionNotServed,
    /// The record that must come first could not be written; nothing was read or changed.
    #[error("the record of the access could not be written")]
    Unrecorded(#[source] DieselError),
    /// The work dropped its first statement half-way, so that nobody knows what of the beginning took place. The connection
    /// is closed and nothing is committed.
    #[error("the beginning of the transaction was interrupted")]
    Interrupted,
    /// The transaction could not be committed. If the connection broke meanwhile, the server alone knows whether it was.
    #[error("the transaction could not be committed")]
    NotCommitted(#[source] DieselError),
    /// A statement of the pool's own failed.
    #[error("a database statement failed")]
    Statement(#[source] DieselError),
}

fn list(violations: &[Violation]) -> String {
    violations
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

impl TenancyError {
    /// Reads the reason out of a refusal by `tenancy.enter`.
    pub(crate) fn from_enter(error: DieselError) -> Self {
        let detail = match &error {
            DieselError::DatabaseError(_, information) => detail(information.as_ref()),
            _ => None,
        };
        match detail.as_deref() {
            Some("tenant-not-active") => Self::NotActive,
            Some("region-not-served") => Self::RegionNotServed,
            Some("no-such-lease") => Self::LeaseEnded,
            Some("no-such-key") => Self::NoSuchKey,
            _ => Self::Refused(error),
        }
    }
}

fn detail(information: &dyn DatabaseErrorInformation) -> Option<String> {
    information.details().map(ToOwned::to_owned)
}

impl Classified for TenancyError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Dial(_) | Self::Busy | Self::Unrecorded(_) => ErrorKind::Unavailable,
            Self::NotActive | Self::RegionNotServed => ErrorKind::Forbidden,
            Self::ProofRejected | Self::NoSuchKey => ErrorKind::Unauthenticated,
            Self::LeaseEnded => ErrorKind::Conflict,
            Self::Posture { .. }
            | Self::Refused(_)
            | Self::NoProof
            | Self::ForeignProof
            | Self::Interrupted
            | Self::NotCommitted(_)
            | Self::Statement(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Posture { .. } => "TEN-001",
            Self::Dial(_) => "TEN-002",
            Self::Busy => "TEN-003",
            Self::Refused(_) => "TEN-004",
            Self::NotActive => "TEN-005",
            Self::RegionNotServed => "TEN-006",
            Self::Unrecorded(_) => "TEN-007",
            Self::NotCommitted(_) => "TEN-008",
            Self::Statement(_) => "TEN-009",
            Self::Interrupted => "TEN-010",
            Self::ProofRejected => "TEN-011",
            Self::NoProof => "TEN-012",
            Self::ForeignProof => "TEN-013",
            Self::LeaseEnded => "TEN-014",
            Self::NoSuchKey => "TEN-015",
        }
    }
}
