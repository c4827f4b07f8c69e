//! A request to one of the tenant's endpoints, as it is shown, approved and sent.

use super::idempotency;
use crate::egress::Method;
use bearingwall_gates::{DestinationName, Gated, Operation};
use bearingwall_outbox::Idempotency;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use uuid::Uuid;

/// What destinations of endpoints begin with, before the word of their idempotency.
const FAMILY: &str = "https";

/// A request to one of the tenant's endpoints. What it says may be personal data: it waits for an approval, and is sealed.
///
/// How the endpoint takes a repetition is part of what is approved, and of where it goes: a worker knows it before it reads anything.
// CONTROL: CON-11
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    body: Option<Value>,
    endpoint_id: Uuid,
    idempotency: String,
    method: String,
}

impl HttpRequest {
    pub(super) fn new(endpoint: Uuid, idempotency: Idempotency, method: Method, body: Option<Value>) -> Self {
        Self {
            body,
            endpoint_id: endpoint,
            idempotency: idempotency.as_str().to_owned(),
            method: method.as_str().to_owned(),
        }
    }

    pub(super) const fn endpoint(&self) -> Uuid {
        self.endpoint_id
    }

    pub(super) fn idempotency(&self) -> Option<Idempotency> {
        idempotency(&self.idempotency)
    }

    pub(super) fn method(&self) -> Option<Method> {
        Method::ALL.into_iter().find(|method| method.as_str() == self.method)
    }

    pub(super) const fn body(&self) -> Option<&Value> {
        self.body.as_ref()
    }
}

/// The name that one destination serves for all endpoints of an idempotency.
pub(super) fn family(idempotency: Idempotency) -> String {
    format!("{FAMILY}-{}", idempotency.as_str())
}

impl Operation for HttpRequest {
    type Recourse = Gated;
    const KIND: &'static str = "http.request";
    const SEALED: bool = true;

    #[expect(clippy::expect_used, reason = "known words, a full stop and a UUID are a name")]
    fn destination(&self) -> DestinationName {
        // A word that is none leads to where nothing is sent twice.
        let family = family(self.idempotency().unwrap_or(Idempotency::None));
        format!("{family}.{}", self.endpoint_id)
            .parse()
            .expect("known words, a full stop and a UUID are a name")
    }

    fn aggregate(&self) -> Option<Uuid> {
        None
    }
}

/// Without what is said.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpRequest({})", self.endpoint_id)
    }
}
