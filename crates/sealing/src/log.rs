//! A tenant's log: its head, its checkpoints, and the hashes from which any proof is made.

use crate::error::SealingError;
use bearingwall_tlog::{CheckpointBody, Frontier, Hash, HashReader, NoteSigner};
use std::collections::HashMap;
use tokio_postgres::GenericClient;
use uuid::Uuid;

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The tenant.
    pub customer: Uuid,
    /// The name of its log.
    pub origin: String,
    /// Leaves of the tree.
    pub tree_size: u64,
    /// Its root.
    pub root: Hash,
    /// The roots of the full subtrees that make up the tree, as [`Frontier::to_bytes`] writes them.
    pub frontier: Vec<u8>,
    /// C2SP tlog-checkpoint, signed.
    pub note: String,
}

/// The head of a log while leaves are added.
pub struct LogHead {
    pub(crate) customer: Uuid,
    pub(crate) origin: String,
    pub(crate) frontier: Frontier,
}

impl LogHead {
    /// The state after the last checkpoint; a tenant's first event makes its log.
    pub(crate) async fn load(
        client: &impl GenericClient,
        origin: &str,
        customer: Uuid,
    ) -> Result<Self, SealingError> {
        let wanted = format!("{origin}/{customer}");
        let log = client
            .query_opt("SELECT l.origin FROM audit.logs l WHERE l.customer_id = $1", &[&customer])
            .await
            .map_err(SealingError::Unreadable)?;
        match log {
            Some(row) if row.get::<_, &str>(0) == wanted => {}
            Some(_) => {
                return Err(SealingError::Identity {
                    what: "a log has another name than the configuration says",
                });
            }
            None => {
                client
                    .execute(
                        "INSERT INTO audit.logs (customer_id, origin) VALUES ($1, $2)",
                        &[&customer, &wanted],
                    )
                    .await
                    .map_err(SealingError::Unwritten)?;
            }
        }
        let last = client
            .query_opt(
                "SELECT c.tree_size, c.root, c.frontier FROM audit.checkpoints c WHERE c.customer_id = $1 \
                 ORDER BY c.tree_size DESC LIMIT 1",
                &[&customer],
            )
            .await
            .map_err(SealingError::Unreadable)?;
        let frontier = match last {
            None => Frontier::default(),
            Some(row) => {
                let frontier =
                    Frontier::from_bytes(row.get(2)).map_err(|error| SealingError::Note(error.into()))?;
                // What the root was signed for and what is built on must be the same tree.
                if i64::try_from(frontier.size()).ok() != Some(row.get(0)) || frontier.root().as_slice() != row.get::<_, &[u8]>(1) {
                    return Err(SealingError::Inconsistent {
                        customer,
                        what: "the last checkpoint's subtrees do not lead to its root",
                    });
                }
                frontier
            }
        };
        Ok(Self {
            customer,
            origin: wanted,
            frontier,
        })
    }

    pub(crate) fn checkpoint(self, signer: &NoteSigner) -> Result<Checkpoint, SealingError> {
        let body = CheckpointBody {
            origin: self.origin.clone(),
            size: self.frontier.size(),
            root: self.frontier.root(),
            extensions: Vec::new(),
        };
        let note = signer
            .sign(&body.to_string())
            .map_err(|error| SealingError::Note(error.into()))?;
        Ok(Checkpoint {
            customer: self.customer,
            origin: self.origin,
            tree_size: self.frontier.size(),
            root: self.frontier.root(),
            frontier: self.frontier.to_bytes(),
            note,
        })
    }
}

/// Entries of a full tile: leaves, or roots of full subtrees.
const TILE: u64 = 256;

/// The tiles that the proofs about some leaves of a tree need, read from the database at once.
pub struct DatabaseHashes {
    tiles: HashMap<(u8, u64), Vec<Hash>>,
}

