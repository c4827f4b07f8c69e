#![doc = include_str!("../README.md")]

mod declared;
pub mod destinations;
pub mod egress;
pub mod endpoints;
mod https;
pub mod inbox;
pub mod mail;
pub mod oauth;
mod outgoing;
pub mod subscriptions;
mod vault;
pub mod webhooks;

pub use declared::{Action, CONNECTORS, Connector, connector};
pub use https::HttpsAddress;
pub use outgoing::{Catalogue, OutgoingError};
pub use vault::SecretWriter;
