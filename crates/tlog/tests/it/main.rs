//! Tests of the log's formats and proofs against published examples, an independent implementation and random trees.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test states what it expects"
)]

mod bundle;
mod checkpoint;
mod fixture;
mod merkle;
mod note;
mod proof;
mod rotation;
mod tile;
mod witness;
