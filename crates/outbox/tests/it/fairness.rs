//! Tenants are served in turn, each within its limits.

use crate::fixture::{Fixture, Script};
use bearingwall_outbox::Idempotency;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

async fn of_tenants(fixture: &Fixture, effects: &[Uuid]) -> BTreeMap<Uuid, usize> {
    let rows = fixture
        .superuser()
        .await
        .query(
            "SELECT customer_id FROM tenancy.effects WHERE effect_id = ANY ($1)",
            &[&effects],
        )
        .await
        .unwrap();
    let mut counted = BTreeMap::new();
    for row in rows {
        *counted.entry(row.get(0)).or_default() += 1;
    }
    counted
}

#[tokio::test]
async fn out_2_a_flood_of_one_tenant_leaves_the_others_their_turn() {
    let fixture = Fixture::create(4).await;
    let flood = fixture.tenants[0];
    fixture.send(flood, "key.pay", None, 0..200).await;
    for tenant in &fixture.tenants[1..] {
        fixture.send(*tenant, "key.pay", None, 0..2).await;
    }
    let pool = fixture.workers_pool(1).await;
    let patterns = ["key.*".to_owned()];
    let first = pool.claim(&patterns, 8, Duration::from_secs(30)).await.unwrap();
    let first: Vec<Uuid> = first.iter().map(|lease| lease.effect()).collect();
    let counted = of_tenants(&fixture, &first).await;
    assert_eq!(counted.len(), 4, "everybody has a part of the first claim: {counted:?}");
    assert!(counted.values().all(|count| *count == 2), "{counted:?}");
    // The flood's own limit of what is under way holds whatever is free.
    let mut total = 2;
    for _ in 0..5 {
        total += pool.claim(&patterns, 100, Duration::from_secs(30)).await.unwrap().len();
    }
    assert_eq!(total, 8, "eight of one tenant at once");
}

#[tokio::test]
async fn out_2_a_tenant_begins_no_more_in_a_second_than_it_may() {
    let fixture = Fixture::create(1).await;
    fixture.configure(1000, 5, 10, 3, 1_000).await;
    let script = Script::new("key.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    fixture.send(fixture.a(), "key.pay", None, 0..100).await;
    let started = std::time::Instant::now();
    while started.elapsed() < Duration::from_secs(2) {
        worker.step().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (begun, most) = (
        script.received().len(),
        10 + (started.elapsed().as_secs_f64() * 5.0).ceil() as usize,
    );
    assert!((15..=most).contains(&begun), "{begun} of at most {most}");
}

#[tokio::test]
async fn out_2_two_workers_never_hold_the_same_effect() {
    let fixture = Fixture::create(3).await;
    fixture.configure(1000, 10_000, 10_000, 3, 1_000).await;
    for tenant in &fixture.tenants {
        fixture.send(*tenant, "key.pay", None, 0..60).await;
    }
    let pool = fixture.workers_pool(4).await;
    let patterns = ["key.*".to_owned()];
    let claims = (0..12).map(|_| pool.claim(&patterns, 20, Duration::from_secs(60)));
    let claimed = futures_util::future::join_all(claims).await;
    let mut effects: Vec<Uuid> = claimed
        .into_iter()
        .flat_map(Result::unwrap)
        .map(|lease| lease.effect())
        .collect();
    let count = effects.len();
    effects.sort_unstable();
    effects.dedup();
    assert_eq!(effects.len(), count);
    assert!(count > 20);
}

#[tokio::test]
async fn out_2_a_suspended_tenants_effects_wait() {
    let fixture = Fixture::create(2).await;
    for tenant in &fixture.tenants {
        fixture.send(*tenant, "key.pay", None, [1]).await;
    }
    let admin = fixture.database.admin_client().await;
    admin
        .batch_execute(&format!("SELECT tenancy.suspend_tenant('{}')", fixture.a()))
        .await
        .unwrap();
    let script = Script::new("key.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    assert_eq!(worker.step().await.unwrap(), 1);
    admin
        .batch_execute(&format!("SELECT tenancy.resume_tenant('{}')", fixture.a()))
        .await
        .unwrap();
    assert_eq!(worker.step().await.unwrap(), 1);
}
