//! Reading the record as its tenant's administrator: which events, in pages, and that they were read.

use crate::access::PhiTx;
use crate::error::AuditError;
use crate::log::AuditLog;
use crate::record::{Phase, Single};
use crate::rows::{COLUMNS, LEAF, Row};
use bearingwall_core::{ClientId, Ctx, EventId, Outcome, RequestId, SubjectId};
use bearingwall_events::{Event, EventType};
use bearingwall_tenancy::TenantTx;
use diesel::QueryableByName;
use diesel::pg::Pg;
use diesel::query_builder::{BoxedSqlQuery, SqlQuery};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnectionCore as _, RunQueryDsl as _};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// The database's time, and when the tenant's record begins: the key leads to it.
const BEGINNING: &str = "SELECT clock_timestamp() AS now, min(e.recorded_at) AS first FROM audit.events e";

#[derive(QueryableByName)]
struct Beginning {
    #[diesel(sql_type = Timestamptz)]
    now: OffsetDateTime,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    first: Option<OffsetDateTime>,
}

/// An event as it stands in the record, and where it stands in the tree of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The event.
    pub event: Event,
    /// The index of its leaf; none before the next seal.
    pub leaf_index: Option<u64>,
}

/// A place in the record, between two events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The time of the event.
    pub recorded_at: OffsetDateTime,
    /// Its id, which orders events of the same microsecond.
    pub event_id: EventId,
}

impl RecordedEvent {
    /// Where a page that ends with this event is continued.
    #[must_use]
    pub const fn position(&self) -> Position {
        Position {
            recorded_at: self.event.recorded_at,
            event_id: EventId::from_uuid(self.event.event_id),
        }
    }
}

/// Which events. What is `None` does not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventFilter {
    /// About this client.
    pub client: Option<ClientId>,
    /// By this actor.
    pub actor: Option<SubjectId>,
    /// Of this type.
    pub event_type: Option<EventType>,
    /// In this request.
    pub request: Option<RequestId>,
    /// Recorded at this time or later.
    pub from: Option<OffsetDateTime>,
    /// Recorded before this time.
    pub to: Option<OffsetDateTime>,
}

impl EventFilter {
    /// Whether an index leads to the events. Where none does, a page looks through a part of the record only.
    const fn is_led(&self) -> bool {
        self.client.is_some() || self.request.is_some() || (self.actor.is_none() && self.event_type.is_none())
    }
}

/// A page of events, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// The events.
    pub events: Vec<RecordedEvent>,
    /// Where the next page begins; none when the record has been looked through.
    pub next: Option<Position>,
}

/// Which part of them, newest first.
#[derive(Clone, Copy, Debug)]
pub struct EventPage {
    /// Only what stands before this place.
    pub before: Option<Position>,
    /// Events: 1 to [`EventPage::LIMIT_MAX`].
    pub limit: u16,
}

impl EventPage {
    /// Events of one page at the most.
    pub const LIMIT_MAX: u16 = 100;
    /// Days that one page looks through where no index leads to the events.
    pub const DAYS_MAX: i64 = 31;

    pub(crate) const fn checked(&self) -> Result<(), AuditError> {
        if self.limit == 0 || self.limit > Self::LIMIT_MAX {
            return Err(AuditError::Invalid {
                field: "limit",
                reason: "is not between 1 and 100",
            });
        }
        Ok(())
    }
}

impl AuditLog {
    /// Reads events of the tenant, newest first by time and id. That they were read is an event itself, in the access log
    /// of the client that was asked about.
    ///
    /// By an actor or a type alone, without a client or a request, no index leads to the events: a page then looks through
    /// [`EventPage::DAYS_MAX`] days, and may hold few events or none although [`Events::next`] says that there is more.
    ///
    /// A page never changes what follows it: a place is a time and an id, not a count. An event whose transaction was still
    /// open when a page was read appears where its time puts it, and is missed by who has passed there.
    ///
    /// # Errors
    /// [`AuditError::Invalid`] for a limit out of its bounds; when the record cannot be read, or the reading cannot be recorded.
    // CONTROL: AUD-4
    pub async fn events(&self, ctx: &Ctx, filter: EventFilter, page: EventPage) -> Result<Events, AuditError> {
        page.checked()?;
        let reading = self.examining(ctx, EventType::AuditRead, EVENTS, filter.client);
        self.examined(ctx, reading, async |tx: &mut Look<'_, '_>| {
            let found = looked_through(tx, filter, page).await?;
            Ok(Examined::found(found.events.len(), found))
        })
        .await
    }

