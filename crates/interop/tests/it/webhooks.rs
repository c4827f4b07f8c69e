//! Webhooks against the libraries of those who send them: what they sign we take, what we sign they take, and what somebody
//! changed on the way both refuse.

use crate::pgbouncer::required;
use bearingwall_connectors::webhooks::standard::{self, Signer, Standard};
use bearingwall_connectors::webhooks::stripe::{self, Stripe};
use bearingwall_connectors::webhooks::twilio::{self, Algorithm, Twilio};
use bearingwall_connectors::webhooks::{Delivery, Event, Verified, WebhookError};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use time::OffsetDateTime;

const URL: &str = "https://hooks.example.org/webhooks/twilio/e1?a=b%20c";
pub(crate) const STRIPE: &str = "whsec_of_the_interop_suite";
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const STANDARD: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// What texts are made of in the wild: nothing, quotes, signs that a form escapes, other scripts, and signs beyond 16 bits.
const TEXTS: [&str; 8] = [
    "",
    "plain",
    "it's \"quoted\"",
    "a=b&c+d %41",
    "Zoë — žluťoučký",
    "診療のご予約",
    "🩺💉",
    "line\nline\ttab",
];

type Answer = Result<Verified<Event>, WebhookError>;

/// A running peer, which ends with this value.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where `.ci/webhooks.sh` puts them.
fn home() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")),
        PathBuf::from,
    );
    target.join("webhooks")
}

pub(crate) fn peers() -> Vec<Peer> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/webhooks");
    let python = home().join("python/bin/python");
    let node = home().join("node");
    required(
        python.exists(),
        "no webhook libraries for Python were found (.ci/webhooks.sh)",
    );
    required(
        node.join("node_modules/stripe").exists(),
        "no webhook libraries for Node.js were found (.ci/webhooks.sh)",
    );
    let mut peers = Vec::new();
    if python.exists() {
        peers.push(Peer::start(
            "Python",
            Command::new(python).arg(format!("{folder}/peer.py")),
        ));
    }
    if node.join("node_modules/stripe").exists() {
        peers.push(Peer::start(
            "Node.js",
            Command::new("node").arg(format!("{folder}/peer.mjs")).current_dir(node),
        ));
    }
    peers
}

impl Peer {
    fn start(name: &'static str, command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { name, child, answers }
    }

    fn ask(&mut self, act: &str, delivery: &Sent) -> Value {
        let ask = json!({
            "scheme": delivery.scheme,
            "act": act,
            "secret": delivery.secret,
            "url": delivery.url,
            "id": delivery.id,
            "time": delivery.time,
            "body": delivery.body,
            "fields": delivery.fields,
            "algorithm": delivery.algorithm,
            "signature": delivery.signature,
        });
        writeln!(self.child.stdin.as_mut().unwrap(), "{ask}").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{} has ended at {ask}", self.name))
    }

    pub(crate) fn sign(&mut self, mut delivery: Sent) -> Sent {
        delivery.signature = self.ask("sign", &delivery).as_str().unwrap().to_owned();
        delivery
    }

    fn takes(&mut self, delivery: &Sent) -> bool {
        self.ask("verify", delivery).as_bool().unwrap()
    }
}

/// A delivery of one of the schemes.
#[derive(Clone)]
pub(crate) struct Sent {
    scheme: &'static str,
    secret: &'static str,
    algorithm: &'static str,
    pub(crate) url: String,
    id: String,
    pub(crate) time: i64,
    pub(crate) body: String,
    pub(crate) fields: Option<Value>,
    pub(crate) signature: String,
}

impl Sent {
    pub(crate) fn new(scheme: &'static str, secret: &'static str, text: &str) -> Self {
        Self {
            scheme,
            secret,
            algorithm: "HMAC_SHA1",
            url: URL.to_owned(),
            id: "msg_1".to_owned(),
            time: OffsetDateTime::now_utc().unix_timestamp(),
            body: json!({"id": "evt_1", "object": "event", "text": text}).to_string(),
            fields: None,
            signature: String::new(),
        }
    }

    fn form(text: &str) -> Self {
        let fields = [
            ("Body", text),
            ("From", "+15550100"),
            ("MessageSid", "SM1"),
            ("b", "1"),
            ("B", "2"),
        ];
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let fields: serde_json::Map<_, _> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        Self {
            body,
            fields: Some(fields.into()),
            ..Self::new("twilio", TOKEN, text)
        }
    }

