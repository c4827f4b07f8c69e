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
}

impl Classified for AuditError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Unwritten(_) | Self::Unreadable(_) => ErrorKind::Unavailable,
            Self::TooMany { .. } => ErrorKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Unwritten(_) => "AUD-001",
            Self::Unreadable(_) => "AUD-002",
            Self::TooMany { .. } => "AUD-003",
        }
    }
}
