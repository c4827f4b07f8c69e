//! Gates against a real PostgreSQL: the way that is right, and every attack on it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::print_stderr,
    reason = "tests fail by panicking, and an attacker uses raw SQL"
)]

mod attacks;
mod fixture;
mod mutants;
mod races;
mod right;
