//! The server process itself: initialising its data, starting it, finding one that already runs, stopping it.

use super::binaries::Binaries;
use super::install::last_lines;
use super::layout::{Credentials, Layout, random_password};
use super::process::Process;
use super::runtime::in_own_runtime;
use super::{ClusterError, ClusterOptions, Durability, watchdog};
use bearingwall_tenancy::floor;
use nix::sys::signal::Signal;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Crash recovery of a durable cluster may take its time.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const UNFINISHED: &str = "unfinished-";
const PASSWORD_FILE: &str = "initdb-password-";
const LOG_LIMIT_BYTES: u64 = 16 * 1024 * 1024;

/// A server that answers.
#[derive(Clone, Debug)]
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) data: PathBuf,
    pub(super) port: u16,
    pub(super) socket_directory: PathBuf,
    pub(super) version_num: u32,
}

/// Finds a server that already runs on this cluster's data.
pub(super) fn find_running(layout: &Layout) -> Option<(Process, PathBuf, u16)> {
    layout.data_directories().into_iter().find_map(|(_, data)| {
        let file = PidFile::read(&data)?;
        let process = Process::of_pid(file.pid);
        process
            .serves(&data, layout.owner.uid.as_raw())
            .then_some((process, data, file.port))
    })
}

/// Takes over a running server if it answers to our password and its release is acceptable.
pub(super) fn adopt(
    layout: &Layout,
    credentials: &Credentials,
    (process, data, port): (Process, PathBuf, u16),
) -> Result<Running, ClusterError> {
    let answer = (port > 0).then(|| probe(&superuser(credentials, port, "postgres")));
    match answer {
        Some(Ok(version_num)) => {
            floor::check(version_num).map_err(|source| ClusterError::OldServer {
                pid: process.pid,
                source,
            })?;
            Ok(Running {
                process,
                data,
                port,
                socket_directory: layout.socket_directory()?,
                version_num,
            })
        }
        other => Err(ClusterError::Unresponsive {
            pid: process.pid,
            data,
            source: other.and_then(Result::err).flatten(),
        }),
    }
}

/// How the superuser connects: over loopback, as everybody else does.
pub(super) fn superuser(credentials: &Credentials, port: u16, database: &str) -> tokio_postgres::Config {
    let mut config = tokio_postgres::Config::new();
    config
        .host("127.0.0.1")
        .port(port)
        .user("postgres")
        .password(&credentials.superuser)
        .dbname(database);
    config
        .application_name("bearingwall-testkit")
        .connect_timeout(Duration::from_secs(5));
    config
}

/// Connects and asks for the version: an answer means that it accepts work.
#[expect(
    clippy::disallowed_methods,
    reason = "the superuser's probe of a server that has no application yet"
)]
fn probe(config: &tokio_postgres::Config) -> Result<u32, Option<tokio_postgres::Error>> {
    let config = config.clone();
    let asked = in_own_runtime(async move {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
        let driver = tokio::spawn(connection);
        let row = client
            .query_one("SELECT pg_catalog.current_setting('server_version_num')::int", &[])
            .await?;
        let version_num: i32 = row.try_get(0)?;
        drop(client);
        driver.abort();
        Ok::<_, tokio_postgres::Error>(version_num.unsigned_abs())
    });
    // No thread or no runtime: nothing was asked, so there is no answer to pass on.
    asked.map_or(Err(None), |answer| answer.map_err(Some))
}

/// Makes the data directory of a new cluster, complete or not at all.
pub(super) fn initialise(
    layout: &Layout,
    binaries: &Binaries,
    durability: Durability,
) -> Result<PathBuf, ClusterError> {
    let data = layout.data_directory(binaries.major);
    remove_unfinished(layout);
    // Named after this process: the initdb of a killed one may still be writing to its own.
    let unfinished = layout.directory.join(format!("{UNFINISHED}{}", std::process::id()));
    layout.make_data_directory(&unfinished)?;
    let mut credentials = layout.credentials()?.unwrap_or_default();
    if credentials.superuser.is_empty() {
        credentials.superuser = reveal(random_password()?);
        // Before the data has its name, so that no kill leaves data without its password.
        layout.store_credentials(&credentials)?;
    }
    // Not on the command line, where every user of the machine could read it.
    let password_file = layout.owner_file(
        &format!("{PASSWORD_FILE}{}", std::process::id()),
        credentials.superuser.as_bytes(),
    )?;
    let mut command = layout.owner.command(&binaries.program("initdb"));
    command
        .arg("--pgdata")
        .arg(&unfinished)
        .arg("--pwfile")
        .arg(&password_file);
    command.args([
        "--username=postgres",
        "--data-checksums",
        "--encoding=UTF8",
        "--locale=C",
    ]);
    command.args(["--auth-host=scram-sha-256", "--auth-local=scram-sha-256"]);
    if durability == Durability::Fast {
        command.arg("--no-sync");
    }
    let output = command.output();
    fs::remove_file(&password_file).map_err(ClusterError::io("remove", &password_file))?;
    let output = output.map_err(ClusterError::io("run", binaries.program("initdb")))?;
    if !output.status.success() {
        return Err(ClusterError::Program {
            program: "initdb",
            output: last_lines(&output.stderr, 4),
        });
    }
    fs::rename(&unfinished, &data).map_err(ClusterError::io("rename", &unfinished))?;
    Ok(data)
}

