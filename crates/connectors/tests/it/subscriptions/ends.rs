//! What becomes of a notice: tried again under the same id, given up, sent again by a person; and what ends a subscription.

use super::{World, ctx, is_refused};
use bearingwall_connectors::subscriptions::{DisabledReason, NoticeType};
use bearingwall_core::EffectId;
use std::collections::BTreeSet;
use time::OffsetDateTime;
use uuid::Uuid;

const TYPES: &[NoticeType] = &[NoticeType::ClientCreated];

#[tokio::test]
async fn con_10_a_failure_is_tried_again_under_the_same_id_until_it_is_taken() {
    let world = World::open().await;
    let (id, secret) = world.subscribe(world.juniper, "/in", TYPES).await;
    let answers = [
        "500 Failed",
        "400 Bad",
        "302 Found\r\nlocation: https://elsewhere.example.org/",
        "429 Slow\r\nretry-after: 120",
        "silence",
        "200 Taken",
    ];
    world.receiver.say(answers);
    world.client(world.juniper).await;
    let worker = world.worker(world.usual()).await;
    let mut seen = Vec::new();
    for _ in answers {
        world.work(&worker).await;
        let delivery = world.deliveries(world.juniper, id).await.remove(0);
        let waits = delivery
            .next_at
            .map(|next| (next - OffsetDateTime::now_utc()).whole_seconds());
        seen.push((delivery.outcome.unwrap(), delivery.code, waits));
        world.now().await;
    }
    let expected = [
        ("retry", Some("http-500"), 2..6),
        ("retry", Some("http-400"), 200..331),
        ("retry", Some("http-302"), 1_700..1_981),
        ("unavailable", Some("http-429"), 60..121),
        ("ambiguous", Some("no-answer"), -1..601),
        ("delivered", None, 0..0),
    ];
    for ((outcome, code, waits), (as_expected, with, between)) in seen.iter().zip(expected) {
        assert_eq!((outcome.as_str(), code.as_deref()), (as_expected, with));
        assert!(
            waits.is_none_or(|waits| between.contains(&waits)),
            "{waits:?} {between:?}"
        );
    }
    let arrived = world.receiver.arrived();
    assert_eq!(arrived.len(), answers.len());
    let ids: BTreeSet<_> = arrived
        .iter()
        .map(|request| request.header("webhook-id").to_owned())
        .collect();
    let bodies: BTreeSet<_> = arrived.iter().map(|request| request.body.clone()).collect();
    assert_eq!((ids.len(), bodies.len()), (1, 1));
    assert!(
        arrived
            .iter()
            .all(|request| request.is_signed_for(&[&secret], OffsetDateTime::now_utc()))
    );
    let delivery = world.deliveries(world.juniper, id).await.remove(0);
    assert_eq!((delivery.state.as_str(), delivery.attempts), ("delivered", 6));
}

#[tokio::test]
async fn con_10_a_receiver_that_is_gone_is_told_of_nothing_any_more() {
    let world = World::open().await;
    let (id, _) = world.subscribe(world.juniper, "/in", TYPES).await;
    let (stays, _) = world.subscribe(world.juniper, "/stays", TYPES).await;
    world
        .subscriptions
        .change(&ctx(world.juniper), stays, TYPES, false)
        .await
        .unwrap();
    for _ in 0..3 {
        world.client(world.juniper).await;
    }
    // One is due; the others wait.
    world
        .sql(
            "UPDATE tenancy.effect_queue SET available_at = now() + interval '1 hour'
              WHERE effect_id <> (SELECT effect_id FROM tenancy.effect_queue ORDER BY effect_id LIMIT 1)",
        )
        .await;
    world.receiver.say(["410 Gone"]);
    let worker = world.worker(world.usual()).await;
    world.work(&worker).await;
    assert_eq!(world.receiver.arrived().len(), 1);
    let disabled = world.one(world.juniper, id).await.disabled.unwrap();
    assert_eq!(disabled.1, DisabledReason::Gone);
    let states: Vec<_> = world
        .deliveries(world.juniper, id)
        .await
        .into_iter()
        .map(|delivery| delivery.state)
        .collect();
    assert_eq!(
        states,
        ["abandoned", "abandoned", "dead"],
        "what was on its way ends with it"
    );
    world.client(world.juniper).await;
    world.now().await;
    world.work(&worker).await;
    assert_eq!(world.receiver.arrived().len(), 1);
    assert_eq!(world.deliveries(world.juniper, id).await.len(), 3);
    let recorded = world.recorded().await;
    assert_eq!(recorded.last().unwrap(), "webhook_subscription.disabled gone");
    let resolved =
        "SELECT count(*) FROM audit.events WHERE event_type = 'effect.resolved' AND outcome_code = 'abandoned'";
    assert_eq!(world.number(resolved).await, 2);
    // Nothing is tried, and nothing sent again, while it has ended; a person may let it begin anew.
    let own = &ctx(world.juniper);
    assert!(is_refused(
        &world.subscriptions.test(own, id).await.unwrap_err(),
        "CON-033"
    ));
    let dead = world.deliveries(world.juniper, id).await[2].effect;
    let again = async || {
        world
            .subscriptions
            .redeliver(own, id, dead, "the receiver is back")
            .await
    };
    assert!(is_refused(&again().await.unwrap_err(), "CON-033"));
    world.subscriptions.change(own, id, TYPES, true).await.unwrap();
    again().await.unwrap();
    world.work(&worker).await;
    assert_eq!(world.deliveries(world.juniper, id).await[2].state, "delivered");
    let arrived = world.receiver.arrived();
    assert_eq!(arrived[0].header("webhook-id"), arrived[1].header("webhook-id"));
}

