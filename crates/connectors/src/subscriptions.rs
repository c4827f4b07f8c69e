//! Webhooks that leave: who is told of what happens in a tenant, with what it is signed, and what became of each notice.

mod deliveries;
mod notice;
mod schema;
mod send;

pub use deliveries::{DELIVERIES_MAX, NoticeDelivery};
pub use notice::{Notice, NoticeType};
pub use send::{CONNECTOR, WebhookDestination, WebhookParts};

use crate::https::HttpsAddress;
use crate::outgoing::OutgoingError;
use crate::vault::{self, SecretWriter};
use crate::webhooks::{MAX_SECRETS, standard};
use bearingwall_core::{Clock, Ctx, CustomerId, IdGen, Sensitive};
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use schema::{subscription_secrets, subscriptions};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Subscriptions of one tenant that are told of anything, at the most: each event is sent to each of them.
pub const SUBSCRIPTIONS_MAX: i64 = 20;

/// The longest time for which a secret signs beside its successor.
pub const OVERLAP_MAX: Duration = Duration::from_hours(24 * 30);

/// How notices to a subscription are signed, by the versions of Standard Webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureVersion {
    /// `v1`: HMAC-SHA256 with a shared secret.
    Shared,
    /// `v1a`: Ed25519; the private key never leaves the vault.
    Asymmetric,
}

impl SignatureVersion {
    /// The word in signatures and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "v1",
            Self::Asymmetric => "v1a",
        }
    }

    /// The version with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Shared, Self::Asymmetric]
            .into_iter()
            .find(|version| version.as_str() == word)
    }
}

/// What [`Subscriptions`] is made of.
#[derive(Clone)]
pub struct SubscriptionsParts {
    /// The database.
    pub pool: TenantPool,
    /// Where secrets are written.
    pub vault: Arc<dyn SecretWriter>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdGen>,
}

/// The tenants' subscriptions. Cloning shares it.
#[derive(Clone)]
pub struct Subscriptions {
    parts: Arc<SubscriptionsParts>,
}

/// What a receiver verifies with, told this once.
#[derive(Debug)]
pub enum NewKey {
    /// `whsec_` and base64, for both sides.
    Shared(Sensitive<String>),
    /// `whpk_` and base64, the public half.
    Public(String),
}

/// A secret that signs, without the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningSecret {
    /// Since when.
    pub created_at: OffsetDateTime,
    /// Until when.
    pub expires_at: Option<OffsetDateTime>,
    /// What verifies it, where that is no secret.
    pub public_key: Option<String>,
}

/// Why a subscription is told of nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisabledReason {
    /// A person has said so.
    ByPerson,
    /// The receiver has answered 410.
    Gone,
    /// Something could not be delivered in all of its time, and nothing else was either.
    Failing,
}

/// A subscription, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: Uuid,
    /// Where it is told.
    pub address: HttpsAddress,
    /// What it is told of.
    pub event_types: Vec<NoticeType>,
    /// How notices are signed.
    pub signature: SignatureVersion,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// Since when it is told of nothing any more, and why.
    pub disabled: Option<(OffsetDateTime, DisabledReason)>,
    /// The secrets that sign, the current one first.
    pub secrets: Vec<SigningSecret>,
}