/// What killed starts left; what resists (its `initdb` still writes) is left to the next start.
fn remove_unfinished(layout: &Layout) {
    for entry in fs::read_dir(&layout.directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED) {
            let _ = fs::remove_dir_all(entry.path());
        } else if name.starts_with(PASSWORD_FILE) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a fresh password on its way into the private credentials file"
)]
pub(super) fn reveal(password: bearingwall_core::Sensitive<String>) -> String {
    password.expose().clone()
}

/// Starts the server on this data and waits until it answers.
pub(super) fn start(
    layout: &Layout,
    binaries: &Binaries,
    data: &Path,
    credentials: &Credentials,
    options: &ClusterOptions,
) -> Result<Running, ClusterError> {
    let socket_directory = layout.socket_directory()?;
    remove_socket_files(&socket_directory)?;
    let mut log = open_log(layout)?;
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let port = choose_port(layout)?;
        let log_start = log
            .seek(SeekFrom::End(0))
            .map_err(ClusterError::io("read", log_path(layout)))?;
        let mut child = spawn(
            layout,
            binaries,
            data,
            &socket_directory,
            port,
            options.durability,
            &log,
        )?;
        let process = Process::of_pid(child.id().cast_signed());
        // Before it is ready: from here on a kill of this process must not leave the server behind.
        watchdog::ensure(layout, process, options.grace_s)?;
        match wait_ready(&mut child, &superuser(credentials, port, "postgres"), deadline) {
            Some(Ok(version_num)) => {
                // Reaped by a thread of its own: a zombie would look like a running server to the next start.
                std::thread::spawn(move || child.wait());
                return Ok(Running {
                    process,
                    data: data.to_owned(),
                    port,
                    socket_directory,
                    version_num,
                });
            }
            Some(Err(source)) => {
                process.signal(Signal::SIGINT);
                std::thread::spawn(move || child.wait());
                return Err(ClusterError::Unresponsive {
                    pid: process.pid,
                    data: data.to_owned(),
                    source,
                });
            }
            None => {
                let said = log_since(&mut log, log_start);
                let passing = said.contains("still in use") || said.contains("Address already in use");
                if !passing || Instant::now() > deadline {
                    return Err(ClusterError::StoppedAtStart {
                        log: last_lines(said.as_bytes(), 6),
                    });
                }
                // Orphans of a killed server let go within a second or so; a port that was taken is chosen anew.
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }
}

/// `None`: it ended. An error: the last answer before the deadline.
fn wait_ready(
    child: &mut Child,
    config: &tokio_postgres::Config,
    deadline: Instant,
) -> Option<Result<u32, Option<tokio_postgres::Error>>> {
    loop {
        if !matches!(child.try_wait(), Ok(None)) {
            return None;
        }
        match probe(config) {
            Ok(version_num) => return Some(Ok(version_num)),
            Err(error) if Instant::now() > deadline => return Some(Err(error)),
            Err(_) => std::thread::sleep(Duration::from_millis(30)),
        }
    }
}

fn spawn(
    layout: &Layout,
    binaries: &Binaries,
    data: &Path,
    socket_directory: &Path,
    port: u16,
    durability: Durability,
    log: &File,
) -> Result<Child, ClusterError> {
    let mut command = layout.owner.command(&binaries.program("postgres"));
    command
        .arg("-D")
        .arg(data)
        .arg("-c")
        .arg(setting("unix_socket_directories", socket_directory));
    command.arg("-c").arg(format!("port={port}"));
    let fast: &[&str] = if durability == Durability::Fast {
        FAST_SETTINGS
    } else {
        &[]
    };
    for setting in SETTINGS.iter().chain(fast) {
        command.args(["-c", *setting]);
    }
    ignore_reused_pid(&mut command, data);
    let copy = || log.try_clone().map_err(ClusterError::io("open", log_path(layout)));
    command.stdout(Stdio::from(copy()?)).stderr(Stdio::from(copy()?));
    // A group of its own: Ctrl-C at the terminal is for the owner, who stops the server in order.
    command.process_group(0);
    command
        .spawn()
        .map_err(ClusterError::io("run", binaries.program("postgres")))
}

/// On the command line because none is secret, and so that no file has to agree with the code.
///
/// The server's log must hold no data: no statements, no parameters, no ERROR messages (which quote input) and no
/// DETAIL (which quotes rows).
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "max_connections=200",
    "password_encryption=scram-sha-256",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_destination=stderr",
    "logging_collector=off",
    "log_statement=none",
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
    "log_parameter_max_length=0",
    "log_parameter_max_length_on_error=0",
];

