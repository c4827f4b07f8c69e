//! What arrives and what leaves, tried from outside of the crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and an attacker uses raw SQL"
)]

mod egress;
mod inbox;
mod webhooks;
