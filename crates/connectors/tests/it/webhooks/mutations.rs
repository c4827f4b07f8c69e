//! Whatever is changed about a genuine delivery, it is refused.

use super::*;
use aws_lc_rs::hmac::{self, HMAC_SHA1_FOR_LEGACY_USE_ONLY, HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOW: i64 = 1_700_000_000;

/// A scheme with a genuine delivery, and what its verifier says about another one.
#[derive(Clone, Debug)]
struct Genuine {
    scheme: Scheme,
    secret: String,
    parcel: Parcel,
    /// The header whose every character is signed or is the signature.
    header: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scheme {
    Stripe,
    Standard,
    TwilioForm,
    TwilioJson,
    GitHub,
}

const SCHEMES: [Scheme; 5] = [
    Scheme::Stripe,
    Scheme::Standard,
    Scheme::TwilioForm,
    Scheme::TwilioJson,
    Scheme::GitHub,
];

fn mac(algorithm: hmac::Algorithm, secret: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(algorithm, secret), &parts.concat())
        .as_ref()
        .to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Genuine {
    fn new(scheme: Scheme, seed: [u8; 24], text: &str) -> Self {
        let json = serde_json::json!({"id": "evt_1", "text": text}).to_string();
        let secret = BASE64.encode(seed);
        let time = NOW.to_string();
        let json_url = format!(
            "{URL}?bodySHA256={}",
            hexadecimal(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, json.as_bytes()).as_ref())
        );
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("MessageSid", "SM1"), ("Body", text), ("From", "+15550100")])
            .finish();
        let sha1 = |parts: &[&[u8]]| BASE64.encode(mac(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes(), parts));
        let mut parcel = match scheme {
            Scheme::Stripe => {
                let tag = mac(
                    HMAC_SHA256,
                    secret.as_bytes(),
                    &[time.as_bytes(), b".", json.as_bytes()],
                );
                Parcel::new(
                    &[(stripe::HEADER, &format!("t={time},v1={}", hexadecimal(&tag)))],
                    json.as_bytes(),
                )
            }
            Scheme::Standard => {
                let tag = mac(HMAC_SHA256, &seed, &[b"msg_1.", time.as_bytes(), b".", json.as_bytes()]);
                let headers = [
                    (standard::SIGNATURE_HEADER, &*format!("v1,{}", BASE64.encode(tag))),
                    (standard::ID_HEADER, "msg_1"),
                    (standard::TIMESTAMP_HEADER, &time),
                ];
                Parcel::new(&headers, json.as_bytes())
            }
            Scheme::TwilioForm => {
                let tag = sha1(&[URL.as_bytes(), b"Body", text.as_bytes(), b"From+15550100MessageSidSM1"]);
                Parcel::new(&[(twilio::HEADER, &tag), ("content-type", FORM)], form.as_bytes())
            }
            Scheme::TwilioJson => {
                let tag = sha1(&[json_url.as_bytes()]);
                Parcel::new(
                    &[(twilio::HEADER, &tag), ("content-type", "application/json")],
                    json.as_bytes(),
                )
            }
            Scheme::GitHub => {
                let tag = mac(HMAC_SHA256, secret.as_bytes(), &[json.as_bytes()]);
                Parcel::new(
                    &[(github::HEADER, &format!("sha256={}", hexadecimal(&tag)))],
                    json.as_bytes(),
                )
            }
        };
        if scheme == Scheme::TwilioJson {
            parcel.url = json_url;
        }
        Self {
            scheme,
            secret,
            parcel,
            header: 0,
        }
    }

    fn answer(&self, parcel: &Parcel, now: i64) -> Answer {
        self.answer_with(&self.secret, parcel, now)
    }

    fn answer_with(&self, secret: &str, parcel: &Parcel, now: i64) -> Answer {
        match self.scheme {
            Scheme::Stripe => by_stripe(&[secret], parcel, now),
            Scheme::Standard => by_standard(&[secret], parcel, now),
            Scheme::TwilioForm | Scheme::TwilioJson => by_twilio(&[(Algorithm::AuthToken, secret)], parcel),
            Scheme::GitHub => by_github(&[secret], parcel),
        }
    }
}

