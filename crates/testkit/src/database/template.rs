//! The template: bootstrapped and migrated once for each state of the migrations, then copied for every test.

use super::{DatabaseError, Login, connect};
use crate::cluster::Cluster;
use bearingwall_core::Sensitive;
use bearingwall_migrations::{
    BootstrapOptions, RolePasswords, bootstrap_database, bootstrap_platform, bootstrap_roles, migrate,
};
use std::time::{Duration, SystemTime};
use tokio_postgres::Client;
use uuid::Uuid;

/// "testkit" in ASCII: one process at a time makes templates and clears leftovers away.
const LOCK: i64 = 0x74_6573_746b_6974;
/// A test that runs longer than this loses its database to the next process.
const LEFTOVER_AGE: Duration = Duration::from_secs(3_600);
/// Templates of other states of the migrations (another branch) are kept this long after they were made.
const TEMPLATE_AGE: Duration = Duration::from_secs(24 * 3_600);
const TEMPLATE_PREFIX: &str = "bearingwall_template_";

/// The passwords of the roles, which are cluster-wide and so the same for all test databases.
pub(super) struct Passwords {
    pub(super) admin: Sensitive<String>,
    pub(super) app: Sensitive<String>,
    pub(super) sealer: Sensitive<String>,
    pub(super) worker: Sensitive<String>,
    pub(super) auditor: Sensitive<String>,
    pub(super) backup: Sensitive<String>,
}

impl Passwords {
    pub(super) fn of_cluster(cluster: &Cluster) -> Result<Self, DatabaseError> {
        let of = |login: Login| cluster.role_password(login.role());
        Ok(Self {
            admin: of(Login::Admin)?,
            app: of(Login::App)?,
            sealer: of(Login::Sealer)?,
            worker: of(Login::Worker)?,
            auditor: of(Login::Auditor)?,
            backup: of(Login::Backup)?,
        })
    }

    fn for_bootstrap(&self) -> RolePasswords {
        RolePasswords {
            admin: Some(self.admin.clone()),
            app: Some(self.app.clone()),
            sealer: Some(self.sealer.clone()),
            worker: Some(self.worker.clone()),
            auditor: Some(self.auditor.clone()),
            backup: Some(self.backup.clone()),
        }
    }
}

/// What a template is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// Everything that a superuser may install.
    Platform,
    /// What a managed service allows: no event triggers, no guarded setting, the catalog as it is delivered.
    Plain,
    /// The roles and the database's privileges, and no migration.
    Empty,
}

impl Variant {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Platform => "",
            Self::Plain => "_plain",
            Self::Empty => "_empty",
        }
    }
}

