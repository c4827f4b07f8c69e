//! What is told, in which transaction, with which signature, and what can never be.

use super::{World, ctx, text};
use bearingwall_connectors::subscriptions::{Notice, NoticeType, SignatureVersion};
use bearingwall_core::Clock as _;
use bearingwall_gates::Operation as _;
use bearingwall_tenancy::{TenancyError, TenantTx};
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn con_9_what_happens_is_told_in_its_own_transaction_and_to_who_has_asked() {
    let world = World::open().await;
    let (told, secret) = world
        .subscribe(world.juniper, "/clients?team=1", &[NoticeType::ClientCreated])
        .await;
    let (notes, _) = world
        .subscribe(world.juniper, "/notes", &[NoticeType::ChartNoteCreated])
        .await;
    world
        .subscribe(world.saltmarsh, "/theirs", &[NoticeType::ClientCreated])
        .await;
    let client = world.client(world.juniper).await;
    let rolled_back: Result<(), TenancyError> = world
        .pool
        .run(&ctx(world.juniper), async |tx: &mut TenantTx<'_>| {
            let insert = format!("INSERT INTO crm.clients (id) VALUES ('{}')", Uuid::now_v7());
            super::execute(tx, &insert).await?;
            Err(TenancyError::LeaseEnded)
        })
        .await;
    assert!(rolled_back.is_err());
    assert_eq!(world.number("SELECT count(*) FROM tenancy.effects").await, 1);
    let worker = world.worker(world.usual()).await;
    world.work(&worker).await;

    let arrived = world.receiver.arrived();
    assert_eq!(arrived.len(), 1);
    let request = &arrived[0];
    assert_eq!(request.line, "POST /clients?team=1 HTTP/1.1");
    assert_eq!(request.header("content-type"), "application/json");
    let notice: Notice = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        (notice.kind(), notice.id(), notice.subscription()),
        (NoticeType::ClientCreated, client, told)
    );
    let delivery = world.deliveries(world.juniper, told).await.remove(0);
    assert_eq!(request.header("webhook-id"), format!("bw1-{}", delivery.effect));
    assert_eq!(
        (delivery.state.as_str(), delivery.attempts, delivery.outcome.as_deref()),
        ("delivered", 1, Some("delivered"))
    );
    let now = world.clock.now();
    assert!(request.is_signed_for(&[&secret], now));
    assert!(!request.is_signed_for(&["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="], now));

    // A note, of the client: what is told is the note's id.
    let note = Uuid::now_v7();
    let insert = format!("INSERT INTO crm.chart_notes (id, client_id) VALUES ('{note}', '{client}')");
    world.as_app(world.juniper, &insert).await.unwrap();
    world.work(&worker).await;
    let last: Notice = serde_json::from_str(&world.receiver.arrived()[1].body).unwrap();
    assert_eq!(
        (last.kind(), last.id(), last.subscription()),
        (NoticeType::ChartNoteCreated, note, notes)
    );
}

#[tokio::test]
async fn con_9_each_step_of_an_approval_is_told() {
    let world = World::open().await;
    let types = [
        NoticeType::GateRequested,
        NoticeType::GateExpired,
        NoticeType::GateApproved,
        NoticeType::GateRejected,
    ];
    let (id, _) = world.subscribe(world.juniper, "/gates", &types).await;
    let gate = Uuid::now_v7();
    let ask = format!(
        "SELECT tenancy.gate_request('{gate}', 'system.change', 'ops.pager', NULL, convert_to('{{}}', 'UTF8'), NULL, NULL)"
    );
    world.as_app(world.juniper, &ask).await.unwrap();
    world
        .sql(&format!(
            "ALTER TABLE tenancy.gate_requests DISABLE TRIGGER keep_row; ALTER TABLE tenancy.gate_requests DISABLE TRIGGER record_row;
             UPDATE tenancy.gate_requests SET requested_at = requested_at - interval '2 days', expires_at = expires_at - interval '2 days' WHERE gate_id = '{gate}';
             ALTER TABLE tenancy.gate_requests ENABLE ALWAYS TRIGGER keep_row; ALTER TABLE tenancy.gate_requests ENABLE ALWAYS TRIGGER record_row"
        ))
        .await;
    let admin = world.database.admin_client().await;
    let expire = format!(
        "BEGIN; SELECT tenancy.enter_migration('{}'); SET LOCAL ROLE bearingwall_owner; SELECT tenancy.gate_expire('{gate}'); COMMIT",
        world.juniper
    );
    admin.batch_execute(&expire).await.unwrap();
    world.work(&world.worker(world.usual()).await).await;
    let told: Vec<_> = world
        .receiver
        .arrived()
        .iter()
        .map(|request| serde_json::from_str::<Notice>(&request.body).unwrap())
        .map(|notice| (notice.kind(), notice.id(), notice.subscription()))
        .collect();
    assert_eq!(told.len(), 2);
    for kind in [NoticeType::GateRequested, NoticeType::GateExpired] {
        assert!(told.contains(&(kind, gate, id)), "{kind:?}");
    }
}

