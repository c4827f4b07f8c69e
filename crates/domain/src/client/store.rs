//! The statements on clients: spine, keys, sealed records and blind indexes.

use crate::client::{ClientRecord, ValidClient, encode, payload};
use crate::error::DomainError;
use crate::fingerprint::Fingerprint;
use crate::keys::{ClientKey, StoredKey, TenantKeys};
use crate::lookup::Needle;
use crate::schema::{client_digests, client_keys, client_records, clients};
use crate::statement::{ClientDigests, ClientKeys, ClientRecords, Clients, Column, Insert};
use bearingwall_audit::{Details, PhiTx};
use bearingwall_core::ClientId;
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use std::collections::{BTreeSet, HashMap, HashSet};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

/// A client that is ready to be stored: everything about the person is sealed or digested.
pub(crate) struct NewClient {
    pub(crate) id: ClientId,
    pub(crate) external: Option<Fingerprint>,
    pub(crate) content: Fingerprint,
    key: StoredKey,
    payload: Vec<u8>,
    digests: BTreeSet<(i16, Vec<u8>)>,
    recorded: Fingerprint,
}

impl NewClient {
    // CONTROL: DOM-1
    pub(crate) fn seal(id: ClientId, client: &ValidClient, keys: &TenantKeys) -> Result<Self, DomainError> {
        let (key, stored) = keys.create(id)?;
        let (prints, input) = (keys.fingerprints(), client.as_input());
        let text = encode(client)?;
        Ok(Self {
            id,
            external: input
                .external_id
                .as_ref()
                .map(|external| prints.client_external(external)),
            content: prints.client_content(input),
            key: stored,
            payload: key.seal_record(&text)?,
            digests: keys.lookup().digests(input),
            recorded: key.record_digest(&text),
        })
    }
}

/// What a client is to be from now on, with what the record says about the change: neither is written without the other.
pub(crate) struct Change {
    id: ClientId,
    payload: Vec<u8>,
    digests: BTreeSet<(i16, Vec<u8>)>,
    details: Details,
}

impl Change {
    // CONTROL: DOM-3
    pub(crate) fn seal(
        before: (&ClientRecord, &[u8]),
        client: &ValidClient,
        key: &ClientKey,
        keys: &TenantKeys,
    ) -> Result<Self, DomainError> {
        let (record, text_before) = before;
        let text = encode(client)?;
        Ok(Self {
            id: record.id,
            payload: key.seal_record(&text)?,
            digests: keys.lookup().digests(client.as_input()),
            details: Details {
                resource_id: Some(record.id.as_uuid()),
                resource_version: Some(record.version + 1),
                fields: record.details.differing(client.as_input()),
                query_digest: None,
                before_digest: Some(key.record_digest(text_before)),
                after_digest: Some(key.record_digest(&text)),
            },
        })
    }
}

/// Stores a client whose external id is free, and says so on the record.
// CONTROL: DOM-3
pub(crate) async fn create(tx: &mut PhiTx<'_, '_>, new: NewClient) -> Result<(), DomainError> {
    tx.details(Details {
        resource_id: Some(new.id.as_uuid()),
        resource_version: Some(1),
        after_digest: Some(new.recorded),
        ..Details::default()
    });
    if insert(tx, vec![new]).await?.is_empty() {
        return Err(DomainError::ExternalIdTaken);
    }
    Ok(())
}

/// A row of the joined read.
#[derive(Queryable)]
pub(crate) struct Sealed {
    pub(crate) id: Uuid,
    pub(crate) version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    payload: Vec<u8>,
    pub(crate) key: StoredKey,
}

impl Sealed {
    pub(crate) fn open(self, keys: &TenantKeys) -> Result<ClientRecord, DomainError> {
        let key = keys.unwrap(ClientId::from_uuid(self.id), &self.key)?;
        self.open_with(&key).map(|(record, _)| record)
    }

    /// The record, and the text that was sealed.
    pub(crate) fn open_with(self, key: &ClientKey) -> Result<(ClientRecord, Zeroizing<Vec<u8>>), DomainError> {
        let id = ClientId::from_uuid(self.id);
        let text = key.open_record(&self.payload)?;
        let record = ClientRecord {
            id,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            details: payload::decode(&text)?,
        };
        Ok((record, text))
    }
}

