#![doc = include_str!("../README.md")]

mod entity;
mod finding;
mod tagger;

pub use entity::{Class, Entity};
