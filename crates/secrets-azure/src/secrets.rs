//! Secrets in Azure Key Vault: `azure-kv://vault/name`.

use crate::Azure;
use bearingwall_secrets::{Scheme, Secret, SecretError, SecretRef, SecretStore};
use futures_core::future::BoxFuture;
use serde::Deserialize;
use zeroize::Zeroize;

/// The adapter for secrets of [`Scheme::AzureKeyVault`]. It reads; nothing here can write a secret or remove one.
#[derive(Clone, Debug)]
pub struct VaultSecrets {
    azure: Azure,
}

#[derive(Deserialize)]
struct Bundle {
    value: String,
    id: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
struct Attributes {
    enabled: bool,
}

impl Drop for Bundle {
    fn drop(&mut self) {
        self.value.zeroize();
    }
}

impl VaultSecrets {
    /// Secrets of these vaults.
    #[must_use]
    pub const fn new(azure: Azure) -> Self {
        Self { azure }
    }

    async fn read(&self, reference: &SecretRef, version: &str) -> Result<Secret, SecretError> {
        if reference.scheme() != Scheme::AzureKeyVault {
            return Err(SecretError::OtherStore);
        }
        let name = named(reference.name())?;
        named_or_empty(version)?;
        let vault = self.azure.vault(reference.store())?;
        let mut bundle: Bundle = vault.get(&format!("secrets/{name}/{version}"), name).await?;
        if !bundle.attributes.enabled {
            return Err(SecretError::Disabled { name: name.to_owned() });
        }
        let found = last_segment(&bundle.id)?.to_owned();
        Ok(Secret::new(std::mem::take(&mut bundle.value).into_bytes(), found))
    }
}

impl SecretStore for VaultSecrets {
    fn fetch<'a>(&'a self, name: &'a SecretRef) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(self.read(name, ""))
    }

    fn fetch_version<'a>(
        &'a self,
        name: &'a SecretRef,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(self.read(name, version))
    }
}

/// Names and versions of a vault are letters, digits and hyphens: nothing leads to another path.
pub(crate) fn named(text: &str) -> Result<&str, SecretError> {
    if text.is_empty() {
        return Err(SecretError::MalformedName);
    }
    named_or_empty(text)
}

fn named_or_empty(text: &str) -> Result<&str, SecretError> {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        Ok(text)
    } else {
        Err(SecretError::MalformedName)
    }
}

/// Of `https://vault/secrets/name/version`, the version.
pub(crate) fn last_segment(id: &str) -> Result<&str, SecretError> {
    id.rsplit_once('/')
        .map(|(_, version)| version)
        .filter(|version| named(version).is_ok())
        .ok_or_else(|| SecretError::Answer("it names no version".into()))
}
