//! Documents of SNS, signed here: what verifies, and what does not.

use super::address;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_connectors::mail::sns::{
    CertificateSource, CertificateUrl, Chain, Content, EventKind, Signatures, SnsError, SnsPolicy, SnsVerifier,
    TopicArn, Verified,
};
use bearingwall_connectors::mail::{Change, Scope, Stop, SuppressionKey};
use bearingwall_core::{Classified, Clock, CustomerId, ErrorKind, Sensitive};
use futures_core::future::BoxFuture;
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PKCS_RSA_SHA256,
};
use serde_json::{Value, json};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:mail-events";
const CERTIFICATE: &str = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0123abcd.pem";
const NOW: OffsetDateTime = datetime!(2026-11-27 12:00 UTC);
const BOUNCED: &str = "gone@example.com";

mod events;
mod forged;

/// A service that signs, with a certificate as SNS serves them.
struct Service {
    key: RsaKeyPair,
    pem: String,
}

struct Site {
    sns: Service,
    /// Another service, whose certificate is as good.
    other: Service,
    anchor: rustls_pki_types::TrustAnchor<'static>,
    /// The signing certificate with the one above it.
    with_intermediate: String,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = NOW - Duration::days(30);
    params.not_after = NOW + Duration::days(30);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = NOW - Duration::days(300);
    params.not_after = NOW + Duration::days(300);
    params
}

fn keys(size: KeySize) -> (RsaKeyPair, KeyPair) {
    let key = RsaKeyPair::generate(size).unwrap();
    let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let pkcs8 = rustls_pki_types::PrivatePkcs8KeyDer::from(der.as_ref().to_vec());
    let signing = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_RSA_SHA256).unwrap();
    (key, signing)
}

static SITE: LazyLock<Site> = LazyLock::new(|| {
    let root = CertifiedIssuer::self_signed(authority("Example Root"), KeyPair::generate().unwrap()).unwrap();
    let middle = CertifiedIssuer::signed_by(authority("Example CA"), KeyPair::generate().unwrap(), &root).unwrap();
    let service = |name: &str| {
        let (key, signing) = keys(KeySize::Rsa2048);
        let pem = params(name).signed_by(&signing, &middle).unwrap().pem();
        Service { key, pem }
    };
    let (sns, other) = (service("sns.amazonaws.com"), service("sns.amazonaws.com"));
    let with_intermediate = format!("{}{}", sns.pem, middle.pem());
    let anchor = webpki::anchor_from_trusted_cert(root.der()).unwrap().to_owned();
    Site {
        sns,
        other,
        anchor,
        with_intermediate,
    }
});

struct Still(OffsetDateTime);

impl Clock for Still {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

/// Serves one file, and counts.
struct Serving {
    pem: String,
    fetched: AtomicUsize,
}

impl Serving {
    fn new(pem: &str) -> Arc<Self> {
        Arc::new(Self {
            pem: pem.to_owned(),
            fetched: AtomicUsize::new(0),
        })
    }
}

impl CertificateSource for Serving {
    fn fetch<'a>(&'a self, _: &'a CertificateUrl) -> BoxFuture<'a, Result<Vec<u8>, Box<dyn Error + Send + Sync>>> {
        self.fetched.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if self.pem.is_empty() {
                return Err("no route to host".into());
            }
            Ok(self.pem.clone().into_bytes())
        })
    }
}

fn policy() -> SnsPolicy {
    SnsPolicy::of(vec![TopicArn::parse(TOPIC).unwrap()])
}

fn verifier_with(policy: SnsPolicy, pem: &str, now: OffsetDateTime) -> SnsVerifier {
    SnsVerifier::new(policy, Serving::new(pem), Arc::new(Still(now)))
}

fn verifier() -> SnsVerifier {
    verifier_with(policy(), &SITE.sns.pem, NOW)
}

/// The text that AWS documents as signed, written anew: names in order, a line each, values behind them.
fn signed_text(document: &Value) -> String {
    let names: &[&str] = if document["Type"] == "Notification" {
        &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    } else {
        &[
            "Message",
            "MessageId",
            "SubscribeURL",
            "Timestamp",
            "Token",
            "TopicArn",
            "Type",
        ]
    };
    names
        .iter()
        .filter_map(|name| Some(format!("{name}\n{}\n", document[*name].as_str()?)))
        .collect()
}

fn sign(service: &Service, mut document: Value) -> Value {
    let mut signature = vec![0; service.key.public_modulus_len()];
    let text = signed_text(&document);
    service
        .key
        .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
        .unwrap();
    document["Signature"] = BASE64.encode(signature).into();
    document
}

fn unsigned() -> Value {
    json!({
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": TOPIC,
        "Subject": "Amazon SES Email Event Notification",
        "Message": bounce("Permanent").to_string(),
        "Timestamp": NOW.format(&Rfc3339).unwrap(),
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        "UnsubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
    })
}

fn confirmation() -> Value {
    let mut document = unsigned();
    let fields = document.as_object_mut().unwrap();
    fields.remove("Subject");
    fields.insert("Type".to_owned(), "SubscriptionConfirmation".into());
    fields.insert("Token".to_owned(), "2336412f37fb".into());
    let url = format!(
        "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37fb"
    );
    fields.insert("SubscribeURL".to_owned(), url.into());
    fields.insert("Message".to_owned(), "You have chosen to subscribe.".into());
    document
}

fn bounce(kind: &str) -> Value {
    json!({
        "eventType": "Bounce",
        "mail": {
            "commonHeaders": {"subject": "About your biopsy"},
            "tags": {
                "mail": ["01938f6e-7c1a-7000-8000-000000000001"],
                "customer": ["01938f6e-7c1a-7000-8000-00000000000c"],
            },
        },
        "bounce": {
            "bounceType": kind,
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": BOUNCED, "diagnosticCode": "smtp; 550 5.1.1 user unknown"}],
        },
    })
}

async fn verify(verifier: &SnsVerifier, document: &Value) -> Result<Verified, SnsError> {
    verifier.verify(document.to_string().as_bytes()).await
}

fn key() -> SuppressionKey {
    SuppressionKey::new(&Sensitive::new([3; 32]))
}

#[tokio::test]
async fn mai_4_a_signed_document_of_our_topic_verifies() {
    let verified = verify(&verifier(), &sign(&SITE.sns, unsigned())).await.unwrap();
    assert_eq!(
        verified.message_id(),
        "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324".parse::<Uuid>().unwrap()
    );
    assert_eq!((verified.topic().as_str(), verified.at()), (TOPIC, NOW));
    assert!(matches!(verified.content(), Content::Notification(_)));
    let confirm = verify(&verifier(), &sign(&SITE.sns, confirmation())).await.unwrap();
    let Content::Subscription(url) = confirm.content() else {
        panic!("{confirm:?}");
    };
    assert_eq!(url.host_str(), Some("sns.eu-central-1.amazonaws.com"));
}
