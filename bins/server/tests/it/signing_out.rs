//! Who was signed out stays out, on every server of the deployment, within seconds.

use crate::site::{Answer, Server, Site, send, shared};
use bearingwall_core::Role;
use reqwest::Method;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// The promise: two seconds; the list is read every second.
const SOON: Duration = Duration::from_secs(2);

fn post(server: &Server, logout_token: &str) -> Answer {
    send(
        server
            .request_anonymous(Method::POST, "/auth/backchannel-logout")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("logout_token={logout_token}")),
    )
}

fn refused_soon(server: &Server, token: &str) {
    let began = Instant::now();
    while server.get("/v1/me", token).status != 401 {
        assert!(began.elapsed() < SOON, "still accepted");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn aut_4_a_session_that_its_provider_ends_is_over_on_every_server() {
    let running = shared();
    let (site, server) = &*running;
    let other_server = site.serve(&site.config());
    let claims = site.claims("dana", site.tenants.juniper, &[Role::Authenticated]);
    let sessions = ["one", "two"].map(|name| format!("{name}-{}", Uuid::new_v4()));
    let [ended, other] = [0, 1].map(|at: usize| site.issuer.session_token(&claims, &sessions[at]).unwrap());
    for server in [server, &other_server] {
        assert_eq!(server.get("/v1/me", &ended).status, 200);
    }
    let said = post(server, &site.logout_token("dana", Some(&sessions[0])));
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(said.header("cache-control"), "no-store");
    for server in [server, &other_server] {
        refused_soon(server, &ended);
        assert_eq!(server.get("/v1/me", &other).status, 200);
    }
    let recorded = site.ask(&format!(
        "SELECT concat_ws(' ', event_type, outcome, route, actor_id, resource_id) FROM audit.events WHERE request_id = '{}'",
        said.correlation_id()
    ));
    let subject = bearingwall_authn::subject_id(site.issuer.issuer(), "dana");
    assert_eq!(
        recorded,
        [format!(
            "session.ended success POST /auth/backchannel-logout {subject} {}",
            bearingwall_authn::session_key(site.issuer.issuer(), &sessions[0])
        )]
    );
    // A server that starts later has not heard of it, and reads it first.
    assert_eq!(site.serve(&site.config()).get("/v1/me", &ended).status, 401);
}

#[test]
fn aut_4_a_person_whom_the_provider_signs_out_is_out_of_all_sessions() {
    let running = shared();
    let (site, server) = &*running;
    let person = format!("sam-{}", Uuid::new_v4());
    let claims = site.claims(&person, site.tenants.juniper, &[Role::Authenticated]);
    let tokens = [
        site.issuer.token(&claims).unwrap(),
        site.issuer.session_token(&claims, "a session").unwrap(),
    ];
    for token in &tokens {
        assert_eq!(server.get("/v1/me", token).status, 200);
    }
    let logout = site.logout_token(&person, None);
    assert_eq!(post(server, &logout).status, 200);
    for token in &tokens {
        refused_soon(server, token);
    }
    // Whoever signs in again afterwards is in.
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(server.get("/v1/me", &site.issuer.token(&claims).unwrap()).status, 200);
    // And is not signed out by the same token once more, on any server.
    for server in [server, &site.serve(&site.config())] {
        assert_eq!(post(server, &logout).refusal(), (400, "HTP-015".to_owned()));
    }
}

#[test]
fn aut_4_nobody_but_the_provider_ends_a_session() {
    let running = shared();
    let (site, server) = &*running;
    let claims = site.claims("dana", site.tenants.juniper, &[Role::Authenticated]);
    let session = Uuid::new_v4().to_string();
    let token = site.issuer.session_token(&claims, &session).unwrap();
    let genuine = site.logout_token("dana", Some(&session));
    let (signed, _) = genuine.rsplit_once('.').unwrap();
    let of_another_client = site.issuer.logout_token("another", "dana", Some(&session)).unwrap();
    for hostile in [&format!("{signed}.AAAA"), &of_another_client, &token, "", "a.b.c"] {
        let refused = post(server, hostile);
        assert_eq!(refused.refusal(), (400, "HTP-015".to_owned()), "{hostile}");
        assert!(!server.log().contains(hostile) || hostile.len() < 9);
    }
    let empty = server.request_anonymous(Method::POST, "/auth/backchannel-logout");
    assert_eq!(send(empty).status, 415);
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(server.get("/v1/me", &token).status, 200);
    assert_eq!(post(server, &genuine).status, 200);
}

#[test]
fn aut_4_where_the_list_cannot_be_read_nobody_is_let_in() {
    let site = Site::new();
    let config = site
        .config()
        .replace("[keys]", "[authn]\nrevocation_limit_s = 3\n[keys]");
    let server = site.serve(&config);
    let token = site.token(site.tenants.juniper, &[Role::Authenticated]);
    assert_eq!(server.get("/v1/me", &token).status, 200);
    let lock = site.lock("tenancy.revocation_version");
    let began = Instant::now();
    while server.get("/v1/me", &token).status != 503 {
        assert!(began.elapsed() < Duration::from_secs(6), "still accepted");
        std::thread::sleep(Duration::from_millis(50));
    }
    site.unlock(lock);
    let began = Instant::now();
    while server.get("/v1/me", &token).status != 200 {
        assert!(began.elapsed() < Duration::from_secs(10), "still refused");
        std::thread::sleep(Duration::from_millis(50));
    }
}
