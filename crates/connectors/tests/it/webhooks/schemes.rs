//! The schemes one by one, with signatures that another implementation of HMAC and Ed25519 made.

use super::*;
use bearingwall_connectors::webhooks::standard::Signer;
use bearingwall_core::Classified;
use serde::Deserialize;

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;
const STRIPE: &str = "8ce968e9c062f1c487be86c310e0a1f980ee83a1a198d0577565095f3114569e";
const SMS: &str = "MessageSid=SM1&SmsStatus=received&From=%2B15550100&Body=I+am+Zo%C3%AB+%26+late";
const SMS_BY_TOKEN: &str = "cyW8ilds/kx++ZnJhqIqVhWYnRc=";
const SMS_BY_KEY: &str = "ZqL/qc/E1WQOc3nA5C2qAldHzKoHa1bYh2y/8cxM67Y=";
const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const STANDARD: &str = "v1,to16Mzm4/TY63XmwE+YR2/y5x0pwADouY97Cov+jd+w=";
/// The key of RFC 8032 §7.1, test 1.
const PUBLIC: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const PUBLIC_SIGNED: &str =
    "v1a,rt6c5UGsx3Wkl3hsWwnXhL65X4h4uEnoFfhDDmYXfc/WjeMB3VVSuvdhes0PF1UyVQlo/JPnCBC/DZ0etrA9CA==";
const NOW: i64 = 1_700_000_000;

fn to_stripe(header: &str) -> Parcel {
    Parcel::new(&[(stripe::HEADER, header)], BODY.as_bytes())
}

fn to_standard(id: &str, signatures: &str) -> Parcel {
    let headers = [
        (standard::ID_HEADER, id),
        (standard::TIMESTAMP_HEADER, "1700000000"),
        (standard::SIGNATURE_HEADER, signatures),
    ];
    Parcel::new(&headers, BODY.as_bytes())
}

fn to_twilio(signature: &str) -> Parcel {
    Parcel::new(&[("content-type", FORM), (twilio::HEADER, signature)], SMS.as_bytes())
}

#[test]
fn con_1_stripe_is_taken_with_each_secret_of_a_rotation_and_says_which() {
    let parcel = to_stripe(&format!("t={NOW},v1={STRIPE}"));
    for (secrets, key) in [(&["whsec_first"][..], 0), (&["whsec_second", "whsec_first"], 1)] {
        let event = by_stripe(secrets, &parcel, NOW + 300).unwrap();
        assert_eq!((event.get().id(), event.get().key()), ("evt_1", key));
        assert_eq!(event.get().signed_at(), Some(at(NOW)));
    }
    assert!(is_refused(&by_stripe(&["whsec_second"], &parcel, NOW)));
}

#[test]
fn con_1_stripe_is_refused_outside_of_five_minutes_in_either_direction() {
    let parcel = to_stripe(&format!("t={NOW},v1={STRIPE}"));
    for (now, taken) in [
        (NOW - 301, false),
        (NOW - 300, true),
        (NOW + 300, true),
        (NOW + 301, false),
    ] {
        assert_eq!(by_stripe(&["whsec_first"], &parcel, now).is_ok(), taken, "{now}");
    }
}

#[test]
fn con_1_stripe_is_refused_with_two_times_too_many_signatures_or_another_spelling() {
    let wrong = format!("v1={}", "0".repeat(64));
    let with = |wrongs: usize| format!("t={NOW},{}v1={STRIPE}", format!("{wrong},").repeat(wrongs));
    assert!(by_stripe(&["whsec_first"], &to_stripe(&with(15)), NOW).is_ok());
    let refused = [
        with(16),
        String::new(),
        format!("v1={STRIPE}"),
        format!("t={NOW}"),
        format!("t={NOW},t={NOW},v1={STRIPE}"),
        format!("t=+{NOW},v1={STRIPE}"),
        format!("t= {NOW},v1={STRIPE}"),
        format!("t={NOW},v0={STRIPE}"),
        format!("t={NOW},v1={}", STRIPE.to_uppercase()),
        format!("t={NOW},v1={STRIPE}0"),
        format!("t={NOW},{STRIPE}"),
        format!("t={NOW},v1={STRIPE},{}", "x=y,".repeat(2000)),
    ];
    for header in refused {
        assert!(
            is_refused(&by_stripe(&["whsec_first"], &to_stripe(&header), NOW)),
            "{header}"
        );
    }
    let mut twice = to_stripe(&format!("t={NOW},v1={STRIPE}"));
    twice.headers.push(("stripe-signature", b"t=1".to_vec()));
    assert!(is_refused(&by_stripe(&["whsec_first"], &twice, NOW)));
}

