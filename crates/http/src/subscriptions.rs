//! `/v1/webhook-subscriptions`: who is told of what happens in a tenant, and what became of each notice.

use crate::paging::PageQuery;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::{HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_connectors::HttpsAddress;
use bearingwall_connectors::endpoints::HttpEndpoints;
use bearingwall_connectors::subscriptions::{
    DisabledReason, NewKey, NoticeDelivery, NoticeType, SignatureVersion, Subscription, Subscriptions,
};
use bearingwall_core::EffectId;
use bearingwall_rbac::{ReadSubscription, SettleOutbox, WriteSubscription};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// How long an old secret signs beside a new one where nobody says otherwise, in seconds: a day.
const OVERLAP_S: u64 = 86_400;

/// What leaves for systems that tenants name, where the operator's vault takes their secrets.
#[derive(Clone, Debug, Default)]
pub struct TenantConnectors(Option<(Subscriptions, HttpEndpoints)>);

impl TenantConnectors {
    /// With both; without them there are no subscriptions and no endpoints.
    #[must_use]
    pub const fn new(both: Option<(Subscriptions, HttpEndpoints)>) -> Self {
        Self(both)
    }

    fn subscriptions(&self) -> Result<&Subscriptions, Problem> {
        let both = self.0.as_ref();
        both.map(|(subscriptions, _)| subscriptions)
            .ok_or_else(|| HttpError::UnknownPath.into())
    }

    pub(crate) fn endpoints(&self) -> Result<&HttpEndpoints, Problem> {
        let both = self.0.as_ref();
        both.map(|(_, endpoints)| endpoints)
            .ok_or_else(|| HttpError::UnknownPath.into())
    }
}

/// A subscription that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionBody {
    /// Where it is told, as `https://hooks.example.org/in`: HTTPS, and a host by its name. At most one to each address.
    url: String,
    /// What it is told of: `chart_note.created`, `client.created`, `gate.approved`, `gate.expired`, `gate.rejected`, `gate.requested`.
    event_types: Vec<String>,
    /// How notices are signed: `v1` (HMAC-SHA256, if absent) or `v1a` (Ed25519), as Standard Webhooks has them.
    signature: Option<String>,
}

/// What a subscription is to be told of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionChange {
    /// What it is told of, all of it.
    event_types: Vec<String>,
    /// Whether it is told of anything at all. What is on its way when it ends, ends with it.
    enabled: bool,
}

/// For how long the secrets before the new one still sign.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotationBody {
    /// In seconds, 2592000 at the most; a day if absent.
    overlap_s: Option<u64>,
}

/// Why a notice is sent again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RedeliveryBody {
    /// 10 to 500 characters: no personal data.
    reason: String,
}

/// What a receiver verifies with.
#[derive(Serialize, ToSchema)]
struct SubscriptionKey {
    /// The subscription.
    id: Uuid,
    /// With `v1`: the shared secret. It is shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// With `v1a`: the public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
}

/// A secret that signs, without the secret.
#[derive(Serialize, ToSchema)]
struct SigningSecretEntry {
    /// Since when (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// Until when.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<OffsetDateTime>,
    /// With `v1a`: the public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
}

/// A subscription, without its secrets.
#[derive(Serialize, ToSchema)]
struct SubscriptionEntry {
    /// Its id.
    id: Uuid,
    /// Where it is told.
    url: String,
    /// What it is told of.
    event_types: Vec<&'static str>,
    /// How notices are signed: `v1` or `v1a`.
    signature: &'static str,
    /// Since when (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: OffsetDateTime,
    /// Since when it is told of nothing any more.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    disabled_at: Option<OffsetDateTime>,
    /// Why: `by_person`, `gone` (it answered 410) or `failing` (something could not be delivered for days).
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<&'static str>,
    /// The secrets that sign, the current one first.
    secrets: Vec<SigningSecretEntry>,
}

