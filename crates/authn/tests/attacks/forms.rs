//! Tokens of the wrong shape: other serializations, other spellings, and JSON that two readers read differently.

use super::fixture::{KEYS, base64url, header, token};
use super::{CLAIMS, SHAPE, Variants, with_claims};
use serde_json::json;

pub(super) fn form(all: &mut Variants<'_>) {
    let idp = all.idp;
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
    for (name, code, token) in [
        ("empty", SHAPE, String::new()),
        ("two dots", SHAPE, "..".to_owned()),
        ("one part", SHAPE, head.to_owned()),
        ("two parts", SHAPE, format!("{head}.{body}")),
        ("four parts", SHAPE, format!("{good}.{signature}")),
        (
            "five parts, as JWE has",
            SHAPE,
            format!("{head}.{body}.{signature}.{body}.{signature}"),
        ),
        ("no header", SHAPE, format!(".{body}.{signature}")),
        ("no payload", CLAIMS, format!("{head}..{signature}")),
        (
            "JSON serialization",
            SHAPE,
            json!({"protected": head, "payload": body, "signature": signature}).to_string(),
        ),
        ("padding", SHAPE, format!("{good}==")),
        ("white space before", SHAPE, format!(" {good}")),
        ("line end after", SHAPE, format!("{good}\n")),
        ("the scheme before", SHAPE, format!("Bearer {good}")),
        ("a NUL after", SHAPE, format!("{good}\0")),
        ("not ASCII", SHAPE, format!("{good}é")),
        ("standard base64", SHAPE, signed_as_is(&head.replace('e', "+"), body)),
        (
            "oversize",
            SHAPE,
            with_claims(idp, |c| c["pad"] = json!("x".repeat(20_000))),
        ),
        (
            "70 KiB of letters",
            SHAPE,
            format!("{}.{body}.{signature}", "A".repeat(70 * 1024)),
        ),
        (
            "header is a list",
            SHAPE,
            token(r#"["ES256","at+jwt","ec-1"]"#, &payload, sign),
        ),
        ("header is text", SHAPE, token(r#""ES256""#, &payload, sign)),
        (
            "header with a byte order mark",
            SHAPE,
            token(&format!("\u{feff}{head_text}"), &payload, sign),
        ),
        (
            "two header objects",
            SHAPE,
            token(&format!("{head_text}{{}}"), &payload, sign),
        ),
        (
            "payload is a list",
            CLAIMS,
            token(&head_text, &format!("[{payload}]"), sign),
        ),
        ("payload is empty", CLAIMS, token(&head_text, "", sign)),
        (
            "payload with text after it",
            CLAIMS,
            token(&head_text, &format!("{payload}x"), sign),
        ),
        (
            "payload with a byte order mark",
            CLAIMS,
            token(&head_text, &format!("\u{feff}{payload}"), sign),
        ),
        (
            "payload with a comment",
            CLAIMS,
            token(&head_text, &payload.replacen('{', "{/**/", 1), sign),
        ),
        (
            "payload with a comma too many",
            CLAIMS,
            token(&head_text, &payload.replacen('{', "{,", 1), sign),
        ),
        ("payload is a token", CLAIMS, token(&head_text, &good, sign)),
        ("padding within", SHAPE, signed_as_is(&format!("{head}="), body)),
        ("percent signs", SHAPE, signed_as_is(&format!("{head}%3d"), body)),
    ] {
        all.push(name, code, token);
    }
    // The last character of the signature carries four unused bits: setting one spells the same bytes anew.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let next = alphabet.chars().nth(alphabet.find(last).unwrap() + 1).unwrap();
    let respelt = format!("{}{next}", good.strip_suffix(last).unwrap());
    all.push("the same bytes in another spelling", SHAPE, respelt);
    let bad_text = {
        let mut bytes = payload.clone().into_bytes();
        bytes.splice(1..1, b"\"x\":\"\xff\",".iter().copied());
        signed_as_is(&base64url(&head_text), &base64url(&bytes))
    };
    all.push("bad UTF-8 in a claim that nobody reads", CLAIMS, bad_text);
    let wide: Vec<u8> = payload.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let wide = signed_as_is(&base64url(&head_text), &base64url(&wide));
    all.push("payload in UTF-16", CLAIMS, wide);
    let bomb = format!(
        "{{\"x\":{}{},{}",
        "[".repeat(3000),
        "]".repeat(3000),
        payload.strip_prefix('{').unwrap()
    );
    all.push(
        "nesting of 3,000 in a claim that nobody reads",
        CLAIMS,
        token(&head_text, &bomb, sign),
    );
}

pub(super) fn duplicate(all: &mut Variants<'_>) {
    let payload = all.idp.claims().to_string();
    let head_text = header("ES256", "ec-1").to_string();
    let sign = |message: &[u8]| KEYS.ec.sign(message);
    let twice = |name: &str, value: &str| format!("{{\"{name}\":{value},{}", payload.strip_prefix('{').unwrap());
    for (name, value) in [
        ("exp", "9999999999"),
        ("customer_id", "\"x\""),
        ("aud", "\"x\""),
        ("iss", "\"x\""),
        ("jti", "1"),
    ] {
        all.push(
            format!("claim {name}"),
            CLAIMS,
            token(&head_text, &twice(name, value), sign),
        );
    }
    let nested = r#"{"realm_access":{"roles":[],"roles":["internal_admin"]}}"#;
    all.push("roles, one level down", CLAIMS, token(&head_text, nested, sign));
    let spelt = twice("\\u0065xp", "9999999999");
    all.push("claim exp in another spelling", CLAIMS, token(&head_text, &spelt, sign));
    for member in [r#""alg":"none""#, r#""kid":"ec-1""#, r#""\u0061lg":"ES256""#] {
        let head = format!("{{{member},{}", head_text.strip_prefix('{').unwrap());
        all.push(format!("header member {member}"), SHAPE, token(&head, &payload, sign));
    }
}
