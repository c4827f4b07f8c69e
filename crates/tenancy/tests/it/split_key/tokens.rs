//! Tokens that the database must refuse, each a small change to one that it accepts.

use super::signer::{AUDIENCE, ISSUER, Signer, encode, subject};
use super::{Split, install};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio_postgres::Client;
use uuid::Uuid;

async fn login(app: &Client, token: &str, customer: Uuid) -> Result<Uuid, String> {
    match app
        .query_one("SELECT subject FROM tenancy.login($1, $2)", &[&token, &customer])
        .await
    {
        Ok(row) => Ok(row.get(0)),
        Err(error) => {
            let error = error.as_db_error().unwrap().clone();
            assert_eq!(error.code().code(), "28000", "{error:?}");
            Err(format!("{error:?}"))
        }
    }
}

fn with(claims: &Value, claim: &str, value: Value) -> Value {
    let mut changed = claims.clone();
    changed[claim] = value;
    changed
}

fn without(claims: &Value, claim: &str) -> Value {
    let mut changed = claims.clone();
    changed.as_object_mut().unwrap().remove(claim);
    changed
}

#[tokio::test]
async fn ten_7_good_tokens_are_accepted_and_name_the_documented_subject() {
    let split = Split::create().await;
    let app = split.fixture.database.app_client().await;
    let a = split.fixture.a.as_uuid();
    let claims = Signer::claims("mara", split.fixture.a);
    let now = OffsetDateTime::now_utc().unix_timestamp();
    for (what, claims) in [
        ("plain", claims.clone()),
        (
            "one audience of several",
            with(&claims, "aud", json!(["other", AUDIENCE])),
        ),
        ("a use claim", with(&claims, "typ", json!("Bearer"))),
        ("no roles", without(&claims, "realm_access")),
        ("already valid", with(&claims, "nbf", json!(now))),
        ("a clock that is a little ahead", with(&claims, "iat", json!(now + 20))),
        ("a name beyond ASCII", with(&claims, "sub", json!("mära"))),
    ] {
        let person = claims["sub"].as_str().unwrap();
        let answered = login(&app, &split.signer.token(&claims), a).await;
        assert_eq!(answered, Ok(subject(ISSUER, person)), "{what}");
    }
    let mut long = split.signer.header();
    long["typ"] = json!("application/at+jwt");
    login(&app, &split.signer.token_with(&long, &claims), a).await.unwrap();
}

#[tokio::test]
async fn ten_7_a_token_with_any_claim_wrong_or_missing_is_refused() {
    let split = Split::create().await;
    let app = split.fixture.database.app_client().await;
    let a = split.fixture.a.as_uuid();
    let claims = Signer::claims("mara", split.fixture.a);
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let mut cases: Vec<(String, Value)> = ["exp", "iat", "iss", "aud", "sub", "customer_id"]
        .iter()
        .map(|claim| (format!("without {claim}"), without(&claims, claim)))
        .collect();
    for (claim, value) in [
        ("exp", json!(now - 31)),
        ("exp", json!((now + 300).to_string())),
        ("exp", json!(null)),
        ("exp", json!(1e300)),
        ("exp", json!(now + 901)),
        ("exp", json!(-1)),
        ("iat", json!(now + 40)),
        ("iat", json!("now")),
        ("iat", json!(-5)),
        ("nbf", json!(now + 40)),
        ("nbf", json!("soon")),
        ("iss", json!("https://id.example.org/realms/other")),
        ("iss", json!([ISSUER])),
        ("iss", json!(null)),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("aud", json!({ AUDIENCE: true })),
        ("aud", json!([])),
        ("aud", json!(null)),
        ("sub", json!("")),
        ("sub", json!("  ")),
        ("sub", json!(7)),
        ("sub", json!("a\u{7}b")),
        ("sub", json!("x".repeat(256))),
        ("customer_id", json!(split.fixture.b.to_string())),
        ("customer_id", json!(a.to_string().to_uppercase())),
        ("customer_id", json!(a.simple().to_string())),
        ("customer_id", json!([a.to_string()])),
        ("customer_id", json!("")),
        ("customer_id", json!(null)),
        ("cnf", json!({ "jkt": "x" })),
        ("typ", json!("Refresh")),
        ("typ", json!("ID")),
        ("typ", json!(null)),
        ("realm_access", json!({ "roles": "internal_admin" })),
        ("realm_access", json!({ "roles": { "internal_admin": 1 } })),
    ] {
        cases.push((format!("{claim} = {value}"), with(&claims, claim, value)));
    }
    // Each of these is refused by one rule alone: every other rule about times is kept.
    let timed = |iat: Value, exp: i64| with(&with(&claims, "iat", iat), "exp", json!(exp));
    cases.extend([
        ("expired".to_owned(), timed(json!(now - 300), now - 31)),
        ("ended before it began".to_owned(), timed(json!(now + 20), now + 10)),
        ("iat as text".to_owned(), timed(json!(now.to_string()), now + 300)),
        (
            "issued in time to come, valid already".to_owned(),
            with(&timed(json!(now + 40), now + 300), "nbf", json!(now)),
        ),
    ]);
    for (what, claims) in &cases {
        let token = split.signer.token(claims);
        let refusal = login(&app, &token, a).await.expect_err(what);
        for part in token.split('.').chain(["mara"]) {
            assert!(!refusal.contains(part), "{what}: the refusal repeats the token");
        }
    }
    println!("claims refused: {}", cases.len());
    // Where no lifetime is set, a beginning before all time is still none.
    let unlimited = "SELECT tenancy.set_issuer($1, $2, NULL, '{realm_access,roles}', 30, NULL, false)";
    split.admin.execute(unlimited, &[&ISSUER, &AUDIENCE]).await.unwrap();
    login(&app, &split.signer.token(&timed(json!(0), now + 300)), a)
        .await
        .unwrap();
    login(&app, &split.signer.token(&timed(json!(-1), now + 300)), a)
        .await
        .expect_err("iat = -1");
}

