//! The CRM's routes over real PostgreSQL: what is written is read back, in its own tenant only.

use crate::fakes::{Answer, CUSTOMER, OTHER_CUSTOMER, World, send, with_token, world};
use actix_web::test::TestRequest;
use bearingwall_audit::AuditLog;
use bearingwall_core::Sensitive;
use bearingwall_domain::Crm;
use bearingwall_http::{Application, RunningServer, ServerOptions, app_routes};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{FileKeyStore, FileStore};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool};
use bearingwall_testkit::database::{Login, TestDatabase};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

const REGION: &str = "eu-west-1";

struct Spa {
    application: Application,
    _database: TestDatabase,
    _secrets: tempfile::TempDir,
}

/// A database with two tenants, and the server's pool.
pub(crate) async fn database() -> (TestDatabase, TenantPool) {
    let database = TestDatabase::create().await;
    let mut admin = database.admin_client().await;
    serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
    let secret = Sensitive::new(Uuid::new_v4().as_bytes().repeat(2));
    install_enter_key(&mut admin, 1, &secret).await.unwrap();
    for (id, slug) in [(CUSTOMER, "juniper"), (OTHER_CUSTOMER, "saltmarsh")] {
        let tenant = NewTenant {
            id,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            region: REGION.to_owned(),
        };
        tenant_create(&mut admin, &tenant).await.unwrap();
    }
    let address = database.url(Login::App).parse().unwrap();
    let config = PoolConfig::new(address, Some(database.app_password()), vec![REGION.to_owned()]);
    let pool = TenantPool::connect(config, EnterKey::new(1, &secret).unwrap())
        .await
        .unwrap();
    (database, pool)
}

impl Spa {
    async fn open() -> Self {
        let (database, pool) = database().await;
        let secrets = tempfile::tempdir().unwrap();
        let store = FileStore::create(secrets.path().join("store")).unwrap();
        let keys = FileKeyStore::open_or_create(store, "kek").unwrap();
        let crm = Crm::new(AuditLog::new(pool), Arc::new(keys));
        let World { application, .. } = world(app_routes().unwrap());
        Self {
            application: application.with(crm),
            _database: database,
            _secrets: secrets,
        }
    }

    async fn ask(&self, token: &str, request: TestRequest) -> Answer {
        send(&self.application, with_token(request, token)).await
    }

    async fn get(&self, token: &str, uri: &str) -> Answer {
        self.ask(token, TestRequest::get().uri(uri)).await
    }

    async fn post(&self, token: &str, uri: &str, body: &Value) -> Answer {
        self.ask(token, TestRequest::post().uri(uri).set_json(body)).await
    }
}

fn ada() -> Value {
    json!({
        "external_id": "juniper-1",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "date_of_birth": "1985-12-10",
        "phone": "(415) 555-0119",
        "email": "ada@example.net",
        "address": { "street": "12 Ockham Park", "city": "London", "state": "CA", "postal_code": "94107" },
        "allergies": "penicillin",
        "conditions": "none known",
        "marketing_opt_in": true,
        "labels": { "canary": "CANARY-1" },
    })
}

fn details(client: &Value) -> Value {
    let mut details = client.as_object().unwrap().clone();
    for own in ["id", "version", "created_at", "updated_at"] {
        assert!(details.remove(own).is_some(), "{own}");
    }
    Value::Object(details)
}

