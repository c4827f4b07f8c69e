//! Witnesses: independent places that keep checkpoints, so that a log that is rewound or forked is found out.

use crate::error::SealingError;
use crate::hashes::read_hashes;
use crate::log::{as_i64, as_u64};
use bearingwall_tlog::Hash;
use bearingwall_tlog::merkle::Plan;
use std::fs::{self, File};
use std::io::{ErrorKind as IoErrorKind, Write as _};
use std::path::{Path, PathBuf};
use tokio_postgres::{Client, GenericClient};
use uuid::Uuid;

/// A checkpoint that a witness has not seen.
#[derive(Clone, Debug)]
pub struct Due {
    /// The tenant.
    pub customer: Uuid,
    /// What is offered to the witness.
    pub offer: Offer,
}

/// What a witness is offered: a checkpoint, and the proof that it continues the one the witness has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The log's name.
    pub origin: String,
    /// The size that the witness has seen, 0 for none.
    pub old_size: u64,
    /// The size of the checkpoint.
    pub size: u64,
    /// The consistency proof between both.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub note: String,
}

impl Offer {
    /// The request body of `add-checkpoint` (C2SP tlog-witness).
    #[must_use]
    pub fn to_body(&self) -> String {
        let mut body = format!("old {}\n", self.old_size);
        for hash in &self.proof {
            body.push_str(&hash.to_base64());
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&self.note);
        body
    }
}

/// What a witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// It keeps the checkpoint; with its signature, if it signs.
    Kept(Option<String>),
    /// It keeps something that this checkpoint does not continue.
    Refused(&'static str),
}

/// The place could not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the witness `{name}` could not be reached")]
pub struct WitnessError {
    /// Which one.
    pub name: String,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// The newest checkpoint of each log that this witness has not seen, with the proof that it continues what it has seen.
pub(crate) async fn due(client: &Client, witness: &str) -> Result<Vec<Due>, SealingError> {
    let rows = client
        .query(
            "SELECT l.customer_id, l.origin, c.tree_size, c.note, coalesce(w.tree_size, 0) FROM audit.logs l \
             JOIN LATERAL (SELECT c.tree_size, c.note FROM audit.checkpoints c WHERE c.customer_id = l.customer_id \
                           ORDER BY c.tree_size DESC LIMIT 1) c ON true \
             LEFT JOIN LATERAL (SELECT w.tree_size FROM audit.witnessed w WHERE w.customer_id = l.customer_id AND w.witness = $1 \
                           ORDER BY w.tree_size DESC LIMIT 1) w ON true \
             WHERE c.tree_size > coalesce(w.tree_size, 0) ORDER BY l.customer_id",
            &[&witness],
        )
        .await
        .map_err(SealingError::Unreadable)?;
    let mut due = Vec::with_capacity(rows.len());
    for row in rows {
        let customer: Uuid = row.get(0);
        let (size, old_size) = (as_u64(row.get(2))?, as_u64(row.get(4))?);
        due.push(Due {
            customer,
            offer: Offer {
                origin: row.get(1),
                old_size,
                size,
                proof: consistency(client, customer, old_size, size).await?,
                note: row.get(3),
            },
        });
    }
    Ok(due)
}

async fn consistency(
    client: &impl GenericClient,
    customer: Uuid,
    first: u64,
    second: u64,
) -> Result<Vec<Hash>, SealingError> {
    let plan = Plan::consistency(first, second).map_err(SealingError::note)?;
    let nodes = plan.nodes();
    let hashes = read_hashes(client, customer, &nodes).await?;
    let ordered: Vec<Hash> = nodes.iter().filter_map(|node| hashes.get(node).copied()).collect();
    plan.assemble(&ordered).map_err(SealingError::note)
}

pub(crate) async fn note_kept(
    client: &Client,
    due: &Due,
    witness: &str,
    cosignature: Option<&str>,
) -> Result<(), SealingError> {
    client
        .execute(
            "INSERT INTO audit.witnessed (customer_id, tree_size, witness, cosignature) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[&due.customer, &as_i64(due.offer.size)?, &witness, &cosignature],
        )
        .await
        .map(drop)
        .map_err(SealingError::Unwritten)
}

/// A directory of another machine or medium, which keeps every checkpoint it is given, one file for each size.
///
/// It signs nothing. What it is worth is that whoever holds the database and the sealer's key cannot also change it: mount it
/// so that files can be added and not changed.
#[derive(Clone, Debug)]
pub struct FileWitness {
    name: String,
    directory: PathBuf,
}

impl FileWitness {
    /// The name goes on record; the directory must exist.
    #[must_use]
    pub fn new(name: impl Into<String>, directory: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            directory: directory.into(),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Every checkpoint of a log that is kept here, with its size, smallest first.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn kept(&self, origin: &str) -> Result<Vec<(u64, Vec<u8>)>, WitnessError> {
        let folder = self.folder(origin);
        let read = || -> std::io::Result<Vec<(u64, Vec<u8>)>> {
            let mut kept = Vec::new();
            for size in sizes(&folder)? {
                kept.push((size, fs::read(file(&folder, size))?));
            }
            Ok(kept)
        };
        read().map_err(|error| self.unreachable(error))
    }

    /// Leaves a checkpoint here.
    ///
    /// # Errors
    /// When the directory cannot be read or written.
    pub fn leave(&self, offer: &Offer) -> Result<Left, WitnessError> {
        self.try_leave(offer).map_err(|error| self.unreachable(error))
    }

    fn try_leave(&self, offer: &Offer) -> std::io::Result<Left> {
        let folder = self.folder(&offer.origin);
        if !self.directory.is_dir() {
            return Err(IoErrorKind::NotFound.into());
        }
        fs::create_dir_all(&folder)?;
        let kept = sizes(&folder)?;
        if kept.last().is_some_and(|size| *size > offer.size) {
            return Ok(Left::Refused("rewound"));
        }
        let path = file(&folder, offer.size);
        if kept.contains(&offer.size) {
            let same = fs::read(&path)? == offer.note.as_bytes();
            return Ok(if same {
                Left::Kept(None)
            } else {
                Left::Refused("forked")
            });
        }
        let partial = folder.join(format!(".{}", offer.size));
        let mut written = File::create(&partial)?;
        written.write_all(offer.note.as_bytes())?;
        written.sync_all()?;
        fs::rename(&partial, &path)?;
        File::open(&folder)?.sync_all()?;
        Ok(Left::Kept(None))
    }

    fn folder(&self, origin: &str) -> PathBuf {
        // An origin is of `[a-z0-9./_-]`; a slash is the only thing in it that a file's name cannot hold.
        self.directory.join(origin.replace('/', "+"))
    }

    fn unreachable(&self, error: std::io::Error) -> WitnessError {
        WitnessError {
            name: self.name.clone(),
            source: error.into(),
        }
    }
}

fn file(folder: &Path, size: u64) -> PathBuf {
    folder.join(format!("{size:020}.checkpoint"))
}

fn sizes(folder: &Path) -> std::io::Result<Vec<u64>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == IoErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut sizes = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let size: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_suffix(".checkpoint")?.parse().ok());
        sizes.extend(size);
    }
    sizes.sort_unstable();
    Ok(sizes)
}
