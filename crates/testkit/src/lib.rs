#![doc = include_str!("../README.md")]

pub mod cluster;
pub mod database;
pub mod issuer;