/// Stores clients whose external ids are free, and answers which they were.
pub(crate) async fn insert(tx: &mut PhiTx<'_, '_>, new: Vec<NewClient>) -> Result<HashSet<Uuid>, DomainError> {
    let spine: Insert<Clients> = Insert::new(vec![
        Column::Ids(new.iter().map(|client| client.id.as_uuid()).collect()),
        Column::OptionalBytes(new.iter().map(|client| client.external.map(Vec::from)).collect()),
        // Without an external id nothing can be imported again, so nothing is compared.
        Column::OptionalBytes(
            new.iter()
                .map(|client| client.external.is_some().then(|| Vec::from(client.content)))
                .collect(),
        ),
    ]);
    let inserted: HashSet<Uuid> = spine
        .load::<Uuid>(tx)
        .await
        .map_err(DomainError::Statement)?
        .into_iter()
        .collect();
    let mut ids = Vec::new();
    let (mut versions, mut wrapped, mut payloads) = (Vec::new(), Vec::new(), Vec::new());
    let (mut owners, mut kinds, mut digests) = (Vec::new(), Vec::new(), Vec::new());
    for client in new.into_iter().filter(|client| inserted.contains(&client.id.as_uuid())) {
        let id = client.id.as_uuid();
        for (kind, digest) in client.digests {
            owners.push(id);
            kinds.push(kind);
            digests.push(digest);
        }
        ids.push(id);
        versions.push(client.key.tenant_version);
        wrapped.push(client.key.wrapped);
        payloads.push(client.payload);
    }
    if !ids.is_empty() {
        let keys: Insert<ClientKeys> = Insert::new(vec![
            Column::Ids(ids.clone()),
            Column::Bytes(wrapped),
            Column::Versions(versions),
        ]);
        keys.execute(tx).await.map_err(DomainError::Statement)?;
        let records: Insert<ClientRecords> = Insert::new(vec![Column::Ids(ids), Column::Bytes(payloads)]);
        records.execute(tx).await.map_err(DomainError::Statement)?;
        insert_digests(tx, owners, kinds, digests).await?;
    }
    Ok(inserted)
}

async fn insert_digests(
    tx: &mut PhiTx<'_, '_>,
    owners: Vec<Uuid>,
    kinds: Vec<i16>,
    digests: Vec<Vec<u8>>,
) -> Result<(), DomainError> {
    let rows: Insert<ClientDigests> =
        Insert::new(vec![Column::Ids(owners), Column::Kinds(kinds), Column::Bytes(digests)]);
    rows.execute(tx).await.map(drop).map_err(DomainError::Statement)
}

