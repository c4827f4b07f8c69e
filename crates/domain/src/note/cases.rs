//! The use-cases on chart notes: the person whose note it is, is declared before anything is seen.

use crate::client::store as clients;
use crate::crm::{Crm, Listing, Page, checked_limit, cut};
use crate::error::DomainError;
use crate::keys::TenantKeys;
use crate::note::store::{self, Change, NewNote, Sealed};
use crate::note::{NoteInput, NoteRecord, NoteWritten, ValidNote};
use bearingwall_audit::{Access, Command, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx, NoteId};
use bearingwall_tenancy::TenantTx;

pub(crate) const NOTES: &str = "crm.chart_note_records";

impl Crm {
    /// Stores a new chart note.
    ///
    /// # Errors
    /// [`DomainError::Invalid`]; [`DomainError::NotFound`] without such a client; [`DomainError::ExternalIdTaken`];
    /// when the record or the database is away.
    pub async fn note_create(
        &self,
        ctx: &Ctx,
        client: ClientId,
        input: &NoteInput,
    ) -> Result<NoteWritten, DomainError> {
        let note = ValidNote::new(input)?;
        let keys = self.tenant_keys(ctx).await?;
        let id = NoteId::from_uuid(self.ids().v7());
        let access = Access::to(EventType::NoteCreated, [client]).covering(NOTES, &[Command::Insert]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let stored = clients::key(tx, client).await?.ok_or(DomainError::NotFound)?;
                let (prints, input) = (keys.fingerprints(), note.as_input());
                let import_key = input
                    .external_id
                    .as_ref()
                    .map(|external| prints.note_external(external));
                let key = keys.unwrap(client, &stored)?;
                let new = NewNote::seal(
                    (id, client),
                    import_key,
                    prints.note_content(client, input),
                    &note,
                    &key,
                )?;
                store::create(tx, new).await?;
                Ok(NoteWritten { id, version: 1 })
            })
            .await
    }

    /// Reads a chart note.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], for another tenant's note too; when the record or the database is away.
    pub async fn note_read(&self, ctx: &Ctx, id: NoteId) -> Result<NoteRecord, DomainError> {
        let keys = self.tenant_keys(ctx).await?;
        let client = self.client_of(ctx, id).await?;
        let access = Access::to(EventType::NoteRead, [client]).covering(NOTES, &[Command::Select]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let row = store::read_one(tx, id).await?;
                tx.found(1);
                Ok::<_, DomainError>(row)
            })
            .await?
            .open(&keys)
    }

    /// Reads a page of a client's chart notes, newest first.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] without such a client; [`DomainError::Invalid`] for a limit out of its bounds; when
    /// the record or the database is away.
    pub async fn note_list(
        &self,
        ctx: &Ctx,
        client: ClientId,
        page: Page<NoteId>,
    ) -> Result<Listing<NoteRecord, NoteId>, DomainError> {
        let rows = checked_limit(page.limit, Page::<NoteId>::LIMIT_MAX)? + 1;
        let keys = self.tenant_keys(ctx).await?;
        let access = Access::to(EventType::NoteListed, [client]).covering(NOTES, &[Command::Select]);
        let mut sealed: Vec<Sealed> = self
            .audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let found = store::page(tx, client, page.before, rows).await?;
                if found.is_empty() && !clients::exists(tx.tenant(), client).await? {
                    return Err(DomainError::NotFound);
                }
                tx.found(found.len().min(usize::from(page.limit)));
                Ok(found)
            })
            .await?;
        let next = cut(&mut sealed, page.limit, |row| NoteId::from_uuid(row.id));
        let items = sealed
            .into_iter()
            .map(|row| row.open(&keys))
            .collect::<Result<_, _>>()?;
        Ok(Listing { items, next })
    }

    /// Replaces what a chart note says, if it still stands at `expected_version`.
    /// An input without an external id keeps the one on record.
    ///
    /// # Errors
    /// [`DomainError::Invalid`]; [`DomainError::NotFound`]; [`DomainError::Conflict`] for another version;
    /// [`DomainError::ExternalIdTaken`]; when the record or the database is away.
    pub async fn note_change(
        &self,
        ctx: &Ctx,
        id: NoteId,
        expected_version: i64,
        input: &NoteInput,
    ) -> Result<NoteWritten, DomainError> {
        let note = ValidNote::new(input)?;
        let keys = self.tenant_keys(ctx).await?;
        let client = self.client_of(ctx, id).await?;
        let access = Access::to(EventType::NoteChanged, [client]).covering(NOTES, &[Command::Select, Command::Update]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let before = store::read_one(tx, id).await?;
                change(tx, before, expected_version, note, &keys).await
            })
            .await
    }

    async fn client_of(&self, ctx: &Ctx, id: NoteId) -> Result<ClientId, DomainError> {
        self.audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| store::client_of(tx, id).await)
            .await
    }
}

async fn change(
    tx: &mut PhiTx<'_, '_>,
    before: Sealed,
    expected_version: i64,
    note: ValidNote,
    keys: &TenantKeys,
) -> Result<NoteWritten, DomainError> {
    if before.version != expected_version {
        return Err(DomainError::Conflict);
    }
    let id = NoteId::from_uuid(before.id);
    let key = keys.unwrap(before.client(), &before.key)?;
    // A note without an external id keeps the digest of its row, or the next import would store it a second time.
    let import_key = match &note.as_input().external_id {
        Some(external) => Some(Vec::from(keys.fingerprints().note_external(external))),
        None => before.import_key.clone(),
    };
    let (before, text_before) = before.open_with(&key)?;
    let note = note.or_external_id(before.note.external_id.clone());
    store::advance(tx, id, expected_version, import_key).await?;
    store::replace(tx, Change::seal((&before, &text_before), &note, &key)?).await?;
    Ok(NoteWritten {
        id,
        version: expected_version + 1,
    })
}
