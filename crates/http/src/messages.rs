//! Messages of clients, and those of which it is unknown whose they are, until a person says so.

use crate::paging::PageQuery;
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, Problem};
use actix_web::{HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_core::{ClientId, MessageId, Phi};
use bearingwall_domain::{Crm, MessageContent, MessageRecord, UnmatchedMessage};
use bearingwall_rbac::{AssignMessage, ReadMessage};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Something that is attached to a message. Nothing of it was fetched.
// No Debug: it belongs to somebody's message.
#[derive(Serialize, ToSchema)]
struct Attached {
    /// Where the provider keeps it.
    url: String,
    /// Its media type, as the provider has it.
    media_type: String,
}

/// What a message says.
#[derive(Serialize, ToSchema)]
struct MessageText {
    /// The sender's number.
    from: String,
    /// The number that it was sent to.
    to: String,
    /// The text.
    body: String,
    /// What is attached.
    media: Vec<Attached>,
}

/// A message on a client's record.
#[derive(Serialize, ToSchema)]
struct Message {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: MessageId,
    /// Whose it is.
    #[schema(value_type = uuid::Uuid)]
    client_id: ClientId,
    /// `in` or `out`.
    direction: String,
    /// `sms`.
    channel: String,
    /// The provider's id of it.
    provider_id: String,
    /// When it was taken in (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    received_at: OffsetDateTime,
    #[serde(flatten)]
    content: MessageText,
}

/// A message of which it is unknown whose it is.
#[derive(Serialize, ToSchema)]
struct Unmatched {
    /// Its id.
    #[schema(value_type = uuid::Uuid)]
    id: MessageId,
    /// `nobody` has its number, or `several` have.
    reason: String,
    /// `sms`.
    channel: String,
    /// The provider's id of it.
    provider_id: String,
    /// When it was taken in (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    received_at: OffsetDateTime,
    #[serde(flatten)]
    content: MessageText,
}

/// A page of a client's messages, newest first.
#[derive(Serialize, ToSchema)]
struct MessagePage {
    /// The messages.
    items: Vec<Message>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    next: Option<MessageId>,
}

/// A page of messages of which it is unknown whose they are, newest first.
#[derive(Serialize, ToSchema)]
struct UnmatchedPage {
    /// The messages.
    items: Vec<Unmatched>,
    /// What `before` must be for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    next: Option<MessageId>,
}

/// Whose a message is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AssignBody {
    /// The client.
    #[schema(value_type = uuid::Uuid)]
    client_id: ClientId,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let list = PageQuery::declare(RouteSpec::new(
        "GET /v1/clients/{client_id}/messages",
        "message_list",
        "The messages of a client, newest first.",
    ))
    .phi(&[EventType::MessageListed])
    .rate(RateClass::Read)
    .answers(200, "A page.", Some(Content::json::<MessagePage>()));
    let unmatched = PageQuery::declare(RouteSpec::new(
        "GET /v1/messages/unmatched",
        "message_unmatched_list",
        "Messages of which it is unknown whose they are, newest first.",
    ))
    .phi(&[EventType::UnmatchedListed])
    .rate(RateClass::Read)
    .answers(200, "A page.", Some(Content::json::<UnmatchedPage>()));
    let assign = RouteSpec::new(
        "POST /v1/messages/unmatched/{message_id}/assign",
        "message_assign",
        "Puts such a message on the record of the client whose it is.",
    )
    .phi(&[EventType::MessageAssigned])
    .rate(RateClass::Write)
    .takes(Content::json::<AssignBody>())
    .answers(204, "It is on that client's record.", None);
    table
        .secured::<ReadMessage, _, _>(list, message_list)
        .secured::<ReadMessage, _, _>(unmatched, unmatched_list)
        .secured::<AssignMessage, _, _>(assign, message_assign)
}

async fn message_list(
    granted: Granted<ReadMessage>,
    crm: web::Data<Crm>,
    client: web::Path<ClientId>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<MessagePage>, Problem> {
    let listing = crm
        .message_list(granted.ctx(), client.into_inner(), query.page())
        .await?;
    Ok(web::Json(MessagePage {
        items: listing.items.into_iter().map(message).collect(),
        next: listing.next,
    }))
}

async fn unmatched_list(
    granted: Granted<ReadMessage>,
    crm: web::Data<Crm>,
    query: web::Query<PageQuery>,
) -> Result<web::Json<UnmatchedPage>, Problem> {
    let listing = crm.unmatched_list(granted.ctx(), query.page()).await?;
    Ok(web::Json(UnmatchedPage {
        items: listing.items.into_iter().map(unmatched).collect(),
        next: listing.next,
    }))
}

async fn message_assign(
    granted: Granted<AssignMessage>,
    crm: web::Data<Crm>,
    id: web::Path<MessageId>,
    body: web::Json<AssignBody>,
) -> Result<HttpResponse, Problem> {
    crm.message_assign(granted.ctx(), id.into_inner(), body.client_id)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

fn message(record: MessageRecord) -> Message {
    Message {
        id: record.id,
        client_id: record.client,
        direction: record.direction,
        channel: record.channel,
        provider_id: record.provider_id,
        received_at: record.received_at,
        content: record.content.into(),
    }
}

fn unmatched(record: UnmatchedMessage) -> Unmatched {
    Unmatched {
        id: record.id,
        reason: record.reason,
        channel: record.channel,
        provider_id: record.provider_id,
        received_at: record.received_at,
        content: record.content.into(),
    }
}

impl From<MessageContent> for MessageText {
    #[expect(
        clippy::disallowed_methods,
        reason = "the answer to a request that was permitted and put on record"
    )]
    fn from(content: MessageContent) -> Self {
        let attached = |(url, media_type): (Phi<String>, String)| Attached {
            url: url.into_disclosed(),
            media_type,
        };
        Self {
            from: content.from.into_disclosed(),
            to: content.to.into_disclosed(),
            body: content.body.into_disclosed(),
            media: content.media.into_iter().map(attached).collect(),
        }
    }
}
