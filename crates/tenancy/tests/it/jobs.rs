//! Background work enters only the tenant of a row that it has leased.

use crate::fixture::{Answer, Failure, Fixture, REGIONS, ctx};
use bearingwall_core::{CustomerId, SubjectId};
use bearingwall_tenancy::jobs::{self, Job, JobPool};
use bearingwall_tenancy::{PoolConfig, TenancyError, TenantPool, TenantTx};
use bearingwall_testkit::database::Login;
use diesel_async::RunQueryDsl;
use std::time::Duration;
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

const LEASE: Duration = Duration::from_secs(30);

fn worker_config(fixture: &Fixture) -> PoolConfig {
    let mut config = fixture.config(2);
    config.address = fixture.database.url(Login::Worker).parse().unwrap();
    config.password = Some(fixture.database.password(Login::Worker));
    config
}

async fn enqueue(pool: &TenantPool, tenant: CustomerId) -> (Uuid, Uuid) {
    let (job, ctx) = (Uuid::now_v7(), ctx(tenant));
    let put: Result<(), Failure> = pool
        .run(&ctx, async |tx: &mut TenantTx<'_>| {
            Ok(jobs::enqueue(tx, job, "mail.send", OffsetDateTime::now_utc()).await?)
        })
        .await;
    put.unwrap();
    (job, ctx.request().as_uuid())
}

async fn lease(worker: &JobPool) -> Job {
    worker.lease(&["mail.send"], LEASE).await.unwrap().unwrap()
}

/// The next job and its lease, as the database hands them out.
async fn raw_lease(worker: &Client) -> (Uuid, Uuid) {
    let lease = "SELECT job, lease FROM tenancy.job_lease('{mail.send}', '{us-east-1,eu-west-1}', 30)";
    let row = worker.query_one(lease, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

const WHO: &str = "SELECT array_to_string(tenancy.current_ids(), ',') AS answer";

async fn ask(worker: &JobPool, job: Job, sql: &str) -> Result<Option<String>, Failure> {
    worker
        .run(job, async |tx: &mut TenantTx<'_>| {
            let answer: Answer = diesel::sql_query(sql).get_result(tx).await?;
            Ok(answer.answer)
        })
        .await
}

#[tokio::test]
async fn ten_7_a_worker_is_in_the_tenant_of_its_job_as_the_worker_and_for_the_request_that_asked() {
    let fixture = Fixture::create().await;
    let (pool, worker) = (
        fixture.pool(1).await,
        JobPool::connect(worker_config(&fixture)).await.unwrap(),
    );
    for tenant in [fixture.a, fixture.b] {
        let (id, request) = enqueue(&pool, tenant).await;
        let job = lease(&worker).await;
        assert_eq!((job.id(), job.kind(), job.attempts()), (id, "mail.send", 1));
        let who = ask(&worker, job, WHO).await.unwrap().unwrap();
        assert_eq!(who, format!("{tenant},{},{request}", SubjectId::WORKER));
    }
    assert_eq!(
        worker.lease(&["mail.send"], LEASE).await.unwrap(),
        None,
        "done jobs have left the queue"
    );
}

#[tokio::test]
async fn ten_7_without_a_living_lease_no_tenant_opens() {
    let fixture = Fixture::create().await;
    let (pool, worker) = (
        fixture.pool(1).await,
        JobPool::connect(worker_config(&fixture)).await.unwrap(),
    );
    enqueue(&pool, fixture.b).await;
    let raw = fixture.database.client(Login::Worker).await.unwrap();
    let (job, held) = raw_lease(&raw).await;
    let enter = "SELECT tenancy.enter_job($1, $2, '{us-east-1,eu-west-1}')";
    for (job, lease) in [(job, Uuid::now_v7()), (Uuid::now_v7(), held), (job, Uuid::nil())] {
        let error = raw.query(enter, &[&job, &lease]).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "28000");
    }
    raw.query(enter, &[&job, &held]).await.unwrap();
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("UPDATE tenancy.jobs SET leased_until = clock_timestamp() - interval '1 second'")
        .await
        .unwrap();
    assert!(raw.query(enter, &[&job, &held]).await.is_err(), "the lease has ended");
    // Somebody else has it now; the first holder can neither enter nor finish.
    let taken = lease(&worker).await;
    assert_eq!((taken.id(), taken.attempts()), (job, 2));
    assert!(raw.query(enter, &[&job, &held]).await.is_err());
    let finish = "SELECT tenancy.job_finish($1, $2)";
    assert!(
        raw.query(finish, &[&job, &held]).await.is_err(),
        "outside of any tenant"
    );
}

