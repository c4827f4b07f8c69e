//! What arrived by webhooks and what became of it; a person has what was parked tried again. No content.

use crate::paging::PageQuery;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_connectors::arrivals::{ArrivalError, ArrivalState, ReviewedArrival, arrival_replay, arrivals_page};
use bearingwall_domain::{DomainError, Page};
use bearingwall_rbac::{ReadWebhookEvent, ReplayWebhookEvent};
use bearingwall_tenancy::TenantTx;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// An event without its content.
#[derive(Serialize, ToSchema)]
struct WebhookEvent {
    /// Its id here.
    id: Uuid,
    /// The endpoint at which it arrived.
    endpoint_id: Uuid,
    /// Who sent it.
    connector: String,
    /// The sender's own id of it.
    event_id: String,
    /// What the sender calls this sort of event, as far as it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// `waiting`, `done`, `ignored` or, where it waits for a person, `dead`.
    state: String,
    /// Why nothing was to be done with it, or why it waits for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// When it was taken in (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    received_at: OffsetDateTime,
    /// When it was settled.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    settled_at: Option<OffsetDateTime>,
    /// When its content was taken away.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pruned_at: Option<OffsetDateTime>,
    /// How often another content came under its id.
    conflicts: i32,
}

/// A page of events, newest first.
#[derive(Serialize, ToSchema)]
struct WebhookEventPage {
    /// The events.
    items: Vec<WebhookEvent>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

/// The part of the list that a caller asks for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventQuery {
    state: Option<String>,
    before: Option<Uuid>,
    limit: Option<u16>,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let list = PageQuery::declare(
        RouteSpec::new(
            "GET /v1/webhook-events",
            "webhook_event_list",
            "What arrived by webhooks and what became of it, newest first.",
        )
        .query(
            "state",
            "string",
            "Only what is `waiting`, `done`, `ignored` or `dead`: waits for a person.",
        ),
    )
    .rate(RateClass::Read)
    .answers(200, "The events.", Some(Content::json::<WebhookEventPage>()));
    let replay = RouteSpec::new(
        "POST /v1/webhook-events/{event_id}/replay",
        "webhook_event_replay",
        "Has an event tried again that waits for a person.",
    )
    .records(&[EventType::WebhookReplayed])
    .rate(RateClass::Write)
    .answers(204, "It waits for a worker again.", None);
    table
        .secured::<ReadWebhookEvent, _, _>(list, event_list)
        .secured::<ReplayWebhookEvent, _, _>(replay, event_replay)
}

async fn event_list(
    granted: Granted<ReadWebhookEvent>,
    log: web::Data<AuditLog>,
    query: web::Query<EventQuery>,
) -> Result<web::Json<WebhookEventPage>, Problem> {
    let invalid = |field, reason| DomainError::Invalid { field, reason };
    let state = match query.state.as_deref() {
        Some(word) => Some(
            ArrivalState::from_word(word)
                .ok_or_else(|| invalid("state", "`state` is `waiting`, `done`, `ignored` or `dead`"))?,
        ),
        None => None,
    };
    let limit = query.limit.unwrap_or(Page::<Uuid>::LIMIT_DEFAULT);
    if !(1..=Page::<Uuid>::LIMIT_MAX).contains(&limit) {
        return Err(invalid("limit", "limit is 1 to 100").into());
    }
    let look = async |tx: &mut TenantTx<'_>| arrivals_page(tx, state, query.before, limit).await;
    let (found, more) = log.pool().run(granted.ctx(), look).await?;
    let next = found.last().filter(|_| more).map(|last| last.id);
    Ok(web::Json(WebhookEventPage {
        items: found.into_iter().map(event).collect(),
        next,
    }))
}

async fn event_replay(
    granted: Granted<ReplayWebhookEvent>,
    log: web::Data<AuditLog>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    log.pool()
        .run(granted.ctx(), async |tx: &mut TenantTx<'_>| {
            arrival_replay(tx, id).await
        })
        .await
        .map_err(|error: ArrivalError| Problem::from(error))?;
    Ok(HttpResponse::NoContent().finish())
}

fn event(found: ReviewedArrival) -> WebhookEvent {
    WebhookEvent {
        id: found.id,
        endpoint_id: found.endpoint,
        connector: found.connector,
        event_id: found.event_id,
        kind: found.kind,
        state: found.state,
        code: found.code,
        received_at: found.received_at,
        settled_at: found.settled_at,
        pruned_at: found.pruned_at,
        conflicts: found.conflicts,
    }
}
