//! The key under which payloads are kept: one a tenant, apart from the keys of its records, so that a worker opens nothing else.

use crate::error::GateError;
use crate::statements;
use bearingwall_core::{Ctx, CustomerId};
use bearingwall_secrets::{Aad, CacheOptions, DataKey, KeyError, KeyStore, TenantKeyCache, WrappedKey};
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel_async::RunQueryDsl as _;
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The one version of a tenant's key of payloads until keys are rotated.
const VERSION: i32 = 1;

/// What content is digested under.
const CONTENT_LABEL: &str = "effects.content.v1";

/// How payloads are sealed and opened. A payload bears the number of its gate or effect, and opens under no other.
pub trait PayloadCipher: Send + Sync {
    /// Seals the canonical bytes of the operation with this number.
    ///
    /// # Errors
    /// [`KeyError`].
    fn seal(&self, id: Uuid, clear: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Opens what [`PayloadCipher::seal`] made for the same number.
    ///
    /// # Errors
    /// [`KeyError::Refused`] for anything else.
    fn open(&self, id: Uuid, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError>;

    /// A keyed digest of the content: equal for equal contents of one kind, and telling nothing to who lacks the key.
    fn digest(&self, kind: &str, clear: &[u8]) -> [u8; 32];

    /// Which version of the key this is, from 1.
    fn version(&self) -> i32;
}

/// [`PayloadCipher`] under a tenant's key: AES-256-GCM, bound to column, tenant and number.
pub struct TenantCipher {
    customer: CustomerId,
    key: Arc<DataKey>,
}

impl TenantCipher {
    /// The cipher of a key.
    #[must_use]
    pub const fn new(customer: CustomerId, key: Arc<DataKey>) -> Self {
        Self { customer, key }
    }

    const fn place(&self, row: Uuid) -> Aad {
        Aad {
            table: "tenancy.effects",
            column: "payload",
            customer: self.customer,
            row,
        }
    }
}

// CONTROL: GAT-7
impl PayloadCipher for TenantCipher {
    fn seal(&self, id: Uuid, clear: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.seal(&self.place(id), clear)
    }

    fn open(&self, id: Uuid, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.open(&self.place(id), sealed)
    }

    fn digest(&self, kind: &str, clear: &[u8]) -> [u8; 32] {
        self.key.index_key(CONTENT_LABEL).digest(kind, clear)
    }

    fn version(&self) -> i32 {
        VERSION
    }
}

impl fmt::Debug for TenantCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantCipher")
            .field("customer", &self.customer)
            .finish_non_exhaustive()
    }
}

/// All tenants' keys of payloads, unwrapped at need. Cloning shares it.
#[derive(Clone)]
pub struct PayloadKeys {
    store: Arc<dyn KeyStore>,
    cache: Arc<TenantKeyCache<DataKey>>,
}

impl fmt::Debug for PayloadKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PayloadKeys").finish_non_exhaustive()
    }
}

impl PayloadKeys {
    /// Keys that this store wraps.
    #[must_use]
    pub fn new(store: Arc<dyn KeyStore>, options: CacheOptions) -> Self {
        Self {
            cache: Arc::new(TenantKeyCache::new(options)),
            store,
        }
    }

    /// The cipher of the context's tenant, whose key is made on first use. Call it before the transaction that needs it: a key
    /// service may take its time.
    ///
    /// # Errors
    /// [`GateError::Key`]; when the database is away or refuses the context.
    pub async fn cipher(&self, pool: &TenantPool, ctx: &Ctx) -> Result<TenantCipher, GateError> {
        let customer = ctx.customer();
        let key = self
            .cache
            .tenant_key(customer, async || {
                let wrapped = self.load_or_create(pool, ctx).await?;
                Ok::<_, GateError>(self.store.unwrap(customer, &wrapped).await?)
            })
            .await?;
        Ok(TenantCipher::new(customer, key))
    }

    /// The cipher of a tenant whose wrapped key was read already, for a worker, which makes none.
    ///
    /// # Errors
    /// [`GateError::Key`].
    pub async fn cipher_of(&self, customer: CustomerId, wrapped: WrappedKey) -> Result<TenantCipher, GateError> {
        let key = self
            .cache
            .tenant_key(customer, async || {
                Ok::<_, GateError>(self.store.unwrap(customer, &wrapped).await?)
            })
            .await?;
        Ok(TenantCipher::new(customer, key))
    }

    /// The wrapped key of the transaction's tenant.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn wrapped(tx: &mut TenantTx<'_>) -> Result<Option<WrappedKey>, GateError> {
        let rows: Vec<(i32, String, Vec<u8>)> = statements::Key {}
            .get_results(tx)
            .await
            .map_err(GateError::from_refusal)?;
        let row = rows.into_iter().find(|(version, ..)| *version == VERSION);
        Ok(row.map(|(_, kek_version, bytes)| WrappedKey { kek_version, bytes }))
    }

    async fn load_or_create(&self, pool: &TenantPool, ctx: &Ctx) -> Result<WrappedKey, GateError> {
        let present = pool
            .run(ctx, async |tx: &mut TenantTx<'_>| Self::wrapped(tx).await)
            .await?;
        if let Some(wrapped) = present {
            return Ok(wrapped);
        }
        // Outside of any transaction.
        let candidate = self.store.wrap(ctx.customer(), &DataKey::generate()?).await?;
        // Two servers may both get here; what stands in the table afterwards is the one key of both.
        pool.run(ctx, async |tx: &mut TenantTx<'_>| {
            let offer = statements::OfferKey {
                kek_version: candidate.kek_version.clone(),
                wrapped: candidate.bytes.clone(),
            };
            let _: bool = offer.get_result(tx).await.map_err(GateError::from_refusal)?;
            Self::wrapped(tx).await?.ok_or(GateError::Malformed { what: "key" })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(customer: u128) -> TenantCipher {
        let key = DataKey::from_bytes(&[7; 32]).unwrap();
        TenantCipher::new(CustomerId::from_uuid(Uuid::from_u128(customer)), Arc::new(key))
    }

    #[test]
    fn gat_7_a_payload_opens_in_its_own_tenant_under_its_own_number_only() {
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = cipher(1).seal(id, b"{\"to\":\"ada@example.org\"}").unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"ada"));
        assert_eq!(
            cipher(1).open(id, &sealed).unwrap().as_slice(),
            b"{\"to\":\"ada@example.org\"}"
        );
        assert!(cipher(1).open(other, &sealed).is_err());
        assert!(cipher(2).open(id, &sealed).is_err());
    }

    #[test]
    fn gat_7_the_digest_of_a_content_tells_equal_ones_and_needs_the_key() {
        let key = DataKey::from_bytes(&[8; 32]).unwrap();
        let stranger = TenantCipher::new(CustomerId::from_uuid(Uuid::from_u128(1)), Arc::new(key));
        let digest = cipher(1).digest("message.email", b"{}");
        assert_eq!(digest, cipher(1).digest("message.email", b"{}"));
        assert_ne!(digest, cipher(1).digest("message.sms", b"{}"));
        assert_ne!(digest, stranger.digest("message.email", b"{}"));
    }
}
