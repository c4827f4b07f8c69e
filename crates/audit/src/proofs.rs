//! What a tenant proves to itself and to others over its own log: checkpoints, and proofs that lead to them.

use crate::access::Details;
use crate::error::AuditError;
use crate::examination::{EVENTS, Examined, Look, RecordedEvent};
use crate::log::AuditLog;
use crate::record::Single;
use crate::rows::{COLUMNS, Row};
use bearingwall_core::{Ctx, EventId};
use bearingwall_events::EventType;
use bearingwall_tlog::Hash;
use bearingwall_tlog::merkle::{Node, Plan, StoredRun};
use bearingwall_tlog::note::{Note, NoteSignature};
use bearingwall_tlog::proof::LogProof;
use bearingwall_tlog::tile::{TILE_WIDTH, Tile};
use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bytea, Nullable, SmallInt, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use uuid::Uuid;

/// Checkpoints, as the resource of an event.
const CHECKPOINTS: &str = "audit.checkpoints";

/// The newest checkpoint with what witnesses answered to it, and the leaf of one event, if one is asked for: the first,
/// where an id stands in the record more than once.
const NEWEST: &str = "
    SELECT c.tree_size, c.note,
           (SELECT l.leaf_index FROM audit.leaves l WHERE l.customer_id = c.customer_id AND l.event_id = $1 ORDER BY l.leaf_index LIMIT 1) AS leaf_index,
           ARRAY(SELECT w.cosignature FROM audit.witnessed w WHERE w.customer_id = c.customer_id AND w.tree_size = c.tree_size
                    AND w.cosignature IS NOT NULL ORDER BY w.witness) AS cosignatures
      FROM audit.checkpoints c ORDER BY c.tree_size DESC LIMIT 1";

/// All kept hashes that a proof needs, in one statement.
const HASHES: &str = "
    SELECT r.place, h.hash
      FROM unnest($1, $2, $3) WITH ORDINALITY r (level, first, past, place)
     CROSS JOIN LATERAL (
        SELECT l.leaf_index AS position, l.hash FROM audit.leaves l
         WHERE r.level = 0 AND l.leaf_index >= r.first AND l.leaf_index < r.past
        UNION ALL
        SELECT n.node_index, n.hash FROM audit.nodes n
         WHERE r.level > 0 AND n.level = r.level AND n.node_index >= r.first AND n.node_index < r.past) h
     ORDER BY r.place, h.position";

#[derive(QueryableByName)]
struct Newest {
    #[diesel(sql_type = BigInt)]
    tree_size: i64,
    #[diesel(sql_type = Text)]
    note: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    leaf_index: Option<i64>,
    #[diesel(sql_type = Array<Text>)]
    cosignatures: Vec<String>,
}

#[derive(QueryableByName)]
struct KeptHash {
    #[diesel(sql_type = BigInt)]
    place: i64,
    #[diesel(sql_type = Bytea)]
    hash: Vec<u8>,
}

/// The events of some leaves, in the order of the leaves.
fn entries_of_leaves() -> String {
    format!(
        "SELECT {COLUMNS}, l.leaf_index FROM audit.leaves l \
           JOIN audit.events e ON e.customer_id = l.customer_id AND e.recorded_at = l.recorded_at AND e.event_id = l.event_id \
          WHERE l.leaf_index >= $1 AND l.leaf_index < $2 ORDER BY l.leaf_index"
    )
}

/// Which leaf of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// By its index, which names exactly one.
    Leaf(u64),
    /// By the id of its event; the first, where an id stands in the record more than once.
    Event(EventId),
}

/// A proof that a tree only grew (RFC 6962 section 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Leaves of the earlier tree.
    pub from: u64,
    /// Leaves of the later one.
    pub to: u64,
    /// The hashes; none when the earlier tree is empty or the later one itself.
    pub hashes: Vec<Hash>,
}

const fn malformed(what: &'static str) -> AuditError {
    AuditError::Malformed { what }
}

impl AuditLog {
    /// The newest signed checkpoint of the tenant's log (C2SP tlog-checkpoint), cosignatures included.
    ///
    /// # Errors
    /// [`AuditError::NotSealed`] if nothing is sealed yet; when the record cannot be read or written.
    pub async fn checkpoint_latest(&self, ctx: &Ctx) -> Result<Note, AuditError> {
        let proving = self.proving(ctx, None);
        self.examined(ctx, proving, async |tx: &mut Look<'_, '_>| {
            Ok(Examined::found(1, newest(tx, None).await?.note()?))
        })
        .await
    }

