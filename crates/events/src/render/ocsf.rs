//! Events of the Open Cybersecurity Schema Framework, for security monitoring.
//!
//! Version [`VERSION`]: class 3002 (Authentication) for signing in and out, class 6003 (API Activity) for the rest.
//! Source: `ocsf/ocsf-schema`, `events/iam/authentication.json`, `events/application/api_activity.json`,
//! `dictionary.json` and the files in `objects/`.

use super::{DENIED, FAILURE, INTENDED, SUCCESS, members};
use crate::event::Event;
use crate::vocabulary::{Action, EventType, Kind, Subtype};
use serde_json::{Map, Value, json};

/// The version of the schema that the events follow.
pub const VERSION: &str = "1.8.0";

/// A class of the schema, with what tells its events apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class {
    pub(super) uid: u32,
    pub(super) name: &'static str,
    category_uid: u32,
}

const AUTHENTICATION: Class = Class {
    uid: 3002,
    name: "Authentication",
    category_uid: 3,
};
const API_ACTIVITY: Class = Class {
    uid: 6003,
    name: "API Activity",
    category_uid: 6,
};

/// `Other`: the name of the activity says what it is.
const OTHER: (u32, &str) = (99, "Execute");

/// One event as an object of the schema.
///
/// Members for which the schema has no place are in `unmapped`, under their own names.
/// The schema demands a source of an API activity: where the record has no address, it is the database login.
#[must_use]
pub fn event(event: &Event) -> Value {
    let vocabulary = EventType::from_code(&event.event_type);
    let class = vocabulary.map_or(API_ACTIVITY, class);
    let (activity_id, activity_name) = vocabulary.map_or(OTHER, activity);
    let time = milliseconds(event);
    let mut object = Map::new();
    let mut put = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
    put("class_uid", json!(class.uid));
    put("category_uid", json!(class.category_uid));
    put("activity_id", json!(activity_id));
    put("activity_name", json!(activity_name));
    put(
        "type_uid",
        json!(class.uid.saturating_mul(100).saturating_add(activity_id)),
    );
    put("severity_id", json!(severity(event, vocabulary)));
    put("time", json!(time));
    let (status_id, status) = status(event);
    put("status_id", json!(status_id));
    put("status", json!(status));
    put("status_detail", json!(event.outcome));
    if let Some(code) = &event.outcome_code {
        put("status_code", json!(code));
    }
    put("metadata", metadata(event, class, time));
    if class == AUTHENTICATION {
        put("user", user(event));
        put("service", service(event));
        if let Some(address) = event.source_ip {
            put("src_endpoint", json!({ "ip": address.to_string() }));
        }
    } else {
        put("actor", json!({ "user": user(event) }));
        put("api", api(event));
        put("src_endpoint", source(event));
        let resources = resources(event);
        if !resources.is_empty() {
            put("resources", Value::Array(resources));
        }
        if let Some(trace_id) = event.trace_id {
            put("trace", json!({ "uid": super::hex(&trace_id) }));
        }
    }
    let mapped = mapped(class);
    let unmapped: Map<String, Value> = members(event)
        .filter(|(name, _)| !mapped.contains(name))
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    put("unmapped", Value::Object(unmapped));
    Value::Object(object)
}

/// What has a place in the schema and needs none in `unmapped`.
/// Some stay besides: `recorded_at`, because the schema's time has milliseconds only, `service`, which it has in two parts,
/// and `resource_version`, which has a place only beside a resource.
const fn mapped(class: Class) -> &'static [&'static str] {
    if class.uid == AUTHENTICATION.uid {
        &[
            "actor_id",
            "actor_roles",
            "customer_id",
            "event_id",
            "event_type",
            "outcome",
            "outcome_code",
            "request_id",
            "source_ip",
        ]
    } else {
        &[
            "actor_id",
            "actor_roles",
            "customer_id",
            "event_id",
            "event_type",
            "http_status",
            "outcome",
            "outcome_code",
            "request_id",
            "resource",
            "resource_id",
            "source_ip",
            "subject_id",
            "trace_id",
        ]
    }
}

pub(super) const fn class(event: EventType) -> Class {
    match event.kind() {
        Kind::Authentication => AUTHENTICATION,
        Kind::Patient
        | Kind::Disclosure
        | Kind::Export
        | Kind::Interface
        | Kind::Security
        | Kind::Gate
        | Kind::AuditLog
        | Kind::Alert
        | Kind::Configuration => API_ACTIVITY,
    }
}

