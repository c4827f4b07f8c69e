//! The store in front of the vaults, on a clock that the test moves.

use bearingwall_core::{EventSink, Outcome, SecurityEvent};
use bearingwall_secrets::{
    CachingOptions, CachingStore, FileStore, SealedFiles, Secret, SecretError, SecretRef, SecretStore,
};
use futures_core::future::BoxFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The real file store, which can be away or refuse, takes its time, and counts who asks.
struct Vault {
    files: SealedFiles,
    asked: AtomicU64,
    state: Mutex<&'static str>,
}

impl Vault {
    fn is(&self, state: &'static str) {
        *self.state.lock().unwrap() = state;
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl SecretStore for Vault {
    fn fetch<'a>(&'a self, name: &'a SecretRef) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            let state = *self.state.lock().unwrap();
            match state {
                "away" => Err(SecretError::Unreachable("no route".into())),
                "refuses" => Err(SecretError::Refused("who is that".into())),
                _ => self.files.fetch(name).await,
            }
        })
    }

    fn fetch_version<'a>(
        &'a self,
        name: &'a SecretRef,
        version: &'a str,
    ) -> BoxFuture<'a, Result<Secret, SecretError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.files.fetch_version(name, version)
    }
}

#[derive(Default)]
struct Record(Mutex<Vec<SecurityEvent>>);

impl EventSink for Record {
    fn report(&self, event: SecurityEvent) {
        self.0.lock().unwrap().push(event);
    }
}

impl Record {
    fn lines(&self) -> Vec<(&'static str, Outcome, &'static str, Option<String>)> {
        let events = self.0.lock().unwrap();
        events
            .iter()
            .map(|event| {
                let secret = event.secret.as_ref().unwrap();
                assert!(secret.reference.starts_with("file+sealed://"));
                (event.event_type, event.outcome, event.reason, secret.version.clone())
            })
            .collect()
    }
}

struct Setup {
    _folder: tempfile::TempDir,
    files: FileStore,
    vault: Arc<Vault>,
    store: CachingStore,
    name: SecretRef,
}

fn setup() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let files = FileStore::create(folder.path().join("secrets")).unwrap();
    files.put("db", b"first").unwrap();
    let name = files.reference("db").unwrap();
    let vault = Arc::new(Vault {
        files: SealedFiles,
        asked: AtomicU64::new(0),
        state: Mutex::new("there"),
    });
    let store = CachingStore::new(Arc::clone(&vault) as Arc<dyn SecretStore>, CachingOptions::default());
    Setup {
        _folder: folder,
        files,
        vault,
        store,
        name,
    }
}

async fn read(setup: &Setup) -> Result<String, SecretError> {
    let secret = setup.store.fetch(&setup.name).await?;
    Ok(secret.utf8().unwrap().to_owned())
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn sec_4_of_many_who_ask_at_once_one_asks_the_vault() {
    let setup = setup();
    let asking = (0..50).map(|_| {
        let (store, name) = (setup.store.clone(), setup.name.clone());
        tokio::spawn(async move { store.fetch(&name).await.unwrap().version().to_owned() })
    });
    for answer in asking.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), "1");
    }
    assert_eq!(setup.vault.asked(), 1);
    tokio::time::advance(seconds(200)).await;
    assert_eq!(read(&setup).await.unwrap(), "first");
    assert_eq!(setup.vault.asked(), 1, "memory answers");
}

