//! The text that is encrypted: versioned JSON, read back into the model.
#![expect(
    clippy::disallowed_methods,
    reason = "this is where a note becomes the text that is encrypted"
)]

use crate::error::DomainError;
use crate::note::{NoteInput, ValidNote};
use bearingwall_core::Phi;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use zeroize::Zeroizing;

const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    v: u16,
    external_id: Option<Cow<'a, str>>,
    noted_on: Cow<'a, str>,
    author: Cow<'a, str>,
    service: Cow<'a, str>,
    body: Cow<'a, str>,
}

/// The text of a note that passed the rules.
pub(crate) fn encode(note: &ValidNote) -> Result<Zeroizing<Vec<u8>>, DomainError> {
    let note = note.as_input();
    let payload = Payload {
        v: VERSION,
        external_id: note
            .external_id
            .as_ref()
            .map(|text| Cow::Borrowed(text.disclose().as_str())),
        noted_on: Cow::Borrowed(note.noted_on.disclose()),
        author: Cow::Borrowed(note.author.disclose()),
        service: Cow::Borrowed(note.service.disclose()),
        body: Cow::Borrowed(note.body.disclose()),
    };
    serde_json::to_vec(&payload)
        .map(Zeroizing::new)
        .map_err(|_| DomainError::Unreadable)
}

/// Reads the text back. What serde says about a damaged one may repeat its content, so it is dropped.
pub(crate) fn decode(text: &[u8]) -> Result<NoteInput, DomainError> {
    let payload: Payload<'_> = serde_json::from_slice(text).map_err(|_| DomainError::Unreadable)?;
    if payload.v != VERSION {
        return Err(DomainError::Unreadable);
    }
    let owned = |text: Cow<'_, str>| Phi::new(text.into_owned());
    Ok(NoteInput {
        external_id: payload.external_id.map(owned),
        noted_on: owned(payload.noted_on),
        author: owned(payload.author),
        service: owned(payload.service),
        body: owned(payload.body),
    })
}
