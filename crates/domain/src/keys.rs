//! The keys of a tenant and of its clients, and the only place where personal data becomes ciphertext and back.

use crate::crm::Crm;
use crate::error::DomainError;
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::lookup::LookupKey;
use crate::schema::tenant_keys;
use bearingwall_core::{ClientId, Ctx, CustomerId, NoteId};
use bearingwall_secrets::{Aad, DataKey, KeyError, WrappedKey};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The one version of a tenant's key that exists until keys are rotated.
const TENANT_VERSION: i32 = 1;

/// What the digests of blind indexes and imports are derived under.
const INDEX_LABEL: &str = "crm.blind-index.v1";

/// What the digests of contents on the record are derived under, of a person's key.
const RECORD_LABEL: &str = "audit.content.v1";

/// A tenant's key at work.
pub(crate) struct TenantKeys {
    customer: CustomerId,
    key: Arc<DataKey>,
}

impl Crm {
    /// The tenant's key, made on first use, once what the actor is called is on file.
    ///
    /// Without the key no person's data is opened, sealed or looked for: nobody gets to any of it unseen.
    pub(crate) async fn tenant_keys(&self, ctx: &Ctx) -> Result<TenantKeys, DomainError> {
        let customer = ctx.customer();
        let key = self
            .key_cache()
            .tenant_key(customer, async || self.load_or_create(ctx).await)
            .await?;
        let keys = TenantKeys { customer, key };
        self.staff_seen(ctx, &keys).await?;
        Ok(keys)
    }

    async fn load_or_create(&self, ctx: &Ctx) -> Result<WrappedKey, DomainError> {
        let present = self
            .audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| select(tx).await)
            .await?;
        if let Some(wrapped) = present {
            return Ok(wrapped);
        }
        // Outside of any transaction: a key service may take its time.
        let candidate = self.key_store().wrap(ctx.customer(), &DataKey::generate()?).await?;
        // Two servers may both get here; what stands in the table afterwards is the one key of both.
        self.audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                diesel::insert_into(tenant_keys::table)
                    .values((
                        tenant_keys::version.eq(TENANT_VERSION),
                        tenant_keys::kek_version.eq(candidate.kek_version),
                        tenant_keys::wrapped.eq(candidate.bytes),
                    ))
                    .on_conflict_do_nothing()
                    .execute(tx)
                    .await
                    .map_err(DomainError::Statement)?;
                select(tx).await?.ok_or(DomainError::Unreadable)
            })
            .await
    }
}

async fn select(tx: &mut TenantTx<'_>) -> Result<Option<WrappedKey>, DomainError> {
    tenant_keys::table
        .filter(tenant_keys::version.eq(TENANT_VERSION))
        .select((tenant_keys::kek_version, tenant_keys::wrapped))
        .first::<(String, Vec<u8>)>(tx)
        .await
        .optional()
        .map(|row| row.map(|(kek_version, bytes)| WrappedKey { kek_version, bytes }))
        .map_err(DomainError::Statement)
}

impl TenantKeys {
    pub(crate) fn new(customer: CustomerId, key: Arc<DataKey>) -> Self {
        Self { customer, key }
    }

    /// A new person's key, and how it may be stored.
    pub(crate) fn create(&self, client: ClientId) -> Result<(ClientKey, Vec<u8>), KeyError> {
        let key = DataKey::generate()?;
        let wrapped = self.key.wrap(&key, &self.place(client))?;
        Ok((
            ClientKey {
                customer: self.customer,
                client,
                key,
            },
            wrapped,
        ))
    }

    /// A stored person's key.
    pub(crate) fn unwrap(&self, client: ClientId, stored: &StoredKey) -> Result<ClientKey, DomainError> {
        if stored.tenant_version != TENANT_VERSION {
            return Err(DomainError::Unreadable);
        }
        let key = self.key.unwrap(&stored.wrapped, &self.place(client))?;
        Ok(ClientKey {
            customer: self.customer,
            client,
            key,
        })
    }

    pub(crate) fn fingerprints(&self) -> Fingerprints {
        Fingerprints::new(self.key.index_key(INDEX_LABEL))
    }

    pub(crate) fn lookup(&self) -> LookupKey {
        LookupKey::new(self.key.index_key(INDEX_LABEL))
    }

    fn place(&self, client: ClientId) -> Aad {
        Aad {
            table: "crm.client_keys",
            column: "wrapped",
            customer: self.customer,
            row: client.as_uuid(),
        }
    }
}

/// A row of `crm.client_keys`.
#[derive(Queryable)]
pub(crate) struct StoredKey {
    pub(crate) tenant_version: i32,
    pub(crate) wrapped: Vec<u8>,
}

/// One person's key: everything that identifies or describes the person is sealed under it, and under nothing else.
pub(crate) struct ClientKey {
    customer: CustomerId,
    client: ClientId,
    key: DataKey,
}

// CONTROL: DOM-1
impl ClientKey {
    pub(crate) fn seal_record(&self, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.seal(&self.record(), text)
    }

    pub(crate) fn open_record(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.open(&self.record(), sealed)
    }

    pub(crate) fn seal_note(&self, note: NoteId, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.seal(&self.note(note), text)
    }

    pub(crate) fn open_note(&self, note: NoteId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.open(&self.note(note), sealed)
    }

    // CONTROL: DOM-3
    /// What the record keeps of a client's content: it is made under a key of the person's, and dies with that.
    pub(crate) fn record_digest(&self, text: &[u8]) -> Fingerprint {
        self.key.index_key(RECORD_LABEL).digest("crm.client_records", text)
    }

    /// The same of a note's.
    pub(crate) fn note_digest(&self, note: NoteId, text: &[u8]) -> Fingerprint {
        let mut content = Zeroizing::new(note.as_uuid().as_bytes().to_vec());
        content.extend_from_slice(text);
        self.key
            .index_key(RECORD_LABEL)
            .digest("crm.chart_note_records", &content)
    }

    fn record(&self) -> Aad {
        self.place("crm.client_records", self.client.as_uuid())
    }

    fn note(&self, note: NoteId) -> Aad {
        self.place("crm.chart_note_records", note.as_uuid())
    }

    fn place(&self, table: &'static str, row: Uuid) -> Aad {
        Aad {
            table,
            column: "payload",
            customer: self.customer,
            row,
        }
    }
}
