//! Tenants, a worker's way in, and a destination that does as it is told.

use bearingwall_core::{
    Ctx, CtxParts, CustomerId, EffectId, PurposeOfUse, RequestId, Role, RoleSet, Sensitive, SubjectId,
};
use bearingwall_gates::{DestinationName, GateError, Operation, PayloadKeys, Ungated};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_outbox::{
    Delivery, Destination, Effect, EffectState, Idempotency, Outbox, OutboxError, Outcome, Prepared, Settlement,
    Worker, WorkerOptions, effect_settle,
};
use bearingwall_secrets::{Aad, CacheOptions, DataKey, KeyError, KeyStore, WrappedKey};
use bearingwall_tenancy::effects::EffectPool;
use bearingwall_tenancy::{EnterKey, PoolConfig, TenancyError, TenantPool, TenantTx};
use bearingwall_testkit::database::{Login, TestDatabase};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

pub(crate) const ANA: SubjectId = SubjectId::from_uuid(Uuid::from_u128(0xa0));
pub(crate) const REGION: &str = "us-east-1";

/// What a test sends.
#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Hook {
    pub(crate) to: String,
    pub(crate) about: Option<Uuid>,
    pub(crate) number: u32,
}

impl Operation for Hook {
    type Recourse = Ungated;
    const KIND: &'static str = "webhook.deliver";
    const SEALED: bool = true;

    fn destination(&self) -> DestinationName {
        self.to.parse().unwrap()
    }

    fn aggregate(&self) -> Option<Uuid> {
        self.about
    }
}

/// Wraps under one key in memory.
pub(crate) struct Keys(pub(crate) DataKey);

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyError>> + Send + 'a>>;

fn place(customer: CustomerId) -> Aad {
    Aad {
        table: "test",
        column: "kek",
        customer,
        row: Uuid::nil(),
    }
}

impl KeyStore for Keys {
    fn wrap<'a>(&'a self, customer: CustomerId, key: &'a DataKey) -> Boxed<'a, WrappedKey> {
        Box::pin(async move {
            Ok(WrappedKey {
                kek_version: "1".to_owned(),
                bytes: self.0.wrap(key, &place(customer))?,
            })
        })
    }

    fn unwrap<'a>(&'a self, customer: CustomerId, wrapped: &'a WrappedKey) -> Boxed<'a, DataKey> {
        Box::pin(async move { self.0.unwrap(&wrapped.bytes, &place(customer)) })
    }

    fn current_version(&self) -> Boxed<'_, String> {
        Box::pin(async { Ok("1".to_owned()) })
    }
}

pub(crate) type Received = (EffectId, String, Vec<u8>, i64);

/// Answers what it is told to, and `Delivered` when nothing is left to say.
pub(crate) struct Script {
    serves: String,
    idempotency: Idempotency,
    answers: Mutex<VecDeque<Outcome>>,
    received: Mutex<Vec<Received>>,
    pub(crate) takes: Mutex<Duration>,
    pub(crate) refuses: Mutex<Option<Outcome>>,
}

impl Script {
    pub(crate) fn new(serves: &str, idempotency: Idempotency) -> Arc<Self> {
        Arc::new(Self {
            serves: serves.to_owned(),
            idempotency,
            answers: Mutex::default(),
            received: Mutex::default(),
            takes: Mutex::default(),
            refuses: Mutex::default(),
        })
    }

    pub(crate) fn say(&self, answers: impl IntoIterator<Item = Outcome>) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(crate) fn numbers(&self) -> Vec<u32> {
        let number = |(_, _, bytes, _): &Received| serde_number(bytes);
        self.received().iter().map(number).collect()
    }
}