impl Subscriptions {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: SubscriptionsParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Makes a subscription, and answers its id and what its receiver verifies with.
    ///
    /// The secret goes to the vault first; a failure after that leaves it there, where nothing refers to it.
    ///
    /// # Errors
    /// [`OutgoingError::Invalid`]; [`OutgoingError::Taken`] where the tenant has one to that address; [`OutgoingError::Full`].
    // CONTROL: CON-7
    pub async fn create(
        &self,
        ctx: &Ctx,
        address: &HttpsAddress,
        event_types: &[NoticeType],
        signature: SignatureVersion,
    ) -> Result<(Uuid, NewKey), OutgoingError> {
        let words = words(event_types)?;
        let id = self.parts.ids.v7();
        let (row, key) = self.secret_new(ctx.customer(), id, signature).await?;
        let work = async |tx: &mut TenantTx<'_>| {
            if active(tx).await? >= SUBSCRIPTIONS_MAX {
                return Err(OutgoingError::Full);
            }
            diesel::insert_into(subscriptions::table)
                .values((
                    subscriptions::id.eq(id),
                    subscriptions::host.eq(address.host()),
                    subscriptions::port.eq(i32::from(address.port())),
                    subscriptions::path.eq(address.path()),
                    subscriptions::event_types.eq(&words),
                    subscriptions::signature.eq(signature.as_str()),
                ))
                .execute(tx)
                .await
                .map_err(OutgoingError::of_statement)?;
            secret_insert(tx, &row).await
        };
        self.parts.pool.run(ctx, work).await?;
        Ok((id, key))
    }

    /// Every subscription of the tenant, the newest first, or the one with this id; 200 at the most.
    ///
    /// # Errors
    /// [`OutgoingError::Tenancy`], [`OutgoingError::Statement`].
    pub async fn list(&self, ctx: &Ctx, only: Option<Uuid>) -> Result<Vec<Subscription>, OutgoingError> {
        let now = self.parts.clock.now();
        let work = async |tx: &mut TenantTx<'_>| {
            let mut query = subscriptions::table
                .select(Row::as_select())
                .order(subscriptions::id.desc())
                .limit(200)
                .into_boxed();
            if let Some(id) = only {
                query = query.filter(subscriptions::id.eq(id));
            }
            let rows: Vec<Row> = query.load(tx).await.map_err(OutgoingError::Statement)?;
            let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
            let valid = subscription_secrets::expires_at
                .is_null()
                .or(subscription_secrets::expires_at.gt(now));
            let secrets: Vec<SecretSeen> = subscription_secrets::table
                .filter(subscription_secrets::subscription_id.eq_any(ids))
                .filter(valid)
                .select((
                    subscription_secrets::subscription_id,
                    subscription_secrets::created_at,
                    subscription_secrets::expires_at,
                    subscription_secrets::public_key,
                ))
                .order(subscription_secrets::id.desc())
                .load(tx)
                .await
                .map_err(OutgoingError::Statement)?;
            Ok::<_, OutgoingError>((rows, secrets))
        };
        let (rows, secrets) = self.parts.pool.run(ctx, work).await?;
        Ok(rows.into_iter().filter_map(|row| row.read(&secrets)).collect())
    }

    /// One subscription.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`], [`OutgoingError::Tenancy`], [`OutgoingError::Statement`].
    pub async fn show(&self, ctx: &Ctx, id: Uuid) -> Result<Subscription, OutgoingError> {
        let found = self.list(ctx, Some(id)).await?;
        found.into_iter().next().ok_or(OutgoingError::NotFound)
    }

    /// Says what a subscription is told of, and whether it is told of anything at all.
    ///
    /// What is on its way when it ends, ends with it.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`], [`OutgoingError::Invalid`], [`OutgoingError::Full`].
    pub async fn change(
        &self,
        ctx: &Ctx,
        id: Uuid,
        event_types: &[NoticeType],
        enabled: bool,
    ) -> Result<(), OutgoingError> {
        let words = words(event_types)?;
        let now = self.parts.clock.now();
        let work = async |tx: &mut TenantTx<'_>| {
            let (_, was_disabled) = found(tx, id).await?;
            if enabled && was_disabled && active(tx).await? >= SUBSCRIPTIONS_MAX {
                return Err(OutgoingError::Full);
            }
            let target = subscriptions::table.filter(subscriptions::id.eq(id));
            let told = diesel::update(target).set(subscriptions::event_types.eq(&words));
            told.execute(tx).await.map_err(OutgoingError::Statement)?;
            if enabled != was_disabled {
                return Ok(());
            }
            let ended = (!enabled).then_some((now, "by_person"));
            diesel::update(target)
                .set((
                    subscriptions::disabled_at.eq(ended.map(|(at, _)| at)),
                    subscriptions::disabled_reason.eq(ended.map(|(_, reason)| reason)),
                ))
                .execute(tx)
                .await
                .map(drop)
                .map_err(OutgoingError::Statement)
        };
        self.parts.pool.run(ctx, work).await
    }

    /// Removes a subscription, and what was on its way to it. Its secrets stay in the vault, where nothing refers to them.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`].
    pub async fn remove(&self, ctx: &Ctx, id: Uuid) -> Result<(), OutgoingError> {
        let work = async |tx: &mut TenantTx<'_>| {
            found(tx, id).await?;
            diesel::delete(subscription_secrets::table.filter(subscription_secrets::subscription_id.eq(id)))
                .execute(tx)
                .await
                .map_err(OutgoingError::Statement)?;
            diesel::delete(subscriptions::table.filter(subscriptions::id.eq(id)))
                .execute(tx)
                .await
                .map(drop)
                .map_err(OutgoingError::Statement)
        };
        self.parts.pool.run(ctx, work).await
    }

    /// Gives a subscription a new secret, and answers it. Those before it sign beside it for `overlap`.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`]; [`OutgoingError::Invalid`] for an overlap beyond [`OVERLAP_MAX`]; [`OutgoingError::Full`] where too
    /// many secrets are valid already.
    // CONTROL: CON-8
    pub async fn secret_rotate(&self, ctx: &Ctx, id: Uuid, overlap: Duration) -> Result<NewKey, OutgoingError> {
        if overlap > OVERLAP_MAX {
            let reason = "`overlap_s` is 2592000 at the most";
            return Err(OutgoingError::Invalid {
                field: "overlap_s",
                reason,
            });
        }
        let look = async |tx: &mut TenantTx<'_>| found(tx, id).await;
        let (signature, _) = self.parts.pool.run(ctx, look).await?;
        let (row, key) = self.secret_new(ctx.customer(), id, signature).await?;
        let now = self.parts.clock.now();
        let ends_at = now + overlap;
        let work = async |tx: &mut TenantTx<'_>| {
            found(tx, id).await?;
            let own = subscription_secrets::table.filter(subscription_secrets::subscription_id.eq(id));
            let valid = subscription_secrets::expires_at
                .is_null()
                .or(subscription_secrets::expires_at.gt(ends_at));
            diesel::update(own.filter(valid))
                .set(subscription_secrets::expires_at.eq(ends_at))
                .execute(tx)
                .await
                .map_err(OutgoingError::Statement)?;
            let still = subscription_secrets::expires_at
                .is_null()
                .or(subscription_secrets::expires_at.gt(now));
            let count: i64 = own
                .filter(still)
                .count()
                .get_result(tx)
                .await
                .map_err(OutgoingError::Statement)?;
            if usize::try_from(count).is_ok_and(|count| count >= MAX_SECRETS) {
                return Err(OutgoingError::Full);
            }
            secret_insert(tx, &row).await
        };
        self.parts.pool.run(ctx, work).await?;
        Ok(key)
    }

    async fn secret_new(
        &self,
        customer: CustomerId,
        subscription_id: Uuid,
        signature: SignatureVersion,
    ) -> Result<(SecretRow, NewKey), OutgoingError> {
        let id = self.parts.ids.v7();
        let (secret, public_key) = match signature {
            SignatureVersion::Shared => (standard::shared_secret_new().map_err(OutgoingError::Random)?, None),
            SignatureVersion::Asymmetric => {
                let (private, public) = standard::key_pair_new().map_err(OutgoingError::Random)?;
                (private, Some(public))
            }
        };
        let name = vault::name(customer, "webhooks-out", id);
        let bytes = Sensitive::new(secret.as_bytes().to_vec());
        let reference = self.parts.vault.write(&name, &bytes).await?.to_string();
        let key = match &public_key {
            None => NewKey::Shared(Sensitive::new(secret.as_str().to_owned())),
            Some(public) => NewKey::Public(public.clone()),
        };
        let row = SecretRow {
            id,
            subscription_id,
            reference,
            public_key,
        };
        Ok((row, key))
    }
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscriptions")
    }
}

