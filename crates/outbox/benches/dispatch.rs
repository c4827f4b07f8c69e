//! How fast effects leave, and what a flood of one tenant does to the others: four workers, a hundred tenants, a real PostgreSQL,
//! and a destination that takes a millisecond. The baseline is the same load without the flood, in the same run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark that fails has nothing to say"
)]

use bearingwall_core::{
    Ctx, CtxParts, CustomerId, EffectId, PurposeOfUse, RequestId, Role, RoleSet, Sensitive, SubjectId,
};
use bearingwall_gates::{DestinationName, GateError, Operation, PayloadKeys, TenantCipher, Ungated};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_outbox::{
    Delivery, Destination, Effect, Idempotency, Outbox, OutboxError, Outcome, Prepared, Worker, WorkerOptions,
};
use bearingwall_secrets::{Aad, CacheOptions, DataKey, KeyError, KeyStore, WrappedKey};
use bearingwall_tenancy::effects::EffectPool;
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool, TenantTx};
use bearingwall_testkit::database::{Login, TestDatabase};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

const TENANTS: usize = 100;
const WORKERS: usize = 4;
const REGION: &str = "us-east-1";

#[derive(Serialize, Deserialize)]
struct Hook {
    number: u32,
}

impl Operation for Hook {
    type Recourse = Ungated;
    const KIND: &'static str = "webhook.deliver";
    const SEALED: bool = true;

    fn destination(&self) -> DestinationName {
        "hook.bench".parse().unwrap()
    }

    fn aggregate(&self) -> Option<Uuid> {
        None
    }
}

struct Keys(DataKey);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

fn place(customer: CustomerId) -> Aad {
    Aad {
        table: "bench",
        column: "kek",
        customer,
        row: Uuid::nil(),
    }
}

impl KeyStore for Keys {
    fn wrap<'a>(&'a self, customer: CustomerId, key: &'a DataKey) -> Boxed<'a, Result<WrappedKey, KeyError>> {
        Box::pin(async move {
            Ok(WrappedKey {
                kek_version: "1".to_owned(),
                bytes: self.0.wrap(key, &place(customer))?,
            })
        })
    }

    fn unwrap<'a>(&'a self, customer: CustomerId, wrapped: &'a WrappedKey) -> Boxed<'a, Result<DataKey, KeyError>> {
        Box::pin(async move { self.0.unwrap(&wrapped.bytes, &place(customer)) })
    }

    fn current_version(&self) -> Boxed<'_, Result<String, KeyError>> {
        Box::pin(async { Ok("1".to_owned()) })
    }
}

/// Notes when what arrives, by tenant.
#[derive(Default)]
struct Sink {
    latencies: Mutex<HashMap<CustomerId, Vec<Duration>>>,
}

impl Sink {
    fn count(&self) -> usize {
        self.latencies.lock().unwrap().values().map(Vec::len).sum()
    }

    /// Of all tenants but the first, sorted.
    fn of_others(&self, flood: CustomerId) -> Vec<Duration> {
        let latencies = self.latencies.lock().unwrap();
        let others = latencies.iter().filter(|(tenant, _)| **tenant != flood);
        let mut all: Vec<Duration> = others.flat_map(|(_, latencies)| latencies.clone()).collect();
        all.sort_unstable();
        all
    }

    fn forget(&self) {
        self.latencies.lock().unwrap().clear();
    }
}

impl Destination for Sink {
    fn serves(&self) -> Vec<String> {
        vec!["hook.bench".to_owned()]
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Native
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn prepare<'a>(&'a self, _: &'a mut TenantTx<'_>, _: &'a Delivery) -> Boxed<'a, Result<Prepared, Outcome>> {
        Box::pin(async { Ok(None) })
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery, _: Prepared) -> Boxed<'a, Outcome> {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let took = (OffsetDateTime::now_utc() - delivery.enqueued_at()).max(time::Duration::ZERO);
            self.latencies
                .lock()
                .unwrap()
                .entry(delivery.customer())
                .or_default()
                .push(took.unsigned_abs());
            Outcome::Delivered { receipt: None }
        })
    }
}

