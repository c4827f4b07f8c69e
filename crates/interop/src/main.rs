//! The programs of the project in one, for tests that watch them as processes: the first argument says which.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    let program = arguments
        .peek()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
        .to_owned();
    let environment = bearingwall_program::environment();
    match program.as_str() {
        "bearingwall-ctl" => bearingwall_ctl::main_with_arguments(arguments),
        "bearingwall-sealer" => bearingwall_sealer::main_with_arguments(arguments, environment),
        "bearingwall-server" => bearingwall_server::main_with_arguments(arguments, environment),
        "bearingwall-worker" => bearingwall_worker::main_with_arguments(arguments, environment),
        _ => ExitCode::from(bearingwall_program::EXIT_CONFIGURATION),
    }
}
