//! Why an effect was not written, found or settled.

use bearingwall_core::{Classified, ErrorKind};
use bearingwall_gates::GateError;
use bearingwall_tenancy::TenancyError;

/// Why an effect was not written, found or settled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// The database refused it, the content has no canonical form, or the key of payloads could not be used.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// A destination is served twice, or its name is none.
    #[error("`{pattern}` is no destination that one worker can serve once")]
    Destination {
        /// What was said to be served.
        pattern: String,
    },
    /// The times of a worker contradict each other.
    #[error("a call may take as long as its lease, or longer")]
    Deadline,
}

impl Classified for OutboxError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Gate(error) => error.kind(),
            Self::Destination { .. } | Self::Deadline => ErrorKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Gate(error) => error.code(),
            Self::Destination { .. } => "OUT-001",
            Self::Deadline => "OUT-002",
        }
    }
}
