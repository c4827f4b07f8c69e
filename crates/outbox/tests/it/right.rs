//! What is written is done, and what is not committed is not.

use crate::fixture::{Fixture, Hook, Script, ctx};
use bearingwall_core::{EffectId, Origin};
use bearingwall_gates::{GateError, Operation as _};
use bearingwall_outbox::{Effect, EffectState, Idempotency, Outbox, OutboxError};
use bearingwall_tenancy::TenantTx;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn out_1_an_effect_arrives_byte_for_byte_with_a_key_of_its_own() {
    let fixture = Fixture::create(2).await;
    let script = Script::new("hook.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    for tenant in fixture.tenants.clone() {
        fixture.send(tenant, "hook.one", None, [1]).await;
    }
    assert_eq!(worker.step().await.unwrap(), 2);
    assert_eq!(worker.step().await.unwrap(), 0);
    let received = script.received();
    assert_ne!(received[0].1, received[1].1);
    for (effect, key, bytes, attempt) in &received {
        assert_eq!((key.as_str(), *attempt), (format!("bw1-{effect}").as_str(), 1));
        let hook = Hook {
            to: "hook.one".to_owned(),
            about: None,
            number: 1,
        };
        assert_eq!(bytes, hook.canonical().unwrap().as_bytes());
    }
    let stored: Vec<u8> = fixture
        .superuser()
        .await
        .query_one("SELECT payload FROM tenancy.effects LIMIT 1", &[])
        .await
        .unwrap()
        .get(0);
    assert!(
        !stored.windows(8).any(|window| window == b"hook.one"),
        "the payload is ciphertext"
    );
    let ends = "SELECT count(*) FROM tenancy.effect_attempts WHERE outcome = 'delivered' AND receipt = 'r-1'";
    assert_eq!(fixture.number(ends).await, 2);
}

#[tokio::test]
async fn out_1_what_is_rolled_back_never_leaves() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("hook.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let cipher = fixture.keys.cipher(&fixture.pool, &ctx(fixture.a())).await.unwrap();
    let hook = Hook {
        to: "hook.one".to_owned(),
        about: Some(Uuid::nil()),
        number: 1,
    };
    let rolled_back: Result<(), OutboxError> = fixture
        .pool
        .run(&ctx(fixture.a()), async |tx: &mut TenantTx<'_>| {
            let effect = Effect::ungated(EffectId::from_uuid(Uuid::now_v7()), hook).map_err(GateError::from)?;
            Outbox::enqueue(tx, &cipher, effect).await?;
            Err(GateError::NoSuch.into())
        })
        .await;
    assert!(rolled_back.is_err());
    assert_eq!(worker.step().await.unwrap(), 0);
    assert_eq!(fixture.number("SELECT count(*) FROM tenancy.effects").await, 0);
}

