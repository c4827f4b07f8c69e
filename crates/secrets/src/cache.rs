//! Where a tenant's unwrapped keys stay: in memory, for a bounded time.

use bearingwall_core::CustomerId;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many keys are kept in memory, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// The most keys kept; at least one.
    pub capacity: usize,
    /// How long a key is used before the key store is asked again: the bound on how long a revoked key still works.
    pub time_to_live: Duration,
}

impl Default for CacheOptions {
    /// 1,024 tenants, five minutes.
    fn default() -> Self {
        Self {
            capacity: 1024,
            time_to_live: Duration::from_secs(300),
        }
    }
}

/// Tenants' keys (`K`: a [`DataKey`](crate::DataKey), or all versions of one), unwrapped at need and kept for a bounded time.
pub struct TenantKeyCache<K> {
    options: CacheOptions,
    keys: Mutex<HashMap<CustomerId, Cached<K>>>,
}

struct Cached<K> {
    key: Arc<K>,
    expires_at: Instant,
}

impl<K> TenantKeyCache<K> {
    /// An empty cache.
    #[must_use]
    pub fn new(options: CacheOptions) -> Self {
        Self {
            options,
            keys: Mutex::new(HashMap::new()),
        }
    }

    /// The tenant's key. Where it is not cached, `load` brings it unwrapped; two requests that miss at the same time both
    /// do, and either result serves.
    ///
    /// # Errors
    ///
    /// What `load` returns. Nothing is cached then.
    pub async fn tenant_key<E>(
        &self,
        customer: CustomerId,
        load: impl AsyncFnOnce() -> Result<K, E>,
    ) -> Result<Arc<K>, E> {
        let asked_at = Instant::now();
        if let Some(key) = self.lookup(customer, asked_at) {
            return Ok(key);
        }
        let key = Arc::new(load().await?);
        // From before it was loaded on: what is remembered is never older than the time to live.
        self.insert(customer, Arc::clone(&key), asked_at);
        Ok(key)
    }

    /// Drops a tenant's key, after it was rotated or destroyed. Requests that already hold it finish with it.
    pub fn forget(&self, customer: CustomerId) {
        self.lock().remove(&customer);
    }

    fn lookup(&self, customer: CustomerId, now: Instant) -> Option<Arc<K>> {
        let mut keys = self.lock();
        match keys.get(&customer) {
            Some(cached) if cached.expires_at > now => Some(Arc::clone(&cached.key)),
            Some(_) => {
                keys.remove(&customer);
                None
            }
            None => None,
        }
    }

    fn insert(&self, customer: CustomerId, key: Arc<K>, now: Instant) {
        let mut keys = self.lock();
        if keys.len() >= self.options.capacity && !keys.contains_key(&customer) {
            keys.retain(|_, cached| cached.expires_at > now);
        }
        if keys.len() >= self.options.capacity && !keys.contains_key(&customer) {
            let soonest = keys
                .iter()
                .min_by_key(|(_, cached)| cached.expires_at)
                .map(|(customer, _)| *customer);
            soonest.and_then(|customer| keys.remove(&customer));
        }
        keys.insert(
            customer,
            Cached {
                key,
                expires_at: now + self.options.time_to_live,
            },
        );
    }

    /// A panic elsewhere leaves the map whole: each change is one call on it.
    fn lock(&self) -> MutexGuard<'_, HashMap<CustomerId, Cached<K>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> fmt::Debug for TenantKeyCache<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantKeyCache")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DataKey, KeyError};
    use uuid::Uuid;

    fn customer(number: u128) -> CustomerId {
        CustomerId::from_uuid(Uuid::from_u128(number))
    }

    #[tokio::test]
    async fn a_key_is_loaded_once_until_it_is_forgotten() {
        let cache = TenantKeyCache::new(CacheOptions::default());
        let mut loads = 0;
        for _ in 0..3 {
            let load = async || {
                loads += 1;
                DataKey::generate()
            };
            cache.tenant_key(customer(1), load).await.unwrap();
        }
        assert_eq!(loads, 1);
        cache.forget(customer(1));
        assert!(cache.lookup(customer(1), Instant::now()).is_none());
    }

    #[tokio::test]
    async fn a_failed_load_is_not_cached() {
        let cache = TenantKeyCache::new(CacheOptions::default());
        let failed = cache.tenant_key(customer(1), async || Err(KeyError::Refused)).await;
        assert!(matches!(failed, Err::<Arc<DataKey>, _>(KeyError::Refused)));
        assert!(
            cache
                .tenant_key(customer(1), async || DataKey::generate())
                .await
                .is_ok()
        );
    }

    #[test]
    fn a_key_expires_and_the_cache_stays_bounded() {
        let options = CacheOptions {
            capacity: 2,
            time_to_live: Duration::from_secs(60),
        };
        let cache = TenantKeyCache::new(options);
        let key = Arc::new(DataKey::generate().unwrap());
        let start = Instant::now();
        for second in 0..5 {
            cache.insert(
                customer(u128::from(second)),
                Arc::clone(&key),
                start + Duration::from_secs(second),
            );
        }
        assert_eq!(cache.lock().len(), 2);
        assert!(cache.lookup(customer(4), start + Duration::from_secs(63)).is_some());
        assert!(
            cache.lookup(customer(4), start + Duration::from_secs(64)).is_none(),
            "expired"
        );
        assert!(
            cache.lookup(customer(0), start).is_none(),
            "the one that expires first gave way"
        );
    }
}
