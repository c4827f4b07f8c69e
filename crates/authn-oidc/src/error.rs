//! Why somebody could not be signed in, or a session not be renewed.

use crate::http::ExchangeError;
use bearingwall_core::{Classified, ErrorKind};

/// Why a provider's answer was not accepted. No variant holds anything that a token or a browser said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OidcError {
    /// The configuration cannot be used.
    #[error("the configuration of the sign-in is refused: {what}")]
    Config {
        /// The rule that it breaks.
        what: &'static str,
    },
    /// The provider's discovery document or key set could not be had.
    #[error("the provider's {document} could not be read")]
    Discovery {
        /// Which document.
        document: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What the browser brought back does not belong to the sign-in that it began.
    #[error("the provider's redirect is refused: {what}")]
    Callback {
        /// The rule that it breaks.
        what: &'static str,
    },
    /// The provider refuses: the person gave up, the code or the refresh token is not good any more.
    #[error("the provider refuses")]
    Refused,
    /// The provider could not be asked.
    #[error("the provider could not be asked")]
    Unavailable(#[source] Option<ExchangeError>),
    /// The provider's answer is not one.
    #[error("the provider's answer is not understood")]
    Answer,
    /// The ID token is not good.
    #[error("the ID token is refused: {what}")]
    IdToken {
        /// The rule that it breaks.
        what: &'static str,
        /// Why, as far as it is known.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
}

impl Classified for OidcError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } => ErrorKind::Invalid,
            Self::Discovery { .. } | Self::Unavailable(_) | Self::Answer => ErrorKind::Unavailable,
            Self::Callback { .. } | Self::Refused | Self::IdToken { .. } => ErrorKind::Unauthenticated,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Config { .. } => "OID-001",
            Self::Discovery { .. } => "OID-002",
            Self::Callback { .. } => "OID-003",
            Self::Refused => "OID-004",
            Self::Unavailable(_) => "OID-005",
            Self::Answer => "OID-006",
            Self::IdToken { .. } => "OID-007",
        }
    }
}
