//! Integration tests of the log and the traces, each with a writer or receiver of its own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod capture;
mod log;
mod traces;
