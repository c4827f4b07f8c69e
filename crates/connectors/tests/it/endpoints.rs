//! Approved requests to a tenant's own endpoints, and what is declared of all connectors.

use crate::subscriptions::{World, ctx, is_refused};
use bearingwall_connectors::egress::Method;
use bearingwall_connectors::endpoints::{
    HttpEndpoints, HttpEndpointsParts, HttpsDestination, HttpsParts, NewHttpEndpoint,
};
use bearingwall_connectors::{CONNECTORS, Catalogue, OutgoingError, connector};
use bearingwall_core::{Classified as _, GateId, Sensitive, SystemClock, SystemIds};
use bearingwall_gates::PayloadKeys;
use bearingwall_outbox::{Destination, Idempotency};
use bearingwall_secrets::{CacheOptions, FileKeyStore, SealedFiles};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

fn endpoints(world: &World) -> HttpEndpoints {
    HttpEndpoints::new(HttpEndpointsParts {
        pool: world.pool.clone(),
        vault: Arc::new(world.store.clone()),
        keys: keys(world),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
    })
}

fn keys(world: &World) -> PayloadKeys {
    let keys = FileKeyStore::open_or_create(world.store.clone(), "kek").unwrap();
    PayloadKeys::new(Arc::new(keys), CacheOptions::default())
}

fn new(world: &World, name: &str, idempotency: Idempotency, header: Option<&str>) -> NewHttpEndpoint {
    NewHttpEndpoint {
        name: name.to_owned(),
        address: world.address("/orders?shop=1"),
        methods: vec![Method::Post, Method::Put],
        idempotency,
        header: header.map(str::to_owned),
        secret: Some(Sensitive::new(b"t0ken-of-the-shop".to_vec())),
    }
}

/// Somebody else of the tenant says yes.
async fn approve(world: &World, gate: GateId) {
    let superuser = world.database.superuser_client().await;
    let seen = format!(
        "INSERT INTO tenancy.people (customer_id, subject_id, roles, roles_since, first_seen_at, last_seen_at) SELECT '{}', '00000000-0000-0000-0000-000000000008', '{{customer_admin}}', now(), now(), now()
           WHERE NOT EXISTS (SELECT FROM tenancy.people p WHERE p.customer_id = '{0}' AND p.subject_id = '00000000-0000-0000-0000-000000000008')",
        world.juniper
    );
    superuser.batch_execute(&seen).await.unwrap();
    let decide = format!(
        "SELECT tenancy.gate_decide('{gate}', true, decode('{}', 'hex'), NULL)",
        world
            .text(&format!(
                "SELECT encode(digest, 'hex') FROM tenancy.gate_requests WHERE gate_id = '{gate}'"
            ))
            .await
    );
    world.as_somebody(world.juniper, 8, &decide).await.unwrap();
}

async fn work(world: &World) {
    let catalogue = Catalogue::new(&[], &[world.receiver.port], &Method::ALL).unwrap();
    let parts = HttpsParts {
        egress: world.egress(world.usual().1),
        secrets: Arc::new(SealedFiles),
        catalogue,
        deadline: Duration::from_secs(2),
        clock: Arc::new(SystemClock),
    };
    let destinations = HttpsDestination::all(&parts).map(|one| Arc::new(one) as Arc<dyn Destination>);
    let worker = world.worker_of(destinations.to_vec()).await;
    world.work(&worker).await;
}

