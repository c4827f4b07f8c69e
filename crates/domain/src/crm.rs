//! The handle that every use-case of the CRM is called on.

use crate::error::{DomainError, Invalid};
use crate::keys::{KeyRing, KeySource};
use crate::staff::StaffSeen;
use bearingwall_audit::AuditLog;
use bearingwall_core::{Clock, IdGen, SystemClock, SystemIds};
use bearingwall_pii::Floor;
use bearingwall_secrets::{CacheOptions, KeyStore, KeyStores, TenantKeyCache};
use std::fmt;
use std::sync::Arc;
use time::{Date, Duration, OffsetDateTime};

/// Clients and chart notes of all tenants. Cloning shares it.
#[derive(Clone)]
pub struct Crm {
    inner: Arc<Inner>,
}

struct Inner {
    audit: AuditLog,
    key_source: KeySource,
    key_cache: TenantKeyCache<KeyRing>,
    staff_seen: StaffSeen,
    ids: Arc<dyn IdGen>,
    clock: Arc<dyn Clock>,
    floor: Floor,
}

/// What a test or an unusual deployment sets otherwise.
#[derive(Clone)]
pub struct CrmOptions {
    /// How long tenant keys stay in memory.
    pub key_cache: CacheOptions,
    /// The kinds of key store in which tenants may keep a key-encryption key of their own.
    pub key_stores: KeyStores,
    /// Where ids come from.
    pub ids: Arc<dyn IdGen>,
    /// Where the date comes from that a birth may not be after.
    pub clock: Arc<dyn Clock>,
    /// What every masked text is held to at the least, whatever a tenant's policy says: one floor for all that leaves.
    pub floor: Floor,
}

impl Default for CrmOptions {
    fn default() -> Self {
        Self {
            key_cache: CacheOptions::default(),
            key_stores: KeyStores::new(),
            ids: Arc::new(SystemIds),
            clock: Arc::new(SystemClock),
            floor: Floor::platform_least(),
        }
    }
}

impl fmt::Debug for CrmOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrmOptions")
            .field("key_cache", &self.key_cache)
            .finish_non_exhaustive()
    }
}

impl Crm {
    /// A CRM over this record and this key store.
    #[must_use]
    pub fn new(audit: AuditLog, key_store: Arc<dyn KeyStore>) -> Self {
        Self::with_options(audit, key_store, CrmOptions::default())
    }

    /// As [`Crm::new`], with other ids, another clock or another cache.
    #[must_use]
    pub fn with_options(audit: AuditLog, key_store: Arc<dyn KeyStore>, options: CrmOptions) -> Self {
        let key_cache = TenantKeyCache::new(options.key_cache);
        Self {
            inner: Arc::new(Inner {
                audit,
                key_source: KeySource::new(key_store, options.key_stores),
                key_cache,
                staff_seen: StaffSeen::default(),
                ids: options.ids,
                clock: options.clock,
                floor: options.floor,
            }),
        }
    }

    pub(crate) fn audit(&self) -> &AuditLog {
        &self.inner.audit
    }

    pub(crate) fn key_source(&self) -> &KeySource {
        &self.inner.key_source
    }

    pub(crate) fn key_cache(&self) -> &TenantKeyCache<KeyRing> {
        &self.inner.key_cache
    }

    pub(crate) fn staff(&self) -> &StaffSeen {
        &self.inner.staff_seen
    }

    pub(crate) fn ids(&self) -> &dyn IdGen {
        self.inner.ids.as_ref()
    }

    pub(crate) fn floor(&self) -> &Floor {
        &self.inner.floor
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.inner.clock.now()
    }

    /// The year, which tells an age over 89.
    pub(crate) fn this_year(&self) -> u16 {
        u16::try_from(self.inner.clock.now().year()).unwrap_or(u16::MAX)
    }

    /// The latest date that is today somewhere on Earth: nobody is born after it (UTC+14, Kiribati).
    pub(crate) fn latest_today(&self) -> Date {
        (self.inner.clock.now() + Duration::hours(14)).date()
    }
}

impl fmt::Debug for Crm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crm").finish_non_exhaustive()
    }
}

/// Which part of a list, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page<Id> {
    /// Only what is older than this one, which need not exist (any more).
    pub before: Option<Id>,
    /// Entries at the most: 1 to 100.
    pub limit: u16,
}

impl<Id> Page<Id> {
    /// Entries of a page that names no number.
    pub const LIMIT_DEFAULT: u16 = 50;
    /// Entries of a page at the most.
    pub const LIMIT_MAX: u16 = 100;
}

impl<Id> Default for Page<Id> {
    fn default() -> Self {
        Self {
            before: None,
            limit: Self::LIMIT_DEFAULT,
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T, Id> {
    /// The entries, newest first.
    pub items: Vec<T>,
    /// What [`Page::before`] must be for the next page; `None` on the last.
    pub next: Option<Id>,
}

/// A limit within its bounds, as the database counts.
pub(crate) fn checked_limit(limit: u16, max: u16) -> Result<i64, DomainError> {
    if (1..=max).contains(&limit) {
        Ok(i64::from(limit))
    } else {
        Err(Invalid {
            field: "limit",
            reason: "the limit of a page is out of its bounds",
        }
        .into())
    }
}

/// Cuts what was read one beyond the limit, and says where the next page begins.
pub(crate) fn cut<T, Id>(rows: &mut Vec<T>, limit: u16, id: impl Fn(&T) -> Id) -> Option<Id> {
    if rows.len() <= usize::from(limit) {
        return None;
    }
    rows.truncate(usize::from(limit));
    rows.last().map(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_one_only_if_more_was_read() {
        let mut rows = vec![3, 2, 1];
        assert_eq!(cut(&mut rows, 2, |row| *row), Some(2));
        assert_eq!(rows, [3, 2]);
        assert_eq!(cut(&mut rows, 2, |row| *row), None);
    }

    #[test]
    fn limits_have_bounds() {
        assert!(checked_limit(0, 100).is_err());
        assert!(checked_limit(101, 100).is_err());
        assert_eq!(checked_limit(100, 100).unwrap(), 100);
    }
}
