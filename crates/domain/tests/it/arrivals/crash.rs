//! A worker that ends anywhere repeats nothing and loses nothing.

use super::*;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

/// Runs a future until it has been asked so often, and drops it there with its connections, as the end of a process does.
async fn until_asked<T>(future: impl Future<Output = T>, asked: usize) -> Option<T> {
    let mut future = pin!(future);
    let mut left = asked;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Lets the worker end at its first await, at its second, and so on until it gets through; how often it ended.
async fn ended(intake: &Intake) -> usize {
    let arrivals = intake.arrivals();
    let superuser = intake.spas.superuser().await;
    for asked in 1..2_000 {
        // The first look for work is let through: before it nothing has begun.
        if let Some(looked) = until_asked(arrivals.next(&intake.handler), asked).await {
            match looked.unwrap() {
                Looked::Settled(Verdict::Done) => return asked,
                // It was settled by one that ended before it was told so.
                Looked::Nothing => return asked,
                other => panic!("{other:?}"),
            }
        }
        intake.later().await;
        superuser
            .execute("UPDATE tenancy.jobs SET attempts = 0", &[])
            .await
            .unwrap();
    }
    panic!("it never gets through");
}

#[tokio::test(flavor = "multi_thread")]
async fn con_12_a_worker_that_ends_at_any_await_pays_once() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "1", 500).await;
    intake.stripe(&paid("evt_1", "pi_1", invoice, 500)).await;
    let ends = ended(&intake).await;
    assert!(ends > 5, "{ends}");
    assert_eq!(intake.states().await, "done");
    let (record, payments) = intake.read(client, invoice).await;
    assert_eq!((record.payments, payments.len()), (1, 1));
    assert_eq!(intake.recorded("webhook.processed").await, "1");
    assert_eq!(intake.recorded("invoice.paid").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn con_12_a_worker_that_ends_at_any_await_puts_a_message_on_record_once() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    intake.text("SM1", "+14155550119", "STOP").await;
    let ends = ended(&intake).await;
    assert!(ends > 5, "{ends}");
    assert_eq!(intake.states().await, "done");
    let juniper = request(intake.spas.juniper);
    let listed = intake
        .spas
        .crm
        .message_list(&juniper, client, bearingwall_domain::Page::default())
        .await
        .unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(intake.recorded("sms_consent.changed").await, "1");
    assert_eq!(intake.recorded("webhook.processed").await, "1");
}

/// A statement that fails in the middle of the transaction that settles: nothing of it stays, and the next attempt does all.
#[tokio::test(flavor = "multi_thread")]
async fn con_12_what_fails_half_way_leaves_nothing_behind() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "1", 500).await;
    intake.stripe(&paid("evt_1", "pi_1", invoice, 500)).await;
    let superuser = intake.spas.superuser().await;
    for (table, when) in [
        ("crm.payments", "BEFORE INSERT"),
        ("crm.invoice_records", "AFTER UPDATE"),
        ("connectors.events", "AFTER UPDATE"),
        ("tenancy.jobs", "AFTER DELETE"),
    ] {
        let broken = format!(
            "CREATE OR REPLACE FUNCTION public.broken() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN RAISE EXCEPTION 'broken'; END $f$;
             GRANT EXECUTE ON FUNCTION public.broken() TO PUBLIC;
             CREATE TRIGGER zz_broken {when} ON {table} FOR EACH ROW EXECUTE FUNCTION public.broken();
             ALTER TABLE {table} ENABLE ALWAYS TRIGGER zz_broken"
        );
        superuser.batch_execute(&broken).await.unwrap();
        assert_eq!(intake.next().await, Looked::Again, "{table}");
        assert_eq!(
            intake.sql("SELECT count(*)::text FROM crm.payments").await,
            "0",
            "{table}"
        );
        assert_eq!(intake.states().await, "waiting", "{table}");
        superuser
            .batch_execute(&format!("DROP TRIGGER zz_broken ON {table}"))
            .await
            .unwrap();
        intake.later().await;
    }
    assert_eq!(intake.settled().await, Verdict::Done);
    assert_eq!(intake.read(client, invoice).await.0.payments, 1);
}
