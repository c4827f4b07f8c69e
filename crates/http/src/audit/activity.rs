//! The review of activity: what each actor did in a period, and what of it somebody should look at.

use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::web;
use bearingwall_audit::{ActivityQuery, ActorActivity, EventType};
use bearingwall_core::SubjectId;
use bearingwall_domain::Crm;
use bearingwall_rbac::ReportAudit;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use utoipa::ToSchema;

/// What one actor did.
#[derive(Serialize, ToSchema)]
struct ActorReview {
    /// Who, as `/v1/me` names the bearer.
    #[schema(value_type = uuid::Uuid)]
    actor_id: SubjectId,
    /// Rows of the record.
    events: u64,
    /// Accesses to clients' data, tried or done.
    accesses: u64,
    /// Distinct clients whose data they were.
    subjects: u64,
    /// Requests that were refused.
    refusals: u64,
    /// Accesses outside of the hours of the day.
    off_hours: u64,
    /// Events that name a break-glass session.
    break_glass: u64,
    /// Whether the actor's names are known. Where they are not, `self_accesses` and `namesake_accesses` say nothing.
    names_known: bool,
    /// Accesses to clients who are likely the actor: the e-mail address is the same, or the full name.
    self_accesses: u64,
    /// Accesses to other clients with the actor's family name.
    namesake_accesses: u64,
    /// The first event in the period (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    first_at: OffsetDateTime,
    /// The last.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    last_at: OffsetDateTime,
    /// What somebody should look at: `self_access`, `namesakes`, `off_hours`, `break_glass`, `many_subjects`, `many_refusals`.
    flags: Vec<&'static str>,
}

/// A review of activity (45 CFR 164.308(a)(1)(ii)(D)).
#[derive(Serialize, ToSchema)]
struct ActivityReview {
    /// The beginning of the period (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    from: OffsetDateTime,
    /// Its end, not included.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    to: OffsetDateTime,
    /// The hour at which the day begins (UTC).
    day_begins: u8,
    /// The hour at which it ends, not included.
    day_ends: u8,
    /// From how many clients on an actor is flagged.
    many_subjects: u64,
    /// From how many refusals on an actor is flagged.
    many_refusals: u64,
    /// The actors, the busiest first.
    actors: Vec<ActorReview>,
    /// Whether these are all actors; otherwise they are the 1,000 busiest.
    complete: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewQuery {
    #[serde(default, with = "time::serde::rfc3339::option")]
    from: Option<OffsetDateTime>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    to: Option<OffsetDateTime>,
    #[serde(default = "begins")]
    day_begins: u8,
    #[serde(default = "ends")]
    day_ends: u8,
    #[serde(default = "many_subjects")]
    many_subjects: u64,
    #[serde(default = "many_refusals")]
    many_refusals: u64,
}

const fn begins() -> u8 {
    6
}

const fn ends() -> u8 {
    20
}

const fn many_subjects() -> u64 {
    100
}

const fn many_refusals() -> u64 {
    10
}

/// The period of a review that names none.
const PERIOD: Duration = Duration::days(30);

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let spec = RouteSpec::new(
        "GET /v1/audit/reports/activity",
        "audit_report_activity",
        "What each actor did in a period, with what stands out.",
    )
    .query(
        "from",
        "string",
        "The beginning of the period (RFC 3339); 30 days before its end if absent, 92 at the most.",
    )
    .query(
        "to",
        "string",
        "The end of the period, not included (RFC 3339); now if absent.",
    )
    .query(
        "day_begins",
        "integer",
        "The hour at which the day begins (UTC); 6 if absent.",
    )
    .query(
        "day_ends",
        "integer",
        "The hour at which the day ends (UTC); 20 if absent.",
    )
    .query(
        "many_subjects",
        "integer",
        "From how many clients on an actor is flagged; 100 if absent.",
    )
    .query(
        "many_refusals",
        "integer",
        "From how many refusals on an actor is flagged; 10 if absent.",
    )
    // Staff are compared with clients by digests, which a search that is on record opens.
    .phi(&[EventType::AuditReported])
    .rate(RateClass::Bulk)
    .answers(200, "The review.", Some(Content::json::<ActivityReview>()));
    table.secured::<ReportAudit, _, _>(spec, activity)
}

async fn activity(
    granted: Granted<ReportAudit>,
    crm: web::Data<Crm>,
    query: web::Query<ReviewQuery>,
) -> Result<web::Json<ActivityReview>, Problem> {
    let to = query.to.unwrap_or_else(OffsetDateTime::now_utc);
    let period = ActivityQuery {
        from: query.from.or_else(|| to.checked_sub(PERIOD)).unwrap_or(to),
        to,
        day_begins: query.day_begins,
        day_ends: query.day_ends,
    };
    let actors = crm.activity(granted.ctx(), period).await?;
    Ok(web::Json(ActivityReview {
        from: period.from,
        to,
        day_begins: query.day_begins,
        day_ends: query.day_ends,
        many_subjects: query.many_subjects,
        many_refusals: query.many_refusals,
        complete: actors.len() < usize::from(ActivityQuery::ACTORS_MAX),
        actors: actors.into_iter().map(|actor| query.review(actor)).collect(),
    }))
}

impl ReviewQuery {
    fn review(&self, actor: ActorActivity) -> ActorReview {
        let kin = actor.kin.unwrap_or_default();
        let flags = [
            ("self_access", kin.self_accesses > 0),
            ("namesakes", kin.namesake_accesses > 0),
            ("off_hours", actor.off_hours > 0),
            ("break_glass", actor.break_glass > 0),
            ("many_subjects", actor.subjects >= self.many_subjects),
            ("many_refusals", actor.refusals >= self.many_refusals),
        ];
        ActorReview {
            actor_id: actor.actor,
            events: actor.events,
            accesses: actor.accesses,
            subjects: actor.subjects,
            refusals: actor.refusals,
            off_hours: actor.off_hours,
            break_glass: actor.break_glass,
            names_known: actor.kin.is_some(),
            self_accesses: kin.self_accesses,
            namesake_accesses: kin.namesake_accesses,
            first_at: actor.first_at,
            last_at: actor.last_at,
            flags: flags
                .into_iter()
                .filter(|(_, set)| *set)
                .map(|(name, _)| name)
                .collect(),
        }
    }
}
