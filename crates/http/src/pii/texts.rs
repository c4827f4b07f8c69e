//! Texts: what stands in one, the text without it, and back.

use super::body::{PiiFinding, TextKind};
use crate::routes::{Content, RateClass, RouteSpec, RouteTableBuilder};
use crate::{Granted, HttpError, Problem};
use actix_web::web;
use bearingwall_audit::EventType;
use bearingwall_core::{ConversationId, Phi};
use bearingwall_domain::Masking;
use bearingwall_domain::masking::{MaskRequest, UnmaskRequest};
use bearingwall_rbac::{DetectPii, MaskPii, UnmaskPii};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// A text to look at.
// No Debug: it is personal data until somebody has looked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiDetectBody {
    /// The text; how long it may be, the operator says.
    text: String,
    /// Its form; plain text without.
    #[serde(default)]
    kind: TextKind,
}

/// What stands in a text.
#[derive(Serialize, ToSchema)]
struct PiiFindings {
    /// The version of the policy that was asked; 0 where the tenant has none of its own.
    policy_version: i32,
    /// The values, by position.
    findings: Vec<PiiFinding>,
}

/// A text to mask.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiMaskBody {
    /// The text.
    text: String,
    /// Its form; plain text without.
    #[serde(default)]
    kind: TextKind,
    /// The conversation that it belongs to; a new one is begun without.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    conversation_id: Option<ConversationId>,
    /// Whose dates move together, where the policy moves dates: a word of the caller's own, at most 128 bytes, kept nowhere.
    #[serde(default)]
    subject: Option<String>,
    /// How many seconds a new conversation lasts; the operator sets default and bound.
    #[serde(default)]
    lasting_s: Option<u64>,
}

/// A masked text.
#[derive(Serialize, ToSchema)]
struct PiiMasked {
    /// The conversation, to go on with and to come back by.
    #[schema(value_type = uuid::Uuid)]
    conversation_id: ConversationId,
    /// When nothing of it can be turned back any more (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
    /// The text.
    text: String,
    /// How many values of each kind were replaced.
    counts: BTreeMap<&'static str, usize>,
    /// The version of the policy; 0 where the tenant has none of its own.
    policy_version: i32,
}

/// A text whose placeholders are to be turned back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PiiUnmaskBody {
    /// The conversation.
    #[schema(value_type = uuid::Uuid)]
    conversation_id: ConversationId,
    /// The text, as a model or a person has made it of the masked one.
    text: String,
    /// Whether it is JSON and has to stay that.
    #[serde(default)]
    json: bool,
}

/// A text with its values back.
#[derive(Serialize, ToSchema)]
struct PiiUnmasked {
    /// The text.
    text: String,
    /// How many placeholders were turned back.
    restored: usize,
}

pub(super) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let detect = RouteSpec::new(
        "POST /v1/pii/detect",
        "pii_detect",
        "What personal data stands in a text, where and why; no value is answered, and nothing is kept.",
    )
    .rate(RateClass::Write)
    .takes(Content::json::<PiiDetectBody>())
    .answers(200, "What was found.", Some(Content::json::<PiiFindings>()));
    let mask = RouteSpec::new(
        "POST /v1/pii/mask",
        "pii_mask",
        "Masks a text by the tenant's policy, and keeps sealed what its placeholders stand for.",
    )
    .phi(&[EventType::PiiMasked])
    .rate(RateClass::Write)
    .takes(Content::json::<PiiMaskBody>())
    .answers(200, "The masked text.", Some(Content::json::<PiiMasked>()));
    let unmask = RouteSpec::new(
        "POST /v1/pii/unmask",
        "pii_unmask",
        "Turns a conversation's placeholders back; others, expired ones and made-up ones stay as they are.",
    )
    .phi(&[EventType::PiiUnmasked])
    .rate(RateClass::Write)
    .takes(Content::json::<PiiUnmaskBody>())
    .answers(200, "The text with its values.", Some(Content::json::<PiiUnmasked>()));
    table
        .secured::<DetectPii, _, _>(detect, text_detect)
        .secured::<MaskPii, _, _>(mask, text_mask)
        .secured::<UnmaskPii, _, _>(unmask, text_unmask)
}

/// A longer one is refused before anything of it is on record.
fn bounded(masking: &Masking, text: String) -> Result<Phi<String>, HttpError> {
    if text.len() > masking.options().text_bytes {
        return Err(HttpError::BodySize);
    }
    Ok(Phi::new(text))
}

async fn text_detect(
    granted: Granted<DetectPii>,
    masking: web::Data<Masking>,
    body: web::Json<PiiDetectBody>,
) -> Result<web::Json<PiiFindings>, Problem> {
    let body = body.into_inner();
    let text = bounded(&masking, body.text)?;
    let (policy_version, found) = masking.detect(granted.ctx(), text, body.kind.into()).await?;
    Ok(web::Json(PiiFindings {
        policy_version,
        findings: found.into_iter().map(PiiFinding::from).collect(),
    }))
}

async fn text_mask(
    granted: Granted<MaskPii>,
    masking: web::Data<Masking>,
    body: web::Json<PiiMaskBody>,
) -> Result<web::Json<PiiMasked>, Problem> {
    let body = body.into_inner();
    let request = MaskRequest {
        text: bounded(&masking, body.text)?,
        form: body.kind.into(),
        conversation: body.conversation_id,
        subject: body.subject.map(Phi::new),
        lasting: body.lasting_s.map(Duration::from_secs),
    };
    let masked = masking.mask(granted.ctx(), request).await?;
    Ok(web::Json(PiiMasked {
        conversation_id: masked.conversation,
        expires_at: masked.expires_at,
        text: masked.text.into_string(),
        counts: masked
            .counts
            .into_iter()
            .map(|(entity, count)| (entity.name(), count))
            .collect(),
        policy_version: masked.policy,
    }))
}

async fn text_unmask(
    granted: Granted<UnmaskPii>,
    masking: web::Data<Masking>,
    body: web::Json<PiiUnmaskBody>,
) -> Result<web::Json<PiiUnmasked>, Problem> {
    let body = body.into_inner();
    let request = UnmaskRequest {
        conversation: body.conversation_id,
        text: bounded(&masking, body.text)?,
        json: body.json,
    };
    let answer = masking.unmask(granted.ctx(), request).await?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the answer to a request that was permitted and put on record"
    )]
    let text = answer.text.into_disclosed();
    Ok(web::Json(PiiUnmasked {
        text,
        restored: answer.restored,
    }))
}
