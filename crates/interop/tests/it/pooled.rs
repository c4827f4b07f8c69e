//! PgBouncer in transaction mode: many tenants over few backends, and nothing passes from one to the next.

use crate::pgbouncer::{PgBouncer, Program, Setup, carrying, programs};
use crate::spas::{Answer, Failure, Record, Spas, ask, config, ctx, execute, insert, seen, visible};
use bearingwall_core::CustomerId;
use bearingwall_migrations::entries_name_backend;
use bearingwall_tenancy::{Pooler, TenantPool, TenantTx};
use bearingwall_testkit::database::TestDatabase;
use diesel_async::RunQueryDsl;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use uuid::Uuid;

/// Tenants whose database is reached through a pooler only.
struct Stage {
    spas: Spas,
    pooler: Pooler,
    // Dropped before the database is, or that would end its connections for it.
    pgbouncer: PgBouncer,
    database: TestDatabase,
}

impl Stage {
    async fn build(
        database: TestDatabase,
        program: &Program,
        server_connections: usize,
        named_statements: bool,
    ) -> Self {
        let mut admin = database.admin_client().await;
        let spas = Spas::create(&mut admin, 6).await;
        entries_name_backend(&admin, false).await.unwrap();
        let setup = Setup::documented(server_connections, named_statements);
        Self {
            spas,
            pooler: Pooler::Transaction { named_statements },
            pgbouncer: PgBouncer::start(program, &database, setup),
            database,
        }
    }

    async fn pool(&self, max_connections: usize) -> TenantPool {
        let mut config = config(&self.pgbouncer.url(), self.database.app_password(), max_connections);
        config.pooler = self.pooler;
        self.spas.connect(config).await.unwrap()
    }
}

