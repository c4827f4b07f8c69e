//! The hashes of subtrees, read from the leaves and nodes that the database keeps.

use crate::error::SealingError;
use bearingwall_tlog::Hash;
use bearingwall_tlog::merkle::{Node, StoredRun};
use std::collections::BTreeMap;
use tokio_postgres::GenericClient;
use uuid::Uuid;

/// All that some proofs need, in one statement.
const HASHES: &str = "
    SELECT r.place, h.hash
      FROM unnest($2::smallint[], $3::bigint[], $4::bigint[]) WITH ORDINALITY r (level, first, past, place)
     CROSS JOIN LATERAL (
        SELECT l.leaf_index AS position, l.hash FROM audit.leaves l
         WHERE r.level = 0 AND l.customer_id = $1 AND l.leaf_index >= r.first AND l.leaf_index < r.past
        UNION ALL
        SELECT n.node_index, n.hash FROM audit.nodes n
         WHERE r.level > 0 AND n.customer_id = $1 AND n.level = r.level AND n.node_index >= r.first AND n.node_index < r.past) h
     ORDER BY r.place, h.position";

/// Reads what makes up the hashes of subtrees: at most 128 kept hashes for each.
///
/// # Errors
/// [`SealingError::Inconsistent`] when the tree lacks one of them; when the database does not answer.
pub async fn read_hashes(
    client: &impl GenericClient,
    customer: Uuid,
    nodes: &[Node],
) -> Result<BTreeMap<Node, Hash>, SealingError> {
    let missing = SealingError::Inconsistent {
        customer,
        what: "hashes are missing from the tree",
    };
    let mut runs = Vec::with_capacity(nodes.len());
    let (mut levels, mut firsts, mut pasts) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        let run = StoredRun::of(node);
        let past = run.and_then(|run| i64::try_from(run.first.checked_add(run.count)?).ok());
        let (Some(run), Some(past)) = (run, past) else {
            return Err(missing);
        };
        levels.push(i16::from(run.level));
        firsts.push(past.saturating_sub_unsigned(run.count));
        pasts.push(past);
        runs.push(run);
    }
    let rows = client
        .query(HASHES, &[&customer, &levels, &firsts, &pasts])
        .await
        .map_err(SealingError::Unreadable)?;
    let mut found: Vec<Vec<Hash>> = vec![Vec::new(); nodes.len()];
    for row in rows {
        let place = usize::try_from(row.get::<_, i64>(0)).unwrap_or(0);
        let hash = Hash::from_slice(row.get(1)).ok_or(SealingError::Malformed { what: "a hash" })?;
        if let Some(hashes) = place.checked_sub(1).and_then(|place| found.get_mut(place)) {
            hashes.push(hash);
        }
    }
    let folded = nodes.iter().zip(runs.iter().zip(&found));
    folded
        .map(|(node, (run, hashes))| run.fold(hashes).map(|hash| (*node, hash)))
        .collect::<Option<BTreeMap<_, _>>>()
        .ok_or(missing)
}