#[tokio::test]
async fn out_4_what_is_about_one_thing_leaves_in_the_order_of_commits() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("hook.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let thing = Some(Uuid::from_u128(1));
    let first = fixture.send(fixture.a(), "hook.one", thing, [1, 2]).await;
    fixture.send(fixture.a(), "hook.two", thing, [3]).await;
    fixture.send(fixture.a(), "hook.one", None, [100]).await;
    script.say([crate::fixture::retry()]);
    assert_eq!(
        worker.step().await.unwrap(),
        2,
        "the first about the thing, and what is about nothing"
    );
    assert_eq!(fixture.state(fixture.a(), first[1]).await, EffectState::Waiting);
    for _ in 0..6 {
        fixture.now().await;
        worker.step().await.unwrap();
    }
    let about: Vec<u32> = script.numbers().into_iter().filter(|number| *number < 100).collect();
    assert_eq!(about, [1, 1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_4_many_writers_and_workers_keep_the_order() {
    let fixture = Arc::new(Fixture::create(1).await);
    let script = Script::new("hook.*", Idempotency::Native);
    *script.takes.lock().unwrap() = Duration::from_millis(2);
    let things: Vec<Uuid> = (0..4).map(Uuid::from_u128).collect();
    let mut writers = Vec::new();
    for (at, thing) in things.iter().enumerate() {
        let (fixture, thing) = (Arc::clone(&fixture), *thing);
        let base = u32::try_from(at).unwrap() * 1000;
        writers.push(tokio::spawn(async move {
            for number in 0..12 {
                fixture
                    .send(fixture.a(), "hook.one", Some(thing), [base + number])
                    .await;
            }
        }));
    }
    let (one, two) = (
        fixture.worker(&[Arc::clone(&script)]).await,
        fixture.worker(&[Arc::clone(&script)]).await,
    );
    let done = async {
        for writer in writers {
            writer.await.unwrap();
        }
        while fixture.number("SELECT count(*) FROM tenancy.effect_queue").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let (stop_one, stop_two) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let all = async {
        tokio::time::timeout(Duration::from_secs(60), done)
            .await
            .expect("the queue is emptied");
        stop_one.notify_one();
        stop_two.notify_one();
    };
    tokio::join!(one.run(stop_one.notified()), two.run(stop_two.notified()), all);
    for thing in 0..4 {
        let of_thing = script.numbers().into_iter().filter(|number| number / 1000 == thing);
        let mut numbers: Vec<u32> = of_thing.collect();
        // A lease that ends on a busy machine is repeated under its key.
        numbers.dedup();
        assert_eq!(numbers, (0..12).map(|number| thing * 1000 + number).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn out_3_the_attempt_is_on_record_under_the_request_and_trace_that_brought_it_about() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("hook.*", Idempotency::Natural);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let cipher = fixture.keys.cipher(&fixture.pool, &ctx(fixture.a())).await.unwrap();
    let context = ctx(fixture.a());
    let origin = Origin {
        source_ip: None,
        trace: Some(([0xab; 16], [0x01; 8])),
    };
    let sent: Result<EffectId, OutboxError> = fixture
        .pool
        .run(&context, async |tx: &mut TenantTx<'_>| {
            let hook = Hook {
                to: "hook.one".to_owned(),
                about: None,
                number: 1,
            };
            let effect = Effect::ungated(EffectId::from_uuid(Uuid::now_v7()), hook).map_err(GateError::from)?;
            Outbox::enqueue(tx, &cipher, effect.traced(origin)).await
        })
        .await;
    let effect = sent.unwrap();
    worker.step().await.unwrap();
    let rows = fixture
        .superuser()
        .await
        .query(
            "SELECT event_type, phase, outcome, access_id IS NOT NULL, trace_id FROM audit.events WHERE resource_id = $1 AND request_id = $2
              ORDER BY recorded_at",
            &[&effect.as_uuid(), &context.request().as_uuid()],
        )
        .await
        .unwrap();
    let told: Vec<(String, String, String, bool)> = rows
        .iter()
        .map(|row| (row.get(0), row.get(1), row.get(2), row.get(3)))
        .collect();
    let expected = [
        ("effect.enqueued", "completed", "success", false),
        ("effect.attempted", "intended", "success", true),
        ("effect.attempted", "completed", "success", true),
    ];
    assert_eq!(
        told,
        expected.map(|(kind, phase, outcome, access)| (kind.to_owned(), phase.to_owned(), outcome.to_owned(), access))
    );
    assert!(rows.iter().all(|row| row.get::<_, Vec<u8>>(4) == [0xab; 16]));
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_it_began_and_begins_nothing() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("hook.*", Idempotency::None);
    *script.takes.lock().unwrap() = Duration::from_millis(300);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let effects = fixture.send(fixture.a(), "hook.one", None, [1, 2]).await;
    let stop = async {
        while script.received().len() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        fixture.send(fixture.a(), "hook.one", None, [3]).await;
    };
    worker.run(stop).await;
    for effect in effects {
        assert_eq!(fixture.state(fixture.a(), effect).await, EffectState::Delivered);
    }
    assert_eq!(script.received().len(), 2);
    assert_eq!(
        fixture
            .number("SELECT count(*) FROM tenancy.effect_queue WHERE state = 'queued'")
            .await,
        1
    );
}
