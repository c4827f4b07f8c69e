//! Attacks on tenant isolation, on the application role's own connection, against a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::string_slice,
    reason = "tests fail by panicking, and an attacker uses raw SQL"
)]

mod attacks;
mod canary;
mod compile_fail;
mod context;
mod embedding;
mod ending;
mod fixture;
mod inventory;
mod jobs;
mod lifecycle;
mod mutation;
mod oracle;
mod posture;
mod protection;
mod residue;
mod reuse;
mod roles;
mod split_key;
mod transaction;
mod wire;
