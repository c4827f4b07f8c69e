//! A tenant's own roles through the running server: given by two persons, gone when taken, reviewed and exported, in both
//! profiles of isolation.

use crate::clients::person;
use crate::site::{Answer, Server, Site, send};
use bearingwall_authn::Algorithm;
use bearingwall_core::{CustomerId, Role};
use bearingwall_rbac::{PermissionId, Scope};
use bearingwall_testkit::issuer::TokenRequest;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const WHY: &str = "covers the front desk";
const ADMIN: &[Role] = &[Role::Authenticated, Role::CustomerAdmin];

fn token(site: &Site, subject: &str, customer: CustomerId, roles: &[Role]) -> String {
    let request = TokenRequest {
        subject: subject.to_owned(),
        customer: Some(customer),
        roles: roles.to_vec(),
        alg: Algorithm::Rs256,
        expires_in_s: None,
    };
    site.issuer.token(&request).unwrap()
}

/// With the server's memory of assignments set to so many seconds.
fn remembering(config: &str, seconds: u8) -> String {
    config.replacen("[keys]", &format!("[access]\ncache_s = {seconds}\n[keys]"), 1)
}

fn id_of(server: &Server, token: &str) -> String {
    server.get("/v1/me", token).json()["subject_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A set of this name in the tenant of `admin`.
pub(crate) fn role_set(server: &Server, admin: &str, name: &str, permissions: &[&str]) -> String {
    let defined = server.post("/v1/roles", admin, &json!({ "name": name, "permissions": permissions }));
    assert_eq!(defined.status, 201, "{defined:?}");
    defined.json()["id"].as_str().unwrap().to_owned()
}

/// The id of a change that was asked for, and what its decision repeats.
pub(crate) fn asked(server: &Server, admin: &str, set: &str, subject: &str) -> (String, Value) {
    let body = json!({ "subject_id": subject, "role_set_id": set, "reason": WHY });
    let asked = server.post("/v1/roles/changes", admin, &body);
    assert_eq!(asked.status, 201, "{asked:?}");
    let asked = asked.json();
    (
        asked["id"].as_str().unwrap().to_owned(),
        json!({ "sha256": asked["sha256"] }),
    )
}

pub(crate) fn approve(server: &Server, admin: &str, change: &str, seen: &Value) -> Answer {
    server.post(&format!("/v1/roles/changes/{change}/approve"), admin, seen)
}

/// The assignment by which somebody who has no role of a token's own may write clients.
fn at_the_desk(server: &Server, ana: &str, bo: &str, cleo: &str, name: &str) -> String {
    let set = role_set(server, ana, name, &["client:write"]);
    let (change, seen) = asked(server, ana, &set, cleo);
    let given = approve(server, bo, &change, &seen);
    assert_eq!(given.status, 200, "{given:?}");
    given.json()["assignment_id"].as_str().unwrap().to_owned()
}

/// The whole life of a role, with a memory of nothing.
fn a_role(site: &Site, server: &Server) {
    let juniper = site.tenants.juniper;
    let [ana, bo] = ["ana", "bo"].map(|name| token(site, name, juniper, ADMIN));
    // Nobody's role, and the id by which the others know that person.
    let cleo = token(site, "cleo", juniper, &[]);
    let cleo_id = id_of(server, &token(site, "cleo", juniper, &[Role::Authenticated]));
    let write = || server.post("/v1/clients", &cleo, &person("Ada", "Desk"));
    assert_eq!(write().refusal(), (403, "RBC-001".to_owned()));

    let set = role_set(server, &ana, "Front desk", &["client:write"]);
    let (change, seen) = asked(server, &ana, &set, &cleo_id);
    assert_eq!(write().refusal(), (403, "RBC-001".to_owned()), "asked for is not given");
    assert_eq!(
        approve(server, &ana, &change, &seen).refusal(),
        (403, "TEN-052".to_owned())
    );
    let other = json!({ "sha256": "0".repeat(64) });
    assert_eq!(
        approve(server, &bo, &change, &other).refusal(),
        (409, "TEN-054".to_owned())
    );
    let shown = server.get("/v1/roles/changes", &bo).json();
    assert_eq!(
        (&shown["items"][0]["status"], &shown["items"][0]["sha256"]),
        (&json!("waiting"), &seen["sha256"])
    );
    let given = approve(server, &bo, &change, &seen);
    assert_eq!(given.status, 200, "{given:?}");
    assert_eq!(
        approve(server, &bo, &change, &seen).refusal(),
        (404, "TEN-051".to_owned()),
        "once"
    );

    assert_eq!(write().status, 201);
    assert_eq!(
        server.get("/v1/clients", &cleo).refusal(),
        (403, "RBC-001".to_owned()),
        "nothing else"
    );
    let elsewhere = token(site, "cleo", site.tenants.saltmarsh, &[]);
    let there = server.post("/v1/clients", &elsewhere, &person("Ada", "Desk"));
    assert_eq!(there.refusal(), (403, "RBC-001".to_owned()), "not in another tenant");

    // Nobody hands on what they do not hold: a writer of another set, and what only a reader has.
    let writer = token(site, "will", juniper, &[Role::CustomerAdmin]);
    let reading = role_set(server, &writer, "Reading", &["client:read"]);
    let body = json!({ "subject_id": cleo_id, "role_set_id": reading, "reason": WHY });
    assert_eq!(
        server.post("/v1/roles/changes", &writer, &body).refusal(),
        (403, "TEN-053".to_owned())
    );
    let own = json!({ "subject_id": id_of(server, &ana), "role_set_id": set, "reason": WHY });
    assert_eq!(
        server.post("/v1/roles/changes", &ana, &own).refusal(),
        (403, "TEN-052".to_owned())
    );
    let platform = json!({ "name": "Staff", "permissions": ["break_glass:manage"] });
    let refused = server.post("/v1/roles", &ana, &platform);
    assert_eq!(
        (refused.refusal(), &refused.json()["field"]),
        ((400, "RBC-009".to_owned()), &json!("permissions"))
    );

    // A neighbour sees none of it.
    let neighbour = token(site, "nell", site.tenants.saltmarsh, ADMIN);
    assert_eq!(
        approve(server, &neighbour, &change, &seen).refusal(),
        (404, "TEN-051".to_owned())
    );
    for list in ["/v1/roles", "/v1/roles/changes", "/v1/roles/assignments"] {
        assert_eq!(server.get(list, &neighbour).json()["items"], json!([]), "{list}");
    }

    let assignment = given.json()["assignment_id"].as_str().unwrap().to_owned();
    let end = |token: &str| {
        let path = format!("/v1/roles/assignments/{assignment}/end");
        server.post(&path, token, &json!({ "reason": "left the front desk" }))
    };
    assert_eq!(end(&cleo).status, 403);
    assert_eq!(end(&neighbour).status, 404);
    assert_eq!(end(&bo).status, 204);
    assert_eq!(write().refusal(), (403, "RBC-001".to_owned()), "it is gone");
    let listed = server.get("/v1/roles/assignments", &ana).json();
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["status"]),
        (&json!(assignment), &json!("ended"))
    );
}

