//! HTP-4: nobody asks so often that others wait, and whoever is refused again and again is seen.

use crate::fakes::{LOOK, SUBJECT, World, send, with_token, world_with};
use actix_web::test::TestRequest;
use bearingwall_http::routes::RateClass;
use bearingwall_http::{Granted, HttpError, Limits, PerMinute, Problem, Rates, RouteSpec, RouteTable};
use bearingwall_rbac::{ReadClient, WriteClient};

async fn read(_: Granted<ReadClient>) -> &'static str {
    "read"
}

async fn write(_: Granted<WriteClient>) -> &'static str {
    "written"
}

async fn nobody() -> Result<&'static str, Problem> {
    Err(HttpError::Credentials { found: "none" }.into())
}

async fn open() -> &'static str {
    "open"
}

/// Four at once for each actor and class, eight for a tenant; in a test's time nothing flows back.
fn limited() -> World {
    let routes = RouteTable::builder()
        .secured::<ReadClient, _, _>(
            RouteSpec::new("GET /v1/things", "read", "Reads.")
                .phi(LOOK)
                .rate(RateClass::Read),
            read,
        )
        .secured::<ReadClient, _, _>(
            RouteSpec::new("GET /v1/piles", "pile", "Reads much.")
                .phi(LOOK)
                .rate(RateClass::Bulk),
            read,
        )
        .secured::<WriteClient, _, _>(
            RouteSpec::new("POST /v1/things", "write", "Writes.")
                .phi(LOOK)
                .rate(RateClass::Write),
            write,
        )
        .secured::<ReadClient, _, _>(
            RouteSpec::new("GET /v1/unsaid", "unsaid", "Says no class.").phi(LOOK),
            read,
        )
        .public(
            RouteSpec::new("GET /door", "door", "Lets nobody in.").rate(RateClass::Light),
            "a test",
            nobody,
        )
        .public(
            RouteSpec::new("GET /hall", "hall", "Lets everybody in.").rate(RateClass::Read),
            "a test",
            open,
        )
        .finish()
        .unwrap();
    let rates = Rates {
        read: PerMinute(16),
        bulk: PerMinute(1),
        refusals: PerMinute(16),
        tenant_factor: 2,
        ..Rates::default()
    };
    let limits = Limits {
        rates,
        ..Limits::default()
    };
    world_with(routes, limits, true)
}

async fn statuses(world: &World, count: usize, request: impl Fn() -> TestRequest) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..count {
        statuses.push(send(&world.application, request()).await.status.as_u16());
    }
    statuses
}

fn things(token: &str) -> TestRequest {
    with_token(TestRequest::get().uri("/v1/things"), token)
}

#[actix_web::test]
async fn htp_4_an_actor_waits_when_its_bucket_is_empty_and_another_class_is_another_bucket() {
    let world = limited();
    assert_eq!(
        statuses(&world, 6, || things("reader")).await,
        [200, 200, 200, 200, 429, 429]
    );
    let refused = send(&world.application, things("reader")).await;
    assert_eq!(refused.json()["code"], "HTP-018");
    assert_eq!(refused.header("retry-after"), Some("10"));
    let pile = || with_token(TestRequest::get().uri("/v1/piles"), "reader");
    assert_eq!(
        statuses(&world, 2, pile).await,
        [200, 429],
        "a rate below four gives one at once"
    );
    // Another tenant's people are not held up.
    assert_eq!(
        statuses(&world, 1, || things("other")).await,
        [429],
        "the fakes are one person in both tenants"
    );
    let write = || with_token(TestRequest::post().uri("/v1/things"), "writer");
    assert_eq!(statuses(&world, 3, write).await, [200, 200, 200]);
    // Whoever may not do it is told that, and takes nothing.
    let denied = || with_token(TestRequest::post().uri("/v1/things"), "reader");
    assert_eq!(statuses(&world, 6, denied).await, [403; 6]);
}