/// For data that nobody misses after a power cut.
///
/// A killed server loses nothing by them; `synchronous_commit` stays on, because without it a kill takes the last
/// commits with it.
const FAST_SETTINGS: &[&str] = &["fsync=off", "full_page_writes=off", "jit=off"];

fn setting(name: &str, value: &Path) -> std::ffi::OsString {
    let mut setting = std::ffi::OsString::from(format!("{name}="));
    setting.push(value);
    setting
}

/// Lets the server ignore a lock file whose pid now belongs to another process.
///
/// PostgreSQL trusts `kill(pid, 0)`, so a reused pid (or a zombie under a lazy init) would block it for ever.
/// Removing the file would also remove its check for orphaned backends; naming that pid the way `pg_ctl` names its own
/// parent keeps the check.
fn ignore_reused_pid(command: &mut Command, data: &Path) {
    if let Some(stale) = PidFile::read(data) {
        command.env("PG_GRANDPARENT_PID", stale.pid.to_string());
    }
}

/// The lines of `postmaster.pid` that matter: pid (1) and port (4, absent while it starts).
struct PidFile {
    pid: i32,
    port: u16,
}

impl PidFile {
    fn read(data: &Path) -> Option<Self> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let mut lines = text.lines().map(str::trim);
        let pid = lines.next()?.parse().ok().filter(|pid| *pid > 1)?;
        let port = lines.nth(2).and_then(|port| port.parse().ok()).unwrap_or(0);
        Some(Self { pid, port })
    }
}

/// The directory is this cluster's alone and no server runs: what lies there was left by a kill.
fn remove_socket_files(directory: &Path) -> Result<(), ClusterError> {
    let entries = fs::read_dir(directory).map_err(ClusterError::io("read", directory))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(".s.PGSQL.") {
            fs::remove_file(entry.path()).map_err(ClusterError::io("remove", entry.path()))?;
        }
    }
    Ok(())
}

/// The port of the last start if it is still free (so that bookmarks live on), else any free one.
fn choose_port(layout: &Layout) -> Result<u16, ClusterError> {
    let path = layout.directory.join("port");
    let last = fs::read_to_string(&path)
        .ok()
        .and_then(|text| text.trim().parse::<u16>().ok());
    let bind = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listener = last.and_then(|port| bind(port).ok()).map_or_else(|| bind(0), Ok);
    let address = listener.and_then(|listener| listener.local_addr());
    let port = address.map_err(ClusterError::io("choose", &path))?.port();
    fs::write(&path, format!("{port}\n")).map_err(ClusterError::io("write", &path))?;
    Ok(port)
}

fn log_path(layout: &Layout) -> PathBuf {
    layout.directory.join("server.log")
}

/// Opened here and handed down, so that the server's user needs no right on the directory.
fn open_log(layout: &Layout) -> Result<File, ClusterError> {
    let path = log_path(layout);
    if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > LOG_LIMIT_BYTES) {
        fs::rename(&path, path.with_extension("log.old")).map_err(ClusterError::io("rename", &path))?;
    }
    let mut options = OpenOptions::new();
    options
        .create(true)
        .read(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(ClusterError::io("open", &path))
}

fn log_since(log: &mut File, start: u64) -> String {
    let mut said = Vec::new();
    // What cannot be read cannot be told; the start has failed either way.
    let _ = log
        .seek(SeekFrom::Start(start))
        .and_then(|_| log.read_to_end(&mut said));
    String::from_utf8_lossy(&said).into_owned()
}

/// Fast shutdown; if that takes too long, an immediate one, which the next start recovers from.
pub(super) fn stop(process: Process) -> Result<(), ClusterError> {
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        process.signal(signal);
        if process.wait_gone(STOP_LIMIT) {
            return Ok(());
        }
    }
    Err(ClusterError::StillRunning { pid: process.pid })
}

/// No shutdown at all.
pub(super) fn kill(process: Process) -> Result<(), ClusterError> {
    process.signal(Signal::SIGKILL);
    if process.wait_gone(STOP_LIMIT) {
        return Ok(());
    }
    Err(ClusterError::StillRunning { pid: process.pid })
}
