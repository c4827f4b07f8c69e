//! Invoices of a client: written, listed, read with what was paid, made void. Payments come by webhooks and by no request.

use crate::paging::PageQuery;
use crate::precondition::etag;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_core::{ClientId, InvoiceId, Phi};
use bearingwall_domain::{Crm, InvoiceInput, InvoiceLine, InvoiceRecord, PaymentRecord};
use bearingwall_rbac::{ReadInvoice, WriteInvoice};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A line of an invoice.
// No Debug: what was done for somebody is health information.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LineBody {
    /// What for; at most 200 characters.
    description: String,
    /// How many: 1 to 10,000.
    quantity: u32,
    /// What one costs, in the smallest unit of the currency, as cents.
    unit_minor: i64,
}

/// What an invoice says.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InvoiceBody {
    /// Its number, unique in the tenant: 1 to 64 letters, digits, `.`, `_`, `/` and `-`.
    number: String,
    /// ISO 4217, as `USD`.
    currency: String,
    /// Its lines: 1 to 100. The amount is what they come to.
    lines: Vec<LineBody>,
}

/// An invoice as stored.
#[derive(Serialize, ToSchema)]
struct Invoice {
    /// Its id: what a payment names as `invoice_id` in its metadata.
    #[schema(value_type = uuid::Uuid)]
    id: InvoiceId,
    /// Whose it is.
    #[schema(value_type = uuid::Uuid)]
    client_id: ClientId,
    /// Counts what became of it, from 1.
    version: i64,
    /// When it was written (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// When something last became of it (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: OffsetDateTime,
    /// `open`, `paid` or `void`.
    state: &'static str,
    /// What is owed, in the smallest unit of the currency.
    amount_minor: i64,
    /// How many payments are on file. From the second on it is somebody's money.
    payments: i32,
    /// What of them was paid back.
    refunded_minor: i64,
    #[serde(flatten)]
    invoice: InvoiceBody,
}

/// A payment of an invoice, or a refund, as a provider told of it.
#[derive(Serialize, ToSchema)]
struct Payment {
    /// Who told of it: `stripe`.
    provider: String,
    /// The provider's id of the payment, which its refunds share.
    reference: String,
    /// `payment` or `refund`.
    kind: String,
    /// How much was paid.
    amount_minor: i64,
    /// How much of it was paid back up to then.
    refunded_minor: i64,
    /// When, by the provider's clock (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    occurred_at: OffsetDateTime,
}

/// An invoice with what was paid and paid back.
#[derive(Serialize, ToSchema)]
struct InvoiceWithPayments {
    #[serde(flatten)]
    invoice: Invoice,
    /// The first 200, as they happened.
    history: Vec<Payment>,
}

/// A page of a client's invoices, newest first.
#[derive(Serialize, ToSchema)]
struct InvoicePage {
    /// The invoices.
    items: Vec<Invoice>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    next: Option<InvoiceId>,
}

/// What a write answers: no representation, which only a recorded read may give.
#[derive(Serialize, ToSchema)]
struct InvoiceWritten {
    /// The invoice.
    #[schema(value_type = uuid::Uuid)]
    id: InvoiceId,
    /// Its version now.
    version: i64,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let create = RouteSpec::new(
        "POST /v1/clients/{client_id}/invoices",
        "invoice_create",
        "Writes an invoice, which is open until a payment of its amount and currency names it.",
    )
    .phi(&[EventType::InvoiceCreated])
    .rate(RateClass::Write)
    .takes(Content::json::<InvoiceBody>())
    .answers(201, "The invoice exists.", Some(Content::json::<InvoiceWritten>()));
    let list = PageQuery::declare(RouteSpec::new(
        "GET /v1/clients/{client_id}/invoices",
        "invoice_list",
        "The invoices of a client, newest first.",
    ))
    .phi(&[EventType::InvoiceListed])
    .rate(RateClass::Read)
    .answers(200, "A page.", Some(Content::json::<InvoicePage>()));
    let read = RouteSpec::new(
        "GET /v1/clients/{client_id}/invoices/{invoice_id}",
        "invoice_read",
        "One invoice, with what was paid and paid back.",
    )
    .phi(&[EventType::InvoiceRead])
    .rate(RateClass::Read)
    .answers(200, "The invoice.", Some(Content::json::<InvoiceWithPayments>()));
    let void = RouteSpec::new(
        "POST /v1/clients/{client_id}/invoices/{invoice_id}/void",
        "invoice_void",
        "Makes an invoice void that nothing was paid for.",
    )
    .phi(&[EventType::InvoiceVoided])
    .rate(RateClass::Write)
    .answers(200, "It is void.", Some(Content::json::<InvoiceWritten>()));
    table
        .secured::<WriteInvoice, _, _>(create, invoice_create)
        .secured::<ReadInvoice, _, _>(list, invoice_list)
        .secured::<ReadInvoice, _, _>(read, invoice_read)
        .secured::<WriteInvoice, _, _>(void, invoice_void)
}