pub(super) const fn activity(event: EventType) -> (u32, &'static str) {
    match (event.kind(), event.action(), event.subtype()) {
        (Kind::Authentication, _, Subtype::Logout) => (2, "Logoff"),
        (Kind::Authentication, _, _) => (1, "Logon"),
        (_, Action::Create, _) => (1, "Create"),
        // A search reads, whatever the letter of it is elsewhere.
        (_, Action::Read, _) | (_, Action::Execute, Subtype::Search) => (2, "Read"),
        (_, Action::Update, _) => (3, "Update"),
        (_, Action::Delete, _) => (4, "Delete"),
        (_, Action::Execute, _) => OTHER,
    }
}

fn status(event: &Event) -> (u32, &'static str) {
    match (event.outcome.as_str(), event.phase.as_str()) {
        // Admitted, and not done yet.
        (SUCCESS, INTENDED) => (99, INTENDED),
        (SUCCESS, _) => (1, "Success"),
        (DENIED | FAILURE, _) => (2, "Failure"),
        _ => (0, "Unknown"),
    }
}

/// Informational, unless it is an alert (high), a refusal, an unknown end or an emergency (medium) or a failure (low).
fn severity(event: &Event, vocabulary: Option<EventType>) -> u32 {
    const INFORMATIONAL: u32 = 1;
    const LOW: u32 = 2;
    const MEDIUM: u32 = 3;
    const HIGH: u32 = 4;
    let by_code = vocabulary.map_or(INFORMATIONAL, |event| match event.subtype() {
        Subtype::Alert => HIGH,
        Subtype::Emergency | Subtype::Denied => MEDIUM,
        Subtype::Create
        | Subtype::Read
        | Subtype::Search
        | Subtype::Update
        | Subtype::Disclose
        | Subtype::Export
        | Subtype::Operation
        | Subtype::Login
        | Subtype::Logout
        | Subtype::Role
        | Subtype::Verify
        | Subtype::Delete => INFORMATIONAL,
    });
    let by_outcome = match event.outcome.as_str() {
        SUCCESS => INFORMATIONAL,
        FAILURE => LOW,
        _ => MEDIUM,
    };
    by_code.max(by_outcome)
}

fn metadata(event: &Event, class: Class, time: i64) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "product": { "name": "Bearingwall", "vendor_name": "Bearingwall" },
        "uid": event.event_id.to_string(),
        "correlation_uid": event.request_id.to_string(),
        "event_code": event.event_type,
        "logged_time": time,
        "tenant_uid": event.customer_id.to_string(),
    });
    if class == API_ACTIVITY && event.trace_id.is_some() {
        insert(&mut metadata, "profiles", json!(["trace"]));
    }
    metadata
}

fn user(event: &Event) -> Value {
    let mut user = json!({ "uid": event.actor_id.to_string() });
    if !event.actor_roles.is_empty() {
        let groups: Vec<Value> = event.actor_roles.iter().map(|role| json!({ "name": role })).collect();
        insert(&mut user, "groups", Value::Array(groups));
    }
    user
}

fn api(event: &Event) -> Value {
    let mut api = json!({ "operation": event.event_type, "request": { "uid": event.request_id.to_string() } });
    if let Some(status) = event.http_status {
        insert(&mut api, "response", json!({ "code": status }));
    }
    if event.service.is_some() {
        insert(&mut api, "service", service(event));
    }
    api
}

/// The program, or where the record has none the database login that wrote the event.
fn service(event: &Event) -> Value {
    match event
        .service
        .as_deref()
        .map(|service| service.split_once('/').ok_or(service))
    {
        Some(Ok((name, version))) => json!({ "name": name, "version": version }),
        Some(Err(name)) => json!({ "name": name }),
        None => json!({ "name": event.db_role }),
    }
}

fn source(event: &Event) -> Value {
    event.source_ip.map_or_else(
        || json!({ "name": event.db_role }),
        |address| json!({ "ip": address.to_string() }),
    )
}

fn resources(event: &Event) -> Vec<Value> {
    let mut resources = Vec::new();
    if let Some(subject) = event.subject_id {
        resources.push(json!({ "uid": subject.to_string(), "type": "Patient" }));
    }
    let mut thing = json!({});
    if let Some(name) = &event.resource {
        insert(&mut thing, "name", json!(name));
    }
    if let Some(id) = event.resource_id {
        insert(&mut thing, "uid", json!(id.to_string()));
    }
    if let Some(version) = event.resource_version {
        insert(&mut thing, "version", json!(version.to_string()));
    }
    // The schema wants a name or an id of each.
    if event.resource.is_some() || event.resource_id.is_some() {
        resources.push(thing);
    }
    resources
}

fn insert(value: &mut Value, name: &str, member: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), member);
    }
}

fn milliseconds(event: &Event) -> i64 {
    let nanoseconds = event.recorded_at.unix_timestamp_nanos();
    // INVARIANT: the years that a time can have fit by far.
    i64::try_from(nanoseconds.div_euclid(1_000_000)).unwrap_or(i64::MAX)
}
