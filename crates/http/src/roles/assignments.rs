//! Assignments: who has which role set, and taking one away, which one person does at once.

use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_core::AssignmentId;
use bearingwall_rbac::{EndRole, ReadRole};
use bearingwall_tenancy::roles::{Assignment, LIST_MAX};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why it is taken.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleEndBody {
    /// Why, 10 to 500 characters: no personal data.
    reason: String,
}

/// A role set that somebody has, or had.
#[derive(Serialize, ToSchema)]
struct RoleAssignmentEntry {
    /// Its id.
    id: Uuid,
    /// The change that it comes from.
    change_id: Uuid,
    /// Who has it, as `/v1/me` names the bearer.
    subject_id: Uuid,
    /// The role set.
    role_set_id: Uuid,
    /// `held` or `ended`.
    status: &'static str,
    /// Since when (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    since: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<OffsetDateTime>,
    /// Who asked for it.
    requested_by: Uuid,
    /// Who agreed.
    agreed_by: Uuid,
    /// When it was last needed, to the hour.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<OffsetDateTime>,
    /// Who ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_by: Option<Uuid>,
    /// When.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<OffsetDateTime>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<String>,
}

/// The newest assignments.
#[derive(Serialize, ToSchema)]
struct RoleAssignmentList {
    /// The assignments, newest first.
    items: Vec<RoleAssignmentEntry>,
    /// Whether these are all; otherwise they are the newest 200.
    complete: bool,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let list = RouteSpec::new(
        "GET /v1/roles/assignments",
        "role_assignment_list",
        "Who has, or had, which role set, newest first.",
    )
    .rate(RateClass::Read)
    .answers(200, "The assignments.", Some(Content::json::<RoleAssignmentList>()));
    let end = RouteSpec::new(
        "POST /v1/roles/assignments/{assignment_id}/end",
        "role_assignment_end",
        "Takes a role set from somebody, at once.",
    )
    .records(&[EventType::RoleRevoked])
    .rate(RateClass::Write)
    .takes(Content::json::<RoleEndBody>())
    .answers(204, "It is over.", None);
    table
        .secured::<ReadRole, _, _>(list, assignment_list)
        .secured::<EndRole, _, _>(end, assignment_end)
}

async fn assignment_list(
    granted: Granted<ReadRole>,
    log: web::Data<AuditLog>,
) -> Result<web::Json<RoleAssignmentList>, Problem> {
    let found = log.pool().role_assignments(granted.ctx()).await?;
    let now = OffsetDateTime::now_utc();
    Ok(web::Json(RoleAssignmentList {
        complete: found.len() < LIST_MAX,
        items: found.into_iter().map(|assignment| entry(assignment, now)).collect(),
    }))
}

async fn assignment_end(
    granted: Granted<EndRole>,
    log: web::Data<AuditLog>,
    id: web::Path<AssignmentId>,
    body: web::Json<RoleEndBody>,
) -> Result<HttpResponse, Problem> {
    log.pool()
        .role_assignment_end(granted.ctx(), id.into_inner(), &body.reason)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn entry(assignment: Assignment, now: OffsetDateTime) -> RoleAssignmentEntry {
    let over = assignment.ended_at.is_some() || assignment.ends_at.is_some_and(|end| end <= now);
    RoleAssignmentEntry {
        id: assignment.id,
        change_id: assignment.change_id,
        subject_id: assignment.subject_id,
        role_set_id: assignment.role_set_id,
        status: if over { "ended" } else { "held" },
        since: assignment.since,
        ends_at: assignment.ends_at,
        requested_by: assignment.requested_by,
        agreed_by: assignment.agreed_by,
        last_used_at: assignment.last_used_at,
        ended_by: assignment.ended_by,
        ended_at: assignment.ended_at,
        end_reason: assignment.end_reason,
    }
}
