//! `/webhooks/{connector}/{endpoint}`, where other systems send to, and `/v1/webhook-endpoints`, where a tenant decides who may.

use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_connectors::inbox::{Arrival, Endpoint, Inbox, NewSecret, Received, Sender};
use bearingwall_connectors::webhooks::twilio::Algorithm;
use bearingwall_core::{RequestId, Sensitive};
use bearingwall_rbac::{ReadWebhookEndpoint, WriteWebhookEndpoint};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Bytes of a delivery's body: what is larger is no event.
const BODY_BYTES: usize = 512 * 1024;

/// How long an old secret is valid beside a new one where nobody says otherwise, in seconds: a day, as Stripe has it.
const OVERLAP_S: u64 = 86_400;

/// Endpoints for webhooks, where the operator has said under which address senders know this server.
#[derive(Clone, Debug, Default)]
pub struct Webhooks(Option<Inbox>);

impl Webhooks {
    /// With the inbox that takes deliveries in; without one there are no endpoints.
    #[must_use]
    pub const fn new(inbox: Option<Inbox>) -> Self {
        Self(inbox)
    }

    fn inbox(&self) -> Result<&Inbox, Problem> {
        self.0.as_ref().ok_or_else(|| HttpError::UnknownPath.into())
    }
}

/// A secret that the sender shares with the tenant.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecretBody {
    /// The secret as the sender shows it. It goes to the vault and is never shown again.
    secret: String,
    /// With Twilio, and with nobody else: `auth_token` or `shared_key`.
    algorithm: Option<String>,
    /// For how many seconds the secrets before it stay valid, 2592000 at the most; a day if absent.
    overlap_s: Option<u64>,
}

/// An endpoint that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndpointBody {
    /// Who sends to it: `github`, `standard` (Standard Webhooks), `stripe` or `twilio`.
    connector: String,
    /// The secret as the sender shows it. It goes to the vault and is never shown again.
    secret: String,
    /// With Twilio, and with nobody else: `auth_token` or `shared_key`.
    algorithm: Option<String>,
}

/// An endpoint that was made.
#[derive(Serialize, ToSchema)]
struct EndpointMade {
    /// Its id.
    id: Uuid,
    /// Where the sender is to send to. It is shown this once.
    url: String,
}

/// A secret that is valid, without the secret.
#[derive(Serialize, ToSchema)]
struct SecretEntry {
    /// Since when (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// Until when.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<OffsetDateTime>,
}

/// An endpoint, without its address.
#[derive(Serialize, ToSchema)]
struct EndpointEntry {
    /// Its id.
    id: Uuid,
    /// Who sends to it.
    connector: &'static str,
    /// Since when (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// Since when it takes nothing any more.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<OffsetDateTime>,
    /// Its secrets that are valid, the current one first.
    secrets: Vec<SecretEntry>,
}

/// The tenant's endpoints.
#[derive(Serialize, ToSchema)]
struct EndpointList {
    /// The endpoints, newest first, 200 at the most.
    items: Vec<EndpointEntry>,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let receive = RouteSpec::new(
        "POST /webhooks/{connector}/{endpoint}",
        "webhook_receive",
        "Another system tells of an event, and proves by a signature that it is the one.",
    )
    .records(&[EventType::WebhookReceived])
    .rate(RateClass::Webhook)
    .takes(Content::text("*/*"))
    .answers(204, "It is on file: now, or since an earlier attempt.", None);
    let create = RouteSpec::new(
        "POST /v1/webhook-endpoints",
        "webhook_endpoint_create",
        "Makes an endpoint for one sender, and shows its address this once.",
    )
    .records(&[EventType::EndpointCreated, EventType::EndpointSecretChanged])
    .rate(RateClass::Write)
    .takes(Content::json::<EndpointBody>())
    .answers(201, "It is made.", Some(Content::json::<EndpointMade>()));
    let list = RouteSpec::new(
        "GET /v1/webhook-endpoints",
        "webhook_endpoint_list",
        "The tenant's endpoints, newest first, without their addresses and secrets.",
    )
    .rate(RateClass::Read)
    .answers(200, "The endpoints.", Some(Content::json::<EndpointList>()));
    let rotate = RouteSpec::new(
        "POST /v1/webhook-endpoints/{endpoint_id}/secrets",
        "webhook_endpoint_rotate",
        "Gives an endpoint a new secret; those before it end after an overlap.",
    )
    .records(&[EventType::EndpointSecretChanged])
    .rate(RateClass::Write)
    .takes(Content::json::<SecretBody>())
    .answers(204, "It is valid.", None);
    let disable = RouteSpec::new(
        "POST /v1/webhook-endpoints/{endpoint_id}/disable",
        "webhook_endpoint_disable",
        "Ends an endpoint for good; what arrived stays.",
    )
    .records(&[EventType::EndpointDisabled])
    .rate(RateClass::Write)
    .answers(204, "It takes nothing any more.", None);
    table
        .public(receive, "the sender signs what it sends", webhook_receive)
        .secured::<WriteWebhookEndpoint, _, _>(create, endpoint_create)
        .secured::<ReadWebhookEndpoint, _, _>(list, endpoint_list)
        .secured::<WriteWebhookEndpoint, _, _>(rotate, secret_rotate)
        .secured::<WriteWebhookEndpoint, _, _>(disable, endpoint_disable)
}