#[actix_web::test]
async fn a_client_is_created_read_listed_found_and_changed() {
    let spa = Spa::open().await;
    let created = spa.post("both", "/v1/clients", &ada()).await;
    assert_eq!(
        (created.status.as_u16(), created.header("etag")),
        (201, Some("\"1\"")),
        "{created:?}"
    );
    let path = created.header("location").unwrap().to_owned();
    assert_eq!(path, format!("/v1/clients/{}", created.json()["id"].as_str().unwrap()));
    assert_eq!(created.json().as_object().unwrap().len(), 2);

    let read = spa.get("reader", &path).await;
    assert_eq!((read.status.as_u16(), read.header("etag")), (200, Some("\"1\"")));
    assert_eq!(details(&read.json()), ada());
    assert_eq!(
        spa.get("reader", "/v1/clients?limit=5").await.json()["items"],
        json!([read.json()])
    );
    for query in [
        json!({ "name_prefix": "lovel" }),
        json!({ "phone": "+1 415 555 0119" }),
        json!({ "email": "ADA@example.net" }),
    ] {
        assert_eq!(
            spa.post("reader", "/v1/clients:search", &query).await.json()["items"],
            json!([read.json()]),
            "{query}"
        );
    }

    let mut changed = ada();
    changed["last_name"] = json!("King");
    let put = |tag: Option<&'static str>, body: &Value| {
        let request = TestRequest::put().uri(&path).set_json(body);
        if let Some(tag) = tag {
            request.insert_header(("If-Match", tag))
        } else {
            request
        }
    };
    assert_eq!(spa.ask("both", put(None, &changed)).await.json()["field"], "If-Match");
    assert_eq!(spa.ask("both", put(Some("\"7\""), &changed)).await.status.as_u16(), 409);
    let answer = spa.ask("both", put(Some("\"1\""), &changed)).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("etag")),
        (200, Some("\"2\"")),
        "{answer:?}"
    );
    assert_eq!(details(&spa.get("reader", &path).await.json()), changed);

    let log = spa.get("reader", &format!("{path}/access-log")).await.json();
    let routes: Vec<&str> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["route"].as_str())
        .collect();
    assert!(
        routes.contains(&"GET /v1/clients/{client_id}") && routes.contains(&"POST /v1/clients:search"),
        "{log}"
    );
    assert!(
        log["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|entry| entry["correlation_id"] == read.header("x-correlation-id").unwrap())
    );
}

#[actix_web::test]
async fn chart_notes_are_written_read_listed_and_changed() {
    let spa = Spa::open().await;
    let client = spa
        .post("both", "/v1/clients", &ada())
        .await
        .header("location")
        .unwrap()
        .to_owned();
    let notes = format!("{client}/chart-notes");
    let note = json!({
        "external_id": null, "noted_on": "2026-01-02", "author": "Mario Hernandez, RN", "service": "hydra", "body": "13 units.",
    });
    let created = spa.post("both", &notes, &note).await;
    assert_eq!(
        (created.status.as_u16(), created.header("etag")),
        (201, Some("\"1\"")),
        "{created:?}"
    );
    let path = created.header("location").unwrap().to_owned();
    let read = spa.get("reader", &path).await.json();
    assert_eq!(client, format!("/v1/clients/{}", read["client_id"].as_str().unwrap()));
    assert_eq!(
        (read["body"].as_str(), read["version"].as_i64()),
        (Some("13 units."), Some(1))
    );
    assert_eq!(spa.get("reader", &notes).await.json()["items"], json!([read]));
    let mut changed = note.clone();
    changed["body"] = json!("14 units.");
    let put = TestRequest::put()
        .uri(&path)
        .insert_header(("If-Match", "\"1\""))
        .set_json(&changed);
    assert_eq!(spa.ask("both", put).await.header("etag"), Some("\"2\""));
    assert_eq!(spa.get("reader", &path).await.json()["body"], "14 units.");
}

#[actix_web::test]
async fn htp_2_the_other_tenants_client_and_note_answer_like_missing_ones() {
    let spa = Spa::open().await;
    let client = spa
        .post("both", "/v1/clients", &ada())
        .await
        .header("location")
        .unwrap()
        .to_owned();
    let note = json!({ "noted_on": "2026-01-02", "author": "RN", "service": "hydra", "body": "x" });
    let note_path = spa
        .post("both", &format!("{client}/chart-notes"), &note)
        .await
        .header("location")
        .unwrap()
        .to_owned();
    let missing = Uuid::now_v7();
    for (theirs, missing) in [
        (client.clone(), format!("/v1/clients/{missing}")),
        (note_path, format!("/v1/chart-notes/{missing}")),
        (
            format!("{client}/access-log"),
            format!("/v1/clients/{missing}/access-log"),
        ),
        (
            format!("{client}/chart-notes"),
            format!("/v1/clients/{missing}/chart-notes"),
        ),
    ] {
        let plain = |answer: Answer| {
            let body = answer.body.replace(answer.header("x-correlation-id").unwrap(), "-");
            (answer.status.as_u16(), body)
        };
        let (theirs_answer, missing_answer) = (spa.get("other", &theirs).await, spa.get("other", &missing).await);
        let theirs_answer = plain(theirs_answer);
        assert_eq!(theirs_answer.0, 404, "{theirs}: {theirs_answer:?}");
        assert_eq!(theirs_answer, plain(missing_answer), "{theirs}");
    }
    assert_eq!(spa.get("other", "/v1/clients").await.json()["items"], json!([]));
    let found = spa
        .post("other", "/v1/clients:search", &json!({ "email": "ada@example.net" }))
        .await;
    assert_eq!(found.json()["items"], json!([]));
}