fn genuine() -> impl Strategy<Value = Genuine> {
    (0..SCHEMES.len(), any::<[u8; 24]>(), "\\PC{0,40}")
        .prop_map(|(place, seed, text)| Genuine::new(SCHEMES[place], seed, &text))
}

/// The bytes with one replaced, one added or one taken away; never the bytes as they were.
fn changed(bytes: &[u8], place: prop::sample::Index, to: u8, how: u8) -> Option<Vec<u8>> {
    let mut other = bytes.to_vec();
    match how % 3 {
        0 if !bytes.is_empty() => other[place.index(bytes.len())] = to,
        1 if !bytes.is_empty() => {
            other.remove(place.index(bytes.len()));
        }
        _ => other.insert(place.index(bytes.len() + 1), to),
    }
    (other != bytes).then_some(other)
}

/// What Twilio signs of a form: without a mark between names and values.
fn signed(body: &[u8]) -> String {
    let fields: BTreeSet<_> = url::form_urlencoded::parse(body).into_owned().collect();
    fields.into_iter().map(|(name, value)| name + &value).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn con_1_a_genuine_delivery_is_taken(genuine in genuine()) {
        prop_assert!(genuine.answer(&genuine.parcel, NOW).is_ok());
    }

    // A form has more than one spelling, and Twilio's scheme signs no border between a name and its value.
    #[test]
    fn con_1_a_changed_body_is_refused(genuine in genuine(), place: prop::sample::Index, to: u8, how: u8) {
        let mut parcel = genuine.parcel.clone();
        if let Some(body) = changed(&parcel.body, place, to, how) {
            let signs_the_same = genuine.scheme == Scheme::TwilioForm && signed(&body) == signed(&parcel.body);
            parcel.body = body;
            prop_assert!(is_refused(&genuine.answer(&parcel, NOW)) || signs_the_same, "{:?}", parcel);
        }
    }

    #[test]
    fn con_1_a_changed_header_is_refused(genuine in genuine(), place: prop::sample::Index, to: u8, how: u8) {
        let mut parcel = genuine.parcel.clone();
        if let Some(value) = changed(&parcel.headers[genuine.header].1, place, to, how) {
            parcel.headers[genuine.header].1 = value;
            prop_assert!(is_refused(&genuine.answer(&parcel, NOW)), "{:?}", parcel);
        }
    }

    #[test]
    fn con_1_a_missing_header_is_refused(genuine in genuine(), place: prop::sample::Index) {
        let mut parcel = genuine.parcel.clone();
        let (name, _) = parcel.headers.remove(place.index(genuine.parcel.headers.len()));
        let is_read = genuine.scheme != Scheme::TwilioJson || name == twilio::HEADER;
        prop_assert_eq!(is_refused(&genuine.answer(&parcel, NOW)), is_read);
    }

    #[test]
    fn con_1_another_time_is_refused(genuine in genuine(), distance in 301_i64..4_000_000_000, past: bool) {
        let now = if past { NOW - distance.min(NOW) } else { NOW + distance };
        let signs_time = matches!(genuine.scheme, Scheme::Stripe | Scheme::Standard);
        prop_assert_eq!(is_refused(&genuine.answer(&genuine.parcel, now)), signs_time);
    }

    #[test]
    fn con_1_another_secret_is_refused(genuine in genuine(), other: [u8; 24]) {
        let other = BASE64.encode(other);
        prop_assume!(other != genuine.secret);
        prop_assert!(is_refused(&genuine.answer_with(&other, &genuine.parcel, NOW)));
    }

    #[test]
    fn con_1_twilio_at_another_address_is_refused(genuine in genuine(), place: prop::sample::Index, to in "[a-z0-9]") {
        prop_assume!(matches!(genuine.scheme, Scheme::TwilioForm | Scheme::TwilioJson));
        let mut parcel = genuine.parcel.clone();
        let place = "https://".len() + place.index(parcel.url.len() - "https://".len());
        parcel.url.replace_range(place..=place, &to);
        prop_assume!(parcel.url != genuine.parcel.url);
        prop_assert!(is_refused(&genuine.answer(&parcel, NOW)), "{}", parcel.url);
    }
}
