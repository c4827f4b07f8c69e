//! The adapter of Amazon SES, against a server on loopback that answers as SES documents it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and make the contexts that the edge makes"
)]

mod outcomes;
mod server;
mod start;

use bearingwall_connector_ses::{
    ConfigurationSets, Credentials, SesConfig, SesError, SesTransport, SetName, SharedCredentialsProvider,
};
use bearingwall_connectors::mail::{
    Address, AddressDigest, BodyText, Change, Delivery, DisplayName, Letter, Mailer, Message, OperatorSend, Outcome,
    PhiContent, Recipient, Sender, Stamp, Stop, Subject, SuppressionKey, Suppressions,
};
use bearingwall_core::{
    Clock, Ctx, CtxParts, CustomerId, Phi, PurposeOfUse, RequestId, RoleSet, Sensitive, SubjectId, SystemClock,
    SystemIds,
};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

const ADDRESS: &str = "ada.lovelace@example.com";

/// A list on which nobody stands.
struct Nobody;

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Box<dyn Error + Send + Sync>>> + Send + 'a>>;

impl Suppressions for Nobody {
    fn stop_of<'a>(&'a self, _: CustomerId, _: &'a AddressDigest) -> Answer<'a, Option<Stop>> {
        Box::pin(async { Ok(None) })
    }

    fn stop<'a>(&'a self, _: &'a Change) -> Answer<'a, ()> {
        Box::pin(async { Ok(()) })
    }
}

fn config(endpoint: &str) -> SesConfig {
    let name = |name| Some(SetName::parse(name).unwrap());
    let sets = ConfigurationSets {
        phi: name("phi-out"),
        plain: name("plain-out"),
        marketing: None,
    };
    let mut config = SesConfig::new("eu-central-1", sets);
    config.endpoint = Some(endpoint.parse().unwrap());
    config.timeout = Duration::from_secs(2);
    config
}

fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"))
}

async fn connect(endpoint: &str) -> Result<SesTransport, SesError> {
    SesTransport::connect(config(endpoint), credentials()).await
}

fn message() -> Message {
    let customer = CustomerId::from_uuid(Uuid::now_v7());
    let now = SystemClock.now();
    let context = Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::now_v7()),
        customer,
        roles: RoleSet::default(),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Treatment,
        expires_at: now + time::Duration::minutes(5),
        route: None,
    });
    let from = Sender::new(
        Address::parse("desk@clinic.example").unwrap(),
        DisplayName::parse("Haut & Haar").unwrap(),
    );
    let to = Recipient::new(Address::parse(ADDRESS).unwrap());
    let letter = Letter {
        stamp: Stamp::new(&SystemClock, &SystemIds),
        customer,
        from: &from,
        to: &to,
    };
    let content = PhiContent {
        subject: Subject::of(&[&"A message for you"]).unwrap(),
        text: Phi::new(BodyText::parse("Your biopsy is benign.").unwrap()),
        attachments: Vec::new(),
    };
    let operator = OperatorSend::danger_assume_a_person_sends(&context, now).unwrap();
    Message::phi(operator, &letter, content).unwrap()
}

async fn send(transport: SesTransport, message: Message) -> Outcome {
    let key = SuppressionKey::new(&Sensitive::new([1; 32]));
    let mailer = Mailer::new(Arc::new(transport), Arc::new(Nobody), key);
    match mailer.send(message).await.unwrap() {
        Delivery::Tried(outcome) => outcome,
        stopped => panic!("{stopped:?}"),
    }
}