#[tokio::test]
async fn ten_7_neither_login_has_the_others_door() {
    let fixture = Fixture::create().await;
    let denied = async |login: Login, sql: &str| {
        let client = fixture.database.client(login).await.unwrap();
        let error = client.batch_execute(sql).await.unwrap_err();
        assert_eq!(error.code().unwrap().code(), "42501", "{login:?}: {sql}");
    };
    let b = fixture.b;
    for sql in [
        "SELECT tenancy.job_lease('{mail.send}', '{us-east-1,eu-west-1}', 30)",
        "SELECT tenancy.enter_job(gen_random_uuid(), gen_random_uuid(), '{}')",
        "SELECT * FROM tenancy.jobs",
    ] {
        denied(Login::App, sql).await;
    }
    for sql in [
        format!("SELECT tenancy.enter('{b}', '{b}', '{b}', 1, '{b}', 1::smallint, '{{}}', NULL)"),
        format!("SELECT tenancy.enter_migration('{b}')"),
        "SELECT tenancy.login('a.b.c', gen_random_uuid())".to_owned(),
        "SELECT tenancy.enter_canary()".to_owned(),
        "SELECT * FROM tenancy.jobs".to_owned(),
        "SELECT * FROM crm.clients".to_owned(),
        "SELECT * FROM audit.events".to_owned(),
    ] {
        denied(Login::Worker, &sql).await;
    }
}

#[tokio::test]
async fn ten_7_work_that_fails_leaves_nothing_done_and_the_job_waits() {
    let fixture = Fixture::create().await;
    let (pool, worker) = (
        fixture.pool(1).await,
        JobPool::connect(worker_config(&fixture)).await.unwrap(),
    );
    enqueue(&pool, fixture.a).await;
    let second = Uuid::now_v7();
    let failed: Result<(), Failure> = worker
        .run(lease(&worker).await, async |tx: &mut TenantTx<'_>| {
            jobs::enqueue(tx, second, "mail.send", OffsetDateTime::now_utc()).await?;
            Err(Failure::Tenancy(TenancyError::Busy))
        })
        .await;
    assert!(failed.is_err());
    let superuser = fixture.database.superuser_client().await;
    let row = superuser
        .query_one(
            "SELECT count(*), bool_and(lease IS NULL AND available_at > clock_timestamp()) FROM tenancy.jobs",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, bool>(1)), (1, true));
    assert_eq!(worker.lease(&["mail.send"], LEASE).await.unwrap(), None);
}

#[tokio::test]
async fn ten_7_a_lease_that_ends_during_the_work_undoes_it() {
    let fixture = Fixture::create().await;
    let (pool, worker) = (
        fixture.pool(1).await,
        JobPool::connect(worker_config(&fixture)).await.unwrap(),
    );
    enqueue(&pool, fixture.a).await;
    let job = lease(&worker).await;
    let superuser = fixture.database.superuser_client().await;
    let second = Uuid::now_v7();
    let outcome: Result<(), Failure> = worker
        .run(job, async |tx: &mut TenantTx<'_>| {
            jobs::enqueue(tx, second, "mail.send", OffsetDateTime::now_utc()).await?;
            superuser
                .batch_execute("UPDATE tenancy.jobs SET leased_until = clock_timestamp() - interval '1 second'")
                .await
                .unwrap();
            Ok(())
        })
        .await;
    assert!(
        matches!(outcome, Err(Failure::Tenancy(TenancyError::LeaseEnded))),
        "{outcome:?}"
    );
    let left: i64 = superuser
        .query_one("SELECT count(*) FROM tenancy.jobs WHERE job_id = $1", &[&second])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn ten_7_two_workers_never_hold_the_same_job() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    for _ in 0..20 {
        enqueue(&pool, fixture.a).await;
    }
    let worker = JobPool::connect(worker_config(&fixture)).await.unwrap();
    let other = JobPool::connect(worker_config(&fixture)).await.unwrap();
    let mut held = Vec::new();
    for _ in 0..10 {
        let (one, two) = tokio::join!(lease(&worker), lease(&other));
        held.extend([one.id(), two.id()]);
    }
    held.sort();
    held.dedup();
    assert_eq!(held.len(), 20);
}

