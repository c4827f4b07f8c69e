//! The sealed context: no SQL on the application's connection reaches the other tenant.

use crate::fixture::{Fixture, attack, ctx, visible};
use bearingwall_core::{Classified, Clock};
use bearingwall_tenancy::{EnterKey, TenancyError, TenantPool, TenantTx};
use std::sync::Arc;
use time::OffsetDateTime;

/// Hostile statements; `{b}` is the other tenant, `{id}` its client.
const HOSTILE: &[&str] = &[
    "SELECT set_config('app.current_customer_id', '{b}', true)",
    "SELECT set_config('app.current_customer_id', '{b}', false)",
    "SET LOCAL app.current_customer_id = '{b}'",
    "SET app.current_customer_id = '{b}'",
    "SELECT set_config('app.current_customer_id', '{b}', true), set_config('app.tenant_seal', repeat('0', 64), true)",
    "SELECT set_config('app.current_customer_id', '{b}', true), set_config('app.tenant_seal', '', true)",
    "SELECT set_config('app.current_customer_id', '{b}', true), set_config('app.tenant_seal', 'zz', true)",
    "SELECT set_config('app.current_customer_id', '{b}'' OR true --', true)",
    "SELECT set_config('app.current_subject_id', '{b}', true)",
    "SELECT set_config('app.current_request_id', '{b}', true)",
    "SELECT set_config('app.current_customer_id', '', true)",
    "SELECT set_config('app.tenant_seal', '', true), tenancy.enter('{b}', '{b}', '{b}', 9999999999999, '{b}', 1::smallint, '{us-east-1,eu-west-1}', decode(repeat('00', 32), 'hex'))",
    "SELECT tenancy.enter('{b}', '{b}', '{b}', 9999999999999, '{b}', 1::smallint, '{}', NULL)",
    "SELECT tenancy.enter('{b}', '{b}', '{b}', NULL, '{b}', 1::smallint, '{}', '\\x00')",
    "SELECT tenancy.enter_migration('{b}')",
    "SELECT tenancy.seal_context('{b}', '{b}', '{b}')",
    "SELECT tenancy.make_seal('{b}', '{b}', '{b}')",
    "SELECT tenancy.install_enter_key(1::smallint, decode(repeat('00', 32), 'hex'))",
    "SELECT tenancy.renew_seal_key()",
    "SELECT tenancy.serve_regions('{}')",
    "SELECT * FROM tenancy.seal_key",
    "SELECT * FROM tenancy.enter_keys",
    "SELECT * FROM tenancy.customers",
    "SELECT tenancy.tenant_ids()",
    "COPY tenancy.seal_key TO STDOUT",
    "SET row_security = off",
    "SET LOCAL session_replication_role = replica",
    "ALTER TABLE crm.clients DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE crm.clients NO FORCE ROW LEVEL SECURITY",
    "DROP POLICY tenant_isolation ON crm.clients",
    "ALTER POLICY tenant_isolation ON crm.clients USING (true)",
    "CREATE POLICY mine ON crm.clients USING (true)",
    "DROP OWNED BY CURRENT_USER",
    "DROP FUNCTION tenancy.current_customer_id()",
    "CREATE OR REPLACE FUNCTION tenancy.current_customer_id() RETURNS uuid LANGUAGE sql AS $$ SELECT '{b}'::uuid $$",
    "CREATE TEMP TABLE clients AS SELECT 1",
    "CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT $1 $$",
    "SET ROLE bearingwall_owner",
    "SET ROLE bearingwall_admin",
    "SET SESSION AUTHORIZATION bearingwall_admin",
    "ALTER ROLE bearingwall_app BYPASSRLS",
    "GRANT bearingwall_owner TO bearingwall_app",
    "DO $$ BEGIN PERFORM 1; END $$",
    "INSERT INTO crm.clients (customer_id, id) VALUES ('{b}', gen_random_uuid())",
    "UPDATE crm.clients SET customer_id = '{b}'",
    "UPDATE crm.clients SET version = version + 1 WHERE id = '{id}'",
    "DELETE FROM crm.clients WHERE id = '{id}'",
    "MERGE INTO crm.clients c USING (SELECT '{id}'::uuid AS id) s ON c.id = s.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (customer_id, id) VALUES ('{b}', s.id)",
    "INSERT INTO crm.clients (customer_id, id) VALUES ('{b}', '{id}') ON CONFLICT (customer_id, id) DO UPDATE SET version = 99",
    "TRUNCATE crm.clients CASCADE",
    "COPY crm.clients TO STDOUT",
    "COPY crm.clients TO PROGRAM 'cat'",
    "LOCK TABLE crm.clients",
    "SELECT lo_create(4242)",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT query FROM pg_stat_activity",
    "SELECT pg_notify('x', 'y')",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "PREPARE s0 AS SELECT 1",
];

const PROBE: &str =
    "SELECT (SELECT string_agg(id::text, ',') FROM crm.clients WHERE customer_id = '{b}' OR id = '{id}') AS answer";

#[tokio::test]
async fn ten_1_no_sql_on_the_applications_connection_reaches_the_other_tenant() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(2).await;
    let fill = |sql: &str| {
        sql.replace("{b}", &fixture.b.to_string())
            .replace("{id}", &fixture.client_b.to_string())
    };
    let mut breaches = Vec::new();
    for hostile in HOSTILE {
        // Refused outright is as good as answered with nothing; another tenant's id in the answer is a breach.
        if let Ok(Some(seen)) = attack(&pool, fixture.a, &fill(hostile), &fill(PROBE)).await {
            breaches.push(format!("{hostile}: {seen}"));
        }
        let rows = visible(&pool, fixture.b).await.unwrap();
        if rows != [fixture.client_b] {
            breaches.push(format!("{hostile}: the other tenant now sees {} rows", rows.len()));
        }
    }
    assert!(breaches.is_empty(), "{breaches:#?}");
    let untouched = fixture.database.superuser_client().await;
    let row = untouched
        .query_one("SELECT version FROM crm.clients WHERE id = $1", &[&fixture.client_b])
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}

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

/// Any statement, so that the transaction begins.
async fn touch(tx: &mut TenantTx<'_>) -> Result<(), TenancyError> {
    use diesel_async::RunQueryDsl;
    let _ = diesel::sql_query("SELECT 1").execute(tx).await;
    Ok(())
}
