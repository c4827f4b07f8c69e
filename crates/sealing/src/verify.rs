//! Verification against the database itself: events against leaves, leaves against roots, roots against signatures.

use crate::error::SealingError;
use crate::examination::Examination;
use crate::hashes::read_hashes;
use crate::log::{as_i64, as_u64, key_chain, open_checkpoint};
use crate::rows;
use bearingwall_tlog::Hash;
use bearingwall_tlog::checkpoint::SignedCheckpoint;
use bearingwall_tlog::merkle::{Frontier, Node, covering, tree_root};
use bearingwall_tlog::note::VerifierKey;
use std::collections::{BTreeMap, BTreeSet};
use time::{Date, OffsetDateTime, UtcOffset};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// Leaves that are read at once.
const PAGE: u64 = 5_000;

/// What a log is verified against.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// The public key, from a source that is not this database; under any name.
    pub trusted: Option<VerifierKey>,
}

/// Something that is not as the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The event is not what was sealed.
    Changed {
        /// Its place in the log.
        leaf_index: u64,
        /// The event.
        event_id: Uuid,
    },
    /// The event is gone, and its month has not left the record in the proper way.
    Missing {
        /// Its place in the log.
        leaf_index: u64,
        /// The event.
        event_id: Uuid,
    },
    /// A leaf is gone.
    LeafMissing {
        /// Its place in the log.
        leaf_index: u64,
    },
    /// The event is in the log a second time.
    Repeated {
        /// The second place.
        leaf_index: u64,
        /// The event.
        event_id: Uuid,
    },
    /// The leaves do not lead to the root that was signed for this size.
    Root {
        /// The size of the checkpoint.
        tree_size: u64,
    },
    /// A checkpoint is not signed by the key that is right for its size, or is no checkpoint of this log.
    Signature {
        /// The size of the checkpoint.
        tree_size: u64,
    },
    /// The keys do not follow from the one that is trusted.
    Keys,
    /// A hash that proofs are made from is not that of its subtree.
    Node {
        /// The subtree.
        level: u8,
        /// Its place among those of its level.
        index: u64,
    },
    /// There are leaves beyond the last signed size.
    Unsigned {
        /// The first of them.
        leaf_index: u64,
    },
}

/// What was found out about one log.
#[derive(Clone, Debug, Default)]
pub struct LogReport {
    /// The log's name.
    pub origin: String,
    /// Leaves that were read.
    pub leaves: u64,
    /// Leaves whose event has left the record with its month.
    pub retired: u64,
    /// Checkpoints that were verified.
    pub checkpoints: u64,
    /// Everything that is wrong, at most 1,000 of it.
    pub findings: Vec<Finding>,
}

/// The most findings that are listed.
const LISTED: usize = 1_000;

/// A checkpoint that was kept elsewhere, held against the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// The log has this very checkpoint.
    Same,
    /// The log is shorter: it has been rewound.
    Rewound,
    /// The log has another root at this size: it has been forked.
    Forked,
    /// It is no checkpoint of this log, or its key has not signed it.
    Foreign,
}

impl LogReport {
    fn add(&mut self, finding: Finding) {
        if self.findings.len() < LISTED {
            self.findings.push(finding);
        }
    }
}

/// The tenants that have a log.
///
/// # Errors
/// When the database does not answer.
pub async fn list_logs(examination: &Examination<'_>) -> Result<Vec<(Uuid, String)>, SealingError> {
    let rows = examination
        .client()
        .query(
            "SELECT l.customer_id, l.origin FROM audit.logs l ORDER BY l.customer_id",
            &[],
        )
        .await
        .map_err(SealingError::Unreadable)?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Committed events without a leaf that are older than a number of seconds.
///
/// # Errors
/// When the database does not answer.
pub async fn unsealed_events(examination: &Examination<'_>, older_than_s: f64) -> Result<u64, SealingError> {
    let row = examination
        .client()
        .query_one(
            "SELECT count(*) FROM audit.events e WHERE e.recorded_at < clock_timestamp() - make_interval(secs => $1) \
             AND NOT EXISTS (SELECT FROM audit.leaves l WHERE l.customer_id = e.customer_id AND l.event_id = e.event_id \
             AND l.recorded_at = e.recorded_at)",
            &[&older_than_s],
        )
        .await
        .map_err(SealingError::Unreadable)?;
    as_u64(row.get(0))
}

/// The connection, if this tenant's log is what was announced.
fn covered<'c>(examination: &Examination<'c>, customer: Uuid) -> Result<&'c Client, SealingError> {
    if examination.covers(customer) {
        Ok(examination.client())
    } else {
        Err(SealingError::Identity {
            what: "another tenant's log was announced to be looked at",
        })
    }
}

