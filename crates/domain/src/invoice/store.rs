//! The statements on invoices: spine, sealed records and payments.

use crate::client::store::taken;
use crate::error::DomainError;
use crate::invoice::{InvoiceRecord, InvoiceState, PaymentRecord, payload};
use crate::keys::{StoredKey, TenantKeys};
use crate::schema::{client_keys, invoice_records, invoices, payments};
use bearingwall_audit::PhiTx;
use bearingwall_core::{ClientId, InvoiceId};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

/// An invoice that is ready to be stored.
pub(crate) struct NewInvoice {
    pub(crate) id: InvoiceId,
    pub(crate) client: ClientId,
    pub(crate) number: Vec<u8>,
    pub(crate) currency: String,
    pub(crate) amount_minor: i64,
    pub(crate) payload: Vec<u8>,
}

pub(crate) async fn insert(tx: &mut PhiTx<'_, '_>, new: NewInvoice) -> Result<(), DomainError> {
    let (id, client) = (new.id.as_uuid(), new.client.as_uuid());
    diesel::insert_into(invoices::table)
        .values((
            invoices::id.eq(id),
            invoices::client_id.eq(client),
            invoices::number_digest.eq(new.number),
        ))
        .execute(tx)
        .await
        .map_err(taken)?;
    diesel::insert_into(invoice_records::table)
        .values((
            invoice_records::invoice_id.eq(id),
            invoice_records::client_id.eq(client),
            invoice_records::currency.eq(new.currency),
            invoice_records::amount_minor.eq(new.amount_minor),
            invoice_records::payload.eq(new.payload),
        ))
        .execute(tx)
        .await
        .map(drop)
        .map_err(DomainError::Statement)
}

/// A row of the joined read.
#[derive(Queryable)]
pub(crate) struct Sealed {
    pub(crate) id: Uuid,
    client: Uuid,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    currency: String,
    amount_minor: i64,
    state: String,
    payments: i32,
    refunded_minor: i64,
    payload: Vec<u8>,
    key: StoredKey,
}

impl Sealed {
    pub(crate) fn open(self, keys: &TenantKeys) -> Result<InvoiceRecord, DomainError> {
        let (id, client) = (InvoiceId::from_uuid(self.id), ClientId::from_uuid(self.client));
        let text = keys.unwrap(client, &self.key)?.open_invoice(id, &self.payload)?;
        Ok(InvoiceRecord {
            id,
            client,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            state: InvoiceState::from_word(&self.state).ok_or(DomainError::Unreadable)?,
            amount_minor: self.amount_minor,
            payments: self.payments,
            refunded_minor: self.refunded_minor,
            invoice: payload::decode(&text, self.currency)?,
        })
    }
}

/// What every joined read selects, in the order of [`Sealed`].
macro_rules! sealed {
    () => {
        invoices::table
            .inner_join(invoice_records::table.on(invoice_records::invoice_id.eq(invoices::id)))
            .inner_join(client_keys::table.on(client_keys::client_id.eq(invoices::client_id)))
            .select((
                invoices::id,
                invoices::client_id,
                invoice_records::version,
                invoices::created_at,
                invoice_records::updated_at,
                invoice_records::currency,
                invoice_records::amount_minor,
                invoice_records::state,
                invoice_records::payments,
                invoice_records::refunded_minor,
                invoice_records::payload,
                (client_keys::tenant_version, client_keys::wrapped),
            ))
    };
}

/// Invoices of a client, newest first.
pub(crate) async fn page(
    tx: &mut PhiTx<'_, '_>,
    client: ClientId,
    before: Option<InvoiceId>,
    rows: i64,
) -> Result<Vec<Sealed>, DomainError> {
    sealed!()
        .filter(invoices::client_id.eq(client.as_uuid()))
        .filter(invoices::id.lt(before.map_or(Uuid::max(), InvoiceId::as_uuid)))
        .order(invoices::id.desc())
        .limit(rows)
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

/// One invoice of a client; a missing one and another tenant's are the same.
pub(crate) async fn read(tx: &mut PhiTx<'_, '_>, client: ClientId, id: InvoiceId) -> Result<Sealed, DomainError> {
    sealed!()
        .filter(invoices::client_id.eq(client.as_uuid()))
        .filter(invoices::id.eq(id.as_uuid()))
        .first(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)?
        .ok_or(DomainError::NotFound)
}

/// Payments and refunds of an invoice, as they were put on file.
pub(crate) async fn payments_of(tx: &mut PhiTx<'_, '_>, id: InvoiceId) -> Result<Vec<PaymentRecord>, DomainError> {
    payments::table
        .filter(payments::invoice_id.eq(id.as_uuid()))
        .order((payments::occurred_at, payments::id))
        .limit(200)
        .select((
            payments::provider,
            payments::reference,
            payments::kind,
            payments::amount_minor,
            payments::refunded_minor,
            payments::occurred_at,
        ))
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

/// Makes an open invoice void; its version now, or nothing if it is not there or not open.
pub(crate) async fn void(tx: &mut PhiTx<'_, '_>, client: ClientId, id: InvoiceId) -> Result<Option<i64>, DomainError> {
    let open = invoice_records::table
        .filter(invoice_records::invoice_id.eq(id.as_uuid()))
        .filter(invoice_records::client_id.eq(client.as_uuid()))
        .filter(invoice_records::state.eq(InvoiceState::Open.as_str()))
        .filter(invoice_records::refunded_minor.eq(0));
    diesel::update(open)
        .set(invoice_records::state.eq(InvoiceState::Void.as_str()))
        .returning(invoice_records::version)
        .get_result(tx)
        .await
        .optional()
        .map_err(DomainError::Statement)
}

/// Whose an invoice is; a missing one and another tenant's are the same.
pub(crate) async fn client_of(tx: &mut TenantTx<'_>, id: Uuid) -> Result<Option<ClientId>, DomainError> {
    invoices::table
        .filter(invoices::id.eq(id))
        .select(invoices::client_id)
        .first::<Uuid>(tx)
        .await
        .optional()
        .map(|client| client.map(ClientId::from_uuid))
        .map_err(DomainError::Statement)
}
