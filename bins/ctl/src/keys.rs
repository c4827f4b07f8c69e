//! `keys`: the key that signs entries, and the key under which tenants' keys are wrapped.

pub(crate) mod turn;

use crate::arguments::{AdminArguments, StoreLocation};
use crate::outcome::Outcome;
use crate::{output, vault};
use anyhow::Context as _;
use bearingwall_core::Sensitive;
use bearingwall_migrations::install_enter_key;
use bearingwall_secrets::{FileKeyStore, FileStore, SecretError};

/// The store's entry for the key-encryption key.
pub const KEK_NAME: &str = "kek";

/// The store's entry for the enter key of this id.
#[must_use]
pub fn enter_key_name(kid: i16) -> String {
    format!("enter-key-{kid}")
}

/// The enter key of this id, which is made where the store has none.
///
/// # Errors
/// When the store cannot be used, or the system has no random numbers.
pub fn ensure_enter_key(store: &FileStore, kid: i16) -> anyhow::Result<Sensitive<Vec<u8>>> {
    let _lock = vault::lock(store)?;
    let name = enter_key_name(kid);
    match store.fetch(&name) {
        Ok(secret) => Ok(Sensitive::new(secret.bytes().to_vec())),
        Err(SecretError::Missing { .. }) => {
            let bytes = vault::random_bytes::<32>()?;
            store.put(&name, bytes.as_slice())?;
            Ok(Sensitive::new(bytes.to_vec()))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn install(admin: &AdminArguments, kid: i16) -> anyhow::Result<Outcome> {
    let store = admin
        .store()?
        .context("`--secrets` is needed: the enter key is kept there for the server")?;
    let key = ensure_enter_key(&store, kid)?;
    let mut client = admin.login().await?.dial().await?;
    install_enter_key(&mut client, kid, &key).await?;
    output::line(&format!(
        "installed the enter key {kid}: {}",
        store.reference(&enter_key_name(kid))?
    ))?;
    Ok(Outcome::Done)
}

pub(crate) fn rotate_kek(secrets: &StoreLocation) -> anyhow::Result<Outcome> {
    let store = FileStore::open(&secrets.0).context("the secret store")?;
    let version = FileKeyStore::open(store.clone(), KEK_NAME)?.rotate()?;
    output::line(&format!("{} is at version {version}", store.reference(KEK_NAME)?))?;
    Ok(Outcome::Done)
}

pub(crate) fn create_kek(secrets: &StoreLocation) -> anyhow::Result<Outcome> {
    let store = FileStore::open_or_create(&secrets.0).context("the secret store")?;
    FileKeyStore::open_or_create(store.clone(), KEK_NAME)?;
    output::line(&format!(
        "the key-encryption key is there: {}",
        store.reference(KEK_NAME)?
    ))?;
    Ok(Outcome::Done)
}
