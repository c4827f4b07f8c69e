//! Endpoints for webhooks: who may send to a tenant, and what has arrived, once and encrypted.

mod error;
mod receive;
mod schema;
mod scheme;

pub use error::InboxError;
pub use receive::{Arrival, Received};
pub use scheme::Sender;

use crate::vault::{self, SecretWriter};
use crate::webhooks::MAX_SECRETS;
use crate::webhooks::twilio::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use bearingwall_core::{Clock, Ctx, CustomerId, IdGen, Sensitive};
use bearingwall_secrets::{DataKey, KeyStore, SecretRef, SecretStore};
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use schema::{endpoint_secrets, endpoints};
use scheme::{Secret, algorithm_word};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

/// The kind of the keys that lead to endpoints.
const KIND: &str = "webhook_endpoint";

/// Bytes of the key in an endpoint's path, from the system's random source.
const KEY_BYTES: usize = 32;

/// The longest time for which a secret is valid beside its successor.
pub const OVERLAP_MAX: Duration = Duration::from_hours(24 * 30);

/// What an [`Inbox`] is made of.
#[derive(Clone)]
pub struct InboxParts {
    /// The database.
    pub pool: TenantPool,
    /// Where secrets are read.
    pub secrets: Arc<dyn SecretStore>,
    /// Where secrets are written.
    pub vault: Arc<dyn SecretWriter>,
    /// What wraps the data keys of endpoints.
    pub keys: Arc<dyn KeyStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdGen>,
    /// Scheme, host and port under which senders know this server, as `https://hooks.example.org`.
    pub public_base: Url,
}

/// Endpoints and what arrives at them. Cloning shares it.
#[derive(Clone)]
pub struct Inbox {
    parts: Arc<InboxParts>,
}

/// A secret that a tenant hands over.
pub struct NewSecret {
    /// What it signs with: for Twilio, and for nobody else.
    pub algorithm: Option<Algorithm>,
    /// The secret.
    pub secret: Sensitive<Vec<u8>>,
}

/// A new endpoint. Its address is told this once.
pub struct EndpointCreated {
    /// The endpoint.
    pub id: Uuid,
    /// Where the sender is to send to. Who knows it still needs the secret.
    pub url: String,
}

/// An endpoint without its address and without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The endpoint.
    pub id: Uuid,
    /// Who sends to it.
    pub sender: Sender,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub disabled_at: Option<OffsetDateTime>,
    /// Its secrets that are valid, the current one first: since when, and until when.
    pub secrets: Vec<(OffsetDateTime, Option<OffsetDateTime>)>,
}

