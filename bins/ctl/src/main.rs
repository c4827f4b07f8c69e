//! `bearingwall-ctl`: hands its arguments to the library and exits with the code that it answers.

use std::process::ExitCode;

fn main() -> ExitCode {
    bearingwall_ctl::main_with_arguments(std::env::args_os())
}
