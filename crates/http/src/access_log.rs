//! Who saw a client, when and why.

use crate::audit::cursor::{self, LIMIT_DEFAULT};
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::web;
use bearingwall_audit::{AccessEntry, EventPage, EventType};
use bearingwall_core::{ClientId, EventId, RequestId, SubjectId};
use bearingwall_domain::Crm;
use bearingwall_rbac::ReadAccessLog;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// One line of a client's access log.
#[derive(Serialize, ToSchema)]
struct AccessLogEntry {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    event_id: EventId,
    /// When, by the database's clock (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    recorded_at: OffsetDateTime,
    /// What, as a code of the vocabulary.
    event_type: String,
    /// `intended` stands on the record before the access, `completed` or `failed` after it.
    phase: String,
    /// `success`, `denied`, `failure` or `unknown`.
    outcome: String,
    /// Who, as `/v1/me` names the bearer.
    #[schema(value_type = uuid::Uuid)]
    actor_id: SubjectId,
    /// In which roles.
    actor_roles: Vec<String>,
    /// Why, as an ActReason code.
    purpose: Option<String>,
    /// Which records.
    resource: Option<String>,
    /// What could be done to them.
    commands: Vec<String>,
    /// In which request.
    #[schema(value_type = uuid::Uuid)]
    correlation_id: RequestId,
    /// Through which route.
    route: Option<String>,
}

/// A page of an access log, newest first.
#[derive(Serialize, ToSchema)]
struct AccessLogPage {
    /// The lines.
    items: Vec<AccessLogEntry>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessLogQuery {
    before: Option<String>,
    limit: Option<u16>,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let name = "GET /v1/clients/{client_id}/access-log";
    let spec = RouteSpec::new(name, "access_log_read", "Who saw a client, when and why.")
        .query("before", "string", "The `next` of the page before.")
        .query("limit", "integer", "Entries at the most: 1 to 100, 50 if absent.")
        .phi(&[])
        .records(&[EventType::AccessLogRead])
        .rate(RateClass::Read)
        .answers(200, "A page, newest first.", Some(Content::json::<AccessLogPage>()));
    table.secured::<ReadAccessLog, _, _>(spec, access_log)
}

async fn access_log(
    granted: Granted<ReadAccessLog>,
    crm: web::Data<Crm>,
    client: web::Path<ClientId>,
    query: web::Query<AccessLogQuery>,
) -> Result<web::Json<AccessLogPage>, Problem> {
    let page = EventPage {
        before: query.before.as_deref().map(cursor::decode).transpose()?,
        limit: query.limit.unwrap_or(LIMIT_DEFAULT),
    };
    let entries = crm.access_log(granted.ctx(), client.into_inner(), page).await?;
    // A full page may be followed by nothing; the caller then gets one empty page.
    let full = entries.len() == usize::from(page.limit);
    let next = entries.last().filter(|_| full).map(AccessEntry::position);
    Ok(web::Json(AccessLogPage {
        items: entries.into_iter().map(AccessLogEntry::from).collect(),
        next: next.map(cursor::encode),
    }))
}

impl From<AccessEntry> for AccessLogEntry {
    fn from(entry: AccessEntry) -> Self {
        Self {
            event_id: entry.event_id,
            recorded_at: entry.recorded_at,
            event_type: entry.event_type,
            phase: entry.phase,
            outcome: entry.outcome,
            actor_id: entry.actor,
            actor_roles: entry.actor_roles,
            purpose: entry.purpose,
            resource: entry.resource,
            commands: entry.commands,
            correlation_id: entry.request,
            route: entry.route,
        }
    }
}
