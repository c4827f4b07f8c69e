//! OAuth 2.0 as a client (RFC 6749, RFC 7636, RFC 7009, RFC 9207, under the rules of RFC 9700): a tenant's own account at a
//! provider.
//!
//! What leaves goes through [`Egress`](crate::egress::Egress). The exchange is written here and not taken from a library,
//! because what a library keeps in its errors is the provider's answer, and that may be a token.

mod authorize;
mod error;
mod exchange;
mod provider;

pub use authorize::{Attempt, Begun, Callback, Code};
pub use error::{OauthError, Refusal};
pub use exchange::{Token, Tokens};
pub use provider::{Provider, ProviderSettings, Providers};
