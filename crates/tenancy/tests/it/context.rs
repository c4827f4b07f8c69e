//! The sealed context: no SQL on the application's connection reaches the other tenant.

use crate::fixture::{Fixture, attack, ctx};
use bearingwall_core::{Classified, Clock};
use bearingwall_tenancy::{EnterKey, TenancyError, TenantPool, TenantTx};
use std::sync::Arc;
use time::OffsetDateTime;

#[tokio::test]
async fn ten_1_the_same_attack_succeeds_on_a_tutorial_schema() {
    // The negative control: without it, a test that never reaches the rows would look the same as one that is refused.
    let fixture = Fixture::create().await;
    // Connected first: the posture check would refuse a database with such a table in it.
    let pool = fixture.pool(1).await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute(
            "CREATE TABLE public.naive (customer_id uuid NOT NULL, id uuid NOT NULL);
             ALTER TABLE public.naive ENABLE ROW LEVEL SECURITY;
             CREATE POLICY naive ON public.naive USING (customer_id = current_setting('app.current_customer_id')::uuid);
             GRANT SELECT ON public.naive TO bearingwall_app",
        )
        .await
        .unwrap();
    let insert = format!(
        "INSERT INTO public.naive VALUES ('{}', '{}')",
        fixture.b, fixture.client_b
    );
    superuser.batch_execute(&insert).await.unwrap();
    let hostile = format!("SELECT set_config('app.current_customer_id', '{}', true)", fixture.b);
    let seen = attack(
        &pool,
        fixture.a,
        &hostile,
        "SELECT string_agg(id::text, ',') AS answer FROM public.naive",
    )
    .await;
    assert_eq!(seen.unwrap(), Some(fixture.client_b.to_string()));
}

#[tokio::test]
async fn ten_1_a_verified_context_is_worthless_in_the_next_transaction() {
    for fixture in [Fixture::create().await, Fixture::create_without_platform().await] {
        replayed_context_is_refused(&fixture).await;
    }
}

async fn replayed_context_is_refused(fixture: &Fixture) {
    // One connection, so that the backend is the same: everything of the victim's context is replayed on it.
    let pool = fixture.pool(1).await;
    let settings = [
        "app.current_customer_id",
        "app.current_subject_id",
        "app.current_request_id",
        "app.tenant_seal",
        "backtrace_functions",
    ];
    let capture = settings
        .map(|name| format!("coalesce(current_setting('{name}', true), '')"))
        .join(" || ',' || ");
    let captured = attack(&pool, fixture.b, "SELECT 1", &format!("SELECT {capture} AS answer"))
        .await
        .unwrap()
        .unwrap();
    let context: Vec<String> = settings
        .iter()
        .zip(captured.split(','))
        .map(|(name, value)| format!("set_config('{name}', '{value}', true)"))
        .collect();
    let replay = format!("SELECT {}", context.join(", "));
    let seen = attack(
        &pool,
        fixture.a,
        &replay,
        "SELECT count(*)::text AS answer FROM crm.clients",
    )
    .await;
    assert!(seen.is_err(), "{seen:?}");
}

#[tokio::test]
async fn ten_1_without_a_context_nothing_is_seen_and_the_error_is_loud() {
    let fixture = Fixture::create().await;
    let app = fixture.database.app_client().await;
    let error = app.query("SELECT * FROM crm.clients", &[]).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "28000");
    for setting in ["app.current_customer_id", "app.tenant_seal"] {
        app.batch_execute(&format!("SELECT set_config('{setting}', '{}', false)", fixture.a))
            .await
            .unwrap();
    }
    let error = app.query("SELECT * FROM crm.clients", &[]).await.unwrap_err();
    assert_eq!(
        error.code().unwrap().code(),
        "28000",
        "a forged context is as loud as none"
    );
}

