//! Stripe tells of a payment, and an invoice is paid: once, in its own amount and currency, or not at all.

use super::*;
use bearingwall_domain::{DomainError, InvoiceState};

#[tokio::test(flavor = "multi_thread")]
async fn dom_6_a_payment_pays_its_invoice_once_however_often_it_is_told_of() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "2026-0001", 12_500).await;
    let first = paid("evt_1", "pi_1", invoice, 12_500);
    assert_eq!(intake.stripe(&first).await, Received::New);
    assert_eq!(intake.stripe(&first).await, Received::Duplicate);
    assert_eq!(intake.settled().await, Verdict::Done);
    assert_eq!(intake.next().await, Looked::Nothing);
    let (record, payments) = intake.read(client, invoice).await;
    assert_eq!(
        (record.state, record.payments, payments.len()),
        (InvoiceState::Paid, 1, 1)
    );
    assert_eq!(
        (payments[0].reference.as_str(), payments[0].amount_minor),
        ("pi_1", 12_500)
    );
    assert_eq!(
        record.invoice.lines[0].description.disclose(),
        "Hydra facial, CANARY-7716"
    );
    // Another event about the same payment, and the first one again under another id.
    intake.stripe(&session("evt_2", "pi_1", invoice, 12_500)).await;
    intake.stripe(&paid("evt_3", "pi_1", invoice, 12_500)).await;
    assert_eq!([intake.settled().await, intake.settled().await], [Verdict::Done; 2]);
    let (record, payments) = intake.read(client, invoice).await;
    assert_eq!((record.payments, payments.len(), record.version), (1, 1, 2));
    assert_eq!(intake.recorded("invoice.paid").await, "1");
    assert_eq!(intake.recorded("webhook.processed").await, "3");
    // Whose data was touched stands on the record ahead of it, and how it ended.
    let accesses =
        "SELECT string_agg(phase || ' ' || n, ', ' ORDER BY phase) FROM (SELECT phase, count(*) AS n FROM audit.events
                     WHERE event_type = 'payment.recorded' GROUP BY phase) c";
    assert_eq!(intake.sql(accesses).await, "completed 3, intended 6");
}

#[tokio::test(flavor = "multi_thread")]
async fn dom_6_a_second_payment_is_kept_and_raises_an_alarm() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "2026-0001", 900).await;
    for (id, intent) in [("evt_1", "pi_1"), ("evt_2", "pi_2")] {
        intake.stripe(&paid(id, intent, invoice, 900)).await;
        assert_eq!(intake.settled().await, Verdict::Done);
    }
    let (record, payments) = intake.read(client, invoice).await;
    assert_eq!(
        (record.state, record.payments, payments.len()),
        (InvoiceState::Paid, 2, 2)
    );
    assert_eq!(intake.recorded("payment.surplus").await, "1");
    assert_eq!(intake.recorded("invoice.paid").await, "1");
    intake.stripe(&refunded("evt_3", "pi_2", invoice, 900, 900)).await;
    assert_eq!(intake.settled().await, Verdict::Done);
    let (record, _) = intake.read(client, invoice).await;
    assert_eq!((record.state, record.refunded_minor), (InvoiceState::Paid, 900));
}

