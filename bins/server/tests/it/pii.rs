//! Masking over the API of the real server: what is answered, what is refused, and whose it is.

use crate::ratchet::proposal;
use crate::site::{Answer, Server, Site, send};
use bearingwall_core::Role;
use reqwest::Method;
use serde_json::{Value, json};

const TEXT: &str = "Señora Müller 💉 ada@example.org, MRN 4821937.";

fn activate(server: &Server, token: &str, version: i64, tag: &str) -> Answer {
    let path = format!("/v1/pii/policy/{version}/activate");
    send(server.request(Method::POST, &path, token).header("If-Match", tag))
}

fn propose(server: &Server, token: &str, body: &Value) -> i64 {
    let proposed = server.post("/v1/pii/policy", token, body);
    assert_eq!(proposed.status, 201, "{proposed:?}");
    proposed.json()["version"].as_i64().unwrap()
}

#[test]
fn what_is_found_is_told_by_place_kind_and_reason_and_never_by_value() {
    let site = Site::new();
    let server = site.serve(&site.config());
    let token = site.token(site.tenants.juniper, &[Role::Authenticated]);
    let found = server.post("/v1/pii/detect", &token, &json!({"text": TEXT}));
    assert_eq!(found.status, 200, "{found:?}");
    assert!(
        !found.body.contains("ada@example.org") && !found.body.contains("4821937"),
        "{found:?}"
    );
    let findings = found.json()["findings"].as_array().unwrap().clone();
    let email = findings.iter().find(|finding| finding["entity"] == "EMAIL").unwrap();
    let at = |span: &Value, edge: &str| usize::try_from(span[edge].as_u64().unwrap()).unwrap();
    let bytes = &email["bytes"];
    assert_eq!(TEXT.get(at(bytes, "start")..at(bytes, "end")), Some("ada@example.org"));
    let chars = &email["characters"];
    let part: String = TEXT
        .chars()
        .skip(at(chars, "start"))
        .take(at(chars, "end") - at(chars, "start"))
        .collect();
    assert_eq!(part, "ada@example.org");
    let record = findings.iter().find(|finding| finding["entity"] == "MRN").unwrap();
    let why = &record["explanation"];
    assert_eq!(why["recognizer"], "rule.mrn");
    let context = &why["context"];
    assert_eq!(TEXT.get(at(context, "start")..at(context, "end")), Some("MRN"));
    assert_eq!(record["action"], "placeholder");

    let document = json!({"text": "{\"ssn\": \"078-05-1120\"}", "kind": "json"});
    let found = server.post("/v1/pii/detect", &token, &document).json();
    assert_eq!(found["findings"][0]["entity"], "US_SSN");
    for (body, refusal) in [
        (json!({"text": "{\"a\"", "kind": "json"}), (400, "PII-030")),
        (json!({"text": "a", "surprise": 1}), (400, "HTP-004")),
        (json!({"text": "a", "kind": "picture"}), (400, "HTP-004")),
        (json!({"text": "a".repeat(262_145)}), (413, "HTP-005")),
        (json!({"text": "a".repeat(1_100_000)}), (413, "HTP-005")),
    ] {
        let refused = server.post("/v1/pii/detect", &token, &body);
        assert_eq!(refused.refusal(), (refusal.0, refusal.1.to_owned()));
    }
    assert!(!server.log().contains("ada@example.org"));
}

