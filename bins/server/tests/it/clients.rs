//! Clients and chart notes over HTTP, for two tenants.

use crate::site::{Answer, send, shared};
use bearingwall_core::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) fn person(first: &str, last: &str) -> Value {
    json!({
        "first_name": first, "last_name": last, "date_of_birth": "1984-02-29",
        "phone": "(415) 555-0119", "email": format!("{first}.{last}@example.net").to_lowercase(),
        "address": {"street": "1 Main Street", "city": "Watersmouth", "state": "OR", "postal_code": "59900"},
        "allergies": "penicillin", "conditions": "none", "marketing_opt_in": true,
    })
}

pub(crate) fn note(body: &str) -> Value {
    json!({"noted_on": "2026-01-02", "author": "Mario Hernandez, RN", "service": "hydra", "body": body})
}

fn ids(answer: &Answer) -> Vec<String> {
    let items = answer.json()["items"]
        .as_array()
        .unwrap_or_else(|| panic!("{answer:?}"))
        .clone();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_client_is_created_read_listed_changed_and_found() {
    let running = shared();
    let (site, server) = &*running;
    let token = site.administrator(site.tenants.juniper);
    let mut input = person("Quillon", "Featherstone");
    let id = server.new_client(&token, &input);
    let path = format!("/v1/clients/{id}");

    let read = server.get(&path, &token);
    assert_eq!((read.status.as_u16(), read.header("etag")), (200, "\"1\""));
    for (field, value) in input.as_object().unwrap() {
        assert_eq!(&read.json()[field], value, "{field}");
    }
    assert_eq!(
        ids(&server.get("/v1/clients?limit=100", &token))
            .iter()
            .filter(|found| **found == id)
            .count(),
        1
    );

    input["last_name"] = json!("Featherstone-Ngata");
    input["phone"] = json!("(512) 555-0171");
    let changed = server.put(&path, &token, 1, &input);
    assert_eq!(
        (changed.status.as_u16(), changed.json()["version"].as_i64()),
        (200, Some(2)),
        "{changed:?}"
    );
    let stale = server.put(&path, &token, 1, &input);
    assert_eq!(stale.refusal(), (409, "DOM-003".to_owned()));
    assert_eq!(server.get(&path, &token).json()["last_name"], "Featherstone-Ngata");

    for query in [
        json!({"name_prefix": "quill"}),
        json!({"name_prefix": "featherstone"}),
        json!({"phone": "+1 512 555 0171"}),
        json!({"email": "QUILLON.featherstone@example.net"}),
    ] {
        let mine = server.post("/v1/clients:search", &token, &query);
        assert!(ids(&mine).contains(&id), "{query}: {mine:?}");
        let theirs = server.post(
            "/v1/clients:search",
            &site.administrator(site.tenants.saltmarsh),
            &query,
        );
        assert!(!ids(&theirs).contains(&id), "{query}");
    }
    let old_number = server.post("/v1/clients:search", &token, &json!({"phone": "(415) 555-0119"}));
    assert!(!ids(&old_number).contains(&id), "the digest of the old number is gone");
}

#[test]
fn a_chart_note_is_written_read_listed_and_changed() {
    let running = shared();
    let (site, server) = &*running;
    let token = site.administrator(site.tenants.juniper);
    let client = server.new_client(&token, &person("Evelyn", "Garcia"));
    let notes = format!("/v1/clients/{client}/chart-notes");
    let mut written = Vec::new();
    for text in ["first", "second", "third"] {
        let created = server.post(&notes, &token, &note(text));
        assert_eq!(created.status, 201, "{created:?}");
        written.push(created.json()["id"].as_str().unwrap().to_owned());
    }
    written.reverse();
    let first_page = server.get(&format!("{notes}?limit=2"), &token);
    assert_eq!(ids(&first_page), written[..2]);
    let next = first_page.json()["next"].as_str().unwrap().to_owned();
    assert_eq!(
        ids(&server.get(&format!("{notes}?limit=2&before={next}"), &token)),
        written[2..]
    );

    let path = format!("/v1/chart-notes/{}", written[0]);
    assert_eq!(server.get(&path, &token).json()["body"], "third");
    assert_eq!(server.put(&path, &token, 1, &note("corrected")).json()["version"], 2);
    let read = server.get(&path, &token);
    assert_eq!(
        (&read.json()["body"], &read.json()["client_id"]),
        (&json!("corrected"), &json!(client))
    );
}

/// Status, headers and body, with everything taken out that must differ between any two requests.
fn bare(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let id = answer.correlation_id().to_string();
    let mut headers: Vec<(String, String)> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-correlation-id"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status.as_u16(), headers, answer.body.replace(&id, "<id>"))
}

#[test]
fn htp_2_another_tenants_record_answers_byte_for_byte_like_a_missing_one() {
    let running = shared();
    let (site, server) = &*running;
    let (owner, stranger) = (
        site.administrator(site.tenants.juniper),
        site.administrator(site.tenants.saltmarsh),
    );
    let client = server.new_client(&owner, &person("Benjamin", "Hamilton"));
    let written = server.post(&format!("/v1/clients/{client}/chart-notes"), &owner, &note("theirs"));
    let written = written.json()["id"].as_str().unwrap().to_owned();
    let missing = Uuid::now_v7().to_string();

    let mut tried = 0;
    for (path, theirs) in [
        ("/v1/clients/{id}", &client),
        ("/v1/clients/{id}/chart-notes", &client),
        ("/v1/clients/{id}/access-log", &client),
        ("/v1/chart-notes/{id}", &written),
    ] {
        let [theirs, missing] = [theirs, &missing].map(|id| path.replace("{id}", id));
        assert_eq!(server.get(&theirs, &owner).status, 200);
        let (found, nothing) = (server.get(&theirs, &stranger), server.get(&missing, &stranger));
        assert_eq!(found.status, 404);
        assert_eq!(bare(&found), bare(&nothing), "{path}");
        tried += 1;
    }
    for (method, path, theirs, body) in [
        (Method::PUT, "/v1/clients/{id}", &client, person("Not", "Theirs")),
        (
            Method::POST,
            "/v1/clients/{id}/chart-notes",
            &client,
            note("not theirs"),
        ),
        (Method::PUT, "/v1/chart-notes/{id}", &written, note("not theirs")),
    ] {
        let send_to = |id: &str| {
            let path = path.replace("{id}", id);
            send(
                server
                    .request(method.clone(), &path, &stranger)
                    .header("If-Match", "\"1\"")
                    .json(&body),
            )
        };
        let (found, nothing) = (send_to(theirs), send_to(&missing));
        assert_eq!(found.status, 404, "{found:?}");
        assert_eq!(bare(&found), bare(&nothing), "{method} {path}");
        tried += 1;
    }
    assert_eq!(tried, 7);
    assert_eq!(
        server.get(&format!("/v1/clients/{client}"), &owner).json()["version"],
        1
    );
    assert!(!ids(&server.get("/v1/clients?limit=100", &stranger)).contains(&client));
}

#[test]
fn rbc_3_a_reader_cannot_write_and_a_writer_alone_cannot_read() {
    let running = shared();
    let (site, server) = &*running;
    let both = site.administrator(site.tenants.juniper);
    let reader = site.token(site.tenants.juniper, &[Role::Authenticated]);
    let writer = site.token(site.tenants.juniper, &[Role::CustomerAdmin]);
    let client = server.new_client(&writer, &person("Crystal", "Mcguire"));
    let path = format!("/v1/clients/{client}");
    assert_eq!(server.get(&path, &reader).status, 200);
    assert_eq!(server.get(&path, &writer).status, 403);
    assert_eq!(server.post("/v1/clients", &reader, &person("Any", "Body")).status, 403);
    assert_eq!(server.put(&path, &reader, 1, &person("Any", "Body")).status, 403);
    assert_eq!(
        server.post(&format!("{path}/chart-notes"), &reader, &note("no")).status,
        403
    );
    let import = server
        .request(Method::POST, "/v1/clients:import", &reader)
        .header("content-type", "text/csv");
    assert_eq!(send(import.body("external_id\n")).status, 403);
    assert_eq!(server.get(&path, &both).json()["version"], 1);

    let mut staff = site.claims("staff", site.tenants.juniper, &[Role::InternalAdmin]);
    staff.customer = None;
    let staff = site.issuer.token(&staff).unwrap();
    assert_eq!(server.get("/v1/me", &staff).status, 200);
    assert_eq!(server.get(&path, &staff).status, 403);
    assert_eq!(server.get("/v1/clients", &staff).status, 403);
}

#[test]
fn aud_3_a_refusal_with_an_identity_stands_on_its_tenants_record() {
    let running = shared();
    let (site, server) = &*running;
    let reader = site.token(site.tenants.saltmarsh, &[Role::Authenticated]);
    let subject = server.get("/v1/me", &reader).json()["subject_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = server.post("/v1/clients", &reader, &person("Any", "Body"));
    let (status, code) = refused.refusal();
    assert_eq!(status, 403);
    let recorded = site.wait_for(&format!(
        "SELECT concat_ws(' ', event_type, outcome, outcome_code, customer_id, actor_id, route) FROM audit.events WHERE request_id = '{}'",
        refused.correlation_id()
    ));
    let tenant = site.tenants.saltmarsh;
    assert_eq!(
        recorded,
        [format!(
            "http.request.denied denied {code} {tenant} {subject} POST /v1/clients"
        )]
    );
}