#[tokio::test(flavor = "multi_thread")]
async fn dom_6_what_is_not_the_invoices_own_waits_for_a_person_and_pays_nothing() {
    let intake = Intake::open().await;
    let juniper = request(intake.spas.juniper);
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "2026-0001", 12_500).await;
    let void = intake.invoice(client, "2026-0002", 12_500).await;
    intake.spas.crm.invoice_void(&juniper, client, void).await.unwrap();
    let stranger = intake.client(intake.spas.saltmarsh, "+1 415 555 0120").await;
    let saltmarsh = request(intake.spas.saltmarsh);
    let foreign = intake
        .spas
        .crm
        .invoice_create(&saltmarsh, stranger, &invoice_input("2026-0001", 12_500))
        .await
        .unwrap()
        .id;
    let mut euros = paid("evt_3", "pi_3", invoice, 12_500);
    euros["data"]["object"]["currency"] = json!("eur");
    let nobody = InvoiceId::from_uuid(Uuid::now_v7());
    for (event, code) in [
        (paid("evt_1", "pi_1", invoice, 12_499), "amount-differs"),
        (paid("evt_2", "pi_2", invoice, 12_501), "amount-differs"),
        (euros, "currency-differs"),
        (paid("evt_4", "pi_4", foreign, 12_500), "unknown-invoice"),
        (paid("evt_5", "pi_5", nobody, 12_500), "unknown-invoice"),
        (paid("evt_6", "pi_6", void, 12_500), "invoice-void"),
        (
            event(
                "evt_7",
                "payment_intent.succeeded",
                json!({"metadata": {"invoice_id": invoice.to_string()}}),
            ),
            "malformed",
        ),
        (refunded("evt_8", "pi_8", invoice, 12_400, 100), "amount-differs"),
    ] {
        intake.stripe(&event).await;
        assert_eq!(intake.settled().await, Verdict::Parked(code), "{event}");
    }
    assert_eq!(intake.sql("SELECT count(*)::text FROM crm.payments").await, "0");
    let (record, _) = intake.read(client, invoice).await;
    assert_eq!((record.state, record.version), (InvoiceState::Open, 1));
    let (other, _) = intake
        .spas
        .crm
        .invoice_read(&saltmarsh, stranger, foreign)
        .await
        .unwrap();
    assert_eq!(other.state, InvoiceState::Open);
    assert_eq!(intake.recorded("webhook.parked").await, "8");
    // A payment that stands under another invoice already does not pay this one, too.
    let second = intake.invoice(client, "2026-0003", 12_500).await;
    intake.stripe(&paid("evt_9", "pi_9", invoice, 12_500)).await;
    intake.stripe(&session("evt_10", "pi_9", second, 12_500)).await;
    assert_eq!(intake.settled().await, Verdict::Done);
    assert_eq!(intake.settled().await, Verdict::Parked("payment-of-another-invoice"));
    assert_eq!(intake.read(client, second).await.0.state, InvoiceState::Open);
}

#[tokio::test(flavor = "multi_thread")]
async fn dom_6_an_invoice_is_written_once_listed_and_void_while_it_is_open() {
    let intake = Intake::open().await;
    let (crm, juniper) = (&intake.spas.crm, request(intake.spas.juniper));
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let other = intake.client(intake.spas.juniper, "+1 415 555 0120").await;
    let invoice = intake.invoice(client, "2026-0001", 12_500).await;
    let again = crm
        .invoice_create(&juniper, other, &invoice_input("2026-0001", 1))
        .await;
    assert!(matches!(again, Err(DomainError::ExternalIdTaken)));
    assert!(matches!(
        crm.invoice_read(&juniper, other, invoice).await,
        Err(DomainError::NotFound)
    ));
    let saltmarsh = request(intake.spas.saltmarsh);
    assert!(matches!(
        crm.invoice_read(&saltmarsh, client, invoice).await,
        Err(DomainError::NotFound)
    ));
    assert!(matches!(
        crm.invoice_void(&saltmarsh, client, invoice).await,
        Err(DomainError::NotFound)
    ));
    let missing = crm.invoice_create(&saltmarsh, client, &invoice_input("1", 1)).await;
    assert!(matches!(missing, Err(DomainError::NotFound)));
    let second = intake.invoice(client, "2026-0002", 1).await;
    let page = bearingwall_domain::Page { before: None, limit: 1 };
    let listed = crm.invoice_list(&juniper, client, page).await.unwrap();
    assert_eq!((listed.items[0].id, listed.next), (second, Some(second)));
    assert_eq!(crm.invoice_void(&juniper, client, second).await.unwrap().version, 2);
    assert!(matches!(
        crm.invoice_void(&juniper, client, second).await,
        Err(DomainError::NotOpen)
    ));
    intake.stripe(&paid("evt_1", "pi_1", invoice, 12_500)).await;
    intake.settled().await;
    assert!(matches!(
        crm.invoice_void(&juniper, client, invoice).await,
        Err(DomainError::NotOpen)
    ));
    // Neither the lines nor the number stand anywhere in clear.
    let stored = "SELECT string_agg(t, ' ') FROM (SELECT i::text AS t FROM crm.invoices i UNION ALL SELECT r::text FROM crm.invoice_records r) x";
    let stored = intake.sql(stored).await;
    for clear in [
        "CANARY-7716",
        "2026-0001",
        &hexadecimal("CANARY-7716"),
        &hexadecimal("2026-0001"),
    ] {
        assert!(!stored.contains(clear), "{clear}");
    }
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}
