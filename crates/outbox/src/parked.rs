//! Effects that wait for a person: those that were given up, and those that may have arrived.

use crate::effect::EffectState;
use crate::error::OutboxError;
use crate::statements;
use bearingwall_core::{EffectId, GateId};
use bearingwall_gates::GateError;
use bearingwall_tenancy::TenantTx;
use diesel_async::RunQueryDsl as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// Entries of a page at the most.
pub const PAGE_MAX: u16 = 100;

/// An effect that waits for a person; no content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedEffect {
    /// Its number.
    pub effect: EffectId,
    /// What kind of action.
    pub kind: String,
    /// Where it goes.
    pub destination: String,
    /// What it is about.
    pub aggregate: Option<Uuid>,
    /// The approval that it comes from.
    pub gate: Option<GateId>,
    /// [`EffectState::Dead`] or [`EffectState::Unknown`].
    pub state: EffectState,
    /// How often it was tried.
    pub attempts: i64,
    /// What the last attempt came to.
    pub code: Option<String>,
    /// When it was written.
    pub enqueued_at: OffsetDateTime,
    /// Since when it waits.
    pub parked_at: OffsetDateTime,
    /// Until when it may be put back.
    pub deliver_until: OffsetDateTime,
    /// How many others wait behind it.
    pub behind: i64,
}

/// What a person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It is tried again: for an unknown one, because it did not arrive.
    Replay,
    /// It had arrived.
    FoundDelivered,
    /// It will not be sent.
    Abandon,
}

type Listed = (
    Uuid,
    String,
    String,
    Option<Uuid>,
    Option<Uuid>,
    String,
    i64,
    Option<String>,
    OffsetDateTime,
    OffsetDateTime,
    OffsetDateTime,
    i64,
);

/// Characters of a reason, from and to.
const REASON_LEAST: usize = 10;
const REASON_MOST: usize = 500;

/// What waits for a person, newest first, older than `before`; `limit` of 1 to [`PAGE_MAX`], and whether there is more.
///
/// # Errors
/// [`GateError::Invalid`]; when the database is away.
pub async fn effects_parked(
    tx: &mut TenantTx<'_>,
    before: Option<EffectId>,
    limit: u16,
) -> Result<(Vec<ParkedEffect>, bool), OutboxError> {
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(GateError::Invalid {
            field: "limit",
            reason: "is not between 1 and 100",
        }
        .into());
    }
    let list = statements::List {
        before: before.map(EffectId::as_uuid),
        limit: i32::from(limit) + 1,
    };
    let rows: Vec<Listed> = list.get_results(tx).await.map_err(GateError::from_refusal)?;
    let more = rows.len() > usize::from(limit);
    let rows = rows.into_iter().take(usize::from(limit)).map(|row| {
        Ok(ParkedEffect {
            effect: EffectId::from_uuid(row.0),
            kind: row.1,
            destination: row.2,
            aggregate: row.3,
            gate: row.4.map(GateId::from_uuid),
            state: EffectState::from_word(&row.5)?,
            attempts: row.6,
            code: row.7,
            enqueued_at: row.8,
            parked_at: row.9,
            deliver_until: row.10,
            behind: row.11,
        })
    });
    Ok((rows.collect::<Result<_, GateError>>()?, more))
}

/// Settles what waits for a person, with a reason of 10 to 500 characters and no personal data. What waits behind an effect that
/// ends may begin.
///
/// # Errors
/// [`GateError::NoSuch`]; [`GateError::Expired`] for a replay of what is too old, which is asked for anew; [`GateError::NotAPerson`];
/// [`GateError::Invalid`]; when the database is away.
// CONTROL: OUT-6
pub async fn effect_settle(
    tx: &mut TenantTx<'_>,
    effect: EffectId,
    settlement: Settlement,
    reason: &str,
) -> Result<(), OutboxError> {
    // Here too: PostgreSQL takes no text with a NUL in it, and says so as a fault of the program.
    let length = reason.trim().chars().count();
    if !(REASON_LEAST..=REASON_MOST).contains(&length) || reason.chars().any(char::is_control) {
        return Err(GateError::Invalid {
            field: "reason",
            reason: "is not 10 to 500 printable characters",
        }
        .into());
    }
    let settle = statements::Settle {
        effect: effect.as_uuid(),
        how: match settlement {
            Settlement::Replay => "replayed",
            Settlement::FoundDelivered => "found_delivered",
            Settlement::Abandon => "abandoned",
        },
        reason: reason.to_owned(),
    };
    let _: bool = settle.get_result(tx).await.map_err(GateError::from_refusal)?;
    Ok(())
}
