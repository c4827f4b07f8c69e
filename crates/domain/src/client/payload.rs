//! The text that is encrypted: versioned JSON, read back into the model.
#![expect(
    clippy::disallowed_methods,
    reason = "this is where a record becomes the text that is encrypted"
)]

use crate::client::{Address, ClientInput, ValidClient};
use crate::error::DomainError;
use bearingwall_core::Phi;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    v: u16,
    external_id: Option<Cow<'a, str>>,
    first_name: Cow<'a, str>,
    last_name: Cow<'a, str>,
    date_of_birth: Cow<'a, str>,
    phone: Option<Cow<'a, str>>,
    email: Option<Cow<'a, str>>,
    street: Option<Cow<'a, str>>,
    city: Option<Cow<'a, str>>,
    state: Option<Cow<'a, str>>,
    postal_code: Option<Cow<'a, str>>,
    allergies: Option<Cow<'a, str>>,
    conditions: Option<Cow<'a, str>>,
    marketing_opt_in: bool,
    labels: Cow<'a, BTreeMap<String, String>>,
}

/// The text of a client that passed the rules.
pub(crate) fn encode(client: &ValidClient) -> Result<Zeroizing<Vec<u8>>, DomainError> {
    let client = client.as_input();
    let payload = Payload {
        v: VERSION,
        external_id: optional(client.external_id.as_ref()),
        first_name: Cow::Borrowed(client.first_name.disclose()),
        last_name: Cow::Borrowed(client.last_name.disclose()),
        date_of_birth: Cow::Borrowed(client.date_of_birth.disclose()),
        phone: optional(client.phone.as_ref()),
        email: optional(client.email.as_ref()),
        street: optional(client.address.street.as_ref()),
        city: optional(client.address.city.as_ref()),
        state: optional(client.address.state.as_ref()),
        postal_code: optional(client.address.postal_code.as_ref()),
        allergies: optional(client.allergies.as_ref()),
        conditions: optional(client.conditions.as_ref()),
        marketing_opt_in: client.marketing_opt_in,
        labels: Cow::Borrowed(client.labels.disclose()),
    };
    serde_json::to_vec(&payload)
        .map(Zeroizing::new)
        .map_err(|_| DomainError::Unreadable)
}

/// Reads the text back. What serde says about a damaged one may repeat its content, so it is dropped.
pub(crate) fn decode(text: &[u8]) -> Result<ClientInput, DomainError> {
    let payload: Payload<'_> = serde_json::from_slice(text).map_err(|_| DomainError::Unreadable)?;
    if payload.v != VERSION {
        return Err(DomainError::Unreadable);
    }
    let owned = |text: Cow<'_, str>| Phi::new(text.into_owned());
    Ok(ClientInput {
        external_id: payload.external_id.map(owned),
        first_name: owned(payload.first_name),
        last_name: owned(payload.last_name),
        date_of_birth: owned(payload.date_of_birth),
        phone: payload.phone.map(owned),
        email: payload.email.map(owned),
        address: Address {
            street: payload.street.map(owned),
            city: payload.city.map(owned),
            state: payload.state.map(owned),
            postal_code: payload.postal_code.map(owned),
        },
        allergies: payload.allergies.map(owned),
        conditions: payload.conditions.map(owned),
        marketing_opt_in: payload.marketing_opt_in,
        labels: Phi::new(payload.labels.into_owned()),
    })
}

fn optional(text: Option<&Phi<String>>) -> Option<Cow<'_, str>> {
    text.map(|text| Cow::Borrowed(text.disclose().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_version_is_not_guessed_at() {
        let text =
            br#"{"v":2,"first_name":"a","last_name":"b","date_of_birth":"c","marketing_opt_in":false,"labels":{}}"#;
        assert!(matches!(decode(text), Err(DomainError::Unreadable)));
        assert!(decode(&text.map(|byte| if byte == b'2' { b'1' } else { byte })).is_ok());
    }
}
