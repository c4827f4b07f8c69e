//! What an attempt comes to: again, given up, or for a person.

use crate::fixture::{Fixture, Script, ambiguous, ctx, retry, unavailable};
use bearingwall_core::EffectId;
use bearingwall_gates::GateError;
use bearingwall_outbox::{EffectState, Idempotency, OutboxError, Outcome, ParkedEffect, Settlement, effects_parked};
use bearingwall_tenancy::TenantTx;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

async fn parked(fixture: &Fixture) -> Vec<ParkedEffect> {
    let listed: Result<_, OutboxError> = fixture
        .pool
        .run(&ctx(fixture.a()), async |tx: &mut TenantTx<'_>| {
            effects_parked(tx, None, 100).await
        })
        .await;
    listed.unwrap().0
}

#[tokio::test]
async fn out_3_an_ambiguous_end_is_repeated_only_where_that_is_safe() {
    let fixture = Fixture::create(1).await;
    let cases = [
        ("once.mail", Idempotency::None),
        ("key.pay", Idempotency::Native),
        ("put.crm", Idempotency::Natural),
    ];
    let scripts = cases.map(|(name, idempotency)| Script::new(name, idempotency));
    let worker = fixture.worker(&scripts).await;
    let mut effects = Vec::new();
    for (script, (name, _)) in scripts.iter().zip(cases) {
        script.say([ambiguous()]);
        effects.push(fixture.send(fixture.a(), name, None, [1]).await[0]);
    }
    worker.step().await.unwrap();
    let states = async || {
        let mut states = Vec::new();
        for effect in &effects {
            states.push(fixture.state(fixture.a(), *effect).await);
        }
        states
    };
    assert_eq!(
        states().await,
        [EffectState::Unknown, EffectState::Queued, EffectState::Queued]
    );
    for _ in 0..3 {
        fixture.now().await;
        worker.step().await.unwrap();
    }
    assert_eq!(
        states().await,
        [EffectState::Unknown, EffectState::Delivered, EffectState::Delivered]
    );
    assert_eq!(scripts[0].received().len(), 1, "never by itself");
    let keys: Vec<String> = scripts[1].received().into_iter().map(|(_, key, ..)| key).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1], "a repetition bears the same key");
}

#[tokio::test]
async fn out_3_a_call_that_takes_too_long_or_breaks_down_is_ambiguous() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("once.*", Idempotency::None);
    *script.takes.lock().unwrap() = Duration::from_secs(3);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let effect = fixture.send(fixture.a(), "once.mail", None, [1]).await[0];
    worker.step().await.unwrap();
    assert_eq!(fixture.state(fixture.a(), effect).await, EffectState::Unknown);
    assert_eq!(parked(&fixture).await[0].code.as_deref(), Some("deadline"));
}

#[tokio::test]
async fn out_3_a_lease_that_ends_during_a_call_goes_the_same_ways() {
    let fixture = Fixture::create(1).await;
    let (once, keyed) = (
        Script::new("once.*", Idempotency::None),
        Script::new("key.*", Idempotency::Native),
    );
    let worker = fixture.worker(&[Arc::clone(&once), Arc::clone(&keyed)]).await;
    let unknown = fixture.send(fixture.a(), "once.mail", None, [1]).await[0];
    let again = fixture.send(fixture.a(), "key.pay", None, [2]).await[0];
    let never_begun = fixture.send(fixture.a(), "once.mail", None, [3]).await[0];
    // A worker that died: two in the middle of a call, one before it.
    let pool = fixture.workers_pool(2).await;
    let patterns = ["once.*".to_owned(), "key.*".to_owned()];
    let leases = pool.claim(&patterns, 10, Duration::from_secs(1)).await.unwrap();
    assert_eq!(leases.len(), 3);
    let raw = fixture
        .database
        .client(bearingwall_testkit::database::Login::Worker)
        .await
        .unwrap();
    for lease in &leases {
        let idempotency = if lease.effect() == again.as_uuid() {
            "native"
        } else {
            "none"
        };
        if lease.effect() != never_begun.as_uuid() {
            raw.batch_execute(&format!(
                "BEGIN; SELECT tenancy.enter_effect('{e}', '{l}', '{{us-east-1}}'); SELECT tenancy.effect_begin('{e}', '{l}', '{idempotency}'); COMMIT",
                e = lease.effect(),
                l = lease.lease()
            ))
            .await
            .unwrap();
        }
    }
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for _ in 0..2 {
        worker.step().await.unwrap();
    }
    assert_eq!(fixture.state(fixture.a(), unknown).await, EffectState::Unknown);
    assert_eq!(fixture.state(fixture.a(), again).await, EffectState::Delivered);
    assert_eq!(fixture.state(fixture.a(), never_begun).await, EffectState::Delivered);
    assert_eq!(once.received().len(), 1, "what may have arrived was not sent again");
    let lost = "SELECT count(*) FROM tenancy.effect_attempts WHERE outcome = 'lost'";
    assert_eq!(fixture.number(lost).await, 1);
    let told = "SELECT count(*) FROM audit.events WHERE event_type = 'effect.parked' AND outcome = 'unknown'";
    assert_eq!(fixture.number(told).await, 1);
}

