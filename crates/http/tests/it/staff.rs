//! RBC-4: what a session into a tenant makes of a member of the platform's staff, and of nobody else.

use crate::fakes::{CUSTOMER, LOOK, SESSION, SESSION_ENDS, SUBJECT, UNKNOWABLE, send, with_token, world};
use actix_web::test::TestRequest;
use actix_web::web;
use bearingwall_core::CustomerId;
use bearingwall_http::{Granted, RouteSpec, RouteTable};
use bearingwall_rbac::{ManageBreakGlass, ReadClient, WriteClient};
use serde_json::json;

async fn show(granted: Granted<ReadClient>) -> web::Json<serde_json::Value> {
    let ctx = granted.ctx();
    web::Json(json!({
        "customer": ctx.customer(),
        "subject": ctx.subject(),
        "roles": ctx.roles().iter().map(|role| role.as_str()).collect::<Vec<_>>(),
        "expires": ctx.expires_at().unix_timestamp(),
        "session": ctx.break_glass(),
    }))
}

async fn write(_: Granted<WriteClient>) -> &'static str {
    "written"
}

async fn manage(granted: Granted<ManageBreakGlass>) -> web::Json<serde_json::Value> {
    let ctx = granted.platform_ctx();
    web::Json(json!({ "customer": ctx.customer(), "subject": ctx.subject() }))
}

fn routes() -> RouteTable {
    RouteTable::builder()
        .secured::<ReadClient, _, _>(RouteSpec::new("GET /v1/things", "show", "Shows.").phi(LOOK), show)
        .secured::<WriteClient, _, _>(RouteSpec::new("POST /v1/things", "write", "Writes.").phi(LOOK), write)
        .secured::<ManageBreakGlass, _, _>(RouteSpec::new("GET /v1/staff", "manage", "Manages."), manage)
        .finish()
        .unwrap()
}

fn named(request: TestRequest, session: &str) -> TestRequest {
    request.insert_header(("Bearingwall-Break-Glass", session))
}

#[actix_web::test]
async fn rbc_4_a_session_makes_a_reader_of_one_tenant_for_as_long_as_it_is_open() {
    let world = world(routes());
    let read = || with_token(TestRequest::get().uri("/v1/things"), "platform");
    let without = send(&world.application, read()).await;
    assert_eq!(
        (without.status.as_u16(), without.json()["code"].as_str()),
        (403, Some("RBC-001"))
    );
    // Nor does a token that makes the same person one of the tenant's: who is staff comes as staff.
    let both = send(
        &world.application,
        with_token(TestRequest::get().uri("/v1/things"), "staff"),
    )
    .await;
    assert_eq!(
        (both.status.as_u16(), both.json()["code"].as_str()),
        (403, Some("HTP-019"))
    );
    let inside = send(&world.application, named(read(), &SESSION.to_string())).await;
    let expected = json!({
        "customer": CUSTOMER,
        "subject": SUBJECT,
        "roles": ["authenticated", "internal_admin"],
        "expires": SESSION_ENDS.unix_timestamp(),
        "session": SESSION,
    });
    assert_eq!(inside.json(), expected);
    let write = with_token(TestRequest::post().uri("/v1/things"), "platform");
    let write = send(&world.application, named(write, &SESSION.to_string())).await;
    assert_eq!(write.status.as_u16(), 403, "a session writes nothing");
    // What is the platform's own stays in the platform's own tenant.
    let manage = with_token(TestRequest::get().uri("/v1/staff"), "platform");
    let manage = send(&world.application, named(manage, &SESSION.to_string())).await;
    assert_eq!(
        manage.json(),
        json!({ "customer": CustomerId::PLATFORM, "subject": SUBJECT })
    );
}

#[actix_web::test]
async fn rbc_4_a_session_that_is_not_open_not_ones_own_or_not_known_opens_nothing() {
    let world = world(routes());
    let other = "01890000-0000-7000-8000-000000000001";
    let session = SESSION.to_string();
    for (token, named_session, status, code) in [
        ("platform", other, 403, "HTP-019"),
        // A tenant's own people name it in vain, whatever else they may do.
        ("reader", session.as_str(), 403, "HTP-019"),
        ("both", &session, 403, "HTP-019"),
        ("nobody", &session, 403, "HTP-019"),
        ("platform", "", 400, "HTP-008"),
        ("platform", "1", 400, "HTP-008"),
        ("platform", &UNKNOWABLE.to_string(), 503, "HTP-011"),
        ("expired", &session, 401, "HTP-002"),
    ] {
        let request = with_token(TestRequest::get().uri("/v1/things"), token);
        let answer = send(&world.application, named(request, named_session)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (status, Some(code)),
            "{token} {named_session}"
        );
    }
    let twice = with_token(TestRequest::get().uri("/v1/things"), "platform")
        .append_header(("Bearingwall-Break-Glass", session.as_str()))
        .append_header(("Bearingwall-Break-Glass", other));
    assert_eq!(send(&world.application, twice).await.status.as_u16(), 400);
    // Refusals stand on the record with who was refused.
    let reported = world.record.0.lock().unwrap();
    let refused = reported.iter().find(|event| event.reason == "HTP-019").unwrap();
    assert_eq!((refused.subject, refused.customer), (Some(SUBJECT), None));
}
