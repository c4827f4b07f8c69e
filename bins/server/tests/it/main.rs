//! The real server process on a free port, over a real database and a development issuer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking and look at the database from outside"
)]

mod audit;
mod canary;
mod clients;
mod deidentified;
mod ending;
mod imports;
mod keys;
mod matrix;
mod metrics;
mod pii;
mod ratchet;
mod recording;
mod roles;
mod signing_in;
mod signing_out;
mod site;
mod split_key;
mod staff;
mod starting;
