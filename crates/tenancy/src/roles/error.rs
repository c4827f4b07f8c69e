//! Why a step with a tenant's roles was not taken.

use crate::error::TenancyError;
use bearingwall_core::{Classified, ErrorKind};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why a step with a tenant's roles was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoleError {
    /// The transaction failed.
    #[error(transparent)]
    Tenancy(#[from] TenancyError),
    /// What was asked for breaks a rule.
    #[error("{field} {reason}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// The rule.
        reason: &'static str,
    },
    /// There is nothing of that id with which this can be done: not there, another tenant's, or past it.
    #[error("there is no role set, change or assignment of that id with which this can be done")]
    NoSuch,
    /// Nobody gains by what they ask for, decides on what they asked for, or judges what they have.
    #[error("it takes somebody else")]
    OwnRole,
    /// Nobody hands on what they do not hold.
    #[error("the role set holds a permission that its giver does not hold")]
    NotHeld,
    /// What is decided on is not what was seen.
    #[error("the change is not the one whose digest was sent")]
    OtherContent,
    /// A role set of that name is in force, or the person has it already.
    #[error("it is there already")]
    Taken,
}

impl Classified for RoleError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Tenancy(error) => error.kind(),
            Self::Invalid { .. } => ErrorKind::Invalid,
            Self::NoSuch => ErrorKind::NotFound,
            Self::OwnRole | Self::NotHeld => ErrorKind::Forbidden,
            Self::OtherContent | Self::Taken => ErrorKind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Tenancy(error) => error.code(),
            Self::Invalid { .. } => "TEN-050",
            Self::NoSuch => "TEN-051",
            Self::OwnRole => "TEN-052",
            Self::NotHeld => "TEN-053",
            Self::OtherContent => "TEN-054",
            Self::Taken => "TEN-055",
        }
    }
}

/// What the database's refusal means to the caller.
pub(super) fn refusal(error: DieselError) -> RoleError {
    let DieselError::DatabaseError(kind, information) = &error else {
        return TenancyError::Statement(error).into();
    };
    match (kind, information.details()) {
        (DatabaseErrorKind::UniqueViolation, _) | (_, Some("had-already")) => RoleError::Taken,
        (_, Some("no-such-role")) => RoleError::NoSuch,
        (_, Some("own-role")) => RoleError::OwnRole,
        (_, Some("not-held")) => RoleError::NotHeld,
        (_, Some("other-content")) => RoleError::OtherContent,
        (_, Some("not-assignable")) => RoleError::Invalid {
            field: "permissions",
            reason: "are not all of the tenant's own data",
        },
        _ => TenancyError::Statement(error).into(),
    }
}
