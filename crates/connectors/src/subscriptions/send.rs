//! Sends notices: signed, over the one way out, as Standard Webhooks asks for.

use super::notice::{FAMILY, Notice};
use super::schema::{subscription_secrets, subscriptions};
use crate::egress::{Allowed, Egress, EgressError, Method, Outgoing};
use crate::https::HttpsAddress;
use crate::outgoing::{Catalogue, outcome_of, retry_after, unavailable};
use crate::webhooks::standard::{ID_HEADER, SIGNATURE_HEADER, Signer, TIMESTAMP_HEADER};
use bearingwall_core::Clock;
use bearingwall_gates::Operation as _;
use bearingwall_outbox::{Delivery, Destination, Idempotency, Outcome, Prepared};
use bearingwall_secrets::{SecretRef, SecretStore};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_core::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How a connector is called in `connectors.destinations`.
pub const CONNECTOR: &str = "webhook";

/// The waits after the first failures, as Standard Webhooks recommends them; each is lengthened by up to a tenth, so that what failed
/// together does not come back together.
const WAITS_S: [u64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// What sends notices.
#[derive(Clone)]
pub struct WebhookParts {
    /// The way out.
    pub egress: Egress,
    /// Where secrets are read.
    pub secrets: Arc<dyn SecretStore>,
    /// What the operator lets notices reach.
    pub catalogue: Catalogue,
    /// How long one call may take.
    pub deadline: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Where notices go: `webhook.` and the subscription's id.
#[derive(Clone)]
pub struct WebhookDestination(WebhookParts);

/// What one call needs of the tenant's own.
struct Ready {
    notice: Notice,
    address: HttpsAddress,
    allowed: Allowed,
    references: Vec<SecretRef>,
}

impl WebhookDestination {
    /// Puts the parts together.
    #[must_use]
    pub const fn new(parts: WebhookParts) -> Self {
        Self(parts)
    }

    async fn ready(&self, tx: &mut TenantTx<'_>, delivery: &Delivery) -> Result<Ready, Outcome> {
        // CONTROL: CON-9
        // Another kind, or another content under this one's name, is not sent: whoever wrote it.
        let refused = |code: &str| Outcome::Refused { code: code.to_owned() };
        let notice: Option<Notice> = delivery.content().read().ok();
        let notice = notice.filter(|notice: &Notice| {
            delivery.kind() == Notice::KIND && notice.destination().as_str() == delivery.destination()
        });
        let notice = notice.ok_or_else(|| refused("no-notice"))?;
        let row: Option<(String, i32, String, Option<OffsetDateTime>)> = subscriptions::table
            .filter(subscriptions::id.eq(notice.subscription()))
            .select((
                subscriptions::host,
                subscriptions::port,
                subscriptions::path,
                subscriptions::disabled_at,
            ))
            .first(tx)
            .await
            .optional()
            .map_err(|_| unavailable("database"))?;
        let (host, port, path, disabled_at) = row.ok_or_else(|| refused("no-subscription"))?;
        if disabled_at.is_some() {
            return Err(refused("disabled"));
        }
        let address = HttpsAddress::of_row(host, port, path).ok_or_else(|| refused("no-address"))?;
        let allowed = self.0.catalogue.allowed(tx, CONNECTOR, &address).await;
        let allowed = allowed.map_err(|_| unavailable("database"))?;
        let references = references(tx, notice.subscription(), self.0.clock.now()).await?;
        Ok(Ready {
            notice,
            address,
            allowed,
            references,
        })
    }

    async fn send(&self, delivery: &Delivery, ready: &Ready) -> Outcome {
        // CONTROL: CON-8
        let mut secrets = Vec::with_capacity(ready.references.len());
        for reference in &ready.references {
            match self.0.secrets.fetch(reference).await {
                Ok(secret) => secrets.push(secret),
                Err(_) => return unavailable("vault"),
            }
        }
        let signer = Signer::new(secrets.iter().map(bearingwall_secrets::Secret::bytes));
        let (Ok(signer), Ok(body), Some(url)) = (signer, ready.notice.body(), ready.address.url()) else {
            return unavailable("secrets");
        };
        let now = self.0.clock.now();
        let id = delivery.key().as_str();
        let Ok(signature) = signer.sign(id, now, body.as_bytes()) else {
            return unavailable("secrets");
        };
        let request = Outgoing::new(Method::Post, url, body.as_bytes().to_vec());
        let request = with_headers(request, id, now, &signature);
        let answer = match request {
            Ok(request) => {
                self.0
                    .egress
                    .send(&ready.allowed, request.within(self.0.deadline))
                    .await
            }
            Err(error) => Err(error),
        };
        let wait = wait(delivery.attempt());
        match answer {
            Err(error) => outcome_of(&error, Some(wait)),
            Ok(answer) if answer.is_success() => Outcome::Delivered { receipt: None },
            Ok(answer) => {
                let code = format!("http-{}", answer.status());
                match (answer.status(), retry_after(&answer, now)) {
                    // It wants to be told of nothing any more: the database ends the subscription.
                    (410, _) => Outcome::Refused { code },
                    (429 | 503, after @ Some(_)) => Outcome::Unavailable { code, after },
                    _ => Outcome::Retry {
                        code,
                        after: Some(wait),
                    },
                }
            }
        }
    }
}

fn with_headers(request: Outgoing, id: &str, at: OffsetDateTime, signature: &str) -> Result<Outgoing, EgressError> {
    request
        .header("content-type", "application/json")?
        .header("user-agent", "Bearingwall-Webhooks/1")?
        .header(ID_HEADER, id)?
        .header(TIMESTAMP_HEADER, &at.unix_timestamp().to_string())?
        .header(SIGNATURE_HEADER, signature)
}

/// The secrets that are valid, the current one first.
async fn references(tx: &mut TenantTx<'_>, subscription: Uuid, now: OffsetDateTime) -> Result<Vec<SecretRef>, Outcome> {
    let valid = subscription_secrets::expires_at
        .is_null()
        .or(subscription_secrets::expires_at.gt(now));
    let rows: Vec<String> = subscription_secrets::table
        .filter(subscription_secrets::subscription_id.eq(subscription))
        .filter(valid)
        .order(subscription_secrets::id.desc())
        .select(subscription_secrets::reference)
        .load(tx)
        .await
        .map_err(|_| unavailable("database"))?;
    let read: Result<Vec<SecretRef>, _> = rows.iter().map(|text| text.parse()).collect();
    read.map_err(|_| unavailable("secrets"))
}

/// How long to wait after an attempt that failed, by its number from 1.
fn wait(attempt: i64) -> Duration {
    let place = usize::try_from(attempt.saturating_sub(1).max(0)).unwrap_or(usize::MAX);
    let [.., longest] = WAITS_S;
    let wait = Duration::from_secs(WAITS_S.get(place).copied().unwrap_or(longest));
    let part = u32::try_from(getrandom::u64().unwrap_or(0) % 1_000).unwrap_or(0);
    wait + wait / 10 * part / 1_000
}

impl Destination for WebhookDestination {
    fn serves(&self) -> Vec<String> {
        vec![format!("{FAMILY}.*")]
    }

    /// A receiver knows a repetition by `webhook-id`, as Standard Webhooks asks of it.
    fn idempotency(&self) -> Idempotency {
        Idempotency::Native
    }

    fn deadline(&self) -> Duration {
        // What is read of the vault comes on top of the call.
        self.0.deadline + Duration::from_secs(5)
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

impl fmt::Debug for WebhookDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookDestination")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn con_10_waits_grow_to_a_day_and_end_within_four() {
        for attempt in [i64::MIN, 0, 1] {
            assert!(wait(attempt) < Duration::from_millis(5_501));
        }
        assert!(wait(9) >= Duration::from_hours(24));
        assert!(wait(i64::MAX) < Duration::from_hours(27));
        let total: u64 = WAITS_S.iter().sum();
        assert!((75..96).contains(&(total / 3_600)), "{total}");
    }
}
