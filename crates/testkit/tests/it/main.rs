//! Integration tests of the test kit itself.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and look at the database from outside"
)]

mod cluster;
mod database;
mod lint;
