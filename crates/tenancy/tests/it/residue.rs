//! What one tenant's hostile statement leaves on a pooled connection for the next tenant: nothing.

use crate::fixture::{Answer, Failure, Fixture, ctx, visible};
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel_async::RunQueryDsl;

/// Pairs of a statement that leaves something behind, and a question that finds it.
const RESIDUE: &[(&str, &str)] = &[
    (
        "SELECT set_config('app.current_customer_id', 'left', false)",
        "SELECT nullif(current_setting('app.current_customer_id', true), $c) AS answer",
    ),
    (
        "SET search_path = crm",
        "SELECT nullif(current_setting('search_path'), 'pg_catalog') AS answer",
    ),
    (
        "SET statement_timeout = 0",
        "SELECT nullif(current_setting('statement_timeout'), '15s') AS answer",
    ),
    (
        "SET TIME ZONE 'Asia/Tokyo'",
        "SELECT nullif(current_setting('TimeZone'), 'UTC') AS answer",
    ),
    (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SELECT nullif(current_setting('transaction_read_only'), 'off') AS answer",
    ),
    (
        "SET default_transaction_isolation = serializable",
        "SELECT nullif(current_setting('transaction_isolation'), 'read committed') AS answer",
    ),
    (
        "SET row_security = off",
        "SELECT nullif(current_setting('row_security'), 'on') AS answer",
    ),
    (
        "SET ROLE bearingwall_app",
        "SELECT nullif(current_setting('role'), 'none') AS answer",
    ),
    (
        "SET application_name = 'left'",
        "SELECT nullif(current_setting('application_name'), 'bearingwall') AS answer",
    ),
    (
        "SET synchronous_commit = off",
        "SELECT nullif(current_setting('synchronous_commit'), 'on') AS answer",
    ),
    (
        "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM crm.clients",
        "SELECT name AS answer FROM pg_catalog.pg_cursors WHERE name <> '' UNION ALL SELECT NULL LIMIT 1",
    ),
    (
        "PREPARE leftover AS SELECT 1",
        "SELECT name AS answer FROM pg_catalog.pg_prepared_statements WHERE from_sql UNION ALL SELECT NULL LIMIT 1",
    ),
    (
        "SELECT pg_advisory_lock(7)",
        "SELECT CASE WHEN pg_advisory_unlock(7) THEN 'held' END AS answer",
    ),
    (
        "LISTEN gossip",
        "SELECT string_agg(c, ',') AS answer FROM pg_listening_channels() c",
    ),
];

#[tokio::test]
async fn ten_4_a_pooled_connection_carries_nothing_to_the_next_tenant() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    for (leave, find) in RESIDUE {
        let left: Result<usize, Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                Ok(diesel::sql_query(*leave).execute(tx).await?)
            })
            .await;
        left.unwrap_or_else(|error| panic!("{leave}: {error:?}"));
        let find = find.replace("$c", &format!("'{}'", fixture.b));
        assert_eq!(ask(&pool, &fixture, &find).await, None, "{leave}");
    }
}

#[tokio::test]
async fn ten_4_a_substituted_prepared_statement_never_runs_for_another_tenant() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    // The driver's statements have predictable names; the attacker replaces each with one of its own.
    let names = "SELECT string_agg(name, ',') AS answer FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql";
    let statements = ask(&pool, &fixture, names).await.unwrap();
    for name in statements.split(',') {
        let _: Result<(), Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                diesel::sql_query(format!("DEALLOCATE {name}")).execute(tx).await?;
                diesel::sql_query(format!("PREPARE {name} AS SELECT 'hostile'"))
                    .execute(tx)
                    .await?;
                Ok(())
            })
            .await;
        let planted = "SELECT name AS answer FROM pg_catalog.pg_prepared_statements WHERE statement LIKE '%hostile%' AND statement NOT LIKE '%pg_prepared%' UNION ALL SELECT NULL LIMIT 1";
        assert_eq!(ask(&pool, &fixture, planted).await, None, "{name}");
    }
}

#[tokio::test]
async fn ten_4_deallocated_driver_statements_cost_the_connection_not_the_next_request() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let _: Result<usize, Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            Ok(diesel::sql_query("DEALLOCATE ALL").execute(tx).await?)
        })
        .await;
    assert_eq!(
        ask(&pool, &fixture, "SELECT 'well' AS answer").await.as_deref(),
        Some("well")
    );
}

#[tokio::test]
async fn ten_4_one_deallocated_driver_statement_costs_one_request_and_no_more() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    // Each by its place, for the names change with the connection.
    let names = "SELECT string_agg(name, ',' ORDER BY prepare_time) AS answer FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql";
    for place in 0..6 {
        visible(&pool, fixture.b).await.unwrap();
        let statements = ask(&pool, &fixture, names).await.unwrap();
        let Some(name) = statements.split(',').nth(place) else {
            break;
        };
        let _: Result<usize, Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                Ok(diesel::sql_query(format!("DEALLOCATE {name}")).execute(tx).await?)
            })
            .await;
        let _ = visible(&pool, fixture.b).await;
        assert_eq!(
            visible(&pool, fixture.b).await.unwrap(),
            [fixture.client_b],
            "{place} of {statements}"
        );
    }
}

#[tokio::test]
async fn ten_4_a_function_is_never_compiled_under_an_attackers_syntax() {
    let fixture = Fixture::create().await;
    // The server compiles a function at its first use in a session and keeps it, whatever is reset later.
    for setting in [
        "standard_conforming_strings = off",
        "transform_null_equals = on",
        "array_nulls = off",
    ] {
        let pool = fixture.pool(1).await;
        let _: Result<(), Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                diesel::sql_query(format!("SET {setting}")).execute(tx).await?;
                diesel::sql_query("SELECT count(*) FROM crm.clients")
                    .execute(tx)
                    .await?;
                Ok(())
            })
            .await;
        assert_eq!(
            visible(&pool, fixture.b).await.unwrap(),
            [fixture.client_b],
            "{setting}"
        );
    }
}

async fn ask(pool: &TenantPool, fixture: &Fixture, sql: &str) -> Option<String> {
    let answer: Result<Answer, Failure> = pool
        .run(&ctx(fixture.b), async |tx: &mut TenantTx<'_>| {
            Ok(diesel::sql_query(sql).get_result(tx).await?)
        })
        .await;
    answer.unwrap_or_else(|error| panic!("{sql}: {error:?}")).answer
}
