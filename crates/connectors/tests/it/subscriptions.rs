//! Webhooks that leave: two tenants, a real database, a real worker, and a receiver over TLS.

mod ends;
mod receiver;
mod rules;
mod sent;

use crate::egress::server::tls::Authority;
use bearingwall_connectors::egress::{Egress, EgressOptions, Limits, Method, Networks, Resolver};
use bearingwall_connectors::subscriptions::{
    NewKey, NoticeDelivery, NoticeType, SignatureVersion, Subscription, Subscriptions, SubscriptionsParts,
    WebhookDestination, WebhookParts,
};
use bearingwall_connectors::{Catalogue, HttpsAddress, OutgoingError};
use bearingwall_core::{
    Clock, Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, RoleSet, Sensitive, SubjectId, SystemIds,
};
use bearingwall_gates::PayloadKeys;
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_outbox::{Destination, Worker, WorkerOptions};
use bearingwall_secrets::{CacheOptions, FileKeyStore, FileStore, SealedFiles};
use bearingwall_tenancy::effects::EffectPool;
use bearingwall_tenancy::{DatabaseAddress, EnterKey, PoolConfig, TenancyError, TenantPool, TenantTx};
use bearingwall_testkit::database::{Login, TestDatabase};
use receiver::Receiver;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use time::OffsetDateTime;
use uuid::Uuid;

const HOST: &str = "hooks.example.org";
const REGION: &str = "us-east-1";

/// The machine's clock, and how far a test has moved it.
#[derive(Default)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// Every name leads to these addresses.
struct Names(Mutex<Vec<IpAddr>>);

impl Resolver for Names {
    fn addresses<'a>(&'a self, _host: &'a str) -> Pin<Box<dyn Future<Output = Vec<IpAddr>> + Send + 'a>> {
        let addresses = self.0.lock().unwrap().clone();
        Box::pin(async move { addresses })
    }
}

pub(crate) struct World {
    pub(crate) subscriptions: Subscriptions,
    pub(crate) pool: TenantPool,
    pub(crate) juniper: CustomerId,
    pub(crate) saltmarsh: CustomerId,
    pub(crate) database: TestDatabase,
    clock: Arc<Moved>,
    names: Arc<Names>,
    authority: Authority,
    pub(crate) receiver: Receiver,
    pub(crate) store: FileStore,
    _folder: TempDir,
}

impl World {
    pub(crate) async fn open() -> Self {
        let database = TestDatabase::create().await;
        let mut admin = database.admin_client().await;
        serve_regions(&admin, &[REGION.to_owned()]).await.unwrap();
        let [juniper, saltmarsh] = [(); 2].map(|()| CustomerId::from_uuid(Uuid::now_v7()));
        for (id, slug) in [(juniper, "juniper"), (saltmarsh, "saltmarsh")] {
            let tenant = NewTenant {
                id,
                name: slug.to_owned(),
                slug: slug.to_owned(),
                region: REGION.to_owned(),
            };
            tenant_create(&mut admin, &tenant).await.unwrap();
        }
        let key = Sensitive::new(vec![42; 32]);
        install_enter_key(&mut admin, 1, &key).await.unwrap();
        let address = DatabaseAddress::from_config(database.app_config()).unwrap();
        let config = PoolConfig::new(address, Some(database.app_password()), vec![REGION.to_owned()]);
        let pool = TenantPool::connect(config, EnterKey::new(1, &key).unwrap())
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::create(folder.path().join("store")).unwrap();
        let clock = Arc::new(Moved::default());
        let subscriptions = Subscriptions::new(SubscriptionsParts {
            pool: pool.clone(),
            vault: Arc::new(store.clone()),
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
        });
        let authority = Authority::new();
        let receiver = Receiver::start(&authority, HOST);
        Self {
            subscriptions,
            pool,
            juniper,
            saltmarsh,
            database,
            clock,
            names: Arc::new(Names(Mutex::new(vec!["127.0.0.1".parse().unwrap()]))),
            authority,
            receiver,
            store,
            _folder: folder,
        }
    }

    /// The receiver's address, with a path that begins like this.
    pub(crate) fn address(&self, path: &str) -> HttpsAddress {
        HttpsAddress::parse(&format!("https://{HOST}:{}{path}", self.receiver.port)).unwrap()
    }

    async fn subscribe(&self, customer: CustomerId, path: &str, types: &[NoticeType]) -> (Uuid, String) {
        let made = self
            .subscriptions
            .create(&ctx(customer), &self.address(path), types, SignatureVersion::Shared)
            .await;
        let (id, key) = made.unwrap();
        (id, text(&key))
    }

    async fn one(&self, customer: CustomerId, id: Uuid) -> Subscription {
        let found = self.subscriptions.list(&ctx(customer), Some(id)).await.unwrap();
        found.into_iter().next().unwrap()
    }

