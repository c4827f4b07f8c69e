//! A database for one test: a copy of a migrated template, with the real roles, grants and policies.

mod error;
mod fresh;
mod template;

pub use error::DatabaseError;
pub use fresh::{fresh_database, fresh_tenant};

use crate::cluster::{Cluster, ClusterOptions, InstallPolicy, in_own_runtime};
use bearingwall_core::Sensitive;
use std::io::Write as _;
use template::{Passwords, Variant};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, Config};
use uuid::Uuid;

/// Who logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// The platform's superuser `postgres`.
    Superuser,
    /// `bearingwall_admin`: runs migrations.
    Admin,
    /// `bearingwall_app`: the server's role.
    App,
    /// `bearingwall_sealer`.
    Sealer,
    /// `bearingwall_worker`.
    Worker,
    /// `bearingwall_auditor`.
    Auditor,
    /// `bearingwall_backup`.
    Backup,
}

impl Login {
    /// The role's name in the database.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Superuser => "postgres",
            Self::Admin => "bearingwall_admin",
            Self::App => "bearingwall_app",
            Self::Sealer => "bearingwall_sealer",
            Self::Worker => "bearingwall_worker",
            Self::Auditor => "bearingwall_auditor",
            Self::Backup => "bearingwall_backup",
        }
    }
}

/// The cluster that every test of this process shares.
struct Shared {
    cluster: Cluster,
    passwords: Passwords,
}

static SHARED: OnceCell<Shared> = OnceCell::const_new();
static TEMPLATES: [OnceCell<String>; 3] = [const { OnceCell::const_new() }; 3];

/// A migrated, empty database of its own, dropped with this value.
pub struct TestDatabase {
    name: String,
    shared: &'static Shared,
}

impl std::fmt::Debug for TestDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestDatabase")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl TestDatabase {
    /// [`TestDatabase::try_create`] for tests, which fail by panicking.
    pub async fn create() -> Self {
        Self::must_create(Variant::Platform).await
    }

    /// A migrated database as a managed service has it: without the platform hardening. Panics where it cannot be made.
    pub async fn create_without_platform() -> Self {
        Self::must_create(Variant::Plain).await
    }

    /// A database with the roles' privileges and nothing in it. Panics where it cannot be made.
    pub async fn create_empty() -> Self {
        Self::must_create(Variant::Empty).await
    }

    #[expect(clippy::panic, reason = "a test without its database has failed")]
    async fn must_create(variant: Variant) -> Self {
        match Self::try_create_variant(variant).await {
            Ok(database) => database,
            Err(error) => panic!("no test database: {}", chain(&error)),
        }
    }

    /// Starts or joins the shared cluster, makes the template once, and copies it.
    pub async fn try_create() -> Result<Self, DatabaseError> {
        Self::try_create_variant(Variant::Platform).await
    }

    async fn try_create_variant(variant: Variant) -> Result<Self, DatabaseError> {
        let shared = SHARED.get_or_try_init(prepare).await?;
        let [platform, plain, empty] = &TEMPLATES;
        let template = match variant {
            Variant::Platform => platform,
            Variant::Plain => plain,
            Variant::Empty => empty,
        };
        let template = template
            .get_or_try_init(|| template::ensure(&shared.cluster, &shared.passwords, variant, &say))
            .await?;
        let name = format!("t_{}", Uuid::now_v7().simple());
        let superuser = connect(&shared.cluster.superuser_config("postgres")).await?;
        // The template carries tables, policies and grants; privileges on the database itself are not copied.
        let create = format!("CREATE DATABASE {name} TEMPLATE {template} OWNER bearingwall_owner");
        superuser
            .batch_execute(&create)
            .await
            .map_err(DatabaseError::statement("copy the template"))?;
        let database = Self { name, shared };
        let privileges = bearingwall_migrations::database_privileges(&database.name)?;
        undisturbed(&superuser, &privileges)
            .await
            .map_err(DatabaseError::statement("set the database's privileges"))?;
        Ok(database)
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How a role connects to this database, password included; its `Debug` does not show the password.
    #[expect(clippy::disallowed_methods, reason = "a database login needs the password itself")]
    pub fn config(&self, login: Login) -> Config {
        let mut config = self.shared.cluster.superuser_config(&self.name);
        config.user(login.role()).password(self.password(login).expose());
        config
    }

    /// The password of a role.
    pub fn password(&self, login: Login) -> Sensitive<String> {
        let passwords = &self.shared.passwords;
        match login {
            Login::Superuser => self.shared.cluster.superuser_password(),
            Login::Admin => passwords.admin.clone(),
            Login::App => passwords.app.clone(),
            Login::Sealer => passwords.sealer.clone(),
            Login::Worker => passwords.worker.clone(),
            Login::Auditor => passwords.auditor.clone(),
            Login::Backup => passwords.backup.clone(),
        }
    }

    /// Where a role connects, as a URL without the password.
    pub fn url(&self, login: Login) -> String {
        let cluster = &self.shared.cluster;
        format!(
            "postgresql://{}@{}:{}/{}",
            login.role(),
            cluster.host(),
            cluster.port(),
            self.name
        )
    }

    /// A new connection of a role; its driver runs on the current runtime until the client is dropped.
    pub async fn client(&self, login: Login) -> Result<Client, DatabaseError> {
        connect(&self.config(login)).await
    }

    /// How the server connects.
    pub fn app_config(&self) -> Config {
        self.config(Login::App)
    }

    /// How `ctl` connects.
    pub fn admin_config(&self) -> Config {
        self.config(Login::Admin)
    }

    /// How the superuser connects.
    pub fn superuser_config(&self) -> Config {
        self.config(Login::Superuser)
    }

    /// How an auditor connects.
    pub fn auditor_config(&self) -> Config {
        self.config(Login::Auditor)
    }

    /// The server's password.
    pub fn app_password(&self) -> Sensitive<String> {
        self.password(Login::App)
    }

    /// A connection of the server's role; panics without one, as [`TestDatabase::create`] does.
    pub async fn app_client(&self) -> Client {
        self.must_connect(Login::App).await
    }

    /// A connection of the migrations' role.
    pub async fn admin_client(&self) -> Client {
        self.must_connect(Login::Admin).await
    }

    /// A connection of the superuser.
    pub async fn superuser_client(&self) -> Client {
        self.must_connect(Login::Superuser).await
    }

    /// The cluster that all test databases share.
    pub fn cluster(&self) -> &'static Cluster {
        &self.shared.cluster
    }

    #[expect(clippy::panic, reason = "a test without its connection has failed")]
    async fn must_connect(&self, login: Login) -> Client {
        match self.client(login).await {
            Ok(client) => client,
            Err(error) => panic!("no connection as {}: {}", login.role(), chain(&error)),
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let config = self.shared.cluster.superuser_config("postgres");
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Waited for, or the process would end first. What fails here is removed as a leftover an hour later.
        let _ = in_own_runtime(async move {
            let superuser = connect(&config).await?;
            superuser
                .batch_execute(&statement)
                .await
                .map_err(DatabaseError::statement("drop the database"))
        });
    }
}