type SecretSeen = (Uuid, OffsetDateTime, Option<OffsetDateTime>, Option<String>);

#[derive(Queryable, Selectable)]
#[diesel(table_name = subscriptions)]
struct Row {
    id: Uuid,
    host: String,
    port: i32,
    path: String,
    event_types: Vec<String>,
    signature: String,
    created_at: OffsetDateTime,
    disabled_at: Option<OffsetDateTime>,
    disabled_reason: Option<String>,
}

impl Row {
    /// Nothing for a row that this program cannot read.
    fn read(self, secrets: &[SecretSeen]) -> Option<Subscription> {
        let reason = match self.disabled_reason.as_deref() {
            Some("gone") => DisabledReason::Gone,
            Some("failing") => DisabledReason::Failing,
            _ => DisabledReason::ByPerson,
        };
        let own = secrets.iter().filter(|(subscription, ..)| *subscription == self.id);
        Some(Subscription {
            id: self.id,
            address: HttpsAddress::of_row(self.host, self.port, self.path)?,
            event_types: self
                .event_types
                .iter()
                .filter_map(|word| NoticeType::from_word(word))
                .collect(),
            signature: SignatureVersion::from_word(&self.signature)?,
            created_at: self.created_at,
            disabled: self.disabled_at.map(|at| (at, reason)),
            secrets: own
                .map(|(_, created_at, expires_at, public_key)| SigningSecret {
                    created_at: *created_at,
                    expires_at: *expires_at,
                    public_key: public_key.clone(),
                })
                .collect(),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = subscription_secrets)]
struct SecretRow {
    id: Uuid,
    subscription_id: Uuid,
    reference: String,
    public_key: Option<String>,
}

async fn secret_insert(tx: &mut TenantTx<'_>, row: &SecretRow) -> Result<(), OutgoingError> {
    let insert = diesel::insert_into(subscription_secrets::table).values(row);
    insert.execute(tx).await.map(drop).map_err(OutgoingError::Statement)
}

async fn active(tx: &mut TenantTx<'_>) -> Result<i64, OutgoingError> {
    let told = subscriptions::table.filter(subscriptions::disabled_at.is_null());
    told.count().get_result(tx).await.map_err(OutgoingError::Statement)
}

/// How a subscription of the tenant is signed, and whether it has ended.
async fn found(tx: &mut TenantTx<'_>, id: Uuid) -> Result<(SignatureVersion, bool), OutgoingError> {
    let row: Option<(String, Option<OffsetDateTime>)> = subscriptions::table
        .filter(subscriptions::id.eq(id))
        .select((subscriptions::signature, subscriptions::disabled_at))
        .first(tx)
        .await
        .optional()
        .map_err(OutgoingError::Statement)?;
    let (signature, disabled_at) = row.ok_or(OutgoingError::NotFound)?;
    let signature = SignatureVersion::from_word(&signature).ok_or(OutgoingError::NotFound)?;
    Ok((signature, disabled_at.is_some()))
}

/// Each once, in one order.
fn words(event_types: &[NoticeType]) -> Result<Vec<&'static str>, OutgoingError> {
    let mut types: Vec<_> = event_types
        .iter()
        .filter(|kind| NoticeType::ALL.contains(kind))
        .collect();
    types.sort_unstable();
    types.dedup();
    if types.is_empty() || types.len() < event_types.len() {
        let reason = "`event_types` names nothing, or something twice or unknown";
        return Err(OutgoingError::Invalid {
            field: "event_types",
            reason,
        });
    }
    Ok(types.into_iter().map(|kind| kind.as_str()).collect())
}
