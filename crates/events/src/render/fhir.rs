//! FHIR R4 `AuditEvent` resources in the patterns of IHE BALP 1.1.4 (Basic Audit Log Patterns).
//!
//! Sources: HL7 FHIR R4 (4.0.1) AuditEvent; IHE ITI BALP, `IHE/ITI.BasicAudit`, `input/fsh/Patient*.fsh`, `Disclose.fsh`
//! and `terms.fsh`; codes of DICOM PS3.16 (CID 400 to 403) and of HL7 Terminology.
//!
//! `meta.profile` claims a profile of BALP only where the event says all that the profile demands: a completed success
//! with a known client address and service. A failure, an unknown end and an announcement (`intended`) claim none.

mod bundle;
mod codes;

pub use bundle::{Bundle, bundle_entry, ndjson_line};
pub(super) use codes::{action, kind, subtypes};

use super::{COMPLETED, DENIED, FAILURE, INTENDED, SUCCESS, as_text, members};
use crate::canonical::Instant;
use crate::event::Event;
use crate::vocabulary::{Action, EventType, Kind};
use codes::{Coding, Roles};
use serde_json::{Map, Value, json};
use uuid::Uuid;

const PROFILES: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";
const DATA_ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
const BALP_ENTITY_TYPE: &str = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType";
const URI: &str = "urn:ietf:rfc:3986";

/// One event as a FHIR R4 `AuditEvent`.
///
/// Ids are logical identifiers (`urn:uuid:…`), never addresses of resources: nothing here says where those are served.
/// What FHIR has no element for stands as `detail` of an entity of its own kind, under the names of the canonical form.
#[must_use]
pub fn audit_event(event: &Event) -> Value {
    let vocabulary = EventType::from_code(&event.event_type);
    let is_denied = event.outcome == DENIED;
    let mut resource = Map::new();
    let mut put = |name: &str, value: Value| drop(resource.insert(name.to_owned(), value));
    put("resourceType", json!("AuditEvent"));
    put("id", json!(event.event_id.to_string()));
    if let Some(profile) = vocabulary.and_then(|vocabulary| profile(event, vocabulary)) {
        put("meta", json!({ "profile": [format!("{PROFILES}{profile}")] }));
    }
    put(
        "type",
        vocabulary
            .map_or(codes::APPLICATION_ACTIVITY, |event| kind(event, is_denied))
            .to_value(),
    );
    put("subtype", subtype(event, vocabulary, is_denied));
    if let Some(vocabulary) = vocabulary {
        put("action", json!(action(vocabulary).letter()));
    }
    put("recorded", json!(Instant(event.recorded_at).to_string()));
    if let Some(outcome) = outcome(event) {
        put("outcome", json!(outcome));
    }
    put("outcomeDesc", json!(outcome_description(event)));
    let purposes = purposes_of_event(event, vocabulary);
    if !purposes.is_empty() {
        put("purposeOfEvent", Value::Array(purposes));
    }
    put("agent", Value::Array(agents(event, vocabulary)));
    put("source", json!({ "observer": observer(event) }));
    put("entity", Value::Array(entities(event, vocabulary)));
    Value::Object(resource)
}

/// The name of the profile that the event fulfils, if any.
fn profile(event: &Event, vocabulary: EventType) -> Option<&'static str> {
    let is_done = event.phase == COMPLETED && event.outcome == SUCCESS;
    if !is_done || event.service.is_none() {
        return None;
    }
    if is_handed_out(vocabulary) {
        let is_complete = vocabulary.is_disclosure() && event.subject_id.is_some() && event.recipient.is_some();
        return is_complete.then_some("PrivacyDisclosure.Source");
    }
    if vocabulary.kind() != Kind::Patient || event.source_ip.is_none() {
        return None;
    }
    let action = action(vocabulary);
    let has_object = match action {
        Action::Execute => event.query_digest.is_some(),
        Action::Create | Action::Read | Action::Update | Action::Delete => has_data(event),
    };
    has_object.then(|| match (action, event.subject_id.is_some()) {
        (Action::Create, true) => "PatientCreate",
        (Action::Create, false) => "Create",
        (Action::Read, true) => "PatientRead",
        (Action::Read, false) => "Read",
        (Action::Update, true) => "PatientUpdate",
        (Action::Update, false) => "Update",
        (Action::Delete, true) => "PatientDelete",
        (Action::Delete, false) => "Delete",
        (Action::Execute, true) => "PatientQuery",
        (Action::Execute, false) => "Query",
    })
}

