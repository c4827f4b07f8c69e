//! Why an account is not connected, or a token not to be had; never with a code, a token or a provider's own words.

use crate::egress::EgressError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_secrets::SecretError;

/// A provider's reason, of those that RFC 6749 (4.1.2.1, 5.2) and RFC 7009 (2.2.1) name. What else it writes is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The person, or a policy of theirs, said no.
    AccessDenied,
    /// The code or the refresh token is used up, revoked or too old.
    InvalidGrant,
    /// The provider does not take this client, or not its secret.
    InvalidClient,
    /// The client may not do this.
    UnauthorizedClient,
    /// A scope is unknown, or more than was granted.
    InvalidScope,
    /// The provider does not know this kind of request or of token.
    Unsupported,
    /// The request is malformed to the provider.
    InvalidRequest,
    /// It cannot answer at the moment.
    Unavailable,
    /// Something else.
    Other,
}

impl Refusal {
    /// The meaning of a provider's word.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "access_denied" => Self::AccessDenied,
            "invalid_grant" => Self::InvalidGrant,
            "invalid_client" => Self::InvalidClient,
            "unauthorized_client" => Self::UnauthorizedClient,
            "invalid_scope" => Self::InvalidScope,
            "unsupported_grant_type" | "unsupported_response_type" | "unsupported_token_type" => Self::Unsupported,
            "invalid_request" => Self::InvalidRequest,
            "server_error" | "temporarily_unavailable" => Self::Unavailable,
            _ => Self::Other,
        }
    }
}

/// Something about an account at a provider failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OauthError {
    /// A provider cannot be set up as it is configured.
    #[error("`oauth.providers` {what}")]
    Config {
        /// What is wrong.
        what: &'static str,
    },
    /// A scope is asked for that the operator does not name.
    #[error("a scope is none that the operator names for the provider")]
    Scope,
    /// What came back to the callback is not the answer to what was begun.
    #[error("the answer is not one to this attempt: {what}")]
    Callback {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The provider said no.
    #[error("the provider refuses: {refusal:?}")]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// The provider answered with something that is no answer of an authorization server.
    #[error("the provider's answer is not understood: {what}")]
    Answer {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The request did not leave, or no answer came.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The client's secret is not to be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random(#[source] getrandom::Error),
}

impl OauthError {
    /// Whether it is certain that the provider did nothing, so that a refresh token that was shown is as good as before.
    ///
    /// An answer that is not understood is none: the provider may have rotated the token and told it in that answer.
    /// Neither is one that says "not now": what stands in front of a provider says so, too, when it has waited for too long.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        match self {
            Self::Egress(error) => error.is_certain(),
            Self::Answer { .. }
            | Self::Refused {
                refusal: Refusal::Unavailable,
            } => false,
            Self::Config { .. }
            | Self::Scope
            | Self::Callback { .. }
            | Self::Refused { .. }
            | Self::Secret(_)
            | Self::Random(_) => true,
        }
    }
}

impl Classified for OauthError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Config { .. } | Self::Scope | Self::Callback { .. } => ErrorKind::Invalid,
            Self::Refused {
                refusal: Refusal::AccessDenied | Refusal::InvalidGrant | Refusal::InvalidScope,
            } => ErrorKind::Conflict,
            Self::Refused { .. } | Self::Answer { .. } | Self::Random(_) => ErrorKind::Unavailable,
            Self::Egress(error) => error.kind(),
            Self::Secret(error) => error.kind(),
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Config { .. } => "CON-080",
            Self::Scope => "CON-081",
            Self::Callback { .. } => "CON-082",
            Self::Refused { .. } => "CON-083",
            Self::Answer { .. } => "CON-084",
            Self::Random(_) => "CON-085",
            Self::Egress(error) => error.code(),
            Self::Secret(error) => error.code(),
        }
    }
}
