//! What every secret store and every key store must do: one set of claims, held against each of them.

use bearingwall_core::CustomerId;
use bearingwall_secrets::{
    DataKey, FileKeyStore, FileStore, KeyError, KeyStore, SecretError, SecretRef, SecretStore, WrappedKey,
};
use uuid::Uuid;

/// How a test puts a new version of the secret or of the key into a store from outside.
pub(crate) type Rotate<'a> = &'a mut dyn AsyncRotate;

/// A rotation that happens in the store, not through us.
pub(crate) trait AsyncRotate {
    fn rotate<'a>(&'a mut self, value: &'a str) -> futures_util::future::LocalBoxFuture<'a, ()>;
}

fn customer(number: u128) -> CustomerId {
    CustomerId::from_uuid(Uuid::from_u128(number))
}

/// `name` holds `first`.
pub(crate) async fn keeps_secrets(store: &dyn SecretStore, name: &SecretRef, rotate: Rotate<'_>) {
    let before = store.fetch(name).await.unwrap();
    assert_eq!(before.utf8().unwrap(), "first");
    rotate.rotate("second").await;
    let after = store.fetch(name).await.unwrap();
    assert_eq!(after.utf8().unwrap(), "second");
    assert_ne!(before.version(), after.version());
    for (version, value) in [(before.version(), "first"), (after.version(), "second")] {
        let secret = store.fetch_version(name, version).await.unwrap();
        assert_eq!((secret.utf8().unwrap(), secret.version()), (value, version));
    }
    let missing: SecretRef = format!("{name}-missing").parse().unwrap();
    let refused = store.fetch(&missing).await;
    assert!(matches!(refused, Err(SecretError::Missing { .. })), "{refused:?}");
    let other: SecretRef = "aws-kms://us-east-1/x".parse().unwrap();
    assert!(matches!(store.fetch(&other).await, Err(SecretError::OtherStore)));
    assert!(!format!("{after:?}").contains("second"));
}

pub(crate) async fn keeps_keys(store: &dyn KeyStore) -> (DataKey, WrappedKey) {
    let key = DataKey::generate().unwrap();
    let wrapped = store.wrap(customer(1), &key).await.unwrap();
    assert_eq!(wrapped.kek_version, store.current_version().await.unwrap());
    assert!(!contains(&wrapped.bytes, key.bytes()), "the key is not in its wrapping");
    let opened = store.unwrap(customer(1), &wrapped).await.unwrap();
    assert_eq!(opened.bytes(), key.bytes());
    // Bound to its tenant.
    let refused = store.unwrap(customer(2), &wrapped).await;
    assert!(matches!(refused, Err(KeyError::Refused)), "{refused:?}");
    // And unchanged.
    let mut bent = wrapped.clone();
    *bent.bytes.last_mut().unwrap() ^= 1;
    let refused = store.unwrap(customer(1), &bent).await;
    assert!(matches!(refused, Err(KeyError::Refused)), "{refused:?}");
    // The same key is never wrapped alike.
    assert_ne!(store.wrap(customer(1), &key).await.unwrap().bytes, wrapped.bytes);
    (key, wrapped)
}

/// After the key-encryption key has a new version: what the old one wrapped opens, and what is wrapped now names the new.
pub(crate) async fn survives_rotation(store: &dyn KeyStore, key: &DataKey, wrapped: &WrappedKey) {
    assert_ne!(store.current_version().await.unwrap(), wrapped.kek_version);
    let opened = store.unwrap(customer(1), wrapped).await.unwrap();
    assert_eq!(opened.bytes(), key.bytes());
    let again = store.wrap(customer(1), key).await.unwrap();
    assert_ne!(again.kek_version, wrapped.kek_version);
    assert_eq!(store.unwrap(customer(1), &again).await.unwrap().bytes(), key.bytes());
    // A wrapping that is put under another version's name does not open.
    let renamed = WrappedKey {
        kek_version: again.kek_version.clone(),
        bytes: wrapped.bytes.clone(),
    };
    let refused = store.unwrap(customer(1), &renamed).await;
    assert!(matches!(refused, Err(KeyError::Refused)), "{refused:?}");
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

struct File(FileStore);

impl AsyncRotate for File {
    fn rotate<'a>(&'a mut self, value: &'a str) -> futures_util::future::LocalBoxFuture<'a, ()> {
        Box::pin(async move {
            self.0.put("db/app", value.as_bytes()).unwrap();
        })
    }
}

#[tokio::test]
async fn sec_1_the_file_store_keeps_what_every_store_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::create(folder.path().join("secrets")).unwrap();
    store.put("db/app", b"first").unwrap();
    let name = store.reference("db/app").unwrap();
    keeps_secrets(&store, &name, &mut File(store.clone())).await;
}

#[tokio::test]
async fn sec_2_the_file_key_store_keeps_what_every_key_store_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::create(folder.path().join("secrets")).unwrap();
    let keys = FileKeyStore::open_or_create(store, "kek").unwrap();
    let (key, wrapped) = keeps_keys(&keys).await;
    keys.rotate().unwrap();
    survives_rotation(&keys, &key, &wrapped).await;
    assert_eq!(keys.destroy_old().unwrap(), ["1"]);
    let gone = keys.unwrap(customer(1), &wrapped).await;
    assert!(matches!(gone, Err(KeyError::UnknownVersion { .. })), "{gone:?}");
}
