//! The sealer: takes committed events in an order that no commit can upset, and adds them to their tenants' trees.

use crate::error::SealingError;
use crate::key::SealingKey;
use crate::log::{LogHead, SealedCheckpoint, as_i64, rotate};
use crate::rows;
use crate::witness::{self, Due, Left};
use bearingwall_core::{IdGen as _, SecurityEvent, SystemIds};
use bearingwall_tlog::Hash;
use bearingwall_tlog::merkle::Node;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;
use time::OffsetDateTime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Transaction};
use uuid::Uuid;

/// The advisory lock that the one active sealer of a database holds. The number is arbitrary and must not change.
const LOCK: i64 = 0x6265_6172_7365_616c;

/// Events that are hashed between two writes: bounds the memory that a long backlog takes.
const CHUNK: i32 = 5_000;

/// Months that are kept ready beyond the current one.
const MONTHS_AHEAD: i32 = 3;

/// Seals that one call of [`Sealer::maintain`] looks through for accesses without an end, so that sealing is not held up.
const SWEPT_AT_ONCE: u32 = 256;

/// How a sealer names its logs, and what it does in a quiet time.
#[derive(Clone, Debug)]
pub struct SealerOptions {
    /// What stands before `/<tenant>` in the name of each log, as `audit.example.com`. It can never change.
    pub origin: String,
    /// The key that is to hand over to the new one. Needed once, after a change of keys.
    pub previous: Option<SealingKey>,
    /// How long it may be quiet before a sign of life is written.
    pub heartbeat: Duration,
}

/// What one round brought.
#[derive(Clone, Debug, Default)]
pub struct Sealed {
    /// Events that are in the trees now and were not before.
    pub events: u64,
    /// The new checkpoints, one for each tenant that had events.
    pub checkpoints: Vec<SealedCheckpoint>,
    /// From the writing of the oldest of these events until they were sealed, by the database's clock.
    pub window: Duration,
    /// The trees were compared with all events, because the database's transaction ids had begun anew.
    pub caught_up: bool,
}

/// The active sealer of a database. It holds a lock for as long as its connection lives: a second one waits its turn.
pub struct Sealer {
    client: Client,
    key: SealingKey,
    options: SealerOptions,
    last_alive: Option<OffsetDateTime>,
}

impl Sealer {
    /// Takes over the sealing of this database, or gives the connection back if another sealer is at it. The connection
    /// must be the sealer's own login, and no pooler may stand between: the lock lives as long as the session.
    ///
    /// # Errors
    /// When the database does not answer, or does not take the rotation of keys.
    pub async fn take_over(
        mut client: Client,
        key: SealingKey,
        options: SealerOptions,
    ) -> Result<Result<Self, Client>, SealingError> {
        // Plans without statistics: the index over transactions is always the right one. Where there is none, the penalty for
        // scanning a table with one row passes for work that is worth compiling: `audit.next_orphan_seal()` took 42 ms, and
        // takes 0.5 ms without JIT.
        client
            .batch_execute(
                "SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan; SET timezone = 'UTC'; \
                 SET idle_in_transaction_session_timeout = '60s'; SET synchronous_commit = on",
            )
            .await
            .map_err(SealingError::Unreadable)?;
        let row = client
            .query_one("SELECT pg_try_advisory_lock($1)", &[&LOCK])
            .await
            .map_err(SealingError::Unreadable)?;
        if !row.get::<_, bool>(0) {
            return Ok(Err(client));
        }
        let mut rotated = 0;
        if let Some(previous) = &options.previous {
            let transaction = client.transaction().await.map_err(SealingError::Unreadable)?;
            rotated = rotate(&transaction, &options.origin, previous, &key).await?;
            transaction.commit().await.map_err(SealingError::Unwritten)?;
        }
        let sealer = Self {
            client,
            key,
            options,
            last_alive: None,
        };
        if rotated > 0 {
            sealer.record("sealing.key_rotated", "success", None).await?;
        }
        sealer.record("sealing.started", "success", None).await?;
        Ok(Ok(sealer))
    }

