//! Tenant keys under a key-encryption key in the sealed file store.

use bearingwall_core::{Classified as _, CustomerId};
use bearingwall_secrets::{
    Aad, CacheOptions, DataKey, FileKeyStore, FileStore, KeyError, KeyStore as _, SecretError, TenantKeyCache,
    WrappedKey,
};
use std::sync::Arc;
use uuid::Uuid;

fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(number))
}

fn place() -> Aad {
    Aad {
        table: "crm.keys",
        column: "wrapped",
        customer: customer(1),
        row: Uuid::from_u128(9),
    }
}

#[tokio::test]
async fn sec_2_a_tenant_key_unwraps_for_its_tenant_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::create(dir.path().join("vault")).unwrap();
    let keys = FileKeyStore::open_or_create(store.clone(), "kek/tenants").unwrap();
    let key = DataKey::generate().unwrap();
    let sealed = key.seal(&place(), b"text").unwrap();
    let wrapped = keys.wrap(customer(1), &key).await.unwrap();

    let unwrapped = keys.unwrap(customer(1), &wrapped).await.unwrap();
    assert_eq!(unwrapped.open(&place(), &sealed).unwrap().as_slice(), b"text");
    assert!(matches!(
        keys.unwrap(customer(2), &wrapped).await,
        Err(KeyError::Refused)
    ));

    // The same key material under another name is another key-encryption key.
    store
        .put("kek/copy", store.fetch("kek/tenants").unwrap().bytes())
        .unwrap();
    let copy = FileKeyStore::open(store, "kek/copy").unwrap();
    assert!(matches!(
        copy.unwrap(customer(1), &wrapped).await,
        Err(KeyError::Refused)
    ));
}

#[tokio::test]
async fn sec_2_any_changed_byte_or_version_of_a_wrapped_key_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keys = FileKeyStore::open_or_create(FileStore::create(dir.path().join("vault")).unwrap(), "kek").unwrap();
    let wrapped = keys.wrap(customer(1), &DataKey::generate().unwrap()).await.unwrap();
    for at in 0..wrapped.bytes.len() {
        let mut changed = wrapped.clone();
        changed.bytes[at] ^= 0x40;
        assert!(keys.unwrap(customer(1), &changed).await.is_err(), "byte {at}");
    }
    keys.rotate().unwrap();
    let renamed = WrappedKey {
        kek_version: "2".to_owned(),
        ..wrapped.clone()
    };
    assert!(matches!(
        keys.unwrap(customer(1), &renamed).await,
        Err(KeyError::Refused)
    ));
    let absent = WrappedKey {
        kek_version: "7".to_owned(),
        ..wrapped
    };
    let error = keys.unwrap(customer(1), &absent).await.unwrap_err();
    assert_eq!(error.code(), "SEC-025");
}

#[tokio::test]
async fn what_an_older_version_wrapped_stays_readable_after_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let keys = FileKeyStore::open_or_create(FileStore::create(dir.path().join("vault")).unwrap(), "kek").unwrap();
    let key = DataKey::generate().unwrap();
    let before = keys.wrap(customer(1), &key).await.unwrap();
    assert_eq!(keys.rotate().unwrap(), "2");
    let after = keys.wrap(customer(1), &key).await.unwrap();
    assert_eq!((before.kek_version.as_str(), after.kek_version.as_str()), ("1", "2"));
    assert!(keys.unwrap(customer(1), &before).await.is_ok());
    assert!(keys.unwrap(customer(1), &after).await.is_ok());
}

#[test]
fn a_missing_key_encryption_key_is_an_error_and_not_made_by_opening() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::create(dir.path().join("vault")).unwrap();
    assert!(matches!(
        FileKeyStore::open(store.clone(), "kek"),
        Err(KeyError::Store(SecretError::Missing { .. }))
    ));
    store.put("kek", b"too short").unwrap();
    assert!(matches!(
        FileKeyStore::open_or_create(store, "kek"),
        Err(KeyError::Length)
    ));
}

#[tokio::test]
async fn the_cache_hands_out_the_key_that_the_store_unwrapped() {
    let dir = tempfile::tempdir().unwrap();
    let keys = FileKeyStore::open_or_create(FileStore::create(dir.path().join("vault")).unwrap(), "kek").unwrap();
    let key = DataKey::generate().unwrap();
    let sealed = key.seal(&place(), b"text").unwrap();
    let wrapped = keys.wrap(customer(1), &key).await.unwrap();
    let cache = TenantKeyCache::new(CacheOptions::default());
    let cached = cache
        .tenant_key(customer(1), async || keys.unwrap(customer(1), &wrapped).await)
        .await
        .unwrap();
    assert_eq!(cached.open(&place(), &sealed).unwrap().as_slice(), b"text");
    let hit = cache
        .tenant_key(customer(1), async || Err(KeyError::Refused))
        .await
        .unwrap();
    assert!(Arc::ptr_eq(&cached, &hit), "a hit neither loads nor unwraps");
    // Another tenant's wrapped key, loaded by mistake, does not become this tenant's.
    let confused = cache
        .tenant_key(customer(2), async || keys.unwrap(customer(2), &wrapped).await)
        .await;
    assert!(matches!(confused, Err(KeyError::Refused)));
}

#[tokio::test]
async fn sec_5_old_versions_of_the_kek_are_destroyed_and_open_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let keys = FileKeyStore::open_or_create(FileStore::create(dir.path().join("vault")).unwrap(), "kek").unwrap();
    let wrapped = keys.wrap(customer(1), &DataKey::generate().unwrap()).await.unwrap();
    keys.rotate().unwrap();
    keys.rotate().unwrap();
    assert!(keys.unwrap(customer(1), &wrapped).await.is_ok());
    assert_eq!(keys.destroy_old().unwrap(), ["1", "2"]);
    assert_eq!(keys.current_version().await.unwrap(), "3");
    let gone = keys.unwrap(customer(1), &wrapped).await;
    assert!(matches!(gone, Err(KeyError::UnknownVersion { .. })), "{gone:?}");
    assert!(keys.wrap(customer(1), &DataKey::generate().unwrap()).await.is_ok());
}