#[tokio::test]
async fn ten_7_a_token_with_any_header_or_signature_wrong_is_refused() {
    let split = Split::create().await;
    let app = split.fixture.database.app_client().await;
    let a = split.fixture.a.as_uuid();
    let (signer, claims) = (&split.signer, Signer::claims("mara", split.fixture.a));
    let good = signer.token(&claims);
    let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut cases: Vec<(&str, String)> = Vec::new();
    for (what, name, value) in [
        ("alg none", "alg", json!("none")),
        ("alg HS256", "alg", json!("HS256")),
        ("alg RS512", "alg", json!("RS512")),
        ("alg in lower case", "alg", json!("rs256")),
        ("alg missing", "alg", json!(null)),
        ("unknown kid", "kid", json!("key-9")),
        ("kid missing", "kid", json!(null)),
        ("kid as a number", "kid", json!(1)),
        ("typ missing", "typ", json!(null)),
        ("typ JWT", "typ", json!("JWT")),
        ("typ of an ID token", "typ", json!("id+jwt")),
        ("critical extension", "crit", json!(["b64"])),
        ("unencoded payload", "b64", json!(true)),
    ] {
        cases.push((what, signer.token_with(&with(&signer.header(), name, value), &claims)));
    }
    // A key whose id reads like the number: only the type is wrong.
    let numbered = "SELECT tenancy.install_issuer_key($1, '1', $2)";
    split
        .admin
        .execute(numbered, &[&ISSUER, &signer.modulus])
        .await
        .unwrap();
    login(
        &app,
        &signer.token_with(&with(&signer.header(), "kid", json!("1")), &claims),
        a,
    )
    .await
    .unwrap();
    let stranger = Signer::generate(&signer.kid);
    let tampered = encode(with(&claims, "sub", json!("noor")).to_string());
    let mut flipped = signer.signature(format!("{header}.{payload}").as_bytes());
    flipped[0] ^= 1;
    let raw = |signature: &[u8]| format!("{header}.{payload}.{}", encode(signature));
    cases.extend([
        ("another key under the same id", stranger.token(&claims)),
        ("another payload", format!("{header}.{tampered}.{signature}")),
        ("a flipped bit", raw(&flipped)),
        ("a short signature", raw(&flipped[1..])),
        (
            "a long signature",
            raw(&[&[0][..], &signer.signature(format!("{header}.{payload}").as_bytes())].concat()),
        ),
        ("a signature of zeros", raw(&[0; 256])),
        ("a signature of one", raw(&[&[0; 255][..], &[1]].concat())),
        ("a signature as large as the modulus", raw(&signer.modulus)),
        ("a signature and the modulus", with_modulus(signer, &claims)),
        ("no signature", format!("{header}.{payload}.")),
        ("two parts", format!("{header}.{payload}")),
        ("four parts", format!("{good}.{signature}")),
        ("a padded part", signer.sign(&format!("{header}=.{payload}"))),
        ("white space", format!("{header}.{payload}. {signature}")),
        ("a line break", format!("{header}.{payload}.{signature}\n")),
        ("standard base64", good.replace(['-', '_'], "+")),
        ("no JSON", signer.sign(&format!("{header}.{}", encode("not json")))),
        ("a JSON list", signer.sign(&format!("{header}.{}", encode("[1]")))),
        (
            "a header that is no object",
            signer.sign(&format!("{}.{payload}", encode("\"RS256\""))),
        ),
        (
            "bytes that are no UTF-8",
            signer.sign(&format!("{header}.{}", encode([0xff, 0xfe]))),
        ),
        (
            "a zero character",
            signer.sign(&format!("{header}.{}", encode("{\"iss\":\"\\u0000\"}"))),
        ),
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        (
            "too long",
            signer.token(&with(&claims, "more", json!("x".repeat(16_384)))),
        ),
    ]);
    for (what, token) in &cases {
        login(&app, token, a).await.expect_err(what);
    }
    login(&app, &good, a).await.unwrap();
    println!("headers and signatures refused: {}", cases.len());
}

