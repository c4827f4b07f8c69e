//! Endpoints of two tenants in one database, and what arrives at them.

mod arrivals;
mod rules;

use aws_lc_rs::hmac;
use bearingwall_connectors::inbox::{
    Arrival, EndpointCreated, Inbox, InboxError, InboxParts, NewSecret, Received, Sender,
};
use bearingwall_connectors::webhooks::{WebhookError, stripe};
use bearingwall_core::{
    Clock, Ctx, CtxParts, CustomerId, PurposeOfUse, RequestId, RoleSet, Sensitive, SubjectId, SystemIds,
};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{FileKeyStore, FileStore, SealedFiles};
use bearingwall_tenancy::{DatabaseAddress, EnterKey, PoolConfig, TenantPool, TenantTx};
use bearingwall_testkit::database::TestDatabase;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const SECRET: &str = "whsec_of_the_first_endpoint";
const OTHER: &str = "whsec_of_another_endpoint";
const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid","object":"event","text":"CANARY-0001"}"#;

/// The machine's clock, and how far a test has moved it.
#[derive(Default)]
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + Duration::seconds(self.0.load(Ordering::SeqCst))
    }
}

/// A database with two tenants, and the inbox of one server.
struct Spas {
    inbox: Inbox,
    pool: TenantPool,
    juniper: CustomerId,
    saltmarsh: CustomerId,
    database: TestDatabase,
    clock: Arc<Moved>,
    keys: Arc<FileKeyStore>,
    secrets: TempDir,
}

impl Spas {
    async fn open() -> Self {
        let database = TestDatabase::create().await;
        let mut admin = database.admin_client().await;
        let regions = vec!["us-east-1".to_owned()];
        serve_regions(&admin, &regions).await.unwrap();
        let (juniper, saltmarsh) = (
            CustomerId::from_uuid(Uuid::now_v7()),
            CustomerId::from_uuid(Uuid::now_v7()),
        );
        for (id, slug) in [(juniper, "juniper"), (saltmarsh, "saltmarsh")] {
            let tenant = NewTenant {
                id,
                name: slug.to_owned(),
                slug: slug.to_owned(),
                region: "us-east-1".to_owned(),
            };
            tenant_create(&mut admin, &tenant).await.unwrap();
        }
        let key = Sensitive::new(vec![42; 32]);
        install_enter_key(&mut admin, 1, &key).await.unwrap();
        let address = DatabaseAddress::from_config(database.app_config()).unwrap();
        let config = PoolConfig::new(address, Some(database.app_password()), regions);
        let pool = TenantPool::connect(config, EnterKey::new(1, &key).unwrap())
            .await
            .unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let store = FileStore::create(secrets.path().join("store")).unwrap();
        let clock = Arc::new(Moved::default());
        let keys = Arc::new(FileKeyStore::open_or_create(store.clone(), "kek").unwrap());
        let inbox = Inbox::new(InboxParts {
            pool: pool.clone(),
            secrets: Arc::new(SealedFiles),
            vault: Arc::new(store),
            keys: keys.clone(),
            clock: clock.clone(),
            ids: Arc::new(SystemIds),
            public_base: "https://hooks.example.org".parse().unwrap(),
        });
        Self {
            inbox,
            pool,
            juniper,
            saltmarsh,
            database,
            clock,
            keys,
            secrets,
        }
    }

    async fn endpoint(&self, customer: CustomerId, secret: &str) -> EndpointCreated {
        let secret = secret_of(secret);
        self.inbox
            .endpoint_create(&ctx(customer), Sender::Stripe, &secret)
            .await
            .unwrap()
    }

    /// What Stripe sends to this address, signed with this secret at this moment.
    async fn send(&self, url: &str, secret: &str, body: &str) -> Result<Received, InboxError> {
        let signature = signed(secret, &self.clock.now().unix_timestamp().to_string(), body);
        let headers = [(stripe::HEADER, signature.as_bytes())];
        let mut path = url.rsplit('/');
        let (key, sender) = (path.next().unwrap(), path.next().unwrap());
        let arrival = Arrival {
            sender,
            key,
            query: "",
            headers: &headers,
            body: body.as_bytes(),
            request: RequestId::from_uuid(Uuid::now_v7()),
        };
        self.inbox.receive(&arrival).await
    }

    /// One text that the superuser reads.
    async fn text(&self, query: &str) -> String {
        let superuser = self.database.superuser_client().await;
        superuser.query_one(query, &[]).await.unwrap().get(0)
    }

    /// The events of the record about connectors, oldest first, without the actor's id.
    async fn recorded(&self) -> Vec<String> {
        let superuser = self.database.superuser_client().await;
        let query = "SELECT event_type || coalesce(' ' || outcome_code, '') || CASE actor_id WHEN '00000000-0000-8000-8000-000000000006' THEN ' (connector)' ELSE '' END
             FROM audit.events WHERE resource LIKE 'connectors.%' ORDER BY recorded_at, event_id";
        superuser
            .query(query, &[])
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect()
    }
}

fn secret_of(text: &str) -> NewSecret {
    NewSecret {
        algorithm: None,
        secret: Sensitive::new(text.as_bytes().to_vec()),
    }
}

fn signed(secret: &str, time: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
    let tag: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time},v1={tag}")
}

fn ctx(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(7)),
        customer,
        roles: RoleSet::EMPTY,
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: OffsetDateTime::now_utc() + Duration::minutes(10),
        route: Some("TEST"),
    })
}

fn is_refused(answer: &Result<Received, InboxError>) -> bool {
    matches!(answer, Err(InboxError::Webhook(WebhookError::Refused)))
}
