#![doc = include_str!("../README.md")]

pub mod destinations;
pub mod egress;
mod https;
pub mod inbox;
pub mod mail;
mod outgoing;
pub mod subscriptions;
mod vault;
pub mod webhooks;

pub use https::HttpsAddress;
pub use outgoing::{Catalogue, OutgoingError};
pub use vault::SecretWriter;
