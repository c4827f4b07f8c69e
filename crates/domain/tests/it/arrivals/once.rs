//! An event is worked on once, whoever looks; what fails is tried again, and what cannot be done waits for a person.

use super::*;
use bearingwall_connectors::arrivals::{
    ATTEMPTS_END, ATTEMPTS_MAX, ArrivalError, ArrivalState, Handler, RETENTION, Settled, Work, arrival_replay,
    arrivals_page, prune,
};
use bearingwall_core::{Classified, Ctx, ErrorKind};
use bearingwall_tenancy::TenantTx;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, thiserror::Error)]
#[error("it fails")]
struct Broken(ErrorKind);

impl Classified for Broken {
    fn kind(&self) -> ErrorKind {
        self.0
    }

    fn code(&self) -> &'static str {
        "TST-001"
    }
}

/// A handler that fails, and counts how often it was asked.
struct Failing(ErrorKind, AtomicUsize);

impl Handler for Failing {
    type Error = Broken;

    async fn handle(&self, _: &Work<'_>) -> Result<Settled, Broken> {
        self.1.fetch_add(1, Ordering::SeqCst);
        Err(Broken(self.0))
    }
}

impl Intake {
    async fn page(&self, ctx: &Ctx, state: Option<ArrivalState>) -> Vec<(String, Option<String>)> {
        let look = async |tx: &mut TenantTx<'_>| arrivals_page(tx, state, None, 50).await;
        let (rows, _) = self.spas.audit.pool().run(ctx, look).await.unwrap();
        rows.into_iter().map(|row| (row.event_id, row.code)).collect()
    }

    async fn replay(&self, ctx: &Ctx, id: Uuid) -> Result<(), ArrivalError> {
        let replay = async |tx: &mut TenantTx<'_>| arrival_replay(tx, id).await;
        self.spas.audit.pool().run(ctx, replay).await
    }

