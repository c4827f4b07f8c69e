//! The attack matrix: every token here must be refused, each for the reason that stands beside it.

use crate::fixture::{
    AUDIENCE, Idp, KEYS, ManualClock, NOW_S, OTHER_TENANT, TENANT, base64url, es256, header, hmac_sha256, options,
    outcome, rs256, token, verifier,
};
use aws_lc_rs::signature;
use bearingwall_authn::{BearerVerifier, IdentityProvider};
use bearingwall_core::{Classified, ErrorKind};
use serde_json::{Value, json};

struct Attack {
    name: String,
    code: &'static str,
    token: String,
}

fn attack(name: impl Into<String>, code: &'static str, token: String) -> Attack {
    Attack {
        name: name.into(),
        code,
        token,
    }
}

const SHAPE: &str = "AUT-001";
const ALGORITHM: &str = "AUT-002";
const KEY: &str = "AUT-003";
const SIGNATURE: &str = "AUT-004";
const TYPE: &str = "AUT-006";
const CLAIMS: &str = "AUT-007";
const CLAIM: &str = "AUT-008";

/// A token whose header is changed and whose signature, by the issuer's own key, is right.
fn with_header(idp: &Idp, change: impl Fn(&mut Value)) -> String {
    let mut header = header("ES256", "ec-1");
    change(&mut header);
    es256(&header, &idp.claims())
}

/// A token whose claims are changed and whose signature, by the issuer's own key, is right.
fn with_claims(idp: &Idp, change: impl Fn(&mut Value)) -> String {
    let mut claims = idp.claims();
    change(&mut claims);
    es256(&header("ES256", "ec-1"), &claims)
}

fn algorithm_attacks(idp: &Idp) -> Vec<Attack> {
    let claims = idp.claims().to_string();
    let mut all = Vec::new();
    for spelling in ["none", "None", "NONE", "nOnE"] {
        let head = header(spelling, "ec-1").to_string();
        all.push(attack(
            format!("alg {spelling}, no signature"),
            ALGORITHM,
            token(&head, &claims, |_| vec![]),
        ));
        all.push(attack(
            format!("alg {spelling}, a good signature"),
            ALGORITHM,
            token(&head, &claims, |m| KEYS.ec.sign(m)),
        ));
    }
    let secrets: [(&str, Vec<u8>); 5] = [
        ("the EC point", KEYS.ec.point().to_vec()),
        ("the RSA modulus", KEYS.modulus()),
        ("the RSA key in DER", KEYS.rsa_spki_der()),
        ("the JWK text", KEYS.rsa_jwk("rsa-1").to_string().into_bytes()),
        ("nothing", vec![]),
    ];
    for (name, secret) in &secrets {
        for alg in ["HS256", "HS384"] {
            let forged = token(&header(alg, "rsa-1").to_string(), &claims, |m| hmac_sha256(secret, m));
            all.push(attack(format!("{alg} keyed with {name}"), ALGORITHM, forged));
        }
        let posing = token(&header("RS256", "rsa-1").to_string(), &claims, |m| {
            hmac_sha256(secret, m)
        });
        all.push(attack(format!("RS256 that is an HMAC under {name}"), SIGNATURE, posing));
    }
    let rsa = |encoding: &'static dyn signature::RsaEncoding, head: Value| {
        token(&head.to_string(), &claims, |m| KEYS.sign_rsa(encoding, m))
    };
    all.push(attack(
        "PS256",
        ALGORITHM,
        rsa(&signature::RSA_PSS_SHA256, header("PS256", "rsa-1")),
    ));
    all.push(attack(
        "PSS under RS256",
        SIGNATURE,
        rsa(&signature::RSA_PSS_SHA256, header("RS256", "rsa-1")),
    ));
    all.push(attack(
        "RS384",
        ALGORITHM,
        rsa(&signature::RSA_PKCS1_SHA384, header("RS384", "rsa-1")),
    ));
    all.push(attack(
        "SHA-384 under RS256",
        SIGNATURE,
        rsa(&signature::RSA_PKCS1_SHA384, header("RS256", "rsa-1")),
    ));
    all.push(attack(
        "RS512",
        ALGORITHM,
        rsa(&signature::RSA_PKCS1_SHA512, header("RS512", "rsa-1")),
    ));
    for alg in [
        "ES384",
        "ES512",
        "ES256K",
        "EdDSA",
        "es256",
        "ES256 ",
        "",
        "RSA-OAEP",
        "dir",
        "PBES2-HS256+A128KW",
    ] {
        all.push(attack(
            format!("alg `{alg}`"),
            ALGORITHM,
            with_header(idp, |h| h["alg"] = json!(alg)),
        ));
    }
    all.push(attack(
        "alg missing",
        SHAPE,
        with_header(idp, |h| drop(h.as_object_mut().unwrap().remove("alg"))),
    ));
    for alg in [
        json!(["ES256"]),
        json!(null),
        json!(256),
        json!({"ES256": 1}),
        json!(true),
    ] {
        all.push(attack(
            format!("alg {alg}"),
            SHAPE,
            with_header(idp, |h| h["alg"] = alg.clone()),
        ));
    }
    all.push(attack(
        "RS256 naming the EC key",
        ALGORITHM,
        rs256(&header("RS256", "ec-1"), &idp.claims()),
    ));
    all.push(attack(
        "ES256 naming the RSA key",
        ALGORITHM,
        es256(&header("ES256", "rsa-1"), &idp.claims()),
    ));
    all
}