/// Whether data goes to somebody outside, who is an agent of the event then.
fn is_handed_out(vocabulary: EventType) -> bool {
    match vocabulary.kind() {
        Kind::Disclosure | Kind::Export => true,
        Kind::Patient
        | Kind::Interface
        | Kind::Authentication
        | Kind::Security
        | Kind::Gate
        | Kind::AuditLog
        | Kind::Alert
        | Kind::Configuration => false,
    }
}

const fn has_data(event: &Event) -> bool {
    event.resource.is_some() || event.resource_id.is_some()
}

fn subtype(event: &Event, vocabulary: Option<EventType>, is_denied: bool) -> Value {
    let mut subtypes: Vec<Value> = vocabulary
        .map(|vocabulary| subtypes(vocabulary, is_denied))
        .unwrap_or_default()
        .into_iter()
        .map(Coding::to_value)
        .collect();
    // BALP's deletions have exactly one subtype; the code stands in the details all the same.
    let is_deletion = vocabulary.is_some_and(|event| event.kind() == Kind::Patient && action(event) == Action::Delete);
    if !is_deletion || is_denied {
        subtypes.push(json!({ "system": "urn:bearingwall:event-type", "code": event.event_type }));
    }
    Value::Array(subtypes)
}

/// `0` success, `4` refused, `8` failed, `12` no end is known; none while it is only intended.
fn outcome(event: &Event) -> Option<&'static str> {
    match (event.outcome.as_str(), event.phase.as_str()) {
        (SUCCESS, INTENDED) => None,
        (SUCCESS, _) => Some("0"),
        (DENIED, _) => Some("4"),
        (FAILURE, _) => Some("8"),
        _ => Some("12"),
    }
}

fn outcome_description(event: &Event) -> String {
    let Event { phase, outcome, .. } = event;
    match &event.outcome_code {
        Some(code) => format!("{phase} {outcome} {code}"),
        None => format!("{phase} {outcome}"),
    }
}

fn purposes_of_event(event: &Event, vocabulary: Option<EventType>) -> Vec<Value> {
    let mut purposes = Vec::new();
    if let Some(purpose) = &event.purpose_of_use
        && vocabulary.is_some_and(is_handed_out)
    {
        purposes.push(concept(ACT_REASON, purpose));
    }
    // "Break the glass": that it was an emergency belongs to the event, not to whoever acted.
    if event.break_glass.is_some() {
        purposes.push(concept(ACT_REASON, "BTG"));
    }
    purposes
}

fn agents(event: &Event, vocabulary: Option<EventType>) -> Vec<Value> {
    let roles = vocabulary.map_or(codes::PLAIN_ROLES, Roles::of);
    let mut agents = vec![user(event, &roles)];
    if let Some(principal) = event.on_behalf_of {
        agents.push(json!({
            "type": concept("urn:bearingwall:agent-type", "on-behalf-of"),
            "who": logical(principal),
            "requestor": false,
        }));
    }
    if let Some(address) = event.source_ip {
        let address = address.to_string();
        agents.push(json!({
            "type": roles.client.to_concept(),
            "who": { "display": address },
            "requestor": false,
            // An IP address (http://hl7.org/fhir/network-type).
            "network": { "address": address, "type": "2" },
        }));
    }
    if event.service.is_some() {
        agents.push(json!({
            "type": roles.server.to_concept(),
            "who": observer(event),
            "requestor": false,
            "network": absent("unknown"),
        }));
    }
    if let Some(recipient) = &event.recipient
        && vocabulary.is_some_and(is_handed_out)
    {
        agents.push(json!({
            "type": codes::DESTINATION.to_concept(),
            "who": { "identifier": { "system": "urn:bearingwall:recipient", "value": recipient } },
            "requestor": false,
            "network": absent("unknown"),
        }));
    }
    agents
}