#[test]
fn con_1_standard_webhooks_are_taken_with_either_kind_of_key_and_not_with_the_other() {
    let shared = to_standard(
        "msg_1",
        &format!("v1,AAAA v1x,{} {STANDARD}", STANDARD.trim_start_matches("v1,")),
    );
    assert_eq!(by_standard(&[SECRET], &shared, NOW).unwrap().get().id(), "msg_1");
    let public = to_standard("msg_1", PUBLIC_SIGNED);
    assert_eq!(by_standard(&[PUBLIC], &public, NOW).unwrap().get().id(), "msg_1");

    assert!(is_refused(&by_standard(&[PUBLIC], &shared, NOW)));
    assert!(is_refused(&by_standard(&[SECRET], &public, NOW)));
    for now in [NOW - 301, NOW + 301] {
        assert!(is_refused(&by_standard(&[SECRET], &shared, now)));
    }
    for id in ["msg_2", "msg.1", "", "msg 1"] {
        assert!(
            is_refused(&by_standard(&[SECRET], &to_standard(id, STANDARD), NOW)),
            "{id}"
        );
    }
    let many = format!("{}{STANDARD}", "v1,AAAA ".repeat(16));
    assert!(is_refused(&by_standard(&[SECRET], &to_standard("msg_1", &many), NOW)));
}

#[test]
fn con_1_a_time_moved_into_the_id_of_a_standard_webhook_is_refused() {
    let signer = Signer::new([SECRET.as_bytes()]).unwrap();
    let body = format!("{}.{BODY}", NOW + 1);
    let signatures = signer.sign("msg_1", at(NOW - 301), body.as_bytes()).unwrap();
    let mut parcel = to_standard(&format!("msg_1.{}", NOW - 301), &signatures);
    parcel.headers[1].1 = (NOW + 1).to_string().into_bytes();
    assert!(is_refused(&by_standard(&[SECRET], &parcel, NOW)));
}

#[test]
fn con_1_what_we_sign_with_two_secrets_is_taken_by_the_holder_of_either() {
    let other = "whsec_////////////////////////////////////////////";
    let signer = Signer::new([SECRET.as_bytes(), other.as_bytes()]).unwrap();
    let signatures = signer.sign("msg_1", at(NOW), BODY.as_bytes()).unwrap();
    assert!(signatures.starts_with(STANDARD), "{signatures}");
    for secret in [SECRET, other] {
        assert!(by_standard(&[secret], &to_standard("msg_1", &signatures), NOW).is_ok());
    }
    assert!(signer.sign("msg.1", at(NOW), b"").is_err());
}

#[test]
fn con_1_twilios_messages_are_told_apart_by_their_status() {
    let tokens = [(Algorithm::AuthToken, "token-two"), (Algorithm::AuthToken, "token-one")];
    let event = by_twilio(&tokens, &to_twilio(SMS_BY_TOKEN)).unwrap();
    assert_eq!((event.get().id(), event.get().key()), ("SM1:received", 1));
    assert!(is_refused(&by_twilio(&tokens[..1], &to_twilio(SMS_BY_TOKEN))));
}

#[test]
fn con_1_twilios_algorithm_belongs_to_the_secret_and_the_delivery_cannot_choose_it() {
    let mut parcel = to_twilio(SMS_BY_KEY);
    assert!(by_twilio(&[(Algorithm::SharedKey, "shared-one")], &parcel).is_ok());
    parcel.headers.push((
        "X-Twilio-Webhooks-Signature-Settings",
        b"key=k,algorithm=HMAC_SHA256".to_vec(),
    ));
    assert!(by_twilio(&[(Algorithm::SharedKey, "shared-one")], &parcel).is_ok());
    // The bytes of the shared key held as a token, and the other way round.
    assert!(is_refused(&by_twilio(&[(Algorithm::AuthToken, "shared-one")], &parcel)));
    let mut parcel = to_twilio(SMS_BY_TOKEN);
    assert!(is_refused(&by_twilio(&[(Algorithm::SharedKey, "token-one")], &parcel)));
    parcel.headers.push((
        "X-Twilio-Webhooks-Signature-Settings",
        b"key=k,algorithm=HMAC_SHA1".to_vec(),
    ));
    assert!(is_refused(&by_twilio(&[(Algorithm::SharedKey, "token-one")], &parcel)));
    // Each of two secrets keeps its own place.
    let both = [
        (Algorithm::AuthToken, "token-one"),
        (Algorithm::SharedKey, "shared-one"),
    ];
    assert_eq!(by_twilio(&both, &to_twilio(SMS_BY_KEY)).unwrap().get().key(), 1);
    assert_eq!(by_twilio(&both, &to_twilio(SMS_BY_TOKEN)).unwrap().get().key(), 0);
}

