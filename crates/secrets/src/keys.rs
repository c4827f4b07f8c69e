//! Key-encryption keys: the port that a key service implements, and the one over the sealed file store.

use crate::envelope::encode_parts;
use crate::{DataKey, FileStore, KeyError, Scheme, SecretError, SecretRef};
use bearingwall_core::CustomerId;
use futures_core::future::BoxFuture;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A tenant's data key as it may be stored: encrypted under a key-encryption key, and which version of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// The version of the key-encryption key, in the words of the key store.
    pub kek_version: String,
    /// The encrypted key.
    pub bytes: Vec<u8>,
}

/// A service that wraps tenant keys under a key that never leaves it.
///
/// A wrapped key is bound to its tenant: it unwraps for no other.
pub trait KeyStore: Send + Sync {
    /// Wraps a tenant's data key under the current version of the key-encryption key.
    fn wrap<'a>(&'a self, customer: CustomerId, key: &'a DataKey) -> BoxFuture<'a, Result<WrappedKey, KeyError>>;

    /// Unwraps a tenant's data key under the version that it names.
    fn unwrap<'a>(&'a self, customer: CustomerId, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<DataKey, KeyError>>;

    /// The version under which [`KeyStore::wrap`] would wrap now: a key that names another is due to be wrapped anew.
    fn current_version(&self) -> BoxFuture<'_, Result<String, KeyError>>;
}

/// One kind of [`KeyStore`], which opens the key that a reference names.
pub trait KeyStoreAdapter: Send + Sync {
    /// The key behind a reference. Nothing need be connected yet.
    ///
    /// # Errors
    ///
    /// [`KeyError::Store`] if the reference cannot be one of this kind.
    fn open(&self, reference: &SecretRef) -> Result<Arc<dyn KeyStore>, KeyError>;
}

/// The kinds of key store that were compiled in and registered, by scheme. Cloning shares what is open.
#[derive(Clone, Default)]
pub struct KeyStores {
    adapters: BTreeMap<Scheme, Arc<dyn KeyStoreAdapter>>,
    open: Arc<Mutex<HashMap<SecretRef, Arc<dyn KeyStore>>>>,
}

impl KeyStores {
    /// A registry without any kind.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same registry with `adapter` answering for `scheme`.
    #[must_use]
    pub fn with(mut self, scheme: Scheme, adapter: Arc<dyn KeyStoreAdapter>) -> Self {
        self.adapters.insert(scheme, adapter);
        self
    }

    /// Refuses a reference that nothing here could resolve; to be asked about every configured one at start.
    ///
    /// # Errors
    ///
    /// [`KeyError::Store`] with [`SecretError::NoAdapter`].
    pub fn check(&self, reference: &SecretRef) -> Result<(), KeyError> {
        self.adapter(reference).map(|_| ())
    }

    // CONTROL: SEC-1
    fn adapter(&self, reference: &SecretRef) -> Result<&Arc<dyn KeyStoreAdapter>, KeyError> {
        let scheme = reference.scheme();
        self.adapters
            .get(&scheme)
            .ok_or(KeyError::Store(SecretError::NoAdapter { scheme }))
    }

    /// The key store that a reference names, opened once.
    ///
    /// # Errors
    ///
    /// [`KeyError::Store`] with [`SecretError::NoAdapter`] where nothing here could resolve it, and what the adapter says.
    pub fn open(&self, reference: &SecretRef) -> Result<Arc<dyn KeyStore>, KeyError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = open.get(reference) {
            return Ok(Arc::clone(store));
        }
        let store = self.adapter(reference)?.open(reference)?;
        open.insert(reference.clone(), Arc::clone(&store));
        Ok(store)
    }
}

impl fmt::Debug for KeyStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.adapters.keys()).finish()
    }
}

/// The adapter for [`Scheme::SealedFile`]: key-encryption keys in sealed file stores.
#[derive(Clone, Copy, Debug, Default)]
pub struct SealedFileKeys;

impl KeyStoreAdapter for SealedFileKeys {
    fn open(&self, reference: &SecretRef) -> Result<Arc<dyn KeyStore>, KeyError> {
        if reference.scheme() != Scheme::SealedFile {
            return Err(KeyError::Store(SecretError::OtherStore));
        }
        let store = FileStore::open(reference.store()).map_err(KeyError::Store)?;
        Ok(Arc::new(FileKeyStore::open(store, reference.name())?))
    }
}

