//! The real server, as a process of its own with a configuration file of its own, as in production.

use crate::arguments::ServeArguments;
use crate::identity::LIFETIME_S;
use crate::place::{Place, private_file, write_private};
use anyhow::Context as _;
use bearingwall_ctl::Provisioned;
use nix::sys::signal::{Signal, kill, raise};
use nix::unistd::Pid;
use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::process::{Child, ChildStdin, Command};

/// A start includes checks of the database and the fetching of keys.
const START_LIMIT: Duration = Duration::from_secs(60);
/// Longer than the server gives its last requests.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// Lines of the log that explain a failed start.
const LAST_LINES: usize = 5;

/// What the server is told in its configuration file.
pub(crate) struct Settings<'a> {
    pub(crate) provisioned: &'a Provisioned,
    pub(crate) database_url: String,
    pub(crate) regions: Vec<String>,
    pub(crate) enter_kid: i16,
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) port: u16,
}

/// An issuer whose tokens the server accepts.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Issuer {
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

#[derive(Serialize)]
struct Document {
    version: u32,
    profile: &'static str,
    server: Listen,
    database: Database,
    tenancy: Tenancy,
    keys: Keys,
    rates: Rates,
    authn: Authn,
    issuers: Vec<Issuer>,
}

/// No limits: what the demo tries, and what it does under load, is done by a handful of tokens.
#[derive(Default, Serialize)]
struct Rates {
    light_per_minute: u32,
    read_per_minute: u32,
    write_per_minute: u32,
    bulk_per_minute: u32,
    refusals_per_minute: u32,
}

#[derive(Serialize)]
struct Listen {
    listen: String,
    shutdown_timeout_s: u64,
}

#[derive(Serialize)]
struct Database {
    url: String,
    password: String,
    regions: Vec<String>,
}

#[derive(Serialize)]
struct Tenancy {
    enter_key: String,
    enter_kid: i16,
}

#[derive(Serialize)]
struct Authn {
    max_lifetime_s: i64,
}

#[derive(Serialize)]
struct Keys {
    kek: String,
}

impl Settings<'_> {
    /// Writes the configuration file.
    pub(crate) fn write(self, place: &Place) -> anyhow::Result<()> {
        let document = Document {
            version: 1,
            profile: "development",
            server: Listen {
                listen: format!("127.0.0.1:{}", self.port),
                shutdown_timeout_s: 20,
            },
            database: Database {
                url: self.database_url,
                password: self.provisioned.app_password.to_string(),
                regions: self.regions,
            },
            tenancy: Tenancy {
                enter_key: self.provisioned.enter_key.to_string(),
                enter_kid: self.enter_kid,
            },
            keys: Keys {
                kek: self.provisioned.kek.to_string(),
            },
            rates: Rates::default(),
            // The tokens that are printed at the start are good for as long as somebody tries things with them.
            authn: Authn {
                max_lifetime_s: LIFETIME_S,
            },
            issuers: self.issuers,
        };
        let text = toml::to_string(&document).context("writing the server's configuration")?;
        write_private(
            &place.config(),
            &format!("# Written anew at each start of the demo.\n{text}"),
        )
    }
}

/// The running server process. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct ServerProcess {
    child: Child,
    /// Kept apart from the child, whose `wait` would close it, and with it the server.
    _held_open: Option<ChildStdin>,
    url: String,
}

impl ServerProcess {
    /// Starts the server on the configuration in `place`, and waits until it serves.
    pub(crate) async fn start(place: &Place) -> anyhow::Result<Self> {
        let ready = place.ready_file();
        match std::fs::remove_file(&ready) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).context("removing the address of the last start");
            }
            Ok(()) | Err(_) => {}
        }
        let log = private_file(&place.log(), true)?;
        let mut command = Command::new(std::env::current_exe().context("finding the program itself")?);
        command
            .arg("serve")
            .arg("--config")
            .arg(place.config())
            .arg("--ready-file")
            .arg(&ready)
            // The server refuses an environment that holds a credential, and a developer's may well do so.
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            // Held open by this process and closed by the kernel, however this process ends.
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            // Ctrl-C reaches every process of a terminal's group; the order of stopping is the demo's business.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().context("starting the server process")?;
        let held_open = child.stdin.take();
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                anyhow::bail!("the server did not start ({status}): {}", last_lines(place));
            }
            if let Ok(url) = std::fs::read_to_string(&ready) {
                return Ok(Self {
                    child,
                    _held_open: held_open,
                    url: url.trim().to_owned(),
                });
            }
            anyhow::ensure!(
                started.elapsed() < START_LIMIT,
                "the server is not ready after {START_LIMIT:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where it serves.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Lets it end its requests, and answers its exit status.
    pub(crate) async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        match tokio::time::timeout(STOP_LIMIT, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => {
                self.child.kill().await?;
                anyhow::bail!("the server did not stop within {STOP_LIMIT:?} and was killed")
            }
        }
    }

    /// Ends it without a warning, as a power cut would.
    pub(crate) fn kill_now(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGKILL)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        // Without an id it has ended and was waited for: there is nothing to signal, and the number may be another's.
        let Some(id) = self.child.id() else { return Ok(()) };
        let pid = Pid::from_raw(i32::try_from(id)?);
        kill(pid, signal).with_context(|| format!("sending {signal} to the server"))
    }
}

/// The hidden subcommand: the server's own main function, and an end when the launcher has gone.
#[expect(
    clippy::disallowed_methods,
    reason = "the server searches its environment for credentials"
)]
pub(crate) fn serve(arguments: ServeArguments) -> ExitCode {
    let watcher = std::thread::Builder::new().name("launcher".to_owned()).spawn(|| {
        // Nothing is ever sent: the read ends when the launcher does.
        let _ = std::io::stdin().read(&mut [0]);
        let _ = raise(Signal::SIGTERM);
    });
    if watcher.is_err() {
        return ExitCode::FAILURE;
    }
    let flag = |name: &str, path: PathBuf| [OsString::from(name), path.into_os_string()];
    let arguments = std::iter::once(OsString::from("bearingwall-server"))
        .chain(flag("--config", arguments.config))
        .chain(flag("--ready-file", arguments.ready_file));
    // A variable that is no UTF-8 is searched all the same.
    let environment = std::env::vars_os().map(|(name, value)| (lossy(&name), lossy(&value)));
    bearingwall_server::main_with_arguments(arguments, environment)
}

fn lossy(text: &OsStr) -> String {
    text.to_string_lossy().into_owned()
}

fn last_lines(place: &Place) -> String {
    let text = std::fs::read_to_string(place.log()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines
        .get(lines.len().saturating_sub(LAST_LINES)..)
        .unwrap_or_default()
        .join(" / ")
}
