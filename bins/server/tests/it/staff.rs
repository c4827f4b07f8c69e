//! The platform's staff in a tenant: asked for, agreed to by a second person, marked, seen and judged by the tenant, in both
//! profiles of isolation.

use crate::clients::{note, person};
use crate::site::{Answer, Server, Site, send};
use bearingwall_authn::Algorithm;
use bearingwall_core::{CustomerId, Role};
use bearingwall_testkit::issuer::TokenRequest;
use reqwest::Method;
use serde_json::{Value, json};

pub(crate) fn token(site: &Site, subject: &str, customer: Option<CustomerId>, roles: &[Role]) -> String {
    let request = TokenRequest {
        subject: subject.to_owned(),
        customer,
        roles: roles.to_vec(),
        alg: Algorithm::Rs256,
        expires_in_s: None,
    };
    site.issuer.token(&request).unwrap()
}

pub(crate) fn staff(site: &Site, subject: &str) -> String {
    token(site, subject, None, &[Role::InternalAdmin])
}

fn administrator(site: &Site, customer: CustomerId) -> String {
    token(
        site,
        "dana",
        Some(customer),
        &[Role::Authenticated, Role::CustomerAdmin],
    )
}

fn asked_for(customer: CustomerId) -> Value {
    json!({"customer_id": customer, "reason": "a charge was booked twice", "ticket": "OPS-17", "minutes": 30})
}

pub(crate) fn open(server: &Server, ines: &str, customer: CustomerId) -> String {
    let opened = server.post("/v1/break-glass", ines, &asked_for(customer));
    assert_eq!(opened.status, 201, "{opened:?}");
    opened.json()["id"].as_str().unwrap().to_owned()
}

pub(crate) fn step(server: &Server, session: &str, step: &str, token: &str) -> Answer {
    send(server.request(Method::POST, &format!("/v1/break-glass/{session}/{step}"), token))
}

fn inside(server: &Server, method: Method, path: &str, token: &str, session: &str, body: Option<&Value>) -> Answer {
    let request = server
        .request(method, path, token)
        .header("Bearingwall-Break-Glass", session);
    send(match body {
        Some(body) => request.json(body),
        None => request,
    })
}

fn visits(server: &Server, token: &str) -> Vec<Value> {
    server.get("/v1/break-glass/visits", token).json()["items"]
        .as_array()
        .unwrap()
        .clone()
}