fn header_attacks(idp: &Idp) -> Vec<Attack> {
    let mut all = Vec::new();
    let stranger = KEYS.stranger.jwk("ec-1");
    let chain = json!([base64url(b"certificate")]);
    let members = [
        ("jwk", stranger.clone()),
        ("jku", json!("https://attacker.example/jwks")),
        ("jku", json!(format!("{}/jwks", idp.issuer))),
        ("x5u", json!("https://attacker.example/cert")),
        ("x5c", chain),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("crit", json!(["exp"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("enc", json!("A256GCM")),
        ("epk", stranger.clone()),
        ("p2c", json!(2_000_000_000)),
        ("iss", json!("somebody")),
        ("KID", json!("ec-1")),
        ("", json!("")),
    ];
    for (name, value) in members {
        let own = with_header(idp, |h| h[name] = value.clone());
        all.push(attack(format!("header member `{name}`, good signature"), SHAPE, own));
    }
    let mut head = header("ES256", "ec-1");
    head["jwk"] = stranger;
    let forged = token(&head.to_string(), &idp.claims().to_string(), |m| KEYS.stranger.sign(m));
    all.push(attack("signed with the key in its own header", SHAPE, forged));
    let kids = [
        ("ec-2", KEY),
        ("EC-1", KEY),
        ("../../../dev/null", KEY),
        ("file:///dev/null", KEY),
        ("https://attacker.example/key", KEY),
        ("'OR'1'='1", KEY),
        ("ec-1 ", SHAPE),
        ("", SHAPE),
        ("ec-1\u{0}", SHAPE),
        ("ec-1\r\nx:y", SHAPE),
        ("ключ", SHAPE),
    ];
    for (kid, code) in kids {
        all.push(attack(
            format!("kid `{}`", kid.escape_debug()),
            code,
            with_header(idp, |h| h["kid"] = json!(kid)),
        ));
    }
    all.push(attack(
        "kid of 129 bytes",
        SHAPE,
        with_header(idp, |h| h["kid"] = json!("k".repeat(129))),
    ));
    all.push(attack(
        "kid of 4 KiB",
        SHAPE,
        with_header(idp, |h| h["kid"] = json!("k".repeat(4096))),
    ));
    all.push(attack(
        "kid missing",
        SHAPE,
        with_header(idp, |h| drop(h.as_object_mut().unwrap().remove("kid"))),
    ));
    for kid in [json!(1), json!(null), json!(["ec-1"]), json!({"kid": "ec-1"})] {
        all.push(attack(
            format!("kid {kid}"),
            SHAPE,
            with_header(idp, |h| h["kid"] = kid.clone()),
        ));
    }
    for typ in [
        "JWT",
        "jwt",
        "AT+JWT",
        "at+jwt ",
        "logout+jwt",
        "dpop+jwt",
        "JOSE",
        "application/jwt",
        "id+jwt",
        "",
    ] {
        all.push(attack(
            format!("typ `{typ}`"),
            TYPE,
            with_header(idp, |h| h["typ"] = json!(typ)),
        ));
    }
    all.push(attack(
        "typ missing",
        TYPE,
        with_header(idp, |h| drop(h.as_object_mut().unwrap().remove("typ"))),
    ));
    all.push(attack(
        "typ a list",
        SHAPE,
        with_header(idp, |h| h["typ"] = json!(["at+jwt"])),
    ));
    all
}

fn form_attacks(idp: &Idp) -> Vec<Attack> {
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

fn signature_attacks(idp: &Idp) -> Vec<Attack> {
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

fn claim_attacks(idp: &Idp) -> Vec<Attack> {
    let mut all = Vec::new();
    let mut push = |name: String, code, change: &dyn Fn(&mut Value)| {
        all.push(attack(name, code, with_claims(idp, change)));
    };
    for claim in ["iss", "aud", "sub", "exp", "iat"] {
        push(format!("{claim} missing"), CLAIM, &|c| {
            drop(c.as_object_mut().unwrap().remove(claim))
        });
        for value in [json!(null), json!({}), json!([]), json!(true), json!([1]), json!(1.5)] {
            push(
                format!("{claim} = {value}"),
                if claim == "aud" && value == json!([]) {
                    "AUT-010"
                } else {
                    CLAIM
                },
                &|c| {
                    c[claim] = value.clone();
                },
            );
        }
    }
    for iss in [
        "https://attacker.example".to_owned(),
        String::new(),
        format!("{}/", idp.issuer),
        idp.issuer.to_uppercase(),
    ] {
        push(format!("iss `{iss}`"), "AUT-009", &|c| c["iss"] = json!(iss));
    }
    push("iss a list with ours".to_owned(), CLAIM, &|c| {
        c["iss"] = json!([idp.issuer])
    });
    for aud in [
        json!("account"),
        json!(""),
        json!(["account", "x"]),
        json!(format!("{AUDIENCE}/")),
        json!(AUDIENCE.to_uppercase()),
    ] {
        push(format!("aud {aud}"), "AUT-010", &|c| c["aud"] = aud.clone());
    }
    push("aud with a number in it".to_owned(), CLAIM, &|c| {
        c["aud"] = json!([AUDIENCE, 7])
    });
    push("aud an object".to_owned(), CLAIM, &|c| {
        c["aud"] = json!({ AUDIENCE: true })
    });
    for sub in ["", " ", "\t", "a\u{0}b", "a\nb", &"s".repeat(256)] {
        push(format!("sub `{}`", sub.escape_debug()), CLAIM, &|c| {
            c["sub"] = json!(sub)
        });
    }
    push("sub a number".to_owned(), CLAIM, &|c| c["sub"] = json!(7));
    push("expired".to_owned(), "AUT-011", &|c| c["exp"] = json!(NOW_S - 30));
    push("expired long ago".to_owned(), "AUT-011", &|c| c["exp"] = json!(1));
    for exp in [
        json!((NOW_S + 60).to_string()),
        json!(-1),
        json!(9.0e99),
        json!(u64::MAX),
        json!(i64::MAX),
        json!(253_402_300_800_i64),
    ] {
        push(format!("exp {exp}"), CLAIM, &|c| c["exp"] = exp.clone());
    }
    push("exp with a fraction".to_owned(), CLAIM, &|c| {
        c["exp"] = json!(1_795_421_000.5)
    });
    push("iat in the future".to_owned(), "AUT-012", &|c| {
        c["iat"] = json!(NOW_S + 31)
    });
    push("nbf in the future".to_owned(), "AUT-012", &|c| {
        c["nbf"] = json!(NOW_S + 31)
    });
    for nbf in [json!("0"), json!(null), json!(1.5), json!(-1)] {
        push(format!("nbf {nbf}"), CLAIM, &|c| c["nbf"] = nbf.clone());
    }
    push("exp not after iat".to_owned(), "AUT-013", &|c| {
        c["iat"] = json!(NOW_S + 20);
        c["exp"] = json!(NOW_S + 20);
    });
    for typ in [
        json!("ID"),
        json!("Refresh"),
        json!("Logout"),
        json!("bearer"),
        json!(""),
        json!(null),
        json!(["Bearer"]),
    ] {
        push(format!("claim typ {typ}"), TYPE, &|c| c["typ"] = typ.clone());
    }
    for cnf in [
        json!({"jkt": "AAAA"}),
        json!({"x5t#S256": "AAAA"}),
        json!(null),
        json!({}),
    ] {
        push(format!("cnf {cnf}"), "AUT-014", &|c| c["cnf"] = cnf.clone());
    }
    for roles in [
        json!("customer_admin"),
        json!({"customer_admin": true}),
        json!(["authenticated", 1]),
        json!([["authenticated"]]),
        json!(null),
    ] {
        push(format!("roles {roles}"), CLAIM, &|c| {
            c["realm_access"]["roles"] = roles.clone()
        });
    }
    for access in [json!([["customer_admin"]]), json!("customer_admin"), json!(null)] {
        push(format!("realm_access {access}"), CLAIM, &|c| {
            c["realm_access"] = access.clone()
        });
    }
    all
}

fn tenant_attacks(idp: &Idp) -> Vec<Attack> {
    let mut all = Vec::new();
    let values = [
        json!(null),
        json!(""),
        json!("*"),
        json!(7),
        json!([TENANT]),
        json!([TENANT, OTHER_TENANT]),
        json!({"id": TENANT}),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("00000000-0000-8000-8000-000000000001"),
        json!("ffffffff-ffff-ffff-ffff-ffffffffffff"),
        json!(TENANT.to_uppercase()),
        json!(TENANT.replace('-', "")),
        json!(format!("{{{TENANT}}}")),
        json!(format!("{TENANT} ")),
        json!(format!("{TENANT}'--")),
    ];
    for value in values {
        all.push(attack(
            format!("customer_id {value}"),
            "AUT-015",
            with_claims(idp, |c| c["customer_id"] = value.clone()),
        ));
        let staff = with_claims(idp, |c| {
            c["customer_id"] = value.clone();
            c["realm_access"]["roles"] = json!(["internal_admin"]);
        });
        all.push(attack(format!("staff with customer_id {value}"), "AUT-015", staff));
    }
    let without = with_claims(idp, |c| drop(c.as_object_mut().unwrap().remove("customer_id")));
    all.push(attack("no customer_id", "AUT-015", without));
    all
}

#[tokio::test]
async fn aut_1_every_hostile_token_is_refused_for_its_own_reason() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let mut attacks = algorithm_attacks(&idp);
    attacks.extend(header_attacks(&idp));
    attacks.extend(form_attacks(&idp));
    attacks.extend(signature_attacks(&idp));
    attacks.extend(claim_attacks(&idp));
    attacks.extend(tenant_attacks(&idp));
    assert!(attacks.len() >= 250, "{}", attacks.len());
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    let mut wrong = Vec::new();
    for Attack { name, code, token } in &attacks {
        match verifier.verify(token).await {
            Ok(_) => wrong.push(format!("{name}: accepted")),
            Err(error) if error.code() != *code => wrong.push(format!("{name}: {} instead of {code}", error.code())),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{name}"),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        attacks.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn aut_1_unsigned_tokens_are_refused() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    let unsigned = token(
        &header("none", "ec-1").to_string(),
        &idp.claims().to_string(),
        |_| vec![],
    );
    assert_eq!(outcome(&verifier, &unsigned).await.unwrap_err(), ALGORITHM);
}

#[tokio::test]
async fn a_refusal_says_nothing_of_what_the_token_said() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let verifier = verifier(&idp, &clock).await;
    for claim in ["sub", "iss", "aud", "customer_id", "typ"] {
        let token = with_claims(&idp, |c| c[claim] = json!("CANARY-1\u{7}"));
        let error = verifier.verify(&token).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{claim}");
    }
    let error = verifier.verify("CANARY.CANARY.CANARY").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("CANARY"));
}

#[tokio::test]
async fn an_issuer_that_is_bound_to_a_tenant_speaks_for_nobody_else() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut config = idp.config();
    config.customer = Some(TENANT.parse().unwrap());
    let verifier = BearerVerifier::start(vec![config], options(&clock)).await.unwrap();
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    let other = with_claims(&idp, |c| c["customer_id"] = json!(OTHER_TENANT));
    assert_eq!(outcome(&verifier, &other).await.unwrap_err(), "AUT-016");
    let staff = with_claims(&idp, |c| c["realm_access"]["roles"] = json!(["internal_admin"]));
    assert_eq!(outcome(&verifier, &staff).await.unwrap_err(), "AUT-016");
    let silent = with_claims(&idp, |c| drop(c.as_object_mut().unwrap().remove("customer_id")));
    assert_eq!(outcome(&verifier, &silent).await.unwrap_err(), "AUT-015");
}

#[tokio::test]
async fn one_issuers_key_never_signs_for_another() {
    let (first, second, clock) = (Idp::start().await, Idp::start().await, ManualClock::new());
    second.serves("/jwks", &json!({"keys": [KEYS.stranger.jwk("ec-1")]}));
    let verifier = BearerVerifier::start(vec![first.config(), second.config()], options(&clock))
        .await
        .unwrap();
    let sign = |message: &[u8]| KEYS.stranger.sign(message);
    let head = header("ES256", "ec-1").to_string();
    let own = token(&head, &second.claims().to_string(), sign);
    assert!(outcome(&verifier, &own).await.is_ok());
    let posing = token(&head, &first.claims().to_string(), sign);
    assert_eq!(outcome(&verifier, &posing).await.unwrap_err(), SIGNATURE);
}

#[tokio::test]
async fn limits_of_the_issuer_are_kept() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut config = idp.config();
    config.max_lifetime_s = Some(300);
    config.leeway_s = 0;
    config.algorithms = vec![bearingwall_authn::Algorithm::Es256];
    let verifier = BearerVerifier::start(vec![config], options(&clock)).await.unwrap();
    assert!(outcome(&verifier, &idp.good()).await.is_ok());
    let long = with_claims(&idp, |c| c["exp"] = json!(NOW_S + 291));
    assert_eq!(outcome(&verifier, &long).await.unwrap_err(), "AUT-013");
    let now = with_claims(&idp, |c| c["exp"] = json!(NOW_S));
    assert_eq!(outcome(&verifier, &now).await.unwrap_err(), "AUT-011");
    let rsa = rs256(&header("RS256", "rsa-1"), &idp.claims());
    assert_eq!(outcome(&verifier, &rsa).await.unwrap_err(), ALGORITHM);
}
