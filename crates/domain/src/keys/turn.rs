//! Keys that turn: a new version of a tenant's key, what was under the old one put under the new one, the old one destroyed; and
//! the tenant's key itself under the key-encryption key that it should be under.
//!
//! All of it is a worker's job inside the tenant. The application's own login changes no key: injected SQL would take data with
//! it.

use crate::error::DomainError;
use crate::keys::ring::{self, StoredRing, StoredTenantKey};
use crate::keys::{INDEX_LABEL, KeyRing, KeySource, client_place, index_place};
use crate::schema::{client_keys, index_keys, tenant_keys};
use bearingwall_core::{ClientId, CustomerId};
use bearingwall_secrets::{DataKey, KeyStore, KeyStores, WrappedKey};
use bearingwall_tenancy::TenantTx;
use bearingwall_tenancy::jobs::{self, JobPool};
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Array, Binary, Double, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How long a job on keys may take before another worker takes it.
const LEASE: Duration = Duration::from_secs(300);

/// When keys turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnOptions {
    /// The age at which a tenant's key gets a new version; `None` is never by itself.
    pub rotate_after: Option<Duration>,
    /// How long after it is made a version is put to use. It must be longer than any server remembers a tenant's keys: then
    /// each has heard of the version before it meets anything under it.
    pub activate_after: Duration,
    /// How long the next version has been in use before an old one is destroyed. It must be longer than any server remembers
    /// a tenant's keys, too.
    pub destroy_after: Duration,
    /// Clients' keys that one job puts under the new version.
    pub batch: i64,
}

impl Default for TurnOptions {
    /// Ninety days; ten minutes each; 500 keys.
    fn default() -> Self {
        Self {
            rotate_after: Some(Duration::from_secs(90 * 86_400)),
            activate_after: Duration::from_secs(600),
            destroy_after: Duration::from_secs(600),
            batch: 500,
        }
    }
}

/// What is to be done with a tenant's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyWork {
    /// Whatever is due.
    Turn,
    /// A new version now, and whatever is due.
    Rotate,
    /// Opening every key once.
    Verify,
}

impl KeyWork {
    /// The kind of job, in the queue's words.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Turn => "keys.turn",
            Self::Rotate => "keys.rotate",
            Self::Verify => "keys.verify",
        }
    }

    fn of(kind: &str) -> Option<Self> {
        [Self::Turn, Self::Rotate, Self::Verify]
            .into_iter()
            .find(|work| work.kind() == kind)
    }
}

/// What was done with one tenant's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turned {
    /// Whose keys.
    pub customer: CustomerId,
    /// The version of the tenant's key that was made.
    pub made: Option<i32>,
    /// Versions that were put under another key-encryption key, or another version of it.
    pub moved: u64,
    /// Clients' keys that were put under the newest active version.
    pub rewrapped: u64,
    /// Clients' keys that are under an older version still.
    pub left: u64,
    /// Versions that were destroyed.
    pub destroyed: Vec<i32>,
    /// Keys that were opened, where that was asked for.
    pub opened: u64,
    /// Keys that did not open.
    pub refused: u64,
}

/// Does what is due with tenants' keys.
#[derive(Clone)]
pub struct KeyTurner {
    source: KeySource,
    options: TurnOptions,
}