/// Spine, record and key in one statement. A client that was not declared is not among the rows.
pub(crate) async fn read(tx: &mut PhiTx<'_, '_>, ids: Vec<Uuid>) -> Result<Vec<Sealed>, DomainError> {
    clients::table
        .inner_join(client_records::table.on(client_records::client_id.eq(clients::id)))
        .inner_join(client_keys::table.on(client_keys::client_id.eq(clients::id)))
        .filter(clients::id.eq_any(ids))
        .order(clients::id.desc())
        .select((
            clients::id,
            clients::version,
            clients::created_at,
            clients::updated_at,
            client_records::payload,
            (client_keys::tenant_version, client_keys::wrapped),
        ))
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

/// One client; a missing one and another tenant's are the same.
pub(crate) async fn read_one(tx: &mut PhiTx<'_, '_>, id: ClientId) -> Result<Sealed, DomainError> {
    read(tx, vec![id.as_uuid()]).await?.pop().ok_or(DomainError::NotFound)
}

/// Ids of the spine, newest first.
pub(crate) async fn page(tx: &mut TenantTx<'_>, before: Option<ClientId>, rows: i64) -> Result<Vec<Uuid>, DomainError> {
    clients::table
        .filter(clients::id.lt(before.map_or(Uuid::max(), ClientId::as_uuid)))
        .order(clients::id.desc())
        .limit(rows)
        .select(clients::id)
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

/// Whether the spine of this tenant has such a client.
pub(crate) async fn exists(tx: &mut TenantTx<'_>, id: ClientId) -> Result<bool, DomainError> {
    diesel::select(diesel::dsl::exists(clients::table.filter(clients::id.eq(id.as_uuid()))))
        .get_result(tx)
        .await
        .map_err(DomainError::Statement)
}

/// The key of a client, if the spine of this tenant has such a client.
pub(crate) async fn key(tx: &mut PhiTx<'_, '_>, id: ClientId) -> Result<Option<StoredKey>, DomainError> {
    client_keys::table
        .filter(client_keys::client_id.eq(id.as_uuid()))
        .select((client_keys::tenant_version, client_keys::wrapped))
        .first(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)
}

/// Moves the spine on by one version, if it stands at the expected one.
pub(crate) async fn advance(
    tx: &mut PhiTx<'_, '_>,
    id: ClientId,
    expected: i64,
    external: Option<Fingerprint>,
) -> Result<(), DomainError> {
    let spine = clients::table
        .filter(clients::id.eq(id.as_uuid()))
        .filter(clients::version.eq(expected));
    let changed = diesel::update(spine)
        .set((
            clients::version.eq(clients::version + 1),
            clients::updated_at.eq(diesel::dsl::now.into_sql::<Timestamptz>()),
            clients::external_digest.eq(external.map(Vec::from)),
        ))
        .execute(tx)
        .await
        .map_err(taken)?;
    if changed == 1 {
        Ok(())
    } else {
        Err(DomainError::Conflict)
    }
}

/// A change that runs into another record's external id.
pub(crate) fn taken(error: diesel::result::Error) -> DomainError {
    match error {
        diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::UniqueViolation, _) => {
            DomainError::ExternalIdTaken
        }
        error => DomainError::Statement(error),
    }
}

/// Replaces the sealed record and the blind indexes, and says so on the record.
pub(crate) async fn replace(tx: &mut PhiTx<'_, '_>, change: Change) -> Result<(), DomainError> {
    let Change {
        id,
        payload,
        digests,
        details,
    } = change;
    tx.details(details);
    let id = id.as_uuid();
    diesel::update(client_records::table.filter(client_records::client_id.eq(id)))
        .set(client_records::payload.eq(payload))
        .execute(tx)
        .await
        .map_err(DomainError::Statement)?;
    diesel::delete(client_digests::table.filter(client_digests::client_id.eq(id)))
        .execute(tx)
        .await
        .map_err(DomainError::Statement)?;
    let owners = vec![id; digests.len()];
    let (kinds, digests) = digests.into_iter().unzip();
    insert_digests(tx, owners, kinds, digests).await
}

/// Who has any of these digests, newest first, with what was asked on the record. Sees nothing but under a search on record.
// CONTROL: DOM-3
pub(crate) async fn find(tx: &mut PhiTx<'_, '_>, needle: Needle, rows: i64) -> Result<Vec<Uuid>, DomainError> {
    tx.details(Details {
        query_digest: Some(needle.asked),
        ..Details::default()
    });
    client_digests::table
        .filter(client_digests::kind.eq(needle.kind.number()))
        .filter(client_digests::digest.eq_any(needle.digests))
        .select(client_digests::client_id)
        .distinct()
        .order(client_digests::client_id.desc())
        .limit(rows)
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

/// The digest of an external id or a row, and the digest of what stood there.
pub(crate) type IdAndContent = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What the spine knows of imported clients, by external id.
pub(crate) async fn known(
    tx: &mut TenantTx<'_>,
    externals: Vec<Vec<u8>>,
) -> Result<HashMap<Vec<u8>, Option<Vec<u8>>>, DomainError> {
    let rows: Vec<IdAndContent> = clients::table
        .filter(clients::external_digest.eq_any(externals))
        .select((clients::external_digest, clients::import_digest))
        .load(tx)
        .await
        .map_err(DomainError::Statement)?;
    Ok(rows
        .into_iter()
        .filter_map(|(external, content)| Some((external?, content)))
        .collect())
}

/// Clients and their keys, by external id.
pub(crate) async fn by_external(
    tx: &mut TenantTx<'_>,
    externals: Vec<Vec<u8>>,
) -> Result<HashMap<Vec<u8>, (ClientId, StoredKey)>, DomainError> {
    let rows: Vec<(Option<Vec<u8>>, Uuid, StoredKey)> = clients::table
        .inner_join(client_keys::table.on(client_keys::client_id.eq(clients::id)))
        .filter(clients::external_digest.eq_any(externals))
        .select((
            clients::external_digest,
            clients::id,
            (client_keys::tenant_version, client_keys::wrapped),
        ))
        .load(tx)
        .await
        .map_err(DomainError::Statement)?;
    Ok(rows
        .into_iter()
        .filter_map(|(external, id, key)| Some((external?, (ClientId::from_uuid(id), key))))
        .collect())
}
