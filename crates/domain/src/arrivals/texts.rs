//! Twilio: a text message of somebody, put on the record of the client whose number it is; or kept for a person, where none or
//! several have the number. And the words by which people say that they want no more of them (CTIA, 47 CFR 64.1200(a)(10)).
#![expect(
    clippy::disallowed_methods,
    reason = "a message is read here, on its way to being encrypted"
)]

use super::access::{Declared, declare, declare_client};
use super::{CrmArrivals, nothing};
use crate::error::DomainError;
use crate::keys::{StoredKey, TenantKeys};
use crate::message::{MessageContent, OPTED_IN, OPTED_OUT, payload};
use crate::schema::{client_digests, client_keys, messages, sms_consents, unmatched_messages};
use bearingwall_audit::EventType;
use bearingwall_connectors::arrivals::{Arrived, Settled, Verdict, Work};
use bearingwall_connectors::webhooks::twilio;
use bearingwall_core::{ClientId, MessageId, Phi};
use bearingwall_tenancy::TenantTx;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use std::collections::HashMap;
use uuid::Uuid;

/// What the event is called on the record; Twilio has no word for it.
const KIND: &str = "message.received";
const CHANNEL: &str = "sms";
/// Twilio attaches ten at the most.
const MEDIA_MAX: usize = 10;

/// Twilio's own words, unless a tenant has chosen others, which `OptOutType` then tells.
const STOP: [&str; 9] = [
    "STOP",
    "STOPALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "OPT-OUT",
];
const START: [&str; 3] = ["START", "YES", "UNSTOP"];

/// A text message, read.
struct Text {
    provider_id: String,
    content: MessageContent,
    /// What its sender says about further ones.
    consent: Option<&'static str>,
}

/// Whose it is.
enum Place {
    Client(ClientId, StoredKey),
    Unmatched(&'static str),
}

pub(super) async fn handle(arrivals: &CrmArrivals, work: &Work<'_>) -> Result<Settled, DomainError> {
    let text = match read(work.arrived().body.disclose()) {
        Ok(text) => text,
        Err(verdict) => return nothing(work, KIND, verdict).await,
    };
    let keys = arrivals.keys(work).await?;
    let (place, declared) = find(work, &keys, &text.content.from).await?;
    let id = MessageId::from_uuid(work.arrived().id);
    let plain = payload::encode(&text.content)?;
    let sealed = match &place {
        Place::Client(client, stored) => keys.unwrap(*client, stored)?.seal_message(id, &plain)?,
        Place::Unmatched(_) => keys.seal_unmatched(id, &plain)?,
    };
    let arrived = work.arrived();
    work.settle(KIND, async |tx: &mut TenantTx<'_>| {
        let written = insert(tx, arrived, &text, &place, sealed).await?;
        if let Some(state) = text.consent {
            say(
                tx,
                arrived,
                keys.lookup().sms_number(&text.content.from).to_vec(),
                state,
            )
            .await?;
        }
        declared.ended(tx, written).await?;
        Ok(Verdict::Done)
    })
    .await
}

/// Looks for the client whose number it is: the search is on record before the digests open, and the person before anything is
/// written.
// CONTROL: DOM-7
async fn find(work: &Work<'_>, keys: &TenantKeys, from: &Phi<String>) -> Result<(Place, Declared), DomainError> {
    let digest = keys.lookup().phone_digest(from);
    let search = work
        .ahead(async |tx: &mut TenantTx<'_>| {
            declare(tx, EventType::MessageReceived, &["crm.client_digests"], None).await
        })
        .await?;
    let event = work.arrived().id;
    work.ahead(async |tx: &mut TenantTx<'_>| {
        let found = match digest {
            Some((kind, digest)) => clients_of(tx, kind, digest).await?,
            None => Vec::new(),
        };
        search.ended(tx, found.len()).await?;
        let mut found = found.into_iter();
        match (found.next(), found.next()) {
            (Some((client, key)), None) => {
                let client = ClientId::from_uuid(client);
                let declared = declare_client(tx, EventType::MessageReceived, &["crm.messages"], client).await?;
                Ok((Place::Client(client, key), declared))
            }
            (first, _) => {
                let resources = ["crm.unmatched_messages"];
                let declared = declare(tx, EventType::MessageReceived, &resources, Some(event)).await?;
                let reason = if first.is_some() { "several" } else { "nobody" };
                Ok((Place::Unmatched(reason), declared))
            }
        }
    })
    .await
}

