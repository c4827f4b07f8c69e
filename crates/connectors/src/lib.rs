#![doc = include_str!("../README.md")]

pub mod arrivals;
pub mod destinations;
pub mod egress;
pub mod inbox;
pub mod mail;
mod vault;
pub mod webhooks;

pub use vault::SecretWriter;
