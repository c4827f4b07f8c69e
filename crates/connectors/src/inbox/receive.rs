//! Taking a delivery in.

use super::schema::{endpoint_secrets, endpoints, events};
use super::scheme::{Secret, Verifier, algorithm_of};
use super::{BASE64_URL, Inbox, InboxError, KEY_BYTES, KIND, Sender};
use crate::webhooks::{Delivery, Event, MAX_SECRETS, Verified, WebhookError};
use base64::Engine as _;
use bearingwall_core::{CustomerId, RequestId};
use bearingwall_secrets::{Aad, SecretRef, WrappedKey};
use bearingwall_tenancy::{TenancyError, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

/// A request to an endpoint, as it arrived.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    /// The sender's word in the path.
    pub sender: &'a str,
    /// The key in the path.
    pub key: &'a str,
    /// The query, undecoded; empty if there is none.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body.
    pub body: &'a [u8],
    /// The request.
    pub request: RequestId,
}

/// What became of a delivery that was signed by who should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is on file now.
    New,
    /// It was on file, and nothing happened.
    Duplicate,
    /// Another content is on file under its id. That one stays, and an alarm is on the record.
    Conflict,
}

/// What an endpoint needs to judge a delivery.
struct Known {
    id: Uuid,
    customer: CustomerId,
    wrapped: WrappedKey,
    secrets: Vec<StoredSecret>,
}

#[derive(Queryable)]
struct StoredSecret {
    id: Uuid,
    algorithm: Option<String>,
    reference: String,
}

impl Inbox {
    /// Takes a delivery in: finds its endpoint, settles who sent it, and keeps it once, encrypted.
    ///
    /// # Errors
    /// [`WebhookError::Refused`] for whatever is wrong with path, endpoint, tenant or signature, without telling which;
    /// [`WebhookError::Malformed`] for a genuine one that is no event; the vault's and the database's failures.
    // CONTROL: CON-6
    pub async fn receive(&self, arrival: &Arrival<'_>) -> Result<Received, InboxError> {
        let sender = Sender::from_word(arrival.sender).ok_or(WebhookError::Refused)?;
        let key = BASE64_URL.decode(arrival.key).map_err(|_| WebhookError::Refused)?;
        if key.len() != KEY_BYTES {
            return Err(WebhookError::Refused.into());
        }
        let now = self.parts.clock.now();
        let find = async |tx: &mut TenantTx<'_>| find(tx, sender, &key, now).await;
        let known = self
            .parts
            .pool
            .run_located(KIND, &key, arrival.request, find)
            .await
            .map_err(unknown)?;
        let event = self.verified(sender, &known, arrival, now).await?;
        let id = self.parts.ids.v7();
        let sealed = self.sealed(&known, &event, id).await?;
        let store = async |tx: &mut TenantTx<'_>| store(tx, &known, &event, id, sealed).await;
        self.parts.pool.run_located(KIND, &key, arrival.request, store).await
    }

    async fn verified(
        &self,
        sender: Sender,
        known: &Known,
        arrival: &Arrival<'_>,
        now: OffsetDateTime,
    ) -> Result<Verified<Event>, InboxError> {
        let mut held = Vec::with_capacity(known.secrets.len());
        for stored in &known.secrets {
            let reference: SecretRef = stored.reference.parse()?;
            held.push((
                stored.algorithm.as_deref().and_then(algorithm_of),
                self.parts.secrets.fetch(&reference).await?,
            ));
        }
        let view = held.iter().map(|(algorithm, secret)| Secret {
            algorithm: *algorithm,
            bytes: secret.bytes(),
        });
        // An endpoint without a secret takes nothing.
        let verifier = Verifier::new(sender, view).map_err(|_| WebhookError::Refused)?;
        let url = self.url(sender, arrival.key, arrival.query);
        Ok(verifier.verify(&Delivery::new(&url, arrival.headers, arrival.body), now)?)
    }