struct Stage {
    database: TestDatabase,
    pool: TenantPool,
    keys: PayloadKeys,
    tenants: Vec<(CustomerId, TenantCipher)>,
}

fn ctx(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(1)),
        customer,
        roles: RoleSet::EMPTY.with(Role::CustomerAdmin),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: OffsetDateTime::now_utc() + time::Duration::hours(1),
        route: None,
    })
}

impl Stage {
    async fn build() -> Self {
        let database = TestDatabase::create().await;
        let mut admin = database.admin_client().await;
        serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
        let secret = Sensitive::new(Uuid::new_v4().as_bytes().repeat(2));
        install_enter_key(&mut admin, 1, &secret).await.unwrap();
        let mut config = PoolConfig::new(
            database.url(Login::App).parse().unwrap(),
            Some(database.password(Login::App)),
            vec![REGION.to_owned()],
        );
        config.max_connections = 6;
        let pool = TenantPool::connect(config, EnterKey::new(1, &secret).unwrap())
            .await
            .unwrap();
        let keys = PayloadKeys::new(Arc::new(Keys(DataKey::generate().unwrap())), CacheOptions::default());
        let mut tenants = Vec::new();
        for at in 0..TENANTS {
            let id = CustomerId::from_uuid(Uuid::now_v7());
            let tenant = NewTenant {
                id,
                slug: format!("t{at}"),
                name: format!("T{at}"),
                region: REGION.to_owned(),
            };
            tenant_create(&mut admin, &tenant).await.unwrap();
            tenants.push((id, keys.cipher(&pool, &ctx(id)).await.unwrap()));
        }
        Self {
            database,
            pool,
            keys,
            tenants,
        }
    }

    /// The platform's limits on one tenant: effects under way, effects a second, and effects at once.
    async fn limit(&self, in_flight: u16, rate_per_s: u32, burst: u32) {
        let limits =
            format!("SELECT tenancy.effect_configure({in_flight}, {rate_per_s}, {burst}, 3, '5 seconds', '5 minutes')");
        let superuser = self.database.superuser_client().await;
        superuser.batch_execute(&limits).await.unwrap();
        let full = "UPDATE tenancy.effect_turns SET tokens = $1, filled_at = clock_timestamp()";
        superuser.execute(full, &[&f64::from(burst)]).await.unwrap();
    }

    async fn worker(&self, sink: &Arc<Sink>) -> Worker {
        let mut config = PoolConfig::new(
            self.database.url(Login::Worker).parse().unwrap(),
            Some(self.database.password(Login::Worker)),
            vec![REGION.to_owned()],
        );
        config.max_connections = 4;
        let pool = EffectPool::connect(config).await.unwrap();
        let options = WorkerOptions {
            poll: Duration::from_millis(20),
            ..WorkerOptions::default()
        };
        Worker::new(
            pool,
            self.keys.clone(),
            vec![Arc::clone(sink) as Arc<dyn Destination>],
            options,
        )
        .unwrap()
    }

    async fn send(&self, tenant: usize, count: u32) {
        let (customer, cipher) = &self.tenants[tenant];
        let sent: Result<(), OutboxError> = self
            .pool
            .run(&ctx(*customer), async |tx: &mut TenantTx<'_>| {
                for number in 0..count {
                    let id = EffectId::from_uuid(Uuid::now_v7());
                    let effect = Effect::ungated(id, Hook { number }).map_err(GateError::from)?;
                    Outbox::enqueue(tx, cipher, effect).await?;
                }
                Ok(())
            })
            .await;
        sent.unwrap();
    }
}

fn at(sorted: &[Duration], share: f64) -> f64 {
    let place = ((sorted.len() - 1) as f64 * share).round() as usize;
    sorted[place].as_secs_f64() * 1_000.0
}

