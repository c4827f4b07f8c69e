#![doc = include_str!("../README.md")]

pub mod destinations;
pub mod egress;
pub mod inbox;
pub mod mail;
pub mod oauth;
mod vault;
pub mod webhooks;

pub use vault::SecretWriter;