    /// Puts something that the sealer did on the record.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn record(
        &self,
        event_type: &str,
        outcome: &str,
        code: Option<(&str, Uuid)>,
    ) -> Result<(), SealingError> {
        self.client
            .execute(
                "SELECT audit.record_sealing($1, $2, $3, $4)",
                &[
                    &event_type,
                    &outcome,
                    &code.map(|(code, _)| code),
                    &code.map(|(_, customer)| customer),
                ],
            )
            .await
            .map(drop)
            .map_err(SealingError::Unwritten)
    }

    /// Puts a read of a vault on the record.
    ///
    /// # Errors
    /// When the database does not take it.
    // CONTROL: SEC-4
    pub async fn record_read(&self, event: &SecurityEvent) -> Result<(), SealingError> {
        let Some(secret) = &event.secret else {
            return Ok(());
        };
        let row: [&(dyn ToSql + Sync); 7] = [
            &SystemIds.v7(),
            &event.event_type,
            &event.outcome.as_str(),
            &event.reason,
            &event.request.as_uuid(),
            &secret.reference,
            &secret.version,
        ];
        self.client
            .execute("SELECT audit.record_secret_read($1, $2, $3, $4, $5, $6, $7)", &row)
            .await
            .map(drop)
            .map_err(SealingError::Unwritten)
    }

    /// One round: seals everything that has been committed. It reads behind the writers and holds no lock that they wait
    /// for; nothing may be published before it has returned.
    ///
    /// # Errors
    /// When anything fails nothing is sealed, and the next round does it all again.
    // CONTROL: AUD-5
    pub async fn seal(&mut self) -> Result<Sealed, SealingError> {
        let transaction = self.client.transaction().await.map_err(SealingError::Unreadable)?;
        let round = Round::open(&transaction).await?;
        let mut sealed = Sealed {
            caught_up: round.catches_up(),
            ..Sealed::default()
        };
        let mut logs = BTreeMap::new();
        let oldest = round
            .add_events(&transaction, (&self.options.origin, &self.key), &mut logs, &mut sealed)
            .await?;
        if sealed.events == 0 && !round.is_first() {
            return Ok(sealed);
        }
        round.write(&transaction, &self.key, &logs, &mut sealed).await?;
        transaction.commit().await.map_err(SealingError::Unwritten)?;
        let now = self
            .client
            .query_one("SELECT clock_timestamp()", &[])
            .await
            .map_err(SealingError::Unreadable)?;
        if let Some(oldest) = oldest {
            sealed.window = (now.get::<_, OffsetDateTime>(0) - oldest)
                .try_into()
                .unwrap_or(Duration::ZERO);
        }
        if sealed.caught_up {
            self.record("sealing.caught_up", "success", None).await?;
        }
        Ok(sealed)
    }

    /// Keeps months ready, ends what a dead server left open, and gives a sign of life in a quiet time. Answers how many
    /// accesses it ended.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn maintain(&mut self) -> Result<u64, SealingError> {
        loop {
            let ahead: i32 = self.number("SELECT audit.months_ahead()").await?;
            if ahead >= MONTHS_AHEAD {
                break;
            }
            self.client
                .execute(
                    "SELECT audit.create_partition(((now() AT TIME ZONE 'UTC') + make_interval(months => $1))::date)",
                    &[&ahead.saturating_add(1)],
                )
                .await
                .map_err(SealingError::Unwritten)?;
        }
        let mut ended = 0_u64;
        // One seal at a time; what is left waits for the next call, so that sealing is never held up for long.
        for _ in 0..SWEPT_AT_ONCE {
            let next = self
                .client
                .query_one("SELECT audit.next_orphan_seal()", &[])
                .await
                .map_err(SealingError::Unreadable)?;
            let Some(seal) = next.get::<_, Option<i64>>(0) else {
                break;
            };
            let row = self
                .client
                .query_one("SELECT audit.complete_orphans($1)", &[&seal])
                .await
                .map_err(SealingError::Unwritten)?;
            ended = ended.saturating_add(u64::try_from(row.get::<_, i32>(0)).unwrap_or(0));
        }
        let now = OffsetDateTime::now_utc();
        let quiet = self.last_alive.is_none_or(|last| now - last >= self.options.heartbeat);
        if quiet {
            self.record("sealing.alive", "success", None).await?;
            self.last_alive = Some(now);
        }
        Ok(ended)
    }

    /// The newest checkpoint of each log that a witness has not seen.
    ///
    /// # Errors
    /// When the database does not answer, or a tree lacks hashes.
    pub async fn due(&self, witness: &str) -> Result<Vec<Due>, SealingError> {
        witness::due(&self.client, witness).await
    }

    /// Notes what a witness answered; a refusal goes on the record.
    ///
    /// # Errors
    /// When the database does not take it.
    pub async fn answered(&self, due: &Due, witness: &str, left: &Left) -> Result<(), SealingError> {
        match left {
            Left::Kept(cosignature) => witness::note_kept(&self.client, due, witness, cosignature.as_deref()).await,
            Left::Refused(code) => {
                self.record("witness.refused", "failure", Some((code, due.customer)))
                    .await
            }
        }
    }

    /// The connection, for reading proofs between rounds.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    async fn number(&self, query: &str) -> Result<i32, SealingError> {
        self.client
            .query_one(query, &[])
            .await
            .map(|row| row.get(0))
            .map_err(SealingError::Unreadable)
    }
}