impl Inbox {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: InboxParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Makes an endpoint. The secret goes to the vault first; a failure after that leaves it there, where nothing refers to it.
    ///
    /// # Errors
    /// [`InboxError::Invalid`] for a secret that is not of the sender's form.
    // CONTROL: CON-4
    pub async fn endpoint_create(
        &self,
        ctx: &Ctx,
        sender: Sender,
        secret: &NewSecret,
    ) -> Result<EndpointCreated, InboxError> {
        sender.check(&secret.view())?;
        let id = self.parts.ids.v7();
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(InboxError::Random)?;
        let key_sha256 = crate::webhooks::sha256(&key).to_vec();
        let row = self.secret_write(ctx.customer(), id, secret).await?;
        let wrapped = self.parts.keys.wrap(ctx.customer(), &DataKey::generate()?).await?;
        let work = async |tx: &mut TenantTx<'_>| {
            diesel::insert_into(endpoints::table)
                .values((
                    endpoints::id.eq(id),
                    endpoints::connector.eq(sender.as_str()),
                    endpoints::key_sha256.eq(&key_sha256),
                    endpoints::kek_version.eq(wrapped.kek_version),
                    endpoints::wrapped.eq(wrapped.bytes),
                ))
                .execute(tx)
                .await
                .map_err(InboxError::Statement)?;
            secret_insert(tx, &row).await?;
            let locator = TenantPool::locator(KIND, key_sha256);
            RunQueryDsl::get_result::<bool>(locator, tx)
                .await
                .map_err(InboxError::Statement)
        };
        self.parts.pool.run(ctx, work).await?;
        let path = self.url(sender, &BASE64_URL.encode(key), "");
        Ok(EndpointCreated { id, url: path })
    }

    /// Every endpoint of the tenant, those that have ended included, the newest first; at most 200.
    ///
    /// # Errors
    /// [`InboxError::Tenancy`], [`InboxError::Statement`].
    pub async fn endpoint_list(&self, ctx: &Ctx) -> Result<Vec<Endpoint>, InboxError> {
        let now = self.parts.clock.now();
        let work = async |tx: &mut TenantTx<'_>| {
            let rows: Vec<EndpointRow> = endpoints::table
                .select((
                    endpoints::id,
                    endpoints::connector,
                    endpoints::created_at,
                    endpoints::disabled_at,
                ))
                .order(endpoints::id.desc())
                .limit(200)
                .load(tx)
                .await
                .map_err(InboxError::Statement)?;
            let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
            let secrets: Vec<(Uuid, OffsetDateTime, Option<OffsetDateTime>)> = endpoint_secrets::table
                .filter(endpoint_secrets::endpoint_id.eq_any(ids))
                .filter(
                    endpoint_secrets::expires_at
                        .is_null()
                        .or(endpoint_secrets::expires_at.gt(now)),
                )
                .select((
                    endpoint_secrets::endpoint_id,
                    endpoint_secrets::created_at,
                    endpoint_secrets::expires_at,
                ))
                .order(endpoint_secrets::id.desc())
                .load(tx)
                .await
                .map_err(InboxError::Statement)?;
            Ok::<_, InboxError>((rows, secrets))
        };
        let (rows, secrets) = self.parts.pool.run(ctx, work).await?;
        let of = |row: EndpointRow| {
            let own = secrets.iter().filter(|(endpoint, ..)| *endpoint == row.id);
            Some(Endpoint {
                id: row.id,
                sender: Sender::from_word(&row.connector)?,
                created_at: row.created_at,
                disabled_at: row.disabled_at,
                secrets: own.map(|(_, since, until)| (*since, *until)).collect(),
            })
        };
        Ok(rows.into_iter().filter_map(of).collect())
    }

    /// Gives an endpoint a new secret. Those before it end after `overlap`.
    ///
    /// # Errors
    /// [`InboxError::NotFound`], [`InboxError::Ended`]; [`InboxError::Invalid`] for a secret that is not of the sender's form,
    /// for an overlap beyond [`OVERLAP_MAX`], and where too many secrets are valid already.
    pub async fn secret_rotate(
        &self,
        ctx: &Ctx,
        endpoint: Uuid,
        secret: &NewSecret,
        overlap: Duration,
    ) -> Result<(), InboxError> {
        let sender = self
            .parts
            .pool
            .run(ctx, async |tx: &mut TenantTx<'_>| sender_of(tx, endpoint).await)
            .await?;
        sender.check(&secret.view())?;
        if overlap > OVERLAP_MAX {
            let reason = "`overlap_s` is 2592000 at the most";
            return Err(InboxError::Invalid {
                field: "overlap_s",
                reason,
            });
        }
        let row = self.secret_write(ctx.customer(), endpoint, secret).await?;
        let now = self.parts.clock.now();
        let ends_at = now + overlap;
        let work = async |tx: &mut TenantTx<'_>| {
            sender_of(tx, endpoint).await?;
            let valid = endpoint_secrets::expires_at
                .is_null()
                .or(endpoint_secrets::expires_at.gt(now));
            let count: i64 = endpoint_secrets::table
                .filter(endpoint_secrets::endpoint_id.eq(endpoint))
                .filter(valid)
                .count()
                .get_result(tx)
                .await
                .map_err(InboxError::Statement)?;
            if usize::try_from(count).is_ok_and(|count| count >= MAX_SECRETS) {
                let reason = "the endpoint has as many valid secrets as it may";
                return Err(InboxError::Invalid {
                    field: "secret",
                    reason,
                });
            }
            let later = endpoint_secrets::expires_at
                .is_null()
                .or(endpoint_secrets::expires_at.gt(ends_at));
            diesel::update(
                endpoint_secrets::table
                    .filter(endpoint_secrets::endpoint_id.eq(endpoint))
                    .filter(later),
            )
            .set(endpoint_secrets::expires_at.eq(ends_at))
            .execute(tx)
            .await
            .map_err(InboxError::Statement)?;
            secret_insert(tx, &row).await
        };
        self.parts.pool.run(ctx, work).await
    }

    /// Ends an endpoint. What arrived stays.
    ///
    /// # Errors
    /// [`InboxError::NotFound`], [`InboxError::Ended`].
    pub async fn endpoint_disable(&self, ctx: &Ctx, endpoint: Uuid) -> Result<(), InboxError> {
        let now = self.parts.clock.now();
        let work = async |tx: &mut TenantTx<'_>| {
            sender_of(tx, endpoint).await?;
            diesel::update(endpoints::table.filter(endpoints::id.eq(endpoint)))
                .set(endpoints::disabled_at.eq(now))
                .execute(tx)
                .await
                .map_err(InboxError::Statement)
        };
        self.parts.pool.run(ctx, work).await.map(drop)
    }

    async fn secret_write(
        &self,
        customer: CustomerId,
        endpoint: Uuid,
        secret: &NewSecret,
    ) -> Result<SecretRow, InboxError> {
        let id = self.parts.ids.v7();
        let name = vault::name(customer, "webhooks", id);
        let reference: SecretRef = self.parts.vault.write(&name, &secret.secret).await?;
        Ok(SecretRow {
            id,
            endpoint_id: endpoint,
            algorithm: secret.algorithm.map(algorithm_word),
            reference: reference.to_string(),
        })
    }

    /// The address of an endpoint, with the query as it arrived.
    fn url(&self, sender: Sender, token: &str, query: &str) -> String {
        let base = self.parts.public_base.as_str().trim_end_matches('/');
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{base}/webhooks/{}/{token}{mark}{query}", sender.as_str())
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inbox")
    }
}