#[tokio::test]
async fn out_2_a_late_worker_is_fenced_off() {
    let fixture = Fixture::create(1).await;
    let effect = fixture.send(fixture.a(), "key.pay", None, [1]).await[0];
    let pool = fixture.workers_pool(2).await;
    let patterns = ["key.*".to_owned()];
    let late = pool
        .claim(&patterns, 1, Duration::from_secs(1))
        .await
        .unwrap()
        .remove(0);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let current = pool
        .claim(&patterns, 1, Duration::from_secs(30))
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (late.number(), current.number(), current.effect()),
        (1, 2, effect.as_uuid())
    );
    let entered: Result<(), OutboxError> = pool
        .run(&late, async |tx: &mut TenantTx<'_>| {
            bearingwall_gates::PayloadKeys::wrapped(tx).await?;
            Ok(())
        })
        .await;
    assert!(crate::fixture::is_lease_ended(&entered.unwrap_err()));
    assert!(!pool.give_back(&late).await.unwrap());
    // Inside the tenant by the current lease, the late one finishes nothing either.
    let raw = fixture
        .database
        .client(bearingwall_testkit::database::Login::Worker)
        .await
        .unwrap();
    let finish = |lease: Uuid| {
        format!(
        "BEGIN; SELECT tenancy.enter_effect('{e}', '{c}', '{{us-east-1}}'); SELECT tenancy.effect_begin('{e}', '{c}', 'native');
         SELECT tenancy.effect_finish('{e}', '{lease}', 'delivered', NULL, NULL, 0); COMMIT",
        e = current.effect(), c = current.lease()
    )
    };
    let error = raw.batch_execute(&finish(late.lease())).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "28000");
    raw.batch_execute("ROLLBACK").await.unwrap();
    raw.batch_execute(&finish(current.lease())).await.unwrap();
    assert_eq!(fixture.state(fixture.a(), effect).await, EffectState::Delivered);
}

#[tokio::test]
async fn out_3_what_fails_for_good_is_given_up_and_what_is_refused_at_once() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("key.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let failing = fixture.send(fixture.a(), "key.pay", None, [1]).await[0];
    script.say((0..40).map(|_| retry()));
    for _ in 0..25 {
        fixture.now().await;
        worker.step().await.unwrap();
    }
    assert_eq!(script.received().len(), 20, "the catalogue's number of attempts");
    assert_eq!(fixture.state(fixture.a(), failing).await, EffectState::Dead);
    let refusing = Script::new("gone.*", Idempotency::Native);
    *refusing.refuses.lock().unwrap() = Some(Outcome::Refused {
        code: "suppressed".to_owned(),
    });
    let worker = fixture.worker(&[Arc::clone(&refusing)]).await;
    let refused = fixture.send(fixture.a(), "gone.mail", None, [1]).await[0];
    worker.step().await.unwrap();
    assert_eq!(fixture.state(fixture.a(), refused).await, EffectState::Dead);
    assert!(refusing.received().is_empty(), "nothing left");
    assert_eq!(parked(&fixture).await[0].code.as_deref(), Some("suppressed"));
}

#[tokio::test]
async fn out_3_the_text_of_a_failure_is_not_kept() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("key.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    script.say([Outcome::Refused {
        code: "no such patient: Ada Lovelace".to_owned(),
    }]);
    fixture.send(fixture.a(), "key.pay", None, [1]).await;
    worker.step().await.unwrap();
    assert_eq!(parked(&fixture).await[0].code, None);
}

