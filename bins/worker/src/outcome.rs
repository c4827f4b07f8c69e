//! Why the worker stopped: on standard error for people, as an exit code for the supervisor.

use crate::ConfigError;
use bearingwall_program::{EXIT_CONFIGURATION, EXIT_FAILURE};
use bearingwall_secrets::SecretError;
use bearingwall_secrets::scan::ScanError;
use bearingwall_telemetry::TelemetryError;
use bearingwall_tenancy::AddressError;
use std::io::Write as _;

/// The exit code of an error of [`run`](crate::run).
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let code = error.chain().find_map(|cause| {
        let configuration = cause.is::<ConfigError>()
            || cause.is::<ScanError>()
            || cause.is::<SecretError>()
            || cause.is::<AddressError>()
            || cause.is::<TelemetryError>();
        configuration.then_some(EXIT_CONFIGURATION)
    });
    code.unwrap_or(EXIT_FAILURE)
}

/// One line on standard output; nobody to tell is no reason to fail.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The reason, on one line.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    // A transparent error says what its cause says.
    causes.dedup();
    let _ = writeln!(std::io::stderr(), "bearingwall-worker: {}", causes.join(": "));
}
