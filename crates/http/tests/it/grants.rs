//! RBC-1: what a handler receives, and that a refusal comes before anything else is read.

use crate::fakes::{CUSTOMER, EXPIRES, LOOK, SUBJECT, World, send, with_token, world, world_that_keeps_proofs};
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use actix_web::web;
use bearingwall_core::{BearerProof, PurposeOfUse};
use bearingwall_http::{Granted, RouteSpec, RouteTable, app_routes};
use bearingwall_rbac::{ReadClient, WriteClient};
use serde_json::json;

async fn show(granted: Granted<ReadClient>) -> web::Json<serde_json::Value> {
    let ctx = granted.ctx();
    web::Json(json!({
        "customer": ctx.customer(),
        "subject": ctx.subject(),
        "request": ctx.request(),
        "purpose": ctx.purpose().as_str(),
        "route": ctx.route(),
        "expires": ctx.expires_at().unix_timestamp(),
        "roles": ctx.roles().iter().map(|role| role.as_str()).collect::<Vec<_>>(),
    }))
}

/// Shows whether the context holds the token; the token itself is the caller's own.
#[expect(
    clippy::disallowed_methods,
    reason = "the test compares the token with the one that it sent"
)]
async fn prove(granted: Granted<ReadClient>) -> web::Json<serde_json::Value> {
    web::Json(json!({ "proof": granted.ctx().proof().map(BearerProof::expose) }))
}

async fn write(_: Granted<WriteClient>, _: web::Json<serde_json::Value>) -> &'static str {
    "written"
}

fn routes() -> RouteTable {
    RouteTable::builder()
        .secured::<ReadClient, _, _>(RouteSpec::new("GET /v1/things/{id}", "show", "Shows.").phi(LOOK), show)
        .secured::<ReadClient, _, _>(RouteSpec::new("GET /v1/proofs", "prove", "Proves.").phi(LOOK), prove)
        .secured::<WriteClient, _, _>(
            RouteSpec::new("POST /v1/things:import", "write", "Writes.").phi(LOOK),
            write,
        )
        .finish()
        .unwrap()
}

#[actix_web::test]
async fn rbc_1_the_context_is_made_of_token_request_and_route() {
    let world = world(routes());
    let request =
        with_token(TestRequest::get().uri("/v1/things/7"), "both").insert_header(("Bearingwall-Purpose", "PATRQT"));
    let answer = send(&world.application, request).await;
    let expected = json!({
        "customer": CUSTOMER,
        "subject": SUBJECT,
        "request": answer.header("x-correlation-id").unwrap(),
        "purpose": "PATRQT",
        "route": "GET /v1/things/{id}",
        "expires": EXPIRES.unix_timestamp(),
        "roles": ["authenticated", "customer_admin"],
    });
    assert_eq!(answer.json(), expected);
}

#[actix_web::test]
async fn ten_7_a_context_holds_the_callers_token_where_the_database_asks_for_it_and_nowhere_else() {
    let ask = async |world: World, token| {
        let request = with_token(TestRequest::get().uri("/v1/proofs"), token);
        send(&world.application, request).await.json()["proof"].clone()
    };
    for token in ["reader", "both"] {
        assert_eq!(ask(world_that_keeps_proofs(routes()), token).await, json!(token));
        assert_eq!(ask(world(routes()), token).await, json!(null));
    }
}

#[actix_web::test]
async fn the_purpose_is_treatment_unless_it_is_said_and_unknown_purposes_are_refused() {
    let world = world(routes());
    let answer = send(
        &world.application,
        with_token(TestRequest::get().uri("/v1/things/7"), "reader"),
    )
    .await;
    assert_eq!(answer.json()["purpose"], PurposeOfUse::Treatment.as_str());
    for values in [vec!["treat"], vec![""], vec!["TREAT", "TREAT"], vec!["TREAT,PATRQT"]] {
        let request = with_token(TestRequest::get().uri("/v1/things/7"), "reader");
        let request = values.iter().fold(request, |request, value| {
            request.append_header(("Bearingwall-Purpose", *value))
        });
        let answer = send(&world.application, request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{values:?}");
        assert_eq!(answer.json()["field"], "Bearingwall-Purpose");
    }
}

#[actix_web::test]
async fn rbc_1_a_missing_permission_is_answered_before_a_broken_body() {
    let world = world(routes());
    let broken = |token| {
        let request = TestRequest::post()
            .uri("/v1/things:import")
            .insert_header(("Content-Type", "application/json"));
        with_token(request, token).set_payload("{")
    };
    for (token, status) in [
        ("reader", 403),
        ("platform", 403),
        ("nobody", 403),
        ("expired", 401),
        ("writer", 400),
    ] {
        assert_eq!(
            send(&world.application, broken(token)).await.status.as_u16(),
            status,
            "{token}"
        );
    }
}

#[actix_web::test]
async fn rbc_1_a_token_without_a_tenant_reaches_no_tenants_route() {
    let world = world(routes());
    let answer = send(
        &world.application,
        with_token(TestRequest::get().uri("/v1/things/7"), "stray"),
    )
    .await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()["code"].as_str()),
        (403, Some("RBC-004"))
    );
}

#[actix_web::test]
async fn me_tells_what_the_token_says() {
    let world = world(app_routes().unwrap());
    let answer = send(&world.application, with_token(TestRequest::get().uri("/v1/me"), "both")).await;
    let expected = json!({
        "subject_id": SUBJECT,
        "customer_id": CUSTOMER,
        "roles": ["authenticated", "customer_admin"],
        "expires_at": "2030-01-02T03:04:05Z",
    });
    assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
    let platform = send(
        &world.application,
        with_token(TestRequest::get().uri("/v1/me"), "platform"),
    )
    .await;
    assert_eq!(
        (platform.status.as_u16(), platform.json()["customer_id"].is_null()),
        (200, true)
    );
}
