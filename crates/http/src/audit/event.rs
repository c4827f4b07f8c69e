//! An event of the record as it is answered: its canonical form, member for member.

use crate::{HttpError, Problem};
use bearingwall_audit::RecordedEvent;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// An event, and where it stands in the tree.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// The event. Written without spaces (RFC 8785), it is the data of its leaf.
    #[schema(value_type = AuditEvent)]
    event: Value,
    /// The index of its leaf in the tenant's log; absent until the next seal.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf_index: Option<u64>,
}

impl TryFrom<RecordedEvent> for AuditEntry {
    type Error = Problem;

    fn try_from(recorded: RecordedEvent) -> Result<Self, Problem> {
        Ok(Self {
            event: serde_json::from_str(&recorded.event.canonical()).map_err(|_| HttpError::Framework)?,
            leaf_index: recorded.leaf_index,
        })
    }
}

/// One row of the record: codes and ids, never personal data. What has no value is absent; digests are hexadecimal, and
/// numbers of 64 bits are strings.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the members of the canonical form for the document")]
struct AuditEvent {
    /// What announces an access and what ends it share it.
    access_id: Option<Uuid>,
    /// Who acted, as `/v1/me` names the bearer.
    actor_id: Uuid,
    /// In which roles.
    actor_roles: Option<Vec<String>>,
    /// HMAC-SHA-256 of the content after, under a key of the person's, which it does not outlive.
    after_digest: Option<String>,
    /// How the actor had signed in (RFC 8176).
    auth_method: Option<String>,
    /// The same of the content before.
    before_digest: Option<String>,
    /// The break-glass session under which it was done.
    break_glass: Option<Uuid>,
    /// What could be done: `SELECT`, `INSERT`, `UPDATE`, `DELETE`, `SEARCH`, `SWEEP`.
    commands: Option<Vec<String>>,
    /// The tenant.
    customer_id: Uuid,
    /// The database login that wrote it.
    db_role: String,
    /// Its own id.
    event_id: Uuid,
    /// What happened, as a code of the vocabulary.
    event_type: String,
    /// The names of the fields that were shown or changed.
    fields: Option<Vec<String>>,
    /// The status of the answer.
    http_status: Option<u16>,
    /// On which legal basis.
    legal_basis: Option<String>,
    /// For whom, if for somebody else.
    on_behalf_of: Option<Uuid>,
    /// `success`, `denied`, `failure` or `unknown`.
    outcome: String,
    /// A stable code of why.
    outcome_code: Option<String>,
    /// The event out of which this one came.
    parent_id: Option<Uuid>,
    /// `intended`, `completed`, `failed` or `timed_out`.
    phase: String,
    /// Why: a code of HL7 v3 ActReason.
    purpose_of_use: Option<String>,
    /// HMAC-SHA-256 of the query under a key of the tenant's.
    query_digest: Option<String>,
    /// To whom it was disclosed.
    recipient: Option<String>,
    /// When, by the database's clock, in microseconds (RFC 3339).
    #[schema(value_type = String, format = DateTime)]
    recorded_at: OffsetDateTime,
    /// The request in which it happened: the correlation id.
    request_id: Uuid,
    /// Which table or kind of thing.
    resource: Option<String>,
    /// Which one of it.
    resource_id: Option<Uuid>,
    /// In which version.
    resource_version: Option<String>,
    /// How many things came of it.
    result_count: Option<i32>,
    /// The route's template.
    route: Option<String>,
    /// Sixteen random bytes that blind the leaf.
    salt: String,
    /// Which rules made the canonical form.
    schema_version: i16,
    /// The program and its version.
    service: Option<String>,
    /// Where the request came from: the network peer, which is the proxy where one stands before the server.
    source_ip: Option<String>,
    /// The span (W3C Trace Context).
    span_id: Option<String>,
    /// Whose data.
    subject_id: Option<Uuid>,
    /// The trace.
    trace_id: Option<String>,
    /// The transaction that wrote it, with its epoch.
    xid: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_audit::{Event, EventType};
    use std::collections::BTreeSet;
    use utoipa::PartialSchema as _;

    fn full() -> Event {
        let id = Some(Uuid::from_u128(9));
        let text = || Some("x".to_owned());
        Event {
            outcome_code: text(),
            access_id: id,
            parent_id: id,
            actor_roles: vec!["authenticated".into()],
            on_behalf_of: id,
            break_glass: id,
            auth_method: text(),
            purpose_of_use: text(),
            legal_basis: text(),
            subject_id: id,
            resource: text(),
            resource_id: id,
            resource_version: Some(3),
            commands: vec!["SELECT".into()],
            fields: vec!["email".into()],
            result_count: Some(1),
            recipient: text(),
            query_digest: Some([1; 32]),
            before_digest: Some([2; 32]),
            after_digest: Some([3; 32]),
            route: text(),
            http_status: Some(200),
            source_ip: Some("192.0.2.1".parse().unwrap()),
            trace_id: Some([4; 16]),
            span_id: Some([5; 8]),
            service: text(),
            ..Event::example(EventType::ClientRead)
        }
    }

    fn members(value: &Value) -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn aud_5_an_event_is_answered_as_the_data_of_its_leaf() {
        let recorded = RecordedEvent {
            event: full(),
            leaf_index: Some(3),
        };
        let canonical = recorded.event.canonical();
        let entry = AuditEntry::try_from(recorded).unwrap();
        assert_eq!(entry.event.to_string(), canonical);
    }

    #[test]
    fn the_document_names_exactly_the_members_of_an_event() {
        let schema = serde_json::to_value(AuditEvent::schema()).unwrap();
        let all: Value = serde_json::from_str(&full().canonical()).unwrap();
        assert_eq!(members(&schema["properties"]), members(&all));
        let least: Value = serde_json::from_str(&Event::example(EventType::ClientRead).canonical()).unwrap();
        let required: BTreeSet<String> = schema["required"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(required, members(&least));
    }
}
