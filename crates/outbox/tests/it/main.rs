//! The outbox against a real PostgreSQL: what is written is done, once where that can be had, in order, and fairly.
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
mod breaker;
mod crash;
mod fairness;
mod fixture;
mod mutants;
mod outcomes;
mod right;
mod vendor;
