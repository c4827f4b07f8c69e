#![doc = include_str!("../README.md")]

mod challenge;
mod identity;
mod keys;
mod secrets;
mod vault;

pub use identity::{Identity, ManagedIdentity, WorkloadIdentity};
pub use keys::VaultKeys;
pub use secrets::VaultSecrets;
pub use vault::AzureOptions;

use bearingwall_secrets::SecretError;
use identity::Tokens;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use vault::Vault;

/// The vaults of one cloud, and as whom they are used. Cloning shares tokens and connections.
#[derive(Clone)]
pub struct Azure {
    inner: Arc<Inner>,
}

struct Inner {
    options: AzureOptions,
    client: reqwest::Client,
    tokens: Tokens,
    vaults: Mutex<HashMap<String, Arc<Vault>>>,
}

impl Azure {
    /// Vaults as this identity. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// [`SecretError::Setting`] for an address or a certificate that cannot be used.
    pub fn new(identity: Identity, options: AzureOptions) -> Result<Self, SecretError> {
        let client = vault::client(&options)?;
        Ok(Self {
            inner: Arc::new(Inner {
                tokens: Tokens::new(identity, client.clone())?,
                client,
                options,
                vaults: Mutex::new(HashMap::new()),
            }),
        })
    }

    /// A token for another service than a vault, as this identity: for the scope `…/.default` of a database, say.
    ///
    /// # Errors
    ///
    /// [`SecretError::NoIdentity`], [`SecretError::Unreachable`].
    pub async fn token(&self, scope: &str) -> Result<bearingwall_core::Sensitive<String>, SecretError> {
        self.inner.tokens.token(scope).await
    }

    /// Forgets the token of a scope that a service has refused: the next one who asks gets another.
    pub fn forget(&self, scope: &str) {
        self.inner.tokens.forget(scope);
    }
}

impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Azure")
            .field("options", &self.inner.options)
            .field("identity", self.inner.tokens.identity())
            .finish_non_exhaustive()
    }
}
