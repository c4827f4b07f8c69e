//! Where a subscription may lead, whose it is, and with whose secrets it signs.

use super::{HOST, World, ctx, is_refused};
use bearingwall_connectors::egress::{Method, Networks};
use bearingwall_connectors::subscriptions::{NoticeType, SignatureVersion};
use bearingwall_connectors::{Catalogue, HttpsAddress};
use uuid::Uuid;

const TYPES: &[NoticeType] = &[NoticeType::ClientCreated];

#[tokio::test]
async fn con_7_a_name_that_leads_inside_is_not_reached_whatever_the_operator_opens() {
    let world = World::open().await;
    let (id, _) = world.subscribe(world.juniper, "/in", TYPES).await;
    let (catalogue, _) = world.usual();
    let worker = world.worker((catalogue, Networks::default())).await;
    for address in ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fd00:ec2::254"] {
        *world.names.0.lock().unwrap() = vec!["93.184.216.34".parse().unwrap(), address.parse().unwrap()];
        world.client(world.juniper).await;
        world.work(&worker).await;
        let delivery = world.deliveries(world.juniper, id).await.remove(0);
        assert_eq!(
            (delivery.state.as_str(), delivery.code.as_deref(), delivery.attempts),
            ("dead", Some("address"), 1),
            "{address}"
        );
    }
    assert_eq!(world.receiver.arrived().len(), 0);
    // What our own rules refuse says nothing about the receiver.
    assert_eq!(world.one(world.juniper, id).await.disabled, None);
}

#[tokio::test]
async fn con_7_without_the_operator_nothing_is_reached_and_a_tenant_narrows_further() {
    let world = World::open().await;
    let (id, _) = world.subscribe(world.juniper, "/in", TYPES).await;
    let loopback = || Networks::with(["127.0.0.0/8".parse().unwrap()]);
    let named =
        |host: &str| Catalogue::new(&[format!("{host}:{}", world.receiver.port)], &[], &[Method::Post]).unwrap();
    let last = async |catalogue: Catalogue| {
        world.client(world.juniper).await;
        world.work(&world.worker((catalogue, loopback())).await).await;
        let delivery = world.deliveries(world.juniper, id).await.remove(0);
        delivery.code.unwrap_or(delivery.state)
    };
    assert_eq!(last(Catalogue::default()).await, "not-allowed");
    assert_eq!(last(named("other.example.org")).await, "not-allowed");
    let other_port = Catalogue::new(&[], &[world.receiver.port ^ 1], &[Method::Post]).unwrap();
    assert_eq!(last(other_port).await, "not-allowed");
    let other_method = Catalogue::new(&[], &[world.receiver.port], &[Method::Put]).unwrap();
    assert_eq!(last(other_method).await, "not-allowed");
    assert_eq!(world.receiver.arrived().len(), 0);
    assert_eq!(last(named(HOST)).await, "delivered");
    let narrow = "INSERT INTO connectors.destinations (id, connector, host, port, methods)
                  VALUES (gen_random_uuid(), 'webhook', 'other.example.org', 443, '{POST}')";
    world.as_app(world.saltmarsh, narrow).await.unwrap();
    assert_eq!(
        last(named(HOST)).await,
        "delivered",
        "another tenant's rows narrow nothing here"
    );
    world.as_app(world.juniper, narrow).await.unwrap();
    assert_eq!(last(named(HOST)).await, "not-allowed");
    assert_eq!(world.receiver.arrived().len(), 2);
}

