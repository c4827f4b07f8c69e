//! `/v1/connectors`: what leaves and where to, and `/v1/http-endpoints`: the tenant's own systems, and approved requests to them.

use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem, TenantConnectors};
use actix_web::{HttpResponse, web};
use bearingwall_audit::{AuditLog, EventType};
use bearingwall_connectors::destinations::{DestinationError, destination_add, destination_list, destination_remove};
use bearingwall_connectors::egress::Method;
use bearingwall_connectors::endpoints::{HttpEndpoint, NewHttpEndpoint};
use bearingwall_connectors::{CONNECTORS, Connector, HttpsAddress, OutgoingError, connector};
use bearingwall_core::{GateId, Sensitive};
use bearingwall_outbox::Idempotency;
use bearingwall_rbac::{ReadConnector, WriteConnector, WriteHttpRequest};
use bearingwall_tenancy::TenantTx;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something that a connector sends.
#[derive(Serialize, ToSchema)]
struct ConnectorAction {
    /// Its kind, as in gates and in the outbox.
    kind: &'static str,
    /// Whether somebody else must approve it.
    gated: bool,
    /// Whether it may hold personal data; it is stored as ciphertext then.
    may_hold_phi: bool,
}

/// A way out of the system.
#[derive(Serialize, ToSchema)]
struct ConnectorEntry {
    /// Its name.
    name: &'static str,
    /// What it sends.
    actions: Vec<ConnectorAction>,
    /// What of the tenant's own stands in the vault for it.
    secrets: &'static str,
    /// What happens when something is sent twice: `native` (it takes a key), `natural` (the result is the same) or `none`.
    idempotency: Vec<&'static str>,
    /// To how many destinations the tenant has narrowed it; with none, it reaches what the operator's catalogue names.
    destinations: usize,
}

/// The connectors that there are.
#[derive(Serialize, ToSchema)]
struct ConnectorList {
    /// The connectors.
    items: Vec<ConnectorEntry>,
}

/// Where a connector may reach to.
#[derive(Serialize, ToSchema)]
struct DestinationEntry {
    /// Its id.
    id: Uuid,
    /// The host.
    host: String,
    /// The port.
    port: u16,
    /// The methods.
    methods: Vec<String>,
}

/// What a connector is narrowed to.
#[derive(Serialize, ToSchema)]
struct DestinationList {
    /// The destinations, newest first, 200 at the most.
    items: Vec<DestinationEntry>,
}

/// A destination that is to be named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DestinationBody {
    /// Its id, of the caller's making: repeated, it is a conflict.
    id: Uuid,
    /// The host, as an address holds it.
    host: String,
    /// The port.
    port: u16,
    /// The methods, as `POST`.
    methods: Vec<String>,
}

/// An endpoint that is to be named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HttpEndpointBody {
    /// What the tenant calls it, once: 2 to 32 lower-case letters, digits and `_`, a letter first.
    name: String,
    /// Where it is: HTTPS, and a host by its name.
    url: String,
    /// The methods that may be asked for, as `POST`.
    methods: Vec<String>,
    /// What happens when a request arrives twice: `native` (it knows `Idempotency-Key`), `natural` (the result is the same) or
    /// `none`: after an attempt of which nobody knows the end, a person decides then.
    idempotency: String,
    /// The header that holds the secret; without one it is a bearer token.
    header: Option<String>,
    /// What the endpoint knows us by. It goes to the vault and is never shown again.
    secret: Option<String>,
}

/// An endpoint that was named, or a request that was asked for.
#[derive(Serialize, ToSchema)]
struct Made {
    /// Its id.
    id: Uuid,
}

