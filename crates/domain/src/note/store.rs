//! The statements on chart notes: spine and sealed records.

use crate::client::store::{IdAndContent, taken};
use crate::error::DomainError;
use crate::fingerprint::Fingerprint;
use crate::keys::{ClientKey, StoredKey, TenantKeys};
use crate::note::{NoteRecord, ValidNote, encode, payload};
use crate::schema::{chart_note_records, chart_notes, client_keys};
use crate::statement::{ChartNoteRecords, ChartNotes, Column, Insert};
use bearingwall_audit::{Details, PhiTx};
use bearingwall_core::{ClientId, NoteId};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel::sql_types::Timestamptz;
use diesel_async::RunQueryDsl;
use std::collections::{HashMap, HashSet};
use time::OffsetDateTime;
use uuid::Uuid;
use zeroize::Zeroizing;

/// A note that is ready to be stored.
pub(crate) struct NewNote {
    pub(crate) id: NoteId,
    pub(crate) client: ClientId,
    /// By what an import knows it again.
    pub(crate) import_key: Option<Fingerprint>,
    pub(crate) content: Fingerprint,
    payload: Vec<u8>,
    recorded: Fingerprint,
}

impl NewNote {
    // CONTROL: DOM-1
    pub(crate) fn seal(
        (id, client): (NoteId, ClientId),
        import_key: Option<Fingerprint>,
        content: Fingerprint,
        note: &ValidNote,
        key: &ClientKey,
    ) -> Result<Self, DomainError> {
        let text = encode(note)?;
        Ok(Self {
            id,
            client,
            import_key,
            content,
            payload: key.seal_note(id, &text)?,
            recorded: key.note_digest(id, &text),
        })
    }
}

/// What a note is to say from now on, with what the record says about the change: neither is written without the other.
pub(crate) struct Change {
    id: NoteId,
    payload: Vec<u8>,
    details: Details,
}

impl Change {
    // CONTROL: DOM-3
    pub(crate) fn seal(before: (&NoteRecord, &[u8]), note: &ValidNote, key: &ClientKey) -> Result<Self, DomainError> {
        let (record, text_before) = before;
        let text = encode(note)?;
        Ok(Self {
            id: record.id,
            payload: key.seal_note(record.id, &text)?,
            details: Details {
                resource_id: Some(record.id.as_uuid()),
                resource_version: Some(record.version + 1),
                fields: record.note.differing(note.as_input()),
                query_digest: None,
                before_digest: Some(key.note_digest(record.id, text_before)),
                after_digest: Some(key.note_digest(record.id, &text)),
            },
        })
    }
}

/// Stores a note whose import key is free, and says so on the record.
// CONTROL: DOM-3
pub(crate) async fn create(tx: &mut PhiTx<'_, '_>, new: NewNote) -> Result<(), DomainError> {
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
    client: Uuid,
    pub(crate) version: i64,
    pub(crate) import_key: Option<Vec<u8>>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    payload: Vec<u8>,
    pub(crate) key: StoredKey,
}

impl Sealed {
    pub(crate) fn client(&self) -> ClientId {
        ClientId::from_uuid(self.client)
    }

    pub(crate) fn open(self, keys: &TenantKeys) -> Result<NoteRecord, DomainError> {
        let key = keys.unwrap(self.client(), &self.key)?;
        self.open_with(&key).map(|(record, _)| record)
    }

    /// The record, and the text that was sealed.
    pub(crate) fn open_with(self, key: &ClientKey) -> Result<(NoteRecord, Zeroizing<Vec<u8>>), DomainError> {
        let (id, client) = (NoteId::from_uuid(self.id), self.client());
        let text = key.open_note(id, &self.payload)?;
        let record = NoteRecord {
            id,
            client,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            note: payload::decode(&text)?,
        };
        Ok((record, text))
    }
}

