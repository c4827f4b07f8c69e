//! The text that is encrypted: versioned JSON, read back into the model.
#![expect(
    clippy::disallowed_methods,
    reason = "this is where a message becomes the text that is encrypted"
)]

use crate::error::DomainError;
use crate::message::MessageContent;
use bearingwall_core::Phi;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use zeroize::Zeroizing;

const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    v: u16,
    from: Cow<'a, str>,
    to: Cow<'a, str>,
    body: Cow<'a, str>,
    media: Vec<Media<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Media<'a> {
    url: Cow<'a, str>,
    media_type: Cow<'a, str>,
}

/// The text of a message.
pub(crate) fn encode(content: &MessageContent) -> Result<Zeroizing<Vec<u8>>, DomainError> {
    let payload = Payload {
        v: VERSION,
        from: Cow::Borrowed(content.from.disclose()),
        to: Cow::Borrowed(content.to.disclose()),
        body: Cow::Borrowed(content.body.disclose()),
        media: content
            .media
            .iter()
            .map(|(url, media_type)| Media {
                url: Cow::Borrowed(url.disclose()),
                media_type: Cow::Borrowed(media_type),
            })
            .collect(),
    };
    serde_json::to_vec(&payload)
        .map(Zeroizing::new)
        .map_err(|_| DomainError::Unreadable)
}

/// Reads the text back. What serde says about a damaged one may repeat its content, so it is dropped.
pub(super) fn decode(text: &[u8]) -> Result<MessageContent, DomainError> {
    let payload: Payload<'_> = serde_json::from_slice(text).map_err(|_| DomainError::Unreadable)?;
    if payload.v != VERSION {
        return Err(DomainError::Unreadable);
    }
    let owned = |text: Cow<'_, str>| Phi::new(text.into_owned());
    Ok(MessageContent {
        from: owned(payload.from),
        to: owned(payload.to),
        body: owned(payload.body),
        media: payload
            .media
            .into_iter()
            .map(|media| (owned(media.url), media.media_type.into_owned()))
            .collect(),
    })
}
