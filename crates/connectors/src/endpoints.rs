//! Endpoints of a tenant's own systems, and the approved requests that go to them.

mod request;
mod send;

pub use request::HttpRequest;
pub use send::{CONNECTOR, HttpsDestination, HttpsParts};

use crate::egress::{Method, Outgoing};
use crate::https::HttpsAddress;
use crate::outgoing::OutgoingError;
use crate::vault::{self, SecretWriter};
use bearingwall_core::{Clock, Ctx, EffectId, GateId, IdGen, Sensitive};
use bearingwall_gates::{GateError, PayloadKeys, Requested, gate_pending, gate_request, gate_take};
use bearingwall_outbox::{Effect, Idempotency, Outbox, OutboxError};
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use schema::http_endpoints;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// The longest secret of an endpoint, in bytes.
const SECRET_BYTES: usize = 4_096;

/// Headers that a request has anyway.
const OWN_HEADERS: [&str; 3] = ["content-type", "idempotency-key", "user-agent"];

/// What [`HttpEndpoints`] is made of.
#[derive(Clone)]
pub struct HttpEndpointsParts {
    /// The database.
    pub pool: TenantPool,
    /// Where secrets are written.
    pub vault: Arc<dyn SecretWriter>,
    /// What seals the content of requests.
    pub keys: PayloadKeys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdGen>,
}

/// The tenants' endpoints. Cloning shares it.
#[derive(Clone)]
pub struct HttpEndpoints {
    parts: Arc<HttpEndpointsParts>,
}

/// What an endpoint is to be.
pub struct NewHttpEndpoint {
    /// What the tenant calls it: a lower-case letter, then letters, digits and `_`, 2 to 32 in all.
    pub name: String,
    /// Where it is.
    pub address: HttpsAddress,
    /// The methods that may be asked for.
    pub methods: Vec<Method>,
    /// What happens when a request arrives twice.
    pub idempotency: Idempotency,
    /// The header that holds the secret; without one it is a bearer token.
    pub header: Option<String>,
    /// What it knows us by.
    pub secret: Option<Sensitive<Vec<u8>>>,
}

/// An endpoint, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpEndpoint {
    /// Its id.
    pub id: Uuid,
    /// What the tenant calls it.
    pub name: String,
    /// Where it is.
    pub address: HttpsAddress,
    /// The methods that may be asked for.
    pub methods: Vec<Method>,
    /// What happens when a request arrives twice.
    pub idempotency: Idempotency,
    /// The header that holds the secret.
    pub header: Option<String>,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub disabled_at: Option<OffsetDateTime>,
}

