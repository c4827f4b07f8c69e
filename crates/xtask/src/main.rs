//! The command line of the repository's own checks.

use anyhow::bail;
use bearingwall_xtask::report::Report;
use bearingwall_xtask::repository::Repository;
use bearingwall_xtask::{controls, layers, tidy, train_pii, vectors};
use clap::{Parser, Subcommand};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Checks of the repository itself")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Dependencies between our crates go down only.
    Layers,
    /// The rules of the house that a machine can check.
    Tidy,
    /// Catalogue, documents, marks and tests hold the same controls.
    Controls,
    /// Public test vectors are answered as their authors expect.
    Vectors {
        /// The folder that holds the vectors.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Trains the models of the crate `pii`, or measures them on texts that they have not seen.
    TrainPii(Box<train_pii::Arguments>),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line with its causes: a backtrace would bury the findings above it.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let (name, report) = match task {
        Task::Vectors { dir } => return vectors::run(&dir),
        Task::TrainPii(arguments) => return train_pii::run(&arguments),
        Task::Layers => ("layers", layers::check(&Repository::discover()?)?),
        Task::Tidy => ("tidy", tidy::check(&Repository::discover()?)?),
        Task::Controls => ("controls", controls::check(&Repository::discover()?)?),
    };
    print(name, &report)
}

fn print(name: &str, report: &Report) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for finding in report.findings() {
        writeln!(out, "{finding}")?;
    }
    let count = report.findings().len();
    if count > 0 {
        bail!("{name}: {count} finding(s), {} checked", report.checked());
    }
    writeln!(out, "{name}: clean, {} checked", report.checked())?;
    Ok(())
}