fn user(event: &Event, roles: &Roles) -> Value {
    let mut user = Map::new();
    if let Some(participation) = &roles.user {
        user.insert("type".to_owned(), participation.to_concept());
    }
    user.insert("who".to_owned(), logical(event.actor_id));
    user.insert("requestor".to_owned(), json!(true));
    if !event.actor_roles.is_empty() {
        let roles: Vec<Value> = event
            .actor_roles
            .iter()
            .map(|role| concept("urn:bearingwall:role", role))
            .collect();
        user.insert("role".to_owned(), Value::Array(roles));
    }
    if let Some(purpose) = &event.purpose_of_use {
        user.insert("purposeOfUse".to_owned(), json!([concept(ACT_REASON, purpose)]));
    }
    Value::Object(user)
}

/// What recorded the event: the program, or where the record has none the database login.
fn observer(event: &Event) -> Value {
    let (system, value) = match &event.service {
        Some(service) => ("urn:bearingwall:service", service),
        None => ("urn:bearingwall:db-role", &event.db_role),
    };
    json!({ "identifier": { "system": system, "value": value } })
}

fn entities(event: &Event, vocabulary: Option<EventType>) -> Vec<Value> {
    let is_query = vocabulary.is_some_and(|event| event.kind() == Kind::Patient && action(event) == Action::Execute);
    let mut entities = vec![json!({
        "type": { "system": BALP_ENTITY_TYPE, "code": "XrequestId" },
        "what": { "identifier": { "value": event.request_id.to_string() } },
    })];
    if let Some(subject) = event.subject_id {
        let mut what = logical(subject);
        insert(&mut what, "type", json!("Patient"));
        entities.push(json!({
            "type": { "system": ENTITY_TYPE, "code": "1" },
            "role": { "system": ENTITY_ROLE, "code": "1" },
            "what": what,
        }));
    }
    if is_query {
        if let Some(digest) = &event.query_digest {
            entities.push(query(&super::hex(digest)));
        }
    } else if has_data(event) {
        entities.push(data(event));
    }
    entities.push(details(event, is_query));
    entities
}

/// BALP wants the raw query, which may name a person: it is marked as masked, and the keyed digest describes it.
fn query(digest: &str) -> Value {
    json!({
        "type": { "system": ENTITY_TYPE, "code": "2" },
        "role": { "system": ENTITY_ROLE, "code": "24" },
        "description": format!("HMAC-SHA-256 {digest}"),
        "_query": absent("masked"),
    })
}

fn data(event: &Event) -> Value {
    let mut what = event.resource_id.map_or_else(|| json!({}), logical);
    if let Some(resource) = &event.resource {
        insert(&mut what, "display", json!(resource));
    }
    json!({
        "type": { "system": ENTITY_TYPE, "code": "2" },
        "role": { "system": ENTITY_ROLE, "code": "4" },
        "what": what,
    })
}

/// What has an element of FHIR whatever the event, and needs no detail.
const MAPPED: [&str; 8] = [
    "actor_id",
    "actor_roles",
    "event_id",
    "on_behalf_of",
    "purpose_of_use",
    "recorded_at",
    "request_id",
    "subject_id",
];

fn details(event: &Event, is_query: bool) -> Value {
    let has_element = |name: &str| MAPPED.contains(&name) || (is_query && name == "query_digest");
    let details: Vec<Value> = members(event)
        .filter(|(name, _)| !has_element(name))
        .map(|(name, value)| (name, as_text(&value)))
        // FHIR has no empty strings.
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| json!({ "type": name, "valueString": text }))
        .collect();
    json!({ "type": { "system": "urn:bearingwall:entity-type", "code": "event" }, "detail": details })
}

fn logical(id: Uuid) -> Value {
    json!({ "identifier": { "system": URI, "value": format!("urn:uuid:{id}") } })
}

fn concept(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

fn absent(reason: &str) -> Value {
    json!({ "extension": [{ "url": DATA_ABSENT, "valueCode": reason }] })
}

fn insert(value: &mut Value, name: &str, member: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(name.to_owned(), member);
    }
}