    fn ours(&self) -> Answer {
        let time = self.time.to_string();
        let now = OffsetDateTime::now_utc();
        let kind = if self.fields.is_some() {
            "application/x-www-form-urlencoded"
        } else {
            "application/json"
        };
        let headers = [
            (stripe::HEADER, self.signature.as_bytes()),
            (twilio::HEADER, self.signature.as_bytes()),
            (standard::SIGNATURE_HEADER, self.signature.as_bytes()),
            (standard::ID_HEADER, self.id.as_bytes()),
            (standard::TIMESTAMP_HEADER, time.as_bytes()),
            ("content-type", kind.as_bytes()),
        ];
        let delivery = Delivery::new(&self.url, &headers, self.body.as_bytes());
        let secret = self.secret.as_bytes();
        let algorithm = if self.algorithm == "HMAC_SHA256" {
            Algorithm::SharedKey
        } else {
            Algorithm::AuthToken
        };
        match self.scheme {
            "stripe" => Stripe::new([secret]).unwrap().verify(&delivery, now),
            "standard" => Standard::new([secret]).unwrap().verify(&delivery, now),
            _ => Twilio::new([(algorithm, secret)]).unwrap().verify(&delivery),
        }
    }
}

/// What they signed we take, they themselves take, and changed both refuse.
fn agree(peer: &mut Peer, sent: Sent) {
    let name = peer.name;
    let sent = peer.sign(sent);
    assert!(sent.ours().is_ok(), "{name} {} {:?}", sent.scheme, sent.body);
    assert!(peer.takes(&sent), "{name} {} {:?}", sent.scheme, sent.body);
    let mut changed = sent.clone();
    changed.body = changed.body.replace('1', "7");
    if let Some(fields) = &mut changed.fields {
        fields["From"] = json!("+75550700");
    }
    let mut signed_otherwise = sent.clone();
    signed_otherwise.signature = signed_otherwise.signature.replace(['A', 'a', '4'], "b");
    for other in [changed, signed_otherwise] {
        if other.signature != sent.signature || other.body != sent.body {
            assert!(
                matches!(other.ours(), Err(WebhookError::Refused)),
                "{name} {}",
                sent.scheme
            );
            assert!(!peer.takes(&other), "{name} {}", sent.scheme);
        }
    }
}

#[test]
fn con_1_what_stripes_libraries_sign_is_taken_and_changed_is_refused() {
    for mut peer in peers() {
        for text in TEXTS {
            agree(&mut peer, Sent::new("stripe", STRIPE, text));
        }
        let mut old = Sent::new("stripe", STRIPE, "old");
        old.time -= 301;
        let old = peer.sign(old);
        assert!(old.ours().is_err() && !peer.takes(&old), "{}", peer.name);
        // Their libraries look at the past only.
        let mut early = Sent::new("stripe", STRIPE, "early");
        early.time += 600;
        let early = peer.sign(early);
        assert!(early.ours().is_err() && peer.takes(&early), "{}", peer.name);
    }
}

#[test]
fn con_1_what_twilios_libraries_sign_is_taken_and_changed_is_refused() {
    for mut peer in peers() {
        for text in TEXTS {
            agree(&mut peer, Sent::form(text));
            let mut json = Sent::new("twilio", TOKEN, text);
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, json.body.as_bytes());
            let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
            json.url = format!("{URL}&bodySHA256={digest}");
            agree(&mut peer, json);
        }
        // Shared keys are known to the library for Python only.
        if peer.name == "Python" {
            let mut shared = Sent::form("shared");
            shared.algorithm = "HMAC_SHA256";
            agree(&mut peer, shared);
        }
    }
}

#[test]
fn con_1_standard_webhooks_are_taken_in_both_directions() {
    for mut peer in peers() {
        for text in TEXTS {
            agree(&mut peer, Sent::new("standard", STANDARD, text));
            let mut ours = Sent::new("standard", STANDARD, text);
            // The secret of a rotation stands behind the current one.
            let current = b"whsec_/////////////////////////////////////////w==";
            let signer = Signer::new([&current[..], STANDARD.as_bytes()]).unwrap();
            let at = OffsetDateTime::from_unix_timestamp(ours.time).unwrap();
            ours.signature = signer.sign(&ours.id, at, ours.body.as_bytes()).unwrap();
            assert!(peer.takes(&ours), "{} {text}", peer.name);
            ours.time += 1;
            assert!(!peer.takes(&ours), "{} {text}", peer.name);
        }
    }
}
