//! Platform staff in one tenant: they ask, a second person agrees, it ends by itself, and the tenant sees and judges it.

use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_core::{BreakGlassId, CustomerId, SubjectId};
use bearingwall_rbac::{ManageBreakGlass, ReviewBreakGlass};
use bearingwall_tenancy::TenancyError;
use bearingwall_tenancy::break_glass::{BreakGlassRequest, BreakGlassSession, LIST_MAX, Verdict};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BreakGlassBody {
    /// The tenant to enter.
    #[schema(value_type = Uuid)]
    customer_id: CustomerId,
    /// Why, 10 to 500 characters. The tenant reads it: no personal data.
    reason: String,
    /// The ticket of the case, as `OPS-17`: 1 to 64 letters, digits or any of `._/#-`.
    ticket: String,
    /// For how long, 1 to 60 minutes from now; waiting for the second person counts.
    minutes: u8,
}

/// A session that was asked for.
#[derive(Serialize, ToSchema)]
struct BreakGlassOpened {
    /// What the header `Bearingwall-Break-Glass` names, once a second person has agreed.
    #[schema(value_type = Uuid)]
    id: BreakGlassId,
}

/// A session, open or over.
#[derive(Serialize, ToSchema)]
struct BreakGlassEntry {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: BreakGlassId,
    /// The tenant.
    customer_id: Uuid,
    /// Who asked for it, as `/v1/me` names the bearer.
    #[schema(value_type = Uuid)]
    subject_id: SubjectId,
    /// Why.
    reason: String,
    /// The ticket.
    ticket: String,
    /// `waiting` for the second person, `open`, `ended`.
    status: &'static str,
    /// When it was asked for (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    opened_at: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
    /// The second person.
    #[serde(skip_serializing_if = "Option::is_none")]
    approved_by: Option<Uuid>,
    /// When that person agreed.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    approved_at: Option<OffsetDateTime>,
    /// When it was ended before its time.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<OffsetDateTime>,
    /// Who judged it for the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewed_by: Option<Uuid>,
    /// When.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    reviewed_at: Option<OffsetDateTime>,
    /// `accepted` or `disputed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
}

/// The newest sessions.
#[derive(Serialize, ToSchema)]
struct BreakGlassList {
    /// The sessions, newest first.
    items: Vec<BreakGlassEntry>,
    /// Whether these are all; otherwise they are the newest 200.
    complete: bool,
}

/// The tenant's judgement.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BreakGlassVerdict {
    /// `accepted` or `disputed`.
    verdict: String,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let open = RouteSpec::new(
        "POST /v1/break-glass",
        "break_glass_open",
        "Asks for a session into one tenant.",
    )
    .records(&[EventType::BreakGlassOpened])
    .rate(RateClass::Write)
    .takes(Content::json::<BreakGlassBody>())
    .answers(
        201,
        "It is asked for, stands in the tenant's record, and opens nothing before a second person agrees.",
        Some(Content::json::<BreakGlassOpened>()),
    );
    let list = RouteSpec::new(
        "GET /v1/break-glass",
        "break_glass_list",
        "All tenants' sessions, newest first.",
    )
    .rate(RateClass::Read)
    .answers(200, "The sessions.", Some(Content::json::<BreakGlassList>()));
    let approve = RouteSpec::new(
        "POST /v1/break-glass/{session_id}/approve",
        "break_glass_approve",
        "Agrees to somebody else's session.",
    )
    .records(&[EventType::BreakGlassApproved])
    .rate(RateClass::Write)
    .answers(204, "It is open. 404 for one's own.", None);
    let close = RouteSpec::new(
        "POST /v1/break-glass/{session_id}/close",
        "break_glass_close",
        "Ends a session before its time.",
    )
    .records(&[EventType::BreakGlassClosed])
    .rate(RateClass::Write)
    .answers(204, "It is over.", None);
    let visits = RouteSpec::new(
        "GET /v1/break-glass/visits",
        "break_glass_visits",
        "The platform's sessions into one's own tenant, newest first.",
    )
    .rate(RateClass::Read)
    .answers(200, "The sessions.", Some(Content::json::<BreakGlassList>()));
    let review = RouteSpec::new(
        "POST /v1/break-glass/visits/{session_id}/review",
        "break_glass_review",
        "Accepts or disputes a session that has ended, once.",
    )
    .records(&[EventType::BreakGlassReviewed])
    .rate(RateClass::Write)
    .takes(Content::json::<BreakGlassVerdict>())
    .answers(204, "It is judged. 404 while it is open.", None);
    table
        .secured::<ManageBreakGlass, _, _>(open, session_open)
        .secured::<ManageBreakGlass, _, _>(list, session_list)
        .secured::<ManageBreakGlass, _, _>(approve, session_approve)
        .secured::<ManageBreakGlass, _, _>(close, session_close)
        .secured::<ReviewBreakGlass, _, _>(visits, visit_list)
        .secured::<ReviewBreakGlass, _, _>(review, visit_review)
}