#[actix_web::test]
async fn an_invalid_input_names_field_and_rule_and_never_the_value() {
    let spa = Spa::open().await;
    for (field, value) in [
        ("date_of_birth", "CANARY"),
        ("email", "CANARY"),
        ("phone", "CANARY"),
        ("first_name", ""),
    ] {
        let mut body = ada();
        body[field] = json!(value);
        let answer = spa.post("both", "/v1/clients", &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["field"].as_str()),
            (400, Some(field)),
            "{answer:?}"
        );
        assert!(!answer.body.contains("CANARY"));
    }
    for body in [json!({}), json!({ "phone": "4155550119", "email": "a@example.net" })] {
        let answer = spa.post("both", "/v1/clients:search", &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["field"].as_str()),
            (400, Some("body"))
        );
    }
    assert_eq!(spa.get("both", "/v1/clients?limit=101").await.json()["field"], "limit");
}

/// Sends a file over a real connection, in pieces, while the answer is read.
async fn import(address: std::net::SocketAddr, path: &str, file: String) -> (String, Vec<Value>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut reading, mut writing) = stream.into_split();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer both\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        file.len()
    );
    let sending = async move {
        writing.write_all(head.as_bytes()).await.unwrap();
        for piece in file.as_bytes().chunks(7_001) {
            writing.write_all(piece).await.unwrap();
        }
        writing
    };
    let receiving = async {
        let mut answer = String::new();
        reading.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let (_writing, answer) = tokio::join!(sending, receiving);
    let status = answer.lines().next().unwrap().to_owned();
    let lines = answer
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(Value::is_object);
    (status, lines.collect())
}

#[actix_web::test]
async fn an_import_over_a_real_connection_tells_every_bad_row_and_repeats_without_effect() {
    let spa = Spa::open().await;
    let options = ServerOptions {
        workers: 1,
        ..ServerOptions::default()
    };
    let server = RunningServer::bind(spa.application.clone(), "127.0.0.1:0".parse().unwrap(), &options).unwrap();
    let address = server.address();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let rows = |birth: &dyn Fn(usize) -> &'static str| {
        let row = |at: usize| format!("c-{at},First{at},Lasté{at},{},\"line one\nline two\"\n", birth(at));
        "external_id,first_name,last_name,date_of_birth,remark\n".to_owned() + &(0..2_000).map(row).collect::<String>()
    };
    let file = rows(&|at| if at % 2 == 0 { "1980-01-02" } else { "not a date" });
    let client = async {
        let (status, lines) = import(address, "/v1/clients:import", file.clone()).await;
        assert_eq!(status, "HTTP/1.1 200 OK", "{lines:?}");
        let invalid: Vec<u64> = lines
            .iter()
            .filter(|line| line["type"] == "row")
            .map(|line| line["line"].as_u64().unwrap())
            .collect();
        // Each row takes two physical lines after the header.
        assert_eq!(invalid, (0..1_000).map(|at| 4 + 4 * at).collect::<Vec<_>>());
        let counts = |created, unchanged| {
            json!({
                "type": "summary", "rows": 2000, "created": created, "unchanged": unchanged, "conflicts": 0, "invalid": 1000,
                "complete": true,
            })
        };
        assert_eq!(lines.last().unwrap(), &counts(1000, 0));
        let (_, again) = import(address, "/v1/clients:import", file.clone()).await;
        assert_eq!(again.last().unwrap(), &counts(0, 1000));
        let (refused, problem) = import(address, "/v1/clients:import", "first_name\nAda\n".to_owned()).await;
        assert_eq!(
            (refused.as_str(), problem[0]["code"].as_str()),
            ("HTTP/1.1 400 Bad Request", Some("DOM-007"))
        );
        stop.send(()).unwrap();
    };
    let (ended, ()) = tokio::join!(server.run(async { stopped.await.unwrap() }), client);
    ended.unwrap();
}
