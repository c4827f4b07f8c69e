//! The keys of a tenant and of its clients, and the only place where personal data becomes ciphertext and back.

pub(crate) mod ring;
pub(crate) mod turn;

pub(crate) use ring::{INDEX_LABEL, KeyRing, KeySource, index_place};

use crate::crm::Crm;
use crate::error::DomainError;
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::lookup::LookupKey;
use bearingwall_core::{ClientId, ConversationId, Ctx, CustomerId, InvoiceId, MessageId, NoteId};
use bearingwall_secrets::{Aad, DataKey, KeyError};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

/// What the digests of contents on the record are derived under, of a person's key.
const RECORD_LABEL: &str = "audit.content.v1";

/// What masking derives its own keys under: of what outlives the versions of a tenant's key, and of a conversation's.
const MASKING_LABEL: &str = "pii.masking.v1";
const POLICIES_LABEL: &str = "pii.policies.v1";
const CONVERSATIONS_LABEL: &str = "pii.conversations.v1";
/// What messages are sealed under that nobody was found for: of what outlives the versions of a tenant's key.
const UNMATCHED_LABEL: &str = "crm.unmatched-messages.v1";
const SPELLING_LABEL: &str = "pii.spelling.v1";
const TAG_LABEL: &str = "pii.placeholder.v1";

/// A tenant's keys at work.
pub(crate) struct TenantKeys {
    customer: CustomerId,
    ring: Arc<KeyRing>,
}

impl Crm {
    /// The tenant's keys, the first one made on first use, once what the actor is called is on file.
    ///
    /// Without a key no person's data is opened, sealed or looked for: nobody gets to any of it unseen.
    pub(crate) async fn tenant_keys(&self, ctx: &Ctx) -> Result<TenantKeys, DomainError> {
        let customer = ctx.customer();
        let ring = self
            .key_cache()
            // Boxed: what happens once in five minutes must not make the future of every request larger.
            .tenant_key(customer, async || Box::pin(self.load_or_create(ctx)).await)
            .await?;
        let keys = TenantKeys { customer, ring };
        self.staff_seen(ctx, &keys).await?;
        Ok(keys)
    }

    async fn load_or_create(&self, ctx: &Ctx) -> Result<KeyRing, DomainError> {
        let pool = self.audit().pool();
        let stored = pool
            .run(ctx, async |tx: &mut TenantTx<'_>| ring::select(tx).await)
            .await?;
        if !stored.tenant.is_empty() {
            return KeyRing::open(ctx.customer(), self.key_source(), stored).await;
        }
        // Outside of any transaction: a key service may take its time.
        let store = self.key_source().store(stored.wanted.as_deref())?;
        let candidate = store.wrap(ctx.customer(), &DataKey::generate()?).await?;
        // Two servers may both get here; what stands in the table afterwards is the one key of both.
        let stored = pool
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                ring::insert_first(tx, stored.wanted, candidate).await
            })
            .await?;
        KeyRing::open(ctx.customer(), self.key_source(), stored).await
    }
}

impl TenantKeys {
    pub(crate) const fn new(customer: CustomerId, ring: Arc<KeyRing>) -> Self {
        Self { customer, ring }
    }

    /// A new person's key, the version of the tenant's that it is under, and how it may be stored.
    pub(crate) fn create(&self, client: ClientId) -> Result<(ClientKey, StoredKey), DomainError> {
        let key = DataKey::generate()?;
        let (tenant_version, tenant) = self.ring.current()?;
        let wrapped = tenant.wrap(&key, &client_place(self.customer, client))?;
        Ok((
            ClientKey {
                customer: self.customer,
                client,
                key,
            },
            StoredKey {
                tenant_version,
                wrapped,
            },
        ))
    }

    /// A stored person's key.
    pub(crate) fn unwrap(&self, client: ClientId, stored: &StoredKey) -> Result<ClientKey, DomainError> {
        let tenant = self.ring.version(stored.tenant_version)?;
        let key = tenant.unwrap(&stored.wrapped, &client_place(self.customer, client))?;
        Ok(ClientKey {
            customer: self.customer,
            client,
            key,
        })
    }

