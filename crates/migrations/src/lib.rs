#![doc = include_str!("../README.md")]

mod bootstrap;
mod embedded;
mod error;
mod lifecycle;
mod migrate;
mod operate;

pub use bootstrap::{
    BootstrapOptions, RolePasswords, bootstrap_database, bootstrap_platform, bootstrap_roles, database_privileges,
};
pub use embedded::{EMBEDDED, Embedded, content_hash, latest_version};
pub use error::MigrationError;
pub use lifecycle::{
    Offboarding, TenantState, offboard_approve, offboard_begin, offboard_finish, offboard_request, offboarding,
    tenant_resume, tenant_state, tenant_suspend,
};
pub use migrate::{Plan, migrate, plan};
pub use operate::{NewTenant, TenantRow, install_enter_key, serve_regions, tenant_create, tenant_list};