async fn state(world: &World, gate: GateId) -> String {
    let state = format!("SELECT state || coalesce(' ' || (SELECT code FROM tenancy.effect_attempts a WHERE a.effect_id = s.effect_id ORDER BY attempt_no DESC LIMIT 1), '')
        FROM (SELECT effect_id, state FROM tenancy.effect_queue UNION ALL SELECT effect_id, how FROM tenancy.effect_ends) s WHERE effect_id = '{gate}'");
    world.text(&state).await
}

#[tokio::test]
async fn con_11_a_request_leaves_as_it_was_approved_and_once() {
    let world = World::open().await;
    let endpoints = endpoints(&world);
    let own = &ctx(world.juniper);
    let id = endpoints
        .create(own, &new(&world, "shop", Idempotency::Native, None))
        .await
        .unwrap();
    let body = json!({"client": "CANARY-0001", "amount": "12.50"});
    let (gate, _) = endpoints.request(own, id, Method::Put, Some(body)).await.unwrap();
    let early = endpoints.dispatch(own, gate).await.unwrap_err();
    assert_eq!(early.code(), "GAT-010", "{early:?}");
    approve(&world, gate).await;
    endpoints.dispatch(own, gate).await.unwrap();
    assert!(endpoints.dispatch(own, gate).await.is_err(), "an approval is used once");
    world.receiver.say(["500 Failed"]);
    work(&world).await;
    assert_eq!(
        state(&world, gate).await,
        "queued http-500",
        "it knows a repetition by its key"
    );
    world.now().await;
    work(&world).await;
    assert_eq!(state(&world, gate).await, "delivered");
    let arrived = world.receiver.arrived();
    assert_eq!(arrived.len(), 2);
    for request in &arrived {
        assert_eq!(request.line, "PUT /orders?shop=1 HTTP/1.1");
        assert_eq!(request.header("authorization"), "Bearer t0ken-of-the-shop");
        assert_eq!(request.header("idempotency-key"), format!("bw1-{gate}"));
        assert_eq!(request.body, r#"{"amount":"12.50","client":"CANARY-0001"}"#);
    }
    let sealed = "SELECT count(*) FROM tenancy.effects WHERE position(convert_to('CANARY', 'UTF8') IN payload) > 0";
    assert_eq!(world.number(sealed).await, 0);
}

#[tokio::test]
async fn con_11_what_may_have_been_done_twice_waits_for_a_person() {
    let world = World::open().await;
    let endpoints = endpoints(&world);
    let own = &ctx(world.juniper);
    let id = endpoints
        .create(own, &new(&world, "pager", Idempotency::None, Some("x-api-key")))
        .await
        .unwrap();
    for (answer, becomes) in [
        ("500 Failed", "unknown http-500"),
        ("silence", "unknown no-answer"),
        ("409 Conflict", "dead http-409"),
        ("302 Found\r\nlocation: https://elsewhere.example.org/", "dead http-302"),
        ("200 Done", "delivered"),
    ] {
        let (gate, _) = endpoints.request(own, id, Method::Post, None).await.unwrap();
        approve(&world, gate).await;
        endpoints.dispatch(own, gate).await.unwrap();
        world.receiver.say([answer]);
        work(&world).await;
        assert_eq!(state(&world, gate).await, becomes, "{answer}");
    }
    let arrived = world.receiver.arrived();
    assert_eq!(arrived.len(), 5);
    assert!(arrived.iter().all(
        |request| request.header("x-api-key") == "t0ken-of-the-shop" && request.header("authorization").is_empty()
    ));
}

#[tokio::test]
async fn con_11_an_endpoint_is_its_tenants_own_and_has_no_other_method() {
    let world = World::open().await;
    let endpoints = endpoints(&world);
    let own = &ctx(world.juniper);
    let id = endpoints
        .create(own, &new(&world, "shop", Idempotency::Natural, None))
        .await
        .unwrap();
    assert!(is_refused(
        &endpoints
            .create(own, &new(&world, "shop", Idempotency::None, None))
            .await
            .unwrap_err(),
        "CON-032"
    ));
    let other = &ctx(world.saltmarsh);
    assert_eq!(endpoints.list(other).await.unwrap(), []);
    assert!(is_refused(
        &endpoints.request(other, id, Method::Post, None).await.unwrap_err(),
        "CON-031"
    ));
    assert!(is_refused(&endpoints.disable(other, id).await.unwrap_err(), "CON-031"));
    assert!(is_refused(
        &endpoints.request(own, id, Method::Delete, None).await.unwrap_err(),
        "CON-035"
    ));
    for header in [
        "host",
        "content-length",
        "idempotency-key",
        "X-Key",
        "x key",
        "x\r\ny",
        "",
    ] {
        let refused: OutgoingError = endpoints
            .create(own, &new(&world, "other", Idempotency::None, Some(header)))
            .await
            .unwrap_err();
        assert!(is_refused(&refused, "CON-035"), "{header:?}");
    }
    for secret in [&b""[..], b"a\r\nx-evil: 1", b"a b"] {
        let mut bad = new(&world, "other", Idempotency::None, None);
        bad.secret = Some(Sensitive::new(secret.to_vec()));
        assert!(is_refused(&endpoints.create(own, &bad).await.unwrap_err(), "CON-035"));
    }
    // Approved, and ended before it left.
    let (gate, _) = endpoints.request(own, id, Method::Post, None).await.unwrap();
    approve(&world, gate).await;
    endpoints.dispatch(own, gate).await.unwrap();
    endpoints.disable(own, id).await.unwrap();
    assert!(is_refused(&endpoints.disable(own, id).await.unwrap_err(), "CON-033"));
    work(&world).await;
    assert_eq!(state(&world, gate).await, "dead disabled");
    assert_eq!(world.receiver.arrived().len(), 0);
    let listed = endpoints.list(own).await.unwrap();
    assert_eq!(
        (listed.len(), listed[0].disabled_at.is_some(), listed[0].has_secret),
        (1, true, true)
    );
}

#[tokio::test]
async fn con_11_what_is_declared_is_what_the_database_holds_to() {
    let world = World::open().await;
    let superuser = world.database.superuser_client().await;
    for connector in CONNECTORS {
        for action in connector.actions {
            let asked = "SELECT gated, sealed FROM tenancy.action_kinds WHERE kind = $1";
            let row = superuser.query_one(asked, &[&action.kind]).await.unwrap();
            assert_eq!(
                (row.get(0), row.get(1)),
                (action.is_gated, action.may_hold_phi),
                "{}",
                action.kind
            );
            assert!(
                !action.may_hold_phi || action.is_gated,
                "what may hold personal data takes an approval"
            );
        }
    }
    assert_eq!(connector("webhook").unwrap().actions.len(), 1);
    assert_eq!(connector("nobody"), None);
}
