//! A private PostgreSQL cluster: found or installed, initialised, started, shared, and stopped when nobody uses it.
//!
//! All of it is blocking; async callers put [`Cluster::start`] and [`Cluster::stop`] on a blocking thread.

mod binaries;
mod error;
mod install;
mod layout;
mod postmaster;
mod process;
mod runtime;
mod standby;
mod watchdog;

pub use error::ClusterError;
pub(crate) use runtime::in_own_runtime;

use bearingwall_core::Sensitive;
use binaries::Binaries;
use layout::{Credentials, Layout};
use postmaster::Running;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use watchdog::UserMark;

/// A server that is starting, recovering or shutting down under somebody else's hand gets this long.
const SETTLE_LIMIT: Duration = Duration::from_secs(90);

/// Whether missing binaries may be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallPolicy {
    /// By the platform's package manager, else by download.
    Allowed,
    /// Never: what is missing is an error.
    Forbidden,
}

/// What a power cut may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Durable,
    /// Everything: for tests, several times faster. Data that no longer starts is made anew.
    Fast,
}

/// Which cluster, where, and how.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    /// 1 to 32 of `a-z`, `0-9` and hyphen; clusters of one name share data and server.
    pub name: String,
    /// Where clusters live; `None`: `/var/lib/bearingwall` as root, else below the user's data directory.
    pub data_root: Option<PathBuf>,
    /// The folder of `postgres` and `initdb`; `None`: search.
    pub bin_dir: Option<PathBuf>,
    /// Whether missing binaries may be installed.
    pub install: InstallPolicy,
    /// What a power cut may cost.
    pub durability: Durability,
    /// How many seconds after its last user has died the server is stopped.
    pub grace_s: u32,
}

impl ClusterOptions {
    /// A durable cluster that stops ten seconds after its owner was killed.
    pub fn durable(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            data_root: None,
            bin_dir: None,
            install: InstallPolicy::Allowed,
            durability: Durability::Durable,
            grace_s: 10,
        }
    }

    /// A fast cluster that waits half a minute for the next test binary.
    pub fn fast(name: &str) -> Self {
        Self {
            durability: Durability::Fast,
            grace_s: 30,
            ..Self::durable(name)
        }
    }
}

/// What [`Cluster::stop`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopOutcome {
    /// The server has shut down.
    Stopped,
    /// Somebody else uses it too, so it runs on.
    StillUsed,
}

/// A running cluster and one's share in it; dropped without [`Cluster::stop`], the server ends after the grace time.
pub struct Cluster {
    layout: Layout,
    running: Running,
    credentials: Credentials,
    mark: UserMark,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl Cluster {
    /// Starts the cluster, or joins the one of that name that runs; `progress` is told what is being done.
    pub fn start(options: &ClusterOptions, progress: &dyn Fn(&str)) -> Result<Self, ClusterError> {
        let mut layout = Layout::prepare(options.data_root.as_deref(), &options.name)?;
        let lock = layout.lock()?;
        // Marked before looking for a server: from here on the watchdog leaves it alone (see `watchdog.sh`).
        let mark = UserMark::register(&layout)?;
        let (running, credentials) = match join(&layout)? {
            Some(joined) => joined,
            None => {
                let binaries = provide(&layout, options, progress)?;
                // Again, because an installation may have brought the user `postgres`.
                layout = Layout::prepare(options.data_root.as_deref(), &options.name)?;
                start_new(&layout, &binaries, options, progress)?
            }
        };
        watchdog::ensure(&layout, running.process, options.grace_s)?;
        drop(lock);
        Ok(Self {
            layout,
            running,
            credentials,
            mark,
        })
    }

    /// Shuts the server down, unless somebody else uses it too.
    pub fn stop(self) -> Result<StopOutcome, ClusterError> {
        let _lock = self.layout.lock()?;
        if self.mark.has_company() {
            return Ok(StopOutcome::StillUsed);
        }
        postmaster::stop(self.running.process)?;
        Ok(StopOutcome::Stopped)
    }

    /// Ends the server process without a warning, whoever else uses it, as the kernel does where memory runs out. Its
    /// sessions end when they notice; the next start recovers.
    pub fn kill(self) -> Result<(), ClusterError> {
        let _lock = self.layout.lock()?;
        postmaster::kill(self.running.process)
    }

    /// Always loopback.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The TCP port on loopback.
    pub fn port(&self) -> u16 {
        self.running.port
    }

    /// The directory of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.running.socket_directory
    }

    /// Where the data is.
    pub fn data_dir(&self) -> &Path {
        &self.running.data
    }

    /// Where the server's log is.
    pub fn log_file(&self) -> PathBuf {
        self.layout.directory.join("server.log")
    }

    /// The server process.
    pub fn pid(&self) -> i32 {
        self.running.process.pid
    }

