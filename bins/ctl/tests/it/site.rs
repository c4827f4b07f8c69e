//! A private cluster with its roles bootstrapped, a secret store, and the tool as an operator calls it.
//!
//! The roles' passwords are the cluster's, so the tool cannot be tried on the cluster that other test programs share.

use bearingwall_secrets::FileStore;
use bearingwall_testkit::cluster::{Cluster, ClusterOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls};

static SHARED: Mutex<Weak<Site>> = Mutex::new(Weak::new());
static DATABASES: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Site {
    cluster: Option<Cluster>,
    scratch: TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster.take() {
            cluster.stop().unwrap();
        }
    }
}

/// The cluster that the tests of this program share; the last of them stops it.
pub(crate) fn site() -> Arc<Site> {
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(site) = shared.upgrade() {
        return site;
    }
    let site = own_site();
    *shared = Arc::downgrade(&site);
    site
}

/// A cluster of its own, for a test that keeps a transaction open: that is felt in all databases of a cluster.
pub(crate) fn own_site() -> Arc<Site> {
    let scratch = tempfile::tempdir().unwrap();
    // The server runs as another user, who must be able to pass.
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let options = ClusterOptions {
        data_root: Some(scratch.path().join("root")),
        grace_s: 2,
        ..ClusterOptions::fast("ctl")
    };
    let cluster = Cluster::start(&options, &|_| ()).unwrap();
    Arc::new(Site {
        cluster: Some(cluster),
        scratch,
    })
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }
}

impl Site {
    fn cluster(&self) -> &Cluster {
        self.cluster.as_ref().unwrap()
    }

    /// A name that no other test uses.
    pub(crate) fn database(&self) -> String {
        format!("bearingwall_{}", DATABASES.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.scratch.path().join("secrets")
    }

    pub(crate) fn store(&self) -> FileStore {
        FileStore::open(self.secrets()).unwrap()
    }

    pub(crate) fn store_option(&self) -> String {
        format!("file+sealed://{}", self.secrets().display())
    }

    pub(crate) fn url(&self, role: &str, database: &str) -> String {
        format!("postgres://{role}@127.0.0.1:{}/{database}", self.cluster().port())
    }

    /// The tool with these arguments.
    pub(crate) fn ctl(&self, arguments: &[&str]) -> Done {
        self.ctl_command(arguments).output().unwrap().into()
    }

    pub(crate) fn ctl_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bearingwall-ctl"));
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The words that follow `words`: how to be the admin of this database.
    pub(crate) fn as_admin(&self, words: &[&str], database: &str) -> Vec<String> {
        let mut arguments: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let url = self.url("bearingwall_admin", database);
        arguments.extend([
            "--admin-url".to_owned(),
            url,
            "--secrets".to_owned(),
            self.store_option(),
        ]);
        arguments
    }

    /// The tool as the admin of this database.
    pub(crate) fn admin(&self, words: &[&str], database: &str) -> Done {
        let arguments = self.as_admin(words, database);
        self.ctl(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The tool as the admin of this database, with something on standard input.
    pub(crate) fn admin_told(&self, words: &[&str], database: &str, input: &str) -> Done {
        let arguments = self.as_admin(words, database);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = self.ctl_command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        // A tool that refuses before it reads has closed its end.
        let _ = writeln!(child.stdin.take().unwrap(), "{input}");
        child.wait_with_output().unwrap().into()
    }

    /// `bootstrap`, with the superuser's password on standard input.
    pub(crate) fn bootstrap(&self, database: &str) -> Done {
        let (url, store) = (self.url("postgres", "postgres"), self.store_option());
        let arguments = [
            "bootstrap",
            "--superuser-url",
            &url,
            "--password-stdin",
            "--database",
            database,
            "--secrets",
            &store,
        ];
        let mut child = self.ctl_command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        let password = self.cluster().superuser_password();
        writeln!(child.stdin.take().unwrap(), "{}", password.expose()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    /// A database that is bootstrapped and migrated.
    pub(crate) fn migrated(&self) -> String {
        let database = self.database();
        self.bootstrap(&database).ok();
        self.admin(&["migrate"], &database).ok();
        database
    }

    pub(crate) fn superuser(&self, database: &str) -> Config {
        self.cluster().superuser_config(database)
    }

    /// Runs statements as the superuser.
    pub(crate) fn execute(&self, database: &str, statements: &str) {
        let config = self.superuser(database);
        block_on(async { connect(&config).await.batch_execute(statements).await.unwrap() });
    }

    /// The first column of the first row, as the superuser sees it.
    pub(crate) fn ask(&self, database: &str, query: &str) -> String {
        let config = self.superuser(database);
        block_on(async { connect(&config).await.query_one(query, &[]).await.unwrap().get(0) })
    }
}

pub(crate) async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}