/// The cluster and the passwords of its roles.
async fn prepare() -> Result<Shared, DatabaseError> {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start(&shared_options(), &say))
        .await
        .map_err(DatabaseError::Interrupted)??;
    let passwords = Passwords::of_cluster(&cluster)?;
    Ok(Shared { cluster, passwords })
}

/// Tries that a statement on the cluster's own catalog gets.
const TRIES: u32 = 20;

/// Runs statements that change rows of the cluster's own catalog, as one transaction.
///
/// PostgreSQL answers two changes of one such row at the same time with an error, and attacks under test change many
/// (`DROP OWNED` looks at every database): nothing was done then, and it is done again.
///
/// # Errors
/// What the database says, after some tries where it was disturbed.
pub async fn undisturbed(client: &Client, statements: &str) -> Result<(), tokio_postgres::Error> {
    for _ in 1..TRIES {
        match client.batch_execute(statements).await {
            Err(error)
                if error
                    .as_db_error()
                    .is_some_and(|error| error.message().starts_with("tuple concurrently")) =>
            {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            answer => return answer,
        }
    }
    client.batch_execute(statements).await
}

/// `BEARINGWALL_PG_BIN` names the folder of PostgreSQL's programs, `BEARINGWALL_NO_INSTALL=1` forbids to install any.
#[expect(
    clippy::disallowed_methods,
    reason = "`cargo test` has no configuration file: the environment is its only input"
)]
fn shared_options() -> ClusterOptions {
    let forbidden = std::env::var_os("BEARINGWALL_NO_INSTALL").is_some_and(|value| value != "0" && !value.is_empty());
    ClusterOptions {
        bin_dir: std::env::var_os("BEARINGWALL_PG_BIN").map(Into::into),
        install: if forbidden {
            InstallPolicy::Forbidden
        } else {
            InstallPolicy::Allowed
        },
        ..ClusterOptions::fast("tests")
    }
}

/// Past the test harness's capture: an installation must not look like a hanging test.
fn say(what: &str) {
    // Nobody to tell is no reason to fail.
    let _ = writeln!(std::io::stderr(), "testkit: {what}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests attack the database from outside the pool; the client ends the task"
)]
async fn connect(config: &Config) -> Result<Client, DatabaseError> {
    let connected = config.connect(tokio_postgres::NoTls).await;
    let (client, connection) = connected.map_err(DatabaseError::statement("connect"))?;
    tokio::spawn(connection);
    Ok(client)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
