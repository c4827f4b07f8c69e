//! What became of notices: the outbox's own attempts, without their content.

use super::{Subscriptions, found, notice, schema};
use crate::outgoing::OutgoingError;
use bearingwall_core::{Ctx, EffectId};
use bearingwall_gates::GateError;
use bearingwall_outbox::{OutboxError, Settlement, effect_settle};
use bearingwall_tenancy::TenantTx;
use diesel_async::RunQueryDsl as _;
use time::OffsetDateTime;
use uuid::Uuid;

/// Entries of a page at the most.
pub const DELIVERIES_MAX: u16 = 100;

/// One notice and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeDelivery {
    /// Its effect; `bw1-` before it is the `webhook-id`.
    pub effect: EffectId,
    /// `waiting`, `queued`, `leased`, `dead`, `unknown`, `delivered`, `found_delivered` or `abandoned`, as in the outbox.
    pub state: String,
    /// How often it was tried.
    pub attempts: i64,
    /// How the last attempt ended: `delivered`, `refused`, `retry`, `unavailable`, `ambiguous` or `lost`.
    pub outcome: Option<String>,
    /// What was seen at the last attempt, as `http-500`.
    pub code: Option<String>,
    /// When it was written.
    pub enqueued_at: OffsetDateTime,
    /// When the last attempt began.
    pub begun_at: Option<OffsetDateTime>,
    /// When it ended.
    pub ended_at: Option<OffsetDateTime>,
    /// When the next one is due.
    pub next_at: Option<OffsetDateTime>,
    /// Until when it is tried.
    pub deliver_until: OffsetDateTime,
}

type Listed = (
    Uuid,
    String,
    String,
    i64,
    Option<String>,
    Option<String>,
    OffsetDateTime,
    Option<OffsetDateTime>,
    Option<OffsetDateTime>,
    Option<OffsetDateTime>,
    OffsetDateTime,
);

impl Subscriptions {
    /// What was sent to a subscription, newest first, older than `before`; `limit` of 1 to [`DELIVERIES_MAX`], and whether there is more.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`], [`OutgoingError::Invalid`].
    // CONTROL: CON-10
    pub async fn deliveries(
        &self,
        ctx: &Ctx,
        subscription: Uuid,
        before: Option<EffectId>,
        limit: u16,
    ) -> Result<(Vec<NoticeDelivery>, bool), OutgoingError> {
        if !(1..=DELIVERIES_MAX).contains(&limit) {
            let reason = "`limit` is not between 1 and 100";
            return Err(OutgoingError::Invalid { field: "limit", reason });
        }
        let work = async |tx: &mut TenantTx<'_>| {
            found(tx, subscription).await?;
            listed(tx, subscription, None, before, i32::from(limit) + 1).await
        };
        let mut rows = self.parts.pool.run(ctx, work).await?;
        let more = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        Ok((rows, more))
    }

    /// Has a notice that was given up sent again, with a reason of 10 to 500 characters and no personal data.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`], also for a notice that does not wait for a person; [`OutgoingError::Ended`]; what
    /// [`effect_settle`] says.
    // CONTROL: CON-10
    pub async fn redeliver(
        &self,
        ctx: &Ctx,
        subscription: Uuid,
        effect: EffectId,
        reason: &str,
    ) -> Result<(), OutgoingError> {
        let work = async |tx: &mut TenantTx<'_>| {
            let (_, has_ended) = found(tx, subscription).await?;
            if listed(tx, subscription, Some(effect), None, 1).await?.is_empty() {
                return Err(OutgoingError::NotFound);
            }
            if has_ended {
                return Err(OutgoingError::Ended);
            }
            Ok(effect_settle(tx, effect, Settlement::Replay, reason).await?)
        };
        self.parts.pool.run(ctx, work).await
    }

    /// Sends a notice of the type `webhook.test` to a subscription, and answers its effect.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`], [`OutgoingError::Ended`].
    pub async fn test(&self, ctx: &Ctx, subscription: Uuid) -> Result<EffectId, OutgoingError> {
        let work = async |tx: &mut TenantTx<'_>| {
            if found(tx, subscription).await?.1 {
                return Err(OutgoingError::Ended);
            }
            let test = schema::Test { subscription };
            let effect: Uuid = test
                .get_result(tx)
                .await
                .map_err(|error| OutboxError::from(GateError::from_refusal(error)))?;
            Ok(EffectId::from_uuid(effect))
        };
        self.parts.pool.run(ctx, work).await
    }
}

async fn listed(
    tx: &mut TenantTx<'_>,
    subscription: Uuid,
    effect: Option<EffectId>,
    before: Option<EffectId>,
    limit: i32,
) -> Result<Vec<NoticeDelivery>, OutgoingError> {
    let destination = notice::destination(subscription).map_err(|_| OutgoingError::NotFound)?;
    let list = schema::Deliveries {
        destination: destination.to_string(),
        effect: effect.map(EffectId::as_uuid),
        before: before.map(EffectId::as_uuid),
        limit,
    };
    let rows: Vec<Listed> = list.get_results(tx).await.map_err(OutgoingError::Statement)?;
    let read = |row: Listed| NoticeDelivery {
        effect: EffectId::from_uuid(row.0),
        state: row.2,
        attempts: row.3,
        outcome: row.4,
        code: row.5,
        enqueued_at: row.6,
        begun_at: row.7,
        ended_at: row.8,
        next_at: row.9,
        deliver_until: row.10,
    };
    Ok(rows.into_iter().map(read).collect())
}
