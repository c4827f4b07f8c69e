//! `bearingwall-worker`: hands arguments and environment to the library and exits with the code that it answers.

use std::process::ExitCode;

fn main() -> ExitCode {
    bearingwall_worker::main_with_arguments(std::env::args_os(), bearingwall_program::environment())
}
