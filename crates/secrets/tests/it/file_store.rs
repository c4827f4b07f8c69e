//! The sealed file store: what it refuses, what survives, and that a reference is all a configuration needs.

use bearingwall_core::Classified as _;
use bearingwall_secrets::{FileStore, Scheme, SealedFiles, SecretError, SecretRef, SecretStore as _, SecretStores};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn assert_exposed<T: std::fmt::Debug>(result: Result<T, SecretError>, file: &str) {
    match result {
        Err(error @ SecretError::Exposed { .. }) => {
            assert_eq!(error.code(), "SEC-005");
            assert!(error.to_string().contains(file), "{error}");
        }
        other => panic!("expected a refusal that names {file}, got {other:?}"),
    }
}

#[test]
fn values_come_back_with_a_counted_version() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::create(dir.path().join("vault")).unwrap();
    assert_eq!(store.put("db/app", b"first").unwrap(), 1);
    assert_eq!(store.put("db/app", &[0xff, 0x00]).unwrap(), 2);
    assert_eq!(store.put("other", b"x").unwrap(), 1);

    let reopened = FileStore::open(dir.path().join("vault")).unwrap();
    let secret = reopened.fetch("db/app").unwrap();
    assert_eq!((secret.bytes(), secret.version()), (&[0xff_u8, 0x00][..], "2"));
    assert!(matches!(secret.utf8(), Err(SecretError::NotText)));
    assert_eq!(reopened.fetch_version("db/app", 1).unwrap().utf8().unwrap(), "first");
    assert_eq!(reopened.names().unwrap(), ["db/app", "other"]);
    assert!(matches!(reopened.fetch("absent"), Err(SecretError::Missing { .. })));
    assert!(matches!(
        reopened.put("with space", b"x"),
        Err(SecretError::MalformedName)
    ));
}

#[test]
fn a_rotated_value_is_seen_by_a_store_that_is_already_open() {
    let dir = tempfile::tempdir().unwrap();
    let writer = FileStore::create(dir.path().join("vault")).unwrap();
    writer.put("token", b"old").unwrap();
    let reader = FileStore::open(dir.path().join("vault")).unwrap();
    assert_eq!(reader.fetch("token").unwrap().bytes(), b"old");
    writer.put("token", b"new").unwrap();
    assert_eq!(reader.fetch("token").unwrap().bytes(), b"new");
}

#[test]
fn sec_1_files_of_the_store_are_private_and_hold_no_plain_text() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    FileStore::create(&vault)
        .unwrap()
        .put("db", b"hunter2-hunter2")
        .unwrap();
    assert_eq!(mode(&vault), 0o700);
    for entry in fs::read_dir(&vault).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "{path:?}");
    }
}

#[test]
fn sec_1_a_store_that_others_can_reach_is_refused_by_name() {
    for file in ["secrets.json", "store.key", ""] {
        for mode in [0o640, 0o604, 0o660] {
            let dir = tempfile::tempdir().unwrap();
            let vault = dir.path().join("vault");
            let store = FileStore::create(&vault).unwrap();
            store.put("db", b"value").unwrap();
            let loosened = if file.is_empty() { 0o100 | mode } else { mode };
            fs::set_permissions(vault.join(file), Permissions::from_mode(loosened)).unwrap();
            let name = if file.is_empty() { "vault" } else { file };
            assert_exposed(FileStore::open(&vault), name);
            if file != "store.key" {
                assert_exposed(store.fetch("db"), name);
                assert_exposed(store.put("db", b"more"), name);
            }
        }
    }
}

#[test]
fn sec_1_a_store_of_another_user_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    FileStore::create(&vault).unwrap();
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&vault, Some(65_534), None).unwrap();
        assert_exposed(FileStore::open(&vault), "vault");
        std::os::unix::fs::chown(&vault, Some(0), None).unwrap();
        std::os::unix::fs::chown(vault.join("secrets.json"), Some(65_534), None).unwrap();
        assert_exposed(FileStore::open(&vault), "secrets.json");
    } else {
        assert_exposed(FileStore::open("/usr"), "/usr");
    }
}

#[test]
fn sec_1_symbolic_links_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    FileStore::create(&vault).unwrap();
    std::os::unix::fs::symlink(&vault, dir.path().join("link")).unwrap();
    assert_exposed(FileStore::open(dir.path().join("link")), "link");

    fs::rename(vault.join("secrets.json"), dir.path().join("moved.json")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("moved.json"), vault.join("secrets.json")).unwrap();
    assert!(FileStore::open(&vault).is_err());
}

#[test]
fn sec_2_an_entry_under_another_name_or_version_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    let store = FileStore::create(&vault).unwrap();
    store.put("db/app", b"weak").unwrap();
    store.put("db/app", b"strong").unwrap();
    store.put("db/xyz", b"other").unwrap();
    let path = vault.join("secrets.json");
    let text = fs::read_to_string(&path).unwrap();

    fs::write(
        &path,
        text.replace("db/app", "db/tmp")
            .replace("db/xyz", "db/app")
            .replace("db/tmp", "db/xyz"),
    )
    .unwrap();
    assert!(matches!(store.fetch("db/app"), Err(SecretError::Corrupt { .. })));
    let renumbered = text
        .replace("\"version\": 2", "\"version\": 3")
        .replacen("\"version\": 1", "\"version\": 2", 1);
    fs::write(&path, renumbered).unwrap();
    assert!(matches!(
        store.fetch_version("db/app", 2),
        Err(SecretError::Corrupt { .. })
    ));
    fs::write(&path, text).unwrap();
    assert_eq!(store.fetch("db/app").unwrap().bytes(), b"strong");
}