fn serde_number(bytes: &[u8]) -> u32 {
    let text = std::str::from_utf8(bytes).unwrap();
    let (_, rest) = text.split_once("\"number\":").unwrap();
    rest.chars()
        .take_while(char::is_ascii_digit)
        .collect::<String>()
        .parse()
        .unwrap()
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Destination for Script {
    fn serves(&self) -> Vec<String> {
        vec![self.serves.clone()]
    }

    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn prepare<'a>(&'a self, _: &'a mut TenantTx<'_>, _: &'a Delivery) -> Answer<'a, Result<Prepared, Outcome>> {
        let refuses = self.refuses.lock().unwrap().take();
        Box::pin(async move { refuses.map_or(Ok(None), Err) })
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery, _: Prepared) -> Answer<'a, Outcome> {
        Box::pin(async move {
            self.received.lock().unwrap().push((
                delivery.effect(),
                delivery.key().to_string(),
                delivery.content().as_bytes().to_vec(),
                delivery.attempt(),
            ));
            let takes = *self.takes.lock().unwrap();
            tokio::time::sleep(takes).await;
            let answer = self.answers.lock().unwrap().pop_front();
            answer.unwrap_or(Outcome::Delivered {
                receipt: Some("r-1".to_owned()),
            })
        })
    }
}

pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) pool: TenantPool,
    pub(crate) keys: PayloadKeys,
    pub(crate) kek: [u8; 32],
    pub(crate) tenants: Vec<CustomerId>,
}

pub(crate) fn ctx(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: ANA,
        customer,
        roles: RoleSet::EMPTY.with(Role::CustomerAdmin),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: OffsetDateTime::now_utc() + time::Duration::hours(1),
        route: None,
    })
}

pub(crate) fn options() -> WorkerOptions {
    WorkerOptions {
        lease: Duration::from_secs(2),
        margin: Duration::from_secs(1),
        poll: Duration::from_millis(20),
        ..WorkerOptions::default()
    }
}

impl Fixture {
    pub(crate) async fn create(tenants: usize) -> Self {
        let database = TestDatabase::create().await;
        crate::mutants::weaken(&database).await;
        let mut admin = database.admin_client().await;
        serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
        let secret = Sensitive::new(Uuid::new_v4().as_bytes().repeat(2));
        install_enter_key(&mut admin, 1, &secret).await.unwrap();
        let tenants: Vec<CustomerId> = (0..tenants).map(|_| CustomerId::from_uuid(Uuid::now_v7())).collect();
        for (at, id) in tenants.iter().enumerate() {
            let tenant = NewTenant {
                id: *id,
                slug: format!("t{at}"),
                name: format!("T{at}"),
                region: REGION.to_owned(),
            };
            tenant_create(&mut admin, &tenant).await.unwrap();
        }
        let mut config = PoolConfig::new(
            database.url(Login::App).parse().unwrap(),
            Some(database.password(Login::App)),
            vec![REGION.to_owned()],
        );
        config.max_connections = 8;
        let pool = TenantPool::connect(config, EnterKey::new(1, &secret).unwrap())
            .await
            .unwrap();
        let mut kek = [0; 32];
        kek[..16].copy_from_slice(Uuid::new_v4().as_bytes());
        kek[16..].copy_from_slice(Uuid::new_v4().as_bytes());
        Self {
            database,
            pool,
            keys: keys(&kek),
            kek,
            tenants,
        }
    }

    pub(crate) fn a(&self) -> CustomerId {
        self.tenants[0]
    }

    pub(crate) async fn workers_pool(&self, connections: usize) -> EffectPool {
        let mut config = PoolConfig::new(
            self.database.url(Login::Worker).parse().unwrap(),
            Some(self.database.password(Login::Worker)),
            vec![REGION.to_owned()],
        );
        config.max_connections = connections;
        EffectPool::connect(config).await.unwrap()
    }

    pub(crate) async fn worker(&self, destinations: &[Arc<Script>]) -> Worker {
        let destinations = destinations
            .iter()
            .map(|script| Arc::clone(script) as Arc<dyn Destination>)
            .collect();
        Worker::new(self.workers_pool(4).await, self.keys.clone(), destinations, options()).unwrap()
    }