    pub(super) async fn id(&self, event: &str) -> Uuid {
        let query = format!("SELECT id::text FROM connectors.events WHERE event_id = '{event}'");
        self.sql(&query).await.parse().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn con_12_of_two_workers_each_event_has_one() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let mut invoices = Vec::new();
    for number in 0..20 {
        let invoice = intake.invoice(client, &number.to_string(), 500).await;
        intake
            .stripe(&paid(&format!("evt_{number}"), &format!("pi_{number}"), invoice, 500))
            .await;
        invoices.push(invoice);
    }
    let (one, other) = (
        intake.arrivals(),
        Arrivals::new(intake.spas.worker().await, intake.spas.keys.clone()),
    );
    let second = handler(&intake.spas);
    let until_empty = async |arrivals: Arrivals, handler: &CrmArrivals| {
        let mut done = 0;
        while arrivals.next(handler).await.unwrap() != Looked::Nothing {
            done += 1;
        }
        done
    };
    let (first, second) = tokio::join!(until_empty(one, &intake.handler), until_empty(other, &second));
    assert_eq!(first + second, 20);
    assert_eq!(intake.recorded("webhook.processed").await, "20");
    for invoice in invoices {
        assert_eq!(intake.read(client, invoice).await.0.payments, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn con_12_what_fails_is_tried_again_then_waits_for_a_person_who_puts_it_back() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "1", 500).await;
    intake.stripe(&paid("evt_1", "pi_1", invoice, 500)).await;
    let (arrivals, failing) = (intake.arrivals(), Failing(ErrorKind::Internal, AtomicUsize::new(0)));
    for attempt in 1..=ATTEMPTS_MAX {
        let looked = arrivals.next(&failing).await.unwrap();
        let expected = if attempt < ATTEMPTS_MAX {
            Looked::Again
        } else {
            Looked::GivenUp
        };
        assert_eq!(looked, expected, "{attempt}");
        assert_eq!(arrivals.next(&failing).await.unwrap(), Looked::Nothing, "it waits");
        intake.later().await;
    }
    assert_eq!(failing.1.load(Ordering::SeqCst), ATTEMPTS_MAX as usize);
    assert_eq!(intake.states().await, "dead failed-tst-001");
    let (juniper, saltmarsh) = (request(intake.spas.juniper), request(intake.spas.saltmarsh));
    let listed = vec![("evt_1".to_owned(), Some("failed-tst-001".to_owned()))];
    assert_eq!(intake.page(&juniper, Some(ArrivalState::Dead)).await, listed);
    assert_eq!(intake.page(&juniper, None).await, listed);
    assert!(intake.page(&juniper, Some(ArrivalState::Done)).await.is_empty());
    assert!(intake.page(&saltmarsh, None).await.is_empty());
    let id = intake.id("evt_1").await;
    assert!(matches!(
        intake.replay(&saltmarsh, id).await,
        Err(ArrivalError::NotFound)
    ));
    assert!(matches!(
        intake.replay(&juniper, Uuid::now_v7()).await,
        Err(ArrivalError::NotFound)
    ));
    intake.replay(&juniper, id).await.unwrap();
    assert!(matches!(
        intake.replay(&juniper, id).await,
        Err(ArrivalError::NotParked)
    ));
    assert_eq!(intake.settled().await, Verdict::Done);
    assert_eq!(intake.read(client, invoice).await.0.payments, 1);
    assert!(matches!(
        intake.replay(&juniper, id).await,
        Err(ArrivalError::NotParked)
    ));
    let of_it = "SELECT string_agg(event_type || coalesce(' ' || outcome_code, ''), ', ' ORDER BY recorded_at) FROM audit.events WHERE resource = 'connectors.events'";
    let expected =
        "webhook.received, webhook.parked failed-tst-001, webhook.replayed, webhook.processed payment_intent.succeeded";
    assert_eq!(intake.sql(of_it).await, expected);
    // Who put it back is on the record by name, and what the worker did then belongs to that request.
    let same = "SELECT count(DISTINCT request_id)::text FROM audit.events WHERE event_type IN ('webhook.replayed', 'webhook.processed')";
    assert_eq!(intake.sql(same).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn con_12_something_that_is_away_bothers_nobody_until_half_a_day_is_over() {
    let intake = Intake::open().await;
    intake.stripe(&event("evt_1", "customer.created", json!({}))).await;
    let (arrivals, away) = (intake.arrivals(), Failing(ErrorKind::Unavailable, AtomicUsize::new(0)));
    for attempt in 1..=ATTEMPTS_END {
        assert_eq!(arrivals.next(&away).await.unwrap(), Looked::Again, "{attempt}");
        intake.later().await;
    }
    assert_eq!(arrivals.next(&away).await.unwrap(), Looked::GivenUp);
    assert_eq!(intake.states().await, "dead worker-ended");
    assert_eq!(away.1.load(Ordering::SeqCst), ATTEMPTS_END as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn con_12_what_nothing_is_to_be_done_with_says_so() {
    let intake = Intake::open().await;
    let url = intake.twilio.clone();
    intake.stripe(&event("evt_1", "customer.created", json!({}))).await;
    intake.stripe(&event("evt_2", "A name with ADA in it", json!({}))).await;
    let status = BTreeMap::from([
        ("MessageSid", "SM1"),
        ("MessageStatus", "delivered"),
        ("SmsStatus", "delivered"),
    ]);
    intake.twilio_to(&url, &status).await;
    for _ in 0..3 {
        assert_eq!(intake.settled().await, Verdict::Ignored("no-handler"));
    }
    let kinds = intake
        .sql("SELECT string_agg(coalesce(kind, '-'), ', ' ORDER BY id) FROM connectors.events")
        .await;
    assert_eq!(kinds, "customer.created, -, message.received");
    let huge = event(
        "evt_3",
        "payment_intent.succeeded",
        json!({"filler": "x".repeat(500_000)}),
    );
    assert_eq!(intake.stripe(&huge).await, Received::New);
    assert_eq!(intake.settled().await, Verdict::Parked("malformed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn con_14_the_content_of_settled_events_goes_and_their_ids_stay() {
    let intake = Intake::open().await;
    let client = intake.client(intake.spas.juniper, "+1 415 555 0119").await;
    let invoice = intake.invoice(client, "1", 500).await;
    let old = paid("evt_1", "pi_1", invoice, 500);
    intake.stripe(&old).await;
    intake.stripe(&event("evt_2", "customer.created", json!({}))).await;
    intake.stripe(&paid("evt_3", "pi_3", invoice, 1)).await;
    for _ in 0..3 {
        intake.settled().await;
    }
    let superuser = intake.spas.superuser().await;
    let aged = "ALTER TABLE connectors.events DISABLE TRIGGER guarded;
                UPDATE connectors.events SET settled_at = now() - interval '31 days', received_at = received_at - interval '31 days';
                ALTER TABLE connectors.events ENABLE ALWAYS TRIGGER guarded";
    superuser.batch_execute(aged).await.unwrap();
    intake.stripe(&event("evt_4", "customer.created", json!({}))).await;
    intake.settled().await;
    let now = OffsetDateTime::now_utc();
    assert_eq!(
        prune(&intake.pool, RETENTION, now).await.unwrap(),
        None,
        "looked for tomorrow"
    );
    let due = "UPDATE tenancy.jobs SET available_at = now() WHERE kind = 'webhook.prune'";
    assert_eq!(
        superuser.execute(due, &[]).await.unwrap(),
        1,
        "one look for all of a tenant's events"
    );
    assert_eq!(prune(&intake.pool, RETENTION, now).await.unwrap(), Some(2));
    let left =
        "SELECT string_agg(event_id || ' ' || (sealed IS NOT NULL), ', ' ORDER BY event_id) FROM connectors.events";
    let expected = "evt_1 false, evt_2 false, evt_3 true, evt_4 true";
    assert_eq!(intake.sql(left).await, expected);
    let told = "SELECT result_count::text FROM audit.events WHERE event_type = 'webhook.pruned'";
    assert_eq!(intake.sql(told).await, "2");
    // What is sent again is known all the same.
    assert_eq!(intake.stripe(&old).await, Received::Duplicate);
    assert_eq!(intake.next().await, Looked::Nothing);
    assert_eq!(intake.read(client, invoice).await.0.payments, 1);
    assert_eq!(
        superuser.execute(due, &[]).await.unwrap(),
        1,
        "there is another look, for there is more"
    );
    // Nobody shortens the time below that in which senders try again.
    let soon = std::time::Duration::ZERO;
    assert_eq!(prune(&intake.pool, soon, now).await.unwrap(), Some(0));
    assert_eq!(intake.sql(left).await, expected);
}
