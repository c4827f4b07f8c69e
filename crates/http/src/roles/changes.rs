//! Changes of roles: somebody asks, somebody else decides on exactly that.

use super::hex;
use crate::edge::Edge;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_core::{AssignmentId, Held, RoleChangeId, RoleSetId, SubjectId};
use bearingwall_rbac::{DecideRole, ReadRole, RequestRole, TenantPermission};
use bearingwall_tenancy::roles::{Decision, LIST_MAX, RoleChange, RoleError, RoleRequest};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// What is asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleChangeBody {
    /// Who is to have it, as `/v1/me` names the bearer; nobody asks for themselves.
    #[schema(value_type = Uuid)]
    subject_id: SubjectId,
    /// The role set. Who asks holds everything in it.
    #[schema(value_type = Uuid)]
    role_set_id: RoleSetId,
    /// When it is to end by itself (RFC 3339); for good where it is absent.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<OffsetDateTime>,
    /// Why, 10 to 500 characters: no personal data.
    reason: String,
}

/// What was asked for.
#[derive(Serialize, ToSchema)]
struct RoleChangeAsked {
    /// Its id.
    #[schema(value_type = Uuid)]
    id: RoleChangeId,
    /// SHA-256 of its content, in hexadecimal digits.
    sha256: String,
}

/// A decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleDecisionBody {
    /// The `sha256` of the change that was seen.
    sha256: String,
}

/// What was given.
#[derive(Serialize, ToSchema)]
struct RoleGiven {
    /// The assignment.
    #[schema(value_type = Uuid)]
    assignment_id: AssignmentId,
}

/// A change, asked for or decided.
#[derive(Serialize, ToSchema)]
struct RoleChangeEntry {
    /// Its id.
    id: Uuid,
    /// Who is to have it.
    subject_id: Uuid,
    /// The role set.
    role_set_id: Uuid,
    /// `waiting` for the second person, `approved`, `declined`, `expired`.
    status: &'static str,
    /// When it is to end by itself (RFC 3339).
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<OffsetDateTime>,
    /// Why.
    reason: String,
    /// Who asked.
    requested_by: Uuid,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    requested_at: OffsetDateTime,
    /// Until when it can be decided.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
    /// What is decided on, as canonical JSON (RFC 8785).
    content: String,
    /// Its SHA-256, in hexadecimal digits, which a decision repeats.
    sha256: String,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<Uuid>,
    /// When.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<OffsetDateTime>,
}

/// The newest changes.
#[derive(Serialize, ToSchema)]
struct RoleChangeList {
    /// The changes, newest first.
    items: Vec<RoleChangeEntry>,
    /// Whether these are all; otherwise they are the newest 200.
    complete: bool,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let ask = RouteSpec::new(
        "POST /v1/roles/changes",
        "role_change_request",
        "Asks for a role set for somebody else.",
    )
    .records(&[EventType::RoleRequested])
    .rate(RateClass::Write)
    .takes(Content::json::<RoleChangeBody>())
    .answers(
        201,
        "It is asked for, and gives nothing before a second person approves it within 72 hours.",
        Some(Content::json::<RoleChangeAsked>()),
    );
    let list = RouteSpec::new(
        "GET /v1/roles/changes",
        "role_change_list",
        "What was asked for and what was decided, newest first.",
    )
    .rate(RateClass::Read)
    .answers(200, "The changes.", Some(Content::json::<RoleChangeList>()));
    let approve = RouteSpec::new(
        "POST /v1/roles/changes/{change_id}/approve",
        "role_change_approve",
        "Gives what somebody else asked for, for a third person.",
    )
    .records(&[EventType::RoleGranted])
    .rate(RateClass::Write)
    .takes(Content::json::<RoleDecisionBody>())
    .answers(200, "It is given.", Some(Content::json::<RoleGiven>()));
    let decline = RouteSpec::new(
        "POST /v1/roles/changes/{change_id}/decline",
        "role_change_decline",
        "Refuses what somebody else asked for.",
    )
    .records(&[EventType::RoleDeclined])
    .rate(RateClass::Write)
    .takes(Content::json::<RoleDecisionBody>())
    .answers(204, "It is refused.", None);
    table
        .secured::<RequestRole, _, _>(ask, change_request)
        .secured::<ReadRole, _, _>(list, change_list)
        .secured::<DecideRole, _, _>(approve, change_approve)
        .secured::<DecideRole, _, _>(decline, change_decline)
}

