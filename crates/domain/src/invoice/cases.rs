//! The use-cases on invoices: the person who owes is declared before anything is seen.

use crate::client::store as clients;
use crate::crm::{Crm, Listing, Page, checked_limit, cut};
use crate::error::DomainError;
use crate::invoice::store::{self, NewInvoice};
use crate::invoice::{InvoiceInput, InvoiceRecord, InvoiceWritten, PaymentRecord, ValidInvoice, encode};
use bearingwall_audit::{Access, Command, Details, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx, InvoiceId};

pub(crate) const INVOICES: &str = "crm.invoice_records";
pub(crate) const PAYMENTS: &str = "crm.payments";

impl Crm {
    /// Writes an invoice, which is open until a payment of its amount and currency names its id.
    ///
    /// # Errors
    /// [`DomainError::Invalid`]; [`DomainError::NotFound`] without such a client; [`DomainError::ExternalIdTaken`] where another
    /// invoice has the number; when the record or the database is away.
    pub async fn invoice_create(
        &self,
        ctx: &Ctx,
        client: ClientId,
        input: &InvoiceInput,
    ) -> Result<InvoiceWritten, DomainError> {
        let invoice = ValidInvoice::new(input)?;
        let keys = self.tenant_keys(ctx).await?;
        let id = InvoiceId::from_uuid(self.ids().v7());
        let access = Access::to(EventType::InvoiceCreated, [client]).covering(INVOICES, &[Command::Insert]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let stored = clients::key(tx, client).await?.ok_or(DomainError::NotFound)?;
                let key = keys.unwrap(client, &stored)?;
                let text = encode(&invoice)?;
                tx.details(Details {
                    resource_id: Some(id.as_uuid()),
                    resource_version: Some(1),
                    after_digest: Some(key.invoice_digest(id, &text)),
                    ..Details::default()
                });
                let new = NewInvoice {
                    id,
                    client,
                    number: keys.fingerprints().invoice_number(&invoice.as_input().number).to_vec(),
                    currency: invoice.as_input().currency.clone(),
                    amount_minor: invoice.amount_minor(),
                    payload: key.seal_invoice(id, &text)?,
                };
                store::insert(tx, new).await?;
                Ok(InvoiceWritten { id, version: 1 })
            })
            .await
    }

    /// Reads an invoice of a client, with what was paid and paid back.
    ///
    /// # Errors
    /// [`DomainError::NotFound`], for another tenant's or client's invoice too; when the record or the database is away.
    pub async fn invoice_read(
        &self,
        ctx: &Ctx,
        client: ClientId,
        id: InvoiceId,
    ) -> Result<(InvoiceRecord, Vec<PaymentRecord>), DomainError> {
        let keys = self.tenant_keys(ctx).await?;
        let access = Access::to(EventType::InvoiceRead, [client])
            .covering(INVOICES, &[Command::Select])
            .covering(PAYMENTS, &[Command::Select]);
        let (sealed, payments) = self
            .audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let sealed = store::read(tx, client, id).await?;
                let payments = store::payments_of(tx, id).await?;
                tx.found(1);
                Ok::<_, DomainError>((sealed, payments))
            })
            .await?;
        Ok((sealed.open(&keys)?, payments))
    }

    /// Reads a page of a client's invoices, newest first.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] without such a client; [`DomainError::Invalid`] for a limit out of its bounds; when the record
    /// or the database is away.
    pub async fn invoice_list(
        &self,
        ctx: &Ctx,
        client: ClientId,
        page: Page<InvoiceId>,
    ) -> Result<Listing<InvoiceRecord, InvoiceId>, DomainError> {
        let rows = checked_limit(page.limit, Page::<InvoiceId>::LIMIT_MAX)? + 1;
        let keys = self.tenant_keys(ctx).await?;
        let access = Access::to(EventType::InvoiceListed, [client]).covering(INVOICES, &[Command::Select]);
        let mut sealed = self
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
        let next = cut(&mut sealed, page.limit, |row| InvoiceId::from_uuid(row.id));
        let items = sealed
            .into_iter()
            .map(|row| row.open(&keys))
            .collect::<Result<_, _>>()?;
        Ok(Listing { items, next })
    }

    /// Makes an invoice void that nothing was paid for. What arrives for it afterwards waits for a person.
    ///
    /// # Errors
    /// [`DomainError::NotFound`]; [`DomainError::NotOpen`]; when the record or the database is away.
    pub async fn invoice_void(
        &self,
        ctx: &Ctx,
        client: ClientId,
        id: InvoiceId,
    ) -> Result<InvoiceWritten, DomainError> {
        let access =
            Access::to(EventType::InvoiceVoided, [client]).covering(INVOICES, &[Command::Select, Command::Update]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let Some(version) = store::void(tx, client, id).await? else {
                    store::read(tx, client, id).await?;
                    return Err(DomainError::NotOpen);
                };
                tx.details(Details {
                    resource_id: Some(id.as_uuid()),
                    resource_version: Some(version),
                    fields: vec!["state"],
                    ..Details::default()
                });
                Ok(InvoiceWritten { id, version })
            })
            .await
    }
}
