//! Webhooks over real PostgreSQL: what a sender has signed is on file, and everything else gets one and the same answer.

use crate::crm::database;
use crate::fakes::{Answer, World, send, with_token, world};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use bearingwall_connectors::inbox::{Inbox, InboxParts};
use bearingwall_connectors::webhooks::standard::Signer;
use bearingwall_core::{SystemClock, SystemIds};
use bearingwall_http::{Application, Webhooks, app_routes};
use bearingwall_secrets::{FileKeyStore, FileStore, SealedFiles};
use bearingwall_testkit::database::TestDatabase;
use serde_json::{Value, json};
use std::sync::Arc;
use time::OffsetDateTime;

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "whsec_////////////////////////////////////////////";
const PUBLIC: &str = "https://hooks.example.org";

struct Site {
    application: Application,
    record: Arc<crate::fakes::Record>,
    database: TestDatabase,
    _secrets: tempfile::TempDir,
}

impl Site {
    async fn open() -> Self {
        let (database, pool) = database().await;
        let secrets = tempfile::tempdir().unwrap();
        let store = FileStore::create(secrets.path().join("store")).unwrap();
        let inbox = Inbox::new(InboxParts {
            pool,
            secrets: Arc::new(SealedFiles),
            vault: Arc::new(store.clone()),
            keys: Arc::new(FileKeyStore::open_or_create(store, "kek").unwrap()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            public_base: PUBLIC.parse().unwrap(),
        });
        let World {
            application, record, ..
        } = world(app_routes().unwrap());
        Self {
            application: application.with(Webhooks::new(Some(inbox))),
            record,
            database,
            _secrets: secrets,
        }
    }

    async fn post(&self, token: &str, uri: &str, body: &Value) -> Answer {
        send(
            &self.application,
            with_token(TestRequest::post().uri(uri).set_json(body), token),
        )
        .await
    }

    async fn list(&self, token: &str) -> Answer {
        send(
            &self.application,
            with_token(TestRequest::get().uri("/v1/webhook-endpoints"), token),
        )
        .await
    }

    /// The path of a new endpoint, and its id.
    async fn endpoint(&self) -> (String, String) {
        let body = json!({"connector": "standard", "secret": SECRET});
        let made = self.post("writer", "/v1/webhook-endpoints", &body).await;
        assert_eq!(made.status.as_u16(), 201, "{made:?}");
        let url = made.json()["url"].as_str().unwrap().to_owned();
        (
            url.strip_prefix(PUBLIC).unwrap().to_owned(),
            made.json()["id"].as_str().unwrap().to_owned(),
        )
    }

    async fn deliver(&self, path: &str, secret: &str, id: &str, body: Vec<u8>) -> Answer {
        send(&self.application, delivery(path, secret, id, body)).await
    }

    async fn on_file(&self) -> i64 {
        let superuser = self.database.superuser_client().await;
        superuser
            .query_one("SELECT count(*) FROM connectors.events", &[])
            .await
            .unwrap()
            .get(0)
    }
}

fn delivery(path: &str, secret: &str, id: &str, body: Vec<u8>) -> TestRequest {
    let now = OffsetDateTime::now_utc();
    let signature = Signer::new([secret.as_bytes()]).unwrap().sign(id, now, &body).unwrap();
    TestRequest::post()
        .uri(path)
        .insert_header(("webhook-id", id))
        .insert_header(("webhook-timestamp", now.unix_timestamp().to_string()))
        .insert_header(("webhook-signature", signature))
        .set_payload(body)
}

#[actix_web::test]
async fn con_1_a_signed_delivery_is_on_file_and_everything_else_gets_one_answer() {
    let site = Site::open().await;
    let (path, id) = site.endpoint().await;
    let body = || br#"{"type":"contact.created"}"#.to_vec();
    for _ in 0..2 {
        let taken = site.deliver(&path, SECRET, "msg_1", body()).await;
        assert_eq!((taken.status.as_u16(), taken.body.as_str()), (204, ""));
    }
    assert_eq!(site.on_file().await, 1);

    let unsigned = TestRequest::post().uri(&path).set_payload(body());
    let mut elsewhere = path.clone();
    elsewhere.replace_range(path.len() - 1.., if path.ends_with('A') { "E" } else { "A" });
    site.post("writer", &format!("/v1/webhook-endpoints/{id}/disable"), &json!({}))
        .await;
    let answers = [
        send(&site.application, unsigned).await,
        site.deliver(&path, OTHER, "msg_2", body()).await,
        site.deliver(&elsewhere, SECRET, "msg_2", body()).await,
        site.deliver("/webhooks/standard/short", SECRET, "msg_2", body()).await,
        site.deliver(&path.replace("standard", "stripe"), SECRET, "msg_2", body())
            .await,
        site.deliver(&path.replace("standard", "nobody"), SECRET, "msg_2", body())
            .await,
        // Signed as it should be, and the endpoint has ended.
        site.deliver(&path, SECRET, "msg_2", body()).await,
    ];
    let constant = |answer: &Answer| {
        let mut body = answer.json();
        assert!(body["correlation_id"].take().is_string());
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| name != "x-correlation-id");
        headers.sort();
        (answer.status, headers, body)
    };
    assert_eq!(answers[0].status.as_u16(), 401);
    for answer in &answers {
        assert_eq!(constant(answer), constant(&answers[0]));
    }
    // Each of them is reported for the record, and says no more there.
    let reported: Vec<_> = site
        .record
        .0
        .lock()
        .unwrap()
        .iter()
        .map(|event| (event.event_type, event.reason))
        .collect();
    assert_eq!(reported, [("http.request.unauthenticated", "CON-001"); 7]);
    assert_eq!(site.on_file().await, 1);
}

