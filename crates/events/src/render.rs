//! Events in the forms of other systems.
//!
//! Each is a view: what proves something is the canonical line ([`Event::canonical`]), which the signed tree covers.
//! All of them say only what the event says; what it lacks is absent, or marked as absent where a format demands it.

pub mod csv;
pub mod fhir;
pub mod ocsf;
mod table;

pub use table::vocabulary_markdown;

use crate::canonical::Instant;
use crate::event::Event;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The phase of an event that announces an act: whether it succeeded is not known yet.
const INTENDED: &str = "intended";
const COMPLETED: &str = "completed";

const SUCCESS: &str = "success";
const DENIED: &str = "denied";
const FAILURE: &str = "failure";

/// The members that have a value, with the names and in the order of the canonical form.
///
/// SECURITY: the salt is left out everywhere: it blinds the leaf, and is for whoever holds the canonical line.
fn members(event: &Event) -> impl Iterator<Item = (&'static str, Value)> {
    // INVARIANT: a column that is added does not compile before it has a place here.
    let Event {
        customer_id,
        recorded_at,
        xid,
        db_role,
        actor_id,
        request_id,
        salt: _,
        event_id,
        schema_version,
        event_type,
        phase,
        outcome,
        outcome_code,
        access_id,
        parent_id,
        actor_roles,
        on_behalf_of,
        break_glass,
        auth_method,
        purpose_of_use,
        legal_basis,
        subject_id,
        resource,
        resource_id,
        resource_version,
        commands,
        fields,
        result_count,
        recipient,
        query_digest,
        before_digest,
        after_digest,
        route,
        http_status,
        source_ip,
        trace_id,
        span_id,
        service,
    } = event;
    let text = |value: &Option<String>| value.as_ref().map(|text| json!(text));
    let id = |value: &Option<uuid::Uuid>| value.map(|id| json!(id.to_string()));
    let list = |values: &[String]| (!values.is_empty()).then(|| json!(values));
    [
        ("access_id", id(access_id)),
        ("actor_id", Some(json!(actor_id.to_string()))),
        ("actor_roles", list(actor_roles)),
        ("after_digest", after_digest.map(|bytes| json!(hex(&bytes)))),
        ("auth_method", text(auth_method)),
        ("before_digest", before_digest.map(|bytes| json!(hex(&bytes)))),
        ("break_glass", id(break_glass)),
        ("commands", list(commands)),
        ("customer_id", Some(json!(customer_id.to_string()))),
        ("db_role", Some(json!(db_role))),
        ("event_id", Some(json!(event_id.to_string()))),
        ("event_type", Some(json!(event_type))),
        ("fields", list(fields)),
        ("http_status", http_status.map(|status| json!(status))),
        ("legal_basis", text(legal_basis)),
        ("on_behalf_of", id(on_behalf_of)),
        ("outcome", Some(json!(outcome))),
        ("outcome_code", text(outcome_code)),
        ("parent_id", id(parent_id)),
        ("phase", Some(json!(phase))),
        ("purpose_of_use", text(purpose_of_use)),
        ("query_digest", query_digest.map(|bytes| json!(hex(&bytes)))),
        ("recipient", text(recipient)),
        ("recorded_at", Some(json!(Instant(*recorded_at).to_string()))),
        ("request_id", Some(json!(request_id.to_string()))),
        ("resource", text(resource)),
        ("resource_id", id(resource_id)),
        (
            "resource_version",
            resource_version.map(|version| json!(version.to_string())),
        ),
        ("result_count", result_count.map(|count| json!(count))),
        ("route", text(route)),
        ("schema_version", Some(json!(schema_version))),
        ("service", text(service)),
        ("source_ip", source_ip.map(|address| json!(address.to_string()))),
        ("span_id", span_id.map(|bytes| json!(hex(&bytes)))),
        ("subject_id", id(subject_id)),
        ("trace_id", trace_id.map(|bytes| json!(hex(&bytes)))),
        ("xid", Some(json!(xid.to_string()))),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.map(|value| (name, value)))
}

/// A member as one text; a list is joined with spaces, of which its codes have none.
fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(as_text).collect::<Vec<_>>().join(" "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // INVARIANT: writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::EventType;

    /// One source for all views: it must say what the canonical form says.
    #[test]
    fn the_members_are_those_of_the_canonical_form_but_the_salt() {
        let event = Event {
            resource_version: Some(-7),
            result_count: Some(0),
            http_status: Some(204),
            fields: vec!["name".to_owned()],
            query_digest: Some([0xa5; 32]),
            source_ip: Some("2001:db8::1".parse().unwrap()),
            ..Event::example(EventType::ClientRead)
        };
        let Value::Object(mut canonical) = serde_json::from_str(&event.canonical()).unwrap() else {
            panic!("an object")
        };
        canonical.remove("salt");
        let names: Vec<&str> = members(&event).map(|(name, _)| name).collect();
        assert!(names.is_sorted());
        let members: serde_json::Map<String, Value> =
            members(&event).map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(members, canonical);
    }
}