#[tokio::test]
async fn con_10_failing_for_days_ends_a_subscription_unless_something_arrived() {
    let world = World::open().await;
    let (id, _) = world.subscribe(world.juniper, "/in", TYPES).await;
    let worker = world.worker(world.usual()).await;
    let fail = async |times: usize| {
        for _ in 0..times {
            world.receiver.say(["503 Away"]);
            world.now().await;
            world.work(&worker).await;
        }
    };
    world.client(world.juniper).await;
    fail(11).await;
    assert_eq!(world.deliveries(world.juniper, id).await[0].state, "queued");
    // Another notice is taken in the meantime: this receiver lives.
    world
        .sql("UPDATE tenancy.effect_queue SET available_at = now() + interval '1 hour'")
        .await;
    world.client(world.juniper).await;
    world.work(&worker).await;
    fail(1).await;
    let states: Vec<_> = world
        .deliveries(world.juniper, id)
        .await
        .into_iter()
        .map(|delivery| delivery.state)
        .collect();
    assert_eq!(states, ["delivered", "dead"]);
    assert_eq!(world.one(world.juniper, id).await.disabled, None);
    // Nothing is.
    world.client(world.juniper).await;
    fail(12).await;
    assert_eq!(
        world.one(world.juniper, id).await.disabled.unwrap().1,
        DisabledReason::Failing
    );
    assert_eq!(
        world.recorded().await.last().unwrap(),
        "webhook_subscription.disabled failing"
    );
    assert_eq!(world.number("SELECT count(*) FROM tenancy.effects").await, 3);
    world.client(world.juniper).await;
    assert_eq!(world.number("SELECT count(*) FROM tenancy.effects").await, 3);
}

#[tokio::test]
async fn con_10_deliveries_are_listed_in_pages_and_a_test_is_one_of_them() {
    let world = World::open().await;
    let (id, _) = world.subscribe(world.juniper, "/in", TYPES).await;
    let own = &ctx(world.juniper);
    let test = world.subscriptions.test(own, id).await.unwrap();
    for _ in 0..4 {
        world.client(world.juniper).await;
    }
    world.work(&world.worker(world.usual()).await).await;
    assert!(
        world
            .receiver
            .arrived()
            .iter()
            .any(|request| request.body.contains(r#""type":"webhook.test""#))
    );
    let mut all: Vec<EffectId> = Vec::new();
    loop {
        let (page, more) = world
            .subscriptions
            .deliveries(own, id, all.last().copied(), 2)
            .await
            .unwrap();
        all.extend(page.iter().map(|delivery| delivery.effect));
        if !more {
            break;
        }
    }
    assert_eq!((all.len(), all.last()), (5, Some(&test)));
    assert!(all.is_sorted_by(|a, b| a.as_uuid() > b.as_uuid()));
    for limit in [0, 101] {
        assert!(is_refused(
            &world.subscriptions.deliveries(own, id, None, limit).await.unwrap_err(),
            "CON-035"
        ));
    }
    // What was taken is not sent again; nor is another destination's effect, or one that is none.
    for effect in [test, EffectId::from_uuid(Uuid::now_v7())] {
        assert!(
            world
                .subscriptions
                .redeliver(own, id, effect, "to see it once more")
                .await
                .is_err()
        );
    }
    let (other, _) = world
        .subscribe(world.juniper, "/other", &[NoticeType::GateRequested])
        .await;
    let refused = world
        .subscriptions
        .redeliver(own, other, test, "to see it once more")
        .await
        .unwrap_err();
    assert!(is_refused(&refused, "CON-031"));
    assert_eq!(
        world
            .recorded()
            .await
            .iter()
            .filter(|event| event.ends_with(".tested"))
            .count(),
        1
    );
}
