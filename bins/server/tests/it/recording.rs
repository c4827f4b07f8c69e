//! What is left of an access: a line in the client's access log, and nothing in the server's log.

use crate::clients::{note, person};
use crate::site::{Site, send, shared};
use bearingwall_core::Role;
use reqwest::Method;
use serde_json::json;

#[test]
fn aud_4_the_access_log_tells_who_read_when_and_why() {
    let running = shared();
    let (site, server) = &*running;
    let administrator = site.administrator(site.tenants.juniper);
    let client = server.new_client(&administrator, &person("Jesus", "Phillips"));
    let reader = site.claims("billing", site.tenants.juniper, &[Role::Authenticated]);
    let reader = site.issuer.token(&reader).unwrap();
    let me = server.get("/v1/me", &reader).json()["subject_id"].clone();
    let read = send(
        server
            .request(Method::GET, &format!("/v1/clients/{client}"), &reader)
            .header("Bearingwall-Purpose", "HPAYMT"),
    );
    assert_eq!(read.status, 200, "{read:?}");

    let log = server
        .get(&format!("/v1/clients/{client}/access-log"), &administrator)
        .json();
    let lines = log["items"].as_array().unwrap().clone();
    let line = lines
        .iter()
        .find(|line| line["correlation_id"] == json!(read.correlation_id()))
        .unwrap();
    assert_eq!(line["event_type"], "client.read");
    assert_eq!(
        (&line["phase"], &line["outcome"]),
        (&json!("intended"), &json!("success"))
    );
    assert_eq!((&line["actor_id"], &line["purpose"]), (&me, &json!("HPAYMT")));
    assert_eq!(line["actor_roles"], json!(["authenticated"]));
    assert_eq!(line["route"], "GET /v1/clients/{client_id}");
    assert!(lines.iter().any(|line| line["event_type"] == "client.created"), "{log}");
    // Reading the log is an access, too.
    let again = server
        .get(&format!("/v1/clients/{client}/access-log"), &administrator)
        .json();
    assert_eq!(again["items"][0]["event_type"], "access_log.read", "{again}");
}

#[test]
fn aud_1_nothing_is_answered_that_cannot_be_put_on_record_first() {
    let site = Site::new();
    let server = site.serve(&site.config());
    let token = site.administrator(site.tenants.juniper);
    let client = server.new_client(&token, &person("Marigold", "Abernathy"));
    server.post(
        &format!("/v1/clients/{client}/chart-notes"),
        &token,
        &note("Marigold tolerated it well"),
    );
    let count = || site.ask("SELECT count(*)::text FROM crm.clients");
    let before = count();

    let granted = site.ask(
        "SELECT column_name FROM information_schema.column_privileges
          WHERE grantee = 'bearingwall_app' AND table_schema = 'audit' AND table_name = 'events' AND privilege_type = 'INSERT'",
    )
    .join(", ");
    site.execute("SET bearingwall.audit_ddl = 'on'; REVOKE INSERT ON audit.events FROM bearingwall_app");
    for (method, path, body) in [
        (Method::GET, format!("/v1/clients/{client}"), None),
        (Method::GET, "/v1/clients".to_owned(), None),
        (Method::GET, format!("/v1/clients/{client}/chart-notes"), None),
        (Method::GET, format!("/v1/clients/{client}/access-log"), None),
        (
            Method::POST,
            "/v1/clients:search".to_owned(),
            Some(json!({"name_prefix": "mari"})),
        ),
        (
            Method::POST,
            "/v1/clients".to_owned(),
            Some(person("Marigold", "Second")),
        ),
        (
            Method::POST,
            format!("/v1/clients/{client}/chart-notes"),
            Some(note("more")),
        ),
    ] {
        let request = server.request(method.clone(), &path, &token);
        let answer = send(match body {
            Some(body) => request.json(&body),
            None => request,
        });
        assert_eq!(answer.status, 503, "{method} {path}: {answer:?}");
        assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
        for word in [
            "Marigold",
            "Abernathy",
            "tolerated",
            "penicillin",
            "audit",
            "permission",
            "insert",
        ] {
            assert!(
                !answer.body.to_lowercase().contains(&word.to_lowercase()),
                "{word}: {answer:?}"
            );
        }
    }
    assert_eq!(count(), before, "nothing was written either");

    site.execute(&format!(
        "SET bearingwall.audit_ddl = 'on'; GRANT INSERT ({granted}) ON audit.events TO bearingwall_app"
    ));
    assert_eq!(
        server.get(&format!("/v1/clients/{client}"), &token).json()["first_name"],
        "Marigold"
    );
}

#[test]
fn tel_1_no_canary_reaches_the_log_or_an_error() {
    let running = shared();
    let (site, server) = &*running;
    let token = site.administrator(site.tenants.juniper);
    let canary = |number: u8| format!("CANARY-{number:012X}");
    let mut input = person(&canary(1), &canary(2));
    input["email"] = json!(format!("{}@example.net", canary(3)));
    input["labels"] = json!({"canary": canary(4)});
    input["external_id"] = json!(canary(5));
    let client = server.new_client(&token, &input);
    let created = server.post(&format!("/v1/clients/{client}/chart-notes"), &token, &note(&canary(6)));
    assert_eq!(created.status, 201);
    assert!(
        server
            .get(&format!("/v1/clients/{client}"), &token)
            .body
            .contains(&canary(4))
    );

    let mut errors = vec![
        server.post("/v1/clients", &token, &input),
        server.post(
            "/v1/clients",
            &token,
            &json!({"first_name": canary(7), "surprise": canary(8)}),
        ),
        server.get(&format!("/v1/clients/{}", canary(9)), &token),
        server.get(&format!("/v1/{}", canary(10)), &token),
        server.get(&format!("/v1/clients?limit={}", canary(11)), &token),
        server.get("/v1/me", &canary(12)),
        send(
            server
                .request(Method::GET, "/v1/me", &token)
                .header("Bearingwall-Purpose", canary(13)),
        ),
        send(
            server
                .request(Method::POST, "/v1/clients", &token)
                .header("content-type", canary(14))
                .body(canary(15)),
        ),
        send(
            server
                .request(Method::POST, "/v1/clients:import", &token)
                .header("content-type", "text/csv")
                .body(canary(16)),
        ),
    ];
    input["date_of_birth"] = json!(canary(17));
    errors.push(server.post("/v1/clients", &token, &input));
    for error in &errors {
        assert!(error.status.is_client_error(), "{error:?}");
        assert!(!error.body.contains("CANARY"), "{error:?}");
    }
    let found = server.post(
        "/v1/clients:search",
        &token,
        &json!({"email": format!("{}@example.net", canary(3))}),
    );
    assert!(found.body.contains(&client));
    let odd = send(
        server
            .request(Method::GET, "/v1/me", &token)
            .header("X-Request-ID", canary(18)),
    );
    assert_eq!(odd.status, 200);
    assert!(!server.log().contains("CANARY"), "{}", server.log());
    let recorded = site.ask("SELECT e::text FROM audit.events e WHERE e::text ILIKE '%canary%'");
    assert!(recorded.is_empty(), "{recorded:?}");
}
