//! Mail through what answers as Amazon SES does, read back by a parser that is not ours.

mod relay;

use crate::moto::{Moto, environment};
use aws_credential_types::Credentials;
use aws_sdk_ses::Client;
use aws_sdk_ses::config::{BehaviorVersion, Builder, Region};
use aws_sdk_ses::types::ConfigurationSet;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_connector_ses::{
    ConfigurationSets, SesConfig, SesError, SesTransport, SetName, SharedCredentialsProvider,
};
use bearingwall_connectors::mail::{
    Address, AddressDigest, AppointmentReminder, AppointmentTime, Attachment, BodyText, Change, ClinicName,
    ContentType, Delivery, DisplayName, Letter, LinkHost, MailError, Mailer, Message, OperatorSend, Outcome,
    PhiContent, PlainBody, Reason, Recipient, Sender, Stamp, Stop, Subject, SuppressionKey, Suppressions, Template,
    Unsubscribe,
};
use bearingwall_core::{
    Clock as _, Ctx, CtxParts, CustomerId, Phi, PurposeOfUse, RequestId, RoleSet, Sensitive, SubjectId, SystemClock,
    SystemIds,
};
use relay::Relay;
use serde_json::{Value, json};
use std::error::Error;
use std::future::Future;
use std::io::Write as _;
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use time::macros::datetime;
use uuid::Uuid;

const REGION: &str = "eu-central-1";
const BODY: &str =
    "Liebe Ada,\n\n.\n..\nFrom here, a line:\n--\n=20 stays, and so do „quotes“ and 👩\u{200d}⚕️.\n\tיום טוב\n";

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

struct Site {
    moto: Moto,
    client: Client,
    from: Sender,
    to: Recipient,
    customer: CustomerId,
}

impl Site {
    async fn start() -> Option<Self> {
        let moto = Moto::start().await?;
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(&moto.url)
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .build();
        let client = Client::from_conf(config);
        for name in ["phi-out", "plain-out", "marketing-out"] {
            let set = ConfigurationSet::builder().name(name).build().unwrap();
            client
                .create_configuration_set()
                .configuration_set(set)
                .send()
                .await
                .unwrap();
        }
        Some(Self {
            moto,
            client,
            from: Sender::new(
                address("desk@clinic.example"),
                DisplayName::parse("Haut & Haar, Köln").unwrap(),
            )
            .replies_to(address("front@clinic.example")),
            to: Recipient::new(address("ada@example.com")).named(DisplayName::parse("Lovelace, \"Ada\" (김)").unwrap()),
            customer: CustomerId::from_uuid(Uuid::now_v7()),
        })
    }

    async fn verify_domain(&self) {
        let verified = self.client.verify_domain_identity().domain("clinic.example");
        verified.send().await.unwrap();
    }

