//! Attacks on the outbox: by the worker, by the server, by another tenant, by the owner of the tables.

use crate::fixture::{Fixture, Script, ambiguous, ctx};
use bearingwall_core::SubjectId;
use bearingwall_gates::{GateError, machine_register};
use bearingwall_outbox::{EffectState, Idempotency, OutboxError, Settlement, Worker, WorkerOptions};
use bearingwall_tenancy::TenantTx;
use bearingwall_testkit::database::Login;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;
use uuid::Uuid;

async fn refused(client: &Client, sql: &str) -> String {
    match client.batch_execute(sql).await {
        Ok(()) => panic!("not refused: {sql}"),
        Err(error) => {
            client.batch_execute("ROLLBACK").await.unwrap();
            error.as_db_error().unwrap().code().code().to_owned()
        }
    }
}

#[tokio::test]
async fn out_1_a_worker_alters_and_inserts_nothing() {
    let fixture = Fixture::create(1).await;
    fixture.send(fixture.a(), "key.pay", None, [1]).await;
    let worker = fixture.database.client(Login::Worker).await.unwrap();
    let pool = fixture.workers_pool(1).await;
    let lease = pool
        .claim(&["key.*".to_owned()], 1, Duration::from_secs(60))
        .await
        .unwrap()
        .remove(0);
    let inside = format!(
        "BEGIN; SELECT tenancy.enter_effect('{}', '{}', '{{us-east-1}}');",
        lease.effect(),
        lease.lease()
    );
    for sql in [
        "UPDATE tenancy.effects SET payload = '\\x01'",
        "INSERT INTO tenancy.effects (effect_id) VALUES (gen_random_uuid())",
        "UPDATE tenancy.effect_queue SET destination = 'key.other'",
        "DELETE FROM tenancy.effect_queue",
        "SELECT tenancy.effect_enqueue(gen_random_uuid(), 'webhook.deliver', 'key.pay', NULL, '\\x0101', decode(repeat('01', 32), 'hex'), 1, NULL)",
        "SELECT tenancy.effect_settle(gen_random_uuid(), 'abandoned', 'because I can do so')",
        "SELECT tenancy.effect_key_offer('1', '\\x01')",
        "UPDATE crm.tenant_keys SET version = 2",
        "SELECT * FROM crm.client_records",
        "SELECT * FROM crm.chart_note_records",
        "SELECT * FROM pii.vault",
        "SELECT tenancy.effect_reap()",
        "SELECT tenancy.effect_configure(1, 1, 1, 1, '1 second', '1 second')",
    ] {
        assert_eq!(
            refused(&worker, &format!("{inside} {sql}; COMMIT")).await,
            "42501",
            "{sql}"
        );
    }
    let twice = format!(
        "{inside} SELECT tenancy.effect_begin('{0}', '{1}', 'native'); SELECT tenancy.effect_begin('{0}', '{1}', 'native')",
        lease.effect(),
        lease.lease()
    );
    assert_eq!(refused(&worker, &twice).await, "23505", "an attempt is begun once");
    let unbegun = format!(
        "{inside} SELECT tenancy.effect_finish('{}', '{}', 'delivered', NULL, NULL, 0)",
        lease.effect(),
        lease.lease()
    );
    assert_eq!(
        refused(&worker, &unbegun).await,
        "42501",
        "and ended after it was begun"
    );
}

#[tokio::test]
async fn out_2_without_a_living_lease_no_tenant_opens() {
    let fixture = Fixture::create(2).await;
    fixture.send(fixture.a(), "key.pay", None, [1]).await;
    let theirs = fixture.send(fixture.tenants[1], "key.pay", None, [1]).await[0];
    let worker = fixture.database.client(Login::Worker).await.unwrap();
    let pool = fixture.workers_pool(1).await;
    let leases = pool
        .claim(&["key.*".to_owned()], 10, Duration::from_secs(60))
        .await
        .unwrap();
    let (mine, other): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.effect() != theirs.as_uuid());
    let (mine, other) = (&mine[0], &other[0]);
    let enter = |effect: Uuid, lease: Uuid, region: &str| {
        format!("SELECT tenancy.enter_effect('{effect}', '{lease}', '{{{region}}}')")
    };
    for sql in [
        enter(mine.effect(), other.lease(), "us-east-1"),
        enter(mine.effect(), Uuid::nil(), "us-east-1"),
        enter(Uuid::nil(), mine.lease(), "us-east-1"),
        enter(mine.effect(), mine.lease(), "eu-west-1"),
        format!(
            "BEGIN; {}; {}",
            enter(mine.effect(), mine.lease(), "us-east-1"),
            enter(other.effect(), other.lease(), "us-east-1")
        ),
        format!(
            "BEGIN; {}; SELECT tenancy.effect_begin('{}', '{}', 'native')",
            enter(mine.effect(), mine.lease(), "us-east-1"),
            other.effect(),
            other.lease()
        ),
        format!(
            "SELECT tenancy.effect_begin('{}', '{}', 'native')",
            mine.effect(),
            mine.lease()
        ),
    ] {
        assert_eq!(refused(&worker, &sql).await, "28000", "{sql}");
    }
    let app = fixture.database.client(Login::App).await.unwrap();
    for sql in [
        enter(mine.effect(), mine.lease(), "us-east-1"),
        "SELECT tenancy.effect_claim('{key.*}', '{us-east-1}', 1, 60)".to_owned(),
        format!("SELECT tenancy.effect_return('{}', '{}')", mine.effect(), mine.lease()),
        format!(
            "SELECT tenancy.effect_finish('{}', '{}', 'delivered', NULL, NULL, 0)",
            mine.effect(),
            mine.lease()
        ),
    ] {
        assert_eq!(refused(&app, &sql).await, "42501", "{sql}");
    }
    for sql in [
        "SELECT tenancy.effect_claim('{key.*}', '{us-east-1}', 0, 60)",
        "SELECT tenancy.effect_claim('{key.*}', '{us-east-1}', 1, 901)",
    ] {
        assert_eq!(refused(&worker, sql).await, "22023", "{sql}");
    }
}

