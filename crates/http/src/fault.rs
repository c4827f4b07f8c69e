//! What can be wrong with a request before a use-case sees it: the edge's own errors.

use actix_web::http::StatusCode;
use bearingwall_core::{Classified, ErrorKind};

/// An error that the edge itself finds.
///
/// None keeps the framework's error as its source: those texts quote the offending value, which may be a person's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// No route has this path, or an id in it is not one.
    #[error("no route has this path")]
    UnknownPath,
    /// No usable bearer token came with the request.
    #[error("no single bearer token came with the request: {found}")]
    Credentials {
        /// What was found instead.
        found: &'static str,
    },
    /// The path exists, under another method.
    #[error("the path does not answer this method")]
    Method,
    /// No session into a tenant that is open at this moment belongs to the caller and has this id.
    #[error("the caller has no open break-glass session of this id")]
    BreakGlass,
    /// The caller, its tenant or its network has asked too often.
    #[error("the caller, its tenant or its network has asked too often")]
    Throttled,
    /// The body is not the JSON that the operation takes.
    #[error("the body is not the expected json, at line {line}, column {column}")]
    Body {
        /// The line where reading stopped; 0 if the transport failed.
        line: usize,
        /// The column.
        column: usize,
    },
    /// The body is larger than the operation takes.
    #[error("the body is larger than the operation takes")]
    BodySize,
    /// The body has another media type than the operation takes.
    #[error("the body has another media type than the operation takes")]
    MediaType,
    /// The query string is not what the operation takes.
    #[error("the query string is not what the operation takes")]
    Query,
    /// A header has a value that is not accepted.
    #[error("the header `{name}` is not acceptable: {reason}")]
    Header {
        /// The header.
        name: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// The framework refused the request before a route took it.
    #[error("the framework refused the request")]
    Refused,
    /// Something failed that should not.
    #[error("the framework failed")]
    Framework,
    /// A dependency is away; carries no more than its name.
    #[error("not ready: {failing}")]
    NotReady {
        /// The names of the failing checks.
        failing: String,
    },
    /// The request took longer than the server gives it.
    #[error("the request took longer than the server gives it")]
    Deadline,
    /// An identity provider's logout token is not good, or was used before.
    #[error("the logout token is not accepted")]
    LogoutToken,
    /// A page that is not ours may have caused the request: it carries a session and not what our own pages send.
    #[error("the request carries a session and does not come from a page of ours")]
    CrossSite,
    /// Personal data is open to strong sign-ins only.
    #[error("the sign-in was not strong enough for personal data")]
    WeakSignIn,
    /// The stream of an import broke off or grew too long.
    #[error("the body of the import ended early or is too long")]
    ImportBody,
}

impl HttpError {
    /// The status where the kind alone does not give it.
    pub(crate) const fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Method => Some(StatusCode::METHOD_NOT_ALLOWED),
            Self::BodySize => Some(StatusCode::PAYLOAD_TOO_LARGE),
            Self::MediaType => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Self::UnknownPath
            | Self::Credentials { .. }
            | Self::BreakGlass
            | Self::Throttled
            | Self::Body { .. }
            | Self::Query
            | Self::Header { .. }
            | Self::Refused
            | Self::Framework
            | Self::NotReady { .. }
            | Self::Deadline
            | Self::LogoutToken
            | Self::CrossSite
            | Self::WeakSignIn
            | Self::ImportBody => None,
        }
    }

    /// Which part of the request is wrong and why, in words that are safe to send.
    pub(crate) const fn pointer(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Body { .. } => Some(("body", "is not the JSON that this operation takes")),
            Self::BodySize => Some(("body", "is too large")),
            Self::MediaType => Some(("Content-Type", "is not the media type that this operation takes")),
            Self::Query => Some(("query", "is not what this operation takes")),
            Self::Header { name, reason } => Some((name, reason)),
            Self::LogoutToken => Some(("logout_token", "is not accepted")),
            Self::ImportBody => Some(("body", "ended early or is too long")),
            Self::UnknownPath
            | Self::Credentials { .. }
            | Self::BreakGlass
            | Self::Throttled
            | Self::Method
            | Self::Refused
            | Self::Framework
            | Self::NotReady { .. }
            | Self::CrossSite
            | Self::WeakSignIn
            | Self::Deadline => None,
        }
    }
}

impl Classified for HttpError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownPath => ErrorKind::NotFound,
            Self::Credentials { .. } => ErrorKind::Unauthenticated,
            Self::BreakGlass => ErrorKind::Forbidden,
            Self::Throttled => ErrorKind::RateLimited,
            Self::Method
            | Self::Body { .. }
            | Self::BodySize
            | Self::MediaType
            | Self::Query
            | Self::Header { .. }
            | Self::Refused
            | Self::LogoutToken
            | Self::ImportBody => ErrorKind::Invalid,
            Self::CrossSite | Self::WeakSignIn => ErrorKind::Forbidden,
            Self::Framework => ErrorKind::Internal,
            Self::NotReady { .. } | Self::Deadline => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::UnknownPath => "HTP-001",
            Self::Credentials { .. } => "HTP-002",
            Self::Method => "HTP-003",
            Self::Body { .. } => "HTP-004",
            Self::BodySize => "HTP-005",
            Self::MediaType => "HTP-006",
            Self::Query => "HTP-007",
            Self::Header { .. } => "HTP-008",
            Self::Refused => "HTP-009",
            Self::Framework => "HTP-010",
            Self::NotReady { .. } => "HTP-012",
            Self::Deadline => "HTP-013",
            Self::ImportBody => "HTP-014",
            Self::BreakGlass => "HTP-019",
            Self::Throttled => "HTP-018",
            Self::LogoutToken => "HTP-015",
            Self::CrossSite => "HTP-016",
            Self::WeakSignIn => "HTP-017",
        }
    }
}