/// Each program in each way that it can work, and each store of the verified context.
async fn stages(server_connections: usize) -> Vec<Stage> {
    let mut stages = Vec::new();
    for program in programs() {
        let database = TestDatabase::create().await;
        stages.push(Stage::build(database, &program, server_connections, false).await);
        if program.carries_named_statements() {
            let database = TestDatabase::create_without_platform().await;
            stages.push(Stage::build(database, &program, server_connections, true).await);
        }
    }
    stages
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_through_a_pooler_a_session_setting_reaches_another_client_and_a_sealed_context_does_not() {
    for program in programs() {
        let database = TestDatabase::create().await;
        let mut admin = database.admin_client().await;
        let spas = Spas::create(&mut admin, 2).await;
        // As the tutorials have it: one policy, one setting, a pooler as it is delivered.
        let owner = database.superuser_client().await;
        let (a, b) = (spas.tenants[0], spas.tenants[1]);
        owner
            .batch_execute(&format!(
                "CREATE SCHEMA tutorial; GRANT USAGE ON SCHEMA tutorial TO bearingwall_app;
                 CREATE TABLE tutorial.notes (customer_id uuid, body text); GRANT SELECT ON tutorial.notes TO bearingwall_app;
                 INSERT INTO tutorial.notes VALUES ('{a}', 'of a'), ('{b}', 'of b');
                 ALTER TABLE tutorial.notes ENABLE ROW LEVEL SECURITY;
                 CREATE POLICY tenant ON tutorial.notes USING (customer_id = current_setting('app.current_customer_id', true)::uuid)"
            ))
            .await
            .unwrap();
        let naive = Setup {
            cleans: false,
            ..Setup::documented(1, false)
        };
        let pgbouncer = PgBouncer::start(&program, &database, naive);
        let (of_a, other) = (pgbouncer.client().await, pgbouncer.client().await);
        of_a.simple_query(&format!("SET app.current_customer_id = '{a}'"))
            .await
            .unwrap();
        // The other client never said who it is.
        let leaked = rows(&other, "SELECT body FROM tutorial.notes").await.unwrap();
        assert_eq!(leaked, ["of a"], "the negative control: a session setting leaks");
        let refused = rows(&other, "SELECT id::text FROM crm.clients").await.unwrap_err();
        assert_eq!(refused.code().map(|code| code.code()), Some("28000"), "{refused:?}");
    }
}

async fn rows(client: &tokio_postgres::Client, sql: &str) -> Result<Vec<String>, tokio_postgres::Error> {
    let messages = client.simple_query(sql).await?;
    let rows = messages.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    Ok(rows.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_through_a_pooler_concurrent_tenants_see_their_own_rows_and_no_others() {
    const ROUNDS: usize = 12;
    for stage in stages(2).await {
        let pool = stage.pool(8).await;
        let tasks = stage.spas.tenants.iter().map(|tenant| {
            let (pool, tenant) = (pool.clone(), *tenant);
            tokio::spawn(async move {
                let (mut own, mut backends) = (BTreeSet::new(), BTreeSet::new());
                for _ in 0..ROUNDS {
                    let id = Uuid::now_v7();
                    own.insert(id);
                    let (rows, backend) = write_and_read(&pool, tenant, id).await.unwrap();
                    assert!(
                        rows.iter().all(|(customer, _)| *customer == tenant.as_uuid()),
                        "{rows:?}"
                    );
                    assert_eq!(rows.iter().map(|(_, id)| *id).collect::<BTreeSet<_>>(), own);
                    backends.insert(backend);
                }
                (tenant, backends)
            })
        });
        let mut served: BTreeMap<String, usize> = BTreeMap::new();
        for outcome in futures_util::future::join_all(tasks).await {
            for backend in outcome.unwrap().1 {
                *served.entry(backend).or_default() += 1;
            }
        }
        // Or nothing was shared, and nothing was shown.
        assert!(
            served.len() <= 2 && served.values().any(|tenants| *tenants > 1),
            "{served:?}"
        );
    }
}

async fn write_and_read(
    pool: &TenantPool,
    tenant: CustomerId,
    id: Uuid,
) -> Result<(Vec<(Uuid, Uuid)>, String), Failure> {
    pool.run(&ctx(tenant), async |tx: &mut TenantTx<'_>| {
        insert(tx, id).await?;
        let rows = seen(tx).await?;
        let backend: Answer = diesel::sql_query("SELECT pg_backend_pid()::text AS answer")
            .get_result(tx)
            .await?;
        Ok((rows, backend.answer.unwrap()))
    })
    .await
}

/// Pairs of a statement that leaves something behind, and a question that finds it.
const RESIDUE: &[(&str, &str)] = &[
    (
        "SELECT set_config('app.left', 'left', false)",
        "SELECT nullif(current_setting('app.left', true), '') AS answer",
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
        "SET work_mem = '64kB'",
        "SELECT setting AS answer FROM pg_catalog.pg_settings WHERE name = 'work_mem' AND source = 'session' UNION ALL SELECT NULL LIMIT 1",
    ),
    // The pooler keeps these four for its client, whatever the backend forgets.
    (
        "SET TIME ZONE 'Asia/Tokyo'",
        "SELECT nullif(current_setting('TimeZone'), 'UTC') AS answer",
    ),
    (
        "SET DateStyle = 'German'",
        "SELECT CASE WHEN current_setting('DateStyle') LIKE 'German%' THEN 'left' END AS answer",
    ),
    (
        "SET standard_conforming_strings = off",
        "SELECT nullif(current_setting('standard_conforming_strings'), 'on') AS answer",
    ),
    (
        "SET application_name = 'left'",
        "SELECT CASE current_setting('application_name') WHEN 'left' THEN 'left' END AS answer",
    ),
    (
        "DECLARE c CURSOR WITH HOLD FOR SELECT id FROM crm.clients",
        "SELECT name AS answer FROM pg_catalog.pg_cursors WHERE name <> '' UNION ALL SELECT NULL LIMIT 1",
    ),
    (
        "PREPARE leftover AS SELECT 1",
        "SELECT name AS answer FROM pg_catalog.pg_prepared_statements WHERE name = 'leftover' UNION ALL SELECT NULL LIMIT 1",
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

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_through_a_pooler_nothing_is_left_for_the_next_tenant() {
    for stage in stages(1).await {
        let (a, b) = (stage.spas.tenants[0], stage.spas.tenants[1]);
        // One backend for all: the next tenant comes over the same connection, and over another one.
        let (first, second) = (stage.pool(1).await, stage.pool(1).await);
        for (leave, find) in RESIDUE {
            execute(&first, a, leave)
                .await
                .unwrap_or_else(|error| panic!("{leave}: {error:?}"));
            for pool in [&first, &second] {
                assert_eq!(ask(pool, b, find).await, None, "{leave}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_through_a_pooler_a_substituted_statement_never_runs_for_another_tenant() {
    let names = "SELECT string_agg(name, ',') AS answer FROM pg_catalog.pg_prepared_statements WHERE NOT from_sql";
    for program in carrying() {
        let stage = Stage::build(TestDatabase::create().await, &program, 1, true).await;
        let (a, b) = (stage.spas.tenants[0], stage.spas.tenants[1]);
        let pool = stage.pool(2).await;
        let id = Uuid::now_v7();
        write_and_read(&pool, b, id).await.unwrap();
        // Carried under names of the pooler's own, or this test attacks nothing.
        let carried = ask(&pool, a, names).await.unwrap();
        assert!(carried.contains("PGBOUNCER_"), "{carried}");
        for number in 1..40 {
            let name = format!("\"PGBOUNCER_{number}\"");
            let _: Result<(), Failure> = pool
                .run(&ctx(a), async |tx: &mut TenantTx<'_>| {
                    let there = format!(
                        "SELECT count(*)::text AS answer FROM pg_prepared_statements WHERE name = {}",
                        name.replace('"', "'")
                    );
                    let there: Answer = diesel::sql_query(there).get_result(tx).await?;
                    if there.answer.as_deref() == Some("1") {
                        diesel::sql_query(format!("DEALLOCATE {name}")).execute(tx).await?;
                    }
                    diesel::sql_query(format!("PREPARE {name} AS SELECT 'hostile'"))
                        .execute(tx)
                        .await?;
                    Ok(())
                })
                .await;
            assert_eq!(visible(&pool, b).await.unwrap(), [id], "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_4_through_a_pooler_requests_cancelled_anywhere_leave_nothing() {
    for stage in stages(2).await {
        let pool = stage.pool(4).await;
        let (a, b) = (stage.spas.tenants[0], stage.spas.tenants[1]);
        let own = Uuid::now_v7();
        write_and_read(&pool, b, own).await.unwrap();
        let mut finished = BTreeSet::new();
        for step in 0..40_u64 {
            let id = Uuid::now_v7();
            let write = write_and_read(&pool, a, id);
            if tokio::time::timeout(Duration::from_micros(step * 250), write)
                .await
                .is_ok()
            {
                finished.insert(id);
            }
            assert_eq!(visible(&pool, b).await.unwrap(), [own], "step {step}");
        }
        // What finished stands; what did not may stand only where its COMMIT was already under way.
        let stands: BTreeSet<Uuid> = visible(&pool, a).await.unwrap().into_iter().collect();
        assert!(finished.is_subset(&stands), "{finished:?} {stands:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_3_through_a_pooler_the_record_is_committed_before_the_read() {
    for stage in stages(2).await {
        let pool = stage.pool(2).await;
        let tenant = stage.spas.tenants[0];
        for _ in 0..4 {
            let record = Uuid::now_v7();
            let earlier: Result<Answer, Failure> = pool
                .run_recorded(&ctx(tenant), Record(record), async |tx: &mut TenantTx<'_>| {
                    insert(tx, Uuid::now_v7()).await?;
                    let earlier = format!(
                        "SELECT (xid IS DISTINCT FROM pg_current_xact_id_if_assigned())::text AS answer FROM audit.events WHERE event_id = '{record}'"
                    );
                    Ok(diesel::sql_query(earlier).get_result(tx).await?)
                })
                .await;
            assert_eq!(earlier.unwrap().answer.as_deref(), Some("true"));
        }
        assert_eq!(visible(&pool, tenant).await.unwrap().len(), 4);
    }
}
