//! The sealer, its evidence and what finds its forgeries, against a real PostgreSQL.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and a forger uses raw SQL"
)]

mod exports;
mod fixture;
mod forgeries;
mod sealing;
mod witnesses;