async fn change_request(
    granted: Granted<RequestRole>,
    edge: web::Data<Edge>,
    log: web::Data<AuditLog>,
    body: web::Json<RoleChangeBody>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let id = RoleChangeId::from_uuid(Uuid::now_v7());
    let request = RoleRequest {
        subject: body.subject_id,
        role_set: body.role_set_id,
        ends_at: body.ends_at,
        reason: body.reason,
    };
    let held = held(&granted, &edge)?;
    let sha256 = log
        .pool()
        .role_change_request(granted.ctx(), id, &request, &held)
        .await?;
    let sha256 = hex(&sha256);
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/roles/changes/{id}")))
        .json(RoleChangeAsked { id, sha256 }))
}

async fn change_list(
    granted: Granted<ReadRole>,
    log: web::Data<AuditLog>,
) -> Result<web::Json<RoleChangeList>, Problem> {
    let found = log.pool().role_changes(granted.ctx()).await?;
    let now = OffsetDateTime::now_utc();
    Ok(web::Json(RoleChangeList {
        complete: found.len() < LIST_MAX,
        items: found.into_iter().map(|change| entry(change, now)).collect(),
    }))
}

async fn change_approve(
    granted: Granted<DecideRole>,
    edge: web::Data<Edge>,
    log: web::Data<AuditLog>,
    change: web::Path<RoleChangeId>,
    body: web::Json<RoleDecisionBody>,
) -> Result<web::Json<RoleGiven>, Problem> {
    let held = held(&granted, &edge)?;
    let assignment_id = AssignmentId::from_uuid(Uuid::now_v7());
    let approval = Decision::Approve(&held, assignment_id);
    log.pool()
        .role_change_decide(granted.ctx(), change.into_inner(), &digest(&body.sha256)?, &approval)
        .await?;
    Ok(web::Json(RoleGiven { assignment_id }))
}

async fn change_decline(
    granted: Granted<DecideRole>,
    log: web::Data<AuditLog>,
    change: web::Path<RoleChangeId>,
    body: web::Json<RoleDecisionBody>,
) -> Result<HttpResponse, Problem> {
    let seen = digest(&body.sha256)?;
    log.pool()
        .role_change_decide(granted.ctx(), change.into_inner(), &seen, &Decision::Decline)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What the caller holds in its tenant: the permit says that there is one.
fn held<P: TenantPermission>(granted: &Granted<P>, edge: &Edge) -> Result<Held, RoleError> {
    let permissions = &edge.services().permissions;
    permissions
        .held(granted.principal(), granted.assigned())
        .ok_or(RoleError::NotHeld)
}

fn digest(text: &str) -> Result<Vec<u8>, Problem> {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let nibble = |byte: u8| if byte < b'a' { byte - b'0' } else { byte - b'a' + 10 };
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    if is_digest {
        Ok(pairs
            .iter()
            .map(|[high, low]| nibble(*high) << 4 | nibble(*low))
            .collect())
    } else {
        let problem = Problem::from(HttpError::Body { line: 0, column: 0 });
        Err(problem.at("sha256", "is not of 64 hexadecimal digits"))
    }
}

fn entry(change: RoleChange, now: OffsetDateTime) -> RoleChangeEntry {
    let over = change.expires_at <= now || change.ends_at.is_some_and(|end| end <= now);
    let status = match change.verdict.as_deref() {
        Some("approved") => "approved",
        Some(_) => "declined",
        None if over => "expired",
        None => "waiting",
    };
    RoleChangeEntry {
        id: change.id,
        subject_id: change.subject_id,
        role_set_id: change.role_set_id,
        status,
        ends_at: change.ends_at,
        reason: change.reason,
        requested_by: change.requested_by,
        requested_at: change.requested_at,
        expires_at: change.expires_at,
        content: change.content,
        sha256: hex(&change.sha256),
        decided_by: change.decided_by,
        decided_at: change.decided_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_survives_the_way_to_the_caller_and_back() {
        let sha256: Vec<u8> = (0_u8..32).map(|at| at.wrapping_mul(9)).collect();
        assert_eq!(digest(&hex(&sha256)).ok(), Some(sha256));
        for refused in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(65),
            &"G".repeat(64),
            &"A".repeat(64),
            &"é".repeat(32),
        ] {
            assert!(digest(refused).is_err(), "{refused}");
        }
    }
}
