//! Tests of the log's formats and proofs against published examples, an independent implementation and random trees.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test states what it expects"
)]

mod checkpoint;
mod merkle;
mod note;
