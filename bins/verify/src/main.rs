#![doc = include_str!("../README.md")]

mod arguments;
mod output;

use anyhow::Context as _;
use arguments::Arguments;
use bearingwall_tlog::bundle::{Report, verify};
use clap::Parser as _;
use std::process::ExitCode;

/// Everything was proven.
const EXIT_VERIFIED: u8 = 0;
/// Something is wrong with the export.
const EXIT_FOUND: u8 = 1;
/// Nothing could be said: wrong arguments, or a file that cannot be read.
const EXIT_FAILED: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody to tell is no reason for another exit code.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EXIT_FAILED } else { EXIT_VERIFIED });
        }
    };
    match run(&arguments) {
        Ok(report) if report.verified => ExitCode::from(EXIT_VERIFIED),
        Ok(_) => ExitCode::from(EXIT_FOUND),
        Err(error) => {
            output::complain(&error);
            ExitCode::from(EXIT_FAILED)
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<Report> {
    let options = arguments.options()?;
    let mut progress = output::ProgressLine::new();
    let report = verify(&arguments.bundle, &options, &mut |done| progress.show(done))
        .with_context(|| format!("`{}` could not be verified", arguments.bundle.display()))?;
    progress.clear();
    if arguments.json {
        output::json(&report)?;
    } else {
        output::text(&report)?;
    }
    Ok(report)
}
