//! What became of events, for a person who looks after them; never with their content.

use super::ArrivalError;
use super::schema::{endpoints, events};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalState {
    /// It waits for a worker.
    Waiting,
    /// What it tells of has been done.
    Done,
    /// Nothing was to be done with it.
    Ignored,
    /// It waits for a person.
    Dead,
}

impl ArrivalState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Done, Self::Ignored, Self::Dead];

    /// The word in the database and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Dead => "dead",
        }
    }

    /// The state of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// An event without its content.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct ReviewedArrival {
    /// Its row.
    pub id: Uuid,
    /// Where it arrived.
    pub endpoint: Uuid,
    /// Who sent it.
    pub connector: String,
    /// The sender's own id of it.
    pub event_id: String,
    /// What the sender calls this sort of event, as far as it was read.
    pub kind: Option<String>,
    /// Where it stands: the word of an [`ArrivalState`].
    pub state: String,
    /// Why nothing was to be done with it, or why it waits for a person.
    pub code: Option<String>,
    /// When it was taken in.
    pub received_at: OffsetDateTime,
    /// When it was settled.
    pub settled_at: Option<OffsetDateTime>,
    /// When its content was taken away.
    pub pruned_at: Option<OffsetDateTime>,
    /// How often another content came under its id.
    pub conflicts: i32,
}

/// A page of what arrived, newest first, and whether there is more.
///
/// # Errors
/// [`ArrivalError::Statement`].
pub async fn arrivals_page(
    tx: &mut TenantTx<'_>,
    state: Option<ArrivalState>,
    before: Option<Uuid>,
    limit: u16,
) -> Result<(Vec<ReviewedArrival>, bool), ArrivalError> {
    let states = state.map_or(ArrivalState::ALL.to_vec(), |state| vec![state]);
    let states: Vec<&str> = states.into_iter().map(ArrivalState::as_str).collect();
    let mut rows: Vec<ReviewedArrival> = events::table
        .inner_join(endpoints::table.on(endpoints::id.eq(events::endpoint_id)))
        .filter(events::state.eq_any(states))
        .filter(events::id.lt(before.unwrap_or(Uuid::max())))
        .order(events::id.desc())
        .limit(i64::from(limit) + 1)
        .select((
            events::id,
            events::endpoint_id,
            endpoints::connector,
            events::event_id,
            events::kind,
            events::state,
            events::code,
            events::received_at,
            events::settled_at,
            events::pruned_at,
            events::conflicts,
        ))
        .load(tx)
        .await
        .map_err(ArrivalError::Statement)?;
    let more = rows.len() > usize::from(limit);
    rows.truncate(usize::from(limit));
    Ok((rows, more))
}

/// Has an event that waits for a person tried again. That it waits in the queue again and stands on the record is the database's
/// doing.
///
/// # Errors
/// [`ArrivalError::NotFound`]; [`ArrivalError::NotParked`]; [`ArrivalError::Statement`].
// CONTROL: CON-12
pub async fn arrival_replay(tx: &mut TenantTx<'_>, id: Uuid) -> Result<(), ArrivalError> {
    let one = events::table.filter(events::id.eq(id));
    let dead = one.filter(events::state.eq(ArrivalState::Dead.as_str()));
    let put_back = diesel::update(dead)
        .set(events::state.eq(ArrivalState::Waiting.as_str()))
        .execute(tx)
        .await
        .map_err(ArrivalError::Statement)?;
    if put_back == 1 {
        return Ok(());
    }
    let known: i64 = one.count().get_result(tx).await.map_err(ArrivalError::Statement)?;
    Err(if known == 0 {
        ArrivalError::NotFound
    } else {
        ArrivalError::NotParked
    })
}
