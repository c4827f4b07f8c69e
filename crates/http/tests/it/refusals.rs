//! AUD-3: a refusal reaches the record, with who it was only where that was proven.

use crate::fakes::{CUSTOMER, LOOK, SUBJECT, send, with_token, world, world_that_keeps_proofs};
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use bearingwall_core::{BearerProof, Outcome, SecurityEvent};
use bearingwall_http::{Granted, RouteSpec, RouteTable};
use bearingwall_rbac::WriteClient;

async fn write(_: Granted<WriteClient>) -> &'static str {
    "written"
}

fn routes() -> RouteTable {
    let spec = RouteSpec::new("POST /v1/things/{id}", "write", "Writes.").phi(LOOK);
    RouteTable::builder()
        .secured::<WriteClient, _, _>(spec, write)
        .finish()
        .unwrap()
}

async fn reported(request: TestRequest) -> (StatusCode, Vec<SecurityEvent>) {
    let world = world(routes());
    let answer = send(&world.application, request).await;
    let events = world.record.0.lock().unwrap().clone();
    for event in &events {
        assert_eq!(event.request.to_string(), answer.header("x-correlation-id").unwrap());
        assert_eq!(event.outcome, Outcome::Denied);
    }
    (answer.status, events)
}

#[actix_web::test]
async fn aud_3_a_denied_request_is_reported_with_actor_route_and_reason() {
    let (status, events) = reported(with_token(TestRequest::post().uri("/v1/things/9"), "reader")).await;
    assert_eq!((status, events.len()), (StatusCode::FORBIDDEN, 1));
    let event = &events[0];
    assert_eq!((event.event_type, event.reason), ("http.request.denied", "RBC-001"));
    assert_eq!((event.customer, event.subject), (Some(CUSTOMER), Some(SUBJECT)));
    assert_eq!(event.route, Some("POST /v1/things/{id}"));
}

#[actix_web::test]
async fn aud_3_an_unauthenticated_request_is_reported_without_inventing_an_identity() {
    for (request, reason) in [
        (TestRequest::post().uri("/v1/things/9"), "HTP-002"),
        (
            with_token(TestRequest::post().uri("/v1/things/9"), "expired"),
            "AUT-011",
        ),
        (with_token(TestRequest::get().uri("/v1/nothing"), "expired"), "AUT-011"),
    ] {
        let (status, events) = reported(request).await;
        assert_eq!((status, events.len()), (StatusCode::UNAUTHORIZED, 1));
        let event = &events[0];
        assert_eq!(
            (event.event_type, event.reason),
            ("http.request.unauthenticated", reason)
        );
        assert_eq!((event.customer, event.subject, event.route), (None, None, None));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test compares the token with the one that it sent"
)]
#[actix_web::test]
async fn ten_7_a_refusal_carries_the_proof_of_a_proven_identity_and_of_no_other() {
    for (token, keeps, proven) in [
        ("reader", true, Some("reader")),
        ("reader", false, None),
        ("expired", true, None),
    ] {
        let world = if keeps {
            world_that_keeps_proofs(routes())
        } else {
            world(routes())
        };
        send(
            &world.application,
            with_token(TestRequest::post().uri("/v1/things/9"), token),
        )
        .await;
        let events = world.record.0.lock().unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(
            events[0].proof.as_ref().map(BearerProof::expose),
            proven,
            "{token} {keeps}"
        );
    }
}

#[actix_web::test]
async fn a_request_that_was_not_refused_reports_nothing() {
    for request in [
        with_token(TestRequest::post().uri("/v1/things/9"), "writer"),
        with_token(TestRequest::get().uri("/v1/things/9"), "writer"),
        with_token(TestRequest::get().uri("/v1/nothing"), "writer"),
    ] {
        assert!(reported(request).await.1.is_empty());
    }
}
