//! What arrives by webhooks, signed as senders sign, worked on as a worker does, under its own login.

mod crash;
mod once;
mod order;
mod payments;
mod rights;
mod texts;

use crate::spas::{Spas, phi, request};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bearingwall_connectors::arrivals::{Arrivals, Looked, Verdict};
use bearingwall_connectors::inbox::{Arrival, Inbox, InboxError, InboxParts, NewSecret, Received, Sender};
use bearingwall_connectors::webhooks::twilio::Algorithm;
use bearingwall_connectors::webhooks::{stripe, twilio};
use bearingwall_core::{ClientId, CustomerId, InvoiceId, RequestId, Sensitive, SystemClock, SystemIds};
use bearingwall_domain::{ClientInput, CrmArrivals, InvoiceInput, InvoiceLine, InvoiceRecord, PaymentRecord};
use bearingwall_secrets::{CacheOptions, FileStore, KeyStores, SealedFiles};
use bearingwall_tenancy::jobs::JobPool;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

const SECRET: &str = "whsec_of_an_endpoint_of_a_spa";
const TOKEN: &str = "an auth token of a messaging service";

/// Two spas, with endpoints of the first.
struct Intake {
    spas: Spas,
    inbox: Inbox,
    pool: JobPool,
    handler: CrmArrivals,
    stripe: String,
    twilio: String,
}

impl Intake {
    async fn open() -> Self {
        let spas = Spas::open().await;
        let store = FileStore::open(spas.secrets.path().join("store")).unwrap();
        let inbox = Inbox::new(InboxParts {
            pool: spas.audit.pool().clone(),
            secrets: Arc::new(SealedFiles),
            vault: Arc::new(store),
            keys: spas.keys.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            public_base: "https://hooks.example.org".parse().unwrap(),
        });
        let pool = spas.worker().await;
        let handler = handler(&spas);
        let mut intake = Self {
            spas,
            inbox,
            pool,
            handler,
            stripe: String::new(),
            twilio: String::new(),
        };
        intake.stripe = intake.endpoint(intake.spas.juniper, Sender::Stripe).await;
        intake.twilio = intake.endpoint(intake.spas.juniper, Sender::Twilio).await;
        intake
    }

    async fn endpoint(&self, customer: CustomerId, sender: Sender) -> String {
        let (algorithm, secret) = match sender {
            Sender::Twilio => (Some(Algorithm::AuthToken), TOKEN),
            _ => (None, SECRET),
        };
        let secret = NewSecret {
            algorithm,
            secret: Sensitive::new(secret.as_bytes().to_vec()),
        };
        let created = self.inbox.endpoint_create(&request(customer), sender, &secret).await;
        created.unwrap().url
    }

    async fn receive(&self, url: &str, headers: &[(&str, &[u8])], body: &str) -> Result<Received, InboxError> {
        let mut path = url.rsplit('/');
        let (key, sender) = (path.next().unwrap(), path.next().unwrap());
        let arrival = Arrival {
            sender,
            key,
            query: "",
            headers,
            body: body.as_bytes(),
            request: RequestId::from_uuid(Uuid::now_v7()),
        };
        self.inbox.receive(&arrival).await
    }

    /// What Stripe sends to this address now.
    async fn stripe_to(&self, url: &str, event: &Value) -> Received {
        let (time, body) = (OffsetDateTime::now_utc().unix_timestamp(), event.to_string());
        let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
        let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
        let tag: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let signature = format!("t={time},v1={tag}");
        let headers = [(stripe::HEADER, signature.as_bytes())];
        self.receive(url, &headers, &body).await.unwrap()
    }

    async fn stripe(&self, event: &Value) -> Received {
        self.stripe_to(&self.stripe, event).await
    }

