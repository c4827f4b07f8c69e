//! What holds against SQL on the application's own connection.

use super::*;
use bearingwall_connectors::destinations::{DestinationError, allowed, destination_add};
use bearingwall_connectors::egress::{Destination, Method};
use bearingwall_tenancy::TenancyError;
use diesel_async::RunQueryDsl;

/// The first words of why a statement is refused in a tenant; nothing if it is not.
async fn refusal(spas: &Spas, customer: CustomerId, statement: &str) -> Option<String> {
    let work = async |tx: &mut TenantTx<'_>| {
        diesel::sql_query(statement)
            .execute(tx)
            .await
            .map_err(InboxError::Statement)
    };
    match spas.pool.run(&ctx(customer), work).await {
        Ok(_) => None,
        Err(InboxError::Statement(error)) => Some(error.to_string()),
        Err(InboxError::Tenancy(error)) => Some(error.to_string()),
        Err(error) => panic!("{error:?}"),
    }
}

async fn refused(spas: &Spas, customer: CustomerId, statement: &str, why: &str) {
    let found = refusal(spas, customer, statement).await;
    assert!(
        found.as_deref().is_some_and(|text| text.contains(why)),
        "{statement}: {found:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn con_5_an_endpoint_takes_no_reference_to_another_tenants_secret() {
    let spas = Spas::open().await;
    spas.endpoint(spas.juniper, SECRET).await;
    let insert = |reference: &str| {
        format!(
            "INSERT INTO connectors.endpoint_secrets (id, endpoint_id, reference)
             SELECT gen_random_uuid(), id, '{reference}' FROM connectors.endpoints"
        )
    };
    let of = |customer| format!("azure-kv://vault/tenants/{customer}/webhooks/a");
    for reference in [
        of(spas.saltmarsh),
        "azure-kv://vault/kek".to_owned(),
        format!("tenants/{}/a", spas.juniper),
        SECRET.to_owned(),
    ] {
        refused(&spas, spas.juniper, &insert(&reference), "reference_of_its_tenant").await;
    }
    assert_eq!(refusal(&spas, spas.juniper, &insert(&of(spas.juniper))).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn con_6_what_arrived_is_not_changed_or_removed_and_nothing_that_ended_comes_back() {
    let spas = Spas::open().await;
    let endpoint = spas.endpoint(spas.juniper, SECRET).await;
    let hour = std::time::Duration::from_hours(1);
    spas.send(&endpoint.url, SECRET, BODY).await.unwrap();
    spas.inbox
        .secret_rotate(&ctx(spas.juniper), endpoint.id, &secret_of(OTHER), hour)
        .await
        .unwrap();
    spas.inbox
        .endpoint_disable(&ctx(spas.juniper), endpoint.id)
        .await
        .unwrap();
    for (statement, why) in [
        ("DELETE FROM connectors.events", "permission denied"),
        ("UPDATE connectors.events SET sealed = ''", "permission denied"),
        ("UPDATE connectors.events SET event_id = 'evt_2'", "permission denied"),
        ("UPDATE connectors.events SET conflicts = 0", "not a step"),
        ("UPDATE connectors.events SET conflicts = 2", "counted one by one"),
        (
            "UPDATE connectors.events SET conflicts = 1, state = 'done'",
            "counted one by one",
        ),
        ("UPDATE connectors.events SET state = 'done'", "by the worker"),
        ("DELETE FROM connectors.endpoints", "permission denied"),
        (
            "UPDATE connectors.endpoints SET key_sha256 = sha256('')",
            "permission denied",
        ),
        ("UPDATE connectors.endpoints SET disabled_at = NULL", "has ended"),
        ("DELETE FROM connectors.endpoint_secrets", "permission denied"),
        (
            "UPDATE connectors.endpoint_secrets SET reference = ''",
            "permission denied",
        ),
        (
            "UPDATE connectors.endpoint_secrets SET expires_at = NULL",
            "comes nearer",
        ),
        (
            "UPDATE connectors.endpoint_secrets SET expires_at = expires_at + interval '1 second'",
            "comes nearer",
        ),
        ("SELECT FROM tenancy.locators", "permission denied"),
        ("DELETE FROM tenancy.locators", "permission denied"),
    ] {
        refused(&spas, spas.juniper, statement, why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn con_4_a_key_opens_its_own_tenant_alone_and_only_as_long_as_it_is_one() {
    let spas = Spas::open().await;
    let look = async |kind: &'static str, key: &[u8]| {
        let work = async |tx: &mut TenantTx<'_>| {
            let query = diesel::sql_query(
                "SELECT 1 / (tenancy.current_subject_id() = '00000000-0000-8000-8000-000000000006')::int",
            );
            query.execute(tx).await.map_err(TenancyError::Statement)
        };
        spas.pool
            .run_located(kind, key, RequestId::from_uuid(Uuid::now_v7()), work)
            .await
    };
    let add = "SELECT tenancy.locator_add('webhook_endpoint', sha256(convert_to(repeat('k', 40), 'UTF8')))";
    assert_eq!(refusal(&spas, spas.juniper, add).await, None);
    assert!(look("webhook_endpoint", &[b'k'; 40]).await.is_ok());
    for (kind, key) in [
        ("webhook_endpoint", &[b'k'; 39][..]),
        ("webhook_endpoint", &[]),
        ("form", &[b'k'; 40]),
        // The digest itself, which is what a reader of the table has.
        (
            "webhook_endpoint",
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[b'k'; 40]).as_ref(),
        ),
    ] {
        assert!(
            matches!(look(kind, key).await, Err(TenancyError::NoSuchKey)),
            "{kind} {}",
            key.len()
        );
    }
    // A short key leads nowhere even where somebody has put one.
    let short = "SELECT tenancy.locator_add('webhook_endpoint', sha256('short'::bytea))";
    assert_eq!(refusal(&spas, spas.juniper, short).await, None);
    assert!(matches!(
        look("webhook_endpoint", b"short").await,
        Err(TenancyError::NoSuchKey)
    ));
    // The same key does not lead to a second tenant, and one tenant is entered once.
    refused(&spas, spas.saltmarsh, add, "locators_kind_key_sha256_key").await;
    let enter = "SELECT tenancy.enter_located('webhook_endpoint', convert_to(repeat('k', 40), 'UTF8'), gen_random_uuid(), '{us-east-1}')";
    refused(&spas, spas.saltmarsh, enter, "already entered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn con_2_a_tenants_own_rows_narrow_what_the_operator_names_for_it_alone() {
    let spas = Spas::open().await;
    let url = |host: &str| format!("https://{host}/").parse().unwrap();
    let operator = || {
        let named = Destination::new("api.example.org", 443, [Method::Get, Method::Post]).unwrap();
        vec![named, Destination::by_tenant(443, [Method::Post])]
    };
    let allowed = async |customer| {
        let work = async |tx: &mut TenantTx<'_>| Ok::<_, Failed>(allowed(tx, "https", operator()).await?);
        spas.pool.run(&ctx(customer), work).await.unwrap()
    };
    let add = async |customer, host: &'static str| {
        let work = async |tx: &mut TenantTx<'_>| {
            Ok::<_, Failed>(destination_add(tx, Uuid::now_v7(), "https", (host, 443), &[Method::Post]).await?)
        };
        spas.pool.run(&ctx(customer), work).await
    };
    assert!(
        allowed(spas.juniper)
            .await
            .check(Method::Get, &url("api.example.org"))
            .is_ok()
    );
    assert!(add(spas.juniper, "API.example.org").await.is_err());
    add(spas.juniper, "hooks.example.org").await.unwrap();
    let narrowed = allowed(spas.juniper).await;
    assert!(narrowed.check(Method::Post, &url("hooks.example.org")).is_ok());
    assert!(narrowed.check(Method::Get, &url("hooks.example.org")).is_err());
    assert!(narrowed.check(Method::Get, &url("api.example.org")).is_err());
    // The other tenant has what the operator names, and nothing of its neighbour's.
    let other = allowed(spas.saltmarsh).await;
    assert!(other.check(Method::Get, &url("api.example.org")).is_ok());
    assert!(other.check(Method::Post, &url("hooks.example.org")).is_err());
}

/// What a closure of a transaction may fail with.
#[derive(Debug)]
struct Failed;

impl From<TenancyError> for Failed {
    fn from(_: TenancyError) -> Self {
        Self
    }
}

impl From<DestinationError> for Failed {
    fn from(_: DestinationError) -> Self {
        Self
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn con_2_a_tenants_destinations_are_its_own_and_on_the_record() {
    let spas = Spas::open().await;
    let insert = |host: &str, methods: &str| {
        format!(
            "INSERT INTO connectors.destinations (id, connector, host, port, methods)
             VALUES (gen_random_uuid(), 'https', '{host}', 443, '{methods}')"
        )
    };
    assert_eq!(
        refusal(&spas, spas.juniper, &insert("api.example.org", "{GET,POST}")).await,
        None
    );
    refused(
        &spas,
        spas.juniper,
        &insert("API.example.org", "{GET}"),
        "destinations_host_check",
    )
    .await;
    refused(
        &spas,
        spas.juniper,
        &insert("other.example.org", "{TRACE}"),
        "destinations_methods_check",
    )
    .await;
    refused(
        &spas,
        spas.juniper,
        "UPDATE connectors.destinations SET host = 'other.example.org'",
        "permission denied",
    )
    .await;
    assert_eq!(
        refusal(&spas, spas.saltmarsh, "DELETE FROM connectors.destinations").await,
        None
    );
    assert_eq!(
        spas.text("SELECT count(*)::text FROM connectors.destinations").await,
        "1"
    );
    assert_eq!(
        refusal(&spas, spas.juniper, "DELETE FROM connectors.destinations").await,
        None
    );
    assert_eq!(
        spas.recorded().await,
        ["destination.changed insert", "destination.changed delete"]
    );
}
