//! With the real programs around us: PgBouncer in transaction mode, a hot standby, identity providers, moto, which answers as
//! AWS does, a stand-in of Azure Key Vault, and the vendors' own libraries for webhooks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and an attacker uses raw SQL"
)]

mod aws;
mod azure;
mod buckets;
mod guarded;
mod identity;
mod keyvault;
mod logins;
mod mail;
mod moto;
mod pgbouncer;
mod planted;
mod pooled;
mod programs;
mod rotation;
mod spas;
mod standby;
mod start;
mod vaults;
mod webhooks;
mod worked_on;