#[test]
fn con_1_a_body_of_twilio_that_nothing_covers_is_refused() {
    let token = [(Algorithm::AuthToken, "token-one")];
    // The signature of the form of no fields, with a body that is no form behind it.
    let empty = Parcel::new(
        &[("Content-Type", FORM), (twilio::HEADER, "J7K/6LmkYdaW07dnthOUoo78CE0=")],
        b"",
    );
    assert!(by_twilio(&token, &empty).is_ok());
    let mut json = empty.clone();
    json.headers[0].1 = b"application/json".to_vec();
    // The second one reads as a form without fields.
    for body in [&b"{}"[..], b"&&"] {
        json.body = body.to_vec();
        assert!(is_refused(&by_twilio(&token, &json)));
        let mut bare = json.clone();
        bare.headers.remove(0);
        assert!(is_refused(&by_twilio(&token, &bare)));
    }
}

#[test]
fn con_1_a_value_of_twilio_that_was_moved_into_a_name_is_refused_where_it_reads_as_none() {
    let token = [(Algorithm::AuthToken, "token-one")];
    let mut parcel = to_twilio(SMS_BY_TOKEN);
    for moved in [
        SMS.replace("From=", "From"),
        SMS.replace("Body=", "Body"),
        SMS.replace("From=%2B", "From%2B="),
    ] {
        parcel.body = moved.into_bytes();
        assert!(is_refused(&by_twilio(&token, &parcel)), "{parcel:?}");
    }
}

#[test]
fn con_1_github_is_taken_and_its_replay_has_the_same_id() {
    let signature = "sha256=2a8c77e91d55f94fd61a43cdf96b8e61f9e14c3c480a95478900d5033b707d9f";
    let mut parcel = Parcel::new(
        &[(github::HEADER, signature), ("X-GitHub-Delivery", "1")],
        BODY.as_bytes(),
    );
    let first = by_github(&["secret"], &parcel).unwrap();
    parcel.headers[1].1 = b"2".to_vec();
    let replayed = by_github(&["secret"], &parcel).unwrap();
    assert_eq!(first.get().id(), replayed.get().id());
    assert!(is_refused(&by_github(&["other"], &parcel)));
    parcel.headers[0].1 = signature.trim_start_matches("sha256=").as_bytes().to_vec();
    assert!(is_refused(&by_github(&["secret"], &parcel)));
}

#[test]
fn a_genuine_body_that_is_no_event_is_malformed_and_says_nothing_of_its_content() {
    #[derive(Debug, Deserialize)]
    struct Small {
        #[expect(dead_code, reason = "only read from JSON")]
        amount: u8,
    }
    let event = by_stripe(&["whsec_first"], &to_stripe(&format!("t={NOW},v1={STRIPE}")), NOW).unwrap();
    let error = event.json::<Small>().unwrap_err();
    assert_eq!(error.code(), "CON-002");
    let shown = format!("{error} {error:?} {event:?}");
    assert!(!shown.contains("invoice"), "{shown}");
}

#[test]
fn secrets_that_cannot_be_used_are_an_error_that_does_not_repeat_them() {
    let many: Vec<_> = std::iter::repeat_n(&b"whsec_first"[..], 5).collect();
    assert!(Stripe::new([]).is_err() && Stripe::new([&b""[..]]).is_err() && Stripe::new(many).is_err());
    assert!(Twilio::new([]).is_err() && GitHub::new([]).is_err());
    let mixed = [SECRET.as_bytes(), PUBLIC.as_bytes()];
    assert!(Standard::new(mixed).is_err());
    // The point of order 1, under which a signature of everything can be made.
    let weak = "whpk_AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for secret in ["whsec_short", "whsec_c2hvcnQ=", "whpk_AAAA", weak, ""] {
        let error = Standard::new([secret.as_bytes()]).unwrap_err();
        assert_eq!(error.code(), "CON-003");
        assert!(secret.is_empty() || !format!("{error} {error:?}").contains(secret));
    }
    let shown = format!("{:?}", Stripe::new([&b"whsec_first"[..]]).unwrap());
    assert_eq!(shown, "Stripe(…)");
}