/// Returns the template's name, making it first if this state of the migrations has none yet.
pub(super) async fn ensure(
    cluster: &Cluster,
    passwords: &Passwords,
    variant: Variant,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<String, DatabaseError> {
    let hash: String = bearingwall_migrations::content_hash().chars().take(16).collect();
    let current = format!("{TEMPLATE_PREFIX}{hash}");
    let template = format!("{current}{}", variant.suffix());
    let superuser = connect(&cluster.superuser_config("postgres")).await?;
    // Held until this connection closes.
    let lock = superuser
        .execute("SELECT pg_catalog.pg_advisory_lock($1)", &[&LOCK])
        .await;
    lock.map_err(DatabaseError::statement("lock the templates"))?;
    drop_leftovers(&superuser, &current).await?;
    let finished = superuser
        .query_opt(
            "SELECT FROM pg_catalog.pg_database WHERE datname = $1 AND datistemplate",
            &[&template],
        )
        .await
        .map_err(DatabaseError::statement("look for the template"))?;
    if finished.is_none() {
        progress(&format!("making the template database {template}"));
        make(cluster, &superuser, passwords, variant, &template).await?;
    }
    Ok(template)
}

/// It becomes a template in the last statement, so an unfinished one is never copied.
async fn make(
    cluster: &Cluster,
    superuser: &Client,
    passwords: &Passwords,
    variant: Variant,
    template: &str,
) -> Result<(), DatabaseError> {
    build(cluster, superuser, passwords, variant, template).await?;
    let made_at = now().as_secs();
    // Without connections allowed, no session can keep a copy waiting.
    let finish = format!(
        "COMMENT ON DATABASE {template} IS '{made_at}';
         ALTER DATABASE {template} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true"
    );
    superuser
        .batch_execute(&finish)
        .await
        .map_err(DatabaseError::statement("finish the template"))
}

/// A database as an operator makes it, in the place of any of that name.
pub(super) async fn build(
    cluster: &Cluster,
    superuser: &Client,
    passwords: &Passwords,
    variant: Variant,
    name: &str,
) -> Result<(), DatabaseError> {
    drop_database(superuser, name).await?;
    let options = BootstrapOptions {
        database: name.to_owned(),
        passwords: passwords.for_bootstrap(),
    };
    bootstrap_roles(superuser, &options).await?;
    let database = connect(&cluster.superuser_config(name)).await?;
    bootstrap_database(&database).await?;
    if variant == Variant::Platform {
        bootstrap_platform(&database).await?;
    }
    if variant != Variant::Empty {
        migrate(connect(&admin_config(cluster, passwords, name)).await?, &|_| ()).await?;
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a database login needs the password itself")]
pub(super) fn admin_config(cluster: &Cluster, passwords: &Passwords, database: &str) -> tokio_postgres::Config {
    let mut config = cluster.superuser_config(database);
    config.user(Login::Admin.role()).password(passwords.admin.expose());
    config
}

/// Databases of tests that were killed, and templates of states of the migrations that nobody has any more.
async fn drop_leftovers(superuser: &Client, current: &str) -> Result<(), DatabaseError> {
    let rows = superuser
        .query(
            "SELECT datname::text, datistemplate, pg_catalog.shobj_description(oid, 'pg_database')
             FROM pg_catalog.pg_database",
            &[],
        )
        .await
        .map_err(DatabaseError::statement("list the databases"))?;
    for row in rows {
        let (name, is_template): (String, bool) = (row.get(0), row.get(1));
        let made_at = row.get::<_, Option<String>>(2).and_then(|comment| comment.parse().ok());
        if is_leftover(&name, made_at, current, now()) {
            if is_template {
                let release = format!("ALTER DATABASE {name} WITH IS_TEMPLATE false");
                let released = superuser.batch_execute(&release).await;
                released.map_err(DatabaseError::statement("release an old template"))?;
            }
            drop_database(superuser, &name).await?;
        }
    }
    Ok(())
}

/// A test database tells its age by its UUIDv7, a template by its comment.
fn is_leftover(name: &str, made_at_s: Option<u64>, current: &str, now: Duration) -> bool {
    if let Some(timestamp) = name
        .strip_prefix("t_")
        .and_then(|id| Uuid::try_parse(id).ok())
        .and_then(|id| id.get_timestamp())
    {
        let made_at = Duration::from_secs(timestamp.to_unix().0);
        return now.saturating_sub(made_at) > LEFTOVER_AGE;
    }
    name.starts_with(TEMPLATE_PREFIX)
        && !name.starts_with(current)
        && made_at_s.is_some_and(|made_at_s| now.saturating_sub(Duration::from_secs(made_at_s)) > TEMPLATE_AGE)
}

async fn drop_database(superuser: &Client, name: &str) -> Result<(), DatabaseError> {
    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    superuser
        .batch_execute(&drop)
        .await
        .map_err(DatabaseError::statement("drop an old database"))
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_databases_of_tests_are_leftovers() {
        let day = Duration::from_secs(24 * 3_600);
        let fresh = format!("t_{}", Uuid::now_v7().simple());
        assert!(!is_leftover(&fresh, None, "x", now()));
        assert!(is_leftover(&fresh, None, "x", now() + day));
        for foreign in ["postgres", "template1", "t_", "t_customer", "bearingwall"] {
            assert!(!is_leftover(foreign, Some(0), "x", now() + day), "{foreign}");
        }
    }

    #[test]
    fn the_current_template_is_never_a_leftover() {
        let other = format!("{TEMPLATE_PREFIX}00");
        let long_ago = Some(1);
        assert!(is_leftover(&other, long_ago, "x", now()));
        assert!(!is_leftover(&other, long_ago, &other, now()));
        let variant = format!("{other}{}", Variant::Plain.suffix());
        assert!(!is_leftover(&variant, long_ago, &other, now()));
        assert!(!is_leftover(&other, Some(now().as_secs()), "x", now()));
        assert!(!is_leftover(&other, None, "x", now()));
    }
}
