//! What the vendors' own libraries sign, from its arrival to a client's record: an invoice is paid, a message can be read.

use crate::webhooks::{STRIPE, Sent, TOKEN, peers};
use bearingwall_audit::AuditLog;
use bearingwall_connectors::arrivals::{Arrivals, Looked, Verdict};
use bearingwall_connectors::inbox::{Arrival, Inbox, InboxParts, NewSecret, Received, Sender};
use bearingwall_connectors::webhooks::twilio::Algorithm;
use bearingwall_connectors::webhooks::{stripe, twilio};
use bearingwall_core::{
    Ctx, CtxParts, CustomerId, Phi, PurposeOfUse, RequestId, Role, RoleSet, Sensitive, SubjectId, SystemClock,
    SystemIds,
};
use bearingwall_domain::{ClientInput, Crm, CrmArrivals, InvoiceInput, InvoiceLine, InvoiceState, Page};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_secrets::{CacheOptions, FileKeyStore, FileStore, KeyStores, SealedFiles};
use bearingwall_tenancy::jobs::JobPool;
use bearingwall_tenancy::{EnterKey, PoolConfig, TenantPool};
use bearingwall_testkit::database::{Login, TestDatabase};
use serde_json::json;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

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

async fn receive(inbox: &Inbox, sent: &Sent, header: &str, kind: &str) -> Received {
    let mut path = sent.url.rsplit('/');
    let (key, sender) = (path.next().unwrap(), path.next().unwrap());
    let arrival = Arrival {
        sender,
        key,
        query: "",
        headers: &[(header, sent.signature.as_bytes()), ("Content-Type", kind.as_bytes())],
        body: sent.body.as_bytes(),
        request: RequestId::from_uuid(Uuid::now_v7()),
    };
    Box::pin(inbox.receive(&arrival)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn dom_6_what_the_vendors_libraries_sign_pays_an_invoice_and_is_on_a_clients_record() {
    let database = TestDatabase::create().await;
    let mut admin = database.admin_client().await;
    let regions = vec!["us-east-1".to_owned()];
    serve_regions(&admin, &regions).await.unwrap();
    let tenant = CustomerId::from_uuid(Uuid::now_v7());
    let new = NewTenant {
        id: tenant,
        slug: "juniper".to_owned(),
        name: "Juniper".to_owned(),
        region: "us-east-1".to_owned(),
    };
    tenant_create(&mut admin, &new).await.unwrap();
    let key = Sensitive::new(vec![42; 32]);
    install_enter_key(&mut admin, 1, &key).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::create(folder.path().join("secrets")).unwrap();
    let keys = Arc::new(FileKeyStore::open_or_create(store.clone(), "kek").unwrap());
    let address = database.url(Login::App).parse().unwrap();
    let config = PoolConfig::new(address, Some(database.app_password()), regions.clone());
    let pool = TenantPool::connect(config, EnterKey::new(1, &key).unwrap())
        .await
        .unwrap();
    let address = database.url(Login::Worker).parse().unwrap();
    let config = PoolConfig::new(address, Some(database.password(Login::Worker)), regions);
    let arrivals = Arrivals::new(JobPool::connect(config).await.unwrap(), keys.clone());
    let handler = CrmArrivals::new(keys.clone(), KeyStores::new(), CacheOptions::default());
    let crm = Crm::new(AuditLog::new(pool.clone()), keys.clone());
    let inbox = Inbox::new(InboxParts {
        pool,
        secrets: Arc::new(SealedFiles),
        vault: Arc::new(store),
        keys,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        public_base: "https://hooks.example.org".parse().unwrap(),
    });
    let endpoint = async |sender, algorithm, secret: &str| {
        let secret = NewSecret {
            algorithm,
            secret: Sensitive::new(secret.as_bytes().to_vec()),
        };
        Box::pin(inbox.endpoint_create(&ctx(tenant), sender, &secret))
            .await
            .unwrap()
            .url
    };
    let payments = endpoint(Sender::Stripe, None, STRIPE).await;
    let texts = endpoint(Sender::Twilio, Some(Algorithm::AuthToken), TOKEN).await;
    let mut ada = ClientInput::new(phi("Ada"), phi("Lovelace"), phi("1980-12-10"));
    ada.phone = Some(phi("(415) 555-0119"));
    let client = Box::pin(crm.client_create(&ctx(tenant), &ada)).await.unwrap().id;

    let mut peers = peers();
    for (number, peer) in peers.iter_mut().enumerate() {
        let input = InvoiceInput {
            number: phi(&number.to_string()),
            currency: "USD".to_owned(),
            lines: vec![InvoiceLine {
                description: phi("Facial"),
                quantity: 1,
                unit_minor: 12_500,
            }],
        };
        let invoice = Box::pin(crm.invoice_create(&ctx(tenant), client, &input))
            .await
            .unwrap()
            .id;
        let mut event = Sent::new("stripe", STRIPE, "");
        event.url.clone_from(&payments);
        event.body = json!({"id": format!("evt_{number}"), "object": "event", "type": "payment_intent.succeeded", "created": event.time,
            "data": {"object": {"id": format!("pi_{number}"), "object": "payment_intent", "amount": 12_500, "amount_received": 12_500,
            "currency": "usd", "metadata": {"invoice_id": invoice.to_string()}}}})
        .to_string();
        let event = peer.sign(event);
        assert_eq!(
            receive(&inbox, &event, stripe::HEADER, "application/json").await,
            Received::New
        );

        let id = format!("SM{number}");
        let fields = [
            ("Body", "On my way — Ada"),
            ("From", "+14155550119"),
            ("MessageSid", id.as_str()),
            ("SmsStatus", "received"),
            ("To", "+14155550100"),
        ];
        let mut text = Sent::new("twilio", TOKEN, "");
        text.url.clone_from(&texts);
        text.body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let object: serde_json::Map<_, _> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        text.fields = Some(object.into());
        let text = peer.sign(text);
        let kind = "application/x-www-form-urlencoded";
        assert_eq!(receive(&inbox, &text, twilio::HEADER, kind).await, Received::New);

        for _ in 0..2 {
            let looked = Box::pin(arrivals.next(&handler)).await.unwrap();
            assert_eq!(looked, Looked::Settled(Verdict::Done), "{}", peer.name);
        }
        let (record, _) = Box::pin(crm.invoice_read(&ctx(tenant), client, invoice)).await.unwrap();
        assert_eq!(record.state, InvoiceState::Paid, "{}", peer.name);
        let messages = Box::pin(crm.message_list(&ctx(tenant), client, Page::default()))
            .await
            .unwrap();
        assert_eq!(messages.items.len(), number + 1, "{}", peer.name);
        assert_eq!(messages.items[0].content.body.disclose(), "On my way — Ada");
    }
}
