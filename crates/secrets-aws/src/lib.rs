#![doc = include_str!("../README.md")]

mod database;
mod failure;
mod identity;
mod keys;
mod secrets;

pub use database::{DatabaseTokens, DatabaseUser, presigned};
pub use identity::{Identity, WebIdentity};
pub use keys::KmsKeys;
pub use secrets::SecretsManager;

use aws_sdk_sts::config::SharedCredentialsProvider;
use aws_sdk_sts::config::timeout::TimeoutConfig;
use std::fmt;
use std::time::Duration;
use url::Url;

/// How Amazon's services are reached, and as whom.
#[derive(Clone)]
pub struct Aws {
    identity: Identity,
    endpoint: Option<Url>,
}

impl Aws {
    /// The services' own addresses, as this identity.
    #[must_use]
    pub const fn new(identity: Identity) -> Self {
        Self {
            identity,
            endpoint: None,
        }
    }

    /// The same at another address: an interface endpoint of a private network, or a service that speaks the same protocol.
    #[must_use]
    pub fn at(mut self, endpoint: Url) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    fn credentials(&self, region: &str) -> SharedCredentialsProvider {
        self.identity.provider(region, self.endpoint.as_ref())
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws")
            .field("identity", &self.identity)
            .field("endpoint", &self.endpoint.as_ref().map(Url::as_str))
            .finish()
    }
}

/// A call is made while somebody waits: what takes longer counts as an outage.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(10))
        .build()
}
