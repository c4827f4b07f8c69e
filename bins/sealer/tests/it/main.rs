//! The program: its configuration, its witnesses, and what it does when the database or another sealer is in the way.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and serve a witness of their own"
)]

mod config;
mod running;
