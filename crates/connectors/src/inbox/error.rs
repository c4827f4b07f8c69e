//! Why an endpoint cannot be made or changed, or a delivery not be taken; never with a secret or a content.

use crate::webhooks::WebhookError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::{KeyError, SecretError};
use bearingwall_tenancy::TenancyError;

/// Something about an endpoint failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// The delivery is not taken.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// The vault failed.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A key could not be made, unwrapped or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A statement failed.
    #[error("a statement on endpoints failed")]
    Statement(#[source] diesel::result::Error),
    /// There is no such endpoint in this tenant; another tenant's looks the same.
    #[error("there is no such endpoint")]
    NotFound,
    /// It takes nothing any more.
    #[error("the endpoint has ended")]
    Ended,
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

impl Classified for InboxError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Webhook(error) => error.kind(),
            Self::Tenancy(error) => error.kind(),
            Self::Secret(error) => error.kind(),
            Self::Key(error) => error.kind(),
            Self::Statement(_) => ErrorKind::Internal,
            Self::NotFound => ErrorKind::NotFound,
            Self::Ended => ErrorKind::Conflict,
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::Random(_) => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Webhook(error) => error.code(),
            Self::Tenancy(error) => error.code(),
            Self::Secret(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Statement(_) => "CON-020",
            Self::NotFound => "CON-021",
            Self::Ended => "CON-022",
            Self::Invalid { .. } => "CON-023",
            Self::Random(_) => "CON-024",
        }
    }
}
