//! What is common to everything that leaves for a tenant's own systems: why it is refused, where it may go, how it ends.

mod catalogue;
mod outcome;

pub use catalogue::Catalogue;
pub(crate) use outcome::{outcome_of, retry_after, unavailable};

use crate::destinations::DestinationError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_outbox::OutboxError;
use bearingwall_secrets::SecretError;
use bearingwall_tenancy::TenancyError;

/// Something about a subscription or an endpoint of a tenant's own failed; never with an address, a secret or a content.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutgoingError {
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// The vault failed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The outbox refused it.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A destination cannot be named, read or removed.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// A statement failed.
    #[error("a statement on what leaves failed")]
    Statement(#[source] diesel::result::Error),
    /// There is none in this tenant; another tenant's looks the same.
    #[error("there is no such subscription, endpoint or delivery")]
    NotFound,
    /// There is one already.
    #[error("there is one already")]
    Taken,
    /// It has ended.
    #[error("it is told of nothing any more")]
    Ended,
    /// There are as many as there may be.
    #[error("there are as many as there may be")]
    Full,
    /// An input breaks a rule. The reason names the field and never the value.
    #[error("{reason}")]
    Invalid {
        /// The field, as the API calls it.
        field: &'static str,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random(#[source] getrandom::Error),
}

impl OutgoingError {
    pub(crate) fn of_statement(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error};
        match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => Self::Taken,
            error => Self::Statement(error),
        }
    }
}

impl Classified for OutgoingError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Secret(error) => error.kind(),
            Self::Outbox(error) => error.kind(),
            Self::Destination(error) => error.kind(),
            Self::Statement(_) => ErrorKind::Internal,
            Self::NotFound => ErrorKind::NotFound,
            Self::Taken | Self::Ended | Self::Full => ErrorKind::Conflict,
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Random(_) => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Secret(error) => error.code(),
            Self::Outbox(error) => error.code(),
            Self::Destination(error) => error.code(),
            Self::Statement(_) => "CON-030",
            Self::NotFound => "CON-031",
            Self::Taken => "CON-032",
            Self::Ended => "CON-033",
            Self::Full => "CON-034",
            Self::Invalid { .. } => "CON-035",
            Self::Random(_) => "CON-036",
        }
    }
}
