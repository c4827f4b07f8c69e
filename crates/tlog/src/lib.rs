#![doc = include_str!("../README.md")]

pub mod bundle;
pub mod checkpoint;
mod hash;
pub mod merkle;
pub mod note;
pub mod proof;
pub mod rotation;
pub mod tile;
pub mod witness;

pub use hash::{HASH_BYTES, Hash};
