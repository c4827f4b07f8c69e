//! What can go wrong with clients and chart notes; no variant ever holds a value that somebody sent.

use bearingwall_audit::AuditError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_pii::error::{MaskError, PolicyError};
use bearingwall_secrets::KeyError;
use bearingwall_tenancy::TenancyError;

/// A use-case of the CRM failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// The access could not be put on record, or the transaction under it failed.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// A key could not be made, unwrapped or used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// An input breaks a rule. The reason names the field and never the value.
    #[error("{reason}")]
    Invalid {
        /// The field, as the API calls it.
        field: &'static str,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// There is no such client or note in this tenant; another tenant's looks the same.
    #[error("there is no such record")]
    NotFound,
    /// The record is at another version than the change was made for.
    #[error("the record has been changed since it was read")]
    Conflict,
    /// The invoice is paid, paid back in part, or void.
    #[error("the invoice is not open")]
    NotOpen,
    /// Another record of the tenant has this external id.
    #[error("another record has this external id")]
    ExternalIdTaken,
    /// A statement failed.
    #[error("a statement on clients or chart notes failed")]
    Statement(#[source] diesel::result::Error),
    /// What the actor is called could not be put beside the record; the access that needs it has not happened.
    #[error("the names of the actor could not be recorded")]
    ActorUnrecorded(#[source] diesel::result::Error),
    /// A decrypted payload is of a version that this program does not know, or damaged.
    #[error("a decrypted record cannot be read")]
    Unreadable,
    /// The header row of an imported file lacks a column.
    #[error("the file has no column `{column}`")]
    MissingColumn {
        /// The column.
        column: &'static str,
    },
    /// The header row of an imported file cannot be used.
    #[error("{reason}")]
    Header {
        /// Why.
        reason: &'static str,
    },
    /// A text could not be masked: nothing of it is given.
    #[error("a text of a record could not be masked")]
    Deidentify(#[source] UnmaskedError),
    /// Work in the background was broken off.
    #[error("the work was broken off")]
    Interrupted,
    /// The import has failed before and takes no more.
    #[error("the import has failed and takes no more rows")]
    ImportEnded,
}

impl Classified for DomainError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Audit(error) => error.kind(),
            Self::Key(error) => error.kind(),
            Self::Invalid { .. } | Self::MissingColumn { .. } | Self::Header { .. } | Self::ImportEnded => {
                ErrorKind::Invalid
            }
            Self::NotFound => ErrorKind::NotFound,
            Self::Conflict | Self::ExternalIdTaken | Self::NotOpen => ErrorKind::Conflict,
            Self::ActorUnrecorded(_) | Self::Interrupted => ErrorKind::Unavailable,
            Self::Statement(_) | Self::Unreadable | Self::Deidentify(_) => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Audit(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Invalid { .. } => "DOM-001",
            Self::NotFound => "DOM-002",
            Self::Conflict => "DOM-003",
            Self::ExternalIdTaken => "DOM-004",
            Self::Statement(_) => "DOM-005",
            Self::Unreadable => "DOM-006",
            Self::MissingColumn { .. } => "DOM-007",
            Self::Header { .. } => "DOM-008",
            Self::ImportEnded => "DOM-009",
            Self::ActorUnrecorded(_) => "DOM-010",
            Self::Deidentify(error) => error.code(),
            Self::Interrupted => "DOM-011",
            Self::NotOpen => "DOM-012",
        }
    }
}

/// Why a text could not be masked.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum UnmaskedError {
    /// The policy that Safe Harbor asks for was refused.
    Policy(#[from] PolicyError),
    /// The engine failed.
    Mask(#[from] MaskError),
}

impl UnmaskedError {
    const fn code(&self) -> &'static str {
        match self {
            Self::Policy(error) => error.code(),
            Self::Mask(error) => error.code(),
        }
    }
}

/// A broken rule by itself: what a row of an import is reported with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid {
    pub(crate) field: &'static str,
    pub(crate) reason: &'static str,
}

impl From<Invalid> for DomainError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid {
            field: invalid.field,
            reason: invalid.reason,
        }
    }
}
