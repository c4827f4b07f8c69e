//! What anybody may ask: is the process alive, can it work, and how is it spoken to.

use crate::edge::Edge;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Check, HttpError, Problem};
use actix_web::{HttpResponse, web};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// How long an answer about readiness holds. The probe is public and each look costs the database a connection.
const READINESS_HOLDS: Duration = Duration::from_secs(1);

/// The OpenAPI document, rendered once.
pub(crate) struct Document(pub(crate) Arc<str>);

/// The last answer about readiness; the lock makes simultaneous probes wait for one look.
#[derive(Default)]
pub(crate) struct LastLook(tokio::sync::Mutex<Option<(Instant, Vec<Check>)>>);

/// The process answers.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `alive`.
    status: &'static str,
}

/// The server can do its work.
#[derive(Serialize, ToSchema)]
struct Ready {
    /// Always `ready`; otherwise the answer is a problem.
    status: &'static str,
    /// What was looked at, and found in order.
    checks: Vec<&'static str>,
    /// What of it will fail unless somebody sees to it; absent if nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<&'static str>,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let health = RouteSpec::new("GET /healthz", "health", "Whether the process is alive.")
        .rate(RateClass::Light)
        .answers(200, "It is.", Some(Content::json::<Health>()));
    let ready = RouteSpec::new("GET /readyz", "ready", "Whether the server can do its work.")
        .rate(RateClass::Light)
        .answers(200, "It can.", Some(Content::json::<Ready>()));
    let document = RouteSpec::new("GET /openapi.json", "openapi", "This document.")
        .rate(RateClass::Light)
        .answers(200, "OpenAPI 3.1.", Some(Content::text("application/json")));
    table
        .public(health, "asked by the process supervisor", healthz)
        .public(ready, "asked by the load balancer", readyz)
        .public(document, "describes the API and holds no data", openapi_json)
}

async fn healthz() -> web::Json<impl Serialize> {
    web::Json(Health { status: "alive" })
}

async fn readyz(edge: web::Data<Edge>, last: web::Data<LastLook>) -> Result<web::Json<impl Serialize>, Problem> {
    let mut last = last.0.lock().await;
    let checks = match last.take() {
        Some((at, checks)) if at.elapsed() < READINESS_HOLDS => {
            *last = Some((at, checks.clone()));
            checks
        }
        Some(_) | None => {
            let checks = edge.services().readiness.check().await;
            *last = Some((Instant::now(), checks.clone()));
            checks
        }
    };
    let failing: Vec<&str> = checks
        .iter()
        .filter(|check| !check.passed)
        .map(|check| check.name)
        .collect();
    if failing.is_empty() {
        return Ok(web::Json(Ready {
            status: "ready",
            checks: checks.iter().map(|check| check.name).collect(),
            warnings: checks
                .iter()
                .filter(|check| check.warned)
                .map(|check| check.name)
                .collect(),
        }));
    }
    Err(HttpError::NotReady {
        failing: failing.join(", "),
    }
    .into())
}

async fn openapi_json(document: web::Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .body(document.0.to_string())
}
