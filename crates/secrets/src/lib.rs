#![doc = include_str!("../README.md")]

mod cache;
mod caching;
pub mod document;
mod envelope;
mod error;
mod file;
mod keys;
mod reads;
mod reference;
pub mod scan;
mod store;

pub use cache::{CacheOptions, TenantKeyCache};
pub use caching::{CachingOptions, CachingStore};
pub use envelope::{Aad, DataKey, IndexKey, KEY_BYTES, SEALED_OVERHEAD_BYTES};
pub use error::{BoxError, KeyError, SecretError};
pub use file::{FileStore, SealedFiles};
pub use keys::{FileKeyStore, KeyStore, KeyStoreAdapter, KeyStores, SealedFileKeys, WrappedKey};
pub use reference::{Scheme, SecretRef};
pub use store::{Secret, SecretStore, SecretStores};
