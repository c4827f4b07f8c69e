//! The server, as a library: its configuration, the order of a safe start, and the wiring of every crate.
#![doc = include_str!("../README.md")]

mod arguments;
mod assignments;
mod browser;
mod canary;
mod config;
mod cookie;
mod keeper;
mod outcome;
mod probe;
mod record;
mod sessions;
mod start;
mod stop;

pub use bearingwall_program::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, EXIT_REFUSED};
pub use config::{
    AccessSettings, AuthnSettings, AwsIdentity, AwsSettings, AzureIdentity, AzureSettings, CacheSettings,
    ClientCertificate, Config, ConfigError, DatabaseSettings, IsolationProfile, IsolationSettings, KeySettings,
    KeyWorkerSettings, LoginKind, LoginSettings, MaskingSettings, Profile, ServerSettings, TenancySettings,
    TenantTokens, VaultSettings, WebhookSettings,
};
pub use outcome::exit_code;

use anyhow::Context as _;
use arguments::Arguments;
use bearingwall_http::RunningServer;
use bearingwall_program::{NotBegun, begin};
use bearingwall_telemetry::error_chain;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// How long the last refusals may take to reach the record when the server stops.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Parses the arguments (the program's own name first), starts, serves until a signal, and answers the exit code.
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
    match serve(&parsed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            outcome::complain(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

fn serve(arguments: &Arguments) -> anyhow::Result<()> {
    let config = Config::load(&arguments.config)?;
    start::vaults(&config)?;
    if arguments.check_config {
        outcome::say("the configuration is sound");
        return Ok(());
    }
    if let Some(file) = &arguments.ready_file {
        remove_stale(file)?;
    }
    // Outside of the runtime, and dropped after it: the last traces are sent by a thread of their own.
    let _telemetry = bearingwall_telemetry::init(&config.telemetry).context("telemetry")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stop = stop::signalled().context("signal handlers")?;
        run(config, stop, |address| {
            if let Some(file) = &arguments.ready_file
                && let Err(error) = announce(file, address)
            {
                tracing::error!(error = %error, "the ready file could not be written");
            }
        })
        .await
    })
}

/// Starts, calls `on_ready` with the bound address, serves until `shutdown` is done, lets running requests end, and
/// flushes the record.
///
/// Telemetry is the caller's: nothing is logged unless it was installed.
///
/// # Errors
/// Why the server did not start, or could not go on.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()>,
    on_ready: impl FnOnce(SocketAddr),
) -> anyhow::Result<()> {
    let mut shutdown = std::pin::pin!(shutdown);
    let started = tokio::select! {
        started = start::start(&config) => started?,
        () = &mut shutdown => return Ok(()),
    };
    let start::Started {
        server,
        metrics,
        canary,
        record,
        revocations,
        keeper,
        refusals,
    } = started;
    if let Some(metrics) = &metrics {
        tracing::info!(addr = %metrics.address(), "metrics.listening");
    }
    let address = server.address();
    tracing::info!(addr = %address, "server.listening");
    on_ready(address);
    let (serving, ended) = tokio::sync::oneshot::channel::<()>();
    let serve = async {
        // Together, so that a server whose canary has come to an end cannot go on unwatched.
        let served = tokio::select! {
            served = server.run(shutdown) => served,
            never = canary.watch() => match never {},
            never = record.watch() => match never {},
            never = revocations.watch() => match never {},
            never = keeper.watch() => match never {},
        };
        drop(serving);
        served
    };
    let (served, ()) = tokio::join!(serve, scrape(metrics, ended));
    // Refusals of the last requests: a queue that is not written is a loss that must show.
    if tokio::time::timeout(FLUSH_LIMIT, refusals.flush()).await.is_err() {
        tracing::error!("the last refusals were not written to the record in time");
    }
    tracing::info!(count = refusals.lost(), "server.stopped");
    Ok(served?)
}

/// Serves the metrics until the server has ended, so that its last numbers can still be read.
async fn scrape(metrics: Option<RunningServer>, ended: tokio::sync::oneshot::Receiver<()>) {
    let Some(metrics) = metrics else { return };
    let ended = async {
        // The other end is dropped, which is an error here and the message.
        let _ = ended.await;
    };
    if let Err(error) = metrics.run(ended).await {
        tracing::error!(error = error_chain(&error), "the metrics are not served any more");
    }
}

/// A file of an earlier run would tell the launcher the wrong address.
fn remove_stale(file: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(file) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("removing the old ready file `{}`", file.display())),
    }
}

/// Written beside and renamed, so that nobody reads half of it.
fn announce(file: &Path, address: SocketAddr) -> std::io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    std::fs::write(&beside, format!("http://{address}\n"))?;
    std::fs::rename(&beside, file)
}
