//! What can go wrong with the record.

use bearingwall_core::{Classified, ErrorKind};
use bearingwall_tenancy::TenancyError;

/// A failure of the record, or of the transaction around it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// An event could not be written.
    #[error("an audit event could not be written")]
    Unwritten(#[source] diesel::result::Error),
    /// The record could not be read.
    #[error("the audit record could not be read")]
    Unreadable(#[source] diesel::result::Error),
    /// Too many persons at once; ask for fewer.
    #[error("one access declares at most {limit} persons")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// There is no such thing in the sealed part of the record, or not yet; another tenant's looks the same.
    #[error("the sealed record has no such {what}")]
    NotSealed {
        /// What was asked for.
        what: &'static str,
    },
    /// A size of a tree that the newest checkpoint does not reach, or two sizes in the wrong order.
    #[error("the sizes lie outside the tree of {size} leaves")]
    OutsideTree {
        /// The size of the newest checkpoint.
        size: u64,
    },
    /// A bound of a question about the record breaks a rule.
    #[error("{reason}")]
    Invalid {
        /// The parameter.
        field: &'static str,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A row of the record, or of its tree, is not what the schema says.
    #[error("{what} of the record is malformed or missing")]
    Malformed {
        /// What.
        what: &'static str,
    },
}

impl Classified for AuditError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Unwritten(_) | Self::Unreadable(_) => ErrorKind::Unavailable,
            Self::TooMany { .. } | Self::OutsideTree { .. } | Self::Invalid { .. } => ErrorKind::Invalid,
            Self::NotSealed { .. } => ErrorKind::NotFound,
            Self::Malformed { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Unwritten(_) => "AUD-001",
            Self::Unreadable(_) => "AUD-002",
            Self::TooMany { .. } => "AUD-003",
            Self::NotSealed { .. } => "AUD-004",
            Self::OutsideTree { .. } => "AUD-005",
            Self::Invalid { .. } => "AUD-006",
            Self::Malformed { .. } => "AUD-007",
        }
    }
}