    pub(crate) fn fingerprints(&self) -> Fingerprints<'_> {
        Fingerprints::new(self.ring.index())
    }

    pub(crate) fn lookup(&self) -> LookupKey<'_> {
        LookupKey::new(self.ring.index())
    }

    pub(crate) const fn customer(&self) -> CustomerId {
        self.customer
    }

    /// The key of everything that masking does without a conversation: the same for the same tenant, whatever version its keys
    /// are at.
    pub(crate) fn masking(&self) -> [u8; 32] {
        self.steady(MASKING_LABEL)
    }

    pub(crate) fn seal_policy(&self, column: &'static str, version: i32, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.policies()?.seal(&self.policy(column, version), text)
    }

    pub(crate) fn open_policy(
        &self,
        column: &'static str,
        version: i32,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.policies()?.open(&self.policy(column, version), sealed)
    }

    /// A new conversation's key, and how it may be stored.
    pub(crate) fn create_conversation(&self, id: ConversationId) -> Result<(ConversationKey, Vec<u8>), KeyError> {
        let key = DataKey::generate()?;
        let wrapped = self.conversations()?.wrap(&key, &self.conversation(id))?;
        let customer = self.customer;
        Ok((ConversationKey { customer, id, key }, wrapped))
    }

    /// A stored conversation's key.
    pub(crate) fn unwrap_conversation(&self, id: ConversationId, wrapped: &[u8]) -> Result<ConversationKey, KeyError> {
        let key = self.conversations()?.unwrap(wrapped, &self.conversation(id))?;
        let customer = self.customer;
        Ok(ConversationKey { customer, id, key })
    }

    pub(crate) fn seal_unmatched(&self, id: MessageId, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.unmatched_key()?.seal(&self.unmatched(id), text)
    }

    pub(crate) fn open_unmatched(&self, id: MessageId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.unmatched_key()?.open(&self.unmatched(id), sealed)
    }

    fn unmatched_key(&self) -> Result<DataKey, KeyError> {
        DataKey::from_bytes(&self.steady(UNMATCHED_LABEL))
    }

    fn unmatched(&self, id: MessageId) -> Aad {
        Aad {
            table: "crm.unmatched_messages",
            column: "payload",
            customer: self.customer,
            row: id.as_uuid(),
        }
    }

    /// What outlives a version of the tenant's key, as the key of the blind indexes does, of which it is made: versions of a
    /// policy never change, and what masks the same value must stay the same.
    fn steady(&self, label: &str) -> [u8; 32] {
        self.ring.index().digest(label, self.customer.as_uuid().as_bytes())
    }

    fn policies(&self) -> Result<DataKey, KeyError> {
        DataKey::from_bytes(&self.steady(POLICIES_LABEL))
    }

    fn conversations(&self) -> Result<DataKey, KeyError> {
        DataKey::from_bytes(&self.steady(CONVERSATIONS_LABEL))
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
}

pub(crate) fn client_place(customer: CustomerId, client: ClientId) -> Aad {
    Aad {
        table: "crm.client_keys",
        column: "wrapped",
        customer,
        row: client.as_uuid(),
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

    pub(crate) fn seal_invoice(&self, id: InvoiceId, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.seal(&self.invoice(id), text)
    }

    pub(crate) fn open_invoice(&self, id: InvoiceId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.open(&self.invoice(id), sealed)
    }

    pub(crate) fn seal_message(&self, id: MessageId, text: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.key.seal(&self.message(id), text)
    }

    pub(crate) fn open_message(&self, id: MessageId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.key.open(&self.message(id), sealed)
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

    /// The same of an invoice's.
    pub(crate) fn invoice_digest(&self, id: InvoiceId, text: &[u8]) -> Fingerprint {
        let mut content = Zeroizing::new(id.as_uuid().as_bytes().to_vec());
        content.extend_from_slice(text);
        self.key.index_key(RECORD_LABEL).digest("crm.invoice_records", &content)
    }

    fn invoice(&self, id: InvoiceId) -> Aad {
        self.place("crm.invoice_records", id.as_uuid())
    }

    fn message(&self, id: MessageId) -> Aad {
        self.place("crm.messages", id.as_uuid())
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