    async fn deliveries(&self, customer: CustomerId, id: Uuid) -> Vec<NoticeDelivery> {
        let listed = self.subscriptions.deliveries(&ctx(customer), id, None, 100).await;
        listed.unwrap().0
    }

    /// The receiver's port is the operator's to open, and the loopback network is named.
    pub(crate) fn usual(&self) -> (Catalogue, Networks) {
        let catalogue = Catalogue::new(&[], &[self.receiver.port], &[Method::Post]).unwrap();
        (catalogue, Networks::with(["127.0.0.0/8".parse().unwrap()]))
    }

    pub(crate) fn egress(&self, networks: Networks) -> Egress {
        let options = EgressOptions {
            networks,
            authorities: vec![self.authority.pem()],
            limits: Limits {
                total: Duration::from_secs(2),
                ..Limits::default()
            },
            ..EgressOptions::default()
        };
        Egress::new(options, self.names.clone()).unwrap()
    }

    async fn worker(&self, (catalogue, networks): (Catalogue, Networks)) -> Worker {
        let destination = WebhookDestination::new(WebhookParts {
            egress: self.egress(networks),
            secrets: Arc::new(SealedFiles),
            catalogue,
            deadline: Duration::from_secs(2),
            clock: self.clock.clone(),
        });
        self.worker_of(vec![Arc::new(destination)]).await
    }

    pub(crate) async fn worker_of(&self, destinations: Vec<Arc<dyn Destination>>) -> Worker {
        let config = PoolConfig::new(
            self.database.url(Login::Worker).parse().unwrap(),
            Some(self.database.password(Login::Worker)),
            vec![REGION.to_owned()],
        );
        let keys = Arc::new(FileKeyStore::open_or_create(self.store.clone(), "kek").unwrap());
        Worker::new(
            EffectPool::connect(config).await.unwrap(),
            PayloadKeys::new(keys, CacheOptions::default()),
            destinations,
            WorkerOptions::default(),
        )
        .unwrap()
    }

    /// Attempts what is due, all at once, until nothing is.
    pub(crate) async fn work(&self, worker: &Worker) {
        while worker.step().await.unwrap() > 0 {}
    }

    /// Lets everything that waits for a time be due.
    pub(crate) async fn now(&self) {
        self.sql(
            "UPDATE tenancy.effect_queue SET available_at = now() - interval '1 second' WHERE state = 'queued';
             UPDATE tenancy.effect_breakers SET open_until = now() - interval '1 second' WHERE open_until IS NOT NULL",
        )
        .await;
    }

    /// Makes a client, as the application.
    async fn client(&self, customer: CustomerId) -> Uuid {
        let id = Uuid::now_v7();
        self.as_app(customer, &format!("INSERT INTO crm.clients (id) VALUES ('{id}')"))
            .await
            .unwrap();
        id
    }

    /// Any statement whatever on the application's connection, inside a tenant.
    async fn as_app(&self, customer: CustomerId, sql: &str) -> Result<usize, TenancyError> {
        self.as_somebody(customer, 7, sql).await
    }

    /// The same, as another person.
    pub(crate) async fn as_somebody(&self, customer: CustomerId, who: u128, sql: &str) -> Result<usize, TenancyError> {
        self.pool
            .run(&ctx_of(customer, who), async |tx: &mut TenantTx<'_>| {
                execute(tx, sql).await
            })
            .await
    }

    async fn sql(&self, sql: &str) {
        self.database.superuser_client().await.batch_execute(sql).await.unwrap();
    }

    pub(crate) async fn text(&self, sql: &str) -> String {
        let superuser = self.database.superuser_client().await;
        superuser.query_one(sql, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let superuser = self.database.superuser_client().await;
        superuser.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// What the record says about subscriptions, oldest first.
    async fn recorded(&self) -> Vec<String> {
        let superuser = self.database.superuser_client().await;
        let query = "SELECT event_type || coalesce(' ' || outcome_code, '') FROM audit.events
             WHERE event_type LIKE 'webhook_subscription.%' ORDER BY recorded_at, event_id";
        let rows = superuser.query(query, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

async fn execute(tx: &mut TenantTx<'_>, sql: &str) -> Result<usize, TenancyError> {
    diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), tx)
        .await
        .map_err(TenancyError::Statement)
}

fn text(key: &NewKey) -> String {
    match key {
        NewKey::Shared(secret) => secret.expose().clone(),
        NewKey::Public(key) => key.clone(),
    }
}

pub(crate) fn ctx(customer: CustomerId) -> Ctx {
    ctx_of(customer, 7)
}

fn ctx_of(customer: CustomerId, who: u128) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(who)),
        customer,
        roles: RoleSet::EMPTY,
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(10),
        route: Some("TEST"),
    })
}

pub(crate) fn is_refused(error: &OutgoingError, code: &str) -> bool {
    bearingwall_core::Classified::code(error) == code
}