/// The tenant's subscriptions.
#[derive(Serialize, ToSchema)]
struct SubscriptionList {
    /// The subscriptions, newest first, 200 at the most.
    items: Vec<SubscriptionEntry>,
}

/// A notice and what became of it; no content.
#[derive(Serialize, ToSchema)]
struct DeliveryEntry {
    /// Its effect; its `webhook-id` is `bw1-` and this.
    id: Uuid,
    /// `queued`, `leased` (under way), `dead` (given up), `delivered`, `abandoned` or `found_delivered`.
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// How the last attempt ended: `delivered`, `refused`, `retry`, `unavailable`, `ambiguous` or `lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    /// What was seen at it, as `http-500`.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// When it was written (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    enqueued_at: OffsetDateTime,
    /// When the last attempt began.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    begun_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<OffsetDateTime>,
    /// When the next one is due.
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    next_at: Option<OffsetDateTime>,
    /// Until when it is tried.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    deliver_until: OffsetDateTime,
}

/// A page of notices, newest first.
#[derive(Serialize, ToSchema)]
struct DeliveryPage {
    /// The notices.
    items: Vec<DeliveryEntry>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Uuid>,
}

/// A notice that is on its way.
#[derive(Serialize, ToSchema)]
struct TestSent {
    /// Its effect, as in the deliveries.
    id: Uuid,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let create = RouteSpec::new(
        "POST /v1/webhook-subscriptions",
        "webhook_subscription_create",
        "Asks for notices of what happens to an HTTPS address, and shows what verifies them this once.",
    )
    .records(&[EventType::SubscriptionCreated, EventType::SubscriptionSecretChanged])
    .rate(RateClass::Write)
    .takes(Content::json::<SubscriptionBody>())
    .answers(201, "It is made.", Some(Content::json::<SubscriptionKey>()));
    let list = RouteSpec::new(
        "GET /v1/webhook-subscriptions",
        "webhook_subscription_list",
        "The tenant's subscriptions, newest first, without their secrets.",
    )
    .rate(RateClass::Read)
    .answers(200, "The subscriptions.", Some(Content::json::<SubscriptionList>()));
    let show = RouteSpec::new(
        "GET /v1/webhook-subscriptions/{subscription_id}",
        "webhook_subscription_show",
        "One subscription, without its secrets.",
    )
    .rate(RateClass::Read)
    .answers(200, "The subscription.", Some(Content::json::<SubscriptionEntry>()));
    let change = RouteSpec::new(
        "PUT /v1/webhook-subscriptions/{subscription_id}",
        "webhook_subscription_change",
        "Says what a subscription is told of, and whether it is told of anything.",
    )
    .records(&[EventType::SubscriptionChanged])
    .rate(RateClass::Write)
    .takes(Content::json::<SubscriptionChange>())
    .answers(204, "It is so.", None);
    let remove = RouteSpec::new(
        "DELETE /v1/webhook-subscriptions/{subscription_id}",
        "webhook_subscription_remove",
        "Removes a subscription, and what is on its way to it.",
    )
    .records(&[EventType::SubscriptionRemoved, EventType::SubscriptionSecretChanged])
    .rate(RateClass::Write)
    .answers(204, "It is removed.", None);
    let rotate = RouteSpec::new(
        "POST /v1/webhook-subscriptions/{subscription_id}/rotate-secret",
        "webhook_subscription_rotate",
        "Gives a subscription a new secret, and shows it this once; those before it sign beside it for an overlap.",
    )
    .records(&[EventType::SubscriptionSecretChanged])
    .rate(RateClass::Write)
    .takes(Content::json::<RotationBody>())
    .answers(201, "It signs.", Some(Content::json::<SubscriptionKey>()));
    let test = RouteSpec::new(
        "POST /v1/webhook-subscriptions/{subscription_id}/test",
        "webhook_subscription_test",
        "Sends a notice of the type `webhook.test`.",
    )
    .records(&[EventType::SubscriptionTested, EventType::EffectEnqueued])
    .rate(RateClass::Write)
    .answers(202, "It is on its way.", Some(Content::json::<TestSent>()));
    table
        .secured::<WriteSubscription, _, _>(create, subscription_create)
        .secured::<ReadSubscription, _, _>(list, subscription_list)
        .secured::<ReadSubscription, _, _>(show, subscription_show)
        .secured::<WriteSubscription, _, _>(change, subscription_change)
        .secured::<WriteSubscription, _, _>(remove, subscription_remove)
        .secured::<WriteSubscription, _, _>(rotate, secret_rotate)
        .secured::<WriteSubscription, _, _>(test, subscription_test)
        .secured::<ReadSubscription, _, _>(deliveries_spec(), delivery_list)
        .secured::<SettleOutbox, _, _>(redeliver_spec(), delivery_redeliver)
}