    /// The proof that an event is in the tree of the newest checkpoint (C2SP tlog-proof).
    ///
    /// # Errors
    /// [`AuditError::NotSealed`] if the tenant has no such event or it is not sealed yet; [`AuditError::OutsideTree`] for a
    /// leaf beyond the newest checkpoint; when the record cannot be read or written.
    pub async fn inclusion_proof(&self, ctx: &Ctx, place: Place) -> Result<LogProof, AuditError> {
        let event = match place {
            Place::Event(event) => Some(event.as_uuid()),
            Place::Leaf(_) => None,
        };
        let proving = self.proving(ctx, event);
        self.examined(ctx, proving, async |tx: &mut Look<'_, '_>| {
            let newest = newest(tx, event).await?;
            let size = newest.size()?;
            let index = match place {
                Place::Leaf(index) => index,
                Place::Event(_) => {
                    let index = newest.leaf_index.ok_or(AuditError::NotSealed { what: "event" })?;
                    u64::try_from(index).map_err(|_| malformed("a leaf"))?
                }
            };
            let plan = Plan::inclusion(index, size).map_err(|_| AuditError::OutsideTree { size })?;
            let proof = LogProof {
                extra: None,
                index,
                hashes: carry_out(tx, &plan).await?,
                checkpoint: newest.note()?,
            };
            Ok(Examined::found(1, proof))
        })
        .await
    }

    /// The proof that the tree of `from` leaves is the beginning of that of `to`, or of the newest checkpoint's.
    ///
    /// # Errors
    /// [`AuditError::NotSealed`] if nothing is sealed yet; [`AuditError::OutsideTree`] unless `from <= to` and `to` is at
    /// most the newest checkpoint's size; when the record cannot be read or written.
    pub async fn consistency_proof(
        &self,
        ctx: &Ctx,
        from: u64,
        to: Option<u64>,
    ) -> Result<ConsistencyProof, AuditError> {
        let proving = self.proving(ctx, None);
        self.examined(ctx, proving, async |tx: &mut Look<'_, '_>| {
            let size = newest(tx, None).await?.size()?;
            let to = to.unwrap_or(size);
            let outside = AuditError::OutsideTree { size };
            if to > size {
                return Err(outside);
            }
            let plan = Plan::consistency(from, to).map_err(|_| outside)?;
            let hashes = carry_out(tx, &plan).await?;
            Ok(Examined::found(1, ConsistencyProof { from, to, hashes }))
        })
        .await
    }

    /// A tile of the log's tree (C2SP tlog-tiles): as many hashes as it is wide.
    ///
    /// # Errors
    /// [`AuditError::NotSealed`] if the newest checkpoint's tree has no such tile, or not as wide yet; when the record cannot
    /// be read or written.
    pub async fn tile(&self, ctx: &Ctx, tile: Tile) -> Result<Vec<Hash>, AuditError> {
        let proving = self.proving(ctx, None);
        self.examined(ctx, proving, async |tx: &mut Look<'_, '_>| {
            within(tx, tile).await?;
            let (first, past) = bounds(tile.index(), tile.width())?;
            let hashes = kept(tx, &[(i16::from(tile.level()), first, past)]).await?.pop();
            let hashes = hashes.ok_or_else(|| malformed("a hash of the tree"))?;
            if hashes.len() != usize::from(tile.width()) {
                return Err(malformed("a hash of the tree"));
            }
            Ok(Examined::found(1, hashes))
        })
        .await
    }

    /// The events of a tile of level 0, in the order of their leaves (C2SP tlog-tiles, entry bundles): the canonical form of
    /// each is its entry.
    ///
    /// # Errors
    /// As [`AuditLog::tile`]; [`AuditError::NotSealed`] where a month was retired: its leaves prove on, its events are gone.
    // CONTROL: AUD-4
    pub async fn entries(&self, ctx: &Ctx, tile: Tile) -> Result<Vec<RecordedEvent>, AuditError> {
        let reading = self.examining(ctx, EventType::AuditRead, EVENTS, None);
        self.examined(ctx, reading, async |tx: &mut Look<'_, '_>| {
            within(tx, tile).await?;
            let (first, past) = bounds(tile.index(), tile.width())?;
            let events = entries(tx, first, past).await?;
            if events.len() != usize::from(tile.width()) {
                return Err(AuditError::NotSealed { what: "event" });
            }
            Ok(Examined::found(events.len(), events))
        })
        .await
    }

    fn proving(&self, ctx: &Ctx, event: Option<Uuid>) -> Single {
        self.examining(ctx, EventType::AuditProven, CHECKPOINTS, None)
            .with(Details {
                resource_id: event,
                ..Details::default()
            })
    }
}

impl Newest {
    fn size(&self) -> Result<u64, AuditError> {
        u64::try_from(self.tree_size).map_err(|_| malformed("a checkpoint"))
    }