/// Stores notes whose import keys are free, and answers which they were.
pub(crate) async fn insert(tx: &mut PhiTx<'_, '_>, new: Vec<NewNote>) -> Result<HashSet<Uuid>, DomainError> {
    let spine: Insert<ChartNotes> = Insert::new(vec![
        Column::Ids(new.iter().map(|note| note.id.as_uuid()).collect()),
        Column::Ids(new.iter().map(|note| note.client.as_uuid()).collect()),
        Column::OptionalBytes(new.iter().map(|note| note.import_key.map(Vec::from)).collect()),
        Column::OptionalBytes(
            new.iter()
                .map(|note| note.import_key.is_some().then(|| Vec::from(note.content)))
                .collect(),
        ),
    ]);
    let inserted: HashSet<Uuid> = spine
        .load::<Uuid>(tx)
        .await
        .map_err(DomainError::Statement)?
        .into_iter()
        .collect();
    let (mut ids, mut clients, mut payloads) = (Vec::new(), Vec::new(), Vec::new());
    for note in new.into_iter().filter(|note| inserted.contains(&note.id.as_uuid())) {
        ids.push(note.id.as_uuid());
        clients.push(note.client.as_uuid());
        payloads.push(note.payload);
    }
    if !ids.is_empty() {
        let records: Insert<ChartNoteRecords> =
            Insert::new(vec![Column::Ids(ids), Column::Ids(clients), Column::Bytes(payloads)]);
        records.execute(tx).await.map_err(DomainError::Statement)?;
    }
    Ok(inserted)
}

/// Whom a note is about; a missing note and another tenant's are the same.
pub(crate) async fn client_of(tx: &mut TenantTx<'_>, id: NoteId) -> Result<ClientId, DomainError> {
    chart_notes::table
        .filter(chart_notes::id.eq(id.as_uuid()))
        .select(chart_notes::client_id)
        .first::<Uuid>(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)?
        .map(ClientId::from_uuid)
        .ok_or(DomainError::NotFound)
}

/// What every joined read selects, in the order of [`Sealed`].
macro_rules! sealed {
    () => {
        chart_notes::table
            .inner_join(chart_note_records::table.on(chart_note_records::note_id.eq(chart_notes::id)))
            .inner_join(client_keys::table.on(client_keys::client_id.eq(chart_notes::client_id)))
            .select((
                chart_notes::id,
                chart_notes::client_id,
                chart_notes::version,
                chart_notes::import_key,
                chart_notes::created_at,
                chart_notes::updated_at,
                chart_note_records::payload,
                (client_keys::tenant_version, client_keys::wrapped),
            ))
    };
}

/// One note, its spine and its client's key in one statement.
pub(crate) async fn read_one(tx: &mut PhiTx<'_, '_>, id: NoteId) -> Result<Sealed, DomainError> {
    sealed!()
        .filter(chart_notes::id.eq(id.as_uuid()))
        .first(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)?
        .ok_or(DomainError::NotFound)
}

/// The notes of a client, newest first.
pub(crate) async fn page(
    tx: &mut PhiTx<'_, '_>,
    client: ClientId,
    before: Option<NoteId>,
    rows: i64,
) -> Result<Vec<Sealed>, DomainError> {
    sealed!()
        .filter(chart_notes::client_id.eq(client.as_uuid()))
        .filter(chart_notes::id.lt(before.map_or(Uuid::max(), NoteId::as_uuid)))
        .order(chart_notes::id.desc())
        .limit(rows)
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

/// Moves the spine on by one version, if it stands at the expected one.
pub(crate) async fn advance(
    tx: &mut PhiTx<'_, '_>,
    id: NoteId,
    expected: i64,
    import_key: Option<Vec<u8>>,
) -> Result<(), DomainError> {
    let spine = chart_notes::table
        .filter(chart_notes::id.eq(id.as_uuid()))
        .filter(chart_notes::version.eq(expected));
    let changed = diesel::update(spine)
        .set((
            chart_notes::version.eq(chart_notes::version + 1),
            chart_notes::updated_at.eq(diesel::dsl::now.into_sql::<Timestamptz>()),
            chart_notes::import_key.eq(import_key),
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

/// Replaces the sealed note.
pub(crate) async fn replace(tx: &mut PhiTx<'_, '_>, change: Change) -> Result<(), DomainError> {
    tx.details(change.details);
    diesel::update(chart_note_records::table.filter(chart_note_records::note_id.eq(change.id.as_uuid())))
        .set(chart_note_records::payload.eq(change.payload))
        .execute(tx)
        .await
        .map(drop)
        .map_err(DomainError::Statement)
}

/// What the spine knows of imported notes, by import key.
pub(crate) async fn known(
    tx: &mut TenantTx<'_>,
    import_keys: Vec<Vec<u8>>,
) -> Result<HashMap<Vec<u8>, Option<Vec<u8>>>, DomainError> {
    let rows: Vec<IdAndContent> = chart_notes::table
        .filter(chart_notes::import_key.eq_any(import_keys))
        .select((chart_notes::import_key, chart_notes::import_digest))
        .load(tx)
        .await
        .map_err(DomainError::Statement)?;
    Ok(rows
        .into_iter()
        .filter_map(|(key, content)| Some((key?, content)))
        .collect())
}
