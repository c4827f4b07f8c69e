//! The bytes of a message: by mail-builder, between a guard before and a check behind.

use super::check::{Expected, check};
use super::message::{Letter, Unsubscribe};
use super::text::{BodyText, Subject};
use super::{Address, Attachment, MailError};
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address as Mailbox;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Attachments of a message.
const MOST_ATTACHMENTS: usize = 10;

/// Bytes of attachments together, before they are encoded: Amazon SES takes 10 MB of the finished message by default.
const ATTACHMENTS_MAX_BYTES: usize = 7_000_000;

/// What goes into a message beside its letter.
pub(super) struct Parts<'a> {
    pub(super) subject: &'a Subject,
    pub(super) text: &'a BodyText,
    pub(super) attachments: &'a [Attachment],
    pub(super) unsubscribe: Option<&'a Unsubscribe>,
}

/// Builds and checks.
///
/// mail-builder 2.0 writes header names, content types and Message-IDs as they are given, so none of them comes from outside:
/// names are constants, content types a closed list, the Message-ID is made of a UUID and a checked domain.
// CONTROL: MAI-1
pub(super) fn compose(letter: &Letter<'_>, parts: &Parts<'_>) -> Result<Zeroizing<Vec<u8>>, MailError> {
    if parts.attachments.len() > MOST_ATTACHMENTS {
        return Err(MailError::Body {
            reason: "it has too many attachments",
        });
    }
    let bytes = parts.attachments.iter().map(content_len).sum::<usize>();
    if bytes > ATTACHMENTS_MAX_BYTES {
        return Err(MailError::Body {
            reason: "its attachments are too large",
        });
    }
    let id = format!("{}@{}", letter.stamp.id().simple(), letter.from.address.domain());
    let boundary = format!("bw_{}", Uuid::new_v4().simple());
    let unsubscribe = parts.unsubscribe.map(Unsubscribe::url);
    let mut builder = MessageBuilder::new()
        .header("From", mailbox(Some(letter.from.name.as_str()), &letter.from.address))
        .header(
            "To",
            mailbox(
                letter.to.name.as_ref().map(super::DisplayName::as_str),
                &letter.to.address,
            ),
        )
        .header("Subject", Text::new(parts.subject.as_str()))
        .header("Date", Date::new(letter.stamp.at().unix_timestamp()))
        .header("Message-ID", MessageId::new(id.as_str()))
        .header("MIME-Version", Raw::new("1.0"));
    if let Some(address) = &letter.from.reply_to {
        builder = builder.header("Reply-To", mailbox(None, address));
    }
    if let Some(url) = &unsubscribe {
        builder = builder
            .header("List-Unsubscribe", Raw::new(format!("<{url}>")))
            .header("List-Unsubscribe-Post", Raw::new("List-Unsubscribe=One-Click"));
    }
    let mut raw = Zeroizing::new(Vec::with_capacity(bytes.saturating_mul(2).saturating_add(8_192)));
    builder.body(body(parts, &boundary)).serialize(&mut *raw);
    let expected = Expected {
        from: letter.from.address.wire(),
        to: letter.to.address.wire(),
        reply_to: letter.from.reply_to.as_ref().map(Address::wire),
        message_id: &id,
        unsubscribe: unsubscribe.as_deref(),
        boundary: (!parts.attachments.is_empty()).then_some(boundary.as_str()),
        content_types: parts
            .attachments
            .iter()
            .map(|attachment| attachment.content_type)
            .collect(),
    };
    check(&raw, &expected)?;
    Ok(raw)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the message was opened by whoever may send it; see `Message::phi`"
)]
fn content_len(attachment: &Attachment) -> usize {
    attachment.content.disclose().len()
}

fn mailbox<'a>(name: Option<&'a str>, address: &'a Address) -> HeaderType<'a> {
    Mailbox::new_address(name, address.wire()).into()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the message was opened by whoever may send it; see `Message::phi`"
)]
fn body<'a>(parts: &'a Parts<'_>, boundary: &'a str) -> MimePart<'a> {
    let text = MimePart::new("text/plain", parts.text.as_str());
    if parts.attachments.is_empty() {
        return text;
    }
    let mut all = vec![text];
    for attachment in parts.attachments {
        let content = BodyPart::Binary(attachment.content.disclose().as_slice().into());
        // Base64 whatever it is: a text's line ends are not changed on the way.
        let part = MimePart::new(attachment.content_type.as_str(), content).attachment(attachment.name.as_str());
        all.push(part);
    }
    MimePart::new(ContentType::new("multipart/mixed").attribute("boundary", boundary), all)
}