#[tokio::test]
async fn ten_1_a_wrong_key_is_refused() {
    let fixture = Fixture::create().await;
    let wrong = EnterKey::new(1, &bearingwall_core::Sensitive::new(vec![1; 32])).unwrap();
    let pool = TenantPool::connect(fixture.config(1), wrong).await.unwrap();
    let refused = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| touch(tx).await)
        .await;
    assert_eq!(refused.unwrap_err().code(), "TEN-004");
}

struct Still(OffsetDateTime);

impl Clock for Still {
    fn now(&self) -> OffsetDateTime {
        self.0
    }
}

#[tokio::test]
async fn ten_1_entries_that_are_expired_or_valid_for_too_long_are_refused() {
    let fixture = Fixture::create().await;
    for offset in [time::Duration::minutes(-2), time::Duration::minutes(4)] {
        let clock = Arc::new(Still(OffsetDateTime::now_utc() + offset));
        let pool = TenantPool::connect_with_clock(fixture.config(1), fixture.key.clone(), clock)
            .await
            .unwrap();
        let refused = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| touch(tx).await)
            .await;
        assert_eq!(refused.unwrap_err().code(), "TEN-004", "{offset}");
    }
}

#[tokio::test]
async fn ten_1_suspended_tenants_and_foreign_regions_are_refused_by_name() {
    let fixture = Fixture::create().await;
    let mut config = fixture.config(1);
    config.regions = vec!["eu-west-1".to_owned()];
    let pool = TenantPool::connect(config, fixture.key.clone()).await.unwrap();
    let refused = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| touch(tx).await)
        .await;
    assert!(
        matches!(refused, Err(TenancyError::RegionNotServed)),
        "the server does not serve the region: {refused:?}"
    );
    pool.run(&ctx(fixture.b), async |tx: &mut TenantTx<'_>| touch(tx).await)
        .await
        .unwrap();

    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("UPDATE tenancy.customers SET status = 'suspended' WHERE slug = 'saltmarsh'")
        .await
        .unwrap();
    let refused = pool
        .run(&ctx(fixture.b), async |tx: &mut TenantTx<'_>| touch(tx).await)
        .await;
    assert!(matches!(refused, Err(TenancyError::NotActive)), "{refused:?}");

    superuser
        .batch_execute(
            "UPDATE tenancy.config SET regions = '{us-east-1}'; UPDATE tenancy.customers SET status = 'active'",
        )
        .await
        .unwrap();
    let refused = pool
        .run(&ctx(fixture.b), async |tx: &mut TenantTx<'_>| touch(tx).await)
        .await;
    assert!(
        matches!(refused, Err(TenancyError::RegionNotServed)),
        "the database does not serve the region: {refused:?}"
    );
}

#[tokio::test]
async fn ten_1_a_database_that_serves_every_region_does_not_decide_for_the_server() {
    let fixture = Fixture::create().await;
    let mut config = fixture.config(1);
    config.regions = vec!["eu-west-1".to_owned()];
    let pool = TenantPool::connect(config, fixture.key.clone()).await.unwrap();
    let superuser = fixture.database.superuser_client().await;
    let definition: String = superuser
        .query_one(
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.proname = 'enter' AND p.pronamespace = 'tenancy'::regnamespace",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let careless = definition.replace("v_region = ANY (p_regions) AND ", "");
    assert_ne!(careless, definition);
    superuser.batch_execute(&careless).await.unwrap();
    let refused = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| touch(tx).await)
        .await;
    assert!(matches!(refused, Err(TenancyError::RegionNotServed)), "{refused:?}");
    pool.run(&ctx(fixture.b), async |tx: &mut TenantTx<'_>| touch(tx).await)
        .await
        .unwrap();
}

/// Any statement, so that the transaction begins.
async fn touch(tx: &mut TenantTx<'_>) -> Result<(), TenancyError> {
    use diesel_async::RunQueryDsl;
    let _ = diesel::sql_query("SELECT 1").execute(tx).await;
    Ok(())
}
