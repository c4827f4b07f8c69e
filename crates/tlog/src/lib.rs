#![doc = include_str!("../README.md")]

pub mod checkpoint;
mod hash;
pub mod merkle;
pub mod note;

pub use hash::{HASH_BYTES, Hash};
