//! `/v1/audit/events`: what stands in the tenant's record.

use crate::audit::cursor::{self, LIMIT_DEFAULT};
use crate::audit::event::AuditEntry;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::web;
use bearingwall_audit::{AuditLog, EventFilter, EventPage, EventType};
use bearingwall_core::{ClientId, RequestId, SubjectId};
use bearingwall_rbac::ReadAudit;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of the record, newest first.
#[derive(Serialize, ToSchema)]
struct AuditEventPage {
    /// The events.
    items: Vec<AuditEntry>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    client_id: Option<Uuid>,
    actor_id: Option<Uuid>,
    event_type: Option<String>,
    request_id: Option<Uuid>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    to: Option<OffsetDateTime>,
    before: Option<String>,
    limit: Option<u16>,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let name = "GET /v1/audit/events";
    let spec = RouteSpec::new(name, "audit_events_list", "The events of the tenant's record.")
        .query("client_id", "string", "Only about this client.")
        .query(
            "actor_id",
            "string",
            "Only by this actor, as `/v1/me` names the bearer. A page looks through 31 days, if no client or request is named.",
        )
        .query(
            "event_type",
            "string",
            "Only of this type, a code of the vocabulary. A page looks through 31 days, if no client or request is named.",
        )
        .query("request_id", "string", "Only of the request with this correlation id.")
        .query("from", "string", "Only recorded at this time or later (RFC 3339).")
        .query("to", "string", "Only recorded before this time (RFC 3339).")
        .query(
            "before",
            "string",
            "The `next` of the page before: only what is older, by time and id.",
        )
        .query("limit", "integer", "Entries at the most: 1 to 100, 50 if absent.")
        .phi(&[])
        .records(&[EventType::AuditRead])
        .rate(RateClass::Read)
        .answers(
            200,
            "A page, newest first. Pages do not shift when new events come. It may be short or empty while `next` is there.",
            Some(Content::json::<AuditEventPage>()),
        );
    table.secured::<ReadAudit, _, _>(spec, events)
}

async fn events(
    granted: Granted<ReadAudit>,
    log: web::Data<AuditLog>,
    query: web::Query<EventsQuery>,
) -> Result<web::Json<AuditEventPage>, Problem> {
    let (filter, page) = query.parsed()?;
    let found = log.events(granted.ctx(), filter, page).await?;
    let next = found.next.map(cursor::encode);
    let items = found
        .events
        .into_iter()
        .map(AuditEntry::try_from)
        .collect::<Result<_, _>>()?;
    Ok(web::Json(AuditEventPage { items, next }))
}

impl EventsQuery {
    fn parsed(&self) -> Result<(EventFilter, EventPage), Problem> {
        let unknown = || Problem::from(HttpError::Query).at("event_type", "is no code of the vocabulary");
        let event_type = self
            .event_type
            .as_deref()
            .map(|code| EventType::from_code(code).ok_or_else(unknown))
            .transpose()?;
        let filter = EventFilter {
            client: self.client_id.map(ClientId::from_uuid),
            actor: self.actor_id.map(SubjectId::from_uuid),
            event_type,
            request: self.request_id.map(RequestId::from_uuid),
            from: self.from,
            to: self.to,
        };
        let page = EventPage {
            before: self.before.as_deref().map(cursor::decode).transpose()?,
            limit: self.limit.unwrap_or(LIMIT_DEFAULT),
        };
        Ok((filter, page))
    }
}