#[test]
fn the_store_survives_a_write_that_was_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    let store = FileStore::create(&vault).unwrap();
    store.put("db", b"kept").unwrap();
    // What a crash before the rename leaves: half of a new file beside the old one.
    let text = fs::read(vault.join("secrets.json")).unwrap();
    fs::write(vault.join("secrets.json.new"), &text[..text.len() / 2]).unwrap();

    let reopened = FileStore::open(&vault).unwrap();
    assert_eq!(reopened.fetch("db").unwrap().bytes(), b"kept");
    assert_eq!(reopened.put("db", b"next").unwrap(), 2);
    assert_eq!(reopened.fetch("db").unwrap().bytes(), b"next");
    assert!(!vault.join("secrets.json.new").exists());
}

#[test]
fn a_damaged_file_is_an_error_and_never_an_empty_store() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    let store = FileStore::create(&vault).unwrap();
    store.put("db", b"value").unwrap();
    let text = fs::read(vault.join("secrets.json")).unwrap();
    for damaged in [&text[..text.len() / 2], b"", b"{}"] {
        fs::write(vault.join("secrets.json"), damaged).unwrap();
        assert!(matches!(FileStore::open(&vault), Err(SecretError::Corrupt { .. })));
        assert!(matches!(store.fetch("db"), Err(SecretError::Corrupt { .. })));
        assert!(matches!(store.put("db", b"more"), Err(SecretError::Corrupt { .. })));
    }
    fs::remove_file(vault.join("secrets.json")).unwrap();
    assert!(matches!(store.fetch("db"), Err(SecretError::Io { .. })));
}

#[test]
fn making_a_store_twice_is_refused_and_an_interrupted_making_is_finished() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    FileStore::create(&vault).unwrap();
    assert!(matches!(FileStore::create(&vault), Err(SecretError::Exists { .. })));
    FileStore::open_or_create(&vault).unwrap().put("db", b"value").unwrap();
    assert_eq!(
        FileStore::open_or_create(&vault).unwrap().fetch("db").unwrap().bytes(),
        b"value"
    );

    let cut_off = dir.path().join("cut-off");
    FileStore::create(&cut_off).unwrap();
    fs::remove_file(cut_off.join("store.key")).unwrap();
    assert!(FileStore::open(&cut_off).is_err());
    FileStore::open_or_create(&cut_off)
        .unwrap()
        .put("db", b"value")
        .unwrap();

    // Without its key the same directory now holds something worth keeping.
    fs::remove_file(cut_off.join("store.key")).unwrap();
    assert!(matches!(
        FileStore::open_or_create(&cut_off),
        Err(SecretError::Corrupt { .. })
    ));
}

#[test]
fn two_writers_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    FileStore::create(&vault).unwrap();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = FileStore::open(&vault).unwrap();
            std::thread::spawn(move || {
                for number in 0..10 {
                    store.put(&format!("writer-{writer}/{number}"), b"value").unwrap();
                    store.put("shared", b"value").unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let store = FileStore::open(&vault).unwrap();
    assert_eq!(store.names().unwrap().len(), 41);
    assert_eq!(store.fetch("shared").unwrap().version(), "40");
}

#[tokio::test]
async fn a_reference_is_resolved_by_the_store_of_its_scheme() {
    let dir = tempfile::tempdir().unwrap();
    let vault = dir.path().join("vault");
    let store = FileStore::create(&vault).unwrap();
    store.put("db/app", b"hunter2").unwrap();
    let reference = store.reference("db/app").unwrap();
    assert_eq!(
        reference.to_string(),
        format!("file+sealed://{}#db/app", vault.display())
    );

    let stores = SecretStores::new().with(Scheme::SealedFile, Arc::new(SealedFiles));
    stores.check(&reference).unwrap();
    assert_eq!(stores.fetch(&reference).await.unwrap().utf8().unwrap(), "hunter2");

    let port: &dyn bearingwall_secrets::SecretStore = &store;
    assert_eq!(port.fetch(&reference).await.unwrap().bytes(), b"hunter2");
    let elsewhere = SecretRef::sealed_file(dir.path(), "db/app").unwrap();
    assert!(matches!(port.fetch(&elsewhere).await, Err(SecretError::OtherStore)));
}

#[tokio::test]
async fn sec_1_a_scheme_without_a_compiled_in_adapter_is_refused() {
    let stores = SecretStores::new().with(Scheme::SealedFile, Arc::new(SealedFiles));
    let reference: SecretRef = "azure-kv://spa-prod/db-app".parse().unwrap();
    let error = stores.check(&reference).unwrap_err();
    assert_eq!(error.code(), "SEC-002");
    assert_eq!(
        error.to_string(),
        "no adapter for `azure-kv` references is compiled in and set up"
    );
    assert!(matches!(
        stores.fetch(&reference).await,
        Err(SecretError::NoAdapter { .. })
    ));
}
