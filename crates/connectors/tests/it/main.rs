//! What arrives and what leaves, tried from outside of the crate.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and make the contexts that the edge makes"
)]

mod egress;
mod endpoints;
mod inbox;
mod mail;
mod oauth;
mod subscriptions;
mod webhooks;
