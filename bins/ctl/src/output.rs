//! Results on standard output, complaints on standard error.

use crate::tenants::TenantError;
use bearingwall_connectors::mail::MailError;
use bearingwall_core::Classified;
use bearingwall_migrations::MigrationError;
use std::io::Write as _;

/// One line of the result. A reader that has gone is an error: the result did not arrive.
pub(crate) fn line(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// One line about what is being done; nobody to tell is no reason to stop.
pub(crate) fn progress(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// One line beside the result.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The error, each cause behind its effect, with its stable code where it has one.
pub(crate) fn complain(error: &anyhow::Error) {
    let code = error.chain().find_map(|cause| {
        let migration = cause.downcast_ref::<MigrationError>().map(Classified::code);
        let tenant = migration.or_else(|| cause.downcast_ref::<TenantError>().map(Classified::code));
        tenant.or_else(|| cause.downcast_ref::<MailError>().map(Classified::code))
    });
    let code = code.map(|code| format!("[{code}] ")).unwrap_or_default();
    let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    // A transparent error says what its cause says.
    causes.dedup();
    let _ = writeln!(std::io::stderr(), "bearingwall-ctl: {code}{}", causes.join(": "));
}
