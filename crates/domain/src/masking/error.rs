//! What can go wrong with masking; no variant ever holds a value that somebody sent.

use crate::error::{DomainError, Invalid};
use bearingwall_audit::AuditError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_pii::error::{MaskError, PolicyError, StructuredError};
use bearingwall_secrets::KeyError;
use bearingwall_tenancy::TenancyError;

/// A text was not masked or turned back, or a policy not changed. No text comes with it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaskingError {
    /// What every use-case of the domain can meet: transaction, record, keys, inputs, versions.
    #[error(transparent)]
    Domain(#[from] DomainError),
    /// The engine could not look at the text as the policy asks.
    #[error(transparent)]
    Engine(#[from] MaskError),
    /// The document is not of the form that was said.
    #[error(transparent)]
    Document(#[from] StructuredError),
    /// A policy breaks a rule of the engine.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A policy asks less of a kind than the platform's floor.
    #[error("the policy asks less of `{entity}` than the platform's floor")]
    BelowFloor {
        /// The kind, by its stable name.
        entity: &'static str,
    },
    /// The text is longer than one request may bring.
    #[error("the text is longer than allowed")]
    TooLong,
    /// As many texts are being looked at as may be, and none ended in time.
    #[error("too many texts are being looked at")]
    Busy,
    /// The policy in force was written by other means, or has been damaged.
    #[error("the policy in force cannot be used")]
    PolicyDamaged,
    /// The version has not passed its own samples over the platform's present floor.
    #[error("the version has not passed its test")]
    Untested,
    /// The work on a text ended without an answer.
    #[error("the work on a text ended without an answer")]
    Stopped,
    /// A setting is out of its bounds.
    #[error("the setting `{name}` of masking is out of its bounds")]
    Setting {
        /// Which.
        name: &'static str,
    },
}

impl From<TenancyError> for MaskingError {
    fn from(error: TenancyError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<AuditError> for MaskingError {
    fn from(error: AuditError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<KeyError> for MaskingError {
    fn from(error: KeyError) -> Self {
        Self::Domain(error.into())
    }
}

impl From<Invalid> for MaskingError {
    fn from(invalid: Invalid) -> Self {
        Self::Domain(invalid.into())
    }
}

impl MaskingError {
    /// Which input is wrong, and the rule that it breaks, in fixed words.
    #[must_use]
    pub const fn input(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Domain(DomainError::Invalid { field, reason }) => Some((*field, *reason)),
            Self::Document(StructuredError::Mask(_)) => None,
            Self::Document(_) => Some(("text", "is not a document of that kind, or too deep or too large")),
            Self::Policy(_) => Some(("policy", "breaks a rule of the engine; the code says which")),
            Self::BelowFloor { .. } => Some(("policy", "asks less of a kind than the platform's floor")),
            Self::TooLong => Some(("text", "is longer than allowed")),
            Self::Domain(_)
            | Self::Engine(_)
            | Self::Busy
            | Self::PolicyDamaged
            | Self::Untested
            | Self::Stopped
            | Self::Setting { .. } => None,
        }
    }
}

impl Classified for MaskingError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Domain(error) => error.kind(),
            Self::Engine(error) => error.kind(),
            Self::Document(error) => error.kind(),
            Self::Policy(error) => error.kind(),
            Self::BelowFloor { .. } | Self::TooLong => ErrorKind::Invalid,
            Self::Busy => ErrorKind::RateLimited,
            Self::PolicyDamaged | Self::Untested => ErrorKind::Conflict,
            Self::Stopped | Self::Setting { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Domain(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Document(error) => error.code(),
            Self::Policy(error) => error.code(),
            Self::BelowFloor { .. } => "DOM-020",
            Self::TooLong => "DOM-021",
            Self::Busy => "DOM-022",
            Self::PolicyDamaged => "DOM-023",
            Self::Untested => "DOM-024",
            Self::Stopped => "DOM-025",
            Self::Setting { .. } => "DOM-026",
        }
    }
}
