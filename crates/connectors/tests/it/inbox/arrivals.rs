//! What is taken in, what is not, and what of it is kept.

use super::*;
use bearingwall_connectors::webhooks::standard::Standard;
use bearingwall_secrets::{Aad, KeyStore as _, WrappedKey};

#[tokio::test(flavor = "multi_thread")]
async fn con_6_an_event_is_taken_once_and_a_changed_one_under_its_id_raises_an_alarm() {
    let spas = Spas::open().await;
    let endpoint = spas.endpoint(spas.juniper, SECRET).await;
    assert_eq!(spas.send(&endpoint.url, SECRET, BODY).await.unwrap(), Received::New);
    assert_eq!(
        spas.send(&endpoint.url, SECRET, BODY).await.unwrap(),
        Received::Duplicate
    );
    // How many deliveries are pending is no part of the content.
    let again = BODY.replace("{\"id\"", "{\"pending_webhooks\":3,\"id\"");
    assert_eq!(
        spas.send(&endpoint.url, SECRET, &again).await.unwrap(),
        Received::Duplicate
    );
    let changed = BODY.replace("paid", "void");
    assert_eq!(
        spas.send(&endpoint.url, SECRET, &changed).await.unwrap(),
        Received::Conflict
    );
    assert_eq!(
        spas.text("SELECT string_agg(event_id || ' ' || conflicts, ',') FROM connectors.events")
            .await,
        "evt_1 1"
    );
    let expected = [
        "webhook_endpoint.created stripe",
        "webhook_endpoint.secret_changed insert",
        "webhook.received (connector)",
        "webhook.conflicted (connector)",
    ];
    assert_eq!(spas.recorded().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn con_6_of_twenty_attempts_at_once_one_is_taken() {
    let spas = Spas::open().await;
    let endpoint = spas.endpoint(spas.juniper, SECRET).await;
    let attempts = (0..20).map(|_| spas.send(&endpoint.url, SECRET, BODY));
    let answers = futures_util::future::join_all(attempts).await;
    let new = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(Received::New)))
        .count();
    let duplicates = answers
        .iter()
        .filter(|answer| matches!(answer, Ok(Received::Duplicate)))
        .count();
    assert_eq!((new, duplicates), (1, 19));
}