#[tokio::test]
async fn con_9_another_content_under_the_name_of_a_notice_is_not_sent() {
    let world = World::open().await;
    let (id, _) = world
        .subscribe(world.juniper, "/in", &[NoticeType::ClientCreated])
        .await;
    let (theirs, _) = world
        .subscribe(world.saltmarsh, "/in", &[NoticeType::ClientCreated])
        .await;
    let notice = |subscription: Uuid, more: &str, kind: &str| {
        format!(
            r#"{{"data":{{"id":"{id}","subscription_id":"{subscription}"}},{more}"timestamp":"2026-11-27T17:00:00Z","type":"{kind}"}}"#
        )
    };
    let enqueue = |kind: &str, to: Uuid, content: &str| {
        let effect = Uuid::now_v7();
        format!(
            "SELECT tenancy.effect_enqueue('{effect}', '{kind}', 'webhook.{to}', NULL, convert_to('{content}', 'UTF8'), NULL, NULL, NULL)"
        )
    };
    for sql in [
        enqueue("webhook.notify", id, r#"{"name":"Ada Lovelace"}"#),
        enqueue(
            "webhook.notify",
            id,
            &notice(id, r#""name":"Ada Lovelace","#, "client.created"),
        ),
        enqueue("webhook.notify", id, &notice(id, "", "Ada Lovelace")),
        enqueue("webhook.notify", id, &notice(theirs, "", "client.created")),
        enqueue("system.notify", id, &notice(id, "", "client.created")),
        enqueue("webhook.notify", theirs, &notice(theirs, "", "client.created")),
    ] {
        world.as_app(world.juniper, &sql).await.unwrap();
    }
    world.work(&world.worker(world.usual()).await).await;
    assert_eq!(world.receiver.arrived().len(), 0);
    let codes = "SELECT count(*) FROM tenancy.effect_queue WHERE state = 'dead' AND last_code = 'no-notice'";
    assert_eq!(world.number(codes).await, 5);
    let others = "SELECT count(*) FROM tenancy.effect_queue WHERE state = 'dead' AND last_code = 'no-subscription'";
    assert_eq!(world.number(others).await, 1, "another tenant's subscription is none");
    assert_eq!(world.one(world.juniper, id).await.disabled, None);
    // The same path, with what the type can say.
    world
        .as_app(
            world.juniper,
            &enqueue("webhook.notify", id, &notice(id, "", "client.created")),
        )
        .await
        .unwrap();
    world.work(&world.worker(world.usual()).await).await;
    assert_eq!(world.receiver.arrived().len(), 1);
    assert_eq!(Notice::KIND, "webhook.notify");
}

#[tokio::test]
async fn con_8_two_secrets_sign_while_both_are_valid_and_an_ended_one_does_not() {
    let world = World::open().await;
    let (id, first) = world
        .subscribe(world.juniper, "/in", &[NoticeType::ClientCreated])
        .await;
    let worker = world.worker(world.usual()).await;
    let second = world
        .subscriptions
        .secret_rotate(&ctx(world.juniper), id, Duration::from_hours(1))
        .await
        .unwrap();
    let second = text(&second);
    assert_ne!(first, second);
    let last = async || {
        world.client(world.juniper).await;
        world.work(&worker).await;
        world.receiver.arrived().pop().unwrap()
    };
    let request = last().await;
    let now = world.clock.now();
    assert_eq!(request.header("webhook-signature").split(' ').count(), 2);
    for key in [&first, &second] {
        assert!(request.is_signed_for(&[key], now));
    }
    assert_eq!(world.one(world.juniper, id).await.secrets.len(), 2);
    world.clock.0.store(3_601, Ordering::SeqCst);
    let request = last().await;
    let now = world.clock.now();
    assert_eq!(request.header("webhook-signature").split(' ').count(), 1);
    assert!(request.is_signed_for(&[&second], now) && !request.is_signed_for(&[&first], now));
    assert_eq!(world.one(world.juniper, id).await.secrets.len(), 1);
    // With no overlap, the one before has ended at once: so a secret that leaked is replaced.
    let third = world
        .subscriptions
        .secret_rotate(&ctx(world.juniper), id, Duration::ZERO)
        .await
        .unwrap();
    let request = last().await;
    assert!(request.is_signed_for(&[&text(&third)], now) && !request.is_signed_for(&[&second], now));
}

#[tokio::test]
async fn con_8_with_keys_in_pairs_the_receiver_holds_no_secret() {
    let world = World::open().await;
    let own = &ctx(world.juniper);
    let made = world
        .subscriptions
        .create(
            own,
            &world.address("/in"),
            &[NoticeType::ClientCreated],
            SignatureVersion::Asymmetric,
        )
        .await;
    let (id, key) = made.unwrap();
    let first = text(&key);
    assert!(first.starts_with("whpk_"));
    let second = text(
        &world
            .subscriptions
            .secret_rotate(own, id, Duration::from_hours(1))
            .await
            .unwrap(),
    );
    world.client(world.juniper).await;
    world.work(&world.worker(world.usual()).await).await;
    let request = world.receiver.arrived().pop().unwrap();
    assert!(
        request
            .header("webhook-signature")
            .split(' ')
            .all(|signature| signature.starts_with("v1a,"))
    );
    for key in [&first, &second] {
        assert!(request.is_signed_for(&[key], world.clock.now()));
    }
    let shown = world.one(world.juniper, id).await.secrets;
    assert_eq!(
        shown
            .iter()
            .filter_map(|secret| secret.public_key.as_ref())
            .collect::<Vec<_>>(),
        [&second, &first]
    );
}
