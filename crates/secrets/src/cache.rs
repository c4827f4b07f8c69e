//! The one place where tenant keys are unwrapped: a bounded cache in front of the key store.

use crate::{DataKey, KeyError, KeyStore, WrappedKey};
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

/// Tenant keys, unwrapped at need and kept for a bounded time.
pub struct TenantKeyCache {
    store: Arc<dyn KeyStore>,
    options: CacheOptions,
    keys: Mutex<HashMap<CustomerId, Cached>>,
}

struct Cached {
    key: Arc<DataKey>,
    expires_at: Instant,
}

impl TenantKeyCache {
    /// An empty cache in front of `store`.
    #[must_use]
    pub fn new(store: Arc<dyn KeyStore>, options: CacheOptions) -> Self {
        Self {
            store,
            options,
            keys: Mutex::new(HashMap::new()),
        }
    }

    /// The tenant's key. Where it is not cached, `load` brings the wrapped one and the key store unwraps it; two
    /// requests that miss at the same time both do, and either result serves.
    ///
    /// # Errors
    ///
    /// What `load` returns, and [`KeyError`] from the key store. Nothing is cached then.
    pub async fn tenant_key<E: From<KeyError>>(
        &self,
        customer: CustomerId,
        load: impl AsyncFnOnce() -> Result<WrappedKey, E>,
    ) -> Result<Arc<DataKey>, E> {
        if let Some(key) = self.lookup(customer, Instant::now()) {
            return Ok(key);
        }
        let wrapped = load().await?;
        let key = Arc::new(self.store.unwrap(customer, &wrapped).await?);
        self.insert(customer, Arc::clone(&key), Instant::now());
        Ok(key)
    }

    /// Drops a tenant's key, after it was rotated or destroyed. Requests that already hold it finish with it.
    pub fn forget(&self, customer: CustomerId) {
        self.lock().remove(&customer);
    }

    fn lookup(&self, customer: CustomerId, now: Instant) -> Option<Arc<DataKey>> {
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

    fn insert(&self, customer: CustomerId, key: Arc<DataKey>, now: Instant) {
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
    fn lock(&self) -> MutexGuard<'_, HashMap<CustomerId, Cached>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TenantKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantKeyCache")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_core::future::BoxFuture;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use uuid::Uuid;

    /// Counts how often it is asked.
    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl KeyStore for Counting {
        fn wrap<'a>(&'a self, _: CustomerId, key: &'a DataKey) -> BoxFuture<'a, Result<WrappedKey, KeyError>> {
            Box::pin(async {
                Ok(WrappedKey {
                    kek_version: "1".to_owned(),
                    bytes: key.bytes().to_vec(),
                })
            })
        }

        fn unwrap<'a>(&'a self, _: CustomerId, wrapped: &'a WrappedKey) -> BoxFuture<'a, Result<DataKey, KeyError>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { DataKey::from_bytes(&wrapped.bytes) })
        }

        fn current_version(&self) -> BoxFuture<'_, Result<String, KeyError>> {
            Box::pin(async { Ok("1".to_owned()) })
        }
    }

    fn customer(number: u128) -> CustomerId {
        CustomerId::from_uuid(Uuid::from_u128(number))
    }

    async fn wrapped() -> Result<WrappedKey, KeyError> {
        Ok(WrappedKey {
            kek_version: "1".to_owned(),
            bytes: vec![9; 32],
        })
    }

    #[tokio::test]
    async fn a_key_is_unwrapped_once_until_it_is_forgotten() {
        let store = Arc::new(Counting::default());
        let cache = TenantKeyCache::new(store.clone(), CacheOptions::default());
        for _ in 0..3 {
            cache.tenant_key(customer(1), wrapped).await.unwrap();
        }
        assert_eq!(store.0.load(Ordering::Relaxed), 1);
        cache.forget(customer(1));
        cache.tenant_key(customer(1), wrapped).await.unwrap();
        assert_eq!(store.0.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_failed_load_is_not_cached() {
        let cache = TenantKeyCache::new(Arc::new(Counting::default()), CacheOptions::default());
        let failed = cache.tenant_key(customer(1), async || Err(KeyError::Refused)).await;
        assert!(matches!(failed, Err(KeyError::Refused)));
        assert!(cache.tenant_key(customer(1), wrapped).await.is_ok());
    }

    #[test]
    fn a_key_expires_and_the_cache_stays_bounded() {
        let options = CacheOptions {
            capacity: 2,
            time_to_live: Duration::from_secs(60),
        };
        let cache = TenantKeyCache::new(Arc::new(Counting::default()), options);
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