    /// The event of looking into the record, before it is known what was found.
    pub(crate) fn examining(
        &self,
        ctx: &Ctx,
        event: EventType,
        resource: &'static str,
        about: Option<ClientId>,
    ) -> Single {
        let reading = self.single(ctx, event, Phase::Completed, Outcome::Success).of(resource);
        match about {
            Some(client) => reading.about(client),
            None => reading,
        }
    }

    /// Looks, and puts on record that somebody did, in one transaction: what cannot be recorded is not answered. Looking for
    /// what is not there is recorded, too.
    // CONTROL: AUD-8
    pub(crate) async fn examined<T, W>(&self, ctx: &Ctx, reading: Single, look: W) -> Result<T, AuditError>
    where
        W: AsyncFnOnce(&mut Look<'_, '_>) -> Result<Examined<T>, AuditError>,
    {
        self.pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                look_and_record(tx, reading, look).await
            })
            .await?
    }

    /// The same under a search that opens a table of digests, and that is on record before anything is compared.
    // CONTROL: AUD-8
    pub(crate) async fn examined_under_search<T, W>(
        &self,
        ctx: &Ctx,
        event: EventType,
        digests: &'static str,
        reading: Single,
        look: W,
    ) -> Result<T, AuditError>
    where
        W: AsyncFnOnce(&mut Look<'_, '_>) -> Result<Examined<T>, AuditError>,
    {
        self.with_search(ctx, event, digests, async |phi: &mut PhiTx<'_, '_>| {
            look_and_record(phi.tenant(), reading, look).await
        })
        .await?
    }
}

/// What the transaction comes to, and the answer, which may be that there is nothing.
async fn look_and_record<T, W>(
    tx: &mut TenantTx<'_>,
    reading: Single,
    look: W,
) -> Result<Result<T, AuditError>, AuditError>
where
    W: AsyncFnOnce(&mut Look<'_, '_>) -> Result<Examined<T>, AuditError>,
{
    let (count, outcome) = match look(&mut Look { tx }).await {
        Ok(examined) => (examined.count, Ok(examined.value)),
        // Nothing went wrong: there is nothing. The transaction is sound and commits.
        Err(error @ (AuditError::NotSealed { .. } | AuditError::OutsideTree { .. })) => (0, Err(error)),
        Err(error) => return Err(error),
    };
    tx.execute_returning_count(reading.counting(count))
        .await
        .map_err(AuditError::Unwritten)?;
    Ok(outcome)
}

/// The record itself, as the resource of an event.
pub(crate) const EVENTS: &str = "audit.events";

/// A transaction in which the record is looked into, and which commits only with an event that says so: what reads the record
/// takes one, and only [`AuditLog::examined`] makes one.
// CONTROL: AUD-8
pub(crate) struct Look<'t, 'c> {
    tx: &'t mut TenantTx<'c>,
}

impl<'c> Look<'_, 'c> {
    /// The transaction, for the statement itself.
    pub(crate) fn tenant(&mut self) -> &mut TenantTx<'c> {
        self.tx
    }
}

/// What a look into the record came to, and how many things that is.
pub(crate) struct Examined<T> {
    count: usize,
    value: T,
}

impl<T> Examined<T> {
    pub(crate) const fn found(count: usize, value: T) -> Self {
        Self { count, value }
    }
}

/// A page, and where the next one begins.
async fn looked_through(tx: &mut Look<'_, '_>, mut filter: EventFilter, page: EventPage) -> Result<Events, AuditError> {
    let window = if filter.is_led() {
        None
    } else {
        bound_window(tx, &mut filter, page).await?
    };
    let events = select(tx, &filter, page).await?;
    // A full page may be followed by nothing; the caller then gets one empty page.
    let next = if events.len() == usize::from(page.limit) {
        events.last().map(RecordedEvent::position)
    } else {
        window.map(|recorded_at| Position {
            recorded_at,
            // Before all of that microsecond, which this page has seen.
            event_id: EventId::from_uuid(Uuid::nil()),
        })
    };
    Ok(Events { events, next })
}

