//! Masking in a conversation, and the way back: what placeholders stand for is declared before it is read, and kept sealed.
#![expect(
    clippy::disallowed_methods,
    reason = "texts are masked and turned back here, and what placeholders stand for is sealed"
)]

use super::error::MaskingError;
use super::store::{self, Begun, Value};
use super::sweep::schedule;
use super::texts::{Form, masked};
use super::{Masking, Ready, work};
use crate::error::{DomainError, Invalid};
use crate::keys::ConversationKey;
use bearingwall_audit::{Access, Command, Details, EventType, PhiTx};
use bearingwall_core::{ConversationId, Ctx, Phi};
use bearingwall_pii::{Conversation, Entity, Issued, Masked, MaskedText};
use std::time::Duration;
use time::OffsetDateTime;
use zeroize::Zeroizing;

const VAULT: &str = "pii.vault";
/// The longest word for whose dates move together, in bytes.
const SUBJECT_BYTES_MAX: usize = 128;

/// A text that is to be masked.
#[derive(Clone, Debug)]
pub struct MaskRequest {
    /// The text.
    pub text: Phi<String>,
    /// Its form.
    pub form: Form,
    /// The conversation that it belongs to; a new one is begun without.
    pub conversation: Option<ConversationId>,
    /// Whose dates move together, where the policy moves dates; a word of the caller's own, which is kept nowhere.
    pub subject: Option<Phi<String>>,
    /// How long a new conversation lasts; of one that goes on, nothing is changed.
    pub lasting: Option<Duration>,
}

/// A masked text.
#[derive(Clone, Debug)]
pub struct MaskedAnswer {
    /// The conversation.
    pub conversation: ConversationId,
    /// When nothing of it can be turned back any more.
    pub expires_at: OffsetDateTime,
    /// The text.
    pub text: MaskedText,
    /// How many values of each kind were replaced.
    pub counts: Vec<(Entity, usize)>,
    /// The version of the policy; 0 where the tenant has none of its own.
    pub policy: i32,
}

/// A text whose placeholders are to be turned back.
#[derive(Clone, Debug)]
pub struct UnmaskRequest {
    /// The conversation.
    pub conversation: ConversationId,
    /// The text, as a model or a person has made it of the masked one.
    pub text: Phi<String>,
    /// Whether it is JSON and has to stay that.
    pub json: bool,
}

/// A text with its values back.
#[derive(Clone, Debug)]
pub struct UnmaskedAnswer {
    /// The text.
    pub text: Phi<String>,
    /// How many placeholders were turned back.
    pub restored: usize,
}

