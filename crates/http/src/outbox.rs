//! The outbox: what could not be sent, or may have arrived, is shown to a person, who settles it.

use crate::paging::PageQuery;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_core::{Ctx, EffectId};
use bearingwall_outbox::{EffectState, OutboxError, ParkedEffect, Settlement, effect_settle, effects_parked};
use bearingwall_rbac::{ReadOutbox, SettleOutbox};
use bearingwall_tenancy::TenantTx;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// An effect that waits for a person; no content.
#[derive(Serialize, ToSchema)]
struct Effect {
    /// Its id; an effect that was approved has its gate's.
    id: Uuid,
    /// What kind of action.
    kind: String,
    /// Where it goes.
    destination: String,
    /// What it is about, where order matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregate_id: Option<Uuid>,
    /// The approval that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate_id: Option<Uuid>,
    /// `dead`: given up. `unknown`: it may have arrived.
    state: &'static str,
    /// How often it was tried.
    attempts: i64,
    /// What the last attempt came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// When it was written (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    enqueued_at: OffsetDateTime,
    /// Since when it waits.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    parked_at: OffsetDateTime,
    /// Until when it can be sent again.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    deliver_until: OffsetDateTime,
    /// How many others wait behind it.
    behind: i64,
}

/// A page of effects, newest first.
#[derive(Serialize, ToSchema)]
struct EffectPage {
    /// The effects.
    items: Vec<Effect>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

/// Why it is sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    /// 10 to 500 characters: no personal data.
    reason: String,
}

/// What became of it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResolveBody {
    /// `delivered`: it had arrived. `abandoned`: it will not be sent.
    outcome: Resolution,
    /// 10 to 500 characters: no personal data.
    reason: String,
}

/// What became of an effect.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Resolution {
    /// It had arrived.
    Delivered,
    /// It will not be sent.
    Abandoned,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let list = PageQuery::declare(RouteSpec::new(
        "GET /v1/outbox",
        "outbox_list",
        "What could not be sent, or may have arrived, newest first.",
    ))
    .rate(RateClass::Read)
    .answers(200, "The effects.", Some(Content::json::<EffectPage>()));
    let replay = RouteSpec::new(
        "POST /v1/outbox/{effect_id}/replay",
        "outbox_replay",
        "Has such an effect sent again, while its time lasts.",
    )
    .records(&[EventType::EffectReplayed])
    .rate(RateClass::Write)
    .takes(Content::json::<ReplayBody>())
    .answers(204, "It is tried again.", None);
    let resolve = RouteSpec::new(
        "POST /v1/outbox/{effect_id}/resolve",
        "outbox_resolve",
        "Says what became of such an effect; what waits behind it goes on.",
    )
    .records(&[EventType::EffectResolved])
    .rate(RateClass::Write)
    .takes(Content::json::<ResolveBody>())
    .answers(204, "It is settled.", None);
    table
        .secured::<ReadOutbox, _, _>(list, list_effects)
        .secured::<SettleOutbox, _, _>(replay, replay_effect)
        .secured::<SettleOutbox, _, _>(resolve, resolve_effect)
}

async fn list_effects(
    granted: Granted<ReadOutbox>,
    log: web::Data<AuditLog>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<EffectPage>, Problem> {
    let (before, limit) = (query.before().map(EffectId::from_uuid), query.limit());
    let (found, more) = log
        .pool()
        .run(granted.ctx(), async |tx: &mut TenantTx<'_>| {
            effects_parked(tx, before, limit).await
        })
        .await?;
    let next = found.last().filter(|_| more).map(|last| last.effect.as_uuid());
    Ok(web::Json(EffectPage {
        items: found.into_iter().map(effect).collect(),
        next,
    }))
}

async fn replay_effect(
    granted: Granted<SettleOutbox>,
    log: web::Data<AuditLog>,
    id: web::Path<EffectId>,
    body: web::Json<ReplayBody>,
) -> Result<HttpResponse, Problem> {
    settle(&log, granted.ctx(), id.into_inner(), Settlement::Replay, &body.reason).await
}

async fn resolve_effect(
    granted: Granted<SettleOutbox>,
    log: web::Data<AuditLog>,
    id: web::Path<EffectId>,
    body: web::Json<ResolveBody>,
) -> Result<HttpResponse, Problem> {
    let settlement = match body.outcome {
        Resolution::Delivered => Settlement::FoundDelivered,
        Resolution::Abandoned => Settlement::Abandon,
    };
    settle(&log, granted.ctx(), id.into_inner(), settlement, &body.reason).await
}

async fn settle(
    log: &AuditLog,
    ctx: &Ctx,
    id: EffectId,
    settlement: Settlement,
    reason: &str,
) -> Result<HttpResponse, Problem> {
    log.pool()
        .run(ctx, async |tx: &mut TenantTx<'_>| {
            effect_settle(tx, id, settlement, reason).await
        })
        .await
        .map_err(|error: OutboxError| Problem::from(error))?;
    Ok(HttpResponse::NoContent().finish())
}

fn effect(found: ParkedEffect) -> Effect {
    Effect {
        id: found.effect.as_uuid(),
        kind: found.kind,
        destination: found.destination,
        aggregate_id: found.aggregate,
        gate_id: found.gate.map(bearingwall_core::GateId::as_uuid),
        state: match found.state {
            EffectState::Unknown => "unknown",
            _ => "dead",
        },
        attempts: found.attempts,
        code: found.code,
        enqueued_at: found.enqueued_at,
        parked_at: found.parked_at,
        deliver_until: found.deliver_until,
        behind: found.behind,
    }
}