#[actix_web::test]
async fn htp_4_failed_tokens_of_one_network_are_told_to_wait_and_good_ones_are_not() {
    let world = limited();
    let from = |token: &str, peer: &str| things(token).peer_addr(format!("{peer}:4711").parse().unwrap());
    let bad = || from("expired", "192.0.2.7");
    assert_eq!(statuses(&world, 6, bad).await, [401, 401, 401, 401, 429, 429]);
    let anonymous = || {
        TestRequest::get()
            .uri("/v1/anything")
            .peer_addr("192.0.2.7:1".parse().unwrap())
    };
    assert_eq!(statuses(&world, 1, anonymous).await, [429]);
    // That no key can be had is not the caller's doing.
    assert_eq!(statuses(&world, 8, || from("down", "192.0.2.9")).await, [503; 8]);
    assert_eq!(
        statuses(&world, 1, || from("expired", "192.0.2.8")).await,
        [401],
        "another network"
    );
    assert_eq!(
        statuses(&world, 1, || from("reader", "192.0.2.7")).await,
        [200],
        "a good token of the same network"
    );
    // One alarm, beside the refusals: what was told to wait is on the record as what it was.
    let reported = world.record.0.lock().unwrap();
    let alarms: Vec<_> = reported.iter().filter(|event| event.reason == "HTP-018").collect();
    assert_eq!(alarms.len(), 1);
    assert_eq!(
        (alarms[0].event_type, alarms[0].subject),
        ("http.request.unauthenticated", None)
    );
    assert_eq!(
        reported.iter().filter(|event| event.reason.starts_with("AUT-")).count(),
        7,
        "six of one network and one of another"
    );
    assert_eq!(reported.iter().filter(|event| event.reason == "HTP-002").count(), 1);
}

#[actix_web::test]
async fn htp_4_a_route_that_names_no_class_is_held_to_be_the_costliest() {
    let world = limited();
    let unsaid = || with_token(TestRequest::get().uri("/v1/unsaid"), "reader");
    assert_eq!(statuses(&world, 2, unsaid).await, [200, 429]);
}

#[actix_web::test]
async fn htp_4_whatever_proves_no_identity_is_counted_and_not_bearer_tokens_alone() {
    let world = limited();
    let door = || {
        TestRequest::get()
            .uri("/door")
            .peer_addr("192.0.2.7:1".parse().unwrap())
    };
    assert_eq!(statuses(&world, 6, door).await, [401, 401, 401, 401, 429, 429]);
}

#[actix_web::test]
async fn htp_4_a_network_asks_only_so_often_where_nobody_is_asked_who_it_is() {
    let world = limited();
    let hall = |peer: &'static str, forwarded: Option<&'static str>| {
        move || {
            let request = TestRequest::get().uri("/hall").peer_addr(peer.parse().unwrap());
            match forwarded {
                Some(forwarded) => request.insert_header(("x-forwarded-for", forwarded)),
                None => request,
            }
        }
    };
    let direct = hall("192.0.2.7:1", None);
    assert_eq!(statuses(&world, 6, direct).await, [200, 200, 200, 200, 429, 429]);
    // Of whom is no proxy of ours, what it says of others is not believed.
    let lying = hall("192.0.2.7:1", Some("203.0.113.1"));
    assert_eq!(statuses(&world, 1, lying).await, [429]);
    // Behind a proxy of ours, each network has its own.
    let (one, other) = (
        hall("10.1.2.3:1", Some("203.0.113.9")),
        hall("10.1.2.3:1", Some("203.0.113.10")),
    );
    assert_eq!(statuses(&world, 5, one).await, [200, 200, 200, 200, 429]);
    assert_eq!(statuses(&world, 1, other).await, [200]);
    assert_eq!(statuses(&world, 1, hall("192.0.2.8:1", None)).await, [200]);
    // One alarm for each that was too fast, with its address.
    let reported = world.record.0.lock().unwrap();
    let alarms: Vec<_> = (reported.iter())
        .map(|event| (event.reason, event.source_ip.unwrap().to_string()))
        .collect();
    let expected = ["192.0.2.7", "203.0.113.9"].map(|address| ("HTP-018", address.to_owned()));
    assert_eq!(alarms, expected);
}

#[actix_web::test]
async fn htp_4_an_actor_that_asks_too_often_is_reported_once() {
    let world = limited();
    statuses(&world, 40, || things("reader")).await;
    let reported = world.record.0.lock().unwrap();
    let alarms: Vec<_> = reported.iter().filter(|event| event.reason == "HTP-018").collect();
    assert_eq!(alarms.len(), 1);
    assert_eq!(
        (alarms[0].event_type, alarms[0].subject, alarms[0].route),
        ("http.request.denied", Some(SUBJECT), Some("GET /v1/things"))
    );
}
