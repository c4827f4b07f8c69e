//! Ending a token before its time: the deny-list, and the logout tokens that fill it.

use crate::attacks::signatures::ORDER;
use crate::fixture::{Idp, KEYS, ManualClock, NOW_S, base64url, es256, header, options, outcome, token};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_authn::{
    BearerVerifier, EndedSessions, Logout, Revocation, RevocationOf, Revocations, session_key, subject_id,
};
use bearingwall_core::{Classified, Clock};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const CLIENT: &str = "console";

struct Stage {
    idp: Idp,
    clock: Arc<ManualClock>,
    list: Arc<Revocations>,
    verifier: BearerVerifier,
}

impl Stage {
    /// With a list that was read now, and may be ten seconds old.
    async fn new() -> Self {
        let (idp, clock) = (Idp::start().await, ManualClock::new());
        let list = Arc::new(Revocations::new(
            Arc::clone(&clock) as Arc<dyn Clock>,
            Duration::from_secs(10),
        ));
        let mut config = idp.config();
        config.logout_audience = Some(CLIENT.to_owned());
        let ended = EndedSessions::Listed(Arc::clone(&list));
        let verifier = BearerVerifier::start(vec![config], ended, options(&clock))
            .await
            .unwrap();
        let stage = Self {
            idp,
            clock,
            list,
            verifier,
        };
        stage.read(&[]);
        stage
    }

    fn read(&self, new: &[Revocation]) {
        self.list.refreshed(self.clock.unix_ms(), new, false);
    }

    fn of_session(&self, sid: &str) -> String {
        let mut claims = self.idp.claims();
        claims["sid"] = json!(sid);
        es256(&header("ES256", "ec-1"), &claims)
    }

    async fn outcome(&self, token: &str) -> Result<(), &'static str> {
        outcome(&self.verifier, token).await.map(drop)
    }

    fn logout_claims(&self) -> Value {
        json!({
            "iss": self.idp.claims()["iss"], "aud": CLIENT, "iat": NOW_S, "exp": NOW_S + 120, "jti": "j1", "sub": "3f8a",
            "sid": "s1", "events": {"http://schemas.openid.net/event/backchannel-logout": {}}, "typ": "Logout",
        })
    }

    async fn logout(&self, typ: &str, change: impl FnOnce(&mut Value)) -> Result<Logout, &'static str> {
        let mut claims = self.logout_claims();
        change(&mut claims);
        let head = json!({"alg": "ES256", "typ": typ, "kid": "ec-1"});
        let token = es256(&head, &claims);
        self.verifier.logout(&token).await.map_err(|error| error.code())
    }
}

fn entry(of: RevocationOf, key: uuid::Uuid, not_before_s: Option<i64>) -> Revocation {
    Revocation {
        of,
        key,
        not_before_s,
        until_s: NOW_S + 3600,
    }
}