async fn session_open(
    granted: Granted<ManageBreakGlass>,
    log: web::Data<AuditLog>,
    body: web::Json<BreakGlassBody>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let id = BreakGlassId::from_uuid(Uuid::now_v7());
    let request = BreakGlassRequest {
        customer: body.customer_id,
        reason: body.reason,
        ticket: body.ticket,
        minutes: body.minutes,
    };
    log.pool()
        .break_glass_open(granted.platform_ctx(), id, &request)
        .await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/break-glass/{id}")))
        .json(BreakGlassOpened { id }))
}

async fn session_list(
    granted: Granted<ManageBreakGlass>,
    log: web::Data<AuditLog>,
) -> Result<web::Json<BreakGlassList>, Problem> {
    Ok(list(log.pool().break_glass_list(granted.platform_ctx()).await)?)
}

async fn session_approve(
    granted: Granted<ManageBreakGlass>,
    log: web::Data<AuditLog>,
    session: web::Path<BreakGlassId>,
) -> Result<HttpResponse, Problem> {
    log.pool()
        .break_glass_approve(granted.platform_ctx(), session.into_inner())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn session_close(
    granted: Granted<ManageBreakGlass>,
    log: web::Data<AuditLog>,
    session: web::Path<BreakGlassId>,
) -> Result<HttpResponse, Problem> {
    log.pool()
        .break_glass_close(granted.platform_ctx(), session.into_inner())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn visit_list(
    granted: Granted<ReviewBreakGlass>,
    log: web::Data<AuditLog>,
) -> Result<web::Json<BreakGlassList>, Problem> {
    Ok(list(log.pool().break_glass_list(granted.ctx()).await)?)
}

async fn visit_review(
    granted: Granted<ReviewBreakGlass>,
    log: web::Data<AuditLog>,
    session: web::Path<BreakGlassId>,
    body: web::Json<BreakGlassVerdict>,
) -> Result<HttpResponse, Problem> {
    let verdict = match body.verdict.as_str() {
        "accepted" => Verdict::Accepted,
        "disputed" => Verdict::Disputed,
        _ => {
            let problem = Problem::from(HttpError::Body { line: 0, column: 0 });
            return Err(problem.at("verdict", "is neither `accepted` nor `disputed`"));
        }
    };
    log.pool()
        .break_glass_review(granted.ctx(), session.into_inner(), verdict)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn list(found: Result<Vec<BreakGlassSession>, TenancyError>) -> Result<web::Json<BreakGlassList>, TenancyError> {
    let found = found?;
    let now = OffsetDateTime::now_utc();
    Ok(web::Json(BreakGlassList {
        complete: found.len() < usize::from(LIST_MAX),
        items: found.into_iter().map(|session| entry(session, now)).collect(),
    }))
}

fn entry(session: BreakGlassSession, now: OffsetDateTime) -> BreakGlassEntry {
    let status = if session.closed_at.is_some() || session.expires_at <= now {
        "ended"
    } else if session.approved_at.is_some() {
        "open"
    } else {
        "waiting"
    };
    BreakGlassEntry {
        id: session.id(),
        customer_id: session.customer_id,
        subject_id: session.subject(),
        reason: session.reason,
        ticket: session.ticket,
        status,
        opened_at: session.opened_at,
        expires_at: session.expires_at,
        approved_by: session.approved_by,
        approved_at: session.approved_at,
        closed_at: session.closed_at,
        reviewed_by: session.reviewed_by,
        reviewed_at: session.reviewed_at,
        verdict: session.verdict,
    }
}
