//! What a transaction promises: all or nothing, one tenant, and nothing half-done is reused.

use crate::fixture::{Answer, Failure, Fixture, clients, ctx, visible};
use bearingwall_tenancy::{TenancyError, TenantTx};
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use std::time::Duration;
use uuid::Uuid;

async fn insert(tx: &mut TenantTx<'_>, id: Uuid) -> QueryResult<usize> {
    diesel::insert_into(clients::table)
        .values(clients::id.eq(id))
        .execute(tx)
        .await
}

#[tokio::test]
async fn ten_3_ok_commits_and_err_rolls_back() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let (kept, lost) = (Uuid::now_v7(), Uuid::now_v7());
    let outcome: Result<(), Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            insert(tx, kept).await?;
            Ok(())
        })
        .await;
    outcome.unwrap();
    let outcome: Result<(), Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            insert(tx, lost).await?;
            Err(Failure::Tenancy(TenancyError::Busy))
        })
        .await;
    assert!(outcome.is_err());
    let rows = visible(&pool, fixture.a).await.unwrap();
    assert!(rows.contains(&kept) && !rows.contains(&lost));
}

#[tokio::test]
async fn ten_3_a_swallowed_error_is_never_reported_as_success() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let lost = Uuid::now_v7();
    // PostgreSQL answers COMMIT in an aborted transaction with ROLLBACK and no error.
    let outcome: Result<(), Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            insert(tx, lost).await?;
            let _ = diesel::sql_query("SELECT 1/0").execute(tx).await;
            Ok(())
        })
        .await;
    assert!(
        matches!(outcome, Err(Failure::Tenancy(TenancyError::NotCommitted(_)))),
        "{outcome:?}"
    );
    assert!(!visible(&pool, fixture.a).await.unwrap().contains(&lost));
}

#[tokio::test]
async fn ten_3_a_transaction_runs_no_batches() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let outcome: Result<(), Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            Ok(tx.batch_execute("COMMIT; SELECT 1").await?)
        })
        .await;
    assert!(
        matches!(
            outcome,
            Err(Failure::Query(diesel::result::Error::QueryBuilderError(_)))
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn ten_3_an_injected_commit_leaves_no_context_behind() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let outcome: Result<Vec<Answer>, Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            diesel::sql_query("COMMIT").execute(tx).await?;
            Ok(diesel::sql_query("SELECT id::text AS answer FROM crm.clients")
                .load(tx)
                .await?)
        })
        .await;
    assert!(matches!(outcome, Err(Failure::Query(_))), "{outcome:?}");
}

#[tokio::test]
async fn ten_3_work_without_a_statement_takes_no_round_trip_and_no_context() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let outcome: Result<i32, Failure> = pool.run(&ctx(fixture.a), async |_: &mut TenantTx<'_>| Ok(7)).await;
    assert_eq!(outcome.unwrap(), 7);
}

#[tokio::test]
async fn ten_3_dropping_the_work_closes_its_connection() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let before = backend(&pool, &fixture).await;
    let context = ctx(fixture.a);
    let slow = pool.run(&context, async |tx: &mut TenantTx<'_>| -> Result<(), Failure> {
        diesel::sql_query("SELECT pg_sleep(30)").execute(tx).await?;
        Ok(())
    });
    assert!(tokio::time::timeout(Duration::from_millis(200), slow).await.is_err());
    assert_ne!(
        backend(&pool, &fixture).await,
        before,
        "a connection in an unknown state must not be reused"
    );
}

#[tokio::test]
async fn a_finished_transaction_reuses_its_connection() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    assert_eq!(backend(&pool, &fixture).await, backend(&pool, &fixture).await);
}

#[tokio::test]
async fn ten_3_a_statement_that_was_never_polled_takes_nothing_with_it() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let rows: Result<Vec<Uuid>, Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            drop(diesel::sql_query("SELECT 1").execute(tx));
            Ok(clients::table.select(clients::id).load(tx).await?)
        })
        .await;
    assert_eq!(rows.unwrap(), [fixture.client_a]);
}

#[tokio::test]
async fn ten_3_a_beginning_that_was_dropped_half_way_is_never_reported_as_success() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let before = backend(&pool, &fixture).await;
    let lost = Uuid::now_v7();
    let outcome: Result<(), Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            let _ = tokio::time::timeout(Duration::ZERO, insert(tx, lost)).await;
            Ok(())
        })
        .await;
    assert!(
        matches!(outcome, Err(Failure::Tenancy(TenancyError::Interrupted))),
        "{outcome:?}"
    );
    let outcome: Result<usize, Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            let _ = tokio::time::timeout(Duration::ZERO, insert(tx, lost)).await;
            Ok(diesel::sql_query("SELECT 1").execute(tx).await?)
        })
        .await;
    assert!(outcome.is_err(), "nothing runs behind a beginning in doubt");
    assert_ne!(backend(&pool, &fixture).await, before);
    assert!(!visible(&pool, fixture.a).await.unwrap().contains(&lost));
}

#[tokio::test]
async fn ten_3_an_injected_rollback_is_never_reported_as_success() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    for end in ["ROLLBACK", "COMMIT"] {
        let outcome: Result<(), Failure> = pool
            .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
                insert(tx, Uuid::now_v7()).await?;
                diesel::sql_query(end).execute(tx).await?;
                Ok(())
            })
            .await;
        assert!(
            matches!(outcome, Err(Failure::Tenancy(TenancyError::NotCommitted(_)))),
            "{end}: {outcome:?}"
        );
    }
}

async fn backend(pool: &bearingwall_tenancy::TenantPool, fixture: &Fixture) -> String {
    let answer: Result<Answer, Failure> = pool
        .run(&ctx(fixture.a), async |tx: &mut TenantTx<'_>| {
            Ok(diesel::sql_query("SELECT pg_backend_pid()::text AS answer")
                .get_result(tx)
                .await?)
        })
        .await;
    answer.unwrap().answer.unwrap()
}

#[tokio::test]
async fn connections_that_the_database_closed_cost_no_request() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(2).await;
    let before = backend(&pool, &fixture).await;
    let superuser = fixture.database.superuser_client().await;
    let closed = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'bearingwall_app' AND datname = current_database()";
    assert!(!superuser.query(closed, &[]).await.unwrap().is_empty());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_ne!(backend(&pool, &fixture).await, before);
}