impl fmt::Debug for KeyTurner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyTurner")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl KeyTurner {
    /// With the installation's key-encryption key, and the kinds of store in which tenants may keep one of their own.
    #[must_use]
    pub fn new(own: Arc<dyn KeyStore>, others: KeyStores, options: TurnOptions) -> Self {
        Self {
            source: KeySource::new(own, others),
            options,
        }
    }

    /// Leases one job of these kinds and does it; `None` when there is none.
    ///
    /// # Errors
    /// When the database or a key store is away, or a key does not open: the job waits then, and is tried again.
    pub async fn next(&self, queue: &JobPool, works: &[KeyWork]) -> Result<Option<Turned>, DomainError> {
        let kinds: Vec<&str> = works.iter().map(|work| work.kind()).collect();
        let Some(job) = queue.lease(&kinds, LEASE).await? else {
            return Ok(None);
        };
        let work = KeyWork::of(job.kind()).unwrap_or(KeyWork::Turn);
        let turned = queue
            .run(job, async |tx: &mut TenantTx<'_>| {
                let turned = self.work(tx, work).await?;
                if turned.left > 0 && work != KeyWork::Verify {
                    let next = Uuid::now_v7();
                    jobs::enqueue(tx, next, KeyWork::Turn.kind(), OffsetDateTime::now_utc())
                        .await
                        .map_err(DomainError::Statement)?;
                }
                Ok::<_, DomainError>(turned)
            })
            .await?;
        Ok(Some(turned))
    }

    async fn work(&self, tx: &mut TenantTx<'_>, work: KeyWork) -> Result<Turned, DomainError> {
        let customer: Uuid = diesel::select(sql::<SqlUuid>("tenancy.current_customer_id()"))
            .get_result(tx)
            .await
            .map_err(DomainError::Statement)?;
        let mut turned = Turned {
            customer: CustomerId::from_uuid(customer),
            made: None,
            moved: 0,
            rewrapped: 0,
            left: 0,
            destroyed: Vec::new(),
            opened: 0,
            refused: 0,
        };
        let stored = ring::select(tx).await?;
        // A tenant that never stored anything has no key.
        let Some(newest) = stored.tenant.last().cloned() else {
            return Ok(turned);
        };
        if work == KeyWork::Verify {
            self.verify(tx, stored, &mut turned).await?;
            return Ok(turned);
        }
        let store = self.source.store(stored.wanted.as_deref())?;
        turned.moved = self.move_keks(tx, &turned, &stored, store.as_ref()).await?;
        let due = self
            .options
            .rotate_after
            .is_some_and(|after| newest.age_s >= after.as_secs_f64());
        // Not on top of one that nobody uses yet.
        if (work == KeyWork::Rotate || due) && newest.active_in_s <= 0.0 {
            turned.made = Some(
                self.make(tx, &turned, &stored, newest.version + 1, store.as_ref())
                    .await?,
            );
        }
        let stored = ring::select(tx).await?;
        let (tenant, indexed) = (stored.tenant.clone(), stored.index.clone());
        let ring = KeyRing::open(turned.customer, &self.source, stored).await?;
        keep_index(tx, turned.customer, &ring, indexed).await?;
        turned.rewrapped = self.rewrap(tx, turned.customer, &ring).await?;
        turned.left = count_old(tx, ring.current()?.0).await?;
        if turned.left == 0 {
            turned.destroyed = self.destroy(tx, &ring, &tenant).await?;
        }
        Ok(turned)
    }

    /// Puts versions under the key-encryption key that the tenant wants, in the version that this has now.
    // CONTROL: SEC-5
    async fn move_keks(
        &self,
        tx: &mut TenantTx<'_>,
        turned: &Turned,
        stored: &StoredRing,
        store: &dyn KeyStore,
    ) -> Result<u64, DomainError> {
        let current = store.current_version().await?;
        let mut moved = 0;
        for row in &stored.tenant {
            if row.kek == stored.wanted && row.wrapped.kek_version == current {
                continue;
            }
            let from = self.source.store(row.kek.as_deref())?;
            let key = from.unwrap(turned.customer, &row.wrapped).await?;
            let again = wrap(store, turned.customer, &key).await?;
            let changed = diesel::update(
                tenant_keys::table
                    .filter(tenant_keys::version.eq(row.version))
                    .filter(tenant_keys::wrapped.eq(&row.wrapped.bytes)),
            )
            .set((
                tenant_keys::kek.eq(&stored.wanted),
                tenant_keys::kek_version.eq(again.kek_version),
                tenant_keys::wrapped.eq(again.bytes),
            ))
            .execute(tx)
            .await
            .map_err(DomainError::Statement)?;
            moved += changed as u64;
        }
        Ok(moved)
    }

    async fn make(
        &self,
        tx: &mut TenantTx<'_>,
        turned: &Turned,
        stored: &StoredRing,
        version: i32,
        store: &dyn KeyStore,
    ) -> Result<i32, DomainError> {
        let wrapped = wrap(store, turned.customer, &DataKey::generate()?).await?;
        let wait = self.options.activate_after.as_secs_f64();
        diesel::insert_into(tenant_keys::table)
            .values((
                tenant_keys::version.eq(version),
                tenant_keys::kek.eq(&stored.wanted),
                tenant_keys::kek_version.eq(wrapped.kek_version),
                tenant_keys::wrapped.eq(wrapped.bytes),
                tenant_keys::active_from.eq(sql::<Timestamptz>("clock_timestamp() + make_interval(secs => ")
                    .bind::<Double, _>(wait)
                    .sql(")")),
            ))
            .execute(tx)
            .await
            .map_err(DomainError::Statement)?;
        Ok(version)
    }

    /// A batch of clients' keys, and the key of the blind indexes.
    async fn rewrap(&self, tx: &mut TenantTx<'_>, customer: CustomerId, ring: &KeyRing) -> Result<u64, DomainError> {
        let (version, key) = ring.current()?;
        let old: Vec<(Uuid, i32, Vec<u8>)> = client_keys::table
            .filter(client_keys::tenant_version.lt(version))
            .order(client_keys::client_id)
            .limit(self.options.batch)
            .select((
                client_keys::client_id,
                client_keys::tenant_version,
                client_keys::wrapped,
            ))
            .load(tx)
            .await
            .map_err(DomainError::Statement)?;
        if old.is_empty() {
            return Ok(0);
        }
        let (mut ids, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for (id, under, wrapped) in old {
            let place = client_place(customer, ClientId::from_uuid(id));
            let client = ring.version(under)?.unwrap(&wrapped, &place)?;
            after.push(key.wrap(&client, &place)?);
            ids.push(id);
            before.push(wrapped);
        }
        replace(tx, version, ids, before, after).await
    }

    /// Versions before the one in use, once that has been in use for long enough and nothing is under them.
    // CONTROL: SEC-5
    async fn destroy(
        &self,
        tx: &mut TenantTx<'_>,
        ring: &KeyRing,
        stored: &[StoredTenantKey],
    ) -> Result<Vec<i32>, DomainError> {
        let (current, _) = ring.current()?;
        let in_use_s = stored
            .iter()
            .find(|row| row.version == current)
            .map_or(0.0, |row| -row.active_in_s);
        if in_use_s < self.options.destroy_after.as_secs_f64() {
            return Ok(Vec::new());
        }
        // SECURITY: the foreign keys refuse this for a version that anything is under, whatever was counted here.
        diesel::delete(tenant_keys::table.filter(tenant_keys::version.lt(current)))
            .returning(tenant_keys::version)
            .get_results(tx)
            .await
            .map_err(DomainError::Statement)
    }

    async fn verify(&self, tx: &mut TenantTx<'_>, stored: StoredRing, turned: &mut Turned) -> Result<(), DomainError> {
        let versions = stored.tenant.len() as u64;
        let newest = stored.tenant.last().map_or(0, |row| row.version);
        let ring = KeyRing::open(turned.customer, &self.source, stored).await?;
        turned.opened = versions + 1;
        let mut after = Uuid::nil();
        loop {
            let page: Vec<(Uuid, i32, Vec<u8>)> = client_keys::table
                .filter(client_keys::client_id.gt(after))
                .order(client_keys::client_id)
                .limit(self.options.batch)
                .select((
                    client_keys::client_id,
                    client_keys::tenant_version,
                    client_keys::wrapped,
                ))
                .load(tx)
                .await
                .map_err(DomainError::Statement)?;
            let Some((last, ..)) = page.last() else {
                break;
            };
            after = *last;
            for (id, under, wrapped) in &page {
                let place = client_place(turned.customer, ClientId::from_uuid(*id));
                match ring.version(*under).map(|key| key.unwrap(wrapped, &place)) {
                    Ok(Ok(_)) => turned.opened += 1,
                    _ => turned.refused += 1,
                }
            }
        }
        turned.left = count_old(tx, newest).await?;
        Ok(())
    }
}