/// Narrows the filter to the days that one page looks through, and answers where they begin if the record goes on before.
#[expect(clippy::disallowed_methods, reason = "the record's own statement; the text is fixed")]
async fn bound_window(
    tx: &mut Look<'_, '_>,
    filter: &mut EventFilter,
    page: EventPage,
) -> Result<Option<OffsetDateTime>, AuditError> {
    let begins: Vec<Beginning> = diesel::sql_query(BEGINNING)
        .load(tx.tenant())
        .await
        .map_err(AuditError::Unreadable)?;
    let Some(Beginning {
        now,
        first: Some(first),
    }) = begins.into_iter().next()
    else {
        return Ok(None);
    };
    let earliest = filter.from.map_or(first, |from| from.max(first));
    let bounds = [filter.to, page.before.map(|before| before.recorded_at)];
    let past = bounds.into_iter().flatten().fold(now, OffsetDateTime::min);
    let from = past.checked_sub(Duration::days(EventPage::DAYS_MAX)).unwrap_or(first);
    if from <= earliest {
        return Ok(None);
    }
    filter.from = Some(from);
    Ok(Some(from))
}

async fn select(
    tx: &mut Look<'_, '_>,
    filter: &EventFilter,
    page: EventPage,
) -> Result<Vec<RecordedEvent>, AuditError> {
    let mut query = Conditions::begin(&format!(
        "SELECT {COLUMNS}, leaf.leaf_index FROM (SELECT * FROM audit.events e WHERE true"
    ));
    if let Some(client) = filter.client {
        query = query.and::<SqlUuid, _>("e.subject_id =", client.as_uuid());
    }
    if let Some(actor) = filter.actor {
        query = query.and::<SqlUuid, _>("e.actor_id =", actor.as_uuid());
    }
    if let Some(event_type) = filter.event_type {
        query = query.and::<Text, _>("e.event_type =", event_type.as_str());
    }
    if let Some(request) = filter.request {
        query = query.and::<SqlUuid, _>("e.request_id =", request.as_uuid());
    }
    if let Some(from) = filter.from {
        query = query.and::<Timestamptz, _>("e.recorded_at >=", from);
    }
    if let Some(to) = filter.to {
        query = query.and::<Timestamptz, _>("e.recorded_at <", to);
    }
    if let Some(before) = page.before {
        // The bound on the time alone keeps newer months out of the plan.
        query = query
            .and::<Timestamptz, _>("e.recorded_at <=", before.recorded_at)
            .and::<Timestamptz, _>("(e.recorded_at, e.event_id) < (", before.recorded_at)
            .then::<SqlUuid, _>(", ", before.event_id.as_uuid())
            .sql(")");
    }
    query
        .sql(" ORDER BY e.recorded_at DESC, e.event_id DESC")
        .then::<BigInt, _>(" LIMIT ", i64::from(page.limit))
        .sql(&format!(") e {LEAF} ORDER BY e.recorded_at DESC, e.event_id DESC"))
        .load(tx)
        .await
}

/// A statement that is put together of fixed pieces, each value a bind parameter.
pub(crate) struct Conditions {
    query: BoxedSqlQuery<'static, Pg, SqlQuery>,
    parameters: u8,
}

impl Conditions {
    #[expect(
        clippy::disallowed_methods,
        reason = "the record's own statements; the text is fixed and every value a bind parameter"
    )]
    pub(crate) fn begin(text: &str) -> Self {
        Self {
            query: diesel::sql_query(text).into_boxed(),
            parameters: 0,
        }
    }

    pub(crate) fn sql(mut self, text: &str) -> Self {
        self.query = self.query.sql(text);
        self
    }

    /// The text, and then the value.
    pub(crate) fn then<S, V>(mut self, text: &str, value: V) -> Self
    where
        Pg: HasSqlType<S>,
        S: Send + 'static,
        V: ToSql<S, Pg> + Send + 'static,
    {
        self.parameters = self.parameters.saturating_add(1);
        self.query = self
            .query
            .sql(format!("{text}${}", self.parameters))
            .bind::<S, V>(value);
        self
    }

    fn and<S, V>(self, condition: &str, value: V) -> Self
    where
        Pg: HasSqlType<S>,
        S: Send + 'static,
        V: ToSql<S, Pg> + Send + 'static,
    {
        self.then(&format!(" AND {condition} "), value)
    }

    /// The events that the statement selects.
    pub(crate) async fn load(self, tx: &mut Look<'_, '_>) -> Result<Vec<RecordedEvent>, AuditError> {
        let rows: Vec<Row> = self.rows(tx).await?;
        rows.into_iter().map(RecordedEvent::try_from).collect()
    }

    /// What the statement selects.
    pub(crate) async fn rows<R>(self, tx: &mut Look<'_, '_>) -> Result<Vec<R>, AuditError>
    where
        R: QueryableByName<Pg> + Send + 'static,
    {
        self.query.load(tx.tenant()).await.map_err(AuditError::Unreadable)
    }
}
