//! A tenant's log: its keys, its head, and its checkpoints.

use crate::error::SealingError;
use crate::key::{SealingKey, log_origin};
use bearingwall_tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use bearingwall_tlog::merkle::Frontier;
use bearingwall_tlog::note::VerifierKey;
use bearingwall_tlog::rotation::{KeyChain, Rotation};
use tokio_postgres::{GenericClient, Row};
use uuid::Uuid;

/// A signed checkpoint as the database keeps it. Its signature is not verified by holding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCheckpoint {
    /// The tenant.
    pub customer: Uuid,
    /// The name of its log.
    pub origin: String,
    /// Leaves of the tree.
    pub tree_size: u64,
    /// The signed note (C2SP tlog-checkpoint).
    pub note: String,
}

/// The newest checkpoint of a tenant's log, or that of a size.
///
/// # Errors
/// [`SealingError::NotFound`] when there is none; when the database does not answer.
pub async fn latest_checkpoint(
    client: &impl GenericClient,
    customer: Uuid,
    size: Option<u64>,
) -> Result<SealedCheckpoint, SealingError> {
    let size = size.map(as_i64).transpose()?;
    let row = client
        .query_opt(
            "SELECT l.origin, c.tree_size, c.note FROM audit.logs l JOIN audit.checkpoints c USING (customer_id) \
             WHERE l.customer_id = $1 AND ($2::bigint IS NULL OR c.tree_size = $2) ORDER BY c.tree_size DESC LIMIT 1",
            &[&customer, &size],
        )
        .await
        .map_err(SealingError::Unreadable)?
        .ok_or(SealingError::NotFound {
            what: "such a checkpoint",
        })?;
    Ok(SealedCheckpoint {
        customer,
        origin: row.get(0),
        tree_size: as_u64(row.get(1))?,
        note: row.get(2),
    })
}

/// The keys of a log, from the one that is trusted on.
pub(crate) async fn key_chain(
    client: &impl GenericClient,
    customer: Uuid,
    origin: &str,
    trusted: Option<&VerifierKey>,
) -> Result<KeyChain, SealingError> {
    let rows = client
        .query(
            "SELECT k.vkey, k.rotation FROM audit.log_keys k WHERE k.customer_id = $1 ORDER BY k.position",
            &[&customer],
        )
        .await
        .map_err(SealingError::Unreadable)?;
    let first = match (trusted, rows.first()) {
        (Some(trusted), _) => crate::key::key_for_log(trusted, origin)?,
        (None, Some(row)) => VerifierKey::parse(row.get(0)).map_err(SealingError::note)?,
        (None, None) => {
            return Err(SealingError::NotFound {
                what: "key of that log",
            });
        }
    };
    let rotations: Vec<&str> = rows.iter().filter_map(|row| row.get::<_, Option<&str>>(1)).collect();
    KeyChain::verify(origin, &first, &rotations).map_err(SealingError::note)
}

/// Verifies a checkpoint under the key that is right for its size.
pub(crate) fn open_checkpoint(
    note: &str,
    origin: &str,
    size: u64,
    keys: &KeyChain,
) -> Result<SignedCheckpoint, SealingError> {
    let key = keys.key_at(size).ok_or(SealingError::Identity {
        what: "a checkpoint is older than the key that is trusted",
    })?;
    let opened =
        SignedCheckpoint::open(note.as_bytes(), origin, std::slice::from_ref(key)).map_err(SealingError::note)?;
    if opened.size() == size {
        Ok(opened)
    } else {
        Err(SealingError::Malformed {
            what: "a checkpoint of its size",
        })
    }
}

/// The head of a log while leaves are added.
pub(crate) struct LogHead {
    pub(crate) customer: Uuid,
    pub(crate) origin: String,
    pub(crate) frontier: Frontier,
}

impl LogHead {
    /// The state after the last checkpoint; a tenant's first event makes its log.
    pub(crate) async fn load(
        client: &impl GenericClient,
        root: &str,
        key: &SealingKey,
        customer: Uuid,
    ) -> Result<Self, SealingError> {
        let origin = log_origin(root, customer);
        let vkey = key.verifier(&origin)?.to_string();
        let row = client
            .query_opt(
                "SELECT l.origin, (SELECT k.vkey FROM audit.log_keys k WHERE k.customer_id = $1 ORDER BY k.position DESC LIMIT 1), \
                 c.tree_size, c.root, c.frontier FROM audit.logs l LEFT JOIN LATERAL (SELECT * FROM audit.checkpoints c \
                 WHERE c.customer_id = $1 ORDER BY c.tree_size DESC LIMIT 1) c ON true WHERE l.customer_id = $1",
                &[&customer],
            )
            .await
            .map_err(SealingError::Unreadable)?;
        let Some(row) = row else {
            Self::create(client, customer, &origin, &vkey).await?;
            return Ok(Self {
                customer,
                origin,
                frontier: Frontier::new(),
            });
        };
        if row.get::<_, &str>(0) != origin {
            return Err(SealingError::Identity {
                what: "a log has another name than the configuration says",
            });
        }
        if row.get::<_, Option<&str>>(1) != Some(&vkey) {
            return Err(SealingError::Identity {
                what: "a log is signed with another key than the one configured, which no note by it names",
            });
        }
        let frontier = frontier_of(&row, customer)?;
        Ok(Self {
            customer,
            origin,
            frontier,
        })
    }