#[test]
fn pii_8_over_the_api_a_conversation_is_its_tenants_and_ends() {
    let site = Site::new();
    let server = site.serve(&site.config());
    let token = site.token(site.tenants.juniper, &[Role::Authenticated]);
    let masked = server.post("/v1/pii/mask", &token, &json!({"text": TEXT, "lasting_s": 3_600}));
    assert_eq!(masked.status, 200, "{masked:?}");
    let body = masked.json();
    assert!(
        !masked.body.contains("ada@example.org") && !masked.body.contains("4821937"),
        "{masked:?}"
    );
    assert_eq!(
        (body["counts"]["EMAIL"].as_i64(), body["policy_version"].as_i64()),
        (Some(1), Some(0))
    );
    let (id, text) = (
        body["conversation_id"].clone(),
        body["text"].as_str().unwrap().to_owned(),
    );

    let unmask = |token: &str, id: &Value, text: &str| {
        server.post("/v1/pii/unmask", token, &json!({"conversation_id": id, "text": text}))
    };
    let answer = unmask(&token, &id, &text).json();
    assert_eq!(answer["text"], TEXT);
    let forged = unmask(&token, &id, "[EMAIL_1_K7Q2X], [PERSON_1], [EMAIL_2_0A0A0]").json();
    assert_eq!(
        (forged["restored"].as_i64(), forged["text"].as_str()),
        (Some(0), Some("[EMAIL_1_K7Q2X], [PERSON_1], [EMAIL_2_0A0A0]"))
    );

    // Whoever may only write may not look, and another tenant's people find nothing.
    let writer = site.token(site.tenants.juniper, &[Role::CustomerAdmin]);
    assert_eq!(unmask(&writer, &id, &text).refusal().0, 403);
    let stranger = site.administrator(site.tenants.saltmarsh);
    assert_eq!(unmask(&stranger, &id, &text).refusal(), (404, "DOM-002".to_owned()));
    let joined = server.post("/v1/pii/mask", &stranger, &json!({"text": "a", "conversation_id": id}));
    assert_eq!(joined.refusal(), (404, "DOM-002".to_owned()));
    let too_long = json!({"text": "a", "lasting_s": 31 * 86_400});
    assert_eq!(
        server.post("/v1/pii/mask", &token, &too_long).refusal(),
        (400, "DOM-001".to_owned())
    );

    site.execute(&format!(
        "SET session_replication_role = replica;
         UPDATE pii.conversations SET begun_at = now() - interval '2 hours', expires_at = now() - interval '1 second' WHERE id = {id};
         UPDATE pii.vault SET expires_at = now() - interval '1 second' WHERE conversation_id = {id}",
        id = id.to_string().replace('"', "'")
    ));
    assert_eq!(unmask(&token, &id, &text).refusal(), (404, "DOM-002".to_owned()));
    let on_record = site.ask("SELECT count(*)::text FROM audit.events WHERE event_type = 'pii.unmasked' AND phase = 'completed' AND result_count IS NOT NULL");
    assert_eq!(on_record, ["2"]);
    assert!(!server.log().contains("ada@example.org"));
}

#[test]
fn pii_7_over_the_api_a_policy_is_proposed_tried_activated_and_gone_back_to() {
    let site = Site::new();
    let server = site.serve(&site.config());
    let token = site.administrator(site.tenants.juniper);
    let current = server.get("/v1/pii/policy", &token);
    assert_eq!((current.status.as_u16(), current.header("etag")), (200, "\"0\""));
    assert_eq!(current.json()["policy"]["default"], "placeholder");

    let preview = server.post(
        "/v1/pii/policy/preview",
        &token,
        &json!({"policy": {"actions": {"EMAIL": "redact"}}, "texts": [TEXT]}),
    );
    let item = preview.json()["items"][0].clone();
    assert!(item["after"].as_str().unwrap().contains("[EMAIL],"), "{preview:?}");
    assert_eq!(item["changed"][0]["after"]["action"], "redact");

    assert_eq!(propose(&server, &token, &proposal()), 1);
    let mut keeping = proposal();
    keeping["policy"] = json!({"default": "redact", "actions": {"EMAIL": "allow"}});
    let failed = server.post("/v1/pii/policy", &token, &keeping).json();
    assert_eq!(failed["passed"], false);
    assert_eq!(
        failed["failures"],
        json!([{"sample": 0, "expected": "hides", "expectation": 0}])
    );
    assert_eq!(
        activate(&server, &token, 2, "\"0\"").refusal(),
        (409, "DOM-024".to_owned())
    );
    let without = send(server.request(Method::POST, "/v1/pii/policy/1/activate", &token));
    assert_eq!(without.refusal(), (400, "HTP-008".to_owned()));

    let done = activate(&server, &token, 1, "\"0\"");
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, "\"1\""));
    let masked = server.post("/v1/pii/mask", &token, &json!({"text": "to ada@example.org"}));
    assert_eq!(
        (masked.json()["text"].as_str(), masked.json()["policy_version"].as_i64()),
        (Some("to [EMAIL]"), Some(1))
    );
    assert_eq!(
        activate(&server, &token, 1, "\"0\"").refusal(),
        (409, "DOM-003".to_owned())
    );
    assert_eq!(propose(&server, &token, &proposal()), 3);
    assert_eq!(activate(&server, &token, 3, "\"1\"").header("etag"), "\"2\"");
    assert_eq!(activate(&server, &token, 1, "\"2\"").header("etag"), "\"3\"");
    let versions = server.get("/v1/pii/policy/versions", &token).json();
    let told: Vec<(i64, bool, bool)> = versions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let is = |name: &str| item[name].as_bool().unwrap();
            (item["version"].as_i64().unwrap(), is("passed"), is("active"))
        })
        .collect();
    assert_eq!(told, [(3, true, false), (2, false, false), (1, true, true)]);
    let read = server.get("/v1/pii/policy/versions/2", &token).json();
    assert_eq!(read["policy"]["actions"]["EMAIL"], "allow");

    let stranger = site.administrator(site.tenants.saltmarsh);
    assert_eq!(
        activate(&server, &stranger, 1, "\"0\"").refusal(),
        (404, "DOM-002".to_owned())
    );
    let reader = site.token(site.tenants.juniper, &[Role::Authenticated]);
    assert_eq!(server.post("/v1/pii/policy", &reader, &proposal()).refusal().0, 403);
}