#[tokio::test(flavor = "multi_thread")]
async fn con_4_each_wrong_turn_is_refused_alike_and_keeps_nothing() {
    let spas = Spas::open().await;
    let endpoint = spas.endpoint(spas.juniper, SECRET).await;
    let (front, key) = endpoint.url.rsplit_once('/').unwrap();
    let mut other_key = key.to_owned();
    other_key.replace_range(..1, if key.starts_with('A') { "B" } else { "A" });
    for (url, secret, body) in [
        (endpoint.url.clone(), OTHER, BODY),
        (format!("{front}/{other_key}"), SECRET, BODY),
        (format!("{front}/short"), SECRET, BODY),
        (format!("{front}/"), SECRET, BODY),
        (endpoint.url.replace("/stripe/", "/github/"), SECRET, BODY),
        (endpoint.url.replace("/stripe/", "/paypal/"), SECRET, BODY),
    ] {
        assert!(is_refused(&spas.send(&url, secret, body).await), "{url}");
    }
    spas.inbox
        .endpoint_disable(&ctx(spas.juniper), endpoint.id)
        .await
        .unwrap();
    assert!(is_refused(&spas.send(&endpoint.url, SECRET, BODY).await));
    let second = spas.endpoint(spas.juniper, SECRET).await;
    let admin = spas.database.superuser_client().await;
    admin
        .batch_execute("UPDATE tenancy.customers SET status = 'suspended' WHERE slug = 'juniper'")
        .await
        .unwrap();
    assert!(is_refused(&spas.send(&second.url, SECRET, BODY).await));
    assert_eq!(spas.text("SELECT count(*)::text FROM connectors.events").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn con_4_what_arrives_lands_in_the_tenant_of_its_path_and_nowhere_else() {
    let spas = Spas::open().await;
    let juniper = spas.endpoint(spas.juniper, SECRET).await;
    let saltmarsh = spas.endpoint(spas.saltmarsh, OTHER).await;
    spas.send(&juniper.url, SECRET, BODY).await.unwrap();
    assert!(is_refused(&spas.send(&saltmarsh.url, SECRET, BODY).await));
    // The same id in another tenant is another event.
    assert_eq!(
        spas.send(&saltmarsh.url, OTHER, &BODY.replace("paid", "void"))
            .await
            .unwrap(),
        Received::New
    );
    let seen = |customer| {
        let pool = spas.pool.clone();
        async move {
            let work = async |tx: &mut TenantTx<'_>| {
                let query = diesel::sql_query("SELECT FROM connectors.events");
                diesel_async::RunQueryDsl::execute(query, tx)
                    .await
                    .map_err(InboxError::Statement)
            };
            pool.run(&ctx(customer), work).await.unwrap()
        }
    };
    assert_eq!((seen(spas.juniper).await, seen(spas.saltmarsh).await), (1, 1));
    let other = spas.inbox.endpoint_disable(&ctx(spas.saltmarsh), juniper.id).await;
    assert!(matches!(other, Err(InboxError::NotFound)));
    assert_eq!(spas.inbox.endpoint_list(&ctx(spas.saltmarsh)).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn con_5_neither_the_body_nor_a_secret_nor_a_path_stands_in_the_database() {
    let spas = Spas::open().await;
    let endpoint = spas.endpoint(spas.juniper, SECRET).await;
    spas.send(&endpoint.url, SECRET, BODY).await.unwrap();
    let tables = [
        "connectors.endpoints",
        "connectors.endpoint_secrets",
        "connectors.events",
        "tenancy.locators",
        "audit.events",
    ];
    let key = endpoint.url.rsplit('/').next().unwrap();
    for table in tables {
        // Binary columns read as hexadecimal.
        let content = spas
            .text(&format!("SELECT string_agg(t::text, ' ') FROM {table} t"))
            .await;
        for clear in [
            "CANARY-0001",
            SECRET,
            key,
            &hexadecimal("CANARY-0001"),
            &hexadecimal(SECRET),
        ] {
            assert!(!content.contains(clear), "{table}");
        }
    }
    let reference = spas.text("SELECT reference FROM connectors.endpoint_secrets").await;
    assert!(
        reference.contains(&format!("#tenants/{}/webhooks/", spas.juniper)),
        "{reference}"
    );
    let store = FileStore::open(spas.secrets.path().join("store")).unwrap();
    let name = reference.rsplit('#').next().unwrap();
    assert_eq!(store.fetch(name).unwrap().utf8().unwrap(), SECRET);
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn con_5_a_secret_ends_when_its_overlap_does() {
    let spas = Spas::open().await;
    let endpoint = spas.endpoint(spas.juniper, SECRET).await;
    let hour = std::time::Duration::from_hours(1);
    spas.inbox
        .secret_rotate(&ctx(spas.juniper), endpoint.id, &secret_of(OTHER), hour)
        .await
        .unwrap();
    let event = |id: &str| BODY.replace("evt_1", id);
    assert!(spas.send(&endpoint.url, SECRET, &event("evt_2")).await.is_ok());
    assert!(spas.send(&endpoint.url, OTHER, &event("evt_3")).await.is_ok());
    spas.clock.0.store(3601, Ordering::SeqCst);
    assert!(is_refused(&spas.send(&endpoint.url, SECRET, &event("evt_4")).await));
    assert!(spas.send(&endpoint.url, OTHER, &event("evt_5")).await.is_ok());
    let listed = spas.inbox.endpoint_list(&ctx(spas.juniper)).await.unwrap();
    assert_eq!(listed[0].secrets.len(), 1);
    // Which secret signed is on file, so that one that is still in use shows.
    let used = "SELECT count(DISTINCT secret_id)::text FROM connectors.events";
    assert_eq!(spas.text(used).await, "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn con_5_a_secret_of_another_form_or_one_too_many_is_refused() {
    let spas = Spas::open().await;
    let juniper = ctx(spas.juniper);
    for (sender, secret) in [
        (Sender::Stripe, "short"),
        (Sender::Standard, "whsec_not base64 at all"),
        (Sender::Twilio, SECRET),
    ] {
        let made = spas.inbox.endpoint_create(&juniper, sender, &secret_of(secret)).await;
        assert!(matches!(made, Err(InboxError::Invalid { .. })), "{secret}");
    }
    assert!(Standard::new([SECRET.as_bytes()]).is_err());
    let endpoint = spas.endpoint(spas.juniper, SECRET).await;
    let day = std::time::Duration::from_hours(24);
    for _ in 0..3 {
        spas.inbox
            .secret_rotate(&juniper, endpoint.id, &secret_of(OTHER), day)
            .await
            .unwrap();
    }
    let fifth = spas
        .inbox
        .secret_rotate(&juniper, endpoint.id, &secret_of(OTHER), day)
        .await;
    assert!(matches!(fifth, Err(InboxError::Invalid { field: "secret", .. })));
    let long = spas
        .inbox
        .secret_rotate(&juniper, endpoint.id, &secret_of(OTHER), day * 31)
        .await;
    assert!(matches!(long, Err(InboxError::Invalid { field: "overlap_s", .. })));
    let foreign = spas
        .inbox
        .secret_rotate(&ctx(spas.saltmarsh), endpoint.id, &secret_of(OTHER), day)
        .await;
    assert!(matches!(foreign, Err(InboxError::NotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn con_6_what_was_kept_opens_under_its_endpoints_key_and_at_its_own_place_only() {
    let spas = Spas::open().await;
    let first = spas.endpoint(spas.juniper, SECRET).await;
    let second = spas.endpoint(spas.juniper, OTHER).await;
    spas.send(&first.url, SECRET, BODY).await.unwrap();
    let superuser = spas.database.superuser_client().await;
    let event = superuser
        .query_one("SELECT id, sealed FROM connectors.events", &[])
        .await
        .unwrap();
    let (row, sealed): (Uuid, Vec<u8>) = (event.get(0), event.get(1));
    let key = async |endpoint: Uuid, customer| {
        let query = "SELECT kek_version, wrapped FROM connectors.endpoints WHERE id = $1";
        let row = superuser.query_one(query, &[&endpoint]).await.unwrap();
        let wrapped = WrappedKey {
            kek_version: row.get(0),
            bytes: row.get(1),
        };
        spas.keys.unwrap(customer, &wrapped).await
    };
    let place = Aad {
        table: "connectors.events",
        column: "sealed",
        customer: spas.juniper,
        row,
    };
    let own = key(first.id, spas.juniper).await.unwrap();
    assert_eq!(own.open(&place, &sealed).unwrap().as_slice(), BODY.as_bytes());
    let other_row = Aad {
        row: Uuid::now_v7(),
        ..place
    };
    assert!(own.open(&other_row, &sealed).is_err());
    assert!(
        key(second.id, spas.juniper)
            .await
            .unwrap()
            .open(&place, &sealed)
            .is_err()
    );
    assert!(key(first.id, spas.saltmarsh).await.is_err());
}
