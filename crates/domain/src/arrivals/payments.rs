//! Stripe: a payment, or a refund, that names an invoice.
//!
//! Stripe keeps no order and repeats itself. What is on file is a set: one row a payment, one row for each amount that was paid back
//! of it up to then; the invoice's state is counted from the set by the database. So any order leaves the same behind.

use super::access::{Declared, declare_client};
use super::nothing;
use crate::error::DomainError;
use crate::invoice::{InvoiceState, store};
use crate::schema::{invoice_records, payments};
use bearingwall_audit::EventType;
use bearingwall_connectors::arrivals::{Settled, Verdict, Work};
use bearingwall_core::ClientId;
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

const PROVIDER: &str = "stripe";
const RESOURCES: [&str; 2] = ["crm.invoice_records", "crm.payments"];

/// What an event tells of.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Money(Money),
    Nothing(Verdict),
}

/// A payment, or what was paid back of one.
#[derive(Debug, PartialEq, Eq)]
struct Money {
    invoice: Uuid,
    reference: String,
    currency: String,
    amount_minor: i64,
    refunded_minor: i64,
    occurred_at: OffsetDateTime,
}

/// The fields that are read of an event; what else Stripe says is not looked at.
#[derive(Deserialize)]
struct Event {
    r#type: String,
    created: i64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: serde_json::Value,
}

/// Of a PaymentIntent, a Checkout session and a charge.
#[derive(Deserialize)]
struct Object {
    id: String,
    currency: Option<String>,
    #[serde(default)]
    metadata: Option<Metadata>,
    client_reference_id: Option<String>,
    payment_intent: Option<String>,
    payment_status: Option<String>,
    amount: Option<i64>,
    amount_captured: Option<i64>,
    amount_received: Option<i64>,
    amount_refunded: Option<i64>,
    amount_total: Option<i64>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    invoice_id: Option<String>,
}

pub(super) async fn handle(work: &Work<'_>) -> Result<Settled, DomainError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the event is read here; what it says is compared and stored"
    )]
    let (kind, told) = told(work.arrived().body.disclose());
    let money = match told {
        Told::Money(money) => money,
        Told::Nothing(verdict) => return nothing(work, &kind, verdict).await,
    };
    // Another tenant's invoice looks like none.
    let found = work
        .ahead(async |tx: &mut TenantTx<'_>| {
            let Some(client) = store::client_of(tx, money.invoice).await? else {
                return Ok(None);
            };
            let declared = declare_client(tx, EventType::PaymentRecorded, &RESOURCES, client).await?;
            Ok::<_, DomainError>(Some((client, declared)))
        })
        .await?;
    let Some((client, declared)) = found else {
        return nothing(work, &kind, Verdict::Parked("unknown-invoice")).await;
    };
    let id = work.arrived().id;
    work.settle(&kind, async |tx: &mut TenantTx<'_>| {
        put(tx, id, client, &money, declared).await
    })
    .await
}

/// CONTROL: DOM-6
/// Compares, puts on file, and has the database count.
async fn put(
    tx: &mut TenantTx<'_>,
    event: Uuid,
    client: ClientId,
    money: &Money,
    declared: Declared,
) -> Result<Verdict, DomainError> {
    let invoice = invoice_records::table.filter(invoice_records::invoice_id.eq(money.invoice));
    let (currency, amount_minor, state): (String, i64, String) = invoice
        .select((
            invoice_records::currency,
            invoice_records::amount_minor,
            invoice_records::state,
        ))
        .for_update()
        .first(tx)
        .await
        .map_err(DomainError::Statement)?;
    let verdict = if state == InvoiceState::Void.as_str() {
        Verdict::Parked("invoice-void")
    } else if currency != money.currency {
        Verdict::Parked("currency-differs")
    } else if amount_minor != money.amount_minor {
        Verdict::Parked("amount-differs")
    } else {
        Verdict::Done
    };
    let mut written = 0;
    let verdict = match verdict {
        Verdict::Done => {
            written = insert(tx, event, client, money).await?;
            if written == 1 {
                // The trigger counts what is on file; whatever stands here has no say.
                diesel::update(invoice)
                    .set(invoice_records::payments.eq(invoice_records::payments))
                    .execute(tx)
                    .await
                    .map_err(DomainError::Statement)?;
                Verdict::Done
            } else if is_on_file(tx, money).await? {
                Verdict::Done
            } else {
                Verdict::Parked("payment-of-another-invoice")
            }
        }
        parked => parked,
    };
    declared.ended(tx, written).await?;
    Ok(verdict)
}

