//! The review of access: who has what since when, who gave it, whether it is used, as pages and as a file.

use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_core::AssignmentId;
use bearingwall_events::render::csv::{LINE_END, cell};
use bearingwall_rbac::ReviewAccess;
use bearingwall_tenancy::roles::{AccessGrant, AccessReview};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;
use uuid::Uuid;

/// Days without use after which a grant is stale, where nobody says otherwise.
const STALE_DAYS: u16 = 90;

/// Days that may be asked for: ten years.
const STALE_DAYS_RANGE: std::ops::RangeInclusive<u16> = 1..=3660;

/// Grants of a page.
const PAGE: u16 = 100;

/// Grants of a page, or of a part of the file, at the most.
const PAGE_MAX: u16 = 1000;

/// Something that somebody has.
#[derive(Serialize, ToSchema)]
struct AccessGrantEntry {
    /// Who has it, as `/v1/me` names the bearer.
    subject_id: Uuid,
    /// `assignment` of a role set by the tenant, or `token`: a role that the identity provider gave.
    source: &'static str,
    /// The name of the role set, or of the token's role.
    role: String,
    /// The role set.
    #[serde(skip_serializing_if = "Option::is_none")]
    role_set_id: Option<Uuid>,
    /// The assignment, which can be kept or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    assignment_id: Option<Uuid>,
    /// What the role set permits; what a token's role permits stands in the permission matrix.
    permissions: Vec<String>,
    /// Since when (RFC 3339); for a token's role, when that person's roles were last seen to change.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    since: OffsetDateTime,
    /// When it ends by itself.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<OffsetDateTime>,
    /// Who asked for it; a token's role was given by the identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    requested_by: Option<Uuid>,
    /// Who agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    agreed_by: Option<Uuid>,
    /// When it was last needed, to the hour; for a token's role, when its bearer was last seen.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<OffsetDateTime>,
    /// When its holder was last seen, to the hour.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_seen_at: Option<OffsetDateTime>,
    /// Who last reviewed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reviewed_by: Option<Uuid>,
    /// When.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    reviewed_at: Option<OffsetDateTime>,
    /// Whether it was not used for `stale_days`.
    stale: bool,
    /// Why nobody answers for it any more: `set_retired`, `never_seen`, `requester_gone`, `approver_gone`.
    orphaned: Vec<String>,
}

/// A page of the review.
#[derive(Serialize, ToSchema)]
struct AccessReviewPage {
    /// The grants, person by person.
    items: Vec<AccessGrantEntry>,
    /// What `after` of the next page is; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Why it is ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccessEndBody {
    /// Why, 10 to 500 characters: no personal data.
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    after: Option<String>,
    limit: Option<u16>,
    stale_days: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileQuery {
    stale_days: Option<u16>,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let stale = "After how many days without use a grant is stale, and its giver gone; 90 if absent, 1 to 3660.";
    let review = RouteSpec::new(
        "GET /v1/access/review",
        "access_review",
        "Who has what, since when, from whom, and last used when.",
    )
    .query("after", "string", "The `next` of the page before.")
    .query("limit", "integer", "Grants at the most: 1 to 1000, 100 if absent.")
    .query("stale_days", "integer", stale)
    .records(&[EventType::AccessReviewRead])
    .rate(RateClass::Read)
    .answers(200, "A page of grants.", Some(Content::json::<AccessReviewPage>()));
    let export = RouteSpec::new(
        "GET /v1/access/review/export",
        "access_review_export",
        "The whole review as comma-separated values.",
    )
    .query("stale_days", "integer", stale)
    .records(&[EventType::AccessReviewExported])
    .rate(RateClass::Bulk)
    .answers(
        200,
        "One line a grant, behind a header.",
        Some(Content::text("text/csv")),
    );
    let keep = RouteSpec::new(
        "POST /v1/access/review/{assignment_id}/keep",
        "access_review_keep",
        "Judges that somebody else is to keep what they have.",
    )
    .records(&[EventType::RoleReviewed])
    .rate(RateClass::Write)
    .answers(204, "It is kept.", None);
    let end = RouteSpec::new(
        "POST /v1/access/review/{assignment_id}/end",
        "access_review_end",
        "Judges that somebody else is not to have it any more, and ends it.",
    )
    .records(&[EventType::RoleReviewed, EventType::RoleRevoked])
    .rate(RateClass::Write)
    .takes(Content::json::<AccessEndBody>())
    .answers(204, "It is over.", None);
    table
        .secured::<ReviewAccess, _, _>(review, review_page)
        .secured::<ReviewAccess, _, _>(export, review_export)
        .secured::<ReviewAccess, _, _>(keep, review_keep)
        .secured::<ReviewAccess, _, _>(end, review_end)
}

async fn review_page(
    granted: Granted<ReviewAccess>,
    log: web::Data<AuditLog>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<AccessReviewPage>, Problem> {
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Problem::from(HttpError::Query).at("limit", "is not between 1 and 1000"));
    }
    let page = AccessReview {
        after: query.after,
        limit,
        stale_days: stale_days(query.stale_days)?,
        exported: false,
    };
    let found = log.pool().access_review(granted.ctx(), &page).await?;
    let full = found.len() == usize::from(limit);
    Ok(web::Json(AccessReviewPage {
        next: found.last().filter(|_| full).map(|last| last.place.clone()),
        items: found.into_iter().map(entry).collect(),
    }))
}