fn deliveries_spec() -> RouteSpec {
    PageQuery::declare(RouteSpec::new(
        "GET /v1/webhook-subscriptions/{subscription_id}/deliveries",
        "webhook_delivery_list",
        "What was sent to a subscription and what became of it, newest first, without content.",
    ))
    .rate(RateClass::Read)
    .answers(200, "The notices.", Some(Content::json::<DeliveryPage>()))
}

fn redeliver_spec() -> RouteSpec {
    RouteSpec::new(
        "POST /v1/webhook-subscriptions/{subscription_id}/deliveries/{effect_id}/redeliver",
        "webhook_delivery_redeliver",
        "Has a notice that was given up sent again, while its time lasts.",
    )
    .records(&[EventType::EffectReplayed])
    .rate(RateClass::Write)
    .takes(Content::json::<RedeliveryBody>())
    .answers(204, "It is tried again.", None)
}

async fn subscription_create(
    granted: Granted<WriteSubscription>,
    connectors: web::Data<TenantConnectors>,
    body: web::Json<SubscriptionBody>,
) -> Result<HttpResponse, Problem> {
    let address = HttpsAddress::parse(&body.url)?;
    let types = event_types(&body.event_types)?;
    let signature = SignatureVersion::from_word(body.signature.as_deref().unwrap_or("v1"));
    let signature =
        signature.ok_or_else(|| Problem::from(HttpError::Refused).at("signature", "is neither `v1` nor `v1a`"))?;
    let made = connectors.subscriptions()?;
    let (id, key) = made.create(granted.ctx(), &address, &types, signature).await?;
    Ok(HttpResponse::Created().json(shown(id, key)))
}

async fn subscription_list(
    granted: Granted<ReadSubscription>,
    connectors: web::Data<TenantConnectors>,
) -> Result<web::Json<SubscriptionList>, Problem> {
    let found = connectors.subscriptions()?.list(granted.ctx(), None).await?;
    let items = found.into_iter().map(entry).collect();
    Ok(web::Json(SubscriptionList { items }))
}

async fn subscription_show(
    granted: Granted<ReadSubscription>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<Uuid>,
) -> Result<web::Json<SubscriptionEntry>, Problem> {
    let found = connectors.subscriptions()?.show(granted.ctx(), id.into_inner()).await?;
    Ok(web::Json(entry(found)))
}