async fn insert(tx: &mut TenantTx<'_>, event: Uuid, client: ClientId, money: &Money) -> Result<usize, DomainError> {
    diesel::insert_into(payments::table)
        .values((
            payments::id.eq(event),
            payments::invoice_id.eq(money.invoice),
            payments::client_id.eq(client.as_uuid()),
            payments::provider.eq(PROVIDER),
            payments::reference.eq(&money.reference),
            payments::kind.eq(money.kind()),
            payments::currency.eq(&money.currency),
            payments::amount_minor.eq(money.amount_minor),
            payments::refunded_minor.eq(money.refunded_minor),
            payments::occurred_at.eq(money.occurred_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map_err(DomainError::Statement)
}

/// Whether what could not be put on file a second time is of this very invoice. Another client's is not seen.
async fn is_on_file(tx: &mut TenantTx<'_>, money: &Money) -> Result<bool, DomainError> {
    let same = payments::table
        .filter(payments::invoice_id.eq(money.invoice))
        .filter(payments::provider.eq(PROVIDER))
        .filter(payments::reference.eq(&money.reference))
        .filter(payments::kind.eq(money.kind()))
        .filter(payments::refunded_minor.eq(money.refunded_minor));
    diesel::select(diesel::dsl::exists(same))
        .get_result(tx)
        .await
        .map_err(DomainError::Statement)
}

impl Money {
    const fn kind(&self) -> &'static str {
        if self.refunded_minor == 0 { "payment" } else { "refund" }
    }
}

/// Reads an event: what Stripe calls it, and what it tells of.
fn told(body: &[u8]) -> (String, Told) {
    let malformed = || Told::Nothing(Verdict::Parked("malformed"));
    let Ok(event) = serde_json::from_slice::<Event>(body) else {
        return (String::new(), malformed());
    };
    let known = [
        "payment_intent.succeeded",
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
        "charge.refunded",
    ];
    if !known.contains(&event.r#type.as_str()) {
        return (event.r#type, Told::Nothing(Verdict::Ignored("no-handler")));
    }
    let Ok(object) = serde_json::from_value::<Object>(event.data.object) else {
        return (event.r#type, malformed());
    };
    let told = money(&event.r#type, event.created, object);
    (event.r#type, told.unwrap_or_else(Told::Nothing))
}

fn money(kind: &str, created: i64, object: Object) -> Result<Told, Verdict> {
    const MALFORMED: Verdict = Verdict::Parked("malformed");
    let invoice = invoice(&object)?;
    let (reference, amount, refunded) = match kind {
        "payment_intent.succeeded" => (Some(object.id), object.amount_received, 0),
        "charge.refunded" => {
            let refunded = object.amount_refunded.filter(|amount| *amount > 0).ok_or(MALFORMED)?;
            (
                object.payment_intent,
                object.amount_captured.or(object.amount),
                refunded,
            )
        }
        // A session is completed before the money is there, where the way of paying takes its time: another event follows.
        _ if object.payment_status.as_deref() != Some("paid") => return Err(Verdict::Ignored("not-paid")),
        _ => (object.payment_intent, object.amount_total, 0),
    };
    let reference = reference.ok_or(Verdict::Ignored("no-payment"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (amount_minor, currency) = (amount.ok_or(MALFORMED)?, object.currency.ok_or(MALFORMED)?);
    let is_sound = (1..=255).contains(&reference.len())
        && reference.chars().all(plain)
        && amount_minor > 0
        && refunded <= amount_minor
        && currency.len() == 3
        && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
    let occurred_at = OffsetDateTime::from_unix_timestamp(created).map_err(|_| MALFORMED)?;
    if !is_sound {
        return Err(MALFORMED);
    }
    Ok(Told::Money(Money {
        invoice,
        reference,
        currency: currency.to_ascii_uppercase(),
        amount_minor,
        refunded_minor: refunded,
        occurred_at,
    }))
}

/// The one invoice that an event names. `client_reference_id` may name other things; what stands as `invoice_id` is meant as one.
fn invoice(object: &Object) -> Result<Uuid, Verdict> {
    let named = object
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.invoice_id.as_deref());
    let referred = object
        .client_reference_id
        .as_deref()
        .and_then(|text| Uuid::try_parse(text).ok());
    match (named, referred) {
        (None, None) => Err(Verdict::Ignored("no-invoice")),
        (None, Some(invoice)) => Ok(invoice),
        (Some(text), referred) => {
            let invoice = Uuid::try_parse(text).map_err(|_| Verdict::Parked("unknown-invoice"))?;
            if referred.is_some_and(|other| other != invoice) {
                return Err(Verdict::Parked("two-invoices"));
            }
            Ok(invoice)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const INVOICE: &str = "0190d6f0-0000-7000-8000-000000000001";

    fn read(kind: &str, object: &Value) -> Told {
        let event = json!({"id": "evt_1", "object": "event", "type": kind, "created": 1_760_000_000, "data": {"object": object}});
        told(&serde_json::to_vec(&event).unwrap()).1
    }

    fn intent() -> Value {
        json!({"id": "pi_1", "object": "payment_intent", "amount": 500, "amount_received": 500, "currency": "usd", "metadata": {"invoice_id": INVOICE}})
    }

    fn with(mut object: Value, field: &str, value: Value) -> Value {
        object[field] = value;
        object
    }

    #[test]
    fn the_three_ways_of_telling_of_a_payment_tell_of_the_same() {
        let session = json!({"id": "cs_1", "payment_intent": "pi_1", "payment_status": "paid", "amount_total": 500, "currency": "usd", "client_reference_id": INVOICE});
        let told = read("payment_intent.succeeded", &intent());
        assert!(
            matches!(&told, Told::Money(money) if money.currency == "USD" && money.amount_minor == 500 && money.kind() == "payment")
        );
        assert_eq!(read("checkout.session.completed", &session), told);
        assert_eq!(read("checkout.session.async_payment_succeeded", &session), told);
        let charge = json!({"id": "ch_1", "payment_intent": "pi_1", "amount": 500, "amount_captured": 500, "amount_refunded": 200, "currency": "usd", "metadata": {"invoice_id": INVOICE}});
        assert!(
            matches!(read("charge.refunded", &charge), Told::Money(money) if money.reference == "pi_1" && money.refunded_minor == 200)
        );
    }

    #[test]
    fn what_names_no_invoice_or_no_money_is_told_apart() {
        let nothing = |verdict| Told::Nothing(verdict);
        let session = json!({"id": "cs_1", "payment_intent": "pi_1", "payment_status": "unpaid", "amount_total": 500, "currency": "usd", "client_reference_id": INVOICE});
        let other = "0190d6f0-0000-7000-8000-000000000002";
        for (kind, object, expected) in [
            ("customer.created", intent(), Verdict::Ignored("no-handler")),
            (
                "payment_intent.succeeded",
                with(intent(), "metadata", json!({})),
                Verdict::Ignored("no-invoice"),
            ),
            (
                "payment_intent.succeeded",
                with(intent(), "metadata", Value::Null),
                Verdict::Ignored("no-invoice"),
            ),
            (
                "payment_intent.succeeded",
                with(intent(), "metadata", json!({"invoice_id": "INV-1"})),
                Verdict::Parked("unknown-invoice"),
            ),
            (
                "payment_intent.succeeded",
                with(intent(), "client_reference_id", json!(other)),
                Verdict::Parked("two-invoices"),
            ),
            (
                "payment_intent.succeeded",
                with(intent(), "amount_received", Value::Null),
                Verdict::Parked("malformed"),
            ),
            (
                "payment_intent.succeeded",
                with(intent(), "amount_received", json!(-5)),
                Verdict::Parked("malformed"),
            ),
            (
                "payment_intent.succeeded",
                with(intent(), "amount_received", json!(1e300)),
                Verdict::Parked("malformed"),
            ),
            (
                "payment_intent.succeeded",
                with(intent(), "currency", json!("dollars")),
                Verdict::Parked("malformed"),
            ),
            (
                "payment_intent.succeeded",
                with(intent(), "id", json!("pi 1")),
                Verdict::Parked("malformed"),
            ),
            ("payment_intent.succeeded", json!([]), Verdict::Parked("malformed")),
            (
                "checkout.session.completed",
                session.clone(),
                Verdict::Ignored("not-paid"),
            ),
            (
                "checkout.session.completed",
                with(
                    with(session, "payment_status", json!("paid")),
                    "payment_intent",
                    Value::Null,
                ),
                Verdict::Ignored("no-payment"),
            ),
            (
                "charge.refunded",
                with(intent(), "amount_refunded", json!(0)),
                Verdict::Parked("malformed"),
            ),
        ] {
            assert_eq!(read(kind, &object), nothing(expected), "{kind} {object}");
        }
        for body in [
            &b"{"[..],
            b"",
            b"[]",
            b"{\"type\":1}",
            b"{\"type\":\"payment_intent.succeeded\"}",
        ] {
            assert_eq!(told(body).1, nothing(Verdict::Parked("malformed")));
        }
    }
}
