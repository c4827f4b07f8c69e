//! What arrives for the CRM: payments of invoices, and messages of clients. A worker runs it, without a person's identity, under
//! rights that are narrower than the application's.

mod access;
mod payments;
mod texts;

use crate::error::DomainError;
use crate::keys::{KeyRing, KeySource, TenantKeys, ring};
use bearingwall_connectors::arrivals::{Handler, Settled, Verdict, Work};
use bearingwall_connectors::inbox::Sender;
use bearingwall_secrets::{CacheOptions, DataKey, KeyStore, KeyStores, TenantKeyCache};
use bearingwall_tenancy::TenantTx;
use std::fmt;
use std::sync::Arc;

/// Handles what arrives for the CRM.
pub struct CrmArrivals {
    source: KeySource,
    cache: TenantKeyCache<KeyRing>,
}

impl CrmArrivals {
    /// With the key store that wraps tenants' keys, and those in which tenants may keep a key of their own.
    #[must_use]
    pub fn new(key_store: Arc<dyn KeyStore>, key_stores: KeyStores, cache: CacheOptions) -> Self {
        Self {
            source: KeySource::new(key_store, key_stores),
            cache: TenantKeyCache::new(cache),
        }
    }

    /// The tenant's keys, the first one made on first use.
    async fn keys(&self, work: &Work<'_>) -> Result<TenantKeys, DomainError> {
        let customer = work.arrived().customer;
        let load = async || Box::pin(self.load_or_create(work)).await;
        let ring = self.cache.tenant_key(customer, load).await?;
        Ok(TenantKeys::new(customer, ring))
    }

    async fn load_or_create(&self, work: &Work<'_>) -> Result<KeyRing, DomainError> {
        let customer = work.arrived().customer;
        let stored = work.ahead(async |tx: &mut TenantTx<'_>| ring::select(tx).await).await?;
        if !stored.tenant.is_empty() {
            return KeyRing::open(customer, &self.source, stored).await;
        }
        // Outside of any transaction: a key service may take its time.
        let store = self.source.store(stored.wanted.as_deref())?;
        let candidate = store.wrap(customer, &DataKey::generate()?).await?;
        let stored = work
            .ahead(async |tx: &mut TenantTx<'_>| ring::insert_first(tx, stored.wanted, candidate).await)
            .await?;
        KeyRing::open(customer, &self.source, stored).await
    }
}

impl fmt::Debug for CrmArrivals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CrmArrivals").finish_non_exhaustive()
    }
}

impl Handler for CrmArrivals {
    type Error = DomainError;

    async fn handle(&self, work: &Work<'_>) -> Result<Settled, DomainError> {
        match work.arrived().sender {
            Sender::Stripe => Box::pin(payments::handle(work)).await,
            Sender::Twilio => Box::pin(texts::handle(self, work)).await,
            Sender::GitHub | Sender::Standard => nothing(work, "", Verdict::Ignored("no-handler")).await,
        }
    }
}

/// Settles an event by which nothing is written.
async fn nothing(work: &Work<'_>, kind: &str, verdict: Verdict) -> Result<Settled, DomainError> {
    work.settle(kind, async |_: &mut TenantTx<'_>| Ok(verdict)).await
}