/// Two are as many as several.
async fn clients_of(tx: &mut TenantTx<'_>, kind: i16, digest: Vec<u8>) -> Result<Vec<(Uuid, StoredKey)>, DomainError> {
    client_digests::table
        .inner_join(client_keys::table.on(client_keys::client_id.eq(client_digests::client_id)))
        .filter(client_digests::kind.eq(kind))
        .filter(client_digests::digest.eq(digest))
        .order(client_digests::client_id)
        .limit(2)
        .select((
            client_digests::client_id,
            (client_keys::tenant_version, client_keys::wrapped),
        ))
        .load(tx)
        .await
        .map_err(DomainError::Statement)
}

async fn insert(
    tx: &mut TenantTx<'_>,
    arrived: &Arrived,
    text: &Text,
    place: &Place,
    sealed: Vec<u8>,
) -> Result<usize, DomainError> {
    match place {
        Place::Client(client, _) => {
            diesel::insert_into(messages::table)
                .values((
                    messages::id.eq(arrived.id),
                    messages::client_id.eq(client.as_uuid()),
                    messages::direction.eq("in"),
                    messages::channel.eq(CHANNEL),
                    messages::provider_id.eq(&text.provider_id),
                    messages::received_at.eq(arrived.received_at),
                    messages::payload.eq(sealed),
                ))
                .on_conflict_do_nothing()
                .execute(tx)
                .await
        }
        Place::Unmatched(reason) => {
            diesel::insert_into(unmatched_messages::table)
                .values((
                    unmatched_messages::id.eq(arrived.id),
                    unmatched_messages::reason.eq(reason),
                    unmatched_messages::channel.eq(CHANNEL),
                    unmatched_messages::provider_id.eq(&text.provider_id),
                    unmatched_messages::received_at.eq(arrived.received_at),
                    unmatched_messages::payload.eq(sealed),
                ))
                .on_conflict_do_nothing()
                .execute(tx)
                .await
        }
    }
    .map_err(DomainError::Statement)
}

