//! All versions of a tenant's key, opened, and the key of its blind indexes.

use crate::error::DomainError;
use crate::schema::{index_keys, key_stores, tenant_keys};
use bearingwall_core::CustomerId;
use bearingwall_secrets::{Aad, DataKey, IndexKey, KeyError, KeyStore, KeyStores, SecretError, SecretRef, WrappedKey};
use bearingwall_tenancy::TenantTx;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Double;
use diesel_async::RunQueryDsl;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What the digests of blind indexes and imports are derived under, of the first version of a tenant's key.
pub(crate) const INDEX_LABEL: &str = "crm.blind-index.v1";

/// The key-encryption keys: the installation's own, and those that tenants keep for themselves.
#[derive(Clone)]
pub(crate) struct KeySource {
    own: Arc<dyn KeyStore>,
    others: KeyStores,
}

impl KeySource {
    pub(crate) const fn new(own: Arc<dyn KeyStore>, others: KeyStores) -> Self {
        Self { own, others }
    }

    pub(crate) fn store(&self, kek: Option<&str>) -> Result<Arc<dyn KeyStore>, KeyError> {
        let Some(kek) = kek else {
            return Ok(Arc::clone(&self.own));
        };
        let reference: SecretRef = kek.parse().map_err(|error: SecretError| KeyError::Store(error))?;
        self.others.open(&reference)
    }
}

/// A row of `crm.tenant_keys`.
#[derive(Clone)]
pub(crate) struct StoredTenantKey {
    pub(crate) version: i32,
    pub(crate) kek: Option<String>,
    pub(crate) wrapped: WrappedKey,
    /// How long it is until new keys are put under it; negative since then. By the database's clock, which is everybody's.
    pub(crate) active_in_s: f64,
    /// How long ago it was made.
    pub(crate) age_s: f64,
}

/// What the tables hold of one tenant's keys.
pub(crate) struct StoredRing {
    pub(crate) tenant: Vec<StoredTenantKey>,
    /// Version, version of the tenant's key, and wrapping.
    pub(crate) index: Option<(i32, i32, Vec<u8>)>,
    /// Under which key-encryption key the tenant wants its keys, if not under the installation's.
    pub(crate) wanted: Option<String>,
}

type TenantRow = (i32, Option<String>, String, Vec<u8>, f64, f64);

pub(crate) async fn select(tx: &mut TenantTx<'_>) -> Result<StoredRing, DomainError> {
    let rows: Vec<TenantRow> = tenant_keys::table
        .order(tenant_keys::version)
        .select((
            tenant_keys::version,
            tenant_keys::kek,
            tenant_keys::kek_version,
            tenant_keys::wrapped,
            sql::<Double>("extract(epoch FROM active_from - clock_timestamp())::float8"),
            sql::<Double>("extract(epoch FROM clock_timestamp() - created_at)::float8"),
        ))
        .load(tx)
        .await
        .map_err(DomainError::Statement)?;
    let index = index_keys::table
        .order(index_keys::version.desc())
        .select((index_keys::version, index_keys::tenant_version, index_keys::wrapped))
        .first(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)?;
    let wanted: Option<Option<String>> = key_stores::table
        .order(key_stores::since.desc())
        .select(key_stores::kek)
        .first(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)?;
    let tenant = rows.into_iter().map(stored).collect();
    Ok(StoredRing {
        tenant,
        index,
        wanted: wanted.flatten(),
    })
}

/// Makes a first version of a tenant's key the one that there is, unless another process was faster.
pub(crate) async fn insert_first(
    tx: &mut TenantTx<'_>,
    kek: Option<String>,
    candidate: WrappedKey,
) -> Result<StoredRing, DomainError> {
    diesel::insert_into(tenant_keys::table)
        .values((
            tenant_keys::version.eq(1),
            tenant_keys::kek.eq(kek),
            tenant_keys::kek_version.eq(candidate.kek_version),
            tenant_keys::wrapped.eq(candidate.bytes),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map_err(DomainError::Statement)?;
    select(tx).await
}

fn stored((version, kek, kek_version, bytes, active_in_s, age_s): TenantRow) -> StoredTenantKey {
    StoredTenantKey {
        version,
        kek,
        wrapped: WrappedKey { kek_version, bytes },
        active_in_s,
        age_s,
    }
}

/// The keys of one tenant, opened.
pub(crate) struct KeyRing {
    versions: BTreeMap<i32, Version>,
    index: IndexKey,
}

struct Version {
    key: DataKey,
    active_at: Option<Instant>,
}

impl KeyRing {
    pub(crate) async fn open(
        customer: CustomerId,
        source: &KeySource,
        stored: StoredRing,
    ) -> Result<Self, DomainError> {
        let now = Instant::now();
        let mut versions = BTreeMap::new();
        for row in &stored.tenant {
            let key = source.store(row.kek.as_deref())?.unwrap(customer, &row.wrapped).await?;
            let wait = Duration::try_from_secs_f64(row.active_in_s.max(0.0)).unwrap_or(Duration::MAX);
            let active_at = now.checked_add(wait);
            versions.insert(row.version, Version { key, active_at });
        }
        let index = index_key(customer, &versions, stored.index.as_ref())?;
        Ok(Self { versions, index })
    }

    /// With one version: for what was exported.
    pub(crate) fn of_versions(
        customer: CustomerId,
        keys: Vec<(i32, DataKey)>,
        index: Option<&(i32, i32, Vec<u8>)>,
    ) -> Result<Self, DomainError> {
        let active_at = Some(Instant::now());
        let versions = keys
            .into_iter()
            .map(|(version, key)| (version, Version { key, active_at }))
            .collect();
        let index = index_key(customer, &versions, index)?;
        Ok(Self { versions, index })
    }

    /// The newest version that is active: what is wrapped now is wrapped under it.
    pub(crate) fn current(&self) -> Result<(i32, &DataKey), DomainError> {
        let now = Instant::now();
        self.versions
            .iter()
            .rev()
            .find(|(_, version)| version.active_at.is_some_and(|at| at <= now))
            .map(|(number, version)| (*number, &version.key))
            .ok_or(DomainError::Unreadable)
    }

    pub(crate) fn version(&self, number: i32) -> Result<&DataKey, DomainError> {
        let version = self.versions.get(&number);
        version.map(|version| &version.key).ok_or(DomainError::Unreadable)
    }

    pub(crate) const fn index(&self) -> &IndexKey {
        &self.index
    }
}

/// As it is stored; or, before the first rotation has stored it, as the first version of the tenant's key gives it.
fn index_key(
    customer: CustomerId,
    versions: &BTreeMap<i32, Version>,
    stored: Option<&(i32, i32, Vec<u8>)>,
) -> Result<IndexKey, DomainError> {
    let of = |number: i32| versions.get(&number).ok_or(DomainError::Unreadable);
    match stored {
        Some((version, tenant_version, wrapped)) => {
            let place = index_place(customer, *version);
            Ok(of(*tenant_version)?.key.unwrap_index(wrapped, &place)?)
        }
        None => Ok(of(1)?.key.index_key(INDEX_LABEL)),
    }
}

pub(crate) fn index_place(customer: CustomerId, version: i32) -> Aad {
    Aad {
        table: "crm.index_keys",
        column: "wrapped",
        customer,
        row: Uuid::from_u128(u128::from(version.unsigned_abs())),
    }
}
