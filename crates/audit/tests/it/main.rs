//! Attacks on the record and on write-ahead access, against a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and an attacker uses raw SQL"
)]

mod access;
mod ahead;
mod append_only;
mod closed;
mod embedding;
mod fixture;
mod gate;
mod phases;
mod raw;
mod refusals;
mod retention;
mod search;
mod staff;
mod sweeps;
mod written_once;
