//! Who sent a webhook: what the four schemes take, and that nothing else is taken.

mod mutations;
mod schemes;

use bearingwall_connectors::webhooks::github::{self, GitHub};
use bearingwall_connectors::webhooks::standard::{self, Standard};
use bearingwall_connectors::webhooks::stripe::{self, Stripe};
use bearingwall_connectors::webhooks::twilio::{self, Algorithm, Twilio};
use bearingwall_connectors::webhooks::{Delivery, Event, Verified, WebhookError};
use time::OffsetDateTime;

const URL: &str = "https://hooks.example.org/webhooks/twilio/e1";
const FORM: &str = "application/x-www-form-urlencoded";

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// A delivery that owns what it consists of, so that a test can change any of it.
#[derive(Clone, Debug)]
struct Parcel {
    url: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Parcel {
    fn new(headers: &[(&'static str, &str)], body: &[u8]) -> Self {
        Self {
            url: URL.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| (*name, value.as_bytes().to_vec()))
                .collect(),
            body: body.to_vec(),
        }
    }

    fn with<T>(&self, read: impl FnOnce(&Delivery<'_>) -> T) -> T {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_slice()))
            .collect();
        read(&Delivery::new(&self.url, &headers, &self.body))
    }
}

type Answer = Result<Verified<Event>, WebhookError>;

fn by_stripe(secrets: &[&str], parcel: &Parcel, now: i64) -> Answer {
    let verifier = Stripe::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap();
    parcel.with(|delivery| verifier.verify(delivery, at(now)))
}

fn by_standard(secrets: &[&str], parcel: &Parcel, now: i64) -> Answer {
    let verifier = Standard::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap();
    parcel.with(|delivery| verifier.verify(delivery, at(now)))
}

fn by_twilio(secrets: &[(Algorithm, &str)], parcel: &Parcel) -> Answer {
    let verifier = Twilio::new(
        secrets
            .iter()
            .map(|(algorithm, secret)| (*algorithm, secret.as_bytes())),
    )
    .unwrap();
    parcel.with(|delivery| verifier.verify(delivery))
}

fn by_github(secrets: &[&str], parcel: &Parcel) -> Answer {
    let verifier = GitHub::new(secrets.iter().map(|secret| secret.as_bytes())).unwrap();
    parcel.with(|delivery| verifier.verify(delivery))
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer, Err(WebhookError::Refused))
}
