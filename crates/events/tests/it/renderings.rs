//! What holds of every rendering of every event: nothing of it is invented, and nothing but the salt is lost.

use crate::samples::{FULL, OPTIONAL, OUTCOMES, PHASES, SERVICE, event, without};
use bearingwall_events::render::fhir::{Bundle, audit_event, ndjson_line};
use bearingwall_events::render::ocsf;
use bearingwall_events::{Event, EventType, Kind};
use proptest::prelude::*;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The texts and numbers at the leaves of a value, as text.
fn leaves(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, leaves: &mut BTreeSet<String>) {
        match value {
            Value::Null => panic!("nothing is null"),
            Value::Array(values) => {
                assert!(!values.is_empty(), "nothing is an empty list");
                values.iter().for_each(|value| walk(value, leaves));
            }
            Value::Object(members) => {
                assert!(!members.is_empty(), "nothing is an empty object");
                members.values().for_each(|value| walk(value, leaves));
            }
            Value::String(text) => {
                assert!(!text.is_empty(), "nothing is an empty text");
                leaves.insert(text.clone());
            }
            Value::Bool(_) | Value::Number(_) => drop(leaves.insert(value.to_string())),
        }
    }
    let mut found = BTreeSet::new();
    walk(value, &mut found);
    found
}

fn canonical(event: &Event) -> Map<String, Value> {
    serde_json::from_str(&event.canonical()).unwrap()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// Every form in which a rendering may say a value of the event.
fn sayable(event: &Event) -> BTreeSet<String> {
    let mut forms = BTreeSet::new();
    for (name, value) in canonical(event) {
        if name == "salt" {
            continue;
        }
        let all = texts(&value);
        forms.insert(all.join(" "));
        for text in all {
            if let Some((program, version)) = text.split_once('/').filter(|_| name == "service") {
                forms.extend([program.to_owned(), version.to_owned()]);
            }
            if name == "query_digest" {
                forms.insert(format!("HMAC-SHA-256 {text}"));
            }
            forms.insert(format!("urn:uuid:{text}"));
            forms.insert(text);
        }
    }
    let Event { phase, outcome, .. } = event;
    forms.insert(match &event.outcome_code {
        Some(code) => format!("{phase} {outcome} {code}"),
        None => format!("{phase} {outcome}"),
    });
    forms.insert((event.recorded_at.unix_timestamp_nanos() / 1_000_000).to_string());
    forms
}

fn renderings(event: &Event) -> [Value; 2] {
    [audit_event(event), ocsf::event(event)]
}

/// Names that stand for members in what has no other place.
fn names_of_the_rest(fhir: &Value, ocsf: &Value) -> BTreeSet<String> {
    let entities = fhir["entity"].as_array().unwrap();
    let details = entities
        .iter()
        .filter_map(|entity| entity["detail"].as_array())
        .flatten();
    details
        .map(|detail| detail["type"].as_str().unwrap().to_owned())
        .chain(ocsf["unmapped"].as_object().unwrap().keys().cloned())
        .collect()
}

fn check(kind: EventType, phase: &str, outcome: &str, shape: u32, seed: u32) {
    let one = event(kind, phase, outcome, shape, seed);
    // Of the same shape, and with the family of the address, but with no value in common.
    let other = event(kind, phase, outcome, shape, seed + 100_000_124);
    let can_say = sayable(&one);
    for (rendering, constant) in renderings(&one).iter().zip(renderings(&other)) {
        let constant = leaves(&constant);
        let said = leaves(rendering);
        for leaf in &said {
            assert!(
                can_say.contains(leaf) || constant.contains(leaf),
                "`{leaf}` is invented: {rendering:#}"
            );
        }
        for (name, value) in canonical(&one) {
            let all = texts(&value);
            if name == "salt" {
                let is_shown = said.iter().any(|leaf| leaf.contains(&all[0]));
                assert!(!is_shown, "the salt is shown: {rendering:#}");
                continue;
            }
            let is_said = |text: &String| {
                let forms = [text.clone(), format!("urn:uuid:{text}"), format!("HMAC-SHA-256 {text}")];
                forms.iter().any(|form| said.contains(form))
            };
            let is_kept = said.contains(&all.join(" ")) || all.iter().all(is_said);
            assert!(is_kept, "`{name}` is lost: {rendering:#}");
        }
    }
    let [fhir, ocsf] = renderings(&one);
    let members = canonical(&one);
    for name in names_of_the_rest(&fhir, &ocsf) {
        assert!(members.contains_key(&name), "`{name}` has no value: {fhir:#} {ocsf:#}");
    }
}

#[test]
fn every_code_in_every_phase_and_outcome_is_said_whole() {
    for kind in EventType::ALL {
        for phase in PHASES {
            for outcome in OUTCOMES {
                for shape in [FULL, 0] {
                    check(*kind, phase, outcome, shape, 7);
                }
            }
        }
    }
}

#[test]
fn every_member_may_be_missing() {
    for name in OPTIONAL {
        for kind in [
            EventType::ClientRead,
            EventType::ClientSearched,
            EventType::DisclosureMade,
            EventType::SessionStarted,
        ] {
            check(kind, "completed", "success", without(&[name]), 8);
        }
    }
    check(EventType::ClientRead, "completed", "success", FULL & !SERVICE, 8);
}

proptest! {
    #[test]
    fn nothing_is_invented_and_nothing_but_the_salt_is_lost(
        kind in 0..EventType::ALL.len(), phase in 0..4_usize, outcome in 0..4_usize, shape in 0..=FULL, seed in 10_000..1_000_000_u32,
    ) {
        check(EventType::ALL[kind], PHASES[phase], OUTCOMES[outcome], shape, seed);
    }

    /// The database holds codes only, but a line of an export may hold anything.
    #[test]
    fn hostile_texts_stay_inside_their_strings(text in any::<String>()) {
        let hostile = Event {
            event_type: text.clone(),
            phase: text.clone(),
            outcome: text.clone(),
            db_role: text.clone(),
            actor_roles: vec![text.clone()],
            service: Some(text.clone()),
            route: Some(text.clone()),
            resource: Some(text),
            ..event(EventType::ClientRead, "completed", "success", FULL, 7)
        };
        let line = ndjson_line(&hostile);
        prop_assert!(!line.contains('\n'));
        prop_assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), audit_event(&hostile));
        prop_assert!(ocsf::event(&hostile).is_object());
    }
}