    /// The release, as PostgreSQL numbers it: 150020 is 15.20.
    pub fn server_version_num(&self) -> u32 {
        self.running.version_num
    }

    /// The password of the superuser `postgres`.
    pub fn superuser_password(&self) -> Sensitive<String> {
        Sensitive::new(self.credentials.superuser.clone())
    }

    /// How the superuser connects to a database, password included.
    pub fn superuser_config(&self, database: &str) -> tokio_postgres::Config {
        postmaster::superuser(&self.credentials, self.running.port, database)
    }

    /// A command that runs as the user who runs the server, with none of the caller's environment: for programs that, like
    /// the server, refuse to run as root.
    pub fn command(&self, program: &Path) -> std::process::Command {
        self.layout.owner.command(program)
    }

    /// Gives a file or directory to that user.
    pub fn give(&self, path: &Path) -> Result<(), ClusterError> {
        self.layout.owner.own(path)
    }

    /// The password kept for a role of this cluster, made at the first asking; it lives as long as the data does.
    ///
    /// The role itself is for the caller to make.
    pub fn role_password(&self, role: &str) -> Result<Sensitive<String>, ClusterError> {
        let _lock = self.layout.lock()?;
        let mut credentials = self.layout.credentials()?.unwrap_or_default();
        if let Some(password) = credentials.roles.get(role) {
            return Ok(Sensitive::new(password.clone()));
        }
        let password = layout::random_password()?;
        credentials
            .roles
            .insert(role.to_owned(), postmaster::reveal(password.clone()));
        self.layout.store_credentials(&credentials)?;
        Ok(password)
    }
}

/// Joins a server that runs on this cluster's data, waiting while it starts or stops.
fn join(layout: &Layout) -> Result<Option<(Running, Credentials)>, ClusterError> {
    let deadline = Instant::now() + SETTLE_LIMIT;
    loop {
        let Some(found) = postmaster::find_running(layout) else {
            return Ok(None);
        };
        let refused = if watchdog::is_stopping(layout, found.0) {
            ClusterError::Unresponsive {
                pid: found.0.pid,
                data: found.1,
                source: None,
            }
        } else {
            let Some(credentials) = layout.credentials()? else {
                return Err(ClusterError::CredentialsGone { data: found.1 });
            };
            match postmaster::adopt(layout, &credentials, found) {
                Ok(running) => return Ok(Some((running, credentials))),
                Err(refused @ ClusterError::Unresponsive { .. }) => refused,
                Err(final_refusal) => return Err(final_refusal),
            }
        };
        if Instant::now() > deadline {
            return Err(refused);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Finds the programs, or installs them if that is allowed.
fn provide(layout: &Layout, options: &ClusterOptions, progress: &dyn Fn(&str)) -> Result<Binaries, ClusterError> {
    let mut tried = match binaries::find(options.bin_dir.as_deref(), layout, progress) {
        Ok(binaries) => return Ok(binaries),
        Err(skipped) => skipped,
    };
    if options.bin_dir.is_some() {
        tried.push("no other folder was looked at, because this one was named".to_owned());
        return Err(ClusterError::NoBinaries { tried });
    }
    if options.install == InstallPolicy::Forbidden {
        tried.push("installing any is forbidden".to_owned());
        return Err(ClusterError::NoBinaries { tried });
    }
    install::install(layout, tried, progress)
}

fn start_new(
    layout: &Layout,
    binaries: &Binaries,
    options: &ClusterOptions,
    progress: &dyn Fn(&str),
) -> Result<(Running, Credentials), ClusterError> {
    let version = format!("PostgreSQL {}.{}", binaries.major, binaries.minor);
    let existing = layout.data_directories();
    let data = layout.data_directory(binaries.major);
    let is_new = !data.exists();
    if is_new {
        for (major, _) in existing {
            progress(&format!(
                "data of PostgreSQL {major} stays unused: no usable binaries of that version"
            ));
        }
        progress(&format!("initialising {version} in {}", data.display()));
        postmaster::initialise(layout, binaries, options.durability)?;
    }
    let credentials = layout
        .credentials()?
        .ok_or_else(|| ClusterError::CredentialsGone { data: data.clone() })?;
    progress(&format!("starting {version} from {}", binaries.folder.display()));
    let started = postmaster::start(layout, binaries, &data, &credentials, options);
    match started {
        // Without fsync a power cut leaves data that may not start; nobody misses it.
        Err(ClusterError::StoppedAtStart { log }) if options.durability == Durability::Fast && !is_new => {
            progress(&format!("the test data does not start ({log}): making it anew"));
            std::fs::remove_dir_all(&data).map_err(ClusterError::io("remove", &data))?;
            postmaster::initialise(layout, binaries, options.durability)?;
            let running = postmaster::start(layout, binaries, &data, &credentials, options)?;
            Ok((running, credentials))
        }
        other => Ok((other?, credentials)),
    }
}
