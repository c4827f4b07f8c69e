//! With the real programs around us: PgBouncer in transaction mode, a hot standby, identity providers, moto, which answers as
//! AWS does, and the vendors' own libraries for webhooks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and an attacker uses raw SQL"
)]

mod buckets;
mod identity;
mod mail;
mod moto;
mod pgbouncer;
mod pooled;
mod spas;
mod standby;
mod start;
mod webhooks;
