//! The CRM on a real PostgreSQL, as the server's own role, always with two tenants.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests assume contexts and compare what they disclose"
)]

mod apart;
mod arrivals;
mod clients;
mod deidentified;
mod import;
mod keys;
mod lookup;
mod masking;
mod notes;
mod recorded;
mod spas;
mod staff;
