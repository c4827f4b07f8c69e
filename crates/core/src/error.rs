//! How every public error classifies itself, so that only the edge of the system knows status codes.

use std::fmt;

/// What an error means to the caller. Exhaustive on purpose: a new kind must be mapped everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request itself is wrong; repeating it unchanged is useless.
    Invalid,
    /// No identity was proven.
    Unauthenticated,
    /// The identity is known and lacks the permission.
    Forbidden,
    /// There is no such thing, or it belongs to another tenant.
    NotFound,
    /// The state has moved on; read again and decide anew.
    Conflict,
    /// A human must approve first.
    ApprovalRequired,
    /// Too many requests for now.
    RateLimited,
    /// A dependency is away; the same request may succeed later.
    Unavailable,
    /// A defect of ours.
    Internal,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::ApprovalRequired => "approval_required",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        })
    }
}

/// Implemented by every public error enum.
pub trait Classified: std::error::Error {
    /// What it means to the caller.
    fn kind(&self) -> ErrorKind;

    /// The stable code (`TEN-003`) that `docs/errors.md` explains.
    fn code(&self) -> &'static str;
}