/// What lies between two seals.
struct Round {
    seal_id: i64,
    system_id: i64,
    snapshot: String,
    /// The snapshot of the seal before, if it counts the same transactions.
    before: Option<String>,
}

impl Round {
    async fn open(transaction: &Transaction<'_>) -> Result<Self, SealingError> {
        // The snapshot first: what is committed after it belongs to the next round.
        let row = transaction
            .query_one(
                "SELECT pg_current_snapshot()::text, (SELECT c.system_identifier FROM pg_control_system() c)",
                &[],
            )
            .await
            .map_err(SealingError::Unreadable)?;
        let (snapshot, system_id): (String, i64) = (row.get(0), row.get(1));
        let last = transaction
            .query_opt(
                "SELECT s.seal_id, s.system_id, s.snapshot::text FROM audit.seals s ORDER BY s.seal_id DESC LIMIT 1",
                &[],
            )
            .await
            .map_err(SealingError::Unreadable)?;
        Ok(match last {
            None => Self {
                seal_id: 1,
                system_id,
                snapshot,
                before: None,
            },
            Some(last) => Self {
                seal_id: last.get::<_, i64>(0).saturating_add(1),
                before: (last.get::<_, i64>(1) == system_id).then(|| last.get(2)),
                system_id,
                snapshot,
            },
        })
    }

    const fn is_first(&self) -> bool {
        self.seal_id == 1
    }

    const fn catches_up(&self) -> bool {
        self.before.is_none() && !self.is_first()
    }

    /// Reads the round's events in order and adds them to the trees of their tenants; answers when the oldest was written.
    async fn add_events(
        &self,
        transaction: &Transaction<'_>,
        (origin, key): (&str, &SealingKey),
        logs: &mut BTreeMap<Uuid, LogHead>,
        sealed: &mut Sealed,
    ) -> Result<Option<OffsetDateTime>, SealingError> {
        // Each transaction becomes visible exactly once. That no leaf is there yet is asked all the same: after a restore
        // elsewhere the ids of old events mean nothing, and may lie ahead of those to come.
        let range = match self.before {
            Some(_) => {
                "e.xid >= pg_snapshot_xmin($1::text::pg_snapshot) AND e.xid < pg_snapshot_xmax($2::text::pg_snapshot) \
                 AND NOT pg_visible_in_snapshot(e.xid, $1::text::pg_snapshot) \
                 AND pg_visible_in_snapshot(e.xid, $2::text::pg_snapshot)"
            }
            None => "$1::text IS NULL AND $2::text IS NOT NULL",
        };
        let query = format!(
            "SELECT {columns} FROM audit.events e WHERE {range} AND NOT EXISTS (SELECT FROM audit.leaves l \
             WHERE l.customer_id = e.customer_id AND l.event_id = e.event_id AND l.recorded_at = e.recorded_at) ORDER BY e.customer_id, e.xid, e.recorded_at, e.event_id",
            columns = rows::COLUMNS
        );
        let statement = transaction.prepare(&query).await.map_err(SealingError::Unreadable)?;
        let portal = transaction
            .bind(&statement, &[&self.before, &self.snapshot])
            .await
            .map_err(SealingError::Unreadable)?;
        let mut oldest: Option<OffsetDateTime> = None;
        loop {
            let rows = transaction
                .query_portal(&portal, CHUNK)
                .await
                .map_err(SealingError::Unreadable)?;
            if rows.is_empty() {
                return Ok(oldest);
            }
            let mut chunk = Chunk::default();
            for row in &rows {
                let event = rows::event(row)?;
                let log = match logs.entry(event.customer_id) {
                    Entry::Occupied(log) => log.into_mut(),
                    Entry::Vacant(place) => {
                        place.insert(LogHead::load(transaction, origin, key, event.customer_id).await?)
                    }
                };
                chunk.add(log, event.event_id, event.recorded_at, &event.canonical())?;
                oldest = Some(oldest.map_or(event.recorded_at, |at| at.min(event.recorded_at)));
            }
            sealed.events = sealed
                .events
                .saturating_add(u64::try_from(rows.len()).unwrap_or(u64::MAX));
            chunk.write(transaction).await?;
        }
    }