impl Masking {
    /// Masks a text by the policy in force, and keeps what its placeholders stand for.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] for a conversation that is not there, has expired or is another tenant's;
    /// [`MaskingError::TooLong`], [`MaskingError::Busy`]; when policy, key, engine or record are away. No text comes with it.
    // CONTROL: PII-8
    // CONTROL: PII-9
    pub async fn mask(&self, ctx: &Ctx, request: MaskRequest) -> Result<MaskedAnswer, MaskingError> {
        let lasting = self.lasting(&request)?;
        let text = request.text.into_disclosed();
        let subject = request.subject.map(Phi::into_disclosed);
        let ready = self.ready(ctx, &text).await?;
        let begins = request.conversation.is_none();
        let id = request
            .conversation
            .unwrap_or_else(|| ConversationId::from_uuid(self.crm().ids().v7()));
        let access =
            Access::to_conversation(EventType::PiiMasked, id).covering(VAULT, &[Command::Select, Command::Insert]);
        let form = request.form;
        let outcome = self
            .audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let Ready { policy, keys, turn } = ready;
                let (begun, key) = if begins {
                    let expires_at = end(self.crm().now(), lasting);
                    let (key, stored) = keys.create_conversation(id)?;
                    store::begin(tx.tenant(), id, &stored, expires_at).await?;
                    schedule(tx.tenant(), id.as_uuid(), expires_at).await?;
                    (
                        Begun {
                            wrapped: stored,
                            issued: 0,
                            expires_at,
                        },
                        key,
                    )
                } else {
                    let begun = store::conversation(tx.tenant(), id, true).await?;
                    let key = keys.unwrap_conversation(id, &begun.wrapped)?;
                    (begun, key)
                };
                let mut conversation = restore(tx, ctx, id, &begun, &key).await?;
                let before = conversation.issued().len();
                let masker = policy.masker;
                let (conversation, done) = work(turn, move || {
                    let done = masked(&masker, &text, form, &mut conversation, subject.as_deref());
                    (conversation, done)
                })
                .await?;
                let done = done?;
                let new = seal(self, &key, conversation.issued(), before)?;
                store::keep(tx, id, begun.expires_at, new).await?;
                let counts = done.counts();
                tx.found(counts.iter().map(|(_, many)| many).sum());
                tx.details(Details {
                    resource_id: Some(id.as_uuid()),
                    resource_version: Some(i64::from(policy.version)),
                    ..Details::default()
                });
                Ok(answer(id, begun.expires_at, done, counts, policy.version))
            })
            .await;
        match outcome {
            Ok(answer) => Ok(answer),
            Err(error) => Err(self.engine_refused(ctx, error).await),
        }
    }

    /// Turns the placeholders of a conversation back. Those of others, expired ones and made-up ones stay as they are.
    ///
    /// # Errors
    /// [`DomainError::NotFound`] for a conversation that is not there, has expired or is another tenant's;
    /// [`DomainError::Unreadable`] if not every value of it can be read, and then nothing is turned back;
    /// [`MaskingError::TooLong`], [`MaskingError::Busy`]; when key or record are away.
    // CONTROL: PII-8
    pub async fn unmask(&self, ctx: &Ctx, request: UnmaskRequest) -> Result<UnmaskedAnswer, MaskingError> {
        let text = request.text.into_disclosed();
        if text.len() > self.options().text_bytes {
            return Err(MaskingError::TooLong);
        }
        let keys = match self.crm().tenant_keys(ctx).await {
            Ok(keys) => keys,
            Err(error) => return Err(self.refused(ctx, error.into()).await),
        };
        let turn = self.turn().await?;
        let id = request.conversation;
        let access = Access::to_conversation(EventType::PiiUnmasked, id).covering(VAULT, &[Command::Select]);
        self.audit()
            .with_access(ctx, access, async |tx: &mut PhiTx<'_, '_>| {
                let begun = store::conversation(tx.tenant(), id, false).await?;
                let key = keys.unwrap_conversation(id, &begun.wrapped)?;
                let conversation = restore(tx, ctx, id, &begun, &key).await?;
                let json = request.json;
                let (text, restored) = work(turn, move || {
                    let restored = conversation.placeholders(&text);
                    let back = if json {
                        conversation.unmask_json(&text)
                    } else {
                        conversation.unmask(&text)
                    };
                    (back, restored)
                })
                .await?;
                tx.found(restored);
                tx.details(Details {
                    resource_id: Some(id.as_uuid()),
                    ..Details::default()
                });
                Ok(UnmaskedAnswer {
                    text: Phi::new(text),
                    restored,
                })
            })
            .await
    }

    fn lasting(&self, request: &MaskRequest) -> Result<Duration, Invalid> {
        if request
            .subject
            .as_ref()
            .is_some_and(|subject| subject.disclose().len() > SUBJECT_BYTES_MAX)
        {
            return Err(Invalid {
                field: "subject",
                reason: "has at most 128 bytes",
            });
        }
        let lasting = request.lasting.unwrap_or(self.options().conversation);
        if (super::CONVERSATION_MIN..=self.options().conversation_max).contains(&lasting) {
            Ok(lasting)
        } else {
            Err(Invalid {
                field: "lasting_s",
                reason: "is out of its bounds",
            })
        }
    }
}

/// When a conversation ends, in microseconds, as the database keeps it.
fn end(now: OffsetDateTime, lasting: Duration) -> OffsetDateTime {
    now + lasting - time::Duration::nanoseconds(i64::from(now.nanosecond() % 1_000))
}

/// What the vault holds, all of it or nothing: a conversation that lacks a value would give its number to another one.
async fn restore(
    tx: &mut PhiTx<'_, '_>,
    ctx: &Ctx,
    id: ConversationId,
    begun: &Begun,
    key: &ConversationKey,
) -> Result<Conversation, MaskingError> {
    let rows = store::values(tx, id).await?;
    if i32::try_from(rows.len()) != Ok(begun.issued) {
        return Err(DomainError::Unreadable.into());
    }
    let mut issued = Vec::with_capacity(rows.len());
    for (row, payload) in rows {
        let opened = key.open_value(row, &payload)?;
        let one: Issued = serde_json::from_slice(&opened).map_err(|_| DomainError::Unreadable)?;
        issued.push(one);
    }
    let tenant = ctx.customer().to_string();
    Ok(Conversation::restore(&tenant, &id.to_string(), key.tags(), issued))
}

/// What has come to a conversation, sealed.
fn seal(
    masking: &Masking,
    key: &ConversationKey,
    issued: &[Issued],
    before: usize,
) -> Result<Vec<Value>, MaskingError> {
    let mut new = Vec::new();
    for (at, one) in issued.iter().enumerate().skip(before) {
        let row = masking.crm().ids().v7();
        let text = Zeroizing::new(serde_json::to_vec(one).map_err(|_| DomainError::Unreadable)?);
        new.push(Value {
            row,
            position: i32::try_from(at + 1).map_err(|_| DomainError::Unreadable)?,
            spelling: key.spelling(one.entity.name(), &one.value).to_vec(),
            payload: key.seal_value(row, &text)?,
        });
    }
    Ok(new)
}

fn answer(
    conversation: ConversationId,
    expires_at: OffsetDateTime,
    done: Masked,
    counts: Vec<(Entity, usize)>,
    policy: i32,
) -> MaskedAnswer {
    MaskedAnswer {
        conversation,
        expires_at,
        text: done.text,
        counts,
        policy,
    }
}