/// Wrapped, and opened again before anything relies on it.
async fn wrap(store: &dyn KeyStore, customer: CustomerId, key: &DataKey) -> Result<WrappedKey, DomainError> {
    let wrapped = store.wrap(customer, key).await?;
    if store.unwrap(customer, &wrapped).await?.bytes() == key.bytes() {
        Ok(wrapped)
    } else {
        Err(DomainError::Unreadable)
    }
}

/// The key of the blind indexes came from the first version of the tenant's key, and must outlive it.
async fn keep_index(
    tx: &mut TenantTx<'_>,
    customer: CustomerId,
    ring: &KeyRing,
    stored: Option<(i32, i32, Vec<u8>)>,
) -> Result<(), DomainError> {
    let (current, key) = ring.current()?;
    let version = stored.as_ref().map_or(1, |(version, ..)| *version);
    let place = index_place(customer, version);
    match stored {
        None => {
            let wrapped = key.wrap_index(&ring.version(1)?.index_key(INDEX_LABEL), &place)?;
            diesel::insert_into(index_keys::table)
                .values((
                    index_keys::version.eq(version),
                    index_keys::tenant_version.eq(current),
                    index_keys::wrapped.eq(wrapped),
                ))
                .execute(tx)
                .await
        }
        Some((_, under, _)) if under < current => {
            let wrapped = key.wrap_index(ring.index(), &place)?;
            diesel::update(index_keys::table.filter(index_keys::version.eq(version)))
                .set((index_keys::tenant_version.eq(current), index_keys::wrapped.eq(wrapped)))
                .execute(tx)
                .await
        }
        Some(_) => return Ok(()),
    }
    .map(drop)
    .map_err(DomainError::Statement)
}

async fn count_old(tx: &mut TenantTx<'_>, version: i32) -> Result<u64, DomainError> {
    let old: i64 = client_keys::table
        .filter(client_keys::tenant_version.lt(version))
        .count()
        .get_result(tx)
        .await
        .map_err(DomainError::Statement)?;
    Ok(old.unsigned_abs())
}

/// One statement for the batch. A row that has changed since it was read is left for the next one.
#[expect(
    clippy::disallowed_methods,
    reason = "an update from arrays, which the query builder does not have"
)]
async fn replace(
    tx: &mut TenantTx<'_>,
    version: i32,
    ids: Vec<Uuid>,
    before: Vec<Vec<u8>>,
    after: Vec<Vec<u8>>,
) -> Result<u64, DomainError> {
    let update = diesel::sql_query(
        "UPDATE crm.client_keys k SET tenant_version = $1, wrapped = n.after
           FROM unnest($2, $3, $4) AS n (client_id, before, after) WHERE k.client_id = n.client_id AND k.wrapped = n.before",
    )
    .bind::<Integer, _>(version)
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Array<Binary>, _>(before)
    .bind::<Array<Binary>, _>(after);
    let changed = update.execute(tx).await.map_err(DomainError::Statement)?;
    Ok(changed as u64)
}