/// A token whose signature verifies but for being larger than the modulus: the good one plus the modulus.
fn with_modulus(signer: &Signer, claims: &Value) -> String {
    // About every third sum fits into the octets of a signature.
    let mut tries = (0..200).filter_map(|number| {
        let signed = format!(
            "{}.{}",
            encode(signer.header().to_string()),
            encode(with(claims, "jti", json!(number)).to_string())
        );
        let mut sum = signer.signature(signed.as_bytes());
        let mut carry = 0;
        for (octet, more) in sum.iter_mut().zip(&signer.modulus).rev() {
            let total = u16::from(*octet) + u16::from(*more) + carry;
            (*octet, carry) = (total.to_le_bytes()[0], total >> 8);
        }
        (carry == 0).then(|| format!("{signed}.{}", encode(sum)))
    });
    tries.next().unwrap()
}

#[tokio::test]
async fn ten_7_a_second_spelling_of_a_signature_is_no_second_token() {
    let split = Split::create().await;
    let app = split.fixture.database.app_client().await;
    let a = split.fixture.a.as_uuid();
    let good = split.signer.token(&Signer::claims("mara", split.fixture.a));
    login(&app, &good, a).await.unwrap();
    // 256 octets leave four unused bits in the last character: three more spellings of the same signature.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = alphabet.find(good.chars().last().unwrap()).unwrap();
    let body = good.split_at(good.len() - 1).0;
    for other in alphabet.chars().take(last / 16 * 16 + 16).skip(last + 1) {
        let spelled = format!("{body}{other}");
        login(&app, &spelled, a).await.expect_err("unused bits are zero");
    }
}

#[tokio::test]
async fn ten_7_a_tenants_own_issuer_speaks_for_that_tenant_only_and_makes_no_staff() {
    let split = Split::create().await;
    let app = split.fixture.database.app_client().await;
    let (a, b) = (split.fixture.a, split.fixture.b);
    let own = "https://login.juniper.example";
    let signer = Signer::generate("own-1");
    install(&split.admin, own, Some(a.as_uuid()), &signer).await;
    let claims = |customer| with(&Signer::claims("mara", customer), "iss", json!(own));
    let subject_here = login(&app, &signer.token(&claims(a)), a.as_uuid()).await.unwrap();
    assert_eq!(subject_here, subject(own, "mara"));
    assert_ne!(
        subject_here,
        subject(ISSUER, "mara"),
        "two issuers' same subject are two people"
    );
    login(&app, &signer.token(&claims(b)), b.as_uuid())
        .await
        .expect_err("another tenant");
    let staff = with(&Signer::staff("mara"), "iss", json!(own));
    let platform = bearingwall_core::CustomerId::PLATFORM.as_uuid();
    login(&app, &signer.token(&staff), platform)
        .await
        .expect_err("platform staff");
    let both = with(&claims(a), "realm_access", json!({ "roles": ["internal_admin"] }));
    login(&app, &signer.token(&both), a.as_uuid())
        .await
        .expect_err("staff inside its tenant");
    // The keys of one issuer do not verify another's tokens, under whatever key id.
    let crossed = signer.token(&Signer::claims("mara", a));
    login(&app, &crossed, a.as_uuid())
        .await
        .expect_err("a key of another issuer");
}

#[tokio::test]
async fn ten_7_reserved_tenants_are_nobodys_claim() {
    let split = Split::create().await;
    let app = split.fixture.database.app_client().await;
    for reserved in [
        "00000000-0000-8000-8000-000000000001",
        "00000000-0000-8000-8000-00000000000a",
        "00000000-0000-8000-8000-00000000000b",
    ] {
        let claims = with(&Signer::claims("mara", split.fixture.a), "customer_id", json!(reserved));
        let customer = reserved.parse().unwrap();
        login(&app, &split.signer.token(&claims), customer)
            .await
            .expect_err(reserved);
    }
}

#[tokio::test]
async fn ten_7_weak_keys_cannot_be_installed() {
    let split = Split::create().await;
    let install = "SELECT tenancy.install_issuer_key($1, 'weak', $2)";
    let mut even = split.signer.modulus.clone();
    even[255] &= 0xfe;
    let mut short = split.signer.modulus.clone();
    short.truncate(128);
    let long = vec![0xff; 513];
    let zero_led = [&[0][..], &split.signer.modulus].concat();
    for (what, modulus) in [
        ("even", even),
        ("1024 bits", short),
        ("4104 bits", long),
        ("leading zero", zero_led),
    ] {
        let refused = split.admin.execute(install, &[&ISSUER, &modulus]).await;
        assert!(refused.is_err(), "{what}");
    }
    let stranger = split
        .admin
        .execute(install, &[&"https://unknown.example.org", &split.signer.modulus])
        .await;
    assert!(stranger.is_err(), "an issuer that is not there");
}
