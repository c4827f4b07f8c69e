//! Tenant keys under an RSA key of Azure Key Vault: `azure-kv://vault/key`. The private key never leaves the vault.
//!
//! RSA-OAEP binds nothing to a tenant. So the vault wraps a key that is made for this one tenant key, and that one seals the
//! tenant key with AES-256-GCM for its tenant and its key-encryption key.

use crate::Azure;
use crate::secrets::{last_segment, named};
use crate::vault::Vault;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bearingwall_core::CustomerId;
use bearingwall_secrets::{DataKey, KeyError, KeyStore, KeyStoreAdapter, Scheme, SecretError, SecretRef, WrappedKey};
use futures_core::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// OAEP with SHA-256 (RFC 8017, section 7.1); the vault's older choices are not asked for.
const ALGORITHM: &str = "RSA-OAEP-256";
const FORMAT_1: u8 = 1;

/// The adapter for keys of [`Scheme::AzureKeyVault`].
#[derive(Clone, Debug)]
pub struct VaultKeys {
    azure: Azure,
}

impl VaultKeys {
    /// Keys of these vaults.
    #[must_use]
    pub const fn new(azure: Azure) -> Self {
        Self { azure }
    }
}

impl KeyStoreAdapter for VaultKeys {
    fn open(&self, reference: &SecretRef) -> Result<Arc<dyn KeyStore>, KeyError> {
        if reference.scheme() != Scheme::AzureKeyVault {
            return Err(KeyError::Store(SecretError::OtherStore));
        }
        let name = named(reference.name()).map_err(KeyError::Store)?;
        Ok(Arc::new(VaultKey {
            vault: self.azure.vault(reference.store()).map_err(KeyError::Store)?,
            reference: reference.to_string(),
            name: name.to_owned(),
        }))
    }
}

/// One key of a vault.
struct VaultKey {
    vault: Arc<Vault>,
    reference: String,
    name: String,
}

#[derive(Deserialize)]
struct Bundle {
    key: JsonKey,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct JsonKey {
    kid: String,
    kty: String,
}

#[derive(Deserialize)]
struct Attributes {
    enabled: bool,
}

#[derive(Serialize)]
struct Operation {
    alg: &'static str,
    value: String,
}

#[derive(Deserialize)]
struct Operated {
    kid: String,
    value: String,
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl Drop for Operated {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl VaultKey {
    async fn current(&self) -> Result<String, SecretError> {
        let bundle: Bundle = self.vault.get(&format!("keys/{}/", self.name), &self.name).await?;
        if !bundle.attributes.enabled {
            return Err(SecretError::Disabled {
                name: self.name.clone(),
            });
        }
        if !bundle.key.kty.starts_with("RSA") {
            return Err(SecretError::Setting {
                what: "the key is not an RSA key",
            });
        }
        last_segment(&bundle.key.kid).map(str::to_owned)
    }

    async fn operate(&self, operation: &str, version: &str, value: &[u8]) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        named(version)?;
        let body = Operation {
            alg: ALGORITHM,
            value: BASE64URL.encode(value),
        };
        let path = format!("keys/{}/{version}/{operation}", self.name);
        let answer: Operated = self.vault.post(&path, &body, &self.name).await?;
        if last_segment(&answer.kid)? != version {
            return Err(SecretError::Answer("it used another version of the key".into()));
        }
        BASE64URL
            .decode(answer.value.trim_end_matches('='))
            .map(Zeroizing::new)
            .map_err(|_| SecretError::Answer("its value is no base64url".into()))
    }

    /// What the tenant key is bound to, beside the tenant.
    fn kek(&self, version: &str) -> String {
        format!("{}@{version}", self.reference)
    }

    // CONTROL: SEC-2
    async fn wrap_tenant(&self, customer: CustomerId, key: &DataKey) -> Result<WrappedKey, KeyError> {
        let version = self.current().await.map_err(KeyError::Store)?;
        let between = DataKey::generate()?;
        let wrapped = self
            .operate("wrapkey", &version, between.bytes())
            .await
            .map_err(KeyError::Store)?;
        let sealed = between.wrap_tenant_key(customer, &self.kek(&version), key)?;
        let length = u16::try_from(wrapped.len()).map_err(|_| KeyError::TooLong)?;
        let mut bytes = Vec::with_capacity(3 + wrapped.len() + sealed.len());
        bytes.push(FORMAT_1);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&wrapped);
        bytes.extend_from_slice(&sealed);
        Ok(WrappedKey {
            kek_version: version,
            bytes,
        })
    }

    async fn unwrap_tenant(&self, customer: CustomerId, stored: &WrappedKey) -> Result<DataKey, KeyError> {
        let version = &stored.kek_version;
        let (wrapped, sealed) = split(&stored.bytes)?;
        let opened = self.operate("unwrapkey", version, wrapped).await;
        let between = DataKey::from_bytes(&opened.map_err(|error| match error {
            SecretError::Missing { .. } | SecretError::MalformedName => KeyError::UnknownVersion {
                version: version.clone(),
            },
            // The vault answers a ciphertext that is not its key's with `BadParameter`.
            SecretError::Answer(_) => KeyError::Refused,
            error => KeyError::Store(error),
        })?)?;
        between.unwrap_tenant_key(customer, &self.kek(version), sealed)
    }
}

fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    let (&format, rest) = bytes.split_first().ok_or(KeyError::UnknownFormat)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or(KeyError::UnknownFormat)?;
    if format != FORMAT_1 {
        return Err(KeyError::UnknownFormat);
    }
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
        .ok_or(KeyError::UnknownFormat)
}

impl KeyStore for VaultKey {
    fn wrap<'a>(&'a self, customer: CustomerId, key: &'a DataKey) -> BoxFuture<'a, Result<WrappedKey, KeyError>> {
        Box::pin(self.wrap_tenant(customer, key))
    }

    fn unwrap<'a>(&'a self, customer: CustomerId, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<DataKey, KeyError>> {
        Box::pin(self.unwrap_tenant(customer, wrapped))
    }

    fn current_version(&self) -> BoxFuture<'_, Result<String, KeyError>> {
        Box::pin(async move { self.current().await.map_err(KeyError::Store) })
    }
}

impl fmt::Debug for VaultKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultKey")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}