#[tokio::test]
async fn ten_7_jobs_of_suspended_tenants_and_of_other_regions_stay_closed() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let mut config = worker_config(&fixture);
    config.regions = vec![REGIONS[1].to_owned()];
    let elsewhere = JobPool::connect(config).await.unwrap();
    let worker = JobPool::connect(worker_config(&fixture)).await.unwrap();
    enqueue(&pool, fixture.a).await;
    assert_eq!(
        elsewhere.lease(&["mail.send"], LEASE).await.unwrap(),
        None,
        "a job of another region is not leased"
    );
    let outcome = ask(&elsewhere, lease(&worker).await, WHO).await;
    assert!(
        matches!(outcome, Err(Failure::Tenancy(TenancyError::RegionNotServed))),
        "{outcome:?}"
    );
    // The database refuses it by itself, by the worker's regions and by its own: the worker's comparison is a second one.
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("UPDATE tenancy.jobs SET available_at = now()")
        .await
        .unwrap();
    let raw = fixture.database.client(Login::Worker).await.unwrap();
    let (job, held) = raw_lease(&raw).await;
    for (served, regions) in [
        ("{us-east-1,eu-west-1}", "{eu-west-1}"),
        ("{eu-west-1}", "{us-east-1,eu-west-1}"),
    ] {
        superuser
            .batch_execute(&format!("UPDATE tenancy.config SET regions = '{served}'"))
            .await
            .unwrap();
        let enter = format!("SELECT tenancy.enter_job($1, $2, '{regions}')");
        let refused = raw.query(&enter, &[&job, &held]).await.unwrap_err();
        assert_eq!(
            refused.as_db_error().unwrap().detail(),
            Some("region-not-served"),
            "{regions}"
        );
    }
    superuser
        .batch_execute("UPDATE tenancy.config SET regions = '{us-east-1,eu-west-1}'; DELETE FROM tenancy.jobs")
        .await
        .unwrap();
    enqueue(&pool, fixture.b).await;
    let job = lease(&worker).await;
    superuser
        .batch_execute("UPDATE tenancy.customers SET status = 'suspended' WHERE slug = 'saltmarsh'")
        .await
        .unwrap();
    let outcome = ask(&worker, job, WHO).await;
    assert!(
        matches!(outcome, Err(Failure::Tenancy(TenancyError::NotActive))),
        "{outcome:?}"
    );
    superuser
        .batch_execute("UPDATE tenancy.jobs SET available_at = now()")
        .await
        .unwrap();
    assert_eq!(
        worker.lease(&["mail.send"], LEASE).await.unwrap(),
        None,
        "a suspended tenant's job is not leased"
    );
}

#[tokio::test]
async fn ten_7_a_job_is_finished_in_its_own_tenant_and_request_only() {
    let fixture = Fixture::create().await;
    let (pool, worker) = (
        fixture.pool(1).await,
        JobPool::connect(worker_config(&fixture)).await.unwrap(),
    );
    let (first, _) = enqueue(&pool, fixture.a).await;
    enqueue(&pool, fixture.b).await;
    // Hostile SQL in the work of the first job replaces the transaction with one of the second.
    let replaced: Result<(), Failure> = worker
        .run(lease(&worker).await, async |tx: &mut TenantTx<'_>| {
            for sql in [
                "ROLLBACK AND CHAIN",
                "SELECT tenancy.enter_job(job, lease, '{us-east-1,eu-west-1}') FROM tenancy.job_lease('{mail.send}', '{us-east-1,eu-west-1}', 30)",
            ] {
                diesel::sql_query(sql).execute(tx).await?;
            }
            Ok(())
        })
        .await;
    assert!(
        matches!(replaced, Err(Failure::Tenancy(TenancyError::LeaseEnded))),
        "{replaced:?}"
    );
    let superuser = fixture.database.superuser_client().await;
    let left: i64 = superuser
        .query_one("SELECT count(*) FROM tenancy.jobs WHERE job_id = $1", &[&first])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 1, "what was not done stays in the queue");
}

#[tokio::test]
async fn ten_7_neither_another_tenant_nor_another_request_finishes_a_job() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let raw = fixture.database.client(Login::Worker).await.unwrap();
    let superuser = fixture.database.superuser_client().await;
    for (other, same_request) in [(fixture.b, true), (fixture.a, false)] {
        enqueue(&pool, fixture.a).await;
        let first = raw_lease(&raw).await;
        enqueue(&pool, other).await;
        let second = raw_lease(&raw).await;
        if same_request {
            superuser
                .batch_execute("UPDATE tenancy.jobs SET request_id = '0190d6f0-0000-7000-8000-0000000000ff'")
                .await
                .unwrap();
        }
        raw.batch_execute("BEGIN").await.unwrap();
        let enter = "SELECT tenancy.enter_job($1, $2, '{us-east-1,eu-west-1}')";
        raw.query(enter, &[&second.0, &second.1]).await.unwrap();
        for ((job, held), finished) in [(first, false), (second, true)] {
            let row = raw
                .query_one("SELECT tenancy.job_finish($1, $2)", &[&job, &held])
                .await
                .unwrap();
            assert_eq!(row.get::<_, bool>(0), finished, "same request: {same_request}");
        }
        raw.batch_execute("ROLLBACK").await.unwrap();
        superuser.batch_execute("DELETE FROM tenancy.jobs").await.unwrap();
    }
}

#[tokio::test]
async fn ten_7_an_id_that_another_tenant_has_queued_is_not_told() {
    let fixture = Fixture::create().await;
    let pool = fixture.pool(1).await;
    let job = Uuid::now_v7();
    for tenant in [fixture.a, fixture.b] {
        let put: Result<(), Failure> = pool
            .run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
                Ok(jobs::enqueue(tx, job, "mail.send", OffsetDateTime::now_utc()).await?)
            })
            .await;
        put.unwrap();
    }
}
