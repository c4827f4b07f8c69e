//! The Safe Harbor export over HTTP: what each line may say, and that the last one says that nothing is missing.

use crate::site::{send, shared};
use bearingwall_core::Role;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

#[test]
fn dom_5_an_export_is_told_line_by_line_and_names_nobody() {
    let running = shared();
    let (site, server) = &*running;
    // A tenant's own people and texts: other tests write into it too.
    let token = site.administrator(site.tenants.juniper);
    let last = format!("Q{}", Uuid::new_v4().simple());
    let person = json!({
        "first_name": "Ada", "last_name": last, "date_of_birth": "1980-01-31", "phone": "(415) 555-0119",
        "address": {"street": "1 Only Lane", "state": "VT", "postal_code": "05901"}, "allergies": format!("latex, says {last}"),
    });
    let id = server.new_client(&token, &person);
    let note = json!({
        "noted_on": "2025-03-04", "author": "Mario Hernandez, RN", "service": "hydra",
        "body": format!("{last} called from 415-555-0119: 13 units."),
    });
    server.post(&format!("/v1/clients/{id}/chart-notes"), &token, &note);

    let answer = send(server.request(Method::POST, "/v1/clients:deidentify", &token));
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/x-ndjson"),
        "{answer:?}"
    );
    assert!(!answer.body.contains(&last) && !answer.body.contains(&id) && !answer.body.contains("Mario"));
    let lines: Vec<Value> = answer
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["type"], &summary["complete"]),
        (&json!("summary"), &json!(true))
    );
    let of = |kind: &str| -> Vec<&Value> { lines.iter().filter(|line| line["type"] == kind).collect() };
    assert_eq!(summary["clients"], json!(of("client").len()));
    assert_eq!(summary["chart_notes"], json!(of("chart_note").len()));

    let told = of("client").into_iter().find(|line| line["state"] == "VT").unwrap();
    assert_eq!(
        (&told["birth_year"], &told["ninety_or_older"], &told["zip3"]),
        (&json!(1980), &json!(false), &json!("000"))
    );
    assert_eq!(told["allergies"], json!("latex, says [PERSON]"));
    let noted: Vec<&Value> = of("chart_note")
        .into_iter()
        .filter(|line| line["record"] == told["record"])
        .collect();
    assert_eq!(noted.len(), 1);
    assert_eq!(
        (
            &noted[0]["year"],
            noted[0]["body"].as_str().unwrap().ends_with("13 units.")
        ),
        (&json!(2025), true)
    );
    // A note stands behind the client of its code.
    let mut seen = BTreeSet::new();
    for line in &lines {
        match line["type"].as_str().unwrap() {
            "client" => assert!(seen.insert(line["record"].as_str().unwrap())),
            "chart_note" => assert!(seen.contains(line["record"].as_str().unwrap())),
            _ => {}
        }
    }
}

#[test]
fn dom_5_who_only_reads_exports_nothing() {
    let running = shared();
    let (site, server) = &*running;
    let reader = site.token(site.tenants.juniper, &[Role::Authenticated]);
    assert_eq!(
        send(server.request(Method::POST, "/v1/clients:deidentify", &reader)).status,
        403
    );
}