/// CONTROL: DOM-8
/// A row for each word: the last one that was taken in counts, in whatever order they are worked on.
async fn say(
    tx: &mut TenantTx<'_>,
    arrived: &Arrived,
    digest: Vec<u8>,
    state: &'static str,
) -> Result<(), DomainError> {
    diesel::insert_into(sms_consents::table)
        .values((
            sms_consents::digest.eq(digest),
            sms_consents::event_id.eq(arrived.id),
            sms_consents::state.eq(state),
            sms_consents::received_at.eq(arrived.received_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx)
        .await
        .map(drop)
        .map_err(DomainError::Statement)
}

/// Reads the form of an incoming message. What tells of calls and of what became of outgoing messages is not for here.
fn read(body: &[u8]) -> Result<Text, Verdict> {
    let mut fields: HashMap<String, String> = HashMap::new();
    let mut repeated = false;
    for (name, value) in twilio::parameters(body) {
        repeated |= fields.insert(name, value).is_some();
    }
    let is_incoming = fields.get("SmsStatus").is_some_and(|status| status == "received");
    if !is_incoming || fields.contains_key("MessageStatus") {
        return Err(Verdict::Ignored("no-handler"));
    }
    let mut take = |name: &str| fields.remove(name).filter(|text| !text.is_empty());
    let malformed = Verdict::Parked("malformed");
    let (provider_id, from, to) = (take("MessageSid"), take("From"), take("To"));
    let (Some(provider_id), Some(from), Some(to), false) = (provider_id, from, to, repeated) else {
        return Err(malformed);
    };
    if !(1..=64).contains(&provider_id.len()) || !provider_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(malformed);
    }
    // `whatsapp:+1…`, `rcs:…`, `messenger:…`.
    if from.contains(':') {
        return Err(Verdict::Ignored("other-channel"));
    }
    let body = take("Body").unwrap_or_default();
    let consent = consent(take("OptOutType").as_deref(), &body);
    let mut media = Vec::new();
    for index in 0..MEDIA_MAX {
        let Some(url) = take(&format!("MediaUrl{index}")) else {
            break;
        };
        let media_type = take(&format!("MediaContentType{index}")).unwrap_or_default();
        media.push((Phi::new(url), media_type));
    }
    Ok(Text {
        provider_id,
        content: MessageContent {
            from: Phi::new(from),
            to: Phi::new(to),
            body: Phi::new(body),
            media,
        },
        consent,
    })
}

fn consent(opt_out_type: Option<&str>, body: &str) -> Option<&'static str> {
    let word = body.trim().trim_end_matches(['.', '!']).to_uppercase();
    match opt_out_type {
        Some("STOP") => Some(OPTED_OUT),
        Some("START") => Some(OPTED_IN),
        // HELP asks, and changes nothing.
        Some(_) => None,
        None if STOP.contains(&word.as_str()) => Some(OPTED_OUT),
        None if START.contains(&word.as_str()) => Some(OPTED_IN),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Vec<u8> {
        let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let pairs: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        pairs.join("&").into_bytes()
    }

    const PLAIN: [(&str, &str); 5] = [
        ("MessageSid", "SM1"),
        ("SmsStatus", "received"),
        ("From", "+14155550119"),
        ("To", "+14155550100"),
        ("Body", "See you at 3 — Ada"),
    ];

    #[test]
    fn a_message_is_read_with_what_is_attached() {
        let mut fields = PLAIN.to_vec();
        fields.extend([
            ("NumMedia", "1"),
            ("MediaUrl0", "https://api.twilio.com/m/0"),
            ("MediaContentType0", "image/jpeg"),
        ]);
        let text = read(&form(&fields)).ok().unwrap();
        assert_eq!(text.content.body.disclose(), "See you at 3 — Ada");
        assert_eq!(
            text.content.media,
            [(
                Phi::new("https://api.twilio.com/m/0".to_owned()),
                "image/jpeg".to_owned()
            )]
        );
        assert_eq!((text.provider_id.as_str(), text.consent), ("SM1", None));
    }

    #[test]
    fn what_is_no_incoming_text_message_is_told_apart() {
        let without = |name: &str| {
            form(
                &PLAIN
                    .iter()
                    .copied()
                    .filter(|(known, _)| *known != name)
                    .collect::<Vec<_>>(),
            )
        };
        let and = |name, value| form(&[&PLAIN[..], &[(name, value)]].concat());
        for (body, expected) in [
            (without("SmsStatus"), Verdict::Ignored("no-handler")),
            (and("MessageStatus", "delivered"), Verdict::Ignored("no-handler")),
            (b"{\"a\":1}".to_vec(), Verdict::Ignored("no-handler")),
            (vec![0xff, 0xfe, b'&', b'='], Verdict::Ignored("no-handler")),
            (without("From"), Verdict::Parked("malformed")),
            (without("MessageSid"), Verdict::Parked("malformed")),
            (and("From", "+14155550120"), Verdict::Parked("malformed")),
            (
                form(&[
                    ("MessageSid", "SM 1"),
                    ("SmsStatus", "received"),
                    ("From", "1"),
                    ("To", "2"),
                ]),
                Verdict::Parked("malformed"),
            ),
            (
                form(&[
                    ("MessageSid", "SM1"),
                    ("SmsStatus", "received"),
                    ("From", "whatsapp:+14155550119"),
                    ("To", "2"),
                ]),
                Verdict::Ignored("other-channel"),
            ),
        ] {
            assert_eq!(read(&body).err(), Some(expected));
        }
    }

    #[test]
    fn dom_8_a_word_by_itself_is_a_word_about_further_messages() {
        for stop in [
            "STOP",
            " stop ",
            "Stop.",
            "UNSUBSCRIBE",
            "quit!",
            "cancel",
            "end",
            "stopall",
            "revoke",
            "optout",
        ] {
            assert_eq!(consent(None, stop), Some(OPTED_OUT), "{stop}");
        }
        for start in ["start", "UNSTOP", "yes"] {
            assert_eq!(consent(None, start), Some(OPTED_IN), "{start}");
        }
        for neither in ["help", "info", "please stop by at 3", "yes please", "", "STOP START"] {
            assert_eq!(consent(None, neither), None, "{neither}");
        }
        assert_eq!(consent(Some("STOP"), "basta"), Some(OPTED_OUT));
        assert_eq!(consent(Some("START"), "hola"), Some(OPTED_IN));
        assert_eq!(consent(Some("HELP"), "stop"), None);
    }
}