impl NewSecret {
    #[expect(
        clippy::disallowed_methods,
        reason = "the secret's form is checked before it is stored"
    )]
    fn view(&self) -> Secret<'_> {
        Secret {
            algorithm: self.algorithm,
            bytes: self.secret.expose(),
        }
    }
}

#[derive(Queryable)]
struct EndpointRow {
    id: Uuid,
    connector: String,
    created_at: OffsetDateTime,
    disabled_at: Option<OffsetDateTime>,
}

#[derive(Insertable)]
#[diesel(table_name = endpoint_secrets)]
struct SecretRow {
    id: Uuid,
    endpoint_id: Uuid,
    algorithm: Option<&'static str>,
    reference: String,
}

async fn secret_insert(tx: &mut TenantTx<'_>, row: &SecretRow) -> Result<(), InboxError> {
    let insert = diesel::insert_into(endpoint_secrets::table).values(row);
    insert.execute(tx).await.map(drop).map_err(InboxError::Statement)
}

/// Who sends to an endpoint that has not ended.
async fn sender_of(tx: &mut TenantTx<'_>, endpoint: Uuid) -> Result<Sender, InboxError> {
    let row: Option<(String, Option<OffsetDateTime>)> = endpoints::table
        .filter(endpoints::id.eq(endpoint))
        .select((endpoints::connector, endpoints::disabled_at))
        .first(tx)
        .await
        .optional()
        .map_err(InboxError::Statement)?;
    let (connector, disabled_at) = row.ok_or(InboxError::NotFound)?;
    match disabled_at {
        None => Sender::from_word(&connector).ok_or(InboxError::NotFound),
        Some(_) => Err(InboxError::Ended),
    }
}
