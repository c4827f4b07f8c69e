//! Why what arrived cannot be worked on or put back; never with a content.

use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::KeyError;
use bearingwall_tenancy::TenancyError;

/// Something about an event that arrived failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrivalError {
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// The event cannot be opened.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A statement failed.
    #[error("a statement on events that arrived failed")]
    Statement(#[source] diesel::result::Error),
    /// There is no such event in this tenant; another tenant's looks the same.
    #[error("there is no such event")]
    NotFound,
    /// It does not wait for a person.
    #[error("the event does not wait for a person")]
    NotParked,
}

impl Classified for ArrivalError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Key(error) => error.kind(),
            Self::Statement(_) => ErrorKind::Internal,
            Self::NotFound => ErrorKind::NotFound,
            Self::NotParked => ErrorKind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Statement(_) => "CON-060",
            Self::NotFound => "CON-061",
            Self::NotParked => "CON-062",
        }
    }
}