// CONTROL: CON-1
async fn webhook_receive(
    request: HttpRequest,
    webhooks: web::Data<Webhooks>,
    path: web::Path<(String, String)>,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let inbox = webhooks.inbox()?;
    let id = *request.extensions().get::<RequestId>().ok_or(HttpError::Framework)?;
    let body = payload.to_bytes_limited(BODY_BYTES).await;
    let body = body
        .map_err(|_| HttpError::BodySize)?
        .map_err(|_| HttpError::Framework)?;
    let headers: Vec<(&str, &[u8])> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let arrival = Arrival {
        sender: &path.0,
        key: &path.1,
        query: request.query_string(),
        headers: &headers,
        body: &body,
        request: id,
    };
    if inbox.receive(&arrival).await? == Received::Conflict {
        tracing::error!("another content is on file under a webhook's id");
    }
    Ok(HttpResponse::NoContent().finish())
}

async fn endpoint_create(
    granted: Granted<WriteWebhookEndpoint>,
    webhooks: web::Data<Webhooks>,
    body: web::Json<EndpointBody>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let sender = Sender::from_word(&body.connector).ok_or(HttpError::Refused);
    let sender = sender.map_err(|error| Problem::from(error).at("connector", "is none that is known here"))?;
    let secret = new_secret(body.secret, body.algorithm.as_deref())?;
    let made = webhooks
        .inbox()?
        .endpoint_create(granted.ctx(), sender, &secret)
        .await?;
    Ok(HttpResponse::Created().json(EndpointMade {
        id: made.id,
        url: made.url,
    }))
}

async fn endpoint_list(
    granted: Granted<ReadWebhookEndpoint>,
    webhooks: web::Data<Webhooks>,
) -> Result<web::Json<EndpointList>, Problem> {
    let found = webhooks.inbox()?.endpoint_list(granted.ctx()).await?;
    Ok(web::Json(EndpointList {
        items: found.into_iter().map(entry).collect(),
    }))
}

async fn secret_rotate(
    granted: Granted<WriteWebhookEndpoint>,
    webhooks: web::Data<Webhooks>,
    id: web::Path<Uuid>,
    body: web::Json<SecretBody>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let overlap = Duration::from_secs(body.overlap_s.unwrap_or(OVERLAP_S));
    let secret = new_secret(body.secret, body.algorithm.as_deref())?;
    let inbox = webhooks.inbox()?;
    inbox
        .secret_rotate(granted.ctx(), id.into_inner(), &secret, overlap)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn endpoint_disable(
    granted: Granted<WriteWebhookEndpoint>,
    webhooks: web::Data<Webhooks>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    webhooks
        .inbox()?
        .endpoint_disable(granted.ctx(), id.into_inner())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn new_secret(secret: String, algorithm: Option<&str>) -> Result<NewSecret, Problem> {
    let algorithm = match algorithm {
        None => None,
        Some("auth_token") => Some(Algorithm::AuthToken),
        Some("shared_key") => Some(Algorithm::SharedKey),
        Some(_) => {
            return Err(Problem::from(HttpError::Refused).at("algorithm", "is neither `auth_token` nor `shared_key`"));
        }
    };
    Ok(NewSecret {
        algorithm,
        secret: Sensitive::new(secret.into_bytes()),
    })
}

fn entry(endpoint: Endpoint) -> EndpointEntry {
    let secrets = endpoint.secrets.into_iter();
    EndpointEntry {
        id: endpoint.id,
        connector: endpoint.sender.as_str(),
        created_at: endpoint.created_at,
        disabled_at: endpoint.disabled_at,
        secrets: secrets
            .map(|(created_at, expires_at)| SecretEntry { created_at, expires_at })
            .collect(),
    }
}
