//! The SQL that isolation stands on, for programs that keep it with migrations of their own (feature `sql`).
//!
//! | text | run by | connected to | how often |
//! |---|---|---|---|
//! | [`ROLES`] | a superuser, or a role that may create roles and hand out `BYPASSRLS` | any database | once a cluster |
//! | `CREATE DATABASE … OWNER bearingwall_owner` and [`privileges`] | the same | any database | once a database |
//! | [`DATABASE`] | the same | the new database | once a database |
//! | [`PLATFORM`], optional | a superuser | the new database, before the migrations | once a database |
//! | [`MIGRATIONS`] | `bearingwall_admin` | the new database | each once, in order, in a transaction of its own |
//! | tables of your own, each with `CALL tenancy.protect(…)` | `bearingwall_admin` | the new database | as you like |
//!
//! `bearingwall_app` is whom [`TenantPool`](crate::TenantPool) logs in as; give it and `bearingwall_admin` a password, or
//! certificates. No program that serves requests holds the other credentials.

/// One migration: run its text as `bearingwall_admin` in a transaction of its own, and note its name where your tool keeps them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Fourteen digits and a word; the order of names is the order of execution.
    pub name: &'static str,
    /// The statements.
    pub sql: &'static str,
}

/// The roles of the cluster. Runs again without effect.
pub const ROLES: &str = include_str!("../sql/roles.sql");

/// Who may use the schema `public` of the application's database. Runs again without effect.
pub const DATABASE: &str = include_str!("../sql/database.sql");

/// The platform hardening: closes side channels and makes the verified context cheap. Isolation holds without it, as on a
/// managed service. Run it before [`MIGRATIONS`], which choose how the context is kept by what they find; after them, follow
/// it with `SELECT tenancy.choose_context_store()` as `bearingwall_admin`. Runs again without effect.
pub const PLATFORM: &str = include_str!("../sql/platform.sql");

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $name, "/up.sql")),
        }),*]
    };
}

/// The schema `tenancy`, oldest first. It needs no table of a migration tool, and nothing of the audit record.
pub const MIGRATIONS: &[Migration] = migrations![
    "00000000000001_tenancy",
    "00000000000004_split_key",
    "00000000000005_background",
];

/// Privileges on the database itself, which copies with `TEMPLATE` do not inherit; `None` for a name that needs quotes.
#[must_use]
pub fn privileges(database: &str) -> Option<String> {
    let fits = !database.is_empty()
        && database.len() <= 63
        && database.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && database
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    fits.then(|| {
        format!(
            "REVOKE ALL ON DATABASE {database} FROM PUBLIC;
             GRANT CONNECT ON DATABASE {database} TO bearingwall_admin, bearingwall_app, bearingwall_sealer,
                 bearingwall_worker, bearingwall_auditor, bearingwall_backup;
             GRANT CREATE ON DATABASE {database} TO bearingwall_admin;"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_need_quotes_are_refused() {
        assert!(privileges("bearingwall").is_some());
        for bad in ["", "Bearing", "a b", "a;drop", "1a", "a\"b", &"a".repeat(64)] {
            assert_eq!(privileges(bad), None, "{bad}");
        }
    }

    #[test]
    fn migrations_that_are_left_out_belong_to_other_crates() {
        assert!(MIGRATIONS.is_sorted_by_key(|migration| migration.name));
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if MIGRATIONS.iter().all(|migration| migration.name != name) {
                let sql = std::fs::read_to_string(entry.path().join("up.sql")).unwrap();
                assert!(
                    // What goes with a tenant is told by a function that the record's migrations make.
                    ["audit.", "crm.", "tenancy.tenant_holdings"]
                        .iter()
                        .any(|needed| sql.contains(needed)),
                    "{name} needs nothing but the schema tenancy: list it in `MIGRATIONS`"
                );
            }
        }
    }
}
