//! Invoices: what a client owes, sealed under that client's key but for what a payment is compared with.

mod cases;
mod payload;
pub(crate) mod store;
mod validation;

use bearingwall_core::{ClientId, InvoiceId, Phi};
use time::OffsetDateTime;

pub(crate) use payload::encode;
pub(crate) use validation::ValidInvoice;

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceLine {
    /// What for; at most 200 characters.
    pub description: Phi<String>,
    /// How many: 1 to 10,000.
    pub quantity: u32,
    /// What one costs, in the smallest unit of the currency; 0 to 999,999,999,999.
    pub unit_minor: i64,
}

/// What an invoice says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceInput {
    /// Its number, unique in the tenant: 1 to 64 of letters, digits, `.`, `_`, `/` and `-`.
    pub number: Phi<String>,
    /// ISO 4217, as `USD`.
    pub currency: String,
    /// Its lines: 1 to 100.
    pub lines: Vec<InvoiceLine>,
}

/// Where an invoice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceState {
    /// Nothing is on file for it.
    Open,
    /// A payment of its amount and currency is on file.
    Paid,
    /// It is owed no more.
    Void,
}

impl InvoiceState {
    /// The word in the database and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Void => "void",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Paid, Self::Void]
            .into_iter()
            .find(|state| state.as_str() == word)
    }
}

/// An invoice as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceRecord {
    /// Its id, which a payment names.
    pub id: InvoiceId,
    /// Whose it is.
    pub client: ClientId,
    /// Counts what became of it, from 1.
    pub version: i64,
    /// When it was written, by the database's clock.
    pub created_at: OffsetDateTime,
    /// When something last became of it.
    pub updated_at: OffsetDateTime,
    /// Where it stands.
    pub state: InvoiceState,
    /// What is owed, in the smallest unit of the currency.
    pub amount_minor: i64,
    /// How many payments are on file. From the second on it is somebody's money.
    pub payments: i32,
    /// What of them was paid back.
    pub refunded_minor: i64,
    /// What it says.
    pub invoice: InvoiceInput,
}

/// A payment of an invoice, or a refund, as a provider told of it.
#[derive(Clone, Debug, PartialEq, Eq, diesel::Queryable)]
pub struct PaymentRecord {
    /// Who told of it.
    pub provider: String,
    /// The provider's id of the payment, which its refunds share.
    pub reference: String,
    /// `payment` or `refund`.
    pub kind: String,
    /// How much was paid.
    pub amount_minor: i64,
    /// How much of it was paid back up to then.
    pub refunded_minor: i64,
    /// When, by the provider's clock.
    pub occurred_at: OffsetDateTime,
}

/// What a write answers: no representation, which only a recorded read may give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvoiceWritten {
    /// The invoice.
    pub id: InvoiceId,
    /// Its version now.
    pub version: i64,
}