#[tokio::test]
async fn out_6_neither_another_tenant_nor_a_machine_settles_anything() {
    let fixture = Fixture::create(2).await;
    let script = Script::new("once.*", Idempotency::None);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    let effect = fixture.send(fixture.a(), "once.mail", None, [1]).await[0];
    script.say([ambiguous()]);
    worker.step().await.unwrap();
    let other = fixture.settle(fixture.tenants[1], effect, Settlement::Replay).await;
    assert!(matches!(other, Err(OutboxError::Gate(GateError::NoSuch))), "{other:?}");
    let superuser = fixture.superuser().await;
    let machine = SubjectId::from_uuid(Uuid::from_u128(0xae));
    let registered: Result<(), OutboxError> = fixture
        .pool
        .run(&ctx(fixture.a()), async |tx: &mut TenantTx<'_>| {
            Ok(machine_register(tx, machine, None).await?)
        })
        .await;
    registered.unwrap();
    superuser
        .batch_execute(&format!(
            "ALTER TABLE tenancy.machines DISABLE TRIGGER keep_row; UPDATE tenancy.machines SET registered_by = gen_random_uuid(), subject_id = '{}'",
            crate::fixture::ANA
        ))
        .await
        .unwrap();
    let by_machine = fixture.settle(fixture.a(), effect, Settlement::Replay).await;
    assert!(
        matches!(by_machine, Err(OutboxError::Gate(GateError::NotAPerson))),
        "{by_machine:?}"
    );
    assert_eq!(fixture.state(fixture.a(), effect).await, EffectState::Unknown);
}

#[tokio::test]
async fn out_1_what_has_been_written_is_kept_by_its_owner_too() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("key.*", Idempotency::Native);
    let worker = fixture.worker(&[Arc::clone(&script)]).await;
    fixture.send(fixture.a(), "key.pay", Some(Uuid::nil()), [1]).await;
    worker.step().await.unwrap();
    let admin = fixture.database.admin_client().await;
    for sql in [
        "UPDATE tenancy.effects SET destination = 'key.other'",
        "DELETE FROM tenancy.effects",
        "UPDATE tenancy.effect_attempts SET outcome = 'refused'",
        "DELETE FROM tenancy.effect_attempts",
        "TRUNCATE tenancy.effect_attempts",
        "UPDATE tenancy.effect_ends SET how = 'abandoned', reason = 'because I can do so'",
        "DELETE FROM tenancy.effect_ends",
        "TRUNCATE tenancy.effect_ends",
    ] {
        let inside = format!(
            "BEGIN; SELECT tenancy.enter_migration('{}'); SET LOCAL ROLE bearingwall_owner; {sql}; COMMIT",
            fixture.a()
        );
        assert_eq!(refused(&admin, &inside).await, "42501", "{sql}");
    }
}

#[tokio::test]
async fn a_worker_that_could_lose_its_lease_in_a_call_does_not_start() {
    let fixture = Fixture::create(1).await;
    let script = Script::new("key.*", Idempotency::Native);
    let pool = fixture.workers_pool(1).await;
    let new = |scripts: &[&Arc<Script>], lease: u64| {
        let destinations = scripts
            .iter()
            .map(|script| Arc::clone(script) as Arc<dyn bearingwall_outbox::Destination>)
            .collect();
        let options = WorkerOptions {
            lease: Duration::from_secs(lease),
            ..WorkerOptions::default()
        };
        Worker::new(pool.clone(), fixture.keys.clone(), destinations, options).map(drop)
    };
    assert!(matches!(new(&[&script], 5), Err(OutboxError::Deadline)));
    assert!(matches!(
        new(&[&script, &script], 60),
        Err(OutboxError::Destination { .. })
    ));
    assert!(matches!(
        new(&[&Script::new("Key", Idempotency::None)], 60),
        Err(OutboxError::Destination { .. })
    ));
    new(&[&script], 60).unwrap();
}