    async fn create(client: &impl GenericClient, customer: Uuid, origin: &str, vkey: &str) -> Result<(), SealingError> {
        client
            .execute(
                "INSERT INTO audit.logs (customer_id, origin) VALUES ($1, $2)",
                &[&customer, &origin],
            )
            .await
            .map_err(SealingError::Unwritten)?;
        client
            .execute(
                "INSERT INTO audit.log_keys (customer_id, position, from_size, vkey) VALUES ($1, 0, 0, $2)",
                &[&customer, &vkey],
            )
            .await
            .map(drop)
            .map_err(SealingError::Unwritten)
    }

    /// The signed note for what the tree is now.
    pub(crate) fn sign(&self, key: &SealingKey) -> Result<String, SealingError> {
        let body = Checkpoint::new(self.origin.clone(), self.frontier.size(), self.frontier.root())
            .map_err(SealingError::note)?;
        let note = body.sign(&[&key.for_log(&self.origin)?]).map_err(SealingError::note)?;
        Ok(note.to_string())
    }
}

/// What the root was signed for and what is built on must be the same tree.
fn frontier_of(row: &Row, customer: Uuid) -> Result<Frontier, SealingError> {
    let (Some(size), Some(root), Some(bytes)) = (
        row.get::<_, Option<i64>>(2),
        row.get::<_, Option<&[u8]>>(3),
        row.get::<_, Option<&[u8]>>(4),
    ) else {
        return Ok(Frontier::new());
    };
    let frontier = Frontier::from_bytes(bytes).map_err(SealingError::note)?;
    if i64::try_from(frontier.size()).ok() != Some(size) || frontier.root().as_bytes().as_slice() != root {
        return Err(SealingError::Inconsistent {
            customer,
            what: "the last checkpoint's subtrees do not lead to its root",
        });
    }
    Ok(frontier)
}

/// Hands every log that `previous` signs over to `key`, from its next checkpoint on. Answers how many there were.
pub(crate) async fn rotate(
    client: &impl GenericClient,
    root: &str,
    previous: &SealingKey,
    key: &SealingKey,
) -> Result<u64, SealingError> {
    let logs = client
        .query(
            "SELECT l.customer_id, l.origin, k.vkey, k.position, coalesce((SELECT max(c.tree_size) FROM audit.checkpoints c \
             WHERE c.customer_id = l.customer_id), 0) FROM audit.logs l JOIN LATERAL (SELECT k.vkey, k.position FROM audit.log_keys k \
             WHERE k.customer_id = l.customer_id ORDER BY k.position DESC LIMIT 1) k ON true",
            &[],
        )
        .await
        .map_err(SealingError::Unreadable)?;
    let mut rotated = 0_u64;
    for row in logs {
        let (customer, origin): (Uuid, &str) = (row.get(0), row.get(1));
        let old = previous.for_log(origin)?;
        if origin != log_origin(root, customer) || row.get::<_, &str>(2) != old.verifier().to_string() {
            continue;
        }
        let from_size = as_u64(row.get(4))?.saturating_add(1);
        let new = key.verifier(origin)?;
        let vkey = new.to_string();
        let note = Rotation::new(origin, from_size, new)
            .and_then(|rotation| rotation.sign(&old))
            .map_err(SealingError::note)?;
        client
            .execute(
                "INSERT INTO audit.log_keys (customer_id, position, from_size, vkey, rotation) VALUES ($1, $2, $3, $4, $5)",
                &[
                    &customer,
                    &row.get::<_, i32>(3).saturating_add(1),
                    &as_i64(from_size)?,
                    &vkey,
                    &note.to_string(),
                ],
            )
            .await
            .map_err(SealingError::Unwritten)?;
        rotated = rotated.saturating_add(1);
    }
    Ok(rotated)
}

pub(crate) fn as_i64(number: u64) -> Result<i64, SealingError> {
    i64::try_from(number).map_err(|_| SealingError::NotFound {
        what: "tree of so many leaves",
    })
}

pub(crate) fn as_u64(number: i64) -> Result<u64, SealingError> {
    u64::try_from(number).map_err(|_| SealingError::Malformed {
        what: "a number of leaves",
    })
}
