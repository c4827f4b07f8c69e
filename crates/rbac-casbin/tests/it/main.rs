//! The compiled table against casbin's own answers, for the shipped policy and for random ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod equality;
mod shipped;
