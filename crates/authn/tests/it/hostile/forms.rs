//! Tokens of the wrong shape, and signatures that are none.

use super::{Attack, CLAIMS, SHAPE, SIGNATURE, attack, with_claims};
use crate::fixture::{Idp, KEYS, OTHER_TENANT, base64url, header, token};
use aws_lc_rs::signature;
use serde_json::json;

pub(super) fn form_attacks(idp: &Idp) -> Vec<Attack> {
    let good = idp.good();
    let parts: Vec<&str> = good.split('.').collect();
    let (head, body, signature) = (parts[0], parts[1], parts[2]);
    let payload = idp.claims().to_string();
    let head_text = header("ES256", "ec-1").to_string();
    let sign = |message: &[u8]| KEYS.ec.sign(message);
    let signed_as_is = |head: &str, body: &str| {
        let signed = format!("{head}.{body}");
        let signature = base64url(KEYS.ec.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    };
    let mut all = vec![
        attack("empty", SHAPE, String::new()),
        attack("two dots", SHAPE, "..".to_owned()),
        attack("one part", SHAPE, head.to_owned()),
        attack("two parts", SHAPE, format!("{head}.{body}")),
        attack("four parts", SHAPE, format!("{good}.{signature}")),
        attack(
            "five parts, as JWE has",
            SHAPE,
            format!("{head}.{body}.{signature}.{body}.{signature}"),
        ),
        attack("no header", SHAPE, format!(".{body}.{signature}")),
        attack("no payload", CLAIMS, format!("{head}..{signature}")),
        attack(
            "JSON serialization",
            SHAPE,
            json!({"protected": head, "payload": body, "signature": signature}).to_string(),
        ),
        attack("padding", SHAPE, format!("{good}==")),
        attack("white space before", SHAPE, format!(" {good}")),
        attack("line end after", SHAPE, format!("{good}\n")),
        attack("the scheme before", SHAPE, format!("Bearer {good}")),
        attack("a NUL after", SHAPE, format!("{good}\0")),
        attack("not ASCII", SHAPE, format!("{good}é")),
        attack("standard base64", SHAPE, signed_as_is(&head.replace('e', "+"), body)),
        attack(
            "oversize",
            SHAPE,
            with_claims(idp, |c| c["pad"] = json!("x".repeat(20_000))),
        ),
        attack(
            "70 KiB of letters",
            SHAPE,
            format!("{}.{body}.{signature}", "A".repeat(70 * 1024)),
        ),
        attack(
            "header is a list",
            SHAPE,
            token(r#"["ES256","at+jwt","ec-1"]"#, &payload, sign),
        ),
        attack("header is text", SHAPE, token(r#""ES256""#, &payload, sign)),
        attack(
            "header with a byte order mark",
            SHAPE,
            token(&format!("\u{feff}{head_text}"), &payload, sign),
        ),
        attack(
            "two header objects",
            SHAPE,
            token(&format!("{head_text}{{}}"), &payload, sign),
        ),
        attack(
            "payload is a list",
            CLAIMS,
            token(&head_text, &format!("[{payload}]"), sign),
        ),
        attack("payload is empty", CLAIMS, token(&head_text, "", sign)),
        attack(
            "payload with text after it",
            CLAIMS,
            token(&head_text, &format!("{payload}x"), sign),
        ),
    ];
    // The last character of the signature carries four unused bits: setting one spells the same bytes anew.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let respelt = format!("{}{next}", good.strip_suffix(last).unwrap());
    all.push(attack("the same bytes in another spelling", SHAPE, respelt));
    let bad_text = {
        let mut bytes = payload.clone().into_bytes();
        bytes.splice(1..1, b"\"x\":\"\xff\",".iter().copied());
        signed_as_is(&base64url(&head_text), &base64url(&bytes))
    };
    all.push(attack("bad UTF-8 in a claim that nobody reads", CLAIMS, bad_text));
    let bomb = format!(
        "{{\"x\":{}{},{}",
        "[".repeat(3000),
        "]".repeat(3000),
        payload.strip_prefix('{').unwrap()
    );
    all.push(attack(
        "nesting of 3,000 in a claim that nobody reads",
        CLAIMS,
        token(&head_text, &bomb, sign),
    ));
    let twice = |name: &str, value: &str| format!("{{\"{name}\":{value},{}", payload.strip_prefix('{').unwrap());
    for (name, value) in [
        ("exp", "9999999999"),
        ("customer_id", "\"x\""),
        ("aud", "\"x\""),
        ("iss", "\"x\""),
        ("jti", "1"),
    ] {
        all.push(attack(
            format!("claim {name} twice"),
            CLAIMS,
            token(&head_text, &twice(name, value), sign),
        ));
    }
    let nested = r#"{"realm_access":{"roles":[],"roles":["internal_admin"]}}"#;
    all.push(attack("roles twice", CLAIMS, token(&head_text, nested, sign)));
    for member in [r#""alg":"none""#, r#""kid":"ec-1""#, r#""\u0061lg":"ES256""#] {
        let head = format!("{{{member},{}", head_text.strip_prefix('{').unwrap());
        all.push(attack(
            format!("header member twice: {member}"),
            SHAPE,
            token(&head, &payload, sign),
        ));
    }
    all
}

pub(super) fn signature_attacks(idp: &Idp) -> Vec<Attack> {
    let head = header("ES256", "ec-1").to_string();
    let rsa_head = header("RS256", "rsa-1").to_string();
    let payload = idp.claims().to_string();
    // The order n of P-256 (SEC 2 section 2.4.2).
    let order = [
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
        0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
    ];
    let zero = [0_u8; 32];
    let mut one = zero;
    one[31] = 1;
    let max = [0xff_u8; 32];
    let mut all = Vec::new();
    let numbers = [("0", zero), ("1", one), ("n", order), ("max", max)];
    for (r_name, r) in numbers {
        for (s_name, s) in numbers {
            let forged = token(&head, &payload, |_| [r, s].concat());
            all.push(attack(format!("r = {r_name}, s = {s_name}"), SIGNATURE, forged));
        }
    }
    let es = |change: &dyn Fn(Vec<u8>) -> Vec<u8>| token(&head, &payload, |m| change(KEYS.ec.sign(m)));
    let rs = |change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        token(&rsa_head, &payload, |m| {
            change(KEYS.sign_rsa(&signature::RSA_PKCS1_SHA256, m))
        })
    };
    all.push(attack(
        "ES256 in DER",
        SIGNATURE,
        token(&head, &payload, |m| KEYS.ec.sign_der(m)),
    ));
    all.push(attack(
        "ES256 by another key",
        SIGNATURE,
        token(&head, &payload, |m| KEYS.stranger.sign(m)),
    ));
    all.push(attack(
        "ES256 over another message",
        SIGNATURE,
        token(&head, &payload, |_| KEYS.ec.sign(b"other")),
    ));
    for (name, code, change) in [
        ("empty", SIGNATURE, (|_| vec![]) as fn(Vec<u8>) -> Vec<u8>),
        ("cut", SIGNATURE, |mut s| {
            s.pop();
            s
        }),
        ("longer", SIGNATURE, |mut s| {
            s.push(0);
            s
        }),
        ("zero before", SIGNATURE, |mut s| {
            s.insert(0, 0);
            s
        }),
        ("first bit", SIGNATURE, |mut s| {
            s[0] ^= 0x80;
            s
        }),
        ("last bit", SIGNATURE, |mut s| {
            *s.last_mut().unwrap() ^= 1;
            s
        }),
        ("all zero", SIGNATURE, |s| vec![0; s.len()]),
        ("all ones", SIGNATURE, |s| vec![0xff; s.len()]),
        ("doubled", SIGNATURE, |s| [s.clone(), s].concat()),
    ] {
        all.push(attack(format!("ES256 signature: {name}"), code, es(&change)));
        all.push(attack(format!("RS256 signature: {name}"), code, rs(&change)));
    }
    let good = idp.good();
    let (_, good_signature) = good.rsplit_once('.').unwrap();
    let mut claims = idp.claims();
    claims["customer_id"] = json!(OTHER_TENANT);
    let swapped = format!(
        "{}.{}.{good_signature}",
        base64url(&head),
        base64url(claims.to_string())
    );
    all.push(attack("another payload under a good signature", SIGNATURE, swapped));
    let spaced = format!(
        "{}.{}.{good_signature}",
        base64url(format!("{head} ")),
        base64url(&payload)
    );
    all.push(attack("another header under a good signature", SIGNATURE, spaced));
    all
}
