//! All that stands in the record about one request, as a tree.

use crate::audit::event::AuditEntry;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::web;
use bearingwall_audit::{AccessNode, AuditLog, EventType};
use bearingwall_core::RequestId;
use bearingwall_rbac::ReportAudit;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An access with what announced it and what ended it, or an event by itself.
#[derive(Serialize, ToSchema)]
struct AuditNode {
    /// What its events share; absent for an event by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_id: Option<Uuid>,
    /// Its events, in the order of time.
    events: Vec<AuditEntry>,
    /// What came out of it: what names it, or one of its events, as parent.
    #[schema(no_recursion)]
    children: Vec<AuditNode>,
}

/// All that stands in the record about a request.
#[derive(Serialize, ToSchema)]
struct RequestReport {
    /// The request.
    #[schema(value_type = uuid::Uuid)]
    correlation_id: RequestId,
    /// The traces (W3C Trace Context) that its events name, in hexadecimal.
    trace_ids: Vec<String>,
    /// What came out of nothing else, in the order of time.
    roots: Vec<AuditNode>,
    /// Whether these are all events; otherwise they are the first 2,000.
    complete: bool,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let spec = RouteSpec::new(
        "GET /v1/audit/reports/requests/{request_id}",
        "audit_report_request",
        "All that stands in the tenant's record about one request, as a tree.",
    )
    .phi(&[])
    .records(&[EventType::AuditReported])
    .rate(RateClass::Bulk)
    .answers(
        200,
        "The tree; 404 if nothing stands in the record about the request.",
        Some(Content::json::<RequestReport>()),
    );
    table.secured::<ReportAudit, _, _>(spec, request)
}

async fn request(
    granted: Granted<ReportAudit>,
    log: web::Data<AuditLog>,
    request: web::Path<RequestId>,
) -> Result<web::Json<RequestReport>, Problem> {
    let correlation_id = request.into_inner();
    let tree = log.request_tree(granted.ctx(), correlation_id).await?;
    let hex = |trace: [u8; 16]| format!("{:032x}", u128::from_be_bytes(trace));
    Ok(web::Json(RequestReport {
        correlation_id,
        trace_ids: tree.traces.into_iter().map(hex).collect(),
        roots: nodes(tree.roots)?,
        complete: tree.complete,
    }))
}

/// As deep as the tree, which has a bound.
fn nodes(nodes: Vec<AccessNode>) -> Result<Vec<AuditNode>, Problem> {
    let node = |node: AccessNode| {
        Ok(AuditNode {
            access_id: node.access_id,
            events: node
                .events
                .into_iter()
                .map(AuditEntry::try_from)
                .collect::<Result<_, Problem>>()?,
            children: self::nodes(node.children)?,
        })
    };
    nodes.into_iter().map(node).collect()
}
