//! To whom a client's data was disclosed, as the client may ask to be told (45 CFR 164.528).

use crate::audit::cursor::{self, LIMIT_DEFAULT};
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::web;
use bearingwall_audit::{Disclosure, EventPage, EventType};
use bearingwall_core::{ClientId, EventId, RequestId, SubjectId};
use bearingwall_domain::Crm;
use bearingwall_rbac::ReportAudit;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// One disclosure.
#[derive(Serialize, ToSchema)]
struct DisclosureLine {
    /// When, by the database's clock (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    recorded_at: OffsetDateTime,
    /// The event that announced it.
    #[schema(value_type = uuid::Uuid)]
    event_id: EventId,
    /// How, as a code of the vocabulary.
    event_type: String,
    /// To whom: the id of a connector or an organisation.
    recipient: Option<String>,
    /// Why, as an ActReason code.
    purpose: Option<String>,
    /// On which legal basis.
    legal_basis: Option<String>,
    /// What: the kinds of records.
    resources: Vec<String>,
    /// What of them; all of them if there is none.
    fields: Vec<String>,
    /// By whom, as `/v1/me` names the bearer.
    #[schema(value_type = uuid::Uuid)]
    actor_id: SubjectId,
    /// In which request.
    #[schema(value_type = uuid::Uuid)]
    correlation_id: RequestId,
    /// `success`, or `unknown` where no end is on record.
    outcome: String,
}

/// A page of an account of disclosures, newest first.
#[derive(Serialize, ToSchema)]
struct DisclosurePage {
    /// The lines.
    items: Vec<DisclosureLine>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DisclosuresQuery {
    #[serde(default, with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    before: Option<String>,
    limit: Option<u16>,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let spec = RouteSpec::new(
        "GET /v1/clients/{client_id}/disclosures",
        "disclosures_report",
        "To whom a client's data was disclosed (45 CFR 164.528).",
    )
    .query(
        "from",
        "string",
        "Only from this time on (RFC 3339); six years back at the most.",
    )
    .query("before", "string", "The `next` of the page before.")
    .query("limit", "integer", "Entries at the most: 1 to 100, 50 if absent.")
    .phi(&[])
    .records(&[EventType::AuditReported])
    .rate(RateClass::Bulk)
    .answers(
        200,
        "A page, newest first. What the operator does with a whole tenant names no client and is not in it.",
        Some(Content::json::<DisclosurePage>()),
    );
    table.secured::<ReportAudit, _, _>(spec, disclosures)
}

async fn disclosures(
    granted: Granted<ReportAudit>,
    crm: web::Data<Crm>,
    client: web::Path<ClientId>,
    query: web::Query<DisclosuresQuery>,
) -> Result<web::Json<DisclosurePage>, Problem> {
    let page = EventPage {
        before: query.before.as_deref().map(cursor::decode).transpose()?,
        limit: query.limit.unwrap_or(LIMIT_DEFAULT),
    };
    let lines = crm
        .disclosures(granted.ctx(), client.into_inner(), query.from, page)
        .await?;
    let full = lines.len() == usize::from(page.limit);
    let next = lines.last().filter(|_| full).map(Disclosure::position);
    Ok(web::Json(DisclosurePage {
        items: lines.into_iter().map(DisclosureLine::from).collect(),
        next: next.map(cursor::encode),
    }))
}

impl From<Disclosure> for DisclosureLine {
    fn from(line: Disclosure) -> Self {
        Self {
            recorded_at: line.recorded_at,
            event_id: line.event_id,
            event_type: line.event_type,
            recipient: line.recipient,
            purpose: line.purpose,
            legal_basis: line.legal_basis,
            resources: line.resources,
            fields: line.fields,
            actor_id: line.actor,
            correlation_id: line.request,
            outcome: line.outcome,
        }
    }
}
