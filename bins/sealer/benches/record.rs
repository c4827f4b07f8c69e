//! What the record costs: events beside a plain insert and a locked hash chain, reads beside a read that logs in the same
//! transaction, sealing, proofs, and the window until an event is sealed.
//!
//! All variants write the same columns with the same client and pool to one durable PostgreSQL, in short turns one after the
//! other, so that the ratios mean something although the absolute figures depend on the machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a measurement that cannot be set up has nothing to report"
)]

use bearingwall_audit::{Access, AuditError, AuditLog, Command, EventType, PhiTx};
use bearingwall_core::{ClientId, Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, Role, SubjectId};
use bearingwall_sealing::{Sealer, SealerOptions, SealingKey, read_hashes};
use bearingwall_tenancy::{PoolConfig, TenancyError, TenantPool, TenantTx};
use bearingwall_testkit::cluster::{Cluster, ClusterOptions};
use bearingwall_testkit::database::{fresh_database, fresh_tenant};
use bearingwall_tlog::merkle::{Plan, covering, tree_root};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;
use zeroize::Zeroizing;

const DATABASE: &str = "record_bench";
const TURNS: usize = 5;
const TURN: Duration = Duration::from_millis(1_500);
const CLIENTS: [usize; 3] = [1, 8, 32];
/// Events of the measurement of sealing and proofs.
const BACKLOG: i32 = 300_000;

/// The tables beside the record: the same columns, defaults and indexes, without a guard; and a chain under a lock.
const TABLES: &str = "
    CREATE SCHEMA bench;
    CREATE TABLE bench.plain (LIKE audit.events INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
    ALTER TABLE bench.plain ADD PRIMARY KEY (customer_id, recorded_at, event_id);
    CREATE INDEX ON bench.plain (customer_id, request_id, recorded_at);
    CREATE INDEX ON bench.plain (customer_id, subject_id, recorded_at, event_id) WHERE subject_id IS NOT NULL;
    CREATE INDEX ON bench.plain (xid);
    CREATE TABLE bench.chained (LIKE bench.plain INCLUDING ALL, position bigint NOT NULL, hash bytea NOT NULL);
    CREATE TABLE bench.heads (customer_id uuid PRIMARY KEY, position bigint NOT NULL, hash bytea NOT NULL);
    CREATE FUNCTION bench.link() RETURNS trigger LANGUAGE plpgsql AS $f$
    DECLARE v bench.heads;
    BEGIN
        SELECT * INTO v FROM bench.heads h WHERE h.customer_id = NEW.customer_id FOR UPDATE;
        NEW.position := v.position + 1;
        NEW.hash := sha256(v.hash || convert_to(to_jsonb(NEW)::text, 'UTF8'));
        UPDATE bench.heads SET position = NEW.position, hash = NEW.hash WHERE customer_id = NEW.customer_id;
        RETURN NEW;
    END $f$;
    CREATE TRIGGER link BEFORE INSERT ON bench.chained FOR EACH ROW EXECUTE FUNCTION bench.link();
    CREATE TABLE bench.people (client_id uuid PRIMARY KEY, payload bytea NOT NULL);
    GRANT USAGE ON SCHEMA bench TO bearingwall_app;
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA bench TO bearingwall_app";

/// One event, into one of the tables.
struct Insert<const TABLE: u8> {
    event: Uuid,
    subject: Uuid,
}

const PLAIN: u8 = 0;
const OURS: u8 = 1;
const CHAINED: u8 = 2;

impl<const TABLE: u8> QueryId for Insert<TABLE> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const TABLE: u8> QueryFragment<Pg> for Insert<TABLE> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql(match TABLE {
            PLAIN => "INSERT INTO bench.plain",
            OURS => "INSERT INTO audit.events",
            _ => "INSERT INTO bench.chained",
        });
        out.push_sql(
            " (event_id, event_type, phase, outcome, subject_id, resource, commands, actor_roles, purpose_of_use, route) VALUES (",
        );
        out.push_bind_param::<SqlUuid, _>(&self.event)?;
        out.push_sql(", 'client.read', 'intended', 'success', ");
        out.push_bind_param::<SqlUuid, _>(&self.subject)?;
        out.push_sql(", 'crm.client_records', '{SELECT}', '{authenticated}', 'TREAT', 'GET /v1/clients/{client_id}')");
        Ok(())
    }
}

