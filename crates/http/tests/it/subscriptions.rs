//! Subscriptions, destinations and endpoints over real PostgreSQL: what is shown once, what never, and what is refused.

use crate::crm::database;
use crate::fakes::{Answer, World, send, with_token, world};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use bearingwall_audit::AuditLog;
use bearingwall_connectors::endpoints::{HttpEndpoints, HttpEndpointsParts};
use bearingwall_connectors::subscriptions::{Subscriptions, SubscriptionsParts};
use bearingwall_core::{SystemClock, SystemIds};
use bearingwall_gates::PayloadKeys;
use bearingwall_http::{Application, TenantConnectors, app_routes};
use bearingwall_secrets::{CacheOptions, FileKeyStore, FileStore};
use bearingwall_testkit::database::TestDatabase;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

const SUBSCRIPTIONS: &str = "/v1/webhook-subscriptions";

struct Site {
    application: Application,
    _database: TestDatabase,
    _secrets: tempfile::TempDir,
}

impl Site {
    async fn open() -> Self {
        let (database, pool) = database().await;
        let secrets = tempfile::tempdir().unwrap();
        let store = FileStore::create(secrets.path().join("store")).unwrap();
        let keys = Arc::new(FileKeyStore::open_or_create(store.clone(), "kek").unwrap());
        let subscriptions = Subscriptions::new(SubscriptionsParts {
            pool: pool.clone(),
            vault: Arc::new(store.clone()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        });
        let endpoints = HttpEndpoints::new(HttpEndpointsParts {
            pool: pool.clone(),
            vault: Arc::new(store),
            keys: PayloadKeys::new(keys, CacheOptions::default()),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
        });
        let World { application, .. } = world(app_routes().unwrap());
        let both = TenantConnectors::new(Some((subscriptions, endpoints)));
        Self {
            application: application.with(both).with(AuditLog::new(pool)),
            _database: database,
            _secrets: secrets,
        }
    }

    async fn ask(&self, token: &str, method: Method, uri: &str, body: Option<&Value>) -> Answer {
        let request = TestRequest::default().method(method).uri(uri);
        let request = match body {
            Some(body) => request.set_json(body),
            None => request,
        };
        send(&self.application, with_token(request, token)).await
    }

    async fn post(&self, uri: &str, body: &Value) -> Answer {
        self.ask("writer", Method::POST, uri, Some(body)).await
    }

    async fn get(&self, token: &str, uri: &str) -> Answer {
        self.ask(token, Method::GET, uri, None).await
    }
}

fn status(answer: &Answer) -> u16 {
    answer.status.as_u16()
}

#[actix_web::test]
async fn con_8_a_subscriptions_secret_is_shown_once_and_its_deliveries_to_its_tenant() {
    let site = Site::open().await;
    let body = json!({"url": "https://hooks.example.org/in", "event_types": ["client.created", "gate.requested"]});
    let made = site.post(SUBSCRIPTIONS, &body).await;
    assert_eq!(status(&made), 201, "{made:?}");
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    assert_eq!(status(&site.post(SUBSCRIPTIONS, &body).await), 409);
    let one = format!("{SUBSCRIPTIONS}/{id}");
    let rotated = site
        .post(&format!("{one}/rotate-secret"), &json!({"overlap_s": 60}))
        .await;
    assert_eq!(status(&rotated), 201, "{rotated:?}");
    let next = rotated.json()["secret"].as_str().unwrap().to_owned();
    let (listed, shown) = (site.get("both", SUBSCRIPTIONS).await, site.get("both", &one).await);
    for answer in [&listed, &shown] {
        assert_eq!(status(answer), 200);
        for clear in [&secret, &next] {
            assert!(!answer.body.contains(clear.strip_prefix("whsec_").unwrap()));
        }
    }
    assert_eq!(shown.json()["secrets"].as_array().unwrap().len(), 2);
    assert_eq!(shown.json(), listed.json()["items"][0]);

    let sent = site.ask("writer", Method::POST, &format!("{one}/test"), None).await;
    assert_eq!(status(&sent), 202, "{sent:?}");
    let effect = sent.json()["id"].as_str().unwrap().to_owned();
    let deliveries = site.get("both", &format!("{one}/deliveries?limit=1")).await.json();
    assert_eq!(
        (&deliveries["items"][0]["id"], &deliveries["items"][0]["state"]),
        (&json!(effect), &json!("queued"))
    );
    let again = format!("{one}/deliveries/{effect}/redeliver");
    let refused = site.post(&again, &json!({"reason": "nothing was given up"})).await;
    assert!([403, 404, 409].contains(&status(&refused)), "{refused:?}");
    assert_eq!(status(&site.post(&again, &json!({"reason": "short"})).await), 400);

    // Another tenant sees nothing of it, and changes nothing.
    assert_eq!(site.get("other", SUBSCRIPTIONS).await.json()["items"], json!([]));
    let change = json!({"event_types": ["client.created"], "enabled": false});
    for (method, uri, body) in [
        (Method::GET, one.clone(), None),
        (Method::GET, format!("{one}/deliveries"), None),
        (Method::PUT, one.clone(), Some(&change)),
        (Method::DELETE, one.clone(), None),
        (Method::POST, format!("{one}/test"), None),
        (Method::POST, format!("{one}/rotate-secret"), Some(&json!({}))),
        (Method::POST, again, Some(&json!({"reason": "to see it once more"}))),
    ] {
        let answer = site.ask("other", method, &uri, body).await;
        assert_eq!(status(&answer), 404, "{uri} {answer:?}");
    }
    assert_eq!(status(&site.ask("writer", Method::PUT, &one, Some(&change)).await), 204);
    assert_eq!(site.get("both", &one).await.json()["disabled_reason"], "by_person");
    assert_eq!(
        status(&site.ask("writer", Method::POST, &format!("{one}/test"), None).await),
        409
    );
    assert_eq!(status(&site.ask("writer", Method::DELETE, &one, None).await), 204);
    assert_eq!(status(&site.get("both", &one).await), 404);
}

#[actix_web::test]
async fn con_7_what_no_subscription_can_be_is_refused_by_name() {
    let site = Site::open().await;
    for (url, types, signature) in [
        ("http://hooks.example.org/", "client.created", "v1"),
        ("https://127.0.0.1/", "client.created", "v1"),
        ("https://169.254.169.254/latest", "client.created", "v1"),
        ("https://[::1]/", "client.created", "v1"),
        ("https://hunter2:hunter2@hooks.example.org/", "client.created", "v1"),
        ("https://hooks.example.org/\r\nx-evil: hunter2", "client.created", "v1"),
        ("hunter2\0", "client.created", "v1"),
        ("https://hooks.example.org/", "hunter2\0", "v1"),
        ("https://hooks.example.org/", "webhook.test", "v1"),
        ("https://hooks.example.org/", "client.created", "hunter2"),
    ] {
        let body = json!({"url": url, "event_types": [types], "signature": signature});
        let refused = site.post(SUBSCRIPTIONS, &body).await;
        assert_eq!(status(&refused), 400, "{url} {refused:?}");
        assert!(!refused.body.contains("hunter2"), "{refused:?}");
    }
    let none = json!({"url": "https://hooks.example.org/", "event_types": []});
    assert_eq!(status(&site.post(SUBSCRIPTIONS, &none).await), 400);
    let pair = json!({"url": "https://hooks.example.org/", "event_types": ["client.created"], "signature": "v1a"});
    let made = site.post(SUBSCRIPTIONS, &pair).await.json();
    assert!(made["public_key"].as_str().unwrap().starts_with("whpk_") && made.get("secret").is_none());
}

#[actix_web::test]
async fn con_2_a_tenant_names_what_a_connector_may_reach() {
    let site = Site::open().await;
    let uri = "/v1/connectors/webhook/destinations";
    let id = Uuid::now_v7();
    let body = json!({"id": id, "host": "hooks.example.org", "port": 443, "methods": ["POST"]});
    for expected in [204, 409] {
        assert_eq!(status(&site.post(uri, &body).await), expected);
    }
    for (key, value) in [
        ("host", json!("HOOKS.example.org")),
        ("host", json!("a\0b")),
        ("port", json!(0)),
        ("methods", json!([])),
        ("methods", json!(["TRACE"])),
    ] {
        let mut bad = body.clone();
        bad["id"] = json!(Uuid::now_v7());
        bad[key] = value;
        let refused = site.post(uri, &bad).await;
        assert_eq!(status(&refused), 400, "{key} {refused:?}");
    }
    let connectors = site.get("both", "/v1/connectors").await.json();
    let named: Vec<_> = connectors["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["name"], &one["destinations"]))
        .collect();
    assert_eq!(named, [(&json!("webhook"), &json!(1)), (&json!("https"), &json!(0))]);
    assert_eq!(site.get("both", uri).await.json()["items"][0]["id"], json!(id));
    assert_eq!(site.get("other", uri).await.json()["items"], json!([]));
    assert_eq!(
        status(&site.get("both", "/v1/connectors/nobody/destinations").await),
        404
    );
    let one = format!("{uri}/{id}");
    assert_eq!(status(&site.ask("other", Method::DELETE, &one, None).await), 404);
    let elsewhere = format!("/v1/connectors/https/destinations/{id}");
    assert_eq!(status(&site.ask("writer", Method::DELETE, &elsewhere, None).await), 404);
    for expected in [204, 404] {
        assert_eq!(status(&site.ask("writer", Method::DELETE, &one, None).await), expected);
    }
}

#[actix_web::test]
async fn con_11_a_request_to_an_endpoint_waits_at_a_gate() {
    let site = Site::open().await;
    let uri = "/v1/http-endpoints";
    let body = json!({"name": "shop", "url": "https://shop.example.org/orders", "methods": ["POST"], "idempotency": "native", "secret": "hunter2"});
    let made = site.post(uri, &body).await;
    assert_eq!(status(&made), 201, "{made:?}");
    assert_eq!(status(&site.post(uri, &body).await), 409);
    let listed = site.get("both", uri).await;
    assert!(!listed.body.contains("hunter2") && listed.json()["items"][0]["has_secret"] == true);
    for (key, value) in [
        ("name", json!("Shop")),
        ("url", json!("https://10.0.0.1/")),
        ("methods", json!(["POST", "POST"])),
        ("idempotency", json!("sometimes")),
        ("header", json!("host")),
        ("secret", json!("a\r\nb")),
    ] {
        let mut bad = body.clone();
        bad["name"] = json!("other");
        bad[key] = value;
        let refused = site.post(uri, &bad).await;
        assert_eq!(status(&refused), 400, "{key} {refused:?}");
    }
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let requests = format!("{uri}/{id}/requests");
    let asked = site
        .post(&requests, &json!({"method": "POST", "body": {"client": "CANARY-0001"}}))
        .await;
    assert_eq!(status(&asked), 202, "{asked:?}");
    let gate = asked.json()["gate_id"].as_str().unwrap().to_owned();
    let send = format!("/v1/http-requests/{gate}/send");
    let early = site.ask("writer", Method::POST, &send, None).await;
    assert!([403, 409].contains(&status(&early)), "{early:?}");
    for bad in [
        json!({"method": "PUT"}),
        json!({"method": "hunter2"}),
        json!({"method": "POST", "body": 0.5}),
    ] {
        assert_eq!(status(&site.post(&requests, &bad).await), 400, "{bad}");
    }
    assert_eq!(
        status(
            &site
                .ask("other", Method::POST, &requests, Some(&json!({"method": "POST"})))
                .await
        ),
        404
    );
    let end = format!("{uri}/{id}/disable");
    for expected in [204, 409] {
        assert_eq!(status(&site.ask("writer", Method::POST, &end, None).await), expected);
    }
}