async fn review_export(
    granted: Granted<ReviewAccess>,
    log: web::Data<AuditLog>,
    query: web::Query<FileQuery>,
) -> Result<HttpResponse, Problem> {
    let mut page = AccessReview {
        after: None,
        limit: PAGE_MAX,
        stale_days: stale_days(query.stale_days)?,
        exported: true,
    };
    let mut file = format!("{HEADER}{LINE_END}");
    loop {
        let found = log.pool().access_review(granted.ctx(), &page).await?;
        let is_last = found.len() < usize::from(PAGE_MAX);
        page.after = found.last().map(|last| last.place.clone());
        for grant in found {
            file.push_str(&row(&entry(grant)));
            file.push_str(LINE_END);
        }
        if is_last {
            break;
        }
    }
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"access-review.csv\""))
        .body(file))
}

async fn review_keep(
    granted: Granted<ReviewAccess>,
    log: web::Data<AuditLog>,
    id: web::Path<AssignmentId>,
) -> Result<HttpResponse, Problem> {
    log.pool()
        .role_assignment_review(granted.ctx(), id.into_inner(), None)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn review_end(
    granted: Granted<ReviewAccess>,
    log: web::Data<AuditLog>,
    id: web::Path<AssignmentId>,
    body: web::Json<AccessEndBody>,
) -> Result<HttpResponse, Problem> {
    log.pool()
        .role_assignment_review(granted.ctx(), id.into_inner(), Some(&body.reason))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn stale_days(asked: Option<u16>) -> Result<u16, Problem> {
    let days = asked.unwrap_or(STALE_DAYS);
    if STALE_DAYS_RANGE.contains(&days) {
        Ok(days)
    } else {
        Err(Problem::from(HttpError::Query).at("stale_days", "is not between 1 and 3660"))
    }
}

fn entry(grant: AccessGrant) -> AccessGrantEntry {
    AccessGrantEntry {
        subject_id: grant.subject_id,
        source: if grant.assignment_id.is_some() {
            "assignment"
        } else {
            "token"
        },
        role: grant.role,
        role_set_id: grant.role_set_id,
        assignment_id: grant.assignment_id,
        permissions: grant.permissions,
        since: grant.since,
        ends_at: grant.ends_at,
        requested_by: grant.requested_by,
        agreed_by: grant.agreed_by,
        last_used_at: grant.last_used_at,
        last_seen_at: grant.last_seen_at,
        reviewed_by: grant.reviewed_by,
        reviewed_at: grant.reviewed_at,
        stale: grant.stale,
        orphaned: grant.orphaned,
    }
}

/// The columns of the file, in the order of [`row`].
const HEADER: &str = "subject_id,source,role,role_set_id,assignment_id,permissions,since,ends_at,requested_by,agreed_by,last_used_at,\
last_seen_at,reviewed_by,reviewed_at,stale,orphaned";

fn row(grant: &AccessGrantEntry) -> String {
    let id = |id: Option<Uuid>| id.map_or_else(String::new, |id| id.to_string());
    // What has no text in RFC 3339 is a year that no clock of ours shows.
    let at = |at: Option<OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    [
        grant.subject_id.to_string(),
        grant.source.to_owned(),
        grant.role.clone(),
        id(grant.role_set_id),
        id(grant.assignment_id),
        grant.permissions.join(" "),
        at(Some(grant.since)),
        at(grant.ends_at),
        id(grant.requested_by),
        id(grant.agreed_by),
        at(grant.last_used_at),
        at(grant.last_seen_at),
        id(grant.reviewed_by),
        at(grant.reviewed_at),
        grant.stale.to_string(),
        grant.orphaned.join(" "),
    ]
    .map(|text| cell(&text))
    .join(",")
}
