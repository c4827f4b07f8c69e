//! The text that is encrypted: versioned JSON, read back into the model.
#![expect(
    clippy::disallowed_methods,
    reason = "this is where an invoice becomes the text that is encrypted"
)]

use crate::error::DomainError;
use crate::invoice::{InvoiceInput, InvoiceLine, ValidInvoice};
use bearingwall_core::Phi;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use zeroize::Zeroizing;

const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    v: u16,
    number: Cow<'a, str>,
    lines: Vec<Line<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    description: Cow<'a, str>,
    quantity: u32,
    unit_minor: i64,
}

/// The text of an invoice that passed the rules.
pub(crate) fn encode(invoice: &ValidInvoice) -> Result<Zeroizing<Vec<u8>>, DomainError> {
    let invoice = invoice.as_input();
    let payload = Payload {
        v: VERSION,
        number: Cow::Borrowed(invoice.number.disclose()),
        lines: invoice
            .lines
            .iter()
            .map(|line| Line {
                description: Cow::Borrowed(line.description.disclose()),
                quantity: line.quantity,
                unit_minor: line.unit_minor,
            })
            .collect(),
    };
    serde_json::to_vec(&payload)
        .map(Zeroizing::new)
        .map_err(|_| DomainError::Unreadable)
}

/// Reads the text back. What serde says about a damaged one may repeat its content, so it is dropped.
pub(super) fn decode(text: &[u8], currency: String) -> Result<InvoiceInput, DomainError> {
    let payload: Payload<'_> = serde_json::from_slice(text).map_err(|_| DomainError::Unreadable)?;
    if payload.v != VERSION {
        return Err(DomainError::Unreadable);
    }
    let owned = |text: Cow<'_, str>| Phi::new(text.into_owned());
    Ok(InvoiceInput {
        number: owned(payload.number),
        currency,
        lines: payload
            .lines
            .into_iter()
            .map(|line| InvoiceLine {
                description: owned(line.description),
                quantity: line.quantity,
                unit_minor: line.unit_minor,
            })
            .collect(),
    })
}
