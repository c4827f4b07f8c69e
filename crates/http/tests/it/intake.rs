//! What other systems tell of, from their request to a person's: an invoice is paid, a message is on a record, and what nobody can
//! be found for waits for somebody.

use crate::crm::database;
use crate::fakes::{Answer, World, send, with_token, world};
use actix_web::test::TestRequest;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_audit::AuditLog;
use bearingwall_connectors::arrivals::{Arrivals, Looked, Verdict};
use bearingwall_connectors::inbox::{Inbox, InboxParts};
use bearingwall_core::{SystemClock, SystemIds};
use bearingwall_domain::{Crm, CrmArrivals};
use bearingwall_http::{Application, Webhooks, app_routes};
use bearingwall_secrets::{CacheOptions, FileKeyStore, FileStore, KeyStores, SealedFiles};
use bearingwall_tenancy::PoolConfig;
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_testkit::database::{Login, TestDatabase};
use serde_json::{Value, json};
use std::sync::Arc;
use time::OffsetDateTime;

const PUBLIC: &str = "https://hooks.example.org";
const SECRET: &str = "whsec_of_a_payment_provider";
const TOKEN: &str = "an auth token of a messaging service";

struct Site {
    application: Application,
    arrivals: Arrivals,
    handler: CrmArrivals,
    _database: TestDatabase,
    _secrets: tempfile::TempDir,
}

impl Site {
    async fn open() -> Self {
        let (database, pool) = database().await;
        let secrets = tempfile::tempdir().unwrap();
        let store = FileStore::create(secrets.path().join("store")).unwrap();
        let keys = Arc::new(FileKeyStore::open_or_create(store.clone(), "kek").unwrap());
        let inbox = Inbox::new(InboxParts {
            pool: pool.clone(),
            secrets: Arc::new(SealedFiles),
            vault: Arc::new(store),
            keys: keys.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            public_base: PUBLIC.parse().unwrap(),
        });
        let address = database.url(Login::Worker).parse().unwrap();
        let password = Some(database.password(Login::Worker));
        let config = PoolConfig::new(address, password, vec!["eu-west-1".to_owned()]);
        let jobs = JobPool::connect(config).await.unwrap();
        let log = AuditLog::new(pool);
        let World { application, .. } = world(app_routes().unwrap());
        Self {
            application: application
                .with(Crm::new(log.clone(), keys.clone()))
                .with(log)
                .with(Webhooks::new(Some(inbox))),
            arrivals: Arrivals::new(jobs, keys.clone()),
            handler: CrmArrivals::new(keys, KeyStores::new(), CacheOptions::default()),
            _database: database,
            _secrets: secrets,
        }
    }

    async fn get(&self, token: &str, uri: &str) -> Answer {
        Box::pin(send(&self.application, with_token(TestRequest::get().uri(uri), token))).await
    }

    async fn post(&self, token: &str, uri: &str, body: &Value) -> Answer {
        let request = TestRequest::post().uri(uri).set_json(body);
        Box::pin(send(&self.application, with_token(request, token))).await
    }

    async fn endpoint(&self, connector: &str, secret: &str, algorithm: Option<&str>) -> String {
        let body = json!({"connector": connector, "secret": secret, "algorithm": algorithm});
        let made = self.post("writer", "/v1/webhook-endpoints", &body).await.json();
        made["url"].as_str().unwrap().to_owned()
    }

    async fn client(&self, phone: &str) -> String {
        let body = json!({"first_name": "Ada", "last_name": "Lovelace", "date_of_birth": "1985-12-10", "phone": phone});
        let created = self.post("both", "/v1/clients", &body).await;
        created.json()["id"].as_str().unwrap().to_owned()
    }

    async fn stripe(&self, url: &str, event: &Value) {
        let (time, body) = (OffsetDateTime::now_utc().unix_timestamp(), event.to_string());
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
        let tag: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let request = TestRequest::post()
            .uri(url.strip_prefix(PUBLIC).unwrap())
            .insert_header(("Stripe-Signature", format!("t={time},v1={tag}")))
            .set_payload(body);
        assert_eq!(send(&self.application, request).await.status.as_u16(), 204);
    }