/// A [`KeyStore`] whose key-encryption key is an entry of a [`FileStore`]: for development.
#[derive(Clone)]
pub struct FileKeyStore {
    store: FileStore,
    name: String,
}

impl FileKeyStore {
    /// Uses the key-encryption key `name`, which must be there.
    ///
    /// # Errors
    ///
    /// [`KeyError::Store`] if the store has none, [`KeyError::Length`] if the entry is no key.
    pub fn open(store: FileStore, name: &str) -> Result<Self, KeyError> {
        let keys = Self {
            store,
            name: name.to_owned(),
        };
        keys.current()?;
        Ok(keys)
    }

    /// Uses the key-encryption key `name`, and makes it where there is none.
    ///
    /// # Errors
    ///
    /// As [`FileKeyStore::open`], and [`KeyError::Random`].
    pub fn open_or_create(store: FileStore, name: &str) -> Result<Self, KeyError> {
        let keys = Self {
            store,
            name: name.to_owned(),
        };
        match keys.current() {
            Ok(_) => {}
            Err(KeyError::Store(SecretError::Missing { .. })) => {
                keys.rotate()?;
            }
            Err(error) => return Err(error),
        }
        Ok(keys)
    }

    /// Makes a new version of the key-encryption key. What older versions wrapped stays readable.
    ///
    /// # Errors
    ///
    /// [`KeyError::Random`], [`KeyError::Store`].
    pub fn rotate(&self) -> Result<String, KeyError> {
        let key = DataKey::generate()?;
        self.store
            .put(&self.name, key.bytes())
            .map(|version| version.to_string())
            .map_err(KeyError::Store)
    }

    /// Erases the versions of the key-encryption key before the current one. What is still wrapped under them is lost.
    ///
    /// # Errors
    ///
    /// [`KeyError::Store`].
    pub fn destroy_old(&self) -> Result<Vec<String>, KeyError> {
        let (current, _) = self.current()?;
        let keep = current
            .parse()
            .map_err(|_| KeyError::UnknownVersion { version: current })?;
        let gone = self.store.destroy_before(&self.name, keep).map_err(KeyError::Store)?;
        Ok(gone.iter().map(u64::to_string).collect())
    }

    fn current(&self) -> Result<(String, DataKey), KeyError> {
        let secret = self.store.fetch(&self.name).map_err(KeyError::Store)?;
        Ok((secret.version().to_owned(), DataKey::from_bytes(secret.bytes())?))
    }

    fn version(&self, version: &str) -> Result<DataKey, KeyError> {
        let unknown = || KeyError::UnknownVersion {
            version: version.to_owned(),
        };
        let number = version.parse().map_err(|_| unknown())?;
        match self.store.fetch_version(&self.name, number) {
            Ok(secret) => DataKey::from_bytes(secret.bytes()),
            Err(SecretError::Missing { .. }) => Err(unknown()),
            Err(error) => Err(KeyError::Store(error)),
        }
    }

    // CONTROL: SEC-2
    fn place(&self, customer: CustomerId, version: &str) -> Vec<u8> {
        let customer = customer.as_uuid();
        encode_parts(&[
            b"bearingwall/tenant-key/1",
            self.name.as_bytes(),
            version.as_bytes(),
            customer.as_bytes(),
        ])
    }
}

impl KeyStore for FileKeyStore {
    fn wrap<'a>(&'a self, customer: CustomerId, key: &'a DataKey) -> BoxFuture<'a, Result<WrappedKey, KeyError>> {
        Box::pin(async move {
            let (kek_version, kek) = self.current()?;
            let bytes = kek.seal_at(&self.place(customer, &kek_version), key.bytes())?;
            Ok(WrappedKey { kek_version, bytes })
        })
    }

    fn unwrap<'a>(&'a self, customer: CustomerId, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<DataKey, KeyError>> {
        Box::pin(async move {
            let kek = self.version(&wrapped.kek_version)?;
            DataKey::from_bytes(&kek.open_at(&self.place(customer, &wrapped.kek_version), &wrapped.bytes)?)
        })
    }

    fn current_version(&self) -> BoxFuture<'_, Result<String, KeyError>> {
        Box::pin(async move { self.current().map(|(version, _)| version) })
    }
}

impl fmt::Debug for FileKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileKeyStore")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
