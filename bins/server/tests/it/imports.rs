//! CSV in, one line of JSON for each thing to tell out.

use crate::site::{Server, send, shared};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const CLIENTS: &str = "external_id,first_name,last_name,date_of_birth,phone,email,street,city,state,postal_code,\
    allergies,conditions,marketing_opt_in,canary";
const NOTES: &str = "client_external_id,noted_on,author,service,body";

fn import(server: &Server, token: &str, path: &str, csv: &str) -> Vec<Value> {
    let request = server
        .request(Method::POST, path, token)
        .header("content-type", "text/csv");
    let answer = send(request.body(csv.to_owned()));
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/x-ndjson"),
        "{answer:?}"
    );
    answer
        .body
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn summary(lines: &[Value]) -> [u64; 5] {
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["type"], &last["complete"]),
        (&json!("summary"), &json!(true)),
        "{lines:?}"
    );
    ["rows", "created", "unchanged", "conflicts", "invalid"].map(|count| last[count].as_u64().unwrap())
}

fn rows(lines: &[Value]) -> Vec<(u64, &str)> {
    let rows = lines.iter().filter(|line| line["type"] == "row");
    rows.map(|row| (row["line"].as_u64().unwrap(), row["outcome"].as_str().unwrap()))
        .collect()
}

#[test]
fn an_import_keeps_good_rows_reports_bad_ones_and_repeats_without_effect() {
    let running = shared();
    let (site, server) = &*running;
    let token = site.administrator(site.tenants.juniper);
    let tag = Uuid::new_v4().simple().to_string();
    let row = |number: u8, last: &str, born: &str| {
        format!(
            "{tag}-{number},Ada,{last},{born},(415) 555-0119,ada@example.net,1 Main,Town,OR,59900,none,\"a, b\",true,CANARY-1"
        )
    };
    let good = [row(1, "One", "1980-01-01"), row(2, "Two", "1980-01-02")];
    let file = format!(
        "{CLIENTS}\n{}\n{}\n{}\n",
        good[0],
        row(3, "Three", "1980-02-30"),
        good[1]
    );
    let first = import(server, &token, "/v1/clients:import", &file);
    assert_eq!(summary(&first), [3, 2, 0, 0, 1]);
    assert_eq!(rows(&first), [(3, "invalid")]);
    assert_eq!(
        summary(&import(server, &token, "/v1/clients:import", &file)),
        [3, 0, 2, 0, 1]
    );

    let changed = format!("{CLIENTS}\n{}\n{}\n", row(1, "Other", "1980-01-01"), good[1]);
    let conflicting = import(server, &token, "/v1/clients:import", &changed);
    assert_eq!(summary(&conflicting), [2, 0, 1, 1, 0]);
    assert_eq!(rows(&conflicting), [(2, "conflict")]);

    let note = |number: u8, body: &str| format!("{tag}-{number},2026-01-02,\"Hernandez, RN\",hydra,\"{body}\"");
    let file = format!(
        "{NOTES}\n{}\n{}\n{}\n{}\n",
        note(1, "two\nlines"),
        note(1, "two\nlines"),
        note(9, "nobody's"),
        note(2, "other")
    );
    let first = import(server, &token, "/v1/chart-notes:import", &file);
    assert_eq!(summary(&first), [4, 3, 0, 0, 1]);
    assert_eq!(rows(&first), [(6, "invalid")]);
    assert_eq!(
        summary(&import(server, &token, "/v1/chart-notes:import", &file)),
        [4, 0, 3, 0, 1]
    );

    let found = server.post("/v1/clients:search", &token, &json!({"name_prefix": "ada one"}));
    let client = found.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|client| client["external_id"] == json!(format!("{tag}-1")))
        .cloned()
        .unwrap();
    assert_eq!(
        (&client["last_name"], &client["labels"]["canary"]),
        (&json!("One"), &json!("CANARY-1"))
    );
    let notes = server
        .get(
            &format!("/v1/clients/{}/chart-notes", client["id"].as_str().unwrap()),
            &token,
        )
        .json();
    let bodies: Vec<&str> = notes["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| note["body"].as_str().unwrap())
        .collect();
    assert_eq!(bodies, ["two\nlines", "two\nlines"]);

    // The same ids in another tenant are other people.
    let other = site.administrator(site.tenants.saltmarsh);
    let file = format!("{CLIENTS}\n{}\n", good[0]);
    assert_eq!(
        summary(&import(server, &other, "/v1/clients:import", &file)),
        [1, 1, 0, 0, 0]
    );
}

#[test]
fn a_file_that_is_no_import_is_refused_whole() {
    let running = shared();
    let (site, server) = &*running;
    let token = site.administrator(site.tenants.juniper);
    let post = |kind: &str, body: &str| {
        send(
            server
                .request(Method::POST, "/v1/clients:import", &token)
                .header("content-type", kind)
                .body(body.to_owned()),
        )
    };
    let headless = post("text/csv", "external_id,first_name\nx,y\n");
    assert_eq!(headless.refusal(), (400, "DOM-007".to_owned()));
    assert!(post("application/json", "{}").status.is_client_error());
}
