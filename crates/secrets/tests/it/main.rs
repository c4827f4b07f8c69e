//! Integration tests of the sealed file store, its keys and the credential scan.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and start tasks of their own"
)]

mod caching;
mod file_keys;
mod file_store;
mod scan;