/// Verifies a tenant's log from its first leaf. `progress` is called with the leaves that were read, and of how many.
///
/// # Errors
/// When the database does not answer, or there is no such log. What is wrong with the log is no error but a finding.
// CONTROL: AUD-5
pub async fn verify_log(
    examination: &Examination<'_>,
    customer: Uuid,
    options: &VerifyOptions,
    progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Result<LogReport, SealingError> {
    let client = covered(examination, customer)?;
    let origin: String = client
        .query_opt(
            "SELECT l.origin FROM audit.logs l WHERE l.customer_id = $1",
            &[&customer],
        )
        .await
        .map_err(SealingError::Unreadable)?
        .ok_or(SealingError::NotFound {
            what: "log of that tenant",
        })?
        .get(0);
    let mut report = LogReport {
        origin: origin.clone(),
        ..LogReport::default()
    };
    let roots = signed_roots(client, customer, &origin, options, &mut report).await?;
    let retired = retired_months(client).await?;
    let size = roots.keys().last().copied().unwrap_or(0);
    let mut walk = Walk {
        roots,
        retired,
        seen: BTreeSet::new(),
        frontier: Frontier::new(),
        nodes: BTreeMap::new(),
        next: 0,
    };
    let statement = client
        .prepare(&format!(
            "SELECT {columns}, l.leaf_index, l.hash, l.event_id, l.recorded_at, e.event_id IS NOT NULL \
             FROM audit.leaves l LEFT JOIN audit.events e ON e.customer_id = l.customer_id AND e.recorded_at = l.recorded_at \
             AND e.event_id = l.event_id WHERE l.customer_id = $1 AND l.leaf_index >= $2 ORDER BY l.leaf_index LIMIT {PAGE}",
            columns = rows::COLUMNS
        ))
        .await
        .map_err(SealingError::Unreadable)?;
    let mut read_to = 0_u64;
    loop {
        let page = client
            .query(&statement, &[&customer, &as_i64(read_to)?])
            .await
            .map_err(SealingError::Unreadable)?;
        for row in &page {
            read_to = walk.leaf(row, &mut report)?.saturating_add(1);
        }
        compare_nodes(client, customer, &mut walk.nodes, &mut report).await?;
        progress(report.leaves, size);
        if u64::try_from(page.len()).unwrap_or(0) < PAGE {
            break;
        }
    }
    walk.finish(size, &mut report);
    Ok(report)
}

/// Holds a checkpoint that was kept elsewhere, as by a witness, against the log as it is now.
///
/// # Errors
/// When the database does not answer, there is no such log, or its tree lacks hashes.
// CONTROL: AUD-5
pub async fn compare(
    examination: &Examination<'_>,
    customer: Uuid,
    note: &[u8],
    options: &VerifyOptions,
) -> Result<Compared, SealingError> {
    let client = covered(examination, customer)?;
    // A log that has lost all its checkpoints has been rewound as far as can be.
    let row = client
        .query_opt(
            "SELECT l.origin, coalesce((SELECT max(c.tree_size) FROM audit.checkpoints c WHERE c.customer_id = $1), 0) \
             FROM audit.logs l WHERE l.customer_id = $1",
            &[&customer],
        )
        .await
        .map_err(SealingError::Unreadable)?
        .ok_or(SealingError::NotFound {
            what: "log of that tenant",
        })?;
    let (origin, size): (&str, u64) = (row.get(0), as_u64(row.get(1))?);
    let keys = key_chain(client, customer, origin, options.trusted.as_ref()).await?;
    let known: Vec<VerifierKey> = keys.keys().iter().map(|(_, key)| key.clone()).collect();
    let Ok(kept) = SignedCheckpoint::open(note, origin, &known) else {
        return Ok(Compared::Foreign);
    };
    if kept.size() > size {
        return Ok(Compared::Rewound);
    }
    let hashes = read_hashes(client, customer, &covering(0, kept.size())).await?;
    let root = tree_root(&hashes, kept.size()).map_err(SealingError::note)?;
    Ok(if root == *kept.root() {
        Compared::Same
    } else {
        Compared::Forked
    })
}

struct Walk {
    roots: BTreeMap<u64, Hash>,
    retired: BTreeSet<Date>,
    seen: BTreeSet<(Uuid, OffsetDateTime)>,
    frontier: Frontier,
    nodes: BTreeMap<Node, Hash>,
    next: u64,
}

impl Walk {
    /// Whether the event's month has left the record in the proper way.
    fn has_left(&self, recorded_at: OffsetDateTime) -> bool {
        let month = recorded_at.to_offset(UtcOffset::UTC).date().replace_day(1);
        month.is_ok_and(|month| self.retired.contains(&month))
    }

    fn leaf(&mut self, row: &Row, report: &mut LogReport) -> Result<u64, SealingError> {
        let at = |offset: usize| rows::WIDTH.saturating_add(offset);
        let get = |error| SealingError::Unreadable(error);
        let index = as_u64(row.try_get(at(0)).map_err(get)?)?;
        let stored =
            Hash::from_slice(row.try_get(at(1)).map_err(get)?).ok_or(SealingError::Malformed { what: "a hash" })?;
        let event_id: Uuid = row.try_get(at(2)).map_err(get)?;
        let recorded_at: OffsetDateTime = row.try_get(at(3)).map_err(get)?;
        let is_there: bool = row.try_get(at(4)).map_err(get)?;
        if index != self.next {
            report.add(Finding::LeafMissing { leaf_index: self.next });
        }
        self.next = index.saturating_add(1);
        report.leaves = report.leaves.saturating_add(1);
        if !self.seen.insert((event_id, recorded_at)) {
            report.add(Finding::Repeated {
                leaf_index: index,
                event_id,
            });
        }
        if is_there {
            if Hash::leaf(rows::event(row)?.canonical().as_bytes()) != stored {
                report.add(Finding::Changed {
                    leaf_index: index,
                    event_id,
                });
            }
        } else if self.has_left(recorded_at) {
            report.retired = report.retired.saturating_add(1);
        } else {
            report.add(Finding::Missing {
                leaf_index: index,
                event_id,
            });
        }
        let nodes = &mut self.nodes;
        self.frontier
            .append_with(stored, |node, hash| {
                if node.is_stored() {
                    nodes.insert(node, *hash);
                }
            })
            .map_err(SealingError::note)?;
        let size = self.frontier.size();
        if self
            .roots
            .remove(&size)
            .is_some_and(|root| root != self.frontier.root())
        {
            report.add(Finding::Root { tree_size: size });
        }
        Ok(index)
    }

    /// What was signed and never reached, and what was reached and never signed.
    fn finish(self, size: u64, report: &mut LogReport) {
        for tree_size in self.roots.into_keys() {
            report.add(Finding::Root { tree_size });
        }
        if self.frontier.size() > size {
            report.add(Finding::Unsigned { leaf_index: size });
        }
    }
}

/// The root of each checkpoint whose signature is right.
async fn signed_roots(
    client: &Client,
    customer: Uuid,
    origin: &str,
    options: &VerifyOptions,
    report: &mut LogReport,
) -> Result<BTreeMap<u64, Hash>, SealingError> {
    let keys = match key_chain(client, customer, origin, options.trusted.as_ref()).await {
        Ok(keys) => Some(keys),
        Err(SealingError::Note(_)) => {
            report.add(Finding::Keys);
            None
        }
        Err(error) => return Err(error),
    };
    let rows = client
        .query(
            "SELECT c.tree_size, c.root, c.note FROM audit.checkpoints c WHERE c.customer_id = $1 ORDER BY c.tree_size",
            &[&customer],
        )
        .await
        .map_err(SealingError::Unreadable)?;
    let mut roots = BTreeMap::new();
    for row in rows {
        let tree_size = as_u64(row.get(0))?;
        report.checkpoints = report.checkpoints.saturating_add(1);
        let opened = keys
            .as_ref()
            .map(|keys| open_checkpoint(row.get(2), origin, tree_size, keys));
        match opened {
            // The note's root is what counts; the column beside it must say the same.
            Some(Ok(checkpoint)) if checkpoint.root().as_bytes().as_slice() == row.get::<_, &[u8]>(1) => {
                roots.insert(tree_size, *checkpoint.root());
            }
            _ => {
                report.add(Finding::Signature { tree_size });
                if let Some(root) = Hash::from_slice(row.get(1)) {
                    roots.insert(tree_size, root);
                }
            }
        }
    }
    Ok(roots)
}

async fn retired_months(client: &Client) -> Result<BTreeSet<Date>, SealingError> {
    let rows = client
        .query(
            "SELECT r.month FROM audit.retirements r WHERE r.executed_at IS NOT NULL",
            &[],
        )
        .await
        .map_err(SealingError::Unreadable)?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn compare_nodes(
    client: &Client,
    customer: Uuid,
    nodes: &mut BTreeMap<Node, Hash>,
    report: &mut LogReport,
) -> Result<(), SealingError> {
    if nodes.is_empty() {
        return Ok(());
    }
    let (mut levels, mut indices) = (Vec::new(), Vec::new());
    for node in nodes.keys() {
        levels.push(i16::from(node.level / 8));
        indices.push(as_i64(node.index)?);
    }
    let rows = client
        .query(
            "SELECT n.level, n.node_index, n.hash FROM audit.nodes n JOIN unnest($2::smallint[], $3::bigint[]) w (level, node_index) \
             USING (level, node_index) WHERE n.customer_id = $1",
            &[&customer, &levels, &indices],
        )
        .await
        .map_err(SealingError::Unreadable)?;
    let mut kept = BTreeMap::new();
    for row in rows {
        let level = u8::try_from(row.get::<_, i16>(0)).unwrap_or(u8::MAX).saturating_mul(8);
        let index = as_u64(row.get(1))?;
        kept.insert(Node { level, index }, Hash::from_slice(row.get(2)));
    }
    for (node, hash) in std::mem::take(nodes) {
        if kept.get(&node) != Some(&Some(hash)) {
            report.add(Finding::Node {
                level: node.level,
                index: node.index,
            });
        }
    }
    Ok(())
}
