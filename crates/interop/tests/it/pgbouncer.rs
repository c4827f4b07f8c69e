//! The real PgBouncer: found, started on loopback as an unprivileged user with a private configuration, and stopped.

use bearingwall_testkit::cluster::Cluster;
use bearingwall_testkit::database::{Login, TestDatabase};
use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// One installed PgBouncer.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    version: (u32, u32),
}

impl Program {
    /// Whether it can carry statements that the driver named; it came with 1.21.
    pub(crate) fn carries_named_statements(&self) -> bool {
        self.version >= (1, 21)
    }
}

/// Every PgBouncer of another version: those that `BEARINGWALL_PGBOUNCER` lists, else what is installed and what
/// `.ci/pgbouncer.sh` has built.
fn installed() -> Vec<Program> {
    let listed = std::env::var_os("BEARINGWALL_PGBOUNCER");
    let paths: Vec<PathBuf> = match &listed {
        Some(list) => std::env::split_paths(list).collect(),
        None => {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
            folders.chain(built()).map(|folder| folder.join("pgbouncer")).collect()
        }
    };
    let mut found: Vec<Program> = Vec::new();
    for path in paths {
        if let Some(version) = version(&path)
            && found.iter().all(|other| other.version != version)
        {
            found.push(Program { path, version });
        }
    }
    found
}

/// The folders of the user's cache that hold one.
fn built() -> Vec<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    let folder = cache.map(|cache| cache.join("bearingwall/pgbouncer"));
    let entries = folder.and_then(|folder| fs::read_dir(folder).ok());
    entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

fn version(program: &Path) -> Option<(u32, u32)> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.strip_prefix("PgBouncer ")?.split(['.', '\n']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// All versions there are.
pub(crate) fn programs() -> Vec<Program> {
    let found = installed();
    required(!found.is_empty(), "no pgbouncer was found");
    found
}

/// Those that carry named statements.
pub(crate) fn carrying() -> Vec<Program> {
    let mut found = installed();
    found.retain(Program::carries_named_statements);
    required(!found.is_empty(), "no pgbouncer of 1.21 or newer was found");
    found
}

/// What is not there fails in continuous integration, and elsewhere is said where nobody can miss it.
pub(crate) fn required(there: bool, missing: &str) {
    if there {
        return;
    }
    let advice = "see the README of bearingwall-interop";
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{missing}, and continuous integration must exercise it: {advice}"
    );
    // Past the harness's capture: a skipped test must not look like a passed one.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}; {advice}");
}

/// How it is set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// Connections to the server, for all clients together.
    pub(crate) server_connections: usize,
    /// Whether a backend is cleaned after every transaction.
    pub(crate) cleans: bool,
    /// Whether it carries named statements, where it can.
    pub(crate) named_statements: bool,
    /// Whether it drops start-up options in silence instead of refusing them.
    pub(crate) ignores_options: bool,
    pub(crate) pool_mode: &'static str,
}

impl Setup {
    /// As `docs/operations.md` says.
    pub(crate) fn documented(server_connections: usize, named_statements: bool) -> Self {
        Self {
            server_connections,
            cleans: true,
            named_statements,
            ignores_options: false,
            pool_mode: "transaction",
        }
    }
}

/// A running PgBouncer, which ends with this value.
pub(crate) struct PgBouncer {
    child: Child,
    port: u16,
    database: String,
    password: bearingwall_core::Sensitive<String>,
    _directory: TempDir,
}

impl PgBouncer {
    pub(crate) fn start(program: &Program, database: &TestDatabase, setup: Setup) -> Self {
        let cluster = database.cluster();
        let directory = tempfile::tempdir().unwrap();
        // The program may lie where its user cannot go.
        let copy = directory.path().join("pgbouncer");
        fs::copy(&program.path, &copy).unwrap();
        fs::set_permissions(&copy, Permissions::from_mode(0o755)).unwrap();
        let password = database.app_password();
        let users = format!("\"{}\" \"{}\"\n", Login::App.role(), password.expose());
        private(cluster, &directory.path().join("users.txt"), &users);
        cluster.give(directory.path()).unwrap();
        for _ in 0..5 {
            // Free a moment ago; whoever took it meanwhile costs another round.
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let configuration = configuration(program, database, setup, directory.path(), port);
            private(cluster, &directory.path().join("pgbouncer.ini"), &configuration);
            if let Some(child) = spawn(cluster, directory.path(), port) {
                return Self {
                    child,
                    port,
                    database: database.name().to_owned(),
                    password,
                    _directory: directory,
                };
            }
        }
        let log = fs::read_to_string(directory.path().join("log")).unwrap_or_default();
        panic!("pgbouncer {:?} does not start: {log}", program.version);
    }

    /// Where the application's role finds it.
    pub(crate) fn url(&self) -> String {
        format!(
            "postgres://{}@127.0.0.1:{}/{}",
            Login::App.role(),
            self.port,
            self.database
        )
    }

    /// A client of its own, as any program has it.
    pub(crate) async fn client(&self) -> tokio_postgres::Client {
        let mut config: tokio_postgres::Config = self.url().parse().unwrap();
        config.password(self.password.expose());
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn private(cluster: &Cluster, path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    cluster.give(path).unwrap();
}

fn configuration(program: &Program, database: &TestDatabase, setup: Setup, directory: &Path, port: u16) -> String {
    let cluster = database.cluster();
    let mut text = format!(
        "[databases]\n{} = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = scram-sha-256\nauth_file = {}\npool_mode = {}\ndefault_pool_size = {}\nserver_reset_query = DISCARD ALL\n\
         server_reset_query_always = {}\n",
        database.name(),
        cluster.port(),
        directory.join("users.txt").display(),
        setup.pool_mode,
        setup.server_connections,
        u8::from(setup.cleans),
    );
    if setup.ignores_options {
        text.push_str("ignore_startup_parameters = options\n");
    }
    if program.carries_named_statements() {
        let carried = if setup.named_statements { 100 } else { 0 };
        writeln!(text, "max_prepared_statements = {carried}").unwrap();
    }
    text
}

/// `None`: it ended, as it does when the port is taken.
fn spawn(cluster: &Cluster, directory: &Path, port: u16) -> Option<Child> {
    let log = fs::File::create(directory.join("log")).unwrap();
    let mut command = cluster.command(&directory.join("pgbouncer"));
    command.arg(directory.join("pgbouncer.ini"));
    command
        .stdout(Stdio::from(log.try_clone().unwrap()))
        .stderr(Stdio::from(log));
    let mut child = command.spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        assert!(Instant::now() < deadline, "pgbouncer does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(child)
}