/// A person's row from a table that nothing guards, or from the one of the PHI class.
struct Person<const GUARDED: bool> {
    id: Uuid,
}

impl<const GUARDED: bool> QueryId for Person<GUARDED> {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<const GUARDED: bool> QueryFragment<Pg> for Person<GUARDED> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql(if GUARDED {
            "SELECT length(payload)::bigint FROM crm.client_records WHERE client_id = "
        } else {
            "SELECT length(payload)::bigint FROM bench.people WHERE client_id = "
        });
        out.push_bind_param::<SqlUuid, _>(&self.id)?;
        Ok(())
    }
}

impl<const GUARDED: bool> Query for Person<GUARDED> {
    type SqlType = BigInt;
}

#[derive(Clone)]
struct Stage {
    pool: TenantPool,
    log: AuditLog,
    customer: CustomerId,
    person: ClientId,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(run());
}

async fn run() {
    let cluster = tokio::task::spawn_blocking(|| {
        let mut options = ClusterOptions::durable("record");
        options.data_root = None;
        Cluster::start(&options, &|step| println!("{step}"))
    })
    .await
    .unwrap()
    .unwrap();
    let stage = set_up(&cluster).await;
    let stop = Arc::new(AtomicBool::new(false));
    let sealing = tokio::spawn(seal(superuser(&cluster).await, Arc::clone(&stop)));
    inserts(&stage).await;
    reads(&stage).await;
    windows(&stage, &cluster).await;
    stop.store(true, Ordering::Relaxed);
    let sealer = sealing.await.unwrap();
    backlog(sealer, &cluster, stage.customer).await;
    drop(stage);
    tokio::task::spawn_blocking(move || cluster.stop())
        .await
        .unwrap()
        .unwrap();
}

/// A sealer at its usual pace.
async fn seal(client: Client, stop: Arc<AtomicBool>) -> Sealer {
    let options = SealerOptions {
        origin: "audit.example.com".to_owned(),
        previous: None,
        heartbeat: Duration::from_mins(1),
    };
    let key = SealingKey::from_seed(Zeroizing::new([7; 32]));
    let mut sealer = Sealer::take_over(client, key, options).await.unwrap().ok().unwrap();
    while !stop.load(Ordering::Relaxed) {
        sealer.seal().await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    sealer
}

async fn connect(config: tokio_postgres::Config) -> Client {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn superuser(cluster: &Cluster) -> Client {
    connect(cluster.superuser_config(DATABASE)).await
}

async fn set_up(cluster: &Cluster) -> Stage {
    let database = fresh_database(cluster, DATABASE).await.unwrap();
    let (customer, key) = fresh_tenant(cluster, DATABASE, "bench-1").await.unwrap();
    let app_password = cluster.role_password("bearingwall_app").unwrap();
    let url = format!(
        "postgres://bearingwall_app@{}:{}/{DATABASE}",
        cluster.host(),
        cluster.port()
    );
    let mut config = PoolConfig::new(url.parse().unwrap(), Some(app_password), vec!["bench-1".to_owned()]);
    config.max_connections = 32;
    let pool = TenantPool::connect(config, key).await.unwrap();
    // After the pool's own checks, which would refuse tables without row security.
    database.batch_execute(TABLES).await.unwrap();
    let person = ClientId::from_uuid(Uuid::now_v7());
    database
        .batch_execute(&format!(
            "INSERT INTO bench.heads VALUES ('{customer}', 0, sha256(''));
             INSERT INTO bench.people VALUES ('{person}', decode(repeat('fe', 400), 'hex'));
             INSERT INTO crm.clients (customer_id, id) VALUES ('{customer}', '{person}');
             INSERT INTO crm.client_records (customer_id, client_id, payload) VALUES ('{customer}', '{person}', decode(repeat('fe', 400), 'hex'))"
        ))
        .await
        .unwrap();
    let log = AuditLog::new(pool.clone());
    Stage {
        pool,
        log,
        customer,
        person,
    }
}

fn ctx(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(0x0190_d6f0_0000_7000_8000_0000_0000_0077)),
        customer,
        roles: [Role::Authenticated].into_iter().collect(),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Treatment,
        expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(5),
        route: Some("GET /v1/clients/{client_id}"),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Plain,
    Ours,
    Chained,
    SameTransaction,
    WriteAhead,
}

async fn once(stage: &Stage, variant: Variant) {
    use diesel_async::RunQueryDsl;

    async fn insert<const TABLE: u8>(stage: &Stage) {
        let done: Result<usize, Failure> = stage
            .pool
            .run(&ctx(stage.customer), async |tx: &mut TenantTx<'_>| {
                let row = Insert::<TABLE> {
                    event: Uuid::now_v7(),
                    subject: stage.person.as_uuid(),
                };
                Ok(RunQueryDsl::execute(row, tx).await?)
            })
            .await;
        assert_eq!(done.unwrap(), 1);
    }
    match variant {
        Variant::Plain => insert::<PLAIN>(stage).await,
        Variant::Ours => insert::<OURS>(stage).await,
        Variant::Chained => insert::<CHAINED>(stage).await,
        Variant::SameTransaction => {
            let read: Result<i64, Failure> = stage
                .pool
                .run(&ctx(stage.customer), async |tx: &mut TenantTx<'_>| {
                    let row = Insert::<OURS> {
                        event: Uuid::now_v7(),
                        subject: stage.person.as_uuid(),
                    };
                    RunQueryDsl::execute(row, tx).await?;
                    let id = stage.person.as_uuid();
                    Ok(Person::<false> { id }.get_result(tx).await?)
                })
                .await;
            assert_eq!(read.unwrap(), 400);
        }
        Variant::WriteAhead => {
            let access =
                Access::to(EventType::ClientRead, [stage.person]).covering("crm.client_records", &[Command::Select]);
            let read: Result<i64, Failure> = stage
                .log
                .with_access(&ctx(stage.customer), access, async |tx: &mut PhiTx<'_, '_>| {
                    let id = stage.person.as_uuid();
                    Ok(Person::<true> { id }.get_result(tx).await?)
                })
                .await;
            assert_eq!(read.unwrap(), 400);
        }
    }
}

