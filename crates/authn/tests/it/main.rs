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
#[path = "../attacks/attacks.rs"]
mod attacks;
mod cache;
mod hostile;
mod keys;
mod revocation;
mod rotation;
mod start;

use attacks::fixture;
