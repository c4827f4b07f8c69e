//! Attacks on the bearer verifier, over a real loopback issuer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and the loopback issuer lives as long as its test"
)]

mod accepted;
mod cache;
mod fixture;
mod hostile;
mod keys;
mod revocation;
mod rotation;
mod start;