#[tokio::test(start_paused = true)]
async fn sec_4_of_many_who_ask_in_an_outage_one_asks_the_vault() {
    let setup = setup();
    setup.vault.is("away");
    let asking = (0..50).map(|_| {
        let (store, name) = (setup.store.clone(), setup.name.clone());
        tokio::spawn(async move { store.fetch(&name).await.unwrap_err().is_outage() })
    });
    for away in asking.collect::<Vec<_>>() {
        assert!(away.await.unwrap());
    }
    assert_eq!(setup.vault.asked(), 1);
    setup.vault.is("there");
    tokio::time::advance(seconds(1)).await;
    assert_eq!(read(&setup).await.unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn sec_4_a_rotated_secret_comes_without_a_restart_and_nobody_waits_for_it() {
    let setup = setup();
    read(&setup).await.unwrap();
    setup.files.put("db", b"second").unwrap();
    // In the last minute before the end the old one is served at once, and the new one fetched beside.
    tokio::time::advance(seconds(245)).await;
    let began = tokio::time::Instant::now();
    assert_eq!(read(&setup).await.unwrap(), "first");
    assert_eq!(began.elapsed(), Duration::ZERO);
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(read(&setup).await.unwrap(), "second");
    assert_eq!(setup.vault.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn sec_4_a_secret_is_not_used_beyond_its_time() {
    let setup = setup();
    read(&setup).await.unwrap();
    setup.files.put("db", b"second").unwrap();
    tokio::time::advance(seconds(300)).await;
    assert_eq!(read(&setup).await.unwrap(), "second");
}

#[tokio::test(start_paused = true)]
async fn sec_4_an_outage_is_survived_for_a_bounded_time_and_then_nothing_is_served() {
    let setup = setup();
    let record = Arc::new(Record::default());
    setup.store.report_to(Arc::clone(&record) as Arc<dyn EventSink>);
    read(&setup).await.unwrap();
    setup.vault.is("away");
    for _ in 0..3 {
        tokio::time::advance(seconds(300)).await;
        assert_eq!(read(&setup).await.unwrap(), "first");
    }
    tokio::time::advance(seconds(301)).await;
    let refused = read(&setup).await.unwrap_err();
    assert!(refused.is_outage(), "{refused:?}");
    setup.vault.is("there");
    tokio::time::advance(seconds(1)).await;
    assert_eq!(read(&setup).await.unwrap(), "first");
    let away = ("secret.read", Outcome::Failure, "SEC-012", None);
    let stale = ("secret.stale", Outcome::Success, "SEC-012", Some("1".to_owned()));
    let came = ("secret.read", Outcome::Success, "read", Some("1".to_owned()));
    assert_eq!(
        record.lines(),
        [&came, &away, &stale, &away, &stale, &away, &stale, &away, &came].map(Clone::clone)
    );
}

#[tokio::test(start_paused = true)]
async fn sec_4_a_refusal_is_no_outage_nothing_old_is_served() {
    let setup = setup();
    read(&setup).await.unwrap();
    setup.vault.is("refuses");
    tokio::time::advance(seconds(300)).await;
    let refused = read(&setup).await.unwrap_err();
    assert!(matches!(refused, SecretError::Refused(_)), "{refused:?}");
    // It is gone from memory: an outage afterwards has nothing to serve.
    setup.vault.is("away");
    assert!(read(&setup).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn sec_4_that_there_is_none_is_believed_for_seconds() {
    let setup = setup();
    let later = setup.files.reference("later").unwrap();
    for _ in 0..3 {
        let missing = setup.store.fetch(&later).await;
        assert!(matches!(missing, Err(SecretError::Missing { .. })), "{missing:?}");
    }
    assert_eq!(setup.vault.asked(), 1);
    setup.files.put("later", b"here").unwrap();
    tokio::time::advance(seconds(5)).await;
    assert!(setup.store.fetch(&later).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn sec_4_a_refused_version_is_read_anew_once() {
    let setup = setup();
    read(&setup).await.unwrap();
    setup.files.put("db", b"second").unwrap();
    assert!(setup.store.rejected(&setup.name, "1"), "worth another try");
    assert_eq!(read(&setup).await.unwrap(), "second");
    assert!(
        !setup.store.rejected(&setup.name, "1"),
        "somebody else has brought the new one"
    );
    assert_eq!(setup.vault.asked(), 2);
    setup.store.invalidate(&setup.name);
    read(&setup).await.unwrap();
    assert_eq!(setup.vault.asked(), 3);
    // A certain version stays what it is.
    let old = setup.store.fetch_version(&setup.name, "1").await.unwrap();
    assert_eq!(old.utf8().unwrap(), "first");
}

#[tokio::test(start_paused = true)]
async fn sec_4_reads_before_the_record_is_open_are_on_it_and_memory_is_no_read() {
    let setup = setup();
    for _ in 0..10 {
        read(&setup).await.unwrap();
    }
    let record = Arc::new(Record::default());
    setup.store.report_to(Arc::clone(&record) as Arc<dyn EventSink>);
    let came = |version: &str| ("secret.read", Outcome::Success, "read", Some(version.to_owned()));
    assert_eq!(record.lines(), [came("1")]);
    setup.files.put("db", b"second").unwrap();
    tokio::time::advance(seconds(300)).await;
    read(&setup).await.unwrap();
    assert_eq!(record.lines(), [came("1"), came("2")]);
    let said = format!("{:?} {:?}", record.0.lock().unwrap(), setup.store);
    assert!(!said.contains("first") && !said.contains("second"));
    assert_eq!(setup.store.lost(), 0);
}