async fn invoice_create(
    granted: Granted<WriteInvoice>,
    crm: web::Data<Crm>,
    client: web::Path<ClientId>,
    body: web::Json<InvoiceBody>,
) -> Result<HttpResponse, Problem> {
    let (client, input) = (client.into_inner(), body.into_inner().into_input());
    let written = crm.invoice_create(granted.ctx(), client, &input).await?;
    Ok(HttpResponse::Created()
        .insert_header((LOCATION, format!("/v1/clients/{client}/invoices/{}", written.id)))
        .insert_header(etag(written.version))
        .json(InvoiceWritten {
            id: written.id,
            version: written.version,
        }))
}

async fn invoice_list(
    granted: Granted<ReadInvoice>,
    crm: web::Data<Crm>,
    client: web::Path<ClientId>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<InvoicePage>, Problem> {
    let listing = crm
        .invoice_list(granted.ctx(), client.into_inner(), query.page())
        .await?;
    Ok(web::Json(InvoicePage {
        items: listing.items.into_iter().map(Invoice::from).collect(),
        next: listing.next,
    }))
}

async fn invoice_read(
    granted: Granted<ReadInvoice>,
    crm: web::Data<Crm>,
    path: web::Path<(ClientId, InvoiceId)>,
) -> Result<HttpResponse, Problem> {
    let (client, id) = path.into_inner();
    let (record, payments) = crm.invoice_read(granted.ctx(), client, id).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(record.version))
        .json(InvoiceWithPayments {
            invoice: record.into(),
            history: payments.into_iter().map(payment).collect(),
        }))
}

async fn invoice_void(
    granted: Granted<WriteInvoice>,
    crm: web::Data<Crm>,
    path: web::Path<(ClientId, InvoiceId)>,
) -> Result<HttpResponse, Problem> {
    let (client, id) = path.into_inner();
    let written = crm.invoice_void(granted.ctx(), client, id).await?;
    Ok(HttpResponse::Ok()
        .insert_header(etag(written.version))
        .json(InvoiceWritten {
            id: written.id,
            version: written.version,
        }))
}

fn payment(record: PaymentRecord) -> Payment {
    Payment {
        provider: record.provider,
        reference: record.reference,
        kind: record.kind,
        amount_minor: record.amount_minor,
        refunded_minor: record.refunded_minor,
        occurred_at: record.occurred_at,
    }
}

impl InvoiceBody {
    fn into_input(self) -> InvoiceInput {
        let line = |line: LineBody| InvoiceLine {
            description: Phi::new(line.description),
            quantity: line.quantity,
            unit_minor: line.unit_minor,
        };
        InvoiceInput {
            number: Phi::new(self.number),
            currency: self.currency,
            lines: self.lines.into_iter().map(line).collect(),
        }
    }
}

impl From<InvoiceRecord> for Invoice {
    #[expect(
        clippy::disallowed_methods,
        reason = "the answer to a request that was permitted and put on record"
    )]
    fn from(record: InvoiceRecord) -> Self {
        let line = |line: InvoiceLine| LineBody {
            description: line.description.into_disclosed(),
            quantity: line.quantity,
            unit_minor: line.unit_minor,
        };
        Self {
            id: record.id,
            client_id: record.client,
            version: record.version,
            created_at: record.created_at,
            updated_at: record.updated_at,
            state: record.state.as_str(),
            amount_minor: record.amount_minor,
            payments: record.payments,
            refunded_minor: record.refunded_minor,
            invoice: InvoiceBody {
                number: record.invoice.number.into_disclosed(),
                currency: record.invoice.currency,
                lines: record.invoice.lines.into_iter().map(line).collect(),
            },
        }
    }
}
