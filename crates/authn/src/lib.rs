#![doc = include_str!("../README.md")]

mod claims;
mod document;
mod error;
mod issuer;
mod json;
pub mod jws;
mod keyring;
mod logout;
mod revocations;
mod verifier;

pub use claims::{session_key, subject_id};
pub use document::DocumentError;
pub use error::AuthnError;
pub use issuer::IssuerConfig;
pub use jws::Algorithm;
pub use keyring::published_keys;
pub use logout::Logout;
pub use revocations::{Revocation, RevocationOf, Revocations};
pub use verifier::{AuthnOptions, BearerVerifier, BoxFuture, EndedSessions, IdentityProvider, LiveToken};
