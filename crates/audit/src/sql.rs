//! The SQL that the record stands on, for programs that keep it with migrations of their own (feature `sql`).
//!
//! Run [`MIGRATIONS`] after those of `bearingwall_tenancy::sql`, in the same way; then, for each table of personal data,
//! `CALL audit.protect_phi('schema.table', 'column_of_the_person')` instead of `tenancy.protect`.

use bearingwall_tenancy::sql::Migration;

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            sql: include_str!(concat!("../../../migrations/", $name, "/up.sql")),
        }),*]
    };
}

/// The schema `audit`, oldest first: the record, what goes on it of break-glass and of tenants' lives, the trees over it, ended
/// sessions, who has which role, and what waits at gates and in the outbox. `bearingwall-sealer` works on it as it is.
pub const MIGRATIONS: &[Migration] = migrations![
    "00000000000002_audit",
    "00000000000006_lifecycle",
    "00000000000007_sealing",
    "00000000000008_identity",
    "00000000000009_access",
    "00000000000011_gates",
];
