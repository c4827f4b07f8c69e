//! The sealed file store: secrets for development, encrypted at rest beside their own key.

mod guard;

use crate::envelope::encode_parts;
use crate::reference::check_name;
use crate::{DataKey, KeyError, Scheme, Secret, SecretError, SecretRef, SecretStore};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_core::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

const KEY_FILE: &str = "store.key";
const SECRETS_FILE: &str = "secrets.json";
const LOCK_FILE: &str = "store.lock";
const FORMAT: u32 = 1;

/// What is read from a file: wiped on drop, since it may hold a key.
type Bytes = Zeroizing<Vec<u8>>;

/// A directory that keeps secrets encrypted with AES-256-GCM, each bound to its name and version.
///
/// The key lies beside them, so this protects a copied `secrets.json`, a backup of it and a look over the shoulder,
/// but not against somebody who can read the directory: hence the access checks, and hence "for development".
#[derive(Clone)]
pub struct FileStore {
    dir: PathBuf,
    key: Arc<DataKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    entries: BTreeMap<String, Vec<Entry>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u64,
    sealed: String,
}

impl FileStore {
    /// Makes a store in `dir`, which is made (mode 0700) where it is missing.
    ///
    /// # Errors
    ///
    /// [`SecretError::Exists`] if one is there; [`SecretError::Exposed`], [`SecretError::Io`].
    pub fn create(dir: impl AsRef<Path>) -> Result<Self, SecretError> {
        let dir = dir.as_ref();
        guard::make_directory(dir)?;
        guard::check_directory(dir)?;
        let _lock = guard::lock(&dir.join(LOCK_FILE))?;
        if dir.join(KEY_FILE).exists() {
            return Err(SecretError::Exists { path: dir.to_owned() });
        }
        Self::refuse_orphans(dir)?;
        let key = DataKey::generate().map_err(seal)?;
        let store = Self {
            dir: dir.to_owned(),
            key: Arc::new(key),
        };
        store.write(&Document {
            format: FORMAT,
            entries: BTreeMap::new(),
        })?;
        // The key comes last: a store that was interrupted before this line has none and is simply made again.
        guard::replace(dir, KEY_FILE, store.key.bytes())?;
        Ok(store)
    }

    /// Opens the store in `dir`.
    ///
    /// # Errors
    ///
    /// [`SecretError::Exposed`] if anybody else may read or replace the directory or a file of it;
    /// [`SecretError::Corrupt`], [`SecretError::Io`].
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, SecretError> {
        let dir = dir.as_ref();
        guard::check_directory(dir)?;
        let path = dir.join(KEY_FILE);
        let bytes = guard::read(&path)?;
        let key = DataKey::from_bytes(&bytes).map_err(|_| SecretError::Corrupt { path })?;
        let store = Self {
            dir: dir.to_owned(),
            key: Arc::new(key),
        };
        store.read()?;
        Ok(store)
    }

    /// Opens the store in `dir`, or makes it where there is none.
    ///
    /// # Errors
    ///
    /// As [`FileStore::open`] and [`FileStore::create`].
    pub fn open_or_create(dir: impl AsRef<Path>) -> Result<Self, SecretError> {
        match Self::create(&dir) {
            Err(SecretError::Exists { .. }) => Self::open(dir),
            made => made,
        }
    }

    /// Stores `value` as the newest version of `name`, and returns that version. Older ones stay readable.
    ///
    /// # Errors
    ///
    /// [`SecretError::MalformedName`], [`SecretError::Exposed`], [`SecretError::Corrupt`], [`SecretError::Io`].
    pub fn put(&self, name: &str, value: &[u8]) -> Result<u64, SecretError> {
        check_name(name)?;
        // Read under the lock: of two writers, the second one sees what the first one stored.
        let _lock = guard::lock(&self.dir.join(LOCK_FILE))?;
        let mut document = self.read()?;
        let versions = document.entries.entry(name.to_owned()).or_default();
        let version = versions.last().map_or(1, |entry| entry.version.saturating_add(1));
        let sealed = self.key.seal_at(&place(name, version), value).map_err(seal)?;
        versions.push(Entry {
            version,
            sealed: BASE64.encode(sealed),
        });
        self.write(&document)?;
        Ok(version)
    }

    /// Reads the newest version of `name`, from the disk each time: a rotated secret needs no restart.
    ///
    /// # Errors
    ///
    /// [`SecretError::Missing`], [`SecretError::Exposed`], [`SecretError::Corrupt`], [`SecretError::Io`].
    pub fn fetch(&self, name: &str) -> Result<Secret, SecretError> {
        let document = self.read()?;
        let entry = document.entries.get(name).and_then(|versions| versions.last());
        self.unseal(name, entry)
    }

    /// Reads one version of `name`.
    ///
    /// # Errors
    ///
    /// As [`FileStore::fetch`].
    pub fn fetch_version(&self, name: &str, version: u64) -> Result<Secret, SecretError> {
        let document = self.read()?;
        let versions = document.entries.get(name);
        let entry = versions.and_then(|versions| versions.iter().find(|entry| entry.version == version));
        self.unseal(name, entry)
    }

