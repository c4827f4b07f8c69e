//! Tenant isolation with the real programs around it: PgBouncer in transaction mode, and a hot standby.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and an attacker uses raw SQL"
)]

mod pgbouncer;
mod pooled;
mod spas;
mod standby;
mod start;
