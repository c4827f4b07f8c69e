//! The real program works on what has arrived, and takes away what has had its time.

use aws_lc_rs::hmac;
use bearingwall_audit::AuditLog;
use bearingwall_connectors::inbox::{Arrival, Inbox, InboxParts, NewSecret, Sender};
use bearingwall_connectors::webhooks::stripe;
use bearingwall_core::{
    Ctx, CtxParts, CustomerId, Phi, PurposeOfUse, RequestId, Role, RoleSet, Sensitive, SubjectId, SystemClock,
    SystemIds,
};
use bearingwall_domain::{ClientInput, Crm, InvoiceInput, InvoiceLine, InvoiceState};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{FileKeyStore, FileStore, SealedFiles};
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool};
use bearingwall_testkit::database::{Login, TestDatabase};
use bearingwall_worker::{Config, run};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

const REGION: &str = "us-east-1";
const SECRET: &str = "whsec_of_a_payment_provider";

fn ctx(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::from_uuid(Uuid::from_u128(7)),
        customer,
        roles: RoleSet::EMPTY.with(Role::Authenticated),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(10),
        route: Some("TEST"),
    })
}

fn phi(text: &str) -> Phi<String> {
    Phi::new(text.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_12_the_real_worker_pays_an_invoice_and_stops_in_order() {
    let database = TestDatabase::create().await;
    let mut admin = database.admin_client().await;
    let regions = vec![REGION.to_owned()];
    serve_regions(&admin, &regions).await.unwrap();
    let tenant = CustomerId::from_uuid(Uuid::now_v7());
    let new = NewTenant {
        id: tenant,
        slug: "juniper".to_owned(),
        name: "Juniper".to_owned(),
        region: REGION.to_owned(),
    };
    tenant_create(&mut admin, &new).await.unwrap();
    let key = Sensitive::new(vec![42; 32]);
    install_enter_key(&mut admin, 1, &key).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::create(folder.path().join("secrets")).unwrap();
    let keys = Arc::new(FileKeyStore::open_or_create(store.clone(), "kek").unwrap());
    store
        .put("worker", database.password(Login::Worker).expose().as_bytes())
        .unwrap();

    // The server's side: a person writes an invoice, and Stripe tells of its payment.
    let address = database.url(Login::App).parse().unwrap();
    let pool = PoolConfig::new(address, Some(database.app_password()), regions);
    let pool = TenantPool::connect(pool, EnterKey::new(1, &key).unwrap())
        .await
        .unwrap();
    let crm = Crm::new(AuditLog::new(pool.clone()), keys.clone());
    let ada = ClientInput::new(phi("Ada"), phi("Lovelace"), phi("1980-12-10"));
    let client = Box::pin(crm.client_create(&ctx(tenant), &ada)).await.unwrap().id;
    let invoice = InvoiceInput {
        number: phi("2026-0001"),
        currency: "USD".to_owned(),
        lines: vec![InvoiceLine {
            description: phi("Facial"),
            quantity: 1,
            unit_minor: 12_500,
        }],
    };
    let invoice = Box::pin(crm.invoice_create(&ctx(tenant), client, &invoice))
        .await
        .unwrap()
        .id;
    let inbox = Inbox::new(InboxParts {
        pool,
        secrets: Arc::new(SealedFiles),
        vault: Arc::new(store),
        keys,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        public_base: "https://hooks.example.org".parse().unwrap(),
    });
    let secret = NewSecret {
        algorithm: None,
        secret: Sensitive::new(SECRET.as_bytes().to_vec()),
    };
    let url = Box::pin(inbox.endpoint_create(&ctx(tenant), Sender::Stripe, &secret))
        .await
        .unwrap()
        .url;
    let body = json!({"id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1_760_000_000, "data": {"object":
        {"id": "pi_1", "amount_received": 12_500, "currency": "usd", "metadata": {"invoice_id": invoice.to_string()}}}})
    .to_string();
    let time = OffsetDateTime::now_utc().unix_timestamp();
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()),
        format!("{time}.{body}").as_bytes(),
    );
    let tag: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = format!("t={time},v1={tag}");
    let arrival = Arrival {
        sender: "stripe",
        key: url.rsplit('/').next().unwrap(),
        query: "",
        headers: &[(stripe::HEADER, signature.as_bytes())],
        body: body.as_bytes(),
        request: RequestId::from_uuid(Uuid::now_v7()),
    };
    Box::pin(inbox.receive(&arrival)).await.unwrap();

    // A conversation of masking that has expired, and one that has not.
    let superuser = database.superuser_client().await;
    let conversations = format!(
        "INSERT INTO pii.conversations (customer_id, id, wrapped, begun_by, begun_at, expires_at) VALUES
            ('{tenant}', gen_random_uuid(), '', gen_random_uuid(), now() - interval '2 hours', now() - interval '1 hour'),
            ('{tenant}', gen_random_uuid(), '', gen_random_uuid(), now() - interval '2 hours', now() + interval '1 hour');
         INSERT INTO tenancy.jobs (customer_id, job_id, request_id, kind, available_at)
            VALUES ('{tenant}', gen_random_uuid(), gen_random_uuid(), 'pii.sweep', now() - interval '1 second');
         UPDATE tenancy.jobs SET available_at = now() - interval '1 second' WHERE kind = 'webhook.prune'"
    );
    superuser.batch_execute(&conversations).await.unwrap();

    let at = folder.path().join("secrets");
    let at = at.display();
    let config = format!(
        "version = 1\n[database]\nurl = \"{}\"\npassword = \"file+sealed://{at}#worker\"\nregions = [\"{REGION}\"]\n[keys]\nkek = \"file+sealed://{at}#kek\"\n[arrivals]\nretention_days = 5\n",
        database.url(Login::Worker)
    );
    let config = Config::parse(&config).unwrap();
    let left = "SELECT (SELECT count(*) FROM tenancy.jobs WHERE available_at < now()) + (SELECT count(*) FROM connectors.events WHERE state = 'waiting')";
    let done = async {
        let started = Instant::now();
        while superuser.query_one(left, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            assert!(started.elapsed() < Duration::from_mins(1), "it does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    Box::pin(run(&config, Vec::new(), done)).await.unwrap();
    let (record, payments) = Box::pin(crm.invoice_read(&ctx(tenant), client, invoice)).await.unwrap();
    assert_eq!((record.state, payments.len()), (InvoiceState::Paid, 1));
    let kept = "SELECT (SELECT count(*) FROM pii.conversations), (SELECT count(*) FROM tenancy.jobs WHERE kind = 'webhook.prune'), (SELECT count(*) FROM tenancy.jobs)";
    let kept = superuser.query_one(kept, &[]).await.unwrap();
    let kept = [kept.get::<_, i64>(0), kept.get(1), kept.get(2)];
    assert_eq!(
        kept,
        [1, 1, 1],
        "one conversation has not expired, and the look for content is for tomorrow"
    );
}