impl DatabaseHashes {
    /// Reads the tiles on the way from these leaves to the root of a tree of `size` leaves, and those of its right edge.
    ///
    /// # Errors
    /// When the database does not answer, or a tile is not whole.
    pub async fn load(
        client: &impl GenericClient,
        customer: Uuid,
        size: u64,
        leaves: &[u64],
    ) -> Result<Self, SealingError> {
        let mut tiles = HashMap::new();
        for (level, index, entries) in tiles_of(size, leaves) {
            let first = index.saturating_mul(TILE);
            let (from, to) = (number(first)?, number(first.saturating_add(entries))?);
            let rows = if level == 0 {
                client
                    .query(
                        "SELECT l.hash FROM audit.leaves l WHERE l.customer_id = $1 AND l.leaf_index >= $2 \
                         AND l.leaf_index < $3 ORDER BY l.leaf_index",
                        &[&customer, &from, &to],
                    )
                    .await
            } else {
                client
                    .query(
                        "SELECT n.hash FROM audit.nodes n WHERE n.customer_id = $1 AND n.level = $4 \
                         AND n.node_index >= $2 AND n.node_index < $3 ORDER BY n.node_index",
                        &[&customer, &from, &to, &i16::from(level)],
                    )
                    .await
            }
            .map_err(SealingError::Unreadable)?;
            let hashes = rows
                .iter()
                .map(|row| {
                    Hash::try_from(row.get::<_, &[u8]>(0)).map_err(|_| SealingError::Malformed { what: "a hash" })
                })
                .collect::<Result<Vec<Hash>, _>>()?;
            if u64::try_from(hashes.len()).ok() != Some(entries) {
                return Err(SealingError::Inconsistent {
                    customer,
                    what: "hashes are missing from the tree",
                });
            }
            tiles.insert((level, index), hashes);
        }
        Ok(Self { tiles })
    }
}

fn number(value: u64) -> Result<i64, SealingError> {
    i64::try_from(value).map_err(|_| SealingError::NotFound { what: "such a leaf" })
}

/// Level, index and number of entries of each tile.
fn tiles_of(size: u64, leaves: &[u64]) -> Vec<(u8, u64, u64)> {
    let mut tiles = Vec::new();
    let mut entries = size;
    let mut level = 0_u8;
    let mut positions: Vec<u64> = leaves.to_vec();
    while entries > 0 {
        let mut indices: Vec<u64> = positions.iter().map(|position| position / TILE).collect();
        indices.push((entries.saturating_sub(1)) / TILE);
        indices.sort_unstable();
        indices.dedup();
        for index in indices {
            let first = index.saturating_mul(TILE);
            if first < entries {
                tiles.push((level, index, TILE.min(entries.saturating_sub(first))));
            }
        }
        for position in &mut positions {
            *position /= TILE;
        }
        entries /= TILE;
        level = level.saturating_add(1);
    }
    tiles
}

impl HashReader for DatabaseHashes {
    type Error = MissingHash;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, MissingHash> {
        let missing = MissingHash { level, index };
        let (tile_level, height) = (level / 8, u32::from(level % 8));
        let width = 1_u64 << height;
        let first = index.checked_mul(width).ok_or(missing)?;
        let tile = self.tiles.get(&(tile_level, first / TILE)).ok_or(missing)?;
        let offset = usize::try_from(first % TILE).map_err(|_| missing)?;
        let end = offset.saturating_add(usize::try_from(width).map_err(|_| missing)?);
        let entries = tile.get(offset..end).ok_or(missing)?;
        let mut layer: Vec<Hash> = entries.to_vec();
        while layer.len() > 1 {
            layer = layer
                .chunks_exact(2)
                .filter_map(|pair| match pair {
                    [left, right] => Some(bearingwall_tlog::node_hash(left, right)),
                    _ => None,
                })
                .collect();
        }
        layer.first().copied().ok_or(missing)
    }
}

/// A proof needs a hash that was not read: the tree is not what its checkpoint says.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the hash of subtree {index} at level {level} is not there")]
pub struct MissingHash {
    /// The subtree's level: it has 2^level leaves.
    pub level: u8,
    /// Its place among those of its level.
    pub index: u64,
}