#[derive(Debug)]
enum Failure {
    Audit(#[allow(dead_code, reason = "shown when it happens")] AuditError),
    Query(#[allow(dead_code, reason = "shown when it happens")] diesel::result::Error),
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        Self::Audit(error)
    }
}

impl From<TenancyError> for Failure {
    fn from(error: TenancyError) -> Self {
        Self::Audit(error.into())
    }
}

impl From<diesel::result::Error> for Failure {
    fn from(error: diesel::result::Error) -> Self {
        Self::Query(error)
    }
}

/// Transactions a second of so many clients.
async fn turn(stage: &Stage, variant: Variant, clients: usize) -> f64 {
    let count = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let (stage, count) = (stage.clone(), Arc::clone(&count));
        tasks.push(tokio::spawn(async move {
            while begun.elapsed() < TURN {
                once(&stage, variant).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    count.load(Ordering::Relaxed) as f64 / begun.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Medians of interleaved turns, and of the ratios within each round.
async fn compare(stage: &Stage, variants: &[(&str, Variant)], clients: usize) {
    for (_, variant) in variants {
        once(stage, *variant).await;
    }
    let mut rates = vec![Vec::new(); variants.len()];
    for _ in 0..TURNS {
        for (index, (_, variant)) in variants.iter().enumerate() {
            rates[index].push(turn(stage, *variant, clients).await);
        }
    }
    for (index, (name, _)) in variants.iter().enumerate() {
        let ratios = rates[index]
            .iter()
            .zip(&rates[0])
            .map(|(rate, base)| rate / base)
            .collect();
        println!(
            "| {clients} | {name} | {:.0}/s | {:.2} |",
            median(rates[index].clone()),
            median(ratios)
        );
    }
}

async fn inserts(stage: &Stage) {
    println!("\nOne event a transaction, one tenant\n\n| clients | variant | events | ratio |\n|---|---|---|---|");
    let variants = [
        ("plain table", Variant::Plain),
        ("the record, sealer running", Variant::Ours),
        ("hash chain under a lock", Variant::Chained),
    ];
    for clients in CLIENTS {
        compare(stage, &variants, clients).await;
    }
}

async fn reads(stage: &Stage) {
    println!("\nOne person's row, read\n\n| clients | variant | reads | ratio |\n|---|---|---|---|");
    let variants = [
        (
            "event in the same transaction, table without guard",
            Variant::SameTransaction,
        ),
        ("write-ahead access, both phases", Variant::WriteAhead),
    ];
    for clients in CLIENTS {
        compare(stage, &variants, clients).await;
    }
}

/// From commit to seal, of every event: the seal's own time less that of the event, which is before its commit.
async fn windows(stage: &Stage, cluster: &Cluster) {
    let client = superuser(cluster).await;
    for (name, clients, pause) in [("at rest", 1, 100), ("32 clients", 32, 0)] {
        let from: OffsetDateTime = client.query_one("SELECT clock_timestamp()", &[]).await.unwrap().get(0);
        let begun = Instant::now();
        let mut tasks = Vec::new();
        for _ in 0..clients {
            let stage = stage.clone();
            tasks.push(tokio::spawn(async move {
                while begun.elapsed() < Duration::from_secs(6) {
                    once(&stage, Variant::Ours).await;
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let row = client
            .query_one(
                "SELECT count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY w), percentile_cont(0.99) WITHIN GROUP (ORDER BY w), max(w) FROM (
                    SELECT extract(epoch FROM s.sealed_at - e.recorded_at)::float8 AS w FROM audit.events e
                      JOIN audit.leaves l ON l.customer_id = e.customer_id AND l.event_id = e.event_id AND l.recorded_at = e.recorded_at
                     CROSS JOIN LATERAL (SELECT c.seal_id FROM audit.checkpoints c WHERE c.customer_id = l.customer_id AND c.tree_size > l.leaf_index
                                          ORDER BY c.tree_size LIMIT 1) c
                      JOIN audit.seals s ON s.seal_id = c.seal_id
                     WHERE e.recorded_at > $1 AND e.event_type = 'client.read') x",
                &[&from],
            )
            .await
            .unwrap();
        println!(
            "\nUnsealed window {name}: {} events, median {:.2} s, p99 {:.2} s, longest {:.2} s",
            row.get::<_, i64>(0),
            row.get::<_, f64>(1),
            row.get::<_, f64>(2),
            row.get::<_, f64>(3)
        );
    }
}

async fn backlog(mut sealer: Sealer, cluster: &Cluster, customer: CustomerId) {
    while sealer.seal().await.unwrap().events > 0 {}
    let client = superuser(cluster).await;
    client
        .execute(
            "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, subject_id, resource, commands, route)
             SELECT $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'intended', 'success', gen_random_uuid(),
                    'crm.client_records', '{SELECT}', 'GET /v1/clients/{client_id}' FROM generate_series(1, $2)",
            &[&customer.as_uuid(), &BACKLOG],
        )
        .await
        .unwrap();
    let begun = Instant::now();
    let sealed = sealer.seal().await.unwrap();
    let took = begun.elapsed().as_secs_f64();
    println!(
        "\nSealing a backlog: {} events in {took:.2} s, {:.0}/s",
        sealed.events,
        sealed.events as f64 / took
    );
    let size = sealed
        .checkpoints
        .iter()
        .find(|c| c.customer == customer.as_uuid())
        .unwrap()
        .tree_size;
    let root = tree_root(
        &read_hashes(&client, customer.as_uuid(), &covering(0, size))
            .await
            .unwrap(),
        size,
    )
    .unwrap();
    let mut times = Vec::new();
    for number in 0..500_u64 {
        let index = (number * 2_654_435_761) % size;
        let begun = Instant::now();
        let plan = Plan::inclusion(index, size).unwrap();
        let nodes = plan.nodes();
        let hashes = read_hashes(&client, customer.as_uuid(), &nodes).await.unwrap();
        let ordered: Vec<_> = nodes.iter().map(|node| hashes[node]).collect();
        let proof = plan.assemble(&ordered).unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
        assert!(!proof.is_empty() && root.to_base64().len() == 44);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "Inclusion proof from the database, tree of {size} leaves: median {:.2} ms, p99 {:.2} ms",
        times[times.len() / 2],
        times[times.len() * 99 / 100]
    );
}
