//! Gates: what wants to leave the system is shown to somebody else, who decides on exactly that.

use crate::paging::PageQuery;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_core::GateId;
use bearingwall_gates::{
    Decision, GateContent, GateError, GateSummary, PayloadKeys, gate_cancel, gate_decide, gate_pending, gate_show,
};
use bearingwall_rbac::{CancelGate, DecideGate, ReadGate, ShowGate};
use bearingwall_tenancy::TenantTx;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// A request that waits for a decision; no content.
#[derive(Serialize, ToSchema)]
struct Gate {
    /// Its id; the effect that comes of it has the same one.
    id: Uuid,
    /// What kind of action, as `message.email`.
    kind: String,
    /// Where it goes, as `mail.ses`.
    destination: String,
    /// Who asked.
    requested_by: Uuid,
    /// What asked: `human`, `agent`, `service` or `system`.
    requested_kind: String,
    /// The person for whom an agent asked, who does not approve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<Uuid>,
    /// How many persons must approve it.
    quorum: i32,
    /// How many have.
    approvals: i64,
    /// When it was asked for (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    requested_at: OffsetDateTime,
    /// Until when it can be decided.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
    /// SHA-256 of what is decided on, in hexadecimal digits, which a decision repeats.
    digest: String,
}

/// A page of requests, newest first.
#[derive(Serialize, ToSchema)]
struct GatePage {
    /// The requests.
    items: Vec<Gate>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

/// A request with what it would do.
#[derive(Serialize, ToSchema)]
struct GateShown {
    #[serde(flatten)]
    gate: Gate,
    /// What it is about, where order matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregate_id: Option<Uuid>,
    /// `requested`, `approved`, `rejected`, `expired`, `cancelled` or `consumed`.
    state: &'static str,
    /// When it was decided (RFC 3339).
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<OffsetDateTime>,
    /// What exactly would be sent.
    #[schema(value_type = Object)]
    content: Value,
}

/// A decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GateDecisionBody {
    /// `approve` or `reject`.
    verdict: Verdict,
    /// The `digest` of what was seen.
    seen_digest: String,
    /// Why, 500 characters at the most: no personal data.
    #[serde(default)]
    reason: Option<String>,
}

/// What somebody says.
#[derive(Clone, Copy, Deserialize, ToSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// It may happen.
    Approve,
    /// It may not, whoever else has approved it.
    Reject,
}

/// What came of a decision.
#[derive(Serialize, ToSchema)]
struct GateDecided {
    /// `approved`, `rejected`, or `requested` where more approvals are needed.
    state: &'static str,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let list = PageQuery::declare(RouteSpec::new(
        "GET /v1/gates",
        "gate_list",
        "What waits for an approval, newest first, without its content.",
    ))
    .rate(RateClass::Read)
    .answers(200, "The requests.", Some(Content::json::<GatePage>()));
    let show = RouteSpec::new(
        "GET /v1/gates/{gate_id}",
        "gate_show",
        "What exactly a request would do; that it was read is on record.",
    )
    .phi(&[EventType::GateRead])
    .rate(RateClass::Read)
    .answers(200, "The request.", Some(Content::json::<GateShown>()));
    let decide = RouteSpec::new(
        "POST /v1/gates/{gate_id}/decisions",
        "gate_decide",
        "Approves or rejects what somebody else asked for; takes a person who is signed in.",
    )
    .records(&[EventType::GateSeconded, EventType::GateApproved])
    .rate(RateClass::Write)
    .takes(Content::json::<GateDecisionBody>())
    .answers(200, "It is decided.", Some(Content::json::<GateDecided>()));
    let cancel = RouteSpec::new(
        "POST /v1/gates/{gate_id}/cancel",
        "gate_cancel",
        "Takes back what one has asked for or approved, until it is used.",
    )
    .records(&[EventType::GateCancelled])
    .rate(RateClass::Write)
    .answers(204, "It is taken back.", None);
    table
        .secured::<ReadGate, _, _>(list, list_gates)
        .secured::<ShowGate, _, _>(show, show_gate)
        .secured::<DecideGate, _, _>(decide, decide_gate)
        .secured::<CancelGate, _, _>(cancel, cancel_gate)
}

async fn list_gates(
    granted: Granted<ReadGate>,
    log: web::Data<AuditLog>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<GatePage>, Problem> {
    let (before, limit) = (query.before().map(GateId::from_uuid), query.limit());
    let (found, more) = log
        .pool()
        .run(granted.ctx(), async |tx: &mut TenantTx<'_>| {
            gate_pending(tx, before, limit).await
        })
        .await?;
    let next = found.last().filter(|_| more).map(|last| last.gate.as_uuid());
    Ok(web::Json(GatePage {
        items: found.into_iter().map(gate).collect(),
        next,
    }))
}

async fn show_gate(
    granted: Granted<ShowGate>,
    log: web::Data<AuditLog>,
    keys: web::Data<PayloadKeys>,
    id: web::Path<GateId>,
) -> Result<web::Json<GateShown>, Problem> {
    let cipher = keys.cipher(log.pool(), granted.ctx()).await?;
    let found = gate_show(log.pool(), granted.ctx(), &cipher, id.into_inner()).await?;
    Ok(web::Json(shown(found)?))
}

async fn decide_gate(
    granted: Granted<DecideGate>,
    log: web::Data<AuditLog>,
    id: web::Path<GateId>,
    body: web::Json<GateDecisionBody>,
) -> Result<web::Json<GateDecided>, Problem> {
    // CONTROL: GAT-2
    // Beside what the database knows of machines: a program's own token decides nothing.
    if !granted.principal().signed_in {
        return Err(GateError::NotAPerson.into());
    }
    let body = body.into_inner();
    let decision = Decision {
        approve: body.verdict == Verdict::Approve,
        seen: body.seen_digest.parse()?,
        reason: body.reason,
    };
    let state = log
        .pool()
        .run(granted.ctx(), async |tx: &mut TenantTx<'_>| {
            gate_decide(tx, id.into_inner(), decision).await
        })
        .await?;
    Ok(web::Json(GateDecided { state: state.as_str() }))
}

async fn cancel_gate(
    granted: Granted<CancelGate>,
    log: web::Data<AuditLog>,
    id: web::Path<GateId>,
) -> Result<HttpResponse, Problem> {
    log.pool()
        .run(granted.ctx(), async |tx: &mut TenantTx<'_>| {
            gate_cancel(tx, id.into_inner()).await
        })
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn gate(found: GateSummary) -> Gate {
    Gate {
        id: found.gate.as_uuid(),
        kind: found.kind,
        destination: found.destination,
        requested_by: found.requested_by,
        requested_kind: found.requested_kind,
        principal_id: found.principal,
        quorum: found.quorum,
        approvals: found.approvals,
        requested_at: found.requested_at,
        expires_at: found.expires_at,
        digest: found.digest.to_string(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the answer to a permitted request whose reading is on record"
)]
fn shown(found: GateContent) -> Result<GateShown, Problem> {
    let content = found.content.disclose().read().map_err(|_| HttpError::Framework)?;
    Ok(GateShown {
        gate: gate(found.summary),
        aggregate_id: found.aggregate,
        state: found.state.as_str(),
        decided_at: found.decided_at,
        content,
    })
}