    async fn twilio(&self, url: &str, id: &str, from: &str, text: &str) {
        let fields = [
            ("Body", text),
            ("From", from),
            ("MessageSid", id),
            ("SmsStatus", "received"),
            ("To", "+14155550100"),
        ];
        let mut signed = url.to_owned();
        for (name, value) in fields {
            signed.push_str(name);
            signed.push_str(value);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
        let signature = BASE64.encode(hmac::sign(&key, signed.as_bytes()));
        let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let request = TestRequest::post()
            .uri(url.strip_prefix(PUBLIC).unwrap())
            .insert_header(("X-Twilio-Signature", signature))
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(pairs.join("&"));
        assert_eq!(send(&self.application, request).await.status.as_u16(), 204);
    }

    async fn settled(&self) -> Verdict {
        match Box::pin(self.arrivals.next(&self.handler)).await.unwrap() {
            Looked::Settled(verdict) => verdict,
            other => panic!("{other:?}"),
        }
    }
}

fn paid(id: &str, invoice: &str, amount: i64) -> Value {
    json!({"id": id, "object": "event", "type": "payment_intent.succeeded", "created": 1_760_000_000, "data": {"object":
        {"id": "pi_1", "amount_received": amount, "currency": "usd", "metadata": {"invoice_id": invoice}}}})
}

#[actix_web::test]
async fn dom_6_a_payment_that_stripe_tells_of_pays_the_invoice_that_a_person_wrote() {
    let site = Site::open().await;
    let stripe = site.endpoint("stripe", SECRET, None).await;
    let client = site.client("(415) 555-0119").await;
    let invoices = format!("/v1/clients/{client}/invoices");
    let body = json!({"number": "2026-0001", "currency": "USD", "lines": [{"description": "Facial", "quantity": 2, "unit_minor": 6_250}]});
    let created = site.post("writer", &invoices, &body).await;
    assert_eq!(created.status.as_u16(), 201, "{created:?}");
    let path = created.header("location").unwrap().to_owned();
    let invoice = created.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(path, format!("{invoices}/{invoice}"));
    assert_eq!(
        site.post("writer", &invoices, &body).await.status.as_u16(),
        409,
        "the number is taken"
    );
    let mut wrong = body.clone();
    wrong["currency"] = json!("usd");
    let refused = site.post("writer", &invoices, &wrong).await;
    assert_eq!(
        (refused.status.as_u16(), refused.json()["code"].as_str()),
        (400, Some("DOM-001"))
    );

    site.stripe(&stripe, &paid("evt_1", &invoice, 12_500)).await;
    assert_eq!(site.settled().await, Verdict::Done);
    let read = site.get("reader", &path).await.json();
    assert_eq!(
        (read["state"].as_str(), read["amount_minor"].as_i64()),
        (Some("paid"), Some(12_500))
    );
    assert_eq!(read["history"][0]["reference"], "pi_1");
    assert_eq!(read["lines"], body["lines"]);
    let listed = site.get("reader", &invoices).await.json();
    assert_eq!(listed["items"][0]["state"], "paid");
    assert_eq!(
        site.post("writer", &format!("{path}/void"), &json!({}))
            .await
            .status
            .as_u16(),
        409
    );
    // Another tenant's client and invoice are none.
    for uri in [&invoices, &path] {
        assert_eq!(site.get("other", uri).await.status.as_u16(), 404, "{uri}");
    }

    // What does not fit waits, is listed without its content, and is tried again when a person says so.
    site.stripe(&stripe, &paid("evt_2", &invoice, 1)).await;
    assert_eq!(site.settled().await, Verdict::Parked("amount-differs"));
    let dead = site.get("reader", "/v1/webhook-events?state=dead").await.json();
    assert_eq!(dead["items"].as_array().unwrap().len(), 1);
    let event = &dead["items"][0];
    assert_eq!(
        (event["event_id"].as_str(), event["code"].as_str()),
        (Some("evt_2"), Some("amount-differs"))
    );
    assert_eq!(
        site.get("reader", "/v1/webhook-events?limit=1").await.json()["next"],
        event["id"]
    );
    for query in ["state=lost", "limit=0", "limit=101", "before=x", "other=1"] {
        let answer = site.get("reader", &format!("/v1/webhook-events?{query}")).await;
        assert_eq!(answer.status.as_u16(), 400, "{query}: {answer:?}");
    }
    let replay = format!("/v1/webhook-events/{}/replay", event["id"].as_str().unwrap());
    assert_eq!(site.post("writer", &replay, &json!({})).await.status.as_u16(), 204);
    assert_eq!(site.post("writer", &replay, &json!({})).await.status.as_u16(), 409);
    assert_eq!(site.settled().await, Verdict::Parked("amount-differs"));
    let nowhere = format!("/v1/webhook-events/{client}/replay");
    assert_eq!(site.post("writer", &nowhere, &json!({})).await.status.as_u16(), 404);
}

#[actix_web::test]
async fn dom_7_a_message_that_twilio_brings_is_read_on_the_record_or_assigned() {
    let site = Site::open().await;
    let twilio = site.endpoint("twilio", TOKEN, Some("auth_token")).await;
    let client = site.client("(415) 555-0119").await;
    site.twilio(&twilio, "SM1", "+14155550119", "On my way — Ada").await;
    site.twilio(&twilio, "SM2", "+14155550120", "Who am I?").await;
    assert_eq!([site.settled().await, site.settled().await], [Verdict::Done; 2]);
    let messages = format!("/v1/clients/{client}/messages");
    let listed = site.get("reader", &messages).await.json();
    assert_eq!(listed["items"][0]["body"], "On my way — Ada");
    let unmatched = site.get("reader", "/v1/messages/unmatched").await.json();
    assert_eq!(
        (
            unmatched["items"][0]["body"].as_str(),
            unmatched["items"][0]["reason"].as_str()
        ),
        (Some("Who am I?"), Some("nobody"))
    );
    let id = unmatched["items"][0]["id"].as_str().unwrap();
    let assign = format!("/v1/messages/unmatched/{id}/assign");
    let whose = json!({ "client_id": client });
    assert_eq!(site.post("reader", &assign, &whose).await.status.as_u16(), 403);
    assert_eq!(
        site.post("writer", &assign, &json!({"client_id": id}))
            .await
            .status
            .as_u16(),
        404
    );
    assert_eq!(site.post("writer", &assign, &whose).await.status.as_u16(), 204);
    assert_eq!(
        site.post("writer", &assign, &whose).await.status.as_u16(),
        404,
        "it is nobody's no more"
    );
    let listed = site.get("reader", &messages).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(site.get("other", &messages).await.status.as_u16(), 404);
}
