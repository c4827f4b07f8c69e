//! Why a bearer token was not accepted, or why the verifier could not start.

use crate::document::DocumentError;
use crate::jws::JwsError;
use bearingwall_core::{Classified, ErrorKind};

/// Why no identity was proven. It is written for the log: a client learns that its token is invalid, not why.
/// No variant holds anything that the token said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthnError {
    /// Shape, algorithm, key or signature.
    #[error(transparent)]
    Token(#[from] JwsError),
    /// The header's `typ` or the claim `typ` says that it is no access token.
    #[error("the token is not an access token")]
    TokenType,
    /// The payload is no plain JSON object.
    #[error("the token's claims are no plain JSON object")]
    Claims,
    /// A claim is missing or has the wrong form.
    #[error("the claim `{claim}` is missing or malformed")]
    Claim {
        /// The claim's registered name.
        claim: &'static str,
    },
    /// The issuer is not one of the configured ones.
    #[error("the token's issuer is not configured")]
    UnknownIssuer,
    /// The token is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// It lives longer than the issuer's tokens may.
    #[error("the token lives too long")]
    Lifetime,
    /// It must be accompanied by a proof of possession, which is not supported.
    #[error("the token is bound to a sender key, which is not supported")]
    SenderConstrained,
    /// It names no tenant, or one that no token may name.
    #[error("the token names no tenant that a token may name")]
    Tenant,
    /// Its issuer is bound to one tenant, and it claims more than that.
    #[error("the token claims more than the tenant that its issuer is bound to")]
    ForeignTenant,
    /// The issuer's keys could not be fetched, or are older than they may be.
    #[error("the signing keys of issuer `{issuer}` are not available")]
    KeysUnavailable {
        /// The configured issuer.
        issuer: String,
        /// Why the last attempt failed, where this call made it.
        #[source]
        source: Option<DocumentError>,
    },
    /// Its session has ended, or everybody was signed out who it speaks for.
    #[error("the token's session has ended")]
    Revoked,
    /// Whether its session has ended is not known: the deny-list is too old.
    #[error("the list of ended sessions is out of date")]
    RevocationsUnknown,
    /// It is no logout token that is accepted here.
    #[error("the logout token is refused: {what}")]
    Logout {
        /// The rule that it breaks.
        what: &'static str,
    },
    /// The configuration cannot be used.
    #[error("the configuration of issuer `{issuer}` is refused: {what}")]
    Config {
        /// The configured issuer.
        issuer: String,
        /// The rule that it breaks.
        what: &'static str,
    },
    /// The HTTP client could not be made.
    #[error("the client for key sets could not be made")]
    Client {
        /// Why.
        #[source]
        source: DocumentError,
    },
}

impl Classified for AuthnError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Token(error) => error.kind(),
            Self::TokenType
            | Self::Claims
            | Self::Claim { .. }
            | Self::UnknownIssuer
            | Self::Audience
            | Self::Expired
            | Self::NotYetValid
            | Self::Lifetime
            | Self::SenderConstrained
            | Self::Tenant
            | Self::ForeignTenant
            | Self::Revoked
            | Self::Logout { .. } => ErrorKind::Unauthenticated,
            Self::KeysUnavailable { .. } | Self::RevocationsUnknown => ErrorKind::Unavailable,
            Self::Config { .. } => ErrorKind::Invalid,
            Self::Client { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Token(error) => error.code(),
            Self::TokenType => "AUT-006",
            Self::Claims => "AUT-007",
            Self::Claim { .. } => "AUT-008",
            Self::UnknownIssuer => "AUT-009",
            Self::Audience => "AUT-010",
            Self::Expired => "AUT-011",
            Self::NotYetValid => "AUT-012",
            Self::Lifetime => "AUT-013",
            Self::SenderConstrained => "AUT-014",
            Self::Tenant => "AUT-015",
            Self::ForeignTenant => "AUT-016",
            Self::KeysUnavailable { .. } => "AUT-017",
            Self::Config { .. } => "AUT-018",
            Self::Client { .. } => "AUT-019",
            Self::Revoked => "AUT-020",
            Self::RevocationsUnknown => "AUT-021",
            Self::Logout { .. } => "AUT-022",
        }
    }
}
