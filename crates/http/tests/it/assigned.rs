//! RBC-5 and RBC-6 at the edge: what a tenant assigned counts beside the roles, in that tenant alone, and its use is noted.

use crate::fakes::{ASSIGNED, CUSTOMER, DESK, SESSION, World, send, with_token, world};
use actix_web::test::TestRequest;
use actix_web::web;
use bearingwall_http::{Granted, RouteSpec, RouteTable};
use bearingwall_rbac::{DecideRole, ReadRole, RequestRole};
use serde_json::json;

async fn read(_: Granted<ReadRole>) -> &'static str {
    "read"
}

async fn write(granted: Granted<RequestRole>) -> web::Json<serde_json::Value> {
    let ctx = granted.ctx();
    web::Json(json!({ "customer": ctx.customer(), "subject": ctx.subject() }))
}

async fn decide(_: Granted<DecideRole>) -> &'static str {
    "decided"
}

fn routes() -> RouteTable {
    RouteTable::builder()
        .secured::<ReadRole, _, _>(RouteSpec::new("GET /v1/things", "read", "Reads."), read)
        .secured::<RequestRole, _, _>(RouteSpec::new("POST /v1/things", "write", "Writes."), write)
        .secured::<DecideRole, _, _>(RouteSpec::new("POST /v1/things:decide", "decide", "Decides."), decide)
        .finish()
        .unwrap()
}

async fn status(world: &World, request: TestRequest, token: &str) -> u16 {
    send(&world.application, with_token(request, token))
        .await
        .status
        .as_u16()
}

#[actix_web::test]
async fn rbc_5_what_is_assigned_counts_beside_the_roles_and_gives_nothing_else() {
    let world = world(routes());
    let written = with_token(TestRequest::post().uri("/v1/things"), "desk");
    let written = send(&world.application, written).await;
    assert_eq!(written.json(), json!({ "customer": CUSTOMER, "subject": DESK }));
    for (request, token, expected) in [
        (TestRequest::get().uri("/v1/things"), "desk", 403),
        (TestRequest::post().uri("/v1/things:decide"), "desk", 403),
        (TestRequest::post().uri("/v1/things"), "nobody", 403),
        (TestRequest::post().uri("/v1/things"), "reader", 403),
        // A member of the platform's staff, whatever tenant its token names.
        (TestRequest::post().uri("/v1/things"), "desk-staff", 403),
        // Who cannot be looked up is let in nowhere, not even by a role.
        (TestRequest::post().uri("/v1/things"), "lost", 503),
    ] {
        assert_eq!(status(&world, request, token).await, expected, "{token}");
    }
    let inside = TestRequest::post()
        .uri("/v1/things")
        .insert_header(("Bearingwall-Break-Glass", SESSION.to_string()));
    assert_eq!(
        status(&world, inside, "platform").await,
        403,
        "a session writes nothing"
    );
}

#[actix_web::test]
async fn rbc_6_use_is_noted_where_the_assignment_alone_permits_it() {
    let world = world(routes());
    let noted = || world.desk.0.lock().unwrap().clone();
    for (request, token, expected) in [
        (TestRequest::get().uri("/v1/things"), "desk", 403),
        // The role permits it as well.
        (TestRequest::post().uri("/v1/things"), "desk-writer", 200),
    ] {
        assert_eq!(status(&world, request, token).await, expected);
        assert_eq!(noted(), [], "{token}");
    }
    // Of two, the one whose use was noted lately is not noted again. That it cannot be noted fails no answer.
    assert_eq!(status(&world, TestRequest::post().uri("/v1/things"), "desk").await, 200);
    assert_eq!(noted(), [ASSIGNED]);
}
