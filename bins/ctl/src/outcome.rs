//! How a command ended, and the exit code that says so.

use crate::tenants::TenantError;
use bearingwall_connectors::mail::MailError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_migrations::MigrationError;
use bearingwall_program::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, EXIT_REFUSED};
use bearingwall_secrets::SecretError;
use bearingwall_secrets::scan::ScanError;
use bearingwall_tenancy::{AddressError, TenancyError};

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As asked.
    Done,
    /// What was compared is not the same.
    Differs,
    /// What was examined is not as it must be.
    Refused,
}

impl Outcome {
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Done => EXIT_OK,
            Self::Differs => EXIT_FAILURE,
            Self::Refused => EXIT_REFUSED,
        }
    }
}

/// The exit code of an error.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(EXIT_FAILURE)
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    let kind = cause.downcast_ref::<MigrationError>().map(Classified::kind);
    if let Some(kind) = kind.or_else(|| cause.downcast_ref::<TenantError>().map(Classified::kind)) {
        return match kind {
            ErrorKind::Conflict | ErrorKind::Forbidden | ErrorKind::NotFound => Some(EXIT_REFUSED),
            ErrorKind::Invalid => Some(EXIT_CONFIGURATION),
            _ => None,
        };
    }
    if let Some(TenancyError::Posture { .. }) = cause.downcast_ref() {
        return Some(EXIT_REFUSED);
    }
    let configuration =
        cause.is::<AddressError>() || cause.is::<ScanError>() || cause.is::<SecretError>() || cause.is::<MailError>();
    configuration.then_some(EXIT_CONFIGURATION)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_and_wrong_configurations_have_codes_of_their_own() {
        let code = |error: MigrationError| exit_code(&anyhow::Error::from(error).context("migrating"));
        assert_eq!(code(MigrationError::Locked), EXIT_REFUSED);
        assert_eq!(code(MigrationError::Dirty { reasons: Vec::new() }), EXIT_REFUSED);
        assert_eq!(code(MigrationError::WrongRole { role: "app".to_owned() }), EXIT_REFUSED);
        assert_eq!(
            code(MigrationError::BadName { name: "A".to_owned() }),
            EXIT_CONFIGURATION
        );
        assert_eq!(exit_code(&anyhow::anyhow!("anything else")), EXIT_FAILURE);
    }
}