/// The whole life of a session.
fn a_visit(site: &Site, server: &Server) {
    let (juniper, saltmarsh) = (site.tenants.juniper, site.tenants.saltmarsh);
    let (ines, otto) = (staff(site, "ines"), staff(site, "otto"));
    let (owner, neighbour) = (administrator(site, juniper), administrator(site, saltmarsh));
    let client = server.new_client(&owner, &person("Ada", "Visited"));
    let theirs = server.new_client(&neighbour, &person("Bo", "Elsewhere"));
    let path = format!("/v1/clients/{client}");
    let read = |token: &str, session: &str| inside(server, Method::GET, &path, token, session, None);

    assert_eq!(server.get(&path, &ines).refusal(), (403, "RBC-001".to_owned()));
    let session = open(server, &ines, juniper);
    let missing = (403, "HTP-019".to_owned());
    assert_eq!(read(&ines, &session).refusal(), missing, "it waits for a second person");
    assert_eq!(
        step(server, &session, "approve", &ines).refusal(),
        (404, "TEN-041".to_owned())
    );
    assert_eq!(
        step(server, &session, "approve", &owner).status,
        403,
        "a tenant agrees to nothing"
    );
    assert_eq!(step(server, &session, "approve", &otto).status, 204);
    assert_eq!(step(server, &session, "approve", &otto).status, 404, "once");

    let seen = read(&ines, &session);
    assert_eq!(seen.json()["first_name"], "Ada", "{seen:?}");
    assert_eq!(read(&otto, &session).refusal(), missing, "not another person's");
    assert_eq!(server.get(&path, &ines).status, 403, "not without naming it");
    let elsewhere = format!("/v1/clients/{theirs}");
    let elsewhere = inside(server, Method::GET, &elsewhere, &ines, &session, None);
    assert_eq!(elsewhere.status, 404, "not another tenant");
    let notes = format!("{path}/chart-notes");
    for (method, path, body) in [
        (Method::POST, &notes, note("14 units.")),
        (Method::PUT, &path, person("Eve", "X")),
    ] {
        let refused = inside(server, method, path, &ines, &session, Some(&body));
        assert_eq!(
            refused.refusal(),
            (403, "RBC-001".to_owned()),
            "{path}: nothing is written"
        );
    }

    // Everything is marked, and the tenant sees who, when and why.
    let request = seen.correlation_id();
    let marked = site.ask(&format!(
        "SELECT DISTINCT concat_ws(' ', customer_id = '{juniper}', event_type, phase, break_glass = '{session}', array_to_string(actor_roles, ','))
           FROM audit.events WHERE request_id = '{request}' ORDER BY 1"
    ));
    let expected =
        ["completed", "intended"].map(|phase| format!("t client.read {phase} t authenticated,internal_admin"));
    assert_eq!(marked, expected);
    let log = server.get(&format!("{path}/access-log"), &owner).json();
    let by_staff = log["items"].as_array().unwrap().iter();
    assert!(
        by_staff
            .clone()
            .any(|line| line["correlation_id"] == request.to_string()),
        "{log}"
    );
    let visit = &visits(server, &owner)[0];
    for (member, value) in [
        ("id", session.as_str()),
        ("status", "open"),
        ("reason", "a charge was booked twice"),
        ("ticket", "OPS-17"),
    ] {
        assert_eq!(visit[member], value, "{visit}");
    }
    assert!(
        visit["approved_by"].is_string() && visit["approved_by"] != visit["subject_id"],
        "{visit}"
    );
    assert_eq!(visits(server, &neighbour), Vec::<Value>::new());
    let all = server.get("/v1/break-glass", &otto).json();
    assert_eq!(all["items"][0]["id"], session.as_str(), "{all}");

    // It ends at once, and the tenant has the last word.
    let judge = |token: &str, verdict: &str| {
        server.post(
            &format!("/v1/break-glass/visits/{session}/review"),
            token,
            &json!({ "verdict": verdict }),
        )
    };
    assert_eq!(
        judge(&owner, "accepted").refusal(),
        (404, "TEN-041".to_owned()),
        "it is open"
    );
    assert_eq!(step(server, &session, "close", &otto).status, 204);
    assert_eq!(read(&ines, &session).refusal(), missing);
    assert_eq!(judge(&neighbour, "accepted").status, 404);
    assert_eq!(judge(&ines, "accepted").status, 403, "nobody judges oneself");
    assert_eq!(judge(&owner, "perhaps").status, 400);
    assert_eq!(judge(&owner, "disputed").status, 204);
    assert_eq!(judge(&owner, "accepted").status, 404, "once");
    let visit = &visits(server, &owner)[0];
    assert_eq!(
        (&visit["status"], &visit["verdict"]),
        (&json!("ended"), &json!("disputed")),
        "{visit}"
    );
    let told = site.ask(&format!(
        "SELECT concat_ws(' ', event_type, outcome_code) FROM audit.events WHERE customer_id = '{juniper}' AND resource_id = '{session}' ORDER BY recorded_at"
    ));
    assert_eq!(
        told,
        [
            "break_glass.opened",
            "break_glass.approved",
            "break_glass.closed",
            "break_glass.reviewed disputed"
        ]
    );
}

#[test]
fn rbc_4_staff_enter_a_tenant_with_a_reason_a_second_person_and_an_end() {
    let site = Site::new();
    let server = site.serve(&site.config());
    a_visit(&site, &server);
    let session = open(&server, &staff(&site, "ines"), site.tenants.juniper);
    assert_eq!(step(&server, &session, "approve", &staff(&site, "otto")).status, 204);
    let owner = administrator(&site, site.tenants.juniper);
    let client = server.new_client(&owner, &person("Ada", "Timed"));
    let read = || {
        let path = format!("/v1/clients/{client}");
        inside(&server, Method::GET, &path, &staff(&site, "ines"), &session, None)
    };
    assert_eq!(read().status, 200);
    // Its time is over.
    site.execute("UPDATE tenancy.break_glass SET expires_at = clock_timestamp() WHERE closed_at IS NULL");
    assert_eq!(read().refusal(), (403, "HTP-019".to_owned()));

    for (member, value, field) in [
        ("reason", json!("too short"), "reason"),
        ("reason", json!("          x         "), "reason"),
        ("ticket", json!("OPS 17"), "ticket"),
        ("ticket", json!(""), "ticket"),
        ("minutes", json!(0), "minutes"),
        ("minutes", json!(61), "minutes"),
        (
            "customer_id",
            json!("01890000-0000-7000-8000-000000000001"),
            "customer_id",
        ),
        ("customer_id", json!(CustomerId::PLATFORM), "customer_id"),
    ] {
        let mut body = asked_for(site.tenants.juniper);
        body[member] = value;
        let refused = server.post("/v1/break-glass", &staff(&site, "ines"), &body);
        assert_eq!(
            (refused.status.as_u16(), refused.json()["field"].as_str()),
            (400, Some(field)),
            "{refused:?}"
        );
    }
}

#[test]
fn rbc_4_where_the_key_is_split_the_database_lets_staff_in_by_the_same_session() {
    let site = Site::in_split_key();
    let server = site.serve(&site.split_key_config());
    a_visit(&site, &server);
}
