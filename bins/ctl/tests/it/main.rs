//! The operator's tool as a process, against a private cluster.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and look at the database from outside"
)]

mod documents;
mod inventory;
mod issuers;
mod keys;
mod life;
mod logins;
mod mail;
mod migrations;
mod offboarding;
mod record;
mod sessions;
mod site;
mod tenants;
