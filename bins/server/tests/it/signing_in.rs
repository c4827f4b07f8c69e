//! Who may come in, and what is left of those who may not.

use crate::site::{send, shared};
use bearingwall_core::Role;
use reqwest::Method;
use serde_json::json;

#[test]
fn a_good_token_tells_who_it_speaks_for() {
    let running = shared();
    let (site, server) = &*running;
    let token = site.token(site.tenants.juniper, &[Role::Authenticated, Role::CustomerAdmin]);
    let me = server.get("/v1/me", &token);
    assert_eq!(me.status, 200, "{me:?}");
    assert_eq!(me.json()["customer_id"], json!(site.tenants.juniper.to_string()));
    assert_eq!(me.json()["roles"], json!(["authenticated", "customer_admin"]));
    assert_eq!(me.header("cache-control"), "no-store");
}

#[test]
fn aut_1_expired_foreign_forged_and_unsigned_tokens_are_refused_alike() {
    let running = shared();
    let (site, server) = &*running;
    let claims = site.claims("dana", site.tenants.juniper, &[Role::Authenticated]);
    let mut bodies = Vec::new();
    for token in [
        site.issuer.expired_token(&claims).unwrap(),
        site.issuer.foreign_token(&claims).unwrap(),
        site.issuer.forged_token(&claims).unwrap(),
        site.issuer.unsigned_token(&claims),
    ] {
        let refused = server.get("/v1/me", &token);
        assert_eq!(refused.status, 401, "{refused:?}");
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
        let mut body = refused.json();
        assert_eq!(body["correlation_id"], json!(refused.correlation_id().to_string()));
        assert!(!server.log().contains(&token));
        body.as_object_mut()
            .unwrap()
            .retain(|key, _| key == "title" || key == "status" || key == "detail");
        bodies.push(body);
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[test]
fn aud_3_a_refusal_without_identity_stands_on_the_platforms_record() {
    let running = shared();
    let (site, server) = &*running;
    let refused = server.get_anonymous("/v1/me");
    assert_eq!(refused.status, 401);
    let query = format!(
        "SELECT concat_ws(' ', event_type, outcome, outcome_code, customer_id, actor_id) FROM audit.events WHERE request_id = '{}'",
        refused.correlation_id()
    );
    let recorded = site.wait_for(&query);
    let code = refused.refusal().1;
    assert_eq!(
        recorded,
        [format!(
            "http.request.unauthenticated denied {code} 00000000-0000-8000-8000-000000000001 00000000-0000-8000-8000-000000000003"
        )]
    );
}

#[test]
fn htp_3_the_correlation_id_is_ours_whatever_the_caller_sends() {
    let running = shared();
    let (site, server) = &*running;
    let token = site.token(site.tenants.juniper, &[Role::Authenticated]);
    let theirs = "0190d6f0-0000-7000-8000-00000000beef";
    let answer = send(
        server
            .request(Method::GET, "/v1/me", &token)
            .header("X-Correlation-ID", theirs),
    );
    assert_eq!(answer.status, 200);
    assert_ne!(answer.header("x-correlation-id"), theirs);
    assert_eq!(answer.correlation_id().get_version_num(), 7);
    let line = server
        .log()
        .lines()
        .find(|line| line.contains(theirs))
        .map(str::to_owned)
        .unwrap_or_default();
    assert!(line.contains(&answer.correlation_id().to_string()), "{line}");
}

#[test]
fn the_probes_answer_without_a_token() {
    let running = shared();
    let (_, server) = &*running;
    assert_eq!(server.get_anonymous("/healthz").json(), json!({"status": "alive"}));
    assert_eq!(
        server.get_anonymous("/readyz").json(),
        json!({"status": "ready", "checks": ["database", "record", "keys", "isolation"]})
    );
    assert_eq!(server.get_anonymous("/openapi.json").json()["openapi"], "3.1.0");
}

#[test]
fn the_address_stands_in_the_log_for_a_launcher() {
    let running = shared();
    let (_, server) = &*running;
    let log = server.log();
    let line = log
        .lines()
        .find(|line| line.contains("server.listening"))
        .unwrap_or_else(|| panic!("{log}"));
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert!(line.to_string().contains(server.address()), "{line}");
}
