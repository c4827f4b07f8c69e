//! Makes approved requests, over the one way out.

use super::request::family;
use super::{HttpRequest, Row, row};
use crate::egress::{Allowed, Answer, Egress, EgressError, Method, Outgoing};
use crate::https::HttpsAddress;
use crate::outgoing::{Catalogue, outcome_of, retry_after, unavailable};
use bearingwall_core::Clock;
use bearingwall_gates::Operation as _;
use bearingwall_outbox::{Delivery, Destination, Idempotency, Outcome, Prepared};
use bearingwall_secrets::{Secret, SecretRef, SecretStore};
use bearingwall_tenancy::TenantTx;
use futures_core::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// How a connector is called in `connectors.destinations`.
pub const CONNECTOR: &str = "https";

/// What makes requests.
#[derive(Clone)]
pub struct HttpsParts {
    /// The way out.
    pub egress: Egress,
    /// Where secrets are read.
    pub secrets: Arc<dyn SecretStore>,
    /// What the operator lets requests reach.
    pub catalogue: Catalogue,
    /// How long one call may take.
    pub deadline: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Where requests go to endpoints of one idempotency: `https-`, its word, a full stop and the endpoint's id.
#[derive(Clone)]
pub struct HttpsDestination {
    parts: HttpsParts,
    idempotency: Idempotency,
}

/// What one call needs of the tenant's own.
struct Ready {
    method: Method,
    body: Zeroizing<Vec<u8>>,
    address: HttpsAddress,
    allowed: Allowed,
    header: Option<String>,
    reference: Option<SecretRef>,
}

impl HttpsDestination {
    /// One for each idempotency that an endpoint may have.
    #[must_use]
    pub fn all(parts: &HttpsParts) -> [Self; 3] {
        [Idempotency::Native, Idempotency::Natural, Idempotency::None].map(|idempotency| Self {
            parts: parts.clone(),
            idempotency,
        })
    }

    async fn ready(&self, tx: &mut TenantTx<'_>, delivery: &Delivery) -> Result<Ready, Outcome> {
        let refused = |code: &str| Outcome::Refused { code: code.to_owned() };
        let request: Option<HttpRequest> = delivery.content().read().ok();
        let request = request.filter(|request: &HttpRequest| {
            delivery.kind() == HttpRequest::KIND
                && request.destination().as_str() == delivery.destination()
                && request.idempotency() == Some(self.idempotency)
        });
        let request = request.ok_or_else(|| refused("no-request"))?;
        let method = request.method().ok_or_else(|| refused("no-request"))?;
        let found = row(tx, request.endpoint()).await.map_err(|_| unavailable("database"))?;
        let found = found.ok_or_else(|| refused("no-endpoint"))?;
        let reference = found.reference.as_deref().map(str::parse::<SecretRef>).transpose();
        let reference = reference.map_err(|_| unavailable("secrets"))?;
        let endpoint = Row::read(found).ok_or_else(|| refused("no-endpoint"))?;
        if endpoint.disabled_at.is_some() {
            return Err(refused("disabled"));
        }
        if !endpoint.methods.contains(&method) || endpoint.idempotency != self.idempotency {
            return Err(refused("not-of-the-endpoint"));
        }
        let allowed = self.parts.catalogue.allowed(tx, CONNECTOR, &endpoint.address).await;
        let body = request.body().map(serde_json::to_vec).transpose();
        Ok(Ready {
            method,
            body: Zeroizing::new(body.map_err(|_| refused("no-request"))?.unwrap_or_default()),
            address: endpoint.address,
            allowed: allowed.map_err(|_| unavailable("database"))?,
            header: endpoint.header,
            reference,
        })
    }

    async fn send(&self, delivery: &Delivery, ready: &Ready) -> Outcome {
        let secret = match &ready.reference {
            None => None,
            Some(reference) => match self.parts.secrets.fetch(reference).await {
                Ok(secret) => Some(secret),
                Err(_) => return unavailable("vault"),
            },
        };
        let Some(url) = ready.address.url() else {
            return unavailable("address");
        };
        let request = Outgoing::new(ready.method, url, ready.body.to_vec());
        let request = with_headers(request, delivery, ready, secret.as_ref());
        let answer = match request {
            Ok(request) => {
                self.parts
                    .egress
                    .send(&ready.allowed, request.within(self.parts.deadline))
                    .await
            }
            Err(error) => Err(error),
        };
        match answer {
            Err(error) => outcome_of(&error, None),
            Ok(answer) => outcome(&answer, retry_after(&answer, self.parts.clock.now())),
        }
    }
}

fn with_headers(
    request: Outgoing,
    delivery: &Delivery,
    ready: &Ready,
    secret: Option<&Secret>,
) -> Result<Outgoing, EgressError> {
    let mut request = request
        .header("user-agent", "Bearingwall/1")?
        .header("idempotency-key", delivery.key().as_str())?;
    if !ready.body.is_empty() {
        request = request.header("content-type", "application/json")?;
    }
    let Some(secret) = secret else {
        return Ok(request);
    };
    let secret = secret.utf8().map_err(|_| EgressError::Header)?;
    match &ready.header {
        Some(name) => request.header(name, secret),
        None => request.header("authorization", &Zeroizing::new(format!("Bearer {secret}"))),
    }
}

/// What an answer means: after an error of the other side's own nobody knows what it has done.
fn outcome(answer: &Answer, after: Option<Duration>) -> Outcome {
    let code = format!("http-{}", answer.status());
    match answer.status() {
        200..=299 => Outcome::Delivered { receipt: None },
        429 => Outcome::Retry { code, after },
        503 if after.is_some() => Outcome::Unavailable { code, after },
        500.. => Outcome::Ambiguous { code },
        _ => Outcome::Refused { code },
    }
}

impl Destination for HttpsDestination {
    fn serves(&self) -> Vec<String> {
        vec![format!("{}.*", family(self.idempotency))]
    }

    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    fn deadline(&self) -> Duration {
        // What is read of the vault comes on top of the call.
        self.parts.deadline + Duration::from_secs(5)
    }

    fn prepare<'a>(
        &'a self,
        tx: &'a mut TenantTx<'_>,
        delivery: &'a Delivery,
    ) -> BoxFuture<'a, Result<Prepared, Outcome>> {
        Box::pin(async move {
            let ready = self.ready(tx, delivery).await?;
            Ok(Some(Box::new(ready) as _))
        })
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery, prepared: Prepared) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match prepared.and_then(|prepared| prepared.downcast::<Ready>().ok()) {
                Some(ready) => self.send(delivery, &ready).await,
                None => unavailable("unprepared"),
            }
        })
    }
}

impl fmt::Debug for HttpsDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsDestination")
            .field("idempotency", &self.idempotency)
            .finish_non_exhaustive()
    }
}