    pub(crate) async fn try_send(&self, customer: CustomerId, hooks: &[Hook]) -> Result<Vec<EffectId>, OutboxError> {
        let cipher = self.keys.cipher(&self.pool, &ctx(customer)).await?;
        self.pool
            .run(&ctx(customer), async |tx: &mut TenantTx<'_>| {
                let mut ids = Vec::new();
                for hook in hooks {
                    let id = EffectId::from_uuid(Uuid::now_v7());
                    let effect = Effect::ungated(id, hook.clone()).map_err(GateError::from)?;
                    ids.push(Outbox::enqueue(tx, &cipher, effect).await?);
                }
                Ok(ids)
            })
            .await
    }

    pub(crate) async fn send(
        &self,
        customer: CustomerId,
        to: &str,
        about: Option<Uuid>,
        numbers: impl IntoIterator<Item = u32>,
    ) -> Vec<EffectId> {
        let hooks: Vec<Hook> = numbers
            .into_iter()
            .map(|number| Hook {
                to: to.to_owned(),
                about,
                number,
            })
            .collect();
        self.try_send(customer, &hooks).await.unwrap()
    }

    pub(crate) async fn state(&self, customer: CustomerId, effect: EffectId) -> EffectState {
        let state: Result<EffectState, OutboxError> = self
            .pool
            .run(&ctx(customer), async |tx: &mut TenantTx<'_>| {
                Outbox::state(tx, effect).await
            })
            .await;
        state.unwrap()
    }

    pub(crate) async fn settle(
        &self,
        customer: CustomerId,
        effect: EffectId,
        how: Settlement,
    ) -> Result<(), OutboxError> {
        self.settle_saying(customer, effect, how, "looked at the other side")
            .await
    }

    pub(crate) async fn settle_saying(
        &self,
        customer: CustomerId,
        effect: EffectId,
        how: Settlement,
        reason: &str,
    ) -> Result<(), OutboxError> {
        self.pool
            .run(&ctx(customer), async |tx: &mut TenantTx<'_>| {
                effect_settle(tx, effect, how, reason).await
            })
            .await
    }

    pub(crate) async fn superuser(&self) -> Client {
        self.database.superuser_client().await
    }

    pub(crate) async fn configure(&self, in_flight: i32, rate: i32, burst: i32, failures: i32, base_ms: i32) {
        let admin = self.database.admin_client().await;
        let sql = format!(
            "SELECT tenancy.effect_configure({in_flight}, {rate}, {burst}, {failures}, interval '{base_ms} milliseconds', interval '1 minute')"
        );
        admin.batch_execute(&sql).await.unwrap();
    }

    /// Lets everything that waits for a time be due.
    pub(crate) async fn now(&self) {
        let superuser = self.superuser().await;
        superuser
            .batch_execute(
                "UPDATE tenancy.effect_queue SET available_at = now() - interval '1 second' WHERE state = 'queued';
                 UPDATE tenancy.effect_breakers SET open_until = now() - interval '1 second' WHERE open_until IS NOT NULL",
            )
            .await
            .unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.superuser().await.query_one(sql, &[]).await.unwrap().get(0)
    }
}

pub(crate) fn keys(kek: &[u8]) -> PayloadKeys {
    PayloadKeys::new(
        Arc::new(Keys(DataKey::from_bytes(kek).unwrap())),
        CacheOptions::default(),
    )
}

pub(crate) fn retry() -> Outcome {
    Outcome::Retry {
        code: "http-409".to_owned(),
        after: None,
    }
}

pub(crate) fn unavailable() -> Outcome {
    Outcome::Unavailable {
        code: "http-503".to_owned(),
        after: None,
    }
}

pub(crate) fn ambiguous() -> Outcome {
    Outcome::Ambiguous {
        code: "no-answer".to_owned(),
    }
}

/// What the pool says for an error of tenancy.
pub(crate) fn is_lease_ended(error: &OutboxError) -> bool {
    matches!(
        error,
        OutboxError::Tenancy(TenancyError::LeaseEnded)
            | OutboxError::Gate(GateError::Tenancy(TenancyError::LeaseEnded))
    )
}
