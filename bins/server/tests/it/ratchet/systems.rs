//! What the calls need of other systems: whom the tenant tells, what it asks, and what arrived.

use super::World;
use crate::site::send;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

const TWILIO_TOKEN: &str = "an auth token of a messaging service";

impl World {
    pub(super) fn id_of(&self, path: &str, body: &Value) -> String {
        let made = self.server.post(path, &self.token, body);
        assert!(made.status.is_success(), "{path}: {made:?}");
        let id = ["id", "gate_id", "effect_id"].map(|name| made.json()[name].as_str().map(str::to_owned));
        id.into_iter().flatten().next().unwrap()
    }

    /// A tenant has twenty at the most.
    pub(super) fn room_for_a_subscription(&self) {
        let path = "/v1/webhook-subscriptions";
        let listed = self.server.get(path, &self.token).json();
        let items = listed["items"].as_array().unwrap();
        for item in items.iter().filter(|_| items.len() > 12) {
            let one = format!("{path}/{}", item["id"].as_str().unwrap());
            assert_eq!(send(self.server.request(Method::DELETE, &one, &self.token)).status, 204);
        }
    }

    pub(super) fn subscription(&self) -> String {
        let path = "/v1/webhook-subscriptions";
        self.room_for_a_subscription();
        format!("{path}/{}", self.id_of(path, &subscription()))
    }

    pub(super) fn http_endpoint(&self) -> String {
        let path = "/v1/http-endpoints";
        format!("{path}/{}", self.id_of(path, &http_endpoint()))
    }

    /// A request to an endpoint of the tenant's that somebody else has asked for and this one has approved.
    pub(super) fn http_request(&self) -> String {
        let asked = self.server.post(
            &format!("{}/requests", self.http_endpoint()),
            &self.second(),
            &json!({"method": "POST"}),
        );
        assert_eq!(asked.status, 202, "{asked:?}");
        let gate = asked.json()["gate_id"].as_str().unwrap().to_owned();
        let digest = format!("SELECT encode(digest, 'hex') FROM tenancy.gate_requests WHERE gate_id = '{gate}'");
        let decision =
            json!({"verdict": "approve", "seen_digest": self.site.ask(&digest)[0], "reason": "the ratchet turns"});
        let decided = self
            .server
            .post(&format!("/v1/gates/{gate}/decisions"), &self.token, &decision);
        assert_eq!(decided.status, 200, "{decided:?}");
        gate
    }

    pub(super) fn destination(&self) -> String {
        let id = Uuid::now_v7();
        let body = json!({"id": id, "host": format!("{}.example.org", id.simple()), "port": 443, "methods": ["POST"]});
        let path = "/v1/connectors/https/destinations";
        assert_eq!(self.server.post(path, &self.token, &body).status, 204);
        format!("{path}/{id}")
    }

    pub(super) fn invoice(&self) -> String {
        let path = format!("{}/invoices", self.client());
        format!("{path}/{}", self.id_of(&path, &invoice()))
    }

    /// What Twilio would send, signed as it signs.
    pub(super) fn arrived(&self, from: Option<&str>) -> Uuid {
        let body = json!({"connector": "twilio", "secret": TWILIO_TOKEN, "algorithm": "auth_token"});
        let made = self.server.post("/v1/webhook-endpoints", &self.token, &body).json();
        let (id, url) = (Uuid::new_v4().simple().to_string(), made["url"].as_str().unwrap());
        let mut fields = vec![
            ("Body", "hello"),
            ("MessageSid", &*id),
            ("SmsStatus", "received"),
            ("To", "+14155550100"),
        ];
        fields.splice(1..1, from.map(|number| ("From", number)));
        let mut signed = url.to_owned();
        signed.extend(fields.iter().flat_map(|(name, value)| [*name, *value]));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TWILIO_TOKEN.as_bytes());
        let form: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", value.replace('+', "%2B")))
            .collect();
        let path = url.strip_prefix("https://hooks.example.org").unwrap();
        let request = self
            .server
            .request_anonymous(Method::POST, path)
            .header("x-twilio-signature", BASE64.encode(hmac::sign(&key, signed.as_bytes())))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.join("&"));
        assert_eq!(send(request).status, 204);
        self.site.work_on_arrivals();
        let endpoint = made["id"].as_str().unwrap();
        self.site.ask(&format!(
            "SELECT id::text FROM connectors.events WHERE endpoint_id = '{endpoint}'"
        ))[0]
            .parse()
            .unwrap()
    }
}

pub(super) fn subscription() -> Value {
    let host = Uuid::new_v4().simple().to_string();
    json!({"url": format!("https://{host}.example.org/in"), "event_types": ["chart_note.created"]})
}

pub(super) fn http_endpoint() -> Value {
    let name: String = format!("e{}", Uuid::new_v4().simple()).chars().take(21).collect();
    json!({"name": name, "url": "https://shop.example.org/orders", "methods": ["POST"], "idempotency": "native"})
}

pub(super) fn invoice() -> Value {
    let number = Uuid::new_v4().simple().to_string();
    json!({"number": number, "currency": "USD", "lines": [{"description": "Facial", "quantity": 1, "unit_minor": 100}]})
}
