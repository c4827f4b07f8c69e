#![doc = include_str!("../README.md")]

mod bootstrap;
mod embedded;
mod error;
mod issuers;
mod lifecycle;
mod migrate;
mod operate;

pub use bootstrap::{
    BootstrapOptions, RolePasswords, bootstrap_database, bootstrap_platform, bootstrap_roles, database_privileges,
};
pub use embedded::{EMBEDDED, Embedded, content_hash, latest_version};
pub use error::MigrationError;
pub use issuers::{
    IssuerKey, IssuerRow, IssuerRules, issuer_list, issuer_remove, issuer_sync, profile, retire_enter_key, use_profile,
};
pub use lifecycle::{
    Offboarding, TenantState, offboard_approve, offboard_begin, offboard_finish, offboard_request, offboarding,
    tenant_resume, tenant_state, tenant_suspend,
};
pub use migrate::{Plan, migrate, plan};
pub use operate::{
    NewTenant, SignedOut, TenantRow, entries_name_backend, install_enter_key, serve_regions, sign_out, tenant_create,
    tenant_list,
};