#[tokio::test]
async fn con_7_the_database_takes_no_address_that_is_none() {
    let world = World::open().await;
    let insert = |host: &str, port: &str, path: &str, types: &str| {
        let id = Uuid::now_v7();
        format!(
            "INSERT INTO connectors.subscriptions (id, host, port, path, event_types, signature)
             VALUES ('{id}', '{host}', {port}, E'{path}', '{types}', 'v1')"
        )
    };
    let fine = insert("hooks.example.org", "443", "/in", "{client.created}");
    assert_eq!(world.as_app(world.juniper, &fine).await.unwrap(), 1);
    for (host, port, path, types) in [
        ("127.0.0.1", "443", "/", "{client.created}"),
        ("[::1]", "443", "/", "{client.created}"),
        ("user@hooks.example.org", "443", "/", "{client.created}"),
        ("HOOKS.example.org", "443", "/", "{client.created}"),
        ("hooks.example.org/evil", "443", "/", "{client.created}"),
        ("hooks.example.org", "0", "/", "{client.created}"),
        ("hooks.example.org", "443", "in", "{client.created}"),
        ("hooks.example.org", "443", "/a\\r\\nx-evil: 1", "{client.created}"),
        ("hooks.example.org", "443", "/a b", "{client.created}"),
        ("hooks.example.org", "443", "/#", "{client.created}"),
        ("hooks.example.org", "443", "/", "{client.named}"),
        ("hooks.example.org", "443", "/", "{}"),
    ] {
        let refused = world.as_app(world.juniper, &insert(host, port, path, types)).await;
        assert!(refused.is_err(), "{host} {port} {path} {types}");
    }
}

#[tokio::test]
async fn con_7_a_subscription_is_its_tenants_own_and_on_the_record() {
    let world = World::open().await;
    let (id, _) = world.subscribe(world.juniper, "/in", TYPES).await;
    let again = world
        .subscriptions
        .create(
            &ctx(world.juniper),
            &world.address("/in"),
            TYPES,
            SignatureVersion::Shared,
        )
        .await;
    assert!(is_refused(&again.unwrap_err(), "CON-032"));
    // Another tenant may have one to the same place, and sees and changes no other.
    world.subscribe(world.saltmarsh, "/in", TYPES).await;
    let other = &ctx(world.saltmarsh);
    assert_eq!(world.subscriptions.list(other, None).await.unwrap().len(), 1);
    assert_eq!(world.subscriptions.list(other, Some(id)).await.unwrap(), []);
    for refused in [
        world.subscriptions.change(other, id, TYPES, false).await.unwrap_err(),
        world.subscriptions.remove(other, id).await.unwrap_err(),
        world.subscriptions.test(other, id).await.unwrap_err(),
        world.subscriptions.deliveries(other, id, None, 10).await.unwrap_err(),
        world
            .subscriptions
            .secret_rotate(other, id, std::time::Duration::ZERO)
            .await
            .unwrap_err(),
    ] {
        assert!(is_refused(&refused, "CON-031"), "{refused}");
    }
    let own = &ctx(world.juniper);
    let types = [NoticeType::GateRequested, NoticeType::ClientCreated];
    world.subscriptions.change(own, id, &types, true).await.unwrap();
    world.subscriptions.change(own, id, &types, false).await.unwrap();
    world.subscriptions.change(own, id, &types, true).await.unwrap();
    assert_eq!(
        world.one(world.juniper, id).await.event_types,
        [NoticeType::ClientCreated, NoticeType::GateRequested]
    );
    for none in [
        &[][..],
        &[NoticeType::Test],
        &[NoticeType::ClientCreated, NoticeType::ClientCreated],
    ] {
        let refused = world.subscriptions.change(own, id, none, true).await.unwrap_err();
        assert!(is_refused(&refused, "CON-035"));
    }
    world.subscriptions.remove(own, id).await.unwrap();
    assert_eq!(world.subscriptions.list(own, None).await.unwrap(), []);
    let recorded: Vec<_> = world
        .recorded()
        .await
        .into_iter()
        .map(|event| event.replace("webhook_subscription.", ""))
        .collect();
    assert_eq!(
        recorded,
        [
            "created",
            "secret_changed insert",
            "created",
            "secret_changed insert",
            "changed",
            "changed",
            "disabled by_person",
            "changed",
            "changed",
            "secret_changed delete",
            "removed",
        ]
    );
}

