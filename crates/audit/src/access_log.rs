//! Who saw a client's data, when and why, as the client may ask to be told.

use crate::error::AuditError;
use crate::examination::{EventPage, Examined, Look, Position};
use crate::log::AuditLog;
use crate::record::Phase;
use bearingwall_core::{ClientId, Ctx, EventId, Outcome, RequestId, SubjectId};
use bearingwall_events::EventType;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

diesel::table! {
    audit.events (customer_id, recorded_at, event_id) {
        customer_id -> Uuid,
        recorded_at -> Timestamptz,
        event_id -> Uuid,
        event_type -> Text,
        phase -> Text,
        outcome -> Text,
        actor_id -> Uuid,
        actor_roles -> Array<Text>,
        purpose_of_use -> Nullable<Text>,
        subject_id -> Nullable<Uuid>,
        resource -> Nullable<Text>,
        commands -> Array<Text>,
        request_id -> Uuid,
        route -> Nullable<Text>,
    }
}

/// One line of a client's access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEntry {
    /// Its id.
    pub event_id: EventId,
    /// When, by the database's clock.
    pub recorded_at: OffsetDateTime,
    /// What, as a code of the vocabulary.
    pub event_type: String,
    /// `intended`, `completed` or `failed`.
    pub phase: String,
    /// `success`, `denied`, `failure` or `unknown`.
    pub outcome: String,
    /// Who.
    pub actor: SubjectId,
    /// In which roles.
    pub actor_roles: Vec<String>,
    /// Why.
    pub purpose: Option<String>,
    /// Which table.
    pub resource: Option<String>,
    /// What could be done to its rows.
    pub commands: Vec<String>,
    /// In which request.
    pub request: RequestId,
    /// Through which route.
    pub route: Option<String>,
}

impl AccessEntry {
    /// Where a page that ends with this line is continued.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            recorded_at: self.recorded_at,
            event_id: self.event_id,
        }
    }
}

type Row = (
    Uuid,
    OffsetDateTime,
    String,
    String,
    String,
    Uuid,
    Vec<String>,
    Option<String>,
    Option<String>,
    Vec<String>,
    Uuid,
    Option<String>,
);

impl AuditLog {
    /// Reads a client's access log. Reading it is an event itself, and stands in it from then on.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] for a limit out of its bounds; when the record cannot be read, or the reading cannot be
    /// recorded.
    // CONTROL: AUD-4
    pub async fn access_log(
        &self,
        ctx: &Ctx,
        client: ClientId,
        page: EventPage,
    ) -> Result<Vec<AccessEntry>, AuditError> {
        page.checked()?;
        let reading = self
            .single(ctx, EventType::AccessLogRead, Phase::Completed, Outcome::Success)
            .about(client);
        self.examined(ctx, reading, async |tx: &mut Look<'_, '_>| {
            let rows = select(tx, client, page).await.map_err(AuditError::Unreadable)?;
            Ok(Examined::found(rows.len(), rows.into_iter().map(entry).collect()))
        })
        .await
    }
}

async fn select(tx: &mut Look<'_, '_>, client: ClientId, page: EventPage) -> QueryResult<Vec<Row>> {
    let mut query = events::table
        .filter(events::subject_id.eq(client.as_uuid()))
        .order((events::recorded_at.desc(), events::event_id.desc()))
        .limit(i64::from(page.limit))
        .select((
            events::event_id,
            events::recorded_at,
            events::event_type,
            events::phase,
            events::outcome,
            events::actor_id,
            events::actor_roles,
            events::purpose_of_use,
            events::resource,
            events::commands,
            events::request_id,
            events::route,
        ))
        .into_boxed();
    if let Some(before) = page.before {
        // A place is a time and an id: an id alone may stand in the record more than once.
        let (at, id) = (before.recorded_at, before.event_id.as_uuid());
        query = query.filter(
            events::recorded_at
                .lt(at)
                .or(events::recorded_at.eq(at).and(events::event_id.lt(id))),
        );
    }
    query.load(tx.tenant()).await
}

fn entry(row: Row) -> AccessEntry {
    AccessEntry {
        event_id: EventId::from_uuid(row.0),
        recorded_at: row.1,
        event_type: row.2,
        phase: row.3,
        outcome: row.4,
        actor: SubjectId::from_uuid(row.5),
        actor_roles: row.6,
        purpose: row.7,
        resource: row.8,
        commands: row.9,
        request: RequestId::from_uuid(row.10),
        route: row.11,
    }
}