#[tokio::test]
async fn out_6_a_person_settles_what_is_parked_and_what_waits_behind_it_goes_on() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("once.*", Idempotency::None);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let thing = Some(Uuid::from_u128(9));
    let effects = fixture.send(fixture.a(), "once.mail", thing, [1, 2, 3]).await;
    script.say([ambiguous(), ambiguous()]);
    worker.step().await.unwrap();
    let waiting = parked(&fixture).await;
    assert_eq!(
        (waiting.len(), waiting[0].effect, waiting[0].behind, waiting[0].state),
        (1, effects[0], 2, EffectState::Unknown)
    );
    worker.step().await.unwrap();
    assert_eq!(script.numbers(), [1], "what is behind it waits");
    let nothing = fixture.settle(fixture.a(), effects[1], Settlement::Abandon).await;
    assert!(
        matches!(nothing, Err(OutboxError::Gate(GateError::NoSuch))),
        "it is not parked: {nothing:?}"
    );
    fixture
        .settle(fixture.a(), effects[0], Settlement::FoundDelivered)
        .await
        .unwrap();
    fixture.now().await;
    worker.step().await.unwrap();
    assert_eq!(fixture.state(fixture.a(), effects[1]).await, EffectState::Unknown);
    fixture
        .settle(fixture.a(), effects[1], Settlement::Replay)
        .await
        .unwrap();
    for _ in 0..3 {
        fixture.now().await;
        worker.step().await.unwrap();
    }
    assert_eq!(script.numbers(), [1, 2, 2, 3]);
    assert_eq!(
        fixture.state(fixture.a(), effects[0]).await,
        EffectState::FoundDelivered
    );
    assert_eq!(fixture.state(fixture.a(), effects[2]).await, EffectState::Delivered);
    let told = "SELECT count(*) FROM audit.events WHERE event_type IN ('effect.replayed', 'effect.resolved') AND outcome = 'success'";
    assert_eq!(fixture.number(told).await, 2);
}

#[tokio::test]
async fn out_6_what_is_too_old_is_not_put_back() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("key.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let effect = fixture.send(fixture.a(), "key.pay", None, [1]).await[0];
    fixture
        .superuser()
        .await
        .batch_execute("UPDATE tenancy.effect_queue SET deliver_until = now() - interval '1 second'")
        .await
        .unwrap();
    worker.step().await.unwrap();
    assert!(script.received().is_empty(), "it is too late to try");
    assert_eq!(fixture.state(fixture.a(), effect).await, EffectState::Dead);
    let put_back = fixture.settle(fixture.a(), effect, Settlement::Replay).await;
    assert!(
        matches!(put_back, Err(OutboxError::Gate(GateError::Expired))),
        "{put_back:?}"
    );
    for reason in [
        "too short",
        "with a NUL\0 in it",
        "with a tab\tin it",
        &"long".repeat(126),
    ] {
        let refused = fixture
            .settle_saying(fixture.a(), effect, Settlement::Abandon, reason)
            .await;
        assert!(
            matches!(
                refused,
                Err(OutboxError::Gate(GateError::Invalid { field: "reason", .. }))
            ),
            "{reason:?}: {refused:?}"
        );
    }
    fixture.settle(fixture.a(), effect, Settlement::Abandon).await.unwrap();
    assert_eq!(fixture.state(fixture.a(), effect).await, EffectState::Abandoned);
}

#[tokio::test]
async fn out_5_that_a_destination_is_away_counts_towards_nothing() {
    let fixture = Fixture::create(1).await;
    fixture.configure(8, 1000, 1000, 3, 10).await;
    let script = Script::new("key.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let effect: EffectId = fixture.send(fixture.a(), "key.pay", None, [1]).await[0];
    script.say((0..30).map(|_| unavailable()));
    for _ in 0..30 {
        fixture.now().await;
        worker.step().await.unwrap();
    }
    assert_eq!(
        script.received().len(),
        30,
        "more than the catalogue's number of attempts"
    );
    assert_eq!(
        fixture
            .number("SELECT attempts::bigint FROM tenancy.effect_queue")
            .await,
        0
    );
    fixture.now().await;
    worker.step().await.unwrap();
    assert_eq!(fixture.state(fixture.a(), effect).await, EffectState::Delivered);
}
