//! Exports of a tenant's part of the record, with the proofs that nothing in it is missing or changed.

use crate::error::SealingError;
use crate::examination::Examination;
use crate::hashes::read_hashes;
use crate::log::{as_i64, as_u64, key_chain, latest_checkpoint, open_checkpoint};
use crate::rows;
use bearingwall_tlog::bundle::{BundleHeader, BundleWriter, Manifest, Selection};
use bearingwall_tlog::note::VerifierKey;
use std::path::Path;
use uuid::Uuid;

/// Events that are read at once.
const PAGE: u64 = 5_000;

/// Which leaves are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub first: u64,
    /// The end, excluded; the size of the tree if it is not given.
    pub past: Option<u64>,
}

/// What is exported.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// Which leaves.
    pub range: Range,
    /// The size of the checkpoint that it leads to; the newest if it is not given.
    pub tree_size: Option<u64>,
    /// Sizes of earlier checkpoints that are to be in it, each with the proof that the log continues it.
    pub earlier: Vec<u64>,
    /// The public key, from a source that is not this database; under any name.
    pub trusted: Option<VerifierKey>,
}

/// An export that was written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// What it claims.
    pub manifest: Manifest,
    /// The public key that it verifies with, as the log knows it. Hand it over by another way than the export.
    pub key: VerifierKey,
}

/// Writes an export as a folder at `target`, where nothing may stand yet; it appears there when it is whole.
///
/// # Errors
/// [`SealingError::Identity`] when it is not this export that was announced;
/// [`SealingError::NotFound`] when the log, the checkpoint or a leaf is not there, also when the events have left the record;
/// [`SealingError::Note`] when what is exported does not lead to the signed root; when database or file system fail.
pub async fn export(
    examination: &Examination<'_>,
    customer: Uuid,
    target: &Path,
    options: &ExportOptions,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<Exported, SealingError> {
    if !examination.is_export_of(customer) {
        return Err(SealingError::Identity {
            what: "the export of another tenant's events was announced, or none",
        });
    }
    let client = examination.client();
    let newest = latest_checkpoint(client, customer, options.tree_size).await?;
    let keys = key_chain(client, customer, &newest.origin, options.trusted.as_ref()).await?;
    let checkpoint = open_checkpoint(&newest.note, &newest.origin, newest.tree_size, &keys)?;
    let past = options.range.past.unwrap_or(newest.tree_size);
    let header = BundleHeader {
        customer_id: customer,
        selection: Selection::Range,
        first: options.range.first,
    };
    let mut writer = BundleWriter::create(target, header, &checkpoint).map_err(SealingError::note)?;
    let statement = client
        .prepare(&format!(
            "SELECT {columns}, l.leaf_index FROM audit.leaves l JOIN audit.events e ON e.customer_id = l.customer_id \
             AND e.recorded_at = l.recorded_at AND e.event_id = l.event_id \
             WHERE l.customer_id = $1 AND l.leaf_index >= $2 AND l.leaf_index < $3 ORDER BY l.leaf_index LIMIT {PAGE}",
            columns = rows::COLUMNS
        ))
        .await
        .map_err(SealingError::Unreadable)?;
    let mut next = options.range.first;
    while next < past {
        let page = client
            .query(&statement, &[&customer, &as_i64(next)?, &as_i64(past)?])
            .await
            .map_err(SealingError::Unreadable)?;
        if page.is_empty() {
            return Err(SealingError::NotFound {
                what: "event for every leaf of that range",
            });
        }
        for row in &page {
            let index = as_u64(row.try_get(rows::WIDTH).map_err(SealingError::Unreadable)?)?;
            writer
                .event(index, rows::event(row)?.canonical().as_bytes())
                .map_err(SealingError::note)?;
            next = index.saturating_add(1);
        }
        progress(
            next.saturating_sub(options.range.first),
            past.saturating_sub(options.range.first),
        );
    }
    writer.rotations(&keys).map_err(SealingError::note)?;
    for size in &options.earlier {
        let earlier = latest_checkpoint(client, customer, Some(*size)).await?;
        let opened = open_checkpoint(&earlier.note, &earlier.origin, *size, &keys)?;
        writer.earlier(&opened).map_err(SealingError::note)?;
    }
    let needed = writer.needed(&[]).map_err(SealingError::note)?;
    let hashes = read_hashes(client, customer, &needed).await?;
    let manifest = writer.finish(&hashes, &[]).map_err(SealingError::note)?;
    let key = keys
        .keys()
        .first()
        .map(|(_, key)| key.clone())
        .ok_or(SealingError::NotFound {
            what: "key of that log",
        })?;
    Ok(Exported { manifest, key })
}