/// An endpoint, without its secret.
#[derive(Serialize, ToSchema)]
struct HttpEndpointEntry {
    /// Its id.
    id: Uuid,
    /// What the tenant calls it.
    name: String,
    /// Where it is.
    url: String,
    /// The methods that may be asked for.
    methods: Vec<&'static str>,
    /// `native`, `natural` or `none`.
    idempotency: &'static str,
    /// The header that holds the secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    /// Whether it has a secret.
    has_secret: bool,
    /// Since when (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// Since when it is sent nothing any more.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<OffsetDateTime>,
}

/// The tenant's endpoints.
#[derive(Serialize, ToSchema)]
struct HttpEndpointList {
    /// The endpoints, newest first, 200 at the most.
    items: Vec<HttpEndpointEntry>,
}

/// A request that somebody else is to approve.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HttpRequestBody {
    /// The method, as `POST`.
    method: String,
    /// What is sent, as JSON without fractions and integers beyond 2^53 - 1; nothing if absent.
    body: Option<Value>,
}

/// A request that waits for an approval.
#[derive(Serialize, ToSchema)]
struct HttpRequestAsked {
    /// The gate that holds it.
    gate_id: Uuid,
    /// Until when it can be decided (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let list = RouteSpec::new(
        "GET /v1/connectors",
        "connector_list",
        "The ways out of the system: what each sends, and what it takes.",
    )
    .rate(RateClass::Read)
    .answers(200, "The connectors.", Some(Content::json::<ConnectorList>()));
    let reach = RouteSpec::new(
        "GET /v1/connectors/{connector}/destinations",
        "destination_list",
        "To what the tenant has narrowed a connector.",
    )
    .rate(RateClass::Read)
    .answers(200, "The destinations.", Some(Content::json::<DestinationList>()));
    let add = RouteSpec::new(
        "POST /v1/connectors/{connector}/destinations",
        "destination_add",
        "Narrows a connector to a destination; what the operator does not name is not reached all the same.",
    )
    .records(&[EventType::DestinationChanged])
    .rate(RateClass::Write)
    .takes(Content::json::<DestinationBody>())
    .answers(204, "It is named.", None);
    let remove = RouteSpec::new(
        "DELETE /v1/connectors/{connector}/destinations/{destination_id}",
        "destination_remove",
        "Takes a destination back; without any, a connector reaches what the operator names.",
    )
    .records(&[EventType::DestinationChanged])
    .rate(RateClass::Write)
    .answers(204, "It is gone.", None);
    let table = table
        .secured::<ReadConnector, _, _>(list, connector_list)
        .secured::<ReadConnector, _, _>(reach, reach_list)
        .secured::<WriteConnector, _, _>(add, reach_add)
        .secured::<WriteConnector, _, _>(remove, reach_remove);
    endpoint_routes(table)
}

fn endpoint_routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let create = RouteSpec::new(
        "POST /v1/http-endpoints",
        "http_endpoint_create",
        "Names an endpoint of the tenant's own for approved requests.",
    )
    .records(&[EventType::HttpEndpointCreated])
    .rate(RateClass::Write)
    .takes(Content::json::<HttpEndpointBody>())
    .answers(201, "It is named.", Some(Content::json::<Made>()));
    let list = RouteSpec::new(
        "GET /v1/http-endpoints",
        "http_endpoint_list",
        "The tenant's endpoints, newest first, without their secrets.",
    )
    .rate(RateClass::Read)
    .answers(200, "The endpoints.", Some(Content::json::<HttpEndpointList>()));
    let disable = RouteSpec::new(
        "POST /v1/http-endpoints/{endpoint_id}/disable",
        "http_endpoint_disable",
        "Ends an endpoint for good; what is on its way to it is refused.",
    )
    .records(&[EventType::HttpEndpointDisabled])
    .rate(RateClass::Write)
    .answers(204, "It is sent nothing any more.", None);
    let ask = RouteSpec::new(
        "POST /v1/http-endpoints/{endpoint_id}/requests",
        "http_request_ask",
        "Asks for a request to an endpoint; somebody else approves exactly that.",
    )
    .records(&[EventType::GateRequested])
    .rate(RateClass::Write)
    .takes(Content::json::<HttpRequestBody>())
    .answers(
        202,
        "It waits for an approval.",
        Some(Content::json::<HttpRequestAsked>()),
    );
    let send = RouteSpec::new(
        "POST /v1/http-requests/{gate_id}/send",
        "http_request_send",
        "Has an approved request made, once.",
    )
    .records(&[EventType::GateConsumed, EventType::EffectEnqueued])
    .rate(RateClass::Write)
    .answers(202, "It is on its way.", Some(Content::json::<Made>()));
    table
        .secured::<WriteConnector, _, _>(create, endpoint_create)
        .secured::<ReadConnector, _, _>(list, endpoint_list)
        .secured::<WriteConnector, _, _>(disable, endpoint_disable)
        .secured::<WriteHttpRequest, _, _>(ask, request_ask)
        .secured::<WriteHttpRequest, _, _>(send, request_send)
}