#[tokio::test]
async fn con_7_a_tenant_has_so_many_and_no_more() {
    let world = World::open().await;
    let own = &ctx(world.juniper);
    let mut ids = Vec::new();
    for at in 0..20 {
        ids.push(world.subscribe(world.juniper, &format!("/{at}"), TYPES).await.0);
    }
    let more = world
        .subscriptions
        .create(own, &world.address("/more"), TYPES, SignatureVersion::Shared)
        .await;
    assert!(is_refused(&more.unwrap_err(), "CON-034"));
    let insert = "INSERT INTO connectors.subscriptions (id, host, port, path, event_types, signature)
                  VALUES (gen_random_uuid(), 'a.example', 443, '/', '{client.created}', 'v1')";
    assert!(world.as_app(world.juniper, insert).await.is_err());
    world.subscriptions.change(own, ids[0], TYPES, false).await.unwrap();
    world.subscribe(world.juniper, "/more", TYPES).await;
    assert!(is_refused(
        &world.subscriptions.change(own, ids[0], TYPES, true).await.unwrap_err(),
        "CON-034"
    ));
}

#[tokio::test]
async fn con_8_a_subscription_takes_no_reference_to_another_tenants_secret() {
    let world = World::open().await;
    let (own, _) = world.subscribe(world.juniper, "/in", TYPES).await;
    let (theirs, _) = world.subscribe(world.saltmarsh, "/in", TYPES).await;
    let superuser = world.database.superuser_client().await;
    let reference = async |id: Uuid| -> String {
        let asked = "SELECT reference FROM connectors.subscription_secrets WHERE subscription_id = $1";
        superuser.query_one(asked, &[&id]).await.unwrap().get(0)
    };
    let insert = |subscription: Uuid, reference: &str| {
        format!(
            "INSERT INTO connectors.subscription_secrets (id, subscription_id, reference)
             VALUES (gen_random_uuid(), '{subscription}', '{reference}')"
        )
    };
    let (mine, other) = (reference(own).await, reference(theirs).await);
    assert!(world.as_app(world.juniper, &insert(own, &mine)).await.is_ok());
    for (subscription, text) in [
        (own, other.as_str()),
        (theirs, mine.as_str()),
        (own, "env://SECRET"),
        (own, "plain"),
    ] {
        assert!(
            world.as_app(world.juniper, &insert(subscription, text)).await.is_err(),
            "{text}"
        );
    }
    // The end of a secret only comes nearer, and nothing else of it changes.
    for change in [
        "expires_at = now() + interval '1 day'",
        "expires_at = now() + interval '1 hour'",
    ] {
        let sql = format!("UPDATE connectors.subscription_secrets SET {change}");
        assert!(world.as_app(world.juniper, &sql).await.is_ok(), "{change}");
    }
    for change in [
        "expires_at = NULL",
        "expires_at = now() + interval '2 hours'",
        "reference = 'plain'",
        "public_key = NULL",
    ] {
        let sql = format!("UPDATE connectors.subscription_secrets SET {change}");
        assert!(world.as_app(world.juniper, &sql).await.is_err(), "{change}");
    }
}

#[tokio::test]
async fn con_8_no_secret_stands_in_the_database_or_in_what_prints() {
    let world = World::open().await;
    let address = world.address("/team/T0K3N");
    let (id, key) = world
        .subscriptions
        .create(&ctx(world.juniper), &address, TYPES, SignatureVersion::Shared)
        .await
        .unwrap();
    let secret = super::text(&key);
    let bare = secret.strip_prefix("whsec_").unwrap().to_owned();
    assert!(!format!("{key:?} {address:?} {:?}", world.subscriptions).contains(&bare));
    assert!(!format!("{address:?}").contains("T0K3N"));
    let superuser = world.database.superuser_client().await;
    for table in [
        "connectors.subscriptions",
        "connectors.subscription_secrets",
        "audit.events",
        "tenancy.effects",
    ] {
        let rows = superuser
            .query(&format!("SELECT t::text FROM {table} t"), &[])
            .await
            .unwrap();
        assert!(
            rows.iter().all(|row| !row.get::<_, String>(0).contains(&bare)),
            "{table}"
        );
    }
    assert_eq!(world.one(world.juniper, id).await.secrets[0].public_key, None);
    assert!(HttpsAddress::parse("https://hooks.example.org/a\r\nx: y").is_err());
}
