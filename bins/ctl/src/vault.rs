//! The installation's own secret store: passwords of the login roles, made where they are missing.

use anyhow::Context as _;
use bearingwall_core::Sensitive;
use bearingwall_migrations::RolePasswords;
use bearingwall_secrets::{FileStore, Scheme, SealedFiles, SecretError, SecretRef, SecretStore as _, SecretStores};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The entries that hold the passwords of the login roles.
const PASSWORDS: [&str; 6] = ["admin", "app", "sealer", "worker", "auditor", "backup"];

const LOCK_FILE: &str = "ctl.lock";

/// The role whose password is the entry `name`.
#[must_use]
pub fn role_of(name: &str) -> String {
    format!("bearingwall_{name}")
}

/// The passwords of all login roles; those that the store does not have are made and kept there.
///
/// # Errors
/// When the store cannot be read or written, or the system has no random numbers.
pub fn ensure_passwords(store: &FileStore) -> anyhow::Result<RolePasswords> {
    let _lock = lock(store)?;
    let mut passwords = Vec::with_capacity(PASSWORDS.len());
    for name in PASSWORDS {
        passwords.push(ensure_password(store, name).with_context(|| format!("the password `{name}`"))?);
    }
    let mut passwords = passwords.into_iter();
    Ok(RolePasswords {
        admin: passwords.next(),
        app: passwords.next(),
        sealer: passwords.next(),
        worker: passwords.next(),
        auditor: passwords.next(),
        backup: passwords.next(),
    })
}

/// A secret as text, from whichever store the reference names.
///
/// # Errors
/// When no such store is compiled in, or it has no such secret.
pub async fn secret_of(reference: &SecretRef) -> anyhow::Result<Sensitive<String>> {
    let stores = SecretStores::new().with(Scheme::SealedFile, Arc::new(SealedFiles));
    let secret = stores
        .fetch(reference)
        .await
        .with_context(|| format!("the secret `{reference}`"))?;
    Ok(Sensitive::new(secret.utf8()?.to_owned()))
}

/// An entry of the store as text, or `None` where it has none.
pub(crate) fn entry(store: &FileStore, name: &str) -> anyhow::Result<Option<Sensitive<String>>> {
    match store.fetch(name) {
        Ok(secret) => Ok(Some(Sensitive::new(secret.utf8()?.to_owned()))),
        Err(SecretError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Held while something is looked for and made where it is missing: of two calls at the same time, the second one must
/// find what the first one made, or the database would hold another secret than the store.
pub(crate) fn lock(store: &FileStore) -> anyhow::Result<File> {
    let place = store.reference(LOCK_FILE)?;
    let path = Path::new(place.store()).join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let locked = options.open(&path).and_then(|file| file.lock().map(|()| file));
    locked.with_context(|| format!("locking `{}`", path.display()))
}

/// Random bytes, wiped when dropped.
pub(crate) fn random_bytes<const N: usize>() -> anyhow::Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).context("the system's random source failed")?;
    Ok(bytes)
}

fn ensure_password(store: &FileStore, name: &str) -> anyhow::Result<Sensitive<String>> {
    if let Some(known) = entry(store, name)? {
        return Ok(known);
    }
    use std::fmt::Write as _;
    // 256 bits, in an alphabet that no configuration file or connection string has to escape.
    let bytes = random_bytes::<32>()?;
    let mut password = String::with_capacity(64);
    for byte in bytes.iter() {
        write!(password, "{byte:02x}")?;
    }
    store.put(name, password.as_bytes())?;
    Ok(Sensitive::new(password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test compares the secrets themselves")]
    fn simultaneous_calls_make_one_secret() {
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::create(directory.path().join("secrets")).unwrap();
        let keys: Vec<Vec<u8>> = std::thread::scope(|scope| {
            let make = || crate::ensure_enter_key(&store, 1).unwrap().expose().clone();
            let calls: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
        assert_eq!(store.fetch("enter-key-1").unwrap().version(), "1");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test compares the secrets themselves")]
    fn passwords_are_made_once_and_differ() {
        let directory = tempfile::tempdir().unwrap();
        let store = FileStore::create(directory.path().join("secrets")).unwrap();
        let first = ensure_passwords(&store).unwrap();
        let second = ensure_passwords(&store).unwrap();
        let text = |password: &Option<Sensitive<String>>| password.as_ref().unwrap().expose().clone();
        assert_eq!(text(&first.admin), text(&second.admin));
        assert_ne!(text(&first.admin), text(&first.app));
        assert_eq!(text(&first.backup).len(), 64);
        assert_eq!(store.names().unwrap().len(), PASSWORDS.len());
    }
}