async fn connector_list(
    granted: Granted<ReadConnector>,
    log: web::Data<AuditLog>,
) -> Result<web::Json<ConnectorList>, Problem> {
    let work = async |tx: &mut TenantTx<'_>| {
        let mut items = Vec::with_capacity(CONNECTORS.len());
        for declared in CONNECTORS {
            let named = destination_list(tx, declared.name).await?;
            items.push(connector_entry(declared, named.len()));
        }
        Ok::<_, OutgoingError>(items)
    };
    let items = log.pool().run(granted.ctx(), work).await?;
    Ok(web::Json(ConnectorList { items }))
}

async fn reach_list(
    granted: Granted<ReadConnector>,
    log: web::Data<AuditLog>,
    name: web::Path<String>,
) -> Result<web::Json<DestinationList>, Problem> {
    let declared = declared(&name)?;
    let work = async |tx: &mut TenantTx<'_>| Ok::<_, OutgoingError>(destination_list(tx, declared.name).await?);
    let found = log.pool().run(granted.ctx(), work).await?;
    let items = found.into_iter().map(|named| DestinationEntry {
        id: named.id,
        host: named.host,
        port: named.port,
        methods: named.methods,
    });
    Ok(web::Json(DestinationList { items: items.collect() }))
}

async fn reach_add(
    granted: Granted<WriteConnector>,
    log: web::Data<AuditLog>,
    name: web::Path<String>,
    body: web::Json<DestinationBody>,
) -> Result<HttpResponse, Problem> {
    let declared = declared(&name)?;
    let methods = methods(&body.methods)?;
    if body.port == 0 {
        return Err(Problem::from(HttpError::Refused).at("port", "is not 1 to 65535"));
    }
    let place = (body.host.as_str(), body.port);
    let work = async |tx: &mut TenantTx<'_>| {
        Ok::<_, OutgoingError>(destination_add(tx, body.id, declared.name, place, &methods).await?)
    };
    log.pool().run(granted.ctx(), work).await.map_err(|error| match error {
        OutgoingError::Destination(DestinationError::Rule(_)) => {
            Problem::from(error).at("host", "is not a plain host name")
        }
        error => error.into(),
    })?;
    Ok(HttpResponse::NoContent().finish())
}

