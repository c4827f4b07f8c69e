//! Checkpoints and proofs of the tenant's log, for whoever wants to verify it without trusting the server.

use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, ConsistencyProof, EventType, Place};
use bearingwall_core::EventId;
use bearingwall_rbac::ProveAudit;
use bearingwall_tlog::Hash;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The media type of signed notes and of proofs that hold one.
const TEXT: &str = "text/plain";

/// A proof that the log only grew (RFC 6962 section 2.1.2).
#[derive(Serialize, ToSchema)]
struct ConsistencyBody {
    /// Leaves of the earlier tree.
    from: u64,
    /// Leaves of the later tree.
    to: u64,
    /// The hashes in base64; none when the earlier tree is empty or the later one itself.
    hashes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InclusionQuery {
    event_id: Option<Uuid>,
    leaf_index: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsistencyQuery {
    from: u64,
    to: Option<u64>,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let checkpoint = RouteSpec::new(
        "GET /v1/audit/checkpoints/latest",
        "audit_checkpoint_latest",
        "The newest signed checkpoint of the tenant's log.",
    )
    .records(&[EventType::AuditProven])
    .rate(RateClass::Read)
    .answers(
        200,
        "A signed note (C2SP tlog-checkpoint); 404 before the first seal.",
        Some(Content::text(TEXT)),
    );
    let inclusion = RouteSpec::new(
        "GET /v1/audit/proofs/inclusion",
        "audit_proof_inclusion",
        "The proof that an event is in the tree of the newest checkpoint.",
    )
    .query(
        "event_id",
        "string",
        "The event; its first leaf, where an id stands in the record more than once.",
    )
    .query("leaf_index", "integer", "Its leaf, instead: exactly one.")
    .records(&[EventType::AuditProven])
    .rate(RateClass::Read)
    .answers(
        200,
        "A proof with its checkpoint (C2SP tlog-proof); 404 for an event that is not sealed, or not there.",
        Some(Content::text(TEXT)),
    );
    let consistency = RouteSpec::new(
        "GET /v1/audit/proofs/consistency",
        "audit_proof_consistency",
        "The proof that the log's tree of one size is the beginning of that of another.",
    )
    .query_required("from", "integer", "Leaves of the earlier tree.")
    .query(
        "to",
        "integer",
        "Leaves of the later tree; the newest checkpoint's if absent.",
    )
    .records(&[EventType::AuditProven])
    .rate(RateClass::Read)
    .answers(
        200,
        "The hashes; 404 before the first seal.",
        Some(Content::json::<ConsistencyBody>()),
    );
    table
        .secured::<ProveAudit, _, _>(checkpoint, checkpoint_latest)
        .secured::<ProveAudit, _, _>(inclusion, inclusion_proof)
        .secured::<ProveAudit, _, _>(consistency, consistency_proof)
}

pub(super) async fn checkpoint_latest(
    granted: Granted<ProveAudit>,
    log: web::Data<AuditLog>,
) -> Result<HttpResponse, Problem> {
    Ok(text(log.checkpoint_latest(granted.ctx()).await?.to_string()))
}

async fn inclusion_proof(
    granted: Granted<ProveAudit>,
    log: web::Data<AuditLog>,
    query: web::Query<InclusionQuery>,
) -> Result<HttpResponse, Problem> {
    let place = match (query.event_id, query.leaf_index) {
        (Some(event), None) => Place::Event(EventId::from_uuid(event)),
        (None, Some(index)) => Place::Leaf(index),
        (Some(_), Some(_)) | (None, None) => {
            return Err(
                Problem::from(HttpError::Query).at("event_id", "is one way to name a leaf, and `leaf_index` the other")
            );
        }
    };
    Ok(text(log.inclusion_proof(granted.ctx(), place).await?.to_string()))
}

async fn consistency_proof(
    granted: Granted<ProveAudit>,
    log: web::Data<AuditLog>,
    query: web::Query<ConsistencyQuery>,
) -> Result<web::Json<ConsistencyBody>, Problem> {
    let ConsistencyProof { from, to, hashes } = log.consistency_proof(granted.ctx(), query.from, query.to).await?;
    Ok(web::Json(ConsistencyBody {
        from,
        to,
        hashes: hashes.iter().map(Hash::to_base64).collect(),
    }))
}

fn text(body: String) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(body)
}
