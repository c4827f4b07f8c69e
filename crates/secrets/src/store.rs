//! The port behind which every vault stands, and the registry that picks one by the reference's scheme.

use crate::{Scheme, SecretError, SecretRef};
use bearingwall_core::Sensitive;
use futures_core::future::BoxFuture;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A secret as a store gave it out: its bytes, overwritten on drop, and the version that was read.
#[derive(Clone, Debug)]
pub struct Secret {
    value: Sensitive<Vec<u8>>,
    version: String,
}

impl Secret {
    /// Takes charge of a secret's bytes.
    #[must_use]
    pub const fn new(value: Vec<u8>, version: String) -> Self {
        Self {
            value: Sensitive::new(value),
            version,
        }
    }

    /// The secret itself, for the one place that uses it.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the accessor through which a secret leaves this crate"
    )]
    pub fn bytes(&self) -> &[u8] {
        self.value.expose()
    }

    /// The secret as text.
    ///
    /// # Errors
    ///
    /// [`SecretError::NotText`] if it is not UTF-8.
    pub fn utf8(&self) -> Result<&str, SecretError> {
        std::str::from_utf8(self.bytes()).map_err(|_| SecretError::NotText)
    }

    /// Which version this is; it may be logged.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// A place that keeps secrets.
pub trait SecretStore: Send + Sync {
    /// Reads the current version of a secret.
    fn fetch<'a>(&'a self, name: &'a SecretRef) -> BoxFuture<'a, Result<Secret, SecretError>>;

    /// Reads the version that the store calls `version`: for whoever checks a signature that was made before a rotation.
    fn fetch_version<'a>(&'a self, name: &'a SecretRef, version: &'a str)
    -> BoxFuture<'a, Result<Secret, SecretError>>;
}

/// The stores that were compiled in and registered, by scheme.
#[derive(Clone, Default)]
pub struct SecretStores {
    stores: BTreeMap<Scheme, Arc<dyn SecretStore>>,
}

impl SecretStores {
    /// A registry without any store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same registry with `store` answering for `scheme`.
    #[must_use]
    pub fn with(mut self, scheme: Scheme, store: Arc<dyn SecretStore>) -> Self {
        self.stores.insert(scheme, store);
        self
    }

    /// Refuses a reference that nothing here could resolve; to be asked about every configured one at start.
    ///
    /// # Errors
    ///
    /// [`SecretError::NoAdapter`].
    pub fn check(&self, reference: &SecretRef) -> Result<(), SecretError> {
        self.store(reference).map(|_| ())
    }

    // CONTROL: SEC-1
    fn store(&self, reference: &SecretRef) -> Result<&Arc<dyn SecretStore>, SecretError> {
        let scheme = reference.scheme();
        self.stores.get(&scheme).ok_or(SecretError::NoAdapter { scheme })
    }
}

impl SecretStore for SecretStores {
    fn fetch<'a>(&'a self, name: &'a SecretRef) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move { self.store(name)?.fetch(name).await })
    }

    fn fetch_version<'a>(
        &'a self,
        name: &'a SecretRef,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move { self.store(name)?.fetch_version(name, version).await })
    }
}

impl fmt::Debug for SecretStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.stores.keys()).finish()
    }
}
