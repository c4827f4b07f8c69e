//! `bearingwall-sealer`: hands arguments and environment to the library and exits with the code that it answers.

use std::process::ExitCode;

#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read to be searched for credentials, and for nothing else"
)]
fn main() -> ExitCode {
    // A variable that is no UTF-8 is searched all the same.
    let environment = std::env::vars_os().map(|(name, value)| {
        (
            name.to_string_lossy().into_owned(),
            value.to_string_lossy().into_owned(),
        )
    });
    bearingwall_sealer::main_with_arguments(std::env::args_os(), environment)
}