#[test]
fn an_outcome_has_its_number_and_an_announcement_has_none() {
    for (phase, outcome, fhir, status) in [
        ("completed", "success", Some("0"), 1),
        ("completed", "denied", Some("4"), 2),
        ("failed", "failure", Some("8"), 2),
        ("timed_out", "unknown", Some("12"), 0),
        ("completed", "unknown", Some("12"), 0),
        ("intended", "success", None, 99),
        ("intended", "denied", Some("4"), 2),
    ] {
        let event = event(EventType::ClientRead, phase, outcome, FULL, 7);
        assert_eq!(audit_event(&event)["outcome"].as_str(), fhir, "{phase} {outcome}");
        assert_eq!(ocsf::event(&event)["status_id"], status, "{phase} {outcome}");
    }
}

/// DICOM: what is refused is an alert, whatever it is; a sign-in that is refused stays one.
#[test]
fn a_refusal_is_a_security_alert() {
    for kind in EventType::ALL {
        let denied = audit_event(&event(*kind, "completed", "denied", FULL, 7));
        let expected = if kind.kind() == Kind::Authentication {
            "110114"
        } else {
            "110113"
        };
        assert_eq!(denied["type"]["code"], expected, "{}", kind.as_str());
        assert!(denied.get("meta").is_none());
    }
}

#[test]
fn a_bundle_is_whole_whatever_its_length() {
    for length in [0_u32, 1, 3] {
        let events: Vec<Event> = (1..=length)
            .map(|seed| event(EventType::ClientRead, "completed", "success", FULL, seed))
            .collect();
        let mut bundle = Bundle::default();
        let mut text: String = events.iter().map(|event| bundle.entry(event)).collect();
        text += bundle.end();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (value["resourceType"].as_str(), value["type"].as_str()),
            (Some("Bundle"), Some("collection"))
        );
        let entries = value
            .get("entry")
            .map_or(0, |entries| entries.as_array().unwrap().len());
        assert_eq!(entries, events.len());
        for (position, event) in events.iter().enumerate() {
            assert_eq!(value["entry"][position]["resource"], audit_event(event));
            assert_eq!(
                value["entry"][position]["fullUrl"],
                format!("urn:uuid:{}", event.event_id)
            );
        }
    }
}
