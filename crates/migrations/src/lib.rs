#![doc = include_str!("../README.md")]

mod bootstrap;
mod embedded;
mod error;
mod migrate;
mod operate;

pub use bootstrap::{
    BootstrapOptions, RolePasswords, bootstrap_database, bootstrap_platform, bootstrap_roles, database_privileges,
};
pub use embedded::{EMBEDDED, Embedded, content_hash, latest_version};
pub use error::MigrationError;
pub use migrate::{Plan, migrate, plan};
pub use operate::{
    NewTenant, TenantRow, entries_name_backend, install_enter_key, serve_regions, tenant_create, tenant_list,
};
