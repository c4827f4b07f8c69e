//! The accounting of disclosures of 45 CFR 164.528.

use crate::error::AuditError;
use crate::examination::{Conditions, EVENTS, EventPage, Examined, Look, Position};
use crate::log::AuditLog;
use bearingwall_core::{ClientId, Ctx, EventId, RequestId, SubjectId};
use bearingwall_events::EventType;
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// How far back an account reaches (45 CFR 164.528(a)(1)).
const YEARS: i32 = 6;

/// One disclosure of a client's data: the rows that announced it, and how it ended.
///
/// What was tried and failed disclosed nothing.
/// SECURITY: of two ends, which only SQL that was not ours writes, a failure counts last: it cannot take a disclosure out of
/// the account. An access without an end may have happened, and stands in the account.
const DISCLOSURES: &str = "
    SELECT d.event_id, d.recorded_at, d.event_type, d.recipient, d.purpose, d.legal_basis, d.resources, d.fields, d.actor_id,
           d.request_id, d.outcome
      FROM (SELECT (min(ARRAY[e.event_id]))[1] AS event_id, min(e.recorded_at) AS recorded_at, e.event_type, e.recipient,
                   e.purpose_of_use AS purpose, e.legal_basis,
                   coalesce(array_agg(DISTINCT e.resource) FILTER (WHERE e.resource IS NOT NULL), '{}') AS resources,
                   coalesce(string_to_array(max(nullif(array_to_string(e.fields, ','), '')), ','), '{}') AS fields,
                   e.actor_id, e.request_id,
                   CASE WHEN bool_or(e.phase = 'completed') THEN 'success' ELSE coalesce(max(ended.outcome), 'unknown') END AS outcome
              FROM audit.events e
              LEFT JOIN LATERAL (SELECT f.outcome FROM audit.events f
                    WHERE e.phase = 'intended' AND f.request_id = e.request_id AND f.recorded_at >= e.recorded_at
                      AND f.access_id = e.access_id AND f.phase <> 'intended'
                    ORDER BY f.outcome = 'failure', f.recorded_at LIMIT 1) ended ON true
             WHERE e.outcome = 'success' AND e.phase IN ('intended', 'completed')";

const GROUPED: &str = "
             GROUP BY coalesce(e.access_id, e.event_id), e.event_type, e.recipient, e.purpose_of_use, e.legal_basis, e.actor_id,
                      e.request_id) d
     WHERE d.outcome <> 'failure'";

/// One line of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclosure {
    /// The event that announced it, at which a page is continued.
    pub event_id: EventId,
    /// When, by the database's clock.
    pub recorded_at: OffsetDateTime,
    /// How, as a code of the vocabulary.
    pub event_type: String,
    /// To whom: the id of a connector or an organisation.
    pub recipient: Option<String>,
    /// Why: a code of HL7 v3 ActReason.
    pub purpose: Option<String>,
    /// On which legal basis.
    pub legal_basis: Option<String>,
    /// What: the tables.
    pub resources: Vec<String>,
    /// What of them: names of fields; all of them if empty.
    pub fields: Vec<String>,
    /// By whom.
    pub actor: SubjectId,
    /// In which request.
    pub request: RequestId,
    /// `success`, or `unknown` where no end is on record.
    pub outcome: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    event_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: OffsetDateTime,
    #[diesel(sql_type = Text)]
    event_type: String,
    #[diesel(sql_type = Nullable<Text>)]
    recipient: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    purpose: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    legal_basis: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    resources: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    fields: Vec<String>,
    #[diesel(sql_type = SqlUuid)]
    actor_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    request_id: Uuid,
    #[diesel(sql_type = Text)]
    outcome: String,
}

impl AuditLog {
    /// The account of the disclosures of a client's data in the six years before now, newest first. Making it is an event
    /// itself, in the client's access log.
    ///
    /// It holds the accesses that name the client. What the operator does with a whole tenant, such as an export for its
    /// owner, names no persons and stands in the tenant's record.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] for a limit out of its bounds; when the record cannot be read, or the report cannot be recorded.
    // CONTROL: AUD-4
    pub async fn disclosures(
        &self,
        ctx: &Ctx,
        client: ClientId,
        from: Option<OffsetDateTime>,
        page: EventPage,
    ) -> Result<Vec<Disclosure>, AuditError> {
        page.checked()?;
        let earliest = years_before(OffsetDateTime::now_utc(), YEARS);
        let from = from.map_or(earliest, |from| from.max(earliest));
        let reporting = self.examining(ctx, EventType::AuditReported, EVENTS, Some(client));
        self.examined(ctx, reporting, async |tx: &mut Look<'_, '_>| {
            let lines = select(tx, client, from, page).await?;
            Ok(Examined::found(lines.len(), lines))
        })
        .await
    }
}

impl Disclosure {
    /// Where a page that ends with this line is continued.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            recorded_at: self.recorded_at,
            event_id: self.event_id,
        }
    }
}

async fn select(
    tx: &mut Look<'_, '_>,
    client: ClientId,
    from: OffsetDateTime,
    page: EventPage,
) -> Result<Vec<Disclosure>, AuditError> {
    let types: Vec<&'static str> = EventType::ALL
        .iter()
        .filter(|event| event.is_disclosure())
        .map(|event| event.as_str())
        .collect();
    let mut query = Conditions::begin(DISCLOSURES)
        .then::<SqlUuid, _>(" AND e.subject_id = ", client.as_uuid())
        .then::<Timestamptz, _>(" AND e.recorded_at >= ", from)
        .then::<Array<Text>, _>(" AND e.event_type = ANY(", types)
        .sql(")")
        .sql(GROUPED);
    if let Some(before) = page.before {
        query = query
            .then::<Timestamptz, _>(" AND (d.recorded_at, d.event_id) < (", before.recorded_at)
            .then::<SqlUuid, _>(", ", before.event_id.as_uuid())
            .sql(")");
    }
    let rows: Vec<Row> = query
        .then::<BigInt, _>(
            " ORDER BY d.recorded_at DESC, d.event_id DESC LIMIT ",
            i64::from(page.limit),
        )
        .rows(tx)
        .await?;
    Ok(rows.into_iter().map(Disclosure::from).collect())
}

impl From<Row> for Disclosure {
    fn from(row: Row) -> Self {
        Self {
            event_id: EventId::from_uuid(row.event_id),
            recorded_at: row.recorded_at,
            event_type: row.event_type,
            recipient: row.recipient,
            purpose: row.purpose,
            legal_basis: row.legal_basis,
            resources: row.resources,
            fields: row.fields,
            actor: SubjectId::from_uuid(row.actor_id),
            request: RequestId::from_uuid(row.request_id),
            outcome: row.outcome,
        }
    }
}

/// The same day some years earlier; from a 29 February, the 28th.
fn years_before(at: OffsetDateTime, years: i32) -> OffsetDateTime {
    let date = at.date();
    let year = date.year().saturating_sub(years);
    let earlier = Date::from_calendar_date(year, date.month(), date.day())
        .or_else(|_| Date::from_calendar_date(year, date.month(), 28))
        .unwrap_or(Date::MIN);
    at.replace_date(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn an_account_reaches_six_years_back_to_the_day() {
        assert_eq!(
            years_before(datetime!(2026-11-26 13:00 UTC), 6),
            datetime!(2020-11-26 13:00 UTC)
        );
        assert_eq!(
            years_before(datetime!(2028-02-29 01:00 UTC), 6),
            datetime!(2022-02-28 01:00 UTC)
        );
    }
}