async fn reach_remove(
    granted: Granted<WriteConnector>,
    log: web::Data<AuditLog>,
    path: web::Path<(String, Uuid)>,
) -> Result<HttpResponse, Problem> {
    let (name, id) = path.into_inner();
    let declared = declared(&name)?;
    let work = async |tx: &mut TenantTx<'_>| {
        let known = destination_list(tx, declared.name).await?;
        if !known.iter().any(|named| named.id == id) || !destination_remove(tx, id).await? {
            return Err(OutgoingError::NotFound);
        }
        Ok(())
    };
    log.pool().run(granted.ctx(), work).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn endpoint_create(
    granted: Granted<WriteConnector>,
    connectors: web::Data<TenantConnectors>,
    body: web::Json<HttpEndpointBody>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let idempotency = [Idempotency::Native, Idempotency::Natural, Idempotency::None]
        .into_iter()
        .find(|known| known.as_str() == body.idempotency);
    let idempotency = idempotency.ok_or_else(|| {
        Problem::from(HttpError::Refused).at("idempotency", "is none of `native`, `natural` and `none`")
    })?;
    let new = NewHttpEndpoint {
        name: body.name,
        address: HttpsAddress::parse(&body.url)?,
        methods: methods(&body.methods)?,
        idempotency,
        header: body.header,
        secret: body.secret.map(|secret| Sensitive::new(secret.into_bytes())),
    };
    let id = connectors.endpoints()?.create(granted.ctx(), &new).await?;
    Ok(HttpResponse::Created().json(Made { id }))
}

async fn endpoint_list(
    granted: Granted<ReadConnector>,
    connectors: web::Data<TenantConnectors>,
) -> Result<web::Json<HttpEndpointList>, Problem> {
    let found = connectors.endpoints()?.list(granted.ctx()).await?;
    let items = found.into_iter().map(endpoint_entry).collect();
    Ok(web::Json(HttpEndpointList { items }))
}

async fn endpoint_disable(
    granted: Granted<WriteConnector>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    connectors.endpoints()?.disable(granted.ctx(), id.into_inner()).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn request_ask(
    granted: Granted<WriteHttpRequest>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<Uuid>,
    body: web::Json<HttpRequestBody>,
) -> Result<HttpResponse, Problem> {
    let body = body.into_inner();
    let method = method(&body.method)?;
    let endpoints = connectors.endpoints()?;
    let (gate, requested) = endpoints
        .request(granted.ctx(), id.into_inner(), method, body.body)
        .await?;
    let asked = HttpRequestAsked {
        gate_id: gate.as_uuid(),
        expires_at: requested.expires_at,
    };
    Ok(HttpResponse::Accepted().json(asked))
}

async fn request_send(
    granted: Granted<WriteHttpRequest>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<GateId>,
) -> Result<HttpResponse, Problem> {
    let effect = connectors.endpoints()?.dispatch(granted.ctx(), id.into_inner()).await?;
    Ok(HttpResponse::Accepted().json(Made { id: effect.as_uuid() }))
}

fn declared(name: &str) -> Result<&'static Connector, Problem> {
    connector(name).ok_or_else(|| HttpError::UnknownPath.into())
}

fn method(word: &str) -> Result<Method, Problem> {
    let known = Method::ALL.into_iter().find(|method| method.as_str() == word);
    known.ok_or_else(|| Problem::from(HttpError::Refused).at("method", "is none that is known here"))
}

fn methods(words: &[String]) -> Result<Vec<Method>, Problem> {
    if words.is_empty() || words.len() > Method::ALL.len() {
        return Err(Problem::from(HttpError::Refused).at("methods", "names none, or too many"));
    }
    words.iter().map(|word| method(word)).collect()
}

fn connector_entry(declared: &Connector, destinations: usize) -> ConnectorEntry {
    let actions = declared.actions.iter().map(|action| ConnectorAction {
        kind: action.kind,
        gated: action.is_gated,
        may_hold_phi: action.may_hold_phi,
    });
    ConnectorEntry {
        name: declared.name,
        actions: actions.collect(),
        secrets: declared.secrets,
        idempotency: declared.idempotency.iter().map(|one| one.as_str()).collect(),
        destinations,
    }
}

fn endpoint_entry(found: HttpEndpoint) -> HttpEndpointEntry {
    HttpEndpointEntry {
        id: found.id,
        name: found.name,
        url: found.address.to_string(),
        methods: found.methods.iter().map(|method| method.as_str()).collect(),
        idempotency: found.idempotency.as_str(),
        header: found.header,
        has_secret: found.has_secret,
        created_at: found.created_at,
        disabled_at: found.disabled_at,
    }
}
