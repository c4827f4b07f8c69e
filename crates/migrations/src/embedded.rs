//! The migrations themselves, as text that is compiled in and hashed.

use bearingwall_tenancy::sql;
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion};
use diesel::pg::Pg;
use sha2::{Digest, Sha256};
use std::fmt;

/// One forward migration.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// Fourteen digits; the order of versions is the order of execution.
    pub version: &'static str,
    /// The directory's name.
    pub name: &'static str,
    /// The content of `up.sql`.
    pub sql: &'static str,
}

macro_rules! embedded {
    ($(($version:literal, $name:literal)),* $(,)?) => {
        &[$(Embedded {
            version: $version,
            name: concat!($version, "_", $name),
            sql: include_str!(concat!("../../../migrations/", $version, "_", $name, "/up.sql")),
        }),*]
    };
}

/// Every migration, oldest first. There is no way back: a mistake is corrected by the next migration.
pub const EMBEDDED: &[Embedded] = embedded![
    ("00000000000001", "tenancy"),
    ("00000000000002", "audit"),
    ("00000000000003", "crm"),
    ("00000000000004", "split_key"),
    ("00000000000005", "background"),
    ("00000000000006", "lifecycle"),
    ("00000000000007", "sealing"),
    ("00000000000008", "identity"),
    ("00000000000009", "access"),
    ("00000000000010", "masking"),
    ("00000000000011", "gates"),
    ("00000000000012", "connectors"),
    ("00000000000013", "keys"),
    ("00000000000014", "outgoing"),
    ("00000000000016", "arrivals"),
    ("00000000000018", "logins")
];

impl Embedded {
    /// SHA-256 of the text, in hex: an applied migration whose text has changed since is refused.
    #[must_use]
    pub fn sha256(&self) -> String {
        hex(&Sha256::digest(self.sql.as_bytes()))
    }
}

/// The version that a fully migrated database stands at.
#[must_use]
pub fn latest_version() -> &'static str {
    EMBEDDED.last().map_or("", |migration| migration.version)
}

/// One hash over the bootstrap and every migration: what a template database is made from.
#[must_use]
pub fn content_hash() -> String {
    let mut hash = Sha256::new();
    hash.update(sql::ROLES);
    hash.update(sql::DATABASE);
    hash.update(sql::PLATFORM);
    for migration in EMBEDDED {
        hash.update(migration.name);
        hash.update(migration.sql);
    }
    hex(&hash.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// An embedded migration as diesel runs it: the text and its hash enter the database in one transaction.
pub(crate) struct Runnable(pub(crate) &'static Embedded);

#[derive(Clone, Copy)]
struct Metadata;

impl MigrationMetadata for Metadata {
    fn run_in_transaction(&self) -> bool {
        true
    }
}

struct Name(&'static str);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// diesel wants both the version and the display name of a migration.
struct VersionedName(&'static Embedded, Name);

impl fmt::Display for VersionedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.1.fmt(f)
    }
}

impl MigrationName for VersionedName {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from(self.0.version)
    }
}

impl Runnable {
    fn log_statement(&self) -> String {
        // Both values are our own constants: digits and hex.
        format!(
            "INSERT INTO public.bearingwall_migration_log (version, sha256) VALUES ('{}', '{}')",
            self.0.version,
            self.0.sha256()
        )
    }
}

impl Migration<Pg> for Runnable {
    fn run(&self, conn: &mut dyn diesel::connection::BoxableConnection<Pg>) -> diesel::migration::Result<()> {
        conn.batch_execute(self.0.sql)?;
        Ok(conn.batch_execute(&self.log_statement())?)
    }

    fn revert(&self, _: &mut dyn diesel::connection::BoxableConnection<Pg>) -> diesel::migration::Result<()> {
        Err("migrations go forward only".into())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &Metadata
    }

    fn name(&self) -> &dyn MigrationName {
        // The trait hands out a reference, so the name must outlive the call; there are as many as migrations.
        Box::leak(Box::new(VersionedName(self.0, Name(self.0.name))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_is_embedded_in_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
        let mut on_disk: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        on_disk.sort();
        let embedded: Vec<&str> = EMBEDDED.iter().map(|migration| migration.name).collect();
        assert_eq!(embedded, on_disk);
    }

    #[test]
    fn the_server_is_built_for_the_latest_version() {
        assert_eq!(latest_version(), bearingwall_tenancy::SCHEMA_VERSION);
    }
}