    /// Erases every version of `name` that is older than `keep`, and answers which they were. What only they opened is lost.
    ///
    /// # Errors
    ///
    /// [`SecretError::Missing`] if there is no version `keep`; [`SecretError::Exposed`], [`SecretError::Corrupt`],
    /// [`SecretError::Io`].
    pub fn destroy_before(&self, name: &str, keep: u64) -> Result<Vec<u64>, SecretError> {
        check_name(name)?;
        let _lock = guard::lock(&self.dir.join(LOCK_FILE))?;
        let mut document = self.read()?;
        let versions = document.entries.get_mut(name);
        let versions = versions
            .filter(|versions| versions.iter().any(|entry| entry.version == keep))
            .ok_or_else(|| SecretError::Missing { name: name.to_owned() })?;
        let old = |entry: &Entry| entry.version < keep;
        let gone = versions
            .iter()
            .filter(|entry| old(entry))
            .map(|entry| entry.version)
            .collect();
        versions.retain(|entry| !old(entry));
        self.write(&document)?;
        Ok(gone)
    }

    /// The names that are stored, in order.
    ///
    /// # Errors
    ///
    /// [`SecretError::Exposed`], [`SecretError::Corrupt`], [`SecretError::Io`].
    pub fn names(&self) -> Result<Vec<String>, SecretError> {
        Ok(self.read()?.entries.into_keys().collect())
    }

    /// The reference to `name` in this store, for a configuration file.
    ///
    /// # Errors
    ///
    /// [`SecretError::MalformedReference`] if the store was opened by a relative path; [`SecretError::MalformedName`].
    pub fn reference(&self, name: &str) -> Result<SecretRef, SecretError> {
        SecretRef::sealed_file(&self.dir, name)
    }

    fn unseal(&self, name: &str, entry: Option<&Entry>) -> Result<Secret, SecretError> {
        let entry = entry.ok_or_else(|| SecretError::Missing { name: name.to_owned() })?;
        let corrupt = || SecretError::Corrupt {
            path: self.dir.join(SECRETS_FILE),
        };
        let sealed = BASE64.decode(&entry.sealed).map_err(|_| corrupt())?;
        let mut value = self
            .key
            .open_at(&place(name, entry.version), &sealed)
            .map_err(|_| corrupt())?;
        Ok(Secret::new(std::mem::take(&mut *value), entry.version.to_string()))
    }

    fn read(&self) -> Result<Document, SecretError> {
        guard::check_directory(&self.dir)?;
        let path = self.dir.join(SECRETS_FILE);
        let text = guard::read(&path)?;
        // A damaged file is an error, never an empty store: an empty one would be filled with new keys.
        match serde_json::from_slice::<Document>(&text) {
            Ok(document) if document.format == FORMAT => Ok(document),
            Ok(_) | Err(_) => Err(SecretError::Corrupt { path }),
        }
    }

    fn write(&self, document: &Document) -> Result<(), SecretError> {
        let path = self.dir.join(SECRETS_FILE);
        let text = serde_json::to_vec_pretty(document).map_err(|source| SecretError::Io {
            action: "encode",
            path,
            source: source.into(),
        })?;
        guard::replace(&self.dir, SECRETS_FILE, &text)
    }

    /// Secrets whose key is gone are not overwritten: the key may come back from a backup.
    fn refuse_orphans(dir: &Path) -> Result<(), SecretError> {
        let path = dir.join(SECRETS_FILE);
        if !path.exists() {
            return Ok(());
        }
        match serde_json::from_slice::<Document>(&guard::read(&path)?) {
            Ok(document) if document.entries.is_empty() => Ok(()),
            Ok(_) | Err(_) => Err(SecretError::Corrupt { path }),
        }
    }
}

impl SecretStore for FileStore {
    fn fetch<'a>(&'a self, name: &'a SecretRef) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move {
            if name.scheme() == Scheme::SealedFile && Path::new(name.store()) == self.dir {
                Self::fetch(self, name.name())
            } else {
                Err(SecretError::OtherStore)
            }
        })
    }

    fn fetch_version<'a>(
        &'a self,
        name: &'a SecretRef,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move {
            if name.scheme() == Scheme::SealedFile && Path::new(name.store()) == self.dir {
                Self::fetch_version(self, name.name(), number(name, version)?)
            } else {
                Err(SecretError::OtherStore)
            }
        })
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// The adapter for [`Scheme::SealedFile`]: opens the store that a reference names.
#[derive(Clone, Copy, Debug, Default)]
pub struct SealedFiles;

impl SecretStore for SealedFiles {
    fn fetch<'a>(&'a self, name: &'a SecretRef) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move {
            if name.scheme() == Scheme::SealedFile {
                FileStore::open(name.store())?.fetch(name.name())
            } else {
                Err(SecretError::OtherStore)
            }
        })
    }

    fn fetch_version<'a>(
        &'a self,
        name: &'a SecretRef,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move {
            if name.scheme() == Scheme::SealedFile {
                FileStore::open(name.store())?.fetch_version(name.name(), number(name, version)?)
            } else {
                Err(SecretError::OtherStore)
            }
        })
    }
}

/// Versions here are numbers; there is none of another name.
fn number(name: &SecretRef, version: &str) -> Result<u64, SecretError> {
    version.parse().map_err(|_| SecretError::Missing {
        name: name.name().to_owned(),
    })
}

/// An entry moved to another name or version does not open.
fn place(name: &str, version: u64) -> Vec<u8> {
    encode_parts(&[b"bearingwall/file-store/1", name.as_bytes(), &version.to_be_bytes()])
}

fn seal(error: KeyError) -> SecretError {
    SecretError::Seal(Box::new(error))
}
