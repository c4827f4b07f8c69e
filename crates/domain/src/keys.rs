//! The keys of a tenant and of its clients, and the only place where personal data becomes ciphertext and back.

use crate::crm::Crm;
use crate::error::DomainError;
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::lookup::LookupKey;
use crate::schema::tenant_keys;
use bearingwall_core::{ClientId, ConversationId, Ctx, CustomerId, NoteId};
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

/// What masking derives its own keys under: of a tenant's key, and of a conversation's.
const MASKING_LABEL: &str = "pii.masking.v1";
const SPELLING_LABEL: &str = "pii.spelling.v1";
const TAG_LABEL: &str = "pii.placeholder.v1";

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

    pub(crate) const fn customer(&self) -> CustomerId {
        self.customer
    }

    /// The key of everything that masking does without a conversation: the same for the same tenant.
    pub(crate) fn masking(&self) -> [u8; 32] {
        let customer = self.customer.as_uuid();
        self.key.index_key(MASKING_LABEL).digest("tenant", customer.as_bytes())
    }

    pub(crate) fn seal_policy(&self, column: &'static str, version: i32, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.seal(&self.policy(column, version), text)
    }

    pub(crate) fn open_policy(
        &self,
        column: &'static str,
        version: i32,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.open(&self.policy(column, version), sealed)
    }

    /// A new conversation's key, and how it may be stored.
    pub(crate) fn create_conversation(&self, id: ConversationId) -> Result<(ConversationKey, StoredKey), KeyError> {
        let key = DataKey::generate()?;
        let stored = StoredKey {
            tenant_version: TENANT_VERSION,
            wrapped: self.key.wrap(&key, &self.conversation(id))?,
        };
        let customer = self.customer;
        Ok((ConversationKey { customer, id, key }, stored))
    }

    /// A stored conversation's key.
    pub(crate) fn unwrap_conversation(
        &self,
        id: ConversationId,
        stored: &StoredKey,
    ) -> Result<ConversationKey, DomainError> {
        if stored.tenant_version != TENANT_VERSION {
            return Err(DomainError::Unreadable);
        }
        let key = self.key.unwrap(&stored.wrapped, &self.conversation(id))?;
        let customer = self.customer;
        Ok(ConversationKey { customer, id, key })
    }

    fn policy(&self, column: &'static str, version: i32) -> Aad {
        Aad {
            table: "pii.policies",
            column,
            customer: self.customer,
            // The version, in the place of a row's id.
            row: Uuid::from_u128(u128::from(version.unsigned_abs())),
        }
    }

    fn conversation(&self, id: ConversationId) -> Aad {
        Aad {
            table: "pii.conversations",
            column: "wrapped",
            customer: self.customer,
            row: id.as_uuid(),
        }
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

/// One conversation's key: what its placeholders stand for is sealed under it, and under nothing else.
pub(crate) struct ConversationKey {
    customer: CustomerId,
    id: ConversationId,
    key: DataKey,
}

// CONTROL: PII-8
impl ConversationKey {
    pub(crate) fn seal_value(&self, row: Uuid, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.seal(&self.value(row), text)
    }

    pub(crate) fn open_value(&self, row: Uuid, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.open(&self.value(row), sealed)
    }

    /// What tells that a value is there already: made under a key of the conversation's, it dies with that.
    pub(crate) fn spelling(&self, kind: &str, value: &str) -> Fingerprint {
        self.key.index_key(SPELLING_LABEL).digest(kind, value.as_bytes())
    }

    /// What the tags of its placeholders are made under.
    pub(crate) fn tags(&self) -> Fingerprint {
        let id = self.id.as_uuid();
        self.key.index_key(TAG_LABEL).digest("conversation", id.as_bytes())
    }

    fn value(&self, row: Uuid) -> Aad {
        Aad {
            table: "pii.vault",
            column: "payload",
            customer: self.customer,
            row,
        }
    }
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