    fn letter<'a>(&'a self, from: &'a Sender, to: &'a Recipient) -> Letter<'a> {
        Letter {
            stamp: Stamp::new(&SystemClock, &SystemIds),
            customer: self.customer,
            from,
            to,
        }
    }

    async fn mailer(&self, endpoint: &str, phi: bool) -> Result<Mailer, SesError> {
        let name = |name| Some(SetName::parse(name).unwrap());
        let mut config = SesConfig::new(
            REGION,
            ConfigurationSets {
                phi: phi.then_some(SetName::parse("phi-out").unwrap()),
                plain: name("plain-out"),
                marketing: name("marketing-out"),
            },
        );
        config.endpoint = Some(endpoint.parse().unwrap());
        let credentials = SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"));
        let transport = SesTransport::connect(config, credentials).await?;
        let key = SuppressionKey::new(&Sensitive::new([1; 32]));
        Ok(Mailer::new(Arc::new(transport), Arc::new(Nobody), key))
    }

    /// What moto keeps of messages, in no order that counts.
    fn stored(&self) -> Vec<String> {
        let url = format!("{}/moto-api/data.json", self.moto.url);
        let data: Value = tokio::task::block_in_place(|| reqwest::blocking::get(url).unwrap().json().unwrap());
        let stored = data["ses"]["RawMessage"].as_array().cloned().unwrap_or_default();
        stored
            .iter()
            .map(|message| message["raw_data"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The one that was stored with this id, as Python reads it.
    fn read(&self, id: Uuid) -> Value {
        let id = id.simple().to_string();
        let found: Vec<String> = self.stored().into_iter().filter(|raw| raw.contains(&id)).collect();
        let [raw] = found.as_slice() else {
            panic!("{} messages are stored", found.len());
        };
        parse(raw.as_bytes())
    }
}

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn parse(raw: &[u8]) -> Value {
    let mut python = Command::new(environment().join("bin/python"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/mail/parse.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(raw).unwrap();
    let done = python.wait_with_output().unwrap();
    assert!(done.status.success());
    serde_json::from_slice(&done.stdout).unwrap()
}

fn accepted(delivery: Result<Delivery, MailError>) {
    assert!(
        matches!(delivery, Ok(Delivery::Tried(Outcome::Accepted(_)))),
        "{delivery:?}"
    );
}

fn sorted(names: &Value) -> Vec<String> {
    let mut names: Vec<String> = names
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

const NAMES: [&str; 9] = [
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "MIME-Version",
    "Message-ID",
    "Reply-To",
    "Subject",
    "To",
];

#[tokio::test(flavor = "multi_thread")]
async fn mai_1_what_was_stored_is_what_was_meant() {
    let Some(site) = Site::start().await else { return };
    site.verify_domain().await;
    let mailer = site.mailer(&site.moto.url, false).await.unwrap();
    let reminder = AppointmentReminder {
        clinic: ClinicName::parse("Haut & Haar, Köln").unwrap(),
        at: AppointmentTime::at(datetime!(2026-12-03 14:05 +1)),
        host: LinkHost::parse("my.clinic.example").unwrap(),
    };
    let message = Message::plain(&site.letter(&site.from, &site.to), &reminder).unwrap();
    let id = message.id();
    accepted(mailer.send(message).await);
    let read = site.read(id);
    assert_eq!(sorted(&read["names"]), NAMES);
    assert_eq!(read["subject"], "Appointment at Haut & Haar, Köln");
    assert_eq!(read["from"], json!([["Haut & Haar, Köln", "desk@clinic.example"]]));
    assert_eq!(read["to"], json!([["Lovelace, \"Ada\" (김)", "ada@example.com"]]));
    assert_eq!(read["reply_to"], json!([["", "front@clinic.example"]]));
    assert_eq!(read["id"], format!("<{}@clinic.example>", id.simple()));
    assert_eq!((&read["defects"], &read["attachments"]), (&json!([]), &json!([])));
    let text = read["text"].as_str().unwrap();
    assert!(
        text.starts_with("You have an appointment at Haut & Haar, Köln:\n\n    Thursday, 3 December 2026, 14:05\n")
    );

    let token = Uuid::new_v4();
    let unsubscribe = Unsubscribe::new(LinkHost::parse("my.clinic.example").unwrap(), token);
    let message = Message::marketing(&site.letter(&site.from, &site.to), &reminder, &unsubscribe).unwrap();
    let id = message.id();
    accepted(mailer.send(message).await);
    let read = site.read(id);
    let url = format!("<https://my.clinic.example/unsubscribe/{}>", token.simple());
    assert_eq!(read["unsubscribe"], json!([url, "List-Unsubscribe=One-Click"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn mai_1_a_message_with_files_is_read_back_byte_for_byte() {
    let Some(site) = Site::start().await else { return };
    site.verify_domain().await;
    // moto says nothing of TLS, so that the start refuses it; the relay answers that one question as SES does.
    let refused = site.mailer(&site.moto.url, true).await.unwrap_err();
    assert!(matches!(refused, SesError::TlsNotRequired { .. }), "{refused:?}");
    let relay = Relay::start(&site.moto.url);
    let mailer = site.mailer(&relay.url, true).await.unwrap();
    let files = [
        (
            "Einwilligung Müller (1), 'neu'.pdf",
            ContentType::Pdf,
            (0..=255).cycle().take(70_000).collect::<Vec<u8>>(),
        ),
        (
            "x.png",
            ContentType::Png,
            b"\r\n--bw_\r\n.\r\n\r\nBcc: thief@example.net\r\n".to_vec(),
        ),
        ("名前.csv", ContentType::Csv, "a;b\nä;\"c\"\r\n".as_bytes().to_vec()),
        ("leer.jpg", ContentType::Jpeg, Vec::new()),
    ];
    let content = PhiContent {
        subject: Subject::of(&[&"Ihre Unterlagen — vollständig"]).unwrap(),
        text: Phi::new(BodyText::parse(BODY).unwrap()),
        attachments: files
            .iter()
            .map(|(name, kind, content)| Attachment::new(name, *kind, Phi::new(content.clone())).unwrap())
            .collect(),
    };
    let now = SystemClock.now();
    let context = Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::now_v7()),
        customer: site.customer,
        roles: RoleSet::default(),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Treatment,
        expires_at: now + time::Duration::minutes(5),
        route: None,
    });
    let operator = OperatorSend::danger_assume_a_person_sends(&context, now).unwrap();
    let message = Message::phi(operator, &site.letter(&site.from, &site.to), content).unwrap();
    let id = message.id();
    accepted(mailer.send(message).await);
    let read = site.read(id);
    let expected: Vec<&str> = NAMES
        .into_iter()
        .filter(|name| *name != "Content-Transfer-Encoding")
        .collect();
    assert_eq!(sorted(&read["names"]), expected);
    assert_eq!(read["subject"], "Ihre Unterlagen — vollständig");
    assert_eq!(read["text"].as_str().unwrap().trim_end(), BODY.trim_end());
    assert_eq!(read["defects"], json!([]));
    let attachments = read["attachments"].as_array().unwrap();
    assert_eq!(attachments.len(), files.len());
    for (found, (name, kind, content)) in attachments.iter().zip(&files) {
        assert_eq!((&found["name"], &found["type"]), (&json!(name), &json!(kind.as_str())));
        assert_eq!(
            BASE64.decode(found["content"].as_str().unwrap()).unwrap(),
            *content,
            "{name}"
        );
        assert_eq!(
            sorted(&found["names"]),
            ["Content-Disposition", "Content-Transfer-Encoding", "Content-Type"]
        );
    }
}

/// A subject and a body of one clinic's name.
struct Named(ClinicName);

impl Template for Named {
    fn subject(&self) -> Result<Subject, MailError> {
        Subject::of(&[&self.0])
    }

    fn body(&self) -> Result<PlainBody, MailError> {
        PlainBody::of(&[&self.0, &"\n"])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mai_1_hostile_names_are_refused_or_read_back_as_names() {
    let Some(site) = Site::start().await else { return };
    site.verify_domain().await;
    let mailer = site.mailer(&site.moto.url, false).await.unwrap();
    for hostile in [
        "X\r\nBcc: thief@example.net",
        "X\nX-SES-CONFIGURATION-SET: none",
        "X\rTo: thief@example.net",
        "X\0Y",
        "X\u{85}Bcc: thief@example.net",
        "X\u{2028}Bcc: thief@example.net",
        "X\u{202e}moc.elpmaxe",
        "=?utf-8?Q?=0D=0ABcc:_thief=40example.net?=",
        "X <thief@example.net>",
    ] {
        assert!(DisplayName::parse(hostile).is_err(), "{hostile:?}");
        assert!(ClinicName::parse(hostile).is_err(), "{hostile:?}");
    }
    let odd = [
        "a, b; c: d",
        "\"quoted\" \\ and \\\"escaped\\\"",
        "(comment) [literal] .dots..",
        "= ? _ =20 ?= ?Q?",
        "'; DROP TABLE x --",
        "Bcc: nobody",
        "X-SES-CONFIGURATION-SET: none",
        "שלום עולם",
        "👩\u{200d}⚕️👩\u{200d}⚕️👩\u{200d}⚕️ Praxis für Haut, Haar und Nägel GmbH & Co. KG",
        "ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ ÄÖÜ Ä",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ];
    for (count, name) in odd.into_iter().enumerate() {
        let display = DisplayName::parse(name).unwrap();
        let from =
            Sender::new(address("desk@clinic.example"), display.clone()).replies_to(address("front@clinic.example"));
        let to = Recipient::new(address("ada@example.com")).named(display);
        let template = Named(ClinicName::parse(name).unwrap());
        let message = Message::plain(&site.letter(&from, &to), &template).unwrap();
        let id = message.id();
        accepted(mailer.send(message).await);
        let read = site.read(id);
        assert_eq!(sorted(&read["names"]), NAMES, "{name}");
        assert_eq!(read["subject"], name);
        assert_eq!(read["from"], json!([[name, "desk@clinic.example"]]));
        assert_eq!(read["to"], json!([[name, "ada@example.com"]]));
        assert_eq!(read["text"], format!("{name}\n"));
        assert_eq!(site.stored().len(), count + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mai_6_a_sender_that_is_not_verified_is_refused_and_nothing_is_stored() {
    let Some(site) = Site::start().await else { return };
    let mailer = site.mailer(&site.moto.url, false).await.unwrap();
    let template = || Named(ClinicName::parse("Haut & Haar").unwrap());
    let message = Message::plain(&site.letter(&site.from, &site.to), &template()).unwrap();
    let delivery = mailer.send(message).await.unwrap();
    assert_eq!(
        delivery,
        Delivery::Tried(Outcome::Refused(Reason::of("MessageRejected")))
    );
    assert_eq!(site.stored().len(), 0);
    site.verify_domain().await;
    let message = Message::plain(&site.letter(&site.from, &site.to), &template()).unwrap();
    accepted(mailer.send(message).await);
    assert_eq!(site.stored().len(), 1);
}
