//! The tenant's log as files that never change (C2SP tlog-tiles): below `/v1/audit/log` stand its checkpoint, the tiles of its
//! tree and the bundles of its entries.

use crate::routes::{Content, OCTETS, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_rbac::{ProveAudit, ReadAudit};
use bearingwall_tlog::tile::{Tile, TilePath, encode_entries};

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let checkpoint = RouteSpec::new(
        "GET /v1/audit/log/checkpoint",
        "audit_log_checkpoint",
        "The log's newest checkpoint, where a reader of tiles looks for it.",
    )
    .records(&[EventType::AuditProven])
    .rate(RateClass::Read)
    .answers(
        200,
        "A signed note (C2SP tlog-checkpoint); 404 before the first seal.",
        Some(Content::text("text/plain")),
    );
    let entries = RouteSpec::new(
        "GET /v1/audit/log/tile/entries/{tile*}",
        "audit_log_entries",
        "A bundle of entries, as `x001/x234/067` or `000.p/17`: the canonical events of up to 256 leaves.",
    )
    .phi(&[])
    .records(&[EventType::AuditRead])
    .rate(RateClass::Bulk)
    .answers(
        200,
        "Each entry behind its length in two bytes, big-endian; 404 where the tree has no such bundle, or its month was retired.",
        Some(Content::text(OCTETS)),
    );
    let hashes = RouteSpec::new(
        "GET /v1/audit/log/tile/{tile*}",
        "audit_log_tile",
        "A tile of the tree, as `0/x001/067` or `1/000.p/17`: level, index, and the width of one that is not full.",
    )
    .records(&[EventType::AuditProven])
    .rate(RateClass::Read)
    .answers(
        200,
        "Its hashes, 32 bytes each; 404 where the tree of the newest checkpoint has no such tile.",
        Some(Content::text(OCTETS)),
    );
    table
        .secured::<ProveAudit, _, _>(checkpoint, super::proofs::checkpoint_latest)
        .secured::<ReadAudit, _, _>(entries, entry_bundle)
        .secured::<ProveAudit, _, _>(hashes, tile)
}

async fn tile(
    granted: Granted<ProveAudit>,
    log: web::Data<AuditLog>,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let TilePath::Hashes(tile) = parsed(&path.into_inner())? else {
        return Err(HttpError::UnknownPath.into());
    };
    let hashes = log.tile(granted.ctx(), tile).await?;
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    Ok(octets(bytes))
}

async fn entry_bundle(
    granted: Granted<ReadAudit>,
    log: web::Data<AuditLog>,
    path: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let missing = || Problem::from(HttpError::UnknownPath);
    let TilePath::Entries { index, width } = parsed(&format!("entries/{path}"))? else {
        return Err(missing());
    };
    let tile = Tile::new(0, index, width).ok_or_else(missing)?;
    let events = log.entries(granted.ctx(), tile).await?;
    let entries: Vec<String> = events.iter().map(|recorded| recorded.event.canonical()).collect();
    Ok(octets(encode_entries(&entries).map_err(|_| HttpError::Framework)?))
}

/// What stands behind `tile/`; any other spelling is nothing that there is.
fn parsed(path: &str) -> Result<TilePath, Problem> {
    TilePath::parse(&format!("tile/{path}")).map_err(|_| HttpError::UnknownPath.into())
}

fn octets(bytes: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().content_type(OCTETS).body(bytes)
}
