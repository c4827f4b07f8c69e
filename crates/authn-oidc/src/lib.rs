#![doc = include_str!("../README.md")]

mod client;
mod error;
mod http;

pub use client::{Callback, OidcClient, OidcConfig, Pending, SignedIn, Tokens};
pub use error::OidcError;
pub use http::ExchangeError;