impl HttpEndpoints {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: HttpEndpointsParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// Names an endpoint. Its secret goes to the vault first; a failure after that leaves it there, where nothing refers to it.
    ///
    /// # Errors
    /// [`OutgoingError::Invalid`]; [`OutgoingError::Taken`] where the tenant has one of that name.
    pub async fn create(&self, ctx: &Ctx, new: &NewHttpEndpoint) -> Result<Uuid, OutgoingError> {
        check(new)?;
        let id = self.parts.ids.v7();
        let reference = match &new.secret {
            None => None,
            Some(secret) => {
                let name = vault::name(ctx.customer(), "https", self.parts.ids.v7());
                Some(self.parts.vault.write(&name, secret).await?.to_string())
            }
        };
        let methods: Vec<&str> = new.methods.iter().map(|method| method.as_str()).collect();
        let work = async |tx: &mut TenantTx<'_>| {
            diesel::insert_into(http_endpoints::table)
                .values((
                    http_endpoints::id.eq(id),
                    http_endpoints::name.eq(&new.name),
                    http_endpoints::host.eq(new.address.host()),
                    http_endpoints::port.eq(i32::from(new.address.port())),
                    http_endpoints::path.eq(new.address.path()),
                    http_endpoints::methods.eq(&methods),
                    http_endpoints::idempotency.eq(new.idempotency.as_str()),
                    http_endpoints::header.eq(&new.header),
                    http_endpoints::reference.eq(&reference),
                ))
                .execute(tx)
                .await
                .map(drop)
                .map_err(OutgoingError::of_statement)
        };
        self.parts.pool.run(ctx, work).await?;
        Ok(id)
    }

    /// Every endpoint of the tenant, those that have ended included, the newest first; 200 at the most.
    ///
    /// # Errors
    /// [`OutgoingError::Tenancy`], [`OutgoingError::Statement`].
    pub async fn list(&self, ctx: &Ctx) -> Result<Vec<HttpEndpoint>, OutgoingError> {
        let work = async |tx: &mut TenantTx<'_>| {
            let query = http_endpoints::table
                .select(Row::as_select())
                .order(http_endpoints::id.desc())
                .limit(200);
            let rows: Vec<Row> = query.load(tx).await.map_err(OutgoingError::Statement)?;
            Ok::<_, OutgoingError>(rows)
        };
        let rows = self.parts.pool.run(ctx, work).await?;
        Ok(rows.into_iter().filter_map(Row::read).collect())
    }

    /// Ends an endpoint for good. What was approved and is on its way is refused.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`], [`OutgoingError::Ended`].
    pub async fn disable(&self, ctx: &Ctx, id: Uuid) -> Result<(), OutgoingError> {
        let now = self.parts.clock.now();
        let work = async |tx: &mut TenantTx<'_>| {
            active(tx, id).await?;
            diesel::update(http_endpoints::table.filter(http_endpoints::id.eq(id)))
                .set(http_endpoints::disabled_at.eq(now))
                .execute(tx)
                .await
                .map(drop)
                .map_err(OutgoingError::Statement)
        };
        self.parts.pool.run(ctx, work).await
    }

    /// Asks for a request to an endpoint: somebody else approves exactly that.
    ///
    /// # Errors
    /// [`OutgoingError::NotFound`], [`OutgoingError::Ended`]; [`OutgoingError::Invalid`] for a method that the endpoint does not have;
    /// what [`gate_request`] says.
    pub async fn request(
        &self,
        ctx: &Ctx,
        id: Uuid,
        method: Method,
        body: Option<Value>,
    ) -> Result<(GateId, Requested), OutgoingError> {
        let cipher = self.parts.keys.cipher(&self.parts.pool, ctx).await.map_err(gate)?;
        let number = GateId::from_uuid(self.parts.ids.v7());
        let work = async |tx: &mut TenantTx<'_>| {
            let endpoint = active(tx, id).await?;
            if !endpoint.methods.contains(&method) {
                let reason = "`method` is none that the endpoint has";
                return Err(OutgoingError::Invalid {
                    field: "method",
                    reason,
                });
            }
            let request = HttpRequest::new(id, endpoint.idempotency, method, body.clone());
            gate_request(tx, &cipher, number, &request).await.map_err(gate)
        };
        let requested = self.parts.pool.run(ctx, work).await?;
        Ok((number, requested))
    }

    /// Has an approved request made, once.
    ///
    /// # Errors
    /// [`GateError::NotApproved`] for what waits for its approval; [`GateError::NoSuch`] for what is not the tenant's, was used, or
    /// is too old.
    // CONTROL: CON-11
    pub async fn dispatch(&self, ctx: &Ctx, number: GateId) -> Result<EffectId, OutgoingError> {
        let cipher = self.parts.keys.cipher(&self.parts.pool, ctx).await.map_err(gate)?;
        let work = async |tx: &mut TenantTx<'_>| {
            let approved = match gate_take::<HttpRequest>(tx, number).await {
                // What has ended is told as what never was: both are asked for anew.
                Err(GateError::NotApproved) if !waits(tx, number).await? => return Err(gate(GateError::NoSuch)),
                taken => taken.map_err(gate)?,
            };
            Ok(Outbox::enqueue(tx, &cipher, Effect::approved(approved)).await?)
        };
        self.parts.pool.run(ctx, work).await
    }
}

/// Whether it is the tenant's and waits for a decision.
async fn waits(tx: &mut TenantTx<'_>, number: GateId) -> Result<bool, OutgoingError> {
    let after = GateId::from_uuid(Uuid::from_u128(number.as_uuid().as_u128().saturating_add(1)));
    let (first, _) = gate_pending(tx, Some(after), 1).await.map_err(gate)?;
    Ok(first.iter().any(|summary| summary.gate == number))
}

fn gate(error: GateError) -> OutgoingError {
    OutgoingError::Outbox(OutboxError::from(error))
}

