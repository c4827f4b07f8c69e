//! A destination that is away is left alone, and tried with one effect at the end of its pause.

use crate::fixture::{Fixture, Script, unavailable};
use bearingwall_outbox::Idempotency;
use std::sync::Arc;

const LATER: &str = "UPDATE tenancy.effect_queue SET available_at = now() - interval '1 second' WHERE state = 'queued'";
const PAUSE_OVER: &str = "UPDATE tenancy.effect_breakers SET open_until = now() - interval '1 second'";

#[tokio::test]
async fn out_5_after_failures_in_a_row_nothing_is_claimed_for_a_while() {
    let fixture = Fixture::create(2).await;
    fixture.configure(8, 1000, 1000, 3, 60_000).await;
    let (down, up) = (
        Script::new("down.*", Idempotency::Native),
        Script::new("up.*", Idempotency::Native),
    );
    let worker = fixture.worker(&[Arc::clone(&down), Arc::clone(&up)]).await;
    let superuser = fixture.superuser().await;
    fixture.send(fixture.a(), "down.one", None, 0..10).await;
    down.say((0..9).map(|_| unavailable()));
    worker.step().await.unwrap();
    let tried = down.received().len();
    assert!((3..=8).contains(&tried), "{tried}: no more than were under way");
    superuser.batch_execute(LATER).await.unwrap();
    worker.step().await.unwrap();
    assert_eq!(down.received().len(), tried, "the pause holds");
    // Neither another destination nor another tenant is held up.
    fixture.send(fixture.a(), "up.one", None, [1]).await;
    fixture.send(fixture.tenants[1], "down.one", None, [1]).await;
    down.say([]);
    worker.step().await.unwrap();
    assert_eq!(up.received().len(), 1);
    assert_eq!(down.received().len(), tried + 1);
    assert_eq!(
        fixture
            .number("SELECT count(*) FROM tenancy.effect_breakers WHERE open_until IS NOT NULL")
            .await,
        1
    );
}

#[tokio::test]
async fn out_5_the_end_of_a_pause_lets_one_through_and_its_success_all() {
    let fixture = Fixture::create(1).await;
    fixture.configure(8, 1000, 1000, 3, 20_000).await;
    let down = Script::new("down.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&down)]).await;
    let superuser = fixture.superuser().await;
    fixture.send(fixture.a(), "down.one", None, 0..12).await;
    down.say((0..9).map(|_| unavailable()));
    worker.step().await.unwrap();
    let tried = down.received().len();
    assert_eq!(tried, 8);
    let failures = fixture
        .number("SELECT failures::bigint FROM tenancy.effect_breakers")
        .await;
    assert_eq!(failures, 3, "what was under way when it opened lengthens nothing");
    superuser.batch_execute(LATER).await.unwrap();
    superuser.batch_execute(PAUSE_OVER).await.unwrap();
    worker.step().await.unwrap();
    assert_eq!(down.received().len(), tried + 1, "one try");
    let pause =
        "SELECT (open_until > now() + interval '19 seconds')::int::bigint + failures FROM tenancy.effect_breakers";
    assert_eq!(fixture.number(pause).await, 5, "twice as long, at least half of it");
    superuser.batch_execute(LATER).await.unwrap();
    superuser.batch_execute(PAUSE_OVER).await.unwrap();
    worker.step().await.unwrap();
    assert_eq!(down.received().len(), tried + 2);
    assert_eq!(
        fixture.number("SELECT count(*) FROM tenancy.effect_breakers").await,
        0,
        "it is up again"
    );
    superuser.batch_execute(LATER).await.unwrap();
    worker.step().await.unwrap();
    assert!(down.received().len() > tried + 3, "and all go on");
}
