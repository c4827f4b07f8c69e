//! What the platform's superuser does once: roles, the database, its privileges and event triggers. Nothing is kept.

use crate::error::MigrationError;
use bearingwall_core::Sensitive;
use bearingwall_tenancy::sql;
use tokio_postgres::Client;

/// Passwords of the login roles. A role without one here keeps what it has; a new role without one cannot log in
/// by password, which is right where certificates, peer or token authentication do the work.
#[derive(Clone, Debug, Default)]
pub struct RolePasswords {
    /// `bearingwall_admin`.
    pub admin: Option<Sensitive<String>>,
    /// `bearingwall_app`.
    pub app: Option<Sensitive<String>>,
    /// `bearingwall_sealer`.
    pub sealer: Option<Sensitive<String>>,
    /// `bearingwall_worker`.
    pub worker: Option<Sensitive<String>>,
    /// `bearingwall_auditor`.
    pub auditor: Option<Sensitive<String>>,
    /// `bearingwall_backup`.
    pub backup: Option<Sensitive<String>>,
}

/// What [`bootstrap_roles`] needs.
#[derive(Clone, Debug)]
pub struct BootstrapOptions {
    /// The application's database: lower-case letters, digits, underscores.
    pub database: String,
    /// Passwords of the login roles.
    pub passwords: RolePasswords,
}

/// Makes the roles and the (empty) database, connected as superuser to any database of the cluster.
///
/// Follow it with [`bootstrap_database`] on a connection to the new database. Running it again changes nothing
/// but the passwords given.
///
/// # Errors
/// When a name is unfit or the superuser's right does not suffice.
pub async fn bootstrap_roles(superuser: &Client, options: &BootstrapOptions) -> Result<(), MigrationError> {
    let privileges = database_privileges(&options.database)?;
    superuser
        .batch_execute(sql::ROLES)
        .await
        .map_err(MigrationError::statement("create the roles"))?;
    let passwords = &options.passwords;
    for (role, password) in [
        ("bearingwall_admin", &passwords.admin),
        ("bearingwall_app", &passwords.app),
        ("bearingwall_sealer", &passwords.sealer),
        ("bearingwall_worker", &passwords.worker),
        ("bearingwall_auditor", &passwords.auditor),
        ("bearingwall_backup", &passwords.backup),
    ] {
        if let Some(password) = password {
            superuser
                .batch_execute(&set_password(role, password))
                .await
                .map_err(MigrationError::statement("set a role's password"))?;
        }
    }
    let exists = superuser
        .query_opt(
            "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1",
            &[&options.database],
        )
        .await
        .map_err(MigrationError::statement("look for the database"))?
        .is_some();
    if !exists {
        let create = format!(
            "CREATE DATABASE {} OWNER bearingwall_owner ENCODING 'UTF8' TEMPLATE template0",
            options.database
        );
        superuser
            .batch_execute(&create)
            .await
            .map_err(MigrationError::statement("create the database"))?;
    }
    superuser
        .batch_execute(&privileges)
        .await
        .map_err(MigrationError::statement("set the database's privileges"))
}

/// Privileges on the database itself. A copy made with `TEMPLATE` does not inherit them.
///
/// # Errors
/// When the name would have to be quoted.
pub fn database_privileges(database: &str) -> Result<String, MigrationError> {
    sql::privileges(database).ok_or_else(|| MigrationError::BadName {
        name: database.to_owned(),
    })
}

/// Sets the schema privileges, connected as superuser to the application's database.
///
/// # Errors
/// When the superuser's right does not suffice.
pub async fn bootstrap_database(superuser: &Client) -> Result<(), MigrationError> {
    superuser
        .batch_execute(sql::DATABASE)
        .await
        .map_err(MigrationError::statement("set the schema's privileges"))
}

/// Installs the platform hardening: event triggers, closed side channels, and the guarded setting that makes the
/// verified context cheap. Connected as superuser to the application's database, after [`bootstrap_database`].
///
/// # Errors
/// When the superuser's right does not suffice, as on a managed service that keeps event triggers to itself.
pub async fn bootstrap_platform(superuser: &Client) -> Result<(), MigrationError> {
    superuser
        .batch_execute(sql::PLATFORM)
        .await
        .map_err(MigrationError::statement("install the platform hardening"))
}

/// The clear password never reaches the server: what is sent is the SCRAM verifier (RFC 5803).
#[expect(clippy::disallowed_methods, reason = "turned into a verifier here and nowhere else")]
fn set_password(role: &str, password: &Sensitive<String>) -> String {
    let verifier = postgres_protocol::password::scram_sha_256(password.expose().as_bytes());
    format!("ALTER ROLE {role} PASSWORD '{verifier}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_quotes_are_refused() {
        assert!(database_privileges("bearingwall").is_ok());
        for bad in ["", "Bearing", "a b", "a;drop", "1a", "a\"b"] {
            assert!(database_privileges(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_clear_password_is_not_in_the_statement() {
        let statement = set_password("bearingwall_app", &Sensitive::new("correct horse".to_owned()));
        assert!(statement.starts_with("ALTER ROLE bearingwall_app PASSWORD 'SCRAM-SHA-256$"));
        assert!(!statement.contains("correct horse"));
    }
}