impl fmt::Debug for HttpEndpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpEndpoints")
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the secret's form is checked before it is stored"
)]
fn check(new: &NewHttpEndpoint) -> Result<(), OutgoingError> {
    let refused = |field, reason| Err(OutgoingError::Invalid { field, reason });
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if !(2..=32).contains(&new.name.len())
        || !new.name.starts_with(|c: char| c.is_ascii_lowercase())
        || !new.name.bytes().all(rest)
    {
        return refused(
            "name",
            "`name` is not 2 to 32 lower-case letters, digits and `_`, a letter first",
        );
    }
    let mut methods = new.methods.clone();
    methods.sort_unstable();
    methods.dedup();
    if methods.is_empty() || methods.len() < new.methods.len() {
        return refused("methods", "`methods` names nothing, or something twice");
    }
    if let Some(header) = &new.header {
        let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_plain = (1..=64).contains(&header.len()) && header.bytes().all(lower);
        let probe = Outgoing::new(Method::Get, PROBE.clone(), Vec::new()).header(header, "x");
        if !is_plain || OWN_HEADERS.contains(&header.as_str()) || probe.is_err() {
            return refused("header", "`header` is no header that an endpoint may ask for");
        }
        if new.secret.is_none() {
            return refused("secret", "a `header` needs a `secret`");
        }
    }
    let is_visible = |secret: &Sensitive<Vec<u8>>| {
        let secret = secret.expose();
        (1..=SECRET_BYTES).contains(&secret.len()) && secret.iter().all(u8::is_ascii_graphic)
    };
    if !new.secret.as_ref().is_none_or(is_visible) {
        return refused("secret", "`secret` is not 1 to 4096 visible ASCII characters");
    }
    Ok(())
}

#[expect(clippy::expect_used, reason = "the text is an address")]
static PROBE: std::sync::LazyLock<url::Url> =
    std::sync::LazyLock::new(|| "https://probe.invalid/".parse().expect("the text is an address"));

#[derive(Queryable, Selectable)]
#[diesel(table_name = http_endpoints)]
struct Row {
    id: Uuid,
    name: String,
    host: String,
    port: i32,
    path: String,
    methods: Vec<String>,
    idempotency: String,
    header: Option<String>,
    reference: Option<String>,
    created_at: OffsetDateTime,
    disabled_at: Option<OffsetDateTime>,
}

impl Row {
    /// Nothing for a row that this program cannot read.
    fn read(self) -> Option<HttpEndpoint> {
        let method = |word: &String| Method::ALL.into_iter().find(|method| method.as_str() == word);
        Some(HttpEndpoint {
            id: self.id,
            name: self.name,
            address: HttpsAddress::of_row(self.host, self.port, self.path)?,
            methods: self.methods.iter().map(method).collect::<Option<_>>()?,
            idempotency: idempotency(&self.idempotency)?,
            header: self.header,
            has_secret: self.reference.is_some(),
            created_at: self.created_at,
            disabled_at: self.disabled_at,
        })
    }
}

/// The idempotency with this word.
pub(crate) fn idempotency(word: &str) -> Option<Idempotency> {
    [Idempotency::Native, Idempotency::Natural, Idempotency::None]
        .into_iter()
        .find(|known| known.as_str() == word)
}

async fn row(tx: &mut TenantTx<'_>, id: Uuid) -> Result<Option<Row>, diesel::result::Error> {
    http_endpoints::table
        .filter(http_endpoints::id.eq(id))
        .select(Row::as_select())
        .first(tx)
        .await
        .optional()
}

async fn active(tx: &mut TenantTx<'_>, id: Uuid) -> Result<HttpEndpoint, OutgoingError> {
    let row = row(tx, id).await.map_err(OutgoingError::Statement)?;
    let endpoint = row.and_then(Row::read).ok_or(OutgoingError::NotFound)?;
    match endpoint.disabled_at {
        None => Ok(endpoint),
        Some(_) => Err(OutgoingError::Ended),
    }
}

mod schema {
    //! The table as diesel sees it; the migrations are the truth.

    diesel::table! {
        connectors.http_endpoints (customer_id, id) {
            customer_id -> Uuid,
            id -> Uuid,
            name -> Text,
            host -> Text,
            port -> Integer,
            path -> Text,
            methods -> Array<Text>,
            idempotency -> Text,
            header -> Nullable<Text>,
            reference -> Nullable<Text>,
            created_at -> Timestamptz,
            disabled_at -> Nullable<Timestamptz>,
        }
    }
}
