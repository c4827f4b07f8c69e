//! Planning and running migrations: in order, under a lock, as the admin only.

use crate::embedded::{EMBEDDED, Embedded, Runnable, latest_version};
use crate::error::MigrationError;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::MigrationHarness;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// "bearing" in ASCII: the advisory lock that two migrations cannot hold at once.
const LOCK: i64 = 0x62_6561_7269_6e67;

/// What a migration would do.
#[derive(Debug)]
pub struct Plan {
    /// Versions that stand in the database already.
    pub applied: Vec<String>,
    /// What is still to run, in order.
    pub pending: Vec<&'static Embedded>,
}

/// Compares the database with what is compiled in, and refuses a history that is not ours.
///
/// # Errors
/// [`MigrationError::WrongRole`], [`MigrationError::Newer`] or [`MigrationError::Dirty`], naming each difference.
pub async fn plan(admin: &Client) -> Result<Plan, MigrationError> {
    check_role(admin).await?;
    // CONTROL: MIG-1
    let applied = applied_versions(admin).await?;
    let known: BTreeMap<&str, &Embedded> = EMBEDDED
        .iter()
        .map(|migration| (migration.version, migration))
        .collect();
    let newer: Vec<String> = applied
        .keys()
        .filter(|version| !known.contains_key(version.as_str()))
        .cloned()
        .collect();
    if !newer.is_empty() {
        return Err(MigrationError::Newer { versions: newer });
    }
    let pending: Vec<&'static Embedded> = EMBEDDED
        .iter()
        .filter(|migration| !applied.contains_key(migration.version))
        .collect();
    let mut reasons = Vec::new();
    for (version, recorded) in &applied {
        match (recorded, known.get(version.as_str())) {
            (None, _) => reasons.push(format!("{version} was applied without its entry in the migration log")),
            (Some(recorded), Some(migration)) if *recorded != migration.sha256() => {
                reasons.push(format!(
                    "{version} was applied from another text than this program holds"
                ));
            }
            _ => {}
        }
    }
    if let (Some(first), Some(last)) = (pending.first(), applied.keys().next_back())
        && first.version < last.as_str()
    {
        reasons.push(format!("{} is missing although {last} was applied", first.version));
    }
    if !reasons.is_empty() {
        return Err(MigrationError::Dirty { reasons });
    }
    Ok(Plan {
        applied: applied.into_keys().collect(),
        pending,
    })
}

/// Applies what is pending and tells each step. Returns how many migrations ran.
///
/// Needs a connection of `bearingwall_admin`, which it uses up.
///
/// # Errors
/// As [`plan`]; [`MigrationError::Locked`] when another migration runs; [`MigrationError::Migration`] when one fails,
/// in which case that one is rolled back whole and the earlier ones stay.
pub async fn migrate(admin: Client, progress: &(dyn Fn(&str) + Sync)) -> Result<usize, MigrationError> {
    check_role(&admin).await?;
    let locked: bool = admin
        .query_one("SELECT pg_catalog.pg_try_advisory_lock($1)", &[&LOCK])
        .await
        .map_err(MigrationError::statement("take the migration lock"))?
        .get(0);
    if !locked {
        return Err(MigrationError::Locked);
    }
    admin
        .batch_execute(
            "CREATE TABLE IF NOT EXISTS public.__diesel_schema_migrations (
                 version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);
             CREATE TABLE IF NOT EXISTS public.bearingwall_migration_log (
                 version text PRIMARY KEY, sha256 text NOT NULL,
                 applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), applied_by name NOT NULL DEFAULT session_user);
             SET search_path = public, pg_catalog",
        )
        .await
        .map_err(MigrationError::statement("prepare the migration log"))?;
    let plan = plan(&admin).await?;
    match plan.pending.len() {
        0 => progress(&format!("the schema stands at {}: nothing to do", latest_version())),
        count => progress(&format!("{} applied, {count} to run", plan.applied.len())),
    }
    let mut connection = harness(admin).await?;
    let ran = plan.pending.len();
    for migration in plan.pending {
        progress(&format!("running {}", migration.name));
        // diesel's harness is synchronous: it gets a thread of its own, so that any kind of runtime will do.
        connection = tokio::task::spawn_blocking(move || {
            connection
                .run_migration(&Runnable(migration))
                .map(drop)
                .map(|()| connection)
        })
        .await
        .map_err(|error| MigrationError::Connection(error.into()))?
        .map_err(|source| MigrationError::Migration {
            name: migration.name,
            source,
        })?;
    }
    finish(connection, ran).await?;
    Ok(ran)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a migration works on the schema, outside of every tenant"
)]
async fn harness(admin: Client) -> Result<AsyncConnectionWrapper<AsyncPgConnection>, MigrationError> {
    let connection = AsyncPgConnection::try_from(admin).await;
    connection
        .map(AsyncConnectionWrapper::from)
        .map_err(|error| MigrationError::Connection(error.into()))
}

/// Keeps the month's partitions ahead, takes the guarded setting into use where there is one, and puts the change of schema on the record.
async fn finish(connection: AsyncConnectionWrapper<AsyncPgConnection>, ran: usize) -> Result<(), MigrationError> {
    use diesel_async::SimpleAsyncConnection as _;
    let mut connection = connection.into_inner();
    let mut statements = String::from(
        "SELECT audit.create_partition((now() + make_interval(months => m))::date) FROM generate_series(0, 12) m;
         SELECT tenancy.choose_context_store();",
    );
    if ran > 0 {
        statements.push_str(&format!(
            "SELECT audit.record_operation('schema.migrated', '{}', NULL);",
            latest_version()
        ));
    }
    connection
        .batch_execute(&statements)
        .await
        .map_err(|error| MigrationError::Connection(error.into()))
}

async fn check_role(admin: &Client) -> Result<(), MigrationError> {
    let role: String = admin
        .query_one("SELECT session_user::text", &[])
        .await
        .map_err(MigrationError::statement("tell its session user"))?
        .get(0);
    if role == "bearingwall_admin" {
        Ok(())
    } else {
        Err(MigrationError::WrongRole { role })
    }
}

/// Applied versions, each with the hash of the text that was applied, where the log has it.
async fn applied_versions(admin: &Client) -> Result<BTreeMap<String, Option<String>>, MigrationError> {
    let exists: bool = admin
        .query_one(
            "SELECT to_regclass('public.__diesel_schema_migrations') IS NOT NULL
                AND to_regclass('public.bearingwall_migration_log') IS NOT NULL",
            &[],
        )
        .await
        .map_err(MigrationError::statement("look for the migration log"))?
        .get(0);
    if !exists {
        return Ok(BTreeMap::new());
    }
    let rows = admin
        .query(
            "SELECT m.version::text, l.sha256 FROM public.__diesel_schema_migrations m
             LEFT JOIN public.bearingwall_migration_log l ON l.version = m.version",
            &[],
        )
        .await
        .map_err(MigrationError::statement("read the migration log"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}