#[test]
fn rbc_5_a_role_is_given_by_two_persons_and_gone_when_it_is_taken() {
    let site = Site::new();
    let server = site.serve(&remembering(&site.config(), 0));
    a_role(&site, &server);
}

#[test]
fn rbc_5_where_the_key_is_split_a_role_is_given_and_gone_just_so() {
    let site = Site::in_split_key();
    let server = site.serve(&remembering(&site.split_key_config(), 0));
    a_role(&site, &server);
}

#[test]
fn rbc_5_another_server_forgets_a_role_within_the_configured_seconds() {
    let site = Site::new();
    let here = site.serve(&remembering(&site.config(), 0));
    let there = site.serve(&remembering(&site.config(), 2));
    let juniper = site.tenants.juniper;
    let [ana, bo] = ["ana", "bo"].map(|name| token(&site, name, juniper, ADMIN));
    let cleo = token(&site, "cleo", juniper, &[]);
    let cleo_id = id_of(&here, &token(&site, "cleo", juniper, &[Role::Authenticated]));
    let assignment = at_the_desk(&here, &ana, &bo, &cleo_id, "Front desk");
    let write = || there.post("/v1/clients", &cleo, &person("Ada", "Desk")).status.as_u16();
    assert_eq!(write(), 201);
    // Its use was noted, so that what follows is remembered.
    assert_eq!(write(), 201);
    let path = format!("/v1/roles/assignments/{assignment}/end");
    let ended = here.post(&path, &bo, &json!({ "reason": "left the front desk" }));
    assert_eq!(ended.status, 204);
    let since = Instant::now();
    while write() == 201 {
        assert!(since.elapsed() < Duration::from_secs(4), "it is remembered for longer");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn rbc_6_the_review_is_read_exported_and_judged() {
    let site = Site::new();
    let server = site.serve(&remembering(&site.config(), 0));
    let juniper = site.tenants.juniper;
    let [ana, bo] = ["ana", "bo"].map(|name| token(&site, name, juniper, ADMIN));
    let (ana_id, bo_id) = (id_of(&server, &ana), id_of(&server, &bo));
    let cleo = token(&site, "cleo", juniper, &[]);
    let cleo_id = id_of(&server, &token(&site, "cleo", juniper, &[Role::Authenticated]));
    let assignment = at_the_desk(&server, &ana, &bo, &cleo_id, "=Front \"desk\"");
    assert_eq!(server.post("/v1/clients", &cleo, &person("Ada", "Desk")).status, 201);

    let review = |token: &str, query: &str| server.get(&format!("/v1/access/review{query}"), token);
    let whole = review(&ana, "").json();
    let items = whole["items"].as_array().unwrap();
    let desk = items
        .iter()
        .find(|grant| grant["assignment_id"] == assignment.as_str())
        .unwrap();
    for (member, value) in [
        ("subject_id", json!(cleo_id)),
        ("source", json!("assignment")),
        ("permissions", json!(["client:write"])),
        ("requested_by", json!(ana_id)),
        ("agreed_by", json!(bo_id)),
        ("stale", json!(false)),
        ("orphaned", json!([])),
    ] {
        assert_eq!(desk[member], value, "{desk}");
    }
    assert!(desk["last_used_at"].is_string() && desk["since"].is_string(), "{desk}");
    let tokens = |subject: &str| -> Vec<&Value> {
        let of = items
            .iter()
            .filter(|grant| grant["source"] == "token" && grant["subject_id"] == subject);
        of.map(|grant| &grant["role"]).collect()
    };
    assert_eq!(tokens(&ana_id), ["authenticated", "customer_admin"]);
    assert_eq!(tokens(&cleo_id), Vec::<&Value>::new(), "the token of now carries none");

    let first = review(&ana, "?limit=2").json();
    assert_eq!(first["items"], json!(items[..2]));
    let rest = review(&ana, &format!("?limit=100&after={}", first["next"].as_str().unwrap())).json();
    assert_eq!((&rest["items"], rest.get("next")), (&json!(items[2..]), None));
    for wrong in [
        "?limit=0",
        "?limit=1001",
        "?stale_days=0",
        "?stale_days=3661",
        "?before=1",
    ] {
        assert_eq!(review(&ana, wrong).status, 400, "{wrong}");
    }
    assert_eq!(review(&cleo, "").status, 403);

    let file = review(&ana, "/export");
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    let lines: Vec<&str> = file.body.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), items.len() + 1);
    let line = format!("{cleo_id},assignment,\"'=Front \"\"desk\"\"\",");
    assert!(
        lines.iter().any(|found| found.starts_with(&line)),
        "a formula is none: {lines:#?}"
    );

    let judge = |token: &str, verdict: &str| {
        let path = format!("/v1/access/review/{assignment}/{verdict}");
        let request = server.request(Method::POST, &path, token);
        match verdict {
            "end" => send(request.json(&json!({ "reason": "nobody needs it now" }))),
            _ => send(request),
        }
    };
    assert_eq!(judge(&ana, "keep").status, 204);
    let kept = review(&bo, "").json();
    let kept = kept["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|grant| grant["reviewed_by"].is_string());
    assert_eq!(kept.unwrap()["reviewed_by"], ana_id.as_str());
    assert_eq!(judge(&bo, "end").status, 204);
    assert_eq!(judge(&bo, "keep").refusal(), (404, "TEN-051".to_owned()));
    assert_eq!(server.post("/v1/clients", &cleo, &person("Ada", "Desk")).status, 403);
}

/// What may stand in a set is the same here and in the database: a permission that is added needs a migration.
#[test]
fn rbc_5_the_database_knows_every_permission_over_a_tenants_data() {
    let site = Site::new();
    let mut known = site.ask("SELECT permission FROM tenancy.tenant_permissions");
    let tenants = PermissionId::ALL
        .iter()
        .filter(|permission| permission.scope() == Scope::Tenant);
    let mut listed: Vec<String> = tenants.map(ToString::to_string).collect();
    known.sort_unstable();
    listed.sort_unstable();
    assert_eq!(known, listed);
}
