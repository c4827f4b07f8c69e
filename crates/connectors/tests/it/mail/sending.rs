//! Sending: past the list of stopped addresses, into files.

use super::{ADDRESS, address, customer, plain, recipient};
use bearingwall_connectors::mail::{
    AddressDigest, Change, Cleared, Delivery, EmlSink, MailError, MailTransport, Mailer, Message, Outcome, ProviderId,
    Reason, Recipient, Scope, Stop, SuppressionKey, Suppressions,
};
use bearingwall_core::{Classified, CustomerId, ErrorKind, Sensitive};
use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

/// A list in memory, which can be made to fail.
#[derive(Default)]
struct List {
    stopped: Mutex<HashMap<(Option<CustomerId>, AddressDigest), Stop>>,
    away: bool,
}

impl Suppressions for List {
    fn stop_of<'a>(&'a self, customer: CustomerId, address: &'a AddressDigest) -> Answer<'a, Option<Stop>> {
        Box::pin(async move {
            if self.away {
                return Err("the database is away".into());
            }
            let stopped = self.stopped.lock().unwrap();
            let found = stopped
                .get(&(Some(customer), *address))
                .or_else(|| stopped.get(&(None, *address)));
            Ok(found.copied())
        })
    }

    fn stop<'a>(&'a self, change: &'a Change) -> Answer<'a, ()> {
        Box::pin(async move {
            let scope = match change.scope {
                Scope::Tenant(customer) => Some(customer),
                Scope::Everybody => None,
            };
            self.stopped
                .lock()
                .unwrap()
                .insert((scope, change.address), change.stop);
            Ok(())
        })
    }
}

/// Counts what reaches it.
#[derive(Default)]
struct Counting(AtomicUsize);

impl MailTransport for Counting {
    fn send(&self, message: Cleared) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let id = ProviderId::parse(&message.id().to_string()).unwrap();
        Box::pin(async move { Outcome::Accepted(id) })
    }
}

fn key(byte: u8) -> SuppressionKey {
    SuppressionKey::new(&Sensitive::new([byte; 32]))
}

#[tokio::test]
async fn mai_3_nothing_reaches_a_transport_for_a_stopped_address() {
    let list = Arc::new(List::default());
    let transport = Arc::new(Counting::default());
    let mailer = Mailer::new(transport.clone(), list.clone(), key(1));
    let sent = |message: Message| mailer.send(message);
    let delivery = sent(plain(&recipient())).await.unwrap();
    assert!(matches!(delivery, Delivery::Tried(Outcome::Accepted(_))));

    // For another tenant, it goes on; for everybody, it does not.
    let stop = |scope, stop| Change {
        scope,
        address: key(1).digest(&address("ADA.lovelace@Example.COM")),
        stop,
    };
    list.stop(&stop(Scope::Tenant(customer()), Stop::Complained))
        .await
        .unwrap();
    let delivery = sent(plain(&recipient())).await.unwrap();
    assert!(matches!(delivery, Delivery::Tried(Outcome::Accepted(_))));
    let message = plain(&recipient());
    list.stop(&stop(Scope::Tenant(message.customer()), Stop::Bounced))
        .await
        .unwrap();
    assert_eq!(sent(message).await.unwrap(), Delivery::Stopped(Stop::Bounced));
    list.stop(&stop(Scope::Everybody, Stop::Complained)).await.unwrap();
    let delivery = sent(plain(&recipient())).await.unwrap();
    assert_eq!(delivery, Delivery::Stopped(Stop::Complained));
    let other = Recipient::new(address("grace@example.com"));
    assert!(matches!(sent(plain(&other)).await.unwrap(), Delivery::Tried(_)));
    assert_eq!(transport.0.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn mai_3_a_list_that_cannot_be_asked_stops_everything() {
    let transport = Arc::new(Counting::default());
    let list = List {
        away: true,
        ..List::default()
    };
    let mailer = Mailer::new(transport.clone(), Arc::new(list), key(1));
    let refused = mailer.send(plain(&recipient())).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), ("MAI-006", ErrorKind::Unavailable));
    assert!(!format!("{refused} {refused:?}").contains("lovelace"));
    assert_eq!(transport.0.load(Ordering::SeqCst), 0);
}

#[test]
fn mai_3_an_address_is_known_by_a_keyed_digest_alone() {
    let digest = key(1).digest(&address(ADDRESS));
    assert_eq!(digest, key(1).digest(&address(&ADDRESS.to_uppercase())));
    assert_ne!(digest, key(2).digest(&address(ADDRESS)));
    assert_ne!(digest, key(1).digest(&address("ada@example.com")));
    // By openssl: printf 'bearingwall/mail-suppression/1\0ada.lovelace@example.com' |
    //   openssl mac -digest SHA256 -macopt hexkey:0101…01 HMAC
    let known = "8be21b63459926296f67651f966cbdd44138ab240185b168580aed8ac4921d15";
    let hex: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, known);
    assert_eq!(format!("{digest:?} {:?}", key(1)), "AddressDigest(…) SuppressionKey(…)");
}

#[test]
fn a_transports_words_are_words() {
    assert_eq!(Reason::of("MessageRejected").as_str(), "MessageRejected");
    for text in [
        "",
        "Email address is not verified: ada@example.com",
        "a\nb",
        &"x".repeat(65),
    ] {
        assert_eq!(Reason::of(text).as_str(), "unnamed");
    }
    for text in ["", "<id>", "a b", "a\r\n", &"x".repeat(129)] {
        assert_eq!(ProviderId::parse(text), None);
    }
}

fn mailer(sink: EmlSink) -> Mailer {
    Mailer::new(Arc::new(sink), Arc::new(List::default()), key(1))
}

#[tokio::test]
async fn the_development_sink_keeps_whole_files_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("mail");
    let mailer = mailer(EmlSink::danger_for_development(&dir).unwrap());
    let message = plain(&recipient());
    let (id, raw) = (message.id(), message.raw().to_vec());
    let Delivery::Tried(Outcome::Accepted(kept)) = mailer.send(message).await.unwrap() else {
        panic!("it was not kept");
    };
    assert_eq!(kept.as_str(), id.to_string());
    let file = dir.join(format!("{id}.eml"));
    assert_eq!(std::fs::read(&file).unwrap(), raw);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(&dir)), (0o600, 0o700));
    let names: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, [file.file_name().unwrap()]);
}

#[tokio::test]
async fn mai_2_the_development_sink_refuses_a_directory_that_others_reach() {
    let folder = tempfile::tempdir().unwrap();
    let open = folder.path().join("open");
    std::fs::create_dir(&open).unwrap();
    for mode in [0o755, 0o750, 0o705, 0o701] {
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = EmlSink::danger_for_development(&open).unwrap_err();
        assert!(matches!(refused, MailError::Exposed { .. }), "{mode:o}");
    }
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o700)).unwrap();
    let link = folder.path().join("link");
    symlink(&open, &link).unwrap();
    assert!(EmlSink::danger_for_development(&link).is_err());
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    assert!(EmlSink::danger_for_development(&file).is_err());

    // Opened by others afterwards, it takes nothing more.
    let mailer = mailer(EmlSink::danger_for_development(&open).unwrap());
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
    let delivery = mailer.send(plain(&recipient())).await.unwrap();
    assert_eq!(delivery, Delivery::Tried(Outcome::Later(Reason::of("NotKept"))));
    assert_eq!(std::fs::read_dir(&open).unwrap().count(), 0);
}
