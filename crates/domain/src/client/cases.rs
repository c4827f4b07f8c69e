//! The use-cases on clients: each puts its access on record before it sees anything.

use crate::client::store::{self, Change, NewClient, Sealed};
use crate::client::{ClientInput, ClientQuery, ClientRecord, ClientWritten, ValidClient};
use crate::crm::{Crm, Listing, Page, checked_limit, cut};
use crate::error::DomainError;
use crate::keys::TenantKeys;
use bearingwall_audit::{Access, AccessEntry, Command, Disclosure, EventPage, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx};
use bearingwall_tenancy::TenantTx;
use time::OffsetDateTime;
use uuid::Uuid;

pub(crate) const RECORDS: &str = "crm.client_records";
pub(crate) const DIGESTS: &str = "crm.client_digests";

/// Entries of a look-up at the most.
const SEARCH_LIMIT_MAX: u16 = 50;

impl Crm {
    /// Stores a new client.
    ///
    /// # Errors
    /// [`DomainError::Invalid`]; [`DomainError::ExternalIdTaken`]; when the record or the database is away.
    pub async fn client_create(&self, ctx: &Ctx, input: &ClientInput) -> Result<ClientWritten, DomainError> {
        let client = ValidClient::new(input, self.latest_today())?;
        let keys = self.tenant_keys(ctx).await?;
        let new = NewClient::seal(ClientId::from_uuid(self.ids().v7()), &client, &keys)?;
        let id = new.id;
        let access = Access::to(EventType::ClientCreated, [id])
            .covering(RECORDS, &[Command::Insert])
            .covering(DIGESTS, &[Command::Insert]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                store::create(tx, new).await?;
                Ok::<_, DomainError>(ClientWritten { id, version: 1 })
            })
            .await
    }

    /// Reads a client.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], for another tenant's client too; when the record or the database is away.
    pub async fn client_read(&self, ctx: &Ctx, id: ClientId) -> Result<ClientRecord, DomainError> {
        let keys = self.tenant_keys(ctx).await?;
        let access = Access::to(EventType::ClientRead, [id]).covering(RECORDS, &[Command::Select]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let row = store::read_one(tx, id).await?;
                tx.found(1);
                Ok::<_, DomainError>(row)
            })
            .await?
            .open(&keys)
    }

    /// Reads a page of clients, newest first. The page comes from the spine, and exactly its clients are declared.
    ///
    /// # Errors
    /// [`DomainError::Invalid`] for a limit out of its bounds; when the record or the database is away.
    pub async fn client_list(
        &self,
        ctx: &Ctx,
        page: Page<ClientId>,
    ) -> Result<Listing<ClientRecord, ClientId>, DomainError> {
        let rows = checked_limit(page.limit, Page::<ClientId>::LIMIT_MAX)? + 1;
        let mut ids = self
            .audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| {
                store::page(tx, page.before, rows).await
            })
            .await?;
        let next = cut(&mut ids, page.limit, |id| ClientId::from_uuid(*id));
        let items = self.read_declared(ctx, EventType::ClientListed, ids).await?;
        Ok(Listing { items, next })
    }

    /// Finds clients by name, telephone number or e-mail, newest first, at most `limit` (1 to 50).
    ///
    /// The search is on record before the digests open, and who is found is declared before anything is read.
    ///
    /// # Errors
    /// [`DomainError::Invalid`]; when the record or the database is away.
    pub async fn client_search(
        &self,
        ctx: &Ctx,
        query: &ClientQuery,
        limit: u16,
    ) -> Result<Vec<ClientRecord>, DomainError> {
        let rows = checked_limit(limit, SEARCH_LIMIT_MAX)?;
        let needle = self.tenant_keys(ctx).await?.lookup().needle(query)?;
        // CONTROL: DOM-2
        let found = self
            .audit()
            .with_search(
                ctx,
                EventType::ClientSearched,
                DIGESTS,
                async |tx: &mut PhiTx<'_, '_>| {
                    let found = store::find(tx, needle, rows).await?;
                    tx.found(found.len());
                    Ok::<_, DomainError>(found)
                },
            )
            .await?;
        self.read_declared(ctx, EventType::ClientSearched, found).await
    }

    /// Replaces what is said about a client, if it still stands at `expected_version`.
    /// An input without an external id keeps the one on record.
    ///
    /// # Errors
    /// [`DomainError::Invalid`]; [`DomainError::NotFound`]; [`DomainError::Conflict`] for another version;
    /// [`DomainError::ExternalIdTaken`]; when the record or the database is away.
    pub async fn client_change(
        &self,
        ctx: &Ctx,
        id: ClientId,
        expected_version: i64,
        input: &ClientInput,
    ) -> Result<ClientWritten, DomainError> {
        let client = ValidClient::new(input, self.latest_today())?;
        let keys = self.tenant_keys(ctx).await?;
        let access = Access::to(EventType::ClientChanged, [id])
            .covering(RECORDS, &[Command::Select, Command::Update])
            .covering(DIGESTS, &[Command::Select, Command::Insert, Command::Delete]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let before = store::read_one(tx, id).await?;
                change(tx, before, expected_version, client, &keys).await
            })
            .await
    }

    /// Who saw a client, when and why, newest first.
    ///
    /// # Errors
    /// [`DomainError::NotFound`]; [`DomainError::Invalid`] for a limit out of its bounds; when the record or the
    /// database is away.
    pub async fn access_log(
        &self,
        ctx: &Ctx,
        client: ClientId,
        page: EventPage,
    ) -> Result<Vec<AccessEntry>, DomainError> {
        checked_limit(page.limit, Page::<ClientId>::LIMIT_MAX)?;
        self.known(ctx, client).await?;
        Ok(self.audit().access_log(ctx, client, page).await?)
    }

    /// To whom a client's data was disclosed in the six years before now (45 CFR 164.528), newest first.
    ///
    /// # Errors
    /// [`DomainError::NotFound`]; [`AuditError`](bearingwall_audit::AuditError) for a limit out of its bounds; when the
    /// record or the database is away.
    pub async fn disclosures(
        &self,
        ctx: &Ctx,
        client: ClientId,
        from: Option<OffsetDateTime>,
        page: EventPage,
    ) -> Result<Vec<Disclosure>, DomainError> {
        self.known(ctx, client).await?;
        Ok(self.audit().disclosures(ctx, client, from, page).await?)
    }

    /// Whether the tenant has this client; another tenant's is none.
    async fn known(&self, ctx: &Ctx, client: ClientId) -> Result<(), DomainError> {
        let known = self
            .audit()
            .pool()
            .run(ctx, async |tx: &mut TenantTx<'_>| store::exists(tx, client).await)
            .await?;
        if known { Ok(()) } else { Err(DomainError::NotFound) }
    }

    async fn read_declared(
        &self,
        ctx: &Ctx,
        event: EventType,
        ids: Vec<Uuid>,
    ) -> Result<Vec<ClientRecord>, DomainError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys = self.tenant_keys(ctx).await?;
        let access =
            Access::to(event, ids.iter().copied().map(ClientId::from_uuid)).covering(RECORDS, &[Command::Select]);
        let rows: Vec<Sealed> = self
            .audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let rows = store::read(tx, ids).await?;
                tx.found(rows.len());
                Ok::<_, DomainError>(rows)
            })
            .await?;
        rows.into_iter().map(|row| row.open(&keys)).collect()
    }
}

async fn change(
    tx: &mut PhiTx<'_, '_>,
    before: Sealed,
    expected_version: i64,
    client: ValidClient,
    keys: &TenantKeys,
) -> Result<ClientWritten, DomainError> {
    if before.version != expected_version {
        return Err(DomainError::Conflict);
    }
    let id = ClientId::from_uuid(before.id);
    let key = keys.unwrap(id, &before.key)?;
    // Dropping the id by leaving it out would make the next import create the client a second time.
    let (before, text_before) = before.open_with(&key)?;
    let client = client.or_external_id(before.details.external_id.clone());
    let external = client
        .as_input()
        .external_id
        .as_ref()
        .map(|external| keys.fingerprints().client_external(external));
    store::advance(tx, id, expected_version, external).await?;
    let change = Change::seal((&before, &text_before), &client, &key, keys)?;
    store::replace(tx, change).await?;
    Ok(ClientWritten {
        id,
        version: expected_version + 1,
    })
}
