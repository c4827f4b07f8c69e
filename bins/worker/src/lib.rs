#![doc = include_str!("../README.md")]

mod arrivals;
mod config;
mod destinations;
mod outcome;
mod work;

pub use bearingwall_program::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK};
pub use bearingwall_vaults::{DatabaseSettings, VaultSettings};
pub use config::{ArrivalSettings, Config, ConfigError, KeySettings, WorkSettings};
pub use destinations::{EgressSettings, ReachSettings};
pub use outcome::exit_code;
pub use work::run;

use anyhow::Context as _;
use bearingwall_outbox::Destination;
use bearingwall_program::{NotBegun, begin};
use bearingwall_vaults::Vaults;
use clap::Parser;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// The worker of Bearingwall's outbox. Everything it does is in its configuration file.
///
/// Exit codes: 0 stopped in order, 1 failed, 2 wrong usage or configuration.
#[derive(Debug, Parser)]
#[command(name = "bearingwall-worker", version, max_term_width = 100)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Only check the configuration: nothing is connected to.
    #[arg(long)]
    check_config: bool,
}

/// Parses the arguments (the program's own name first), works until a signal, and answers the exit code.
///
/// The environment is searched for credentials and for nothing else.
pub fn main_with_arguments(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl Iterator<Item = (String, String)>,
) -> ExitCode {
    // CONTROL: SEC-1
    let parsed: Arguments = match begin(arguments, environment) {
        Ok(parsed) => parsed,
        Err(NotBegun::Credentials(refused)) => {
            outcome::complain(&anyhow::Error::from(refused));
            return ExitCode::from(EXIT_CONFIGURATION);
        }
        Err(NotBegun::Printed { exit_code }) => return ExitCode::from(exit_code),
    };
    match work(&parsed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            outcome::complain(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

fn work(arguments: &Arguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    ways(&config, &work::vaults(&config)?)?;
    if arguments.check_config {
        outcome::say("the configuration is sound");
        return Ok(());
    }
    let _telemetry = bearingwall_telemetry::init(&config.telemetry).context("telemetry")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let stop = async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        run(&config, Vec::new(), stop).await
    })
}

/// Every way out that the configuration opens, each from the file that knows it.
fn ways(config: &Config, vaults: &Vaults) -> anyhow::Result<Vec<Arc<dyn Destination>>> {
    let secrets = Arc::new(vaults.secrets.clone());
    let mut ways = Vec::new();
    ways.extend(destinations::destinations(config, secrets)?);
    Ok(ways)
}