#[actix_web::test]
async fn con_1_what_a_request_says_about_its_own_address_is_not_asked() {
    let site = Site::open().await;
    let body = json!({"connector": "twilio", "secret": "0123456789abcdef0123456789abcdef", "algorithm": "auth_token"});
    let made = site.post("writer", "/v1/webhook-endpoints", &body).await.json();
    let url = made["url"].as_str().unwrap();
    let key = aws_lc_rs::hmac::Key::new(
        aws_lc_rs::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        b"0123456789abcdef0123456789abcdef",
    );
    let signed = |address: &str| {
        use base64::Engine as _;
        let tag = aws_lc_rs::hmac::sign(&key, format!("{address}MessageSidSM1SmsStatusreceived").as_bytes());
        base64::engine::general_purpose::STANDARD.encode(tag)
    };
    let path = url.strip_prefix(PUBLIC).unwrap();
    let request = |signature: String, query: &str| {
        TestRequest::post()
            .uri(&format!("{path}{query}"))
            .insert_header(("host", "evil.example"))
            .insert_header(("x-forwarded-host", "evil.example"))
            .insert_header(("x-forwarded-proto", "http"))
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .insert_header(("x-twilio-signature", signature))
            .set_payload("MessageSid=SM1&SmsStatus=received")
    };
    let theirs = format!("http://evil.example{path}");
    assert_eq!(
        send(&site.application, request(signed(&theirs), ""))
            .await
            .status
            .as_u16(),
        401
    );
    assert_eq!(
        send(&site.application, request(signed(url), "?a=b"))
            .await
            .status
            .as_u16(),
        401
    );
    assert_eq!(
        send(&site.application, request(signed(&format!("{url}?a=%20b")), "?a=%20b"))
            .await
            .status
            .as_u16(),
        204
    );
}

#[actix_web::test]
async fn con_1_a_delivery_has_a_size_and_a_method() {
    let site = Site::open().await;
    let (path, _) = site.endpoint().await;
    let most = site.deliver(&path, SECRET, "msg_1", vec![b'x'; 512 * 1024]).await;
    assert_eq!(most.status.as_u16(), 204);
    let more = site.deliver(&path, SECRET, "msg_2", vec![b'x'; 512 * 1024 + 1]).await;
    assert_eq!(more.status.as_u16(), 413);
    let read = send(&site.application, TestRequest::default().method(Method::GET).uri(&path)).await;
    assert_eq!(read.status.as_u16(), 405);
}

#[actix_web::test]
async fn con_5_an_endpoint_shows_its_address_once_and_its_secret_never() {
    let site = Site::open().await;
    let (path, id) = site.endpoint().await;
    let uri = format!("/v1/webhook-endpoints/{id}/secrets");
    let rotated = site
        .post("writer", &uri, &json!({"secret": OTHER, "overlap_s": 0}))
        .await;
    assert_eq!(rotated.status.as_u16(), 204, "{rotated:?}");
    assert_eq!(site.deliver(&path, SECRET, "msg_1", vec![]).await.status.as_u16(), 401);
    assert_eq!(site.deliver(&path, OTHER, "msg_1", vec![]).await.status.as_u16(), 204);
    let listed = site.list("both").await;
    assert_eq!(listed.json()["items"].as_array().unwrap().len(), 1);
    let key = path.rsplit('/').next().unwrap();
    for clear in [
        key,
        SECRET.trim_start_matches("whsec_"),
        OTHER.trim_start_matches("whsec_"),
    ] {
        assert!(!listed.body.contains(clear));
    }
    // Another tenant sees none of it, and its administrator changes none of it.
    assert_eq!(site.list("other").await.json()["items"], json!([]));
    let foreign = site.post("other", &uri, &json!({"secret": SECRET})).await;
    assert_eq!(foreign.status.as_u16(), 404);
    // Nothing that is refused repeats the secret.
    for body in [
        json!({"connector": "standard", "secret": "hunter2-hunter2-hunter2"}),
        json!({"connector": "hunter2", "secret": SECRET}),
        json!({"connector": "stripe", "secret": "hunter2", "algorithm": "auth_token"}),
        json!({"connector": "twilio", "secret": "hunter2-hunter2-hunter2", "algorithm": "hunter2"}),
    ] {
        let refused = site.post("writer", "/v1/webhook-endpoints", &body).await;
        assert_eq!(refused.status.as_u16(), 400, "{refused:?}");
        assert!(!refused.body.contains("hunter2"), "{refused:?}");
    }
}

#[actix_web::test]
async fn without_a_public_address_there_are_no_endpoints() {
    let World { application, .. } = world(app_routes().unwrap());
    let application = application.with(Webhooks::default());
    let sent = send(
        &application,
        delivery("/webhooks/standard/key", SECRET, "msg_1", vec![]),
    )
    .await;
    let listed = send(
        &application,
        with_token(TestRequest::get().uri("/v1/webhook-endpoints"), "both"),
    )
    .await;
    assert_eq!((sent.status.as_u16(), listed.status.as_u16()), (404, 404));
}