    /// The note with the cosignatures under the log's own signature.
    fn note(&self) -> Result<Note, AuditError> {
        let mut note = Note::parse(self.note.as_bytes()).map_err(|_| malformed("a checkpoint"))?;
        for line in self.cosignatures.iter().flat_map(|cosignature| cosignature.lines()) {
            match NoteSignature::parse(line) {
                Ok(signature) => note.push(signature),
                // Nobody could take it off the record again; the checkpoint is worth without it what it was.
                Err(error) => tracing::warn!(error = %error, "a cosignature on record is malformed"),
            }
        }
        Ok(note)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the record's own statement; the text is fixed and every value a bind parameter"
)]
async fn newest(tx: &mut Look<'_, '_>, event: Option<Uuid>) -> Result<Newest, AuditError> {
    let found: Vec<Newest> = diesel::sql_query(NEWEST)
        .bind::<Nullable<SqlUuid>, _>(event)
        .load(tx.tenant())
        .await
        .map_err(AuditError::Unreadable)?;
    found.into_iter().next().ok_or(AuditError::NotSealed { what: "log" })
}

/// Refuses a tile that the tree of the newest checkpoint does not have.
async fn within(tx: &mut Look<'_, '_>, tile: Tile) -> Result<(), AuditError> {
    let size = newest(tx, None).await?.size()?;
    match Tile::in_tree(tile.level(), tile.index(), size) {
        Some(there) if there.width() >= tile.width() => Ok(()),
        Some(_) | None => Err(AuditError::NotSealed { what: "tile" }),
    }
}

/// The bounds of a tile's hashes in their level, as the database counts.
fn bounds(index: u64, width: u16) -> Result<(i64, i64), AuditError> {
    let first = index.checked_mul(u64::from(TILE_WIDTH));
    let past = first.and_then(|first| first.checked_add(u64::from(width)));
    match (first.map(i64::try_from), past.map(i64::try_from)) {
        (Some(Ok(first)), Some(Ok(past))) => Ok((first, past)),
        _ => Err(AuditError::NotSealed { what: "tile" }),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the record's own statement; the text is fixed and every value a bind parameter"
)]
async fn entries(tx: &mut Look<'_, '_>, first: i64, past: i64) -> Result<Vec<RecordedEvent>, AuditError> {
    let rows: Vec<Row> = diesel::sql_query(entries_of_leaves())
        .bind::<BigInt, _>(first)
        .bind::<BigInt, _>(past)
        .load(tx.tenant())
        .await
        .map_err(AuditError::Unreadable)?;
    rows.into_iter().map(RecordedEvent::try_from).collect()
}

/// Reads what a plan needs and assembles it: at most 128 kept hashes for each of its subtrees.
async fn carry_out(tx: &mut Look<'_, '_>, plan: &Plan) -> Result<Vec<Hash>, AuditError> {
    let missing = || malformed("a hash of the tree");
    let runs = plan
        .nodes()
        .iter()
        .map(stored)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(missing)?;
    let places: Vec<_> = runs
        .iter()
        .map(|stored| (i16::from(stored.run.level), stored.first, stored.past))
        .collect();
    let found = kept(tx, &places).await?;
    let folded = runs.iter().zip(&found).map(|(stored, hashes)| stored.run.fold(hashes));
    let hashes = folded.collect::<Option<Vec<_>>>().ok_or_else(missing)?;
    plan.assemble(&hashes).map_err(|_| missing())
}

/// The kept hashes of each level between two bounds.
#[expect(
    clippy::disallowed_methods,
    reason = "the record's own statement; the text is fixed and every value a bind parameter"
)]
async fn kept(tx: &mut Look<'_, '_>, places: &[(i16, i64, i64)]) -> Result<Vec<Vec<Hash>>, AuditError> {
    let missing = || malformed("a hash of the tree");
    let mut found: Vec<Vec<Hash>> = vec![Vec::new(); places.len()];
    if places.is_empty() {
        return Ok(found);
    }
    let levels: Vec<i16> = places.iter().map(|(level, _, _)| *level).collect();
    let firsts: Vec<i64> = places.iter().map(|(_, first, _)| *first).collect();
    let pasts: Vec<i64> = places.iter().map(|(_, _, past)| *past).collect();
    let rows: Vec<KeptHash> = diesel::sql_query(HASHES)
        .bind::<Array<SmallInt>, _>(levels)
        .bind::<Array<BigInt>, _>(firsts)
        .bind::<Array<BigInt>, _>(pasts)
        .load(tx.tenant())
        .await
        .map_err(AuditError::Unreadable)?;
    for row in rows {
        let place = usize::try_from(row.place).ok().and_then(|place| place.checked_sub(1));
        let hashes = place.and_then(|place| found.get_mut(place)).ok_or_else(missing)?;
        hashes.push(Hash::from_slice(&row.hash).ok_or_else(missing)?);
    }
    Ok(found)
}

/// A run of kept hashes, and its bounds as the database counts.
struct Stored {
    run: StoredRun,
    first: i64,
    past: i64,
}

fn stored(node: &Node) -> Option<Stored> {
    let run = StoredRun::of(node)?;
    Some(Stored {
        run,
        first: i64::try_from(run.first).ok()?,
        past: i64::try_from(run.first.checked_add(run.count)?).ok()?,
    })
}