#[test]
fn pii_7_over_the_api_what_breaks_a_rule_is_refused_by_its_code() {
    let site = Site::new();
    let server = site.serve(&site.config());
    let token = site.administrator(site.tenants.juniper);
    let with = |policy: Value| {
        let mut body = proposal();
        body["policy"] = policy;
        server.post("/v1/pii/policy", &token, &body).refusal()
    };
    for (policy, refusal) in [
        (json!({"actions": {"US_SSN": "allow"}}), (400, "DOM-020")),
        (json!({"actions": {"SECRET": "placeholder"}}), (400, "DOM-020")),
        (json!({"surprise": true}), (400, "HTP-004")),
        (json!({"actions": {"SHOE_SIZE": "redact"}}), (400, "PII-020")),
        (
            json!({"recognizers": [{"name": "lot", "entity": "CUSTOM", "score": 0.5, "pattern": "(?<=a)b"}]}),
            (400, "PII-013"),
        ),
        (
            json!({"recognizers": [{"name": "lot", "entity": "CUSTOM", "score": 0.5}]}),
            (400, "DOM-001"),
        ),
        (json!({"allow": vec!["word"; 10_001]}), (400, "PII-023")),
        (
            json!({"language": "none", "actions": {"PERSON": {"mask": {"keep_last": 5}}}}),
            (400, "PII-022"),
        ),
    ] {
        assert_eq!(with(policy.clone()), (refusal.0, refusal.1.to_owned()), "{policy}");
    }
    let mut untested = proposal();
    untested["samples"] = json!([]);
    assert_eq!(
        server.post("/v1/pii/policy", &token, &untested).refusal(),
        (400, "DOM-001".to_owned())
    );
}

#[test]
fn pii_9_over_the_api_a_damaged_policy_gives_a_code_and_no_text() {
    let site = Site::new();
    let server = site.serve(&site.config().replace("[keys]", "[masking]\npolicy_cache_s = 0\n[keys]"));
    let token = site.administrator(site.tenants.juniper);
    propose(&server, &token, &proposal());
    assert_eq!(activate(&server, &token, 1, "\"0\"").status, 200);
    site.execute(
        "SET session_replication_role = replica; ALTER TABLE pii.policies DROP CONSTRAINT policies_check;
         UPDATE pii.policies SET content = convert_to(replace(convert_from(content, 'UTF8'), 'redact', 'allow'), 'UTF8')",
    );
    for path in ["/v1/pii/mask", "/v1/pii/detect"] {
        let refused = server.post(path, &token, &json!({"text": TEXT}));
        assert_eq!(refused.refusal(), (409, "DOM-023".to_owned()));
        assert!(!refused.body.contains("ada"), "{refused:?}");
        let recorded = site.ask(&format!(
            "SELECT concat_ws(' ', event_type, phase, outcome_code) FROM audit.events WHERE request_id = '{}' AND event_type = 'pii.refused'",
            refused.correlation_id()
        ));
        assert_eq!(recorded, ["pii.refused failed DOM-023"]);
    }
}