/// The same token with n - s in place of s, which ECDSA cannot tell from the first.
fn respelt(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for (byte, of_order) in bytes[32..].iter_mut().zip(ORDER).rev() {
        let difference = i16::from(of_order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    format!("{signed}.{}", base64url(bytes))
}

#[tokio::test]
async fn aut_4_a_second_spelling_of_an_ecdsa_signature_ends_with_the_session() {
    let stage = Stage::new().await;
    let token = stage.of_session("s1");
    let second = respelt(&token);
    assert_ne!(token, second);
    for spelling in [&token, &second] {
        assert_eq!(stage.outcome(spelling).await, Ok(()));
    }
    stage.read(&[entry(RevocationOf::Session, session_key(&stage.idp.issuer, "s1"), None)]);
    for spelling in [&token, &second] {
        assert_eq!(stage.outcome(spelling).await, Err("AUT-020"));
    }
}

#[tokio::test]
async fn aut_4_an_ended_session_is_refused_at_once_though_its_token_is_remembered() {
    let stage = Stage::new().await;
    let (ended, other) = (stage.of_session("s1"), stage.of_session("s2"));
    for token in [&ended, &other, &ended] {
        assert_eq!(stage.outcome(token).await, Ok(()));
    }
    let issuer = stage.idp.config().issuer;
    stage.read(&[entry(RevocationOf::Session, session_key(&issuer, "s1"), None)]);
    assert_eq!(stage.outcome(&ended).await, Err("AUT-020"));
    assert_eq!(stage.outcome(&other).await, Ok(()));
    // A token that nobody has seen before is of the same session, and one without a session is of none.
    assert_eq!(stage.outcome(&stage.of_session("s1")).await, Err("AUT-020"));
    assert_eq!(stage.outcome(&stage.idp.good()).await, Ok(()));
    // What is read next is added.
    stage.read(&[entry(RevocationOf::Session, session_key(&issuer, "s2"), None)]);
    assert_eq!(stage.outcome(&ended).await, Err("AUT-020"));
    assert_eq!(stage.outcome(&other).await, Err("AUT-020"));
    // A session of the same name at another issuer is another session.
    assert_ne!(session_key("https://other.example", "s1"), session_key(&issuer, "s1"));
}

#[tokio::test]
async fn aut_4_signing_a_person_out_ends_what_was_issued_until_then() {
    let stage = Stage::new().await;
    let issuer = stage.idp.config().issuer;
    let issued_at = |at_s: i64| {
        let mut claims = stage.idp.claims();
        claims["iat"] = json!(at_s);
        es256(&header("ES256", "ec-1"), &claims)
    };
    let (before, same, after) = (issued_at(NOW_S - 10), issued_at(NOW_S - 5), issued_at(NOW_S - 4));
    assert_eq!(stage.outcome(&before).await, Ok(()));
    stage.read(&[entry(
        RevocationOf::Subject,
        subject_id(&issuer, "3f8a").as_uuid(),
        Some(NOW_S - 5),
    )]);
    assert_eq!(stage.outcome(&before).await, Err("AUT-020"));
    assert_eq!(stage.outcome(&same).await, Err("AUT-020"));
    assert_eq!(stage.outcome(&after).await, Ok(()));
}

#[tokio::test]
async fn aut_4_an_entry_of_one_kind_neither_stands_for_another_nor_in_its_way() {
    let stage = Stage::new().await;
    let issuer = stage.idp.config().issuer;
    let (person, session) = (subject_id(&issuer, "3f8a").as_uuid(), session_key(&issuer, "s1"));
    let (sessionless, with_session) = (stage.idp.good(), stage.of_session("s1"));
    // A person's key as a session's, and the other way round, say nothing.
    stage.read(&[
        entry(RevocationOf::Session, person, None),
        entry(RevocationOf::Subject, session, Some(NOW_S)),
        entry(RevocationOf::Sessionless, session, Some(NOW_S)),
    ]);
    assert_eq!(stage.outcome(&sessionless).await, Ok(()));
    assert_eq!(stage.outcome(&with_session).await, Ok(()));
    // Of a person whose session ended, the tokens without a session are out and those of another session are not.
    stage.read(&[entry(RevocationOf::Sessionless, person, Some(NOW_S))]);
    assert_eq!(stage.outcome(&sessionless).await, Err("AUT-020"));
    assert_eq!(stage.outcome(&with_session).await, Ok(()));
    // A later entry of another kind under the same key does not take its place.
    stage.read(&[entry(RevocationOf::Subject, person, Some(NOW_S - 4000))]);
    assert_eq!(stage.outcome(&sessionless).await, Err("AUT-020"));
}

#[tokio::test]
async fn aut_4_a_list_that_is_too_old_to_tell_lets_nobody_in() {
    let stage = Stage::new().await;
    let token = stage.idp.good();
    assert_eq!(stage.outcome(&token).await, Ok(()));
    stage.clock.advance_s(10);
    assert_eq!(stage.outcome(&token).await, Ok(()));
    stage.clock.advance_s(1);
    assert_eq!(stage.outcome(&token).await, Err("AUT-021"));
    stage.read(&[]);
    assert_eq!(stage.outcome(&token).await, Ok(()));
    // A verifier that has never heard of the list.
    let clock = ManualClock::new();
    let unheard = Revocations::new(Arc::clone(&clock) as Arc<dyn Clock>, Duration::from_secs(10));
    let ended = EndedSessions::Listed(Arc::new(unheard));
    let verifier = BearerVerifier::start(vec![stage.idp.config()], ended, options(&clock))
        .await
        .unwrap();
    assert_eq!(outcome(&verifier, &stage.idp.good()).await.unwrap_err(), "AUT-021");
}

#[tokio::test]
async fn aut_4_an_entry_is_forgotten_when_no_token_is_left_that_it_concerns() {
    let stage = Stage::new().await;
    let issuer = stage.idp.config().issuer;
    stage.read(&[Revocation {
        until_s: NOW_S + 60,
        ..entry(RevocationOf::Session, session_key(&issuer, "s1"), None)
    }]);
    assert!(format!("{:?}", stage.list).contains("entries: 1"), "{:?}", stage.list);
    stage.clock.advance_s(60);
    stage.read(&[]);
    assert!(format!("{:?}", stage.list).contains("entries: 0"), "{:?}", stage.list);
    // Read from the beginning, the list is what was read.
    stage.read(&[entry(RevocationOf::Session, session_key(&issuer, "s1"), None)]);
    stage.list.refreshed(stage.clock.unix_ms(), &[], true);
    assert!(format!("{:?}", stage.list).contains("entries: 0"), "{:?}", stage.list);
}

#[tokio::test]
async fn aut_4_a_logout_token_says_whose_session_has_ended() {
    let stage = Stage::new().await;
    let issuer = stage.idp.config().issuer;
    let said = stage.logout("logout+jwt", |_| ()).await.unwrap();
    assert_eq!(said.subject, Some(subject_id(&issuer, "3f8a")));
    assert_eq!(said.session, Some(session_key(&issuer, "s1")));
    assert_eq!(said.issued_s, NOW_S);
    let other = stage
        .logout("logout+jwt", |claims| claims["jti"] = json!("j2"))
        .await
        .unwrap();
    assert_ne!(other.token, said.token);
    let of_all = stage.logout("application/logout+jwt", |claims| {
        drop(claims.as_object_mut().unwrap().remove("sid"))
    });
    assert_eq!(of_all.await.unwrap().session, None);
}

#[tokio::test]
async fn aut_4_hostile_logout_tokens_are_refused_for_their_own_reason() {
    type Change = fn(&mut Value);
    let without = |name: &'static str| move |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove(name));
    type Case = (&'static str, &'static str, Box<dyn FnOnce(&mut Value)>);
    let cases: Vec<Case> = vec![
        ("no event", "AUT-022", Box::new(without("events"))),
        (
            "another event",
            "AUT-022",
            Box::new((|c| c["events"] = json!({"x": {}})) as Change),
        ),
        (
            "an event that is no object",
            "AUT-022",
            Box::new(
                (|c| {
                    c["events"] = json!({"http://schemas.openid.net/event/backchannel-logout": true});
                }) as Change,
            ),
        ),
        (
            "events as a list",
            "AUT-022",
            Box::new(
                (|c| {
                    c["events"] = json!(["http://schemas.openid.net/event/backchannel-logout"]);
                }) as Change,
            ),
        ),
        ("a nonce", "AUT-022", Box::new((|c| c["nonce"] = json!("n")) as Change)),
        (
            "an empty nonce",
            "AUT-022",
            Box::new((|c| c["nonce"] = Value::Null) as Change),
        ),
        (
            "nobody",
            "AUT-022",
            Box::new(
                (|c| {
                    c.as_object_mut()
                        .unwrap()
                        .retain(|name, _| name != "sub" && name != "sid");
                }) as Change,
            ),
        ),
        (
            "the API's audience",
            "AUT-010",
            Box::new((|c| c["aud"] = json!(crate::fixture::AUDIENCE)) as Change),
        ),
        ("no audience", "AUT-008", Box::new(without("aud"))),
        ("no jti", "AUT-008", Box::new(without("jti"))),
        (
            "an empty jti",
            "AUT-008",
            Box::new((|c| c["jti"] = json!("")) as Change),
        ),
        (
            "a number as sid",
            "AUT-008",
            Box::new((|c| c["sid"] = json!(1)) as Change),
        ),
        (
            "an empty sub",
            "AUT-008",
            Box::new((|c| c["sub"] = json!("")) as Change),
        ),
        ("no iat", "AUT-008", Box::new(without("iat"))),
        ("no exp", "AUT-008", Box::new(without("exp"))),
        (
            "from the future",
            "AUT-012",
            Box::new((|c| c["iat"] = json!(NOW_S + 31)) as Change),
        ),
        (
            "old",
            "AUT-011",
            Box::new((|c| c["iat"] = json!(NOW_S - 150)) as Change),
        ),
        (
            "expired",
            "AUT-011",
            Box::new((|c| c["exp"] = json!(NOW_S - 30)) as Change),
        ),
        (
            "another issuer",
            "AUT-009",
            Box::new((|c| c["iss"] = json!("https://other.example")) as Change),
        ),
    ];
    let stage = Stage::new().await;
    for (what, code, change) in cases {
        assert_eq!(stage.logout("logout+jwt", change).await, Err(code), "{what}");
    }
    for typ in ["JWT", "at+jwt", "secevent+jwt", "LOGOUT+JWT", ""] {
        assert_eq!(stage.logout(typ, |_| ()).await, Err("AUT-006"), "{typ}");
    }
    // Signed by somebody else, and a logout token as an access token.
    let head = json!({"alg": "ES256", "typ": "logout+jwt", "kid": "ec-1"}).to_string();
    let claims = stage.logout_claims().to_string();
    let forged = token(&head, &claims, |message| KEYS.stranger.sign(message));
    assert_eq!(stage.verifier.logout(&forged).await.unwrap_err().code(), "AUT-004");
    let genuine = token(&head, &claims, |message| KEYS.ec.sign(message));
    assert!(stage.verifier.logout(&genuine).await.is_ok());
    assert_eq!(stage.outcome(&genuine).await, Err("AUT-006"));
    assert_eq!(
        stage.verifier.logout(&stage.idp.good()).await.unwrap_err().code(),
        "AUT-006"
    );
    // An issuer of which nobody has said under which name it knows us.
    let verifier = BearerVerifier::start(
        vec![stage.idp.config()],
        EndedSessions::NotListed,
        options(&stage.clock),
    )
    .await
    .unwrap();
    assert_eq!(verifier.logout(&genuine).await.unwrap_err().code(), "AUT-022");
}