async fn subscription_change(
    granted: Granted<WriteSubscription>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<Uuid>,
    body: web::Json<SubscriptionChange>,
) -> Result<HttpResponse, Problem> {
    let types = event_types(&body.event_types)?;
    let subscriptions = connectors.subscriptions()?;
    subscriptions
        .change(granted.ctx(), id.into_inner(), &types, body.enabled)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn subscription_remove(
    granted: Granted<WriteSubscription>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    connectors
        .subscriptions()?
        .remove(granted.ctx(), id.into_inner())
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn secret_rotate(
    granted: Granted<WriteSubscription>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<Uuid>,
    body: web::Json<RotationBody>,
) -> Result<HttpResponse, Problem> {
    let (id, overlap) = (
        id.into_inner(),
        Duration::from_secs(body.overlap_s.unwrap_or(OVERLAP_S)),
    );
    let key = connectors
        .subscriptions()?
        .secret_rotate(granted.ctx(), id, overlap)
        .await?;
    Ok(HttpResponse::Created().json(shown(id, key)))
}

async fn subscription_test(
    granted: Granted<WriteSubscription>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<Uuid>,
) -> Result<HttpResponse, Problem> {
    let effect = connectors.subscriptions()?.test(granted.ctx(), id.into_inner()).await?;
    let sent = TestSent { id: effect.as_uuid() };
    Ok(HttpResponse::Accepted().json(sent))
}

async fn delivery_list(
    granted: Granted<ReadSubscription>,
    connectors: web::Data<TenantConnectors>,
    id: web::Path<Uuid>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<DeliveryPage>, Problem> {
    let (before, limit) = (query.before().map(EffectId::from_uuid), query.limit());
    let subscriptions = connectors.subscriptions()?;
    let (found, more) = subscriptions
        .deliveries(granted.ctx(), id.into_inner(), before, limit)
        .await?;
    let next = found.last().filter(|_| more).map(|last| last.effect.as_uuid());
    Ok(web::Json(DeliveryPage {
        items: found.into_iter().map(delivery).collect(),
        next,
    }))
}

async fn delivery_redeliver(
    granted: Granted<SettleOutbox>,
    connectors: web::Data<TenantConnectors>,
    path: web::Path<(Uuid, EffectId)>,
    body: web::Json<RedeliveryBody>,
) -> Result<HttpResponse, Problem> {
    let (id, effect) = path.into_inner();
    let subscriptions = connectors.subscriptions()?;
    subscriptions.redeliver(granted.ctx(), id, effect, &body.reason).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn event_types(words: &[String]) -> Result<Vec<NoticeType>, Problem> {
    let types: Option<Vec<_>> = words.iter().map(|word| NoticeType::from_word(word)).collect();
    types.ok_or_else(|| Problem::from(HttpError::Refused).at("event_types", "names what nobody is told of"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the secret is shown to who asked for it, this once"
)]
fn shown(id: Uuid, key: NewKey) -> SubscriptionKey {
    let (secret, public_key) = match key {
        NewKey::Shared(secret) => (Some(secret.expose().clone()), None),
        NewKey::Public(key) => (None, Some(key)),
    };
    SubscriptionKey { id, secret, public_key }
}

fn entry(found: Subscription) -> SubscriptionEntry {
    let secrets = found.secrets.into_iter();
    SubscriptionEntry {
        id: found.id,
        url: found.address.to_string(),
        event_types: found.event_types.iter().map(|kind| kind.as_str()).collect(),
        signature: found.signature.as_str(),
        created_at: found.created_at,
        disabled_at: found.disabled.map(|(at, _)| at),
        disabled_reason: found.disabled.map(|(_, reason)| match reason {
            DisabledReason::ByPerson => "by_person",
            DisabledReason::Gone => "gone",
            DisabledReason::Failing => "failing",
        }),
        secrets: secrets
            .map(|secret| SigningSecretEntry {
                created_at: secret.created_at,
                expires_at: secret.expires_at,
                public_key: secret.public_key,
            })
            .collect(),
    }
}

fn delivery(found: NoticeDelivery) -> DeliveryEntry {
    DeliveryEntry {
        id: found.effect.as_uuid(),
        state: found.state,
        attempts: found.attempts,
        outcome: found.outcome,
        code: found.code,
        enqueued_at: found.enqueued_at,
        begun_at: found.begun_at,
        ended_at: found.ended_at,
        next_at: found.next_at,
        deliver_until: found.deliver_until,
    }
}
