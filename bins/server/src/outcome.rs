//! Why the server stopped: on standard error for people, as an exit code for the supervisor.

use crate::ConfigError;
use crate::canary::Breached;
use bearingwall_authn::AuthnError;
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_program::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_REFUSED};
use bearingwall_secrets::SecretError;
use bearingwall_secrets::scan::ScanError;
use bearingwall_telemetry::TelemetryError;
use bearingwall_tenancy::{AddressError, TenancyError};
use std::io::Write as _;

/// The database would accept no token of a configured issuer (the split-key profile).
#[derive(Debug, thiserror::Error)]
#[error("the database has no key of the issuer `{issuer}` for the configured audience")]
pub(crate) struct UnknownIssuer {
    pub(crate) issuer: String,
}

impl Classified for UnknownIssuer {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn code(&self) -> &'static str {
        "SRV-002"
    }
}

/// The exit code of an error of [`run`](crate::run).
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of).unwrap_or(EXIT_FAILURE)
}

fn code_of(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    match cause.downcast_ref() {
        Some(TenancyError::Posture { .. }) => return Some(EXIT_REFUSED),
        // The enter key is not the one that the database knows under that id.
        Some(TenancyError::Refused(_)) => return Some(EXIT_CONFIGURATION),
        _ => {}
    }
    if cause.is::<Breached>() || cause.is::<UnknownIssuer>() {
        return Some(EXIT_REFUSED);
    }
    if let Some(error) = cause.downcast_ref::<AuthnError>() {
        // Keys that cannot be fetched now may be there at the supervisor's next attempt.
        return matches!(error, AuthnError::Config { .. }).then_some(EXIT_CONFIGURATION);
    }
    let configuration = cause.is::<ConfigError>()
        || cause.is::<ScanError>()
        || cause.is::<SecretError>()
        || cause.is::<AddressError>()
        || cause.is::<TelemetryError>();
    configuration.then_some(EXIT_CONFIGURATION)
}

/// One line on standard output; nobody to tell is no reason to fail.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The reasons, each on a line of its own.
pub(crate) fn complain(error: &anyhow::Error) {
    for line in reasons(error) {
        let _ = writeln!(std::io::stderr(), "bearingwall-server: {line}");
    }
}

fn reasons(error: &anyhow::Error) -> Vec<String> {
    for cause in error.chain() {
        if let Some(TenancyError::Posture { violations }) = cause.downcast_ref() {
            return violations
                .iter()
                .map(|violation| format!("refused: {violation}"))
                .collect();
        }
        if cause.is::<Breached>() || cause.is::<UnknownIssuer>() {
            return vec![format!("refused: {cause}")];
        }
        if let Some(ConfigError::Refused { refusals, .. }) = cause.downcast_ref() {
            return refusals
                .iter()
                .map(|refusal| format!("configuration: {refusal}"))
                .collect();
        }
        if let Some(ScanError::CredentialsFound { findings }) = cause.downcast_ref() {
            let line = |finding: &_| format!("credentials must be references: {finding}");
            return findings.iter().map(line).collect();
        }
    }
    let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    // A transparent error says what its cause says.
    causes.dedup();
    vec![causes.join(": ")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_secrets::Scheme;
    use bearingwall_tenancy::posture::Violation;

    #[test]
    fn each_violation_stands_on_its_own_line() {
        let violation = |check: &str| Violation {
            check: check.to_owned(),
            found: format!("{check} is wrong"),
        };
        let error = anyhow::Error::from(TenancyError::Posture {
            violations: vec![violation("one"), violation("two")],
        });
        assert_eq!(
            reasons(&error),
            ["refused: one is wrong (one)", "refused: two is wrong (two)"]
        );
        assert_eq!(exit_code(&error.context("connecting")), EXIT_REFUSED);
    }

    #[test]
    fn ten_8_a_breach_at_the_start_is_a_refusal_of_the_database() {
        let error = anyhow::Error::from(Breached {
            attempt: "a plain look".to_owned(),
        })
        .context("starting");
        assert_eq!(
            reasons(&error),
            ["refused: tenant isolation is broken: the canary reached a row of another tenant by a plain look"]
        );
        assert_eq!(exit_code(&error), EXIT_REFUSED);
    }

    #[test]
    fn exit_codes_tell_configuration_from_failure() {
        let missing = SecretError::NoAdapter {
            scheme: Scheme::AwsSecretsManager,
        };
        assert_eq!(
            exit_code(&anyhow::Error::from(missing).context("the secret")),
            EXIT_CONFIGURATION
        );
        assert_eq!(exit_code(&anyhow::Error::from(TenancyError::Busy)), EXIT_FAILURE);
        let unreachable = AuthnError::KeysUnavailable {
            issuer: "https://id.example.org".to_owned(),
            source: None,
        };
        assert_eq!(exit_code(&unreachable.into()), EXIT_FAILURE);
    }
}
