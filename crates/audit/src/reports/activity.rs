//! The review of activity of 45 CFR 164.308(a)(1)(ii)(D): what each actor did in a period, in numbers.

use crate::error::AuditError;
use crate::examination::{Conditions, EVENTS, Examined, Look};
use crate::log::AuditLog;
use crate::reports::kinship::{self, Kin, Kinship};
use bearingwall_core::{Ctx, SubjectId};
use bearingwall_events::{EventType, Kind};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Integer, Text, Timestamptz, Uuid as SqlUuid};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The longest period of one review, in days: a quarter.
const DAYS_MAX: i64 = 92;

/// Numbers for each actor. One access may stand in several rows: a row for each person and table, and one for its end.
const ACTIVITY: &str = "
    SELECT a.actor_id, count(*) AS events, count(DISTINCT a.access) AS accesses, count(DISTINCT a.subject) AS subjects,
           count(*) FILTER (WHERE a.outcome = 'denied') AS refusals,
           count(DISTINCT a.access) FILTER (WHERE a.off_hours) AS off_hours,
           count(*) FILTER (WHERE a.break_glass) AS break_glass,
           min(a.recorded_at) AS first_at, max(a.recorded_at) AS last_at
      FROM (SELECT e.actor_id, e.recorded_at, e.outcome,
                   CASE WHEN data.touched THEN coalesce(e.access_id, e.event_id) END AS access,
                   CASE WHEN data.touched THEN e.subject_id END AS subject,
                   e.break_glass IS NOT NULL OR e.event_type LIKE 'break\\_glass.%' AS break_glass,
                   clock.hour < day.begins OR clock.hour >= day.ends AS off_hours
              FROM audit.events e
             CROSS JOIN LATERAL (SELECT e.event_type = ANY(";

/// The period, the hours of the day, and what may be outside of them.
#[derive(Clone, Copy, Debug)]
pub struct ActivityQuery {
    /// The beginning of the period.
    pub from: OffsetDateTime,
    /// Its end, not included.
    pub to: OffsetDateTime,
    /// The hour at which the day begins (UTC), 0 to 24.
    pub day_begins: u8,
    /// The hour at which it ends, not included.
    pub day_ends: u8,
}

impl ActivityQuery {
    /// Actors of one review at the most.
    pub const ACTORS_MAX: u16 = 1_000;

    fn checked(&self) -> Result<(), AuditError> {
        let refused = |field, reason| Err(AuditError::Invalid { field, reason });
        if self.from >= self.to {
            return refused("to", "is not later than the beginning");
        }
        if self.to - self.from > Duration::days(DAYS_MAX) {
            return refused("from", "is more than 92 days before the end");
        }
        if self.day_begins > self.day_ends || self.day_ends > 24 {
            return refused("day_ends", "is not an hour from the day's beginning to 24");
        }
        Ok(())
    }
}

/// What one actor did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorActivity {
    /// Who.
    pub actor: SubjectId,
    /// Rows of the record.
    pub events: u64,
    /// Accesses to clients' data, tried or done.
    pub accesses: u64,
    /// Distinct clients whose data they were.
    pub subjects: u64,
    /// Requests that were refused.
    pub refusals: u64,
    /// Accesses outside of the hours of the day.
    pub off_hours: u64,
    /// Events that name a break-glass session.
    pub break_glass: u64,
    /// The first event in the period.
    pub first_at: OffsetDateTime,
    /// The last.
    pub last_at: OffsetDateTime,
    /// What of it was done to oneself or one's namesakes; `None` if nothing is known of the actor's names.
    pub kin: Option<Kin>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    actor_id: Uuid,
    #[diesel(sql_type = BigInt)]
    events: i64,
    #[diesel(sql_type = BigInt)]
    accesses: i64,
    #[diesel(sql_type = BigInt)]
    subjects: i64,
    #[diesel(sql_type = BigInt)]
    refusals: i64,
    #[diesel(sql_type = BigInt)]
    off_hours: i64,
    #[diesel(sql_type = BigInt)]
    break_glass: i64,
    #[diesel(sql_type = Timestamptz)]
    first_at: OffsetDateTime,
    #[diesel(sql_type = Timestamptz)]
    last_at: OffsetDateTime,
}

impl AuditLog {
    /// What each actor did in a period, the busiest first, [`ActivityQuery::ACTORS_MAX`] at the most. Making the review is
    /// an event itself, and comparing names under `kinship` is a search that is announced by one.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] for a period that is empty or longer than 92 days, or hours that are none; when the record
    /// cannot be read, or the report cannot be recorded.
    // CONTROL: AUD-8
    pub async fn activity(
        &self,
        ctx: &Ctx,
        query: ActivityQuery,
        kinship: Option<Kinship>,
    ) -> Result<Vec<ActorActivity>, AuditError> {
        query.checked()?;
        let reporting = self.examining(ctx, EventType::AuditReported, EVENTS, None);
        let Some(kinship) = kinship else {
            return self
                .examined(ctx, reporting, async |tx: &mut Look<'_, '_>| {
                    let actors = select(tx, query).await?;
                    Ok(Examined::found(actors.len(), actors))
                })
                .await;
        };
        let look = async |tx: &mut Look<'_, '_>| {
            let mut actors = select(tx, query).await?;
            kinship::compare(tx, query, kinship, &mut actors).await?;
            Ok(Examined::found(actors.len(), actors))
        };
        self.examined_under_search(ctx, EventType::AuditReported, kinship.clients, reporting, look)
            .await
    }
}

/// The events that stand for an access to a client's data.
pub(super) fn touching() -> Vec<&'static str> {
    let touches = |event: &&EventType| matches!(event.kind(), Kind::Patient | Kind::Disclosure | Kind::Export);
    EventType::ALL
        .iter()
        .filter(touches)
        .map(|event| event.as_str())
        .collect()
}

async fn select(tx: &mut Look<'_, '_>, query: ActivityQuery) -> Result<Vec<ActorActivity>, AuditError> {
    let rows: Vec<Row> = Conditions::begin(ACTIVITY)
        .then::<Array<Text>, _>("", touching())
        .sql(
            ") AS touched) data \
             CROSS JOIN LATERAL (SELECT extract(hour FROM e.recorded_at AT TIME ZONE 'UTC')::integer AS hour) clock \
             CROSS JOIN (SELECT ",
        )
        .then::<Integer, _>("", i32::from(query.day_begins))
        .then::<Integer, _>(" AS begins, ", i32::from(query.day_ends))
        .then::<Timestamptz, _>(" AS ends) day WHERE e.recorded_at >= ", query.from)
        .then::<Timestamptz, _>(" AND e.recorded_at < ", query.to)
        .sql(") a GROUP BY a.actor_id")
        .then::<BigInt, _>(
            " ORDER BY accesses DESC, events DESC, a.actor_id LIMIT ",
            i64::from(ActivityQuery::ACTORS_MAX),
        )
        .rows(tx)
        .await?;
    rows.into_iter().map(ActorActivity::try_from).collect()
}

impl TryFrom<Row> for ActorActivity {
    type Error = AuditError;

    fn try_from(row: Row) -> Result<Self, AuditError> {
        Ok(Self {
            actor: SubjectId::from_uuid(row.actor_id),
            events: count(row.events)?,
            accesses: count(row.accesses)?,
            subjects: count(row.subjects)?,
            refusals: count(row.refusals)?,
            off_hours: count(row.off_hours)?,
            break_glass: count(row.break_glass)?,
            first_at: row.first_at,
            last_at: row.last_at,
            kin: None,
        })
    }
}

pub(super) fn count(number: i64) -> Result<u64, AuditError> {
    u64::try_from(number).map_err(|_| AuditError::Malformed { what: "a count" })
}