    /// What Twilio sends to this address.
    async fn twilio_to(&self, url: &str, fields: &BTreeMap<&str, &str>) -> Received {
        let mut signed = url.to_owned();
        for (name, value) in fields {
            signed.push_str(name);
            signed.push_str(value);
        }
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN.as_bytes());
        let signature = BASE64.encode(hmac::sign(&key, signed.as_bytes()));
        let escaped = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let headers = [
            (twilio::HEADER, signature.as_bytes()),
            ("Content-Type", b"application/x-www-form-urlencoded"),
        ];
        self.receive(url, &headers, &pairs.join("&")).await.unwrap()
    }

    /// A text message from a number.
    async fn text(&self, id: &str, from: &str, body: &str) -> Received {
        self.twilio_to(&self.twilio, &text(id, from, body)).await
    }

    fn arrivals(&self) -> Arrivals {
        Arrivals::new(self.pool.clone(), self.spas.keys.clone())
    }

    /// One look of a worker.
    async fn next(&self) -> Looked {
        Box::pin(self.arrivals().next(&self.handler)).await.unwrap()
    }

    /// One event that must be there, and what becomes of it.
    async fn settled(&self) -> Verdict {
        match self.next().await {
            Looked::Settled(verdict) => verdict,
            other => panic!("{other:?}"),
        }
    }

    async fn client(&self, customer: CustomerId, phone: &str) -> ClientId {
        let mut input = ClientInput::new(phi("Ada"), phi("Lovelace"), phi("1980-12-10"));
        input.phone = Some(phi(phone));
        let juniper = request(customer);
        Box::pin(self.spas.crm.client_create(&juniper, &input))
            .await
            .unwrap()
            .id
    }

    async fn invoice(&self, client: ClientId, number: &str, amount_minor: i64) -> InvoiceId {
        let juniper = request(self.spas.juniper);
        let input = invoice_input(number, amount_minor);
        self.spas.crm.invoice_create(&juniper, client, &input).await.unwrap().id
    }

    async fn read(&self, client: ClientId, invoice: InvoiceId) -> (InvoiceRecord, Vec<PaymentRecord>) {
        let juniper = request(self.spas.juniper);
        self.spas.crm.invoice_read(&juniper, client, invoice).await.unwrap()
    }

    /// One text that the superuser reads.
    async fn sql(&self, query: &str) -> String {
        let superuser = self.spas.superuser().await;
        let row = superuser.query_one(query, &[]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_default()
    }

    /// What became of the events, oldest first.
    async fn states(&self) -> String {
        self.sql("SELECT string_agg(state || coalesce(' ' || code, ''), ', ' ORDER BY id) FROM connectors.events")
            .await
    }

    /// How often something stands on the record.
    async fn recorded(&self, event_type: &str) -> String {
        self.sql(&format!(
            "SELECT count(*)::text FROM audit.events WHERE event_type = '{event_type}'"
        ))
        .await
    }

    /// Leases that were left behind end, and what waits to be tried again is due.
    async fn later(&self) {
        let superuser = self.spas.superuser().await;
        let due = "UPDATE tenancy.jobs SET lease = NULL, leased_until = NULL, available_at = now() - interval '1 second' WHERE kind = 'webhook.process'";
        superuser.batch_execute(due).await.unwrap();
    }
}

fn handler(spas: &Spas) -> CrmArrivals {
    CrmArrivals::new(spas.keys.clone(), KeyStores::new(), CacheOptions::default())
}

fn invoice_input(number: &str, amount_minor: i64) -> InvoiceInput {
    InvoiceInput {
        number: phi(number),
        currency: "USD".to_owned(),
        lines: vec![InvoiceLine {
            description: phi("Hydra facial, CANARY-7716"),
            quantity: 1,
            unit_minor: amount_minor,
        }],
    }
}

fn event(id: &str, kind: &str, object: Value) -> Value {
    json!({"id": id, "object": "event", "type": kind, "created": 1_760_000_000, "livemode": true, "data": {"object": object}})
}

fn paid(id: &str, intent: &str, invoice: InvoiceId, amount: i64) -> Value {
    let object = json!({"id": intent, "object": "payment_intent", "amount_received": amount, "currency": "usd", "metadata": {"invoice_id": invoice.to_string()}});
    event(id, "payment_intent.succeeded", object)
}

fn session(id: &str, intent: &str, invoice: InvoiceId, amount: i64) -> Value {
    let object = json!({"id": "cs_1", "object": "checkout.session", "payment_intent": intent, "payment_status": "paid", "amount_total": amount, "currency": "usd", "client_reference_id": invoice.to_string()});
    event(id, "checkout.session.completed", object)
}

fn refunded(id: &str, intent: &str, invoice: InvoiceId, amount: i64, refunded: i64) -> Value {
    let object = json!({"id": "ch_1", "object": "charge", "payment_intent": intent, "amount": amount, "amount_captured": amount, "amount_refunded": refunded, "currency": "usd", "metadata": {"invoice_id": invoice.to_string()}});
    event(id, "charge.refunded", object)
}

fn text<'a>(id: &'a str, from: &'a str, body: &'a str) -> BTreeMap<&'a str, &'a str> {
    BTreeMap::from([
        ("MessageSid", id),
        ("SmsSid", id),
        ("AccountSid", "AC0001"),
        ("SmsStatus", "received"),
        ("From", from),
        ("To", "+14155550100"),
        ("Body", body),
        ("NumMedia", "0"),
    ])
}