    #[expect(clippy::disallowed_methods, reason = "the body is encrypted here")]
    async fn sealed(&self, known: &Known, event: &Verified<Event>, id: Uuid) -> Result<Vec<u8>, InboxError> {
        let key = self.parts.keys.unwrap(known.customer, &known.wrapped).await?;
        let place = Aad {
            table: "connectors.events",
            column: "sealed",
            customer: known.customer,
            row: id,
        };
        Ok(key.seal(&place, event.get().body().disclose())?)
    }
}

/// A key that leads nowhere, an endpoint that has ended, and a tenant that is not there at the moment look alike.
fn unknown(error: InboxError) -> InboxError {
    match error {
        InboxError::NotFound
        | InboxError::Tenancy(TenancyError::NoSuchKey | TenancyError::NotActive | TenancyError::RegionNotServed) => {
            WebhookError::Refused.into()
        }
        other => other,
    }
}

async fn find(tx: &mut TenantTx<'_>, sender: Sender, key: &[u8], now: OffsetDateTime) -> Result<Known, InboxError> {
    let row: Option<(Uuid, Uuid, String, Vec<u8>)> = endpoints::table
        .filter(endpoints::key_sha256.eq(crate::webhooks::sha256(key).to_vec()))
        .filter(endpoints::connector.eq(sender.as_str()))
        .filter(endpoints::disabled_at.is_null())
        .select((
            endpoints::id,
            endpoints::customer_id,
            endpoints::kek_version,
            endpoints::wrapped,
        ))
        .first(tx)
        .await
        .optional()
        .map_err(InboxError::Statement)?;
    let (id, customer, kek_version, bytes) = row.ok_or(InboxError::NotFound)?;
    let most = i64::try_from(MAX_SECRETS).unwrap_or(i64::MAX);
    let secrets = endpoint_secrets::table
        .filter(endpoint_secrets::endpoint_id.eq(id))
        .filter(
            endpoint_secrets::expires_at
                .is_null()
                .or(endpoint_secrets::expires_at.gt(now)),
        )
        .select((
            endpoint_secrets::id,
            endpoint_secrets::algorithm,
            endpoint_secrets::reference,
        ))
        .order(endpoint_secrets::id.desc())
        .limit(most)
        .load(tx)
        .await
        .map_err(InboxError::Statement)?;
    Ok(Known {
        id,
        customer: CustomerId::from_uuid(customer),
        wrapped: WrappedKey { kek_version, bytes },
        secrets,
    })
}

/// INVARIANT: the row and the events of the record about it are one transaction.
async fn store(
    tx: &mut TenantTx<'_>,
    known: &Known,
    event: &Verified<Event>,
    id: Uuid,
    sealed: Vec<u8>,
) -> Result<Received, InboxError> {
    let event = event.get();
    let secret = known.secrets.get(event.key()).ok_or(WebhookError::Secrets)?;
    let inserted = diesel::insert_into(events::table)
        .values((
            events::id.eq(id),
            events::endpoint_id.eq(known.id),
            events::event_id.eq(event.id()),
            events::digest.eq(event.digest().to_vec()),
            events::secret_id.eq(secret.id),
            events::signed_at.eq(event.signed_at()),
            events::sealed.eq(sealed),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map_err(InboxError::Statement)?;
    if inserted == 1 {
        return Ok(Received::New);
    }
    let same = events::table
        .filter(events::endpoint_id.eq(known.id))
        .filter(events::event_id.eq(event.id()));
    let digest: Vec<u8> = same
        .select(events::digest)
        .first(tx)
        .await
        .map_err(InboxError::Statement)?;
    if digest == event.digest() {
        return Ok(Received::Duplicate);
    }
    diesel::update(same)
        .set(events::conflicts.eq(events::conflicts + 1))
        .execute(tx)
        .await
        .map_err(InboxError::Statement)?;
    Ok(Received::Conflict)
}