/// Each tenant but the first writes one effect after the other, all of them so many a second together.
async fn others(stage: &Stage, lasting: Duration, per_s: u32) {
    let started = Instant::now();
    let mut sent = 0_u32;
    while started.elapsed() < lasting {
        stage.send(1 + sent as usize % (TENANTS - 1), 1).await;
        sent += 1;
        tokio::time::sleep_until((started + Duration::from_secs(1) * sent / per_s).into()).await;
    }
}

async fn emptied(stage: &Stage, but: CustomerId) {
    let superuser = stage.database.superuser_client().await;
    let left = "SELECT count(*) FROM tenancy.effect_queue WHERE customer_id <> $1";
    while superuser
        .query_one(left, &[&but.as_uuid()])
        .await
        .unwrap()
        .get::<_, i64>(0)
        > 0
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn under(stage: &Stage, sink: &Arc<Sink>, load: impl Future<Output = ()>) {
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(stage.worker(sink).await);
    }
    let stop = tokio::sync::watch::channel(false);
    let until = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let running = futures_util::future::join_all(workers.iter().map(|worker| worker.run(until(stop.1.clone()))));
    let work = async {
        load.await;
        let _ = stop.0.send(true);
    };
    tokio::join!(running, work);
}

/// The others' p50 and p99 in milliseconds, alternately without the flood and with it, and what the one is to the other.
async fn flooded(stage: &Stage, sink: &Arc<Sink>, what: &str, (scale, limits): (u32, (u16, u32, u32))) {
    let flood = stage.tenants[0].0;
    let lasting = Duration::from_secs(u64::from(5 * scale));
    let mut figures = Vec::new();
    for with_flood in [false, true, false, true] {
        sink.forget();
        if with_flood {
            for _ in 0..10 * scale {
                stage.send(0, 200).await;
            }
        }
        stage.limit(limits.0, limits.1, limits.2).await;
        let load = async {
            others(stage, lasting, 40).await;
            emptied(stage, flood).await;
        };
        under(stage, sink, load).await;
        let sorted = sink.of_others(flood);
        let (p50, p99) = (at(&sorted, 0.5), at(&sorted, 0.99));
        println!(
            "{what}, {}: {} effects of the others, p50 {p50:.1} ms, p99 {p99:.1} ms; {} in all",
            if with_flood { "with the flood" } else { "without" },
            sorted.len(),
            sink.count()
        );
        figures.push((with_flood, p50, p99));
        let superuser = stage.database.superuser_client().await;
        superuser
            .batch_execute("DELETE FROM tenancy.effect_queue")
            .await
            .unwrap();
    }
    let mean = |flooded: bool, pick: fn(&(bool, f64, f64)) -> f64| {
        let of: Vec<f64> = figures.iter().filter(|figure| figure.0 == flooded).map(pick).collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    println!(
        "{what}, with the flood to without: p50 {:.2}, p99 {:.2}",
        mean(true, |figure| figure.1) / mean(false, |figure| figure.1),
        mean(true, |figure| figure.2) / mean(false, |figure| figure.2)
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let scale: u32 = arguments.iter().position(|word| word == "--quick").map_or(4, |_| 1);
    let stage = Stage::build().await;
    let sink = Arc::new(Sink::default());
    let nobody = CustomerId::PLATFORM;

    let each = 5 * scale;
    stage.limit(8, 10_000, 10_000).await;
    for tenant in 0..TENANTS {
        stage.send(tenant, each).await;
    }
    let started = Instant::now();
    under(&stage, &sink, emptied(&stage, nobody)).await;
    let total = f64::from(each) * TENANTS as f64;
    println!(
        "dispatch: {total} effects of {TENANTS} tenants by {WORKERS} workers: {:.0}/s",
        total / started.elapsed().as_secs_f64()
    );

    flooded(&stage, &sink, "limits as shipped", (scale, (8, 50, 100))).await;
    flooded(&stage, &sink, "no rate limit", (scale, (8, 10_000, 10_000))).await;
}