    /// Writes the seal and a signed checkpoint for each log that grew.
    async fn write(
        &self,
        transaction: &Transaction<'_>,
        key: &SealingKey,
        logs: &BTreeMap<Uuid, LogHead>,
        sealed: &mut Sealed,
    ) -> Result<(), SealingError> {
        transaction
            .execute(
                "INSERT INTO audit.seals (seal_id, system_id, snapshot, events) VALUES ($1, $2, $3::text::pg_snapshot, $4)",
                &[&self.seal_id, &self.system_id, &self.snapshot, &as_i64(sealed.events)?],
            )
            .await
            .map_err(SealingError::Unwritten)?;
        let (mut customers, mut sizes, mut roots) = (Vec::new(), Vec::new(), Vec::new());
        let (mut frontiers, mut notes) = (Vec::new(), Vec::new());
        for log in logs.values() {
            let note = log.sign(key)?;
            customers.push(log.customer);
            sizes.push(as_i64(log.frontier.size())?);
            roots.push(log.frontier.root().as_bytes().to_vec());
            frontiers.push(log.frontier.to_bytes());
            notes.push(note.clone());
            sealed.checkpoints.push(SealedCheckpoint {
                customer: log.customer,
                origin: log.origin.clone(),
                tree_size: log.frontier.size(),
                note,
            });
        }
        transaction
            .execute(
                "INSERT INTO audit.checkpoints (customer_id, tree_size, seal_id, root, frontier, note) \
                 SELECT c, s, $1, r, f, n FROM unnest($2::uuid[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[]) AS t (c, s, r, f, n)",
                &[&self.seal_id, &customers, &sizes, &roots, &frontiers, &notes],
            )
            .await
            .map(drop)
            .map_err(SealingError::Unwritten)
    }
}

/// Leaves and subtrees on their way to the database.
#[derive(Default)]
struct Chunk {
    customers: Vec<Uuid>,
    indices: Vec<i64>,
    events: Vec<Uuid>,
    times: Vec<OffsetDateTime>,
    hashes: Vec<Vec<u8>>,
    /// Roots of full tiles: subtrees of 2^8, 2^16, … leaves.
    nodes: Vec<(Uuid, Node, Hash)>,
}

impl Chunk {
    fn add(
        &mut self,
        log: &mut LogHead,
        event_id: Uuid,
        recorded_at: OffsetDateTime,
        line: &str,
    ) -> Result<(), SealingError> {
        let hash = Hash::leaf(line.as_bytes());
        let customer = log.customer;
        let index = log
            .frontier
            .append_with(hash, |node, root| {
                if node.is_stored() {
                    self.nodes.push((customer, node, *root));
                }
            })
            .map_err(SealingError::note)?;
        self.customers.push(customer);
        self.indices.push(as_i64(index)?);
        self.events.push(event_id);
        self.times.push(recorded_at);
        self.hashes.push(hash.as_bytes().to_vec());
        Ok(())
    }

    async fn write(self, transaction: &Transaction<'_>) -> Result<(), SealingError> {
        transaction
            .execute(
                "INSERT INTO audit.leaves (customer_id, leaf_index, event_id, recorded_at, hash) \
                 SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::timestamptz[], $5::bytea[])",
                &[&self.customers, &self.indices, &self.events, &self.times, &self.hashes],
            )
            .await
            .map_err(SealingError::Unwritten)?;
        if self.nodes.is_empty() {
            return Ok(());
        }
        let (mut customers, mut levels, mut indices, mut hashes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (customer, node, hash) in &self.nodes {
            customers.push(*customer);
            levels.push(i16::from(node.level / 8));
            indices.push(as_i64(node.index)?);
            hashes.push(hash.as_bytes().to_vec());
        }
        transaction
            .execute(
                "INSERT INTO audit.nodes (customer_id, level, node_index, hash) \
                 SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::bytea[])",
                &[&customers, &levels, &indices, &hashes],
            )
            .await
            .map(drop)
            .map_err(SealingError::Unwritten)
    }
}
