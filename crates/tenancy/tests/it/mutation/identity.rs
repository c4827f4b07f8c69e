//! Attacks on what ends before its time: the deny-list, and sessions of people in browsers.

use super::arena::{A, PERSON, REQUEST};
use crate::split_key::signer::{ISSUER, Signer, subject};
use time::OffsetDateTime;
use uuid::Uuid;

const KEY: Uuid = Uuid::from_u128(0x500);
const OTHER: Uuid = Uuid::from_u128(0x501);
const ONCE: Uuid = Uuid::from_u128(0x502);

/// Puts something on the list.
fn revoke(kind: &str, key: Uuid, not_before: &str, once: &str, person: &str) -> String {
    revoke_with(
        kind,
        &format!("'{key}'"),
        not_before,
        "600",
        once,
        person,
        "'session.ended'",
    )
}

fn revoke_with(
    kind: &str,
    key: &str,
    not_before: &str,
    seconds: &str,
    once: &str,
    person: &str,
    event: &str,
) -> String {
    format!(
        "SELECT tenancy.revoke({kind}, {key}, {not_before}, {seconds}, {once}, {person}, NULL, '{REQUEST}', {event}, NULL)"
    )
}

fn id(number: u8) -> String {
    format!("decode(repeat('{number:02x}', 32), 'hex')")
}

/// Begins a session.
fn start(number: u8, person: Uuid, session: &str, issued: &str) -> String {
    start_with(number, person, session, issued, 600, 600)
}

fn start_with(number: u8, person: Uuid, session: &str, issued: &str, idle_s: i32, absolute_s: i32) -> String {
    format!(
        "SELECT tenancy.session_start({}, '{person}', {session}, {issued}, '\\x01', {idle_s}, {absolute_s}, '{REQUEST}', NULL)",
        id(number)
    )
}

fn look(number: u8) -> String {
    format!("SELECT * FROM tenancy.session_use({})", id(number))
}

const LIST: &str = "SELECT kind, key, not_before IS NULL, expires_at > extract(epoch FROM clock_timestamp()), version
    FROM tenancy.revocations_after(0) ORDER BY kind, key";

/// All of them, as statements of the server.
pub(super) fn attacks(signer: &Signer) -> Vec<String> {
    let (key, person) = (format!("'{KEY}'"), format!("'{PERSON}'"));
    // One second for all, whenever they are run.
    let now_s = OffsetDateTime::now_utc().unix_timestamp();
    let at = |seconds: i64| (now_s + seconds).to_string();
    let (now, none) = (at(0), "NULL");
    let session = revoke("'session'", KEY, &now, none, &person);
    let of_person = revoke("'subject'", PERSON, &now, none, none);
    let mut all = vec![
        // What is on the list, and for how long it is told.
        format!("{session}; {LIST}"),
        format!("{of_person}; {LIST}"),
        format!(
            "{session}; {session}; {of_person}; SELECT count(*), min(version), max(version) FROM tenancy.revocations_after(2)"
        ),
        format!(
            "{}; {LIST}",
            revoke_with("'session'", &key, &now, "1", none, none, "'session.revoked'")
        ),
        // A logout token, twice, and one that hides nothing.
        format!(
            "{}; {}; {LIST}",
            revoke("'session'", KEY, &now, &format!("'{ONCE}'"), none),
            revoke("'session'", OTHER, &now, &format!("'{ONCE}'"), none)
        ),
        // An earlier order behind a later one.
        format!(
            "{of_person}; {}; {}",
            revoke("'subject'", PERSON, &at(-50), none, none),
            start(1, PERSON, none, &at(-20))
        ),
        "SELECT count(*) FROM tenancy.revocations_after(0)".to_owned(),
        "SELECT audit.record_session(gen_random_uuid(), 'session.started', NULL, gen_random_uuid(), NULL, NULL, NULL)"
            .to_owned(),
        "SELECT tenancy.is_ended(gen_random_uuid(), NULL, 0)".to_owned(),
        "DELETE FROM tenancy.revocations".to_owned(),
        "UPDATE tenancy.browser_sessions SET ends_at = 'infinity'".to_owned(),
    ];
    // Orders that are none.
    for (kind, key, not_before, seconds, person, event) in [
        ("'logout'", key.as_str(), now.as_str(), "600", none, "'session.ended'"),
        ("'sessionless'", &key, &now, "600", none, "'session.ended'"),
        ("NULL", &key, &now, "600", none, "'session.ended'"),
        ("'session'", "NULL", &now, "600", none, "'session.ended'"),
        ("'session'", &key, &now, "0", none, "'session.ended'"),
        ("'session'", &key, &now, "90001", none, "'session.ended'"),
        ("'session'", &key, &now, "NULL", none, "'session.ended'"),
        ("'session'", &key, "NULL", "600", &person, "'session.ended'"),
        ("'subject'", &key, "NULL", "600", none, "'session.ended'"),
        ("'session'", &key, &now, "600", none, "'session.started'"),
        ("'session'", &key, &now, "600", none, "'client.read'"),
        ("'session'", &key, &now, "600", none, "NULL"),
        ("'subject'", &key, &at(100_000), "600", none, "'session.ended'"),
    ] {
        all.push(revoke_with(kind, key, not_before, seconds, none, person, event));
    }
    // Sessions before and behind an order, of the same person and session, and of others.
    let stranger = Uuid::from_u128(0x52);
    for order in [&session, &of_person] {
        let other = format!("'{OTHER}'");
        for (session, issued) in [
            (key.as_str(), at(0)),
            (&other, at(0)),
            (none, at(0)),
            (none, at(5)),
            (&key, at(5)),
        ] {
            for person in [PERSON, stranger] {
                let start = start(1, person, session, &issued);
                all.push(format!("{order}; {start}; {}", look(1)));
                all.push(format!("{start}; {order}; {}", look(1)));
            }
        }
    }
    all.push(start(1, PERSON, none, none));
    for (idle_s, absolute_s) in [(0, 600), (43_201, 600), (600, 0), (600, 86_401)] {
        all.push(start_with(1, PERSON, none, &at(0), idle_s, absolute_s));
    }
    // A session's whole life; what is another's stays as it is.
    let begun = format!(
        "{}; {}",
        start(1, PERSON, none, &at(0)),
        start(2, stranger, none, &at(0))
    );
    let claim = |version: i32| format!("SELECT tenancy.session_claim({}, {version})", id(1));
    let renew = |version: i32| format!("SELECT tenancy.session_renew({}, {version}, '\\x02')", id(1));
    let end = |number: u8| format!("SELECT tenancy.session_end({}, '{REQUEST}', NULL)", id(number));
    let both = format!("{}; {}", look(1), look(2));
    all.extend([
        format!("{begun}; {}; {}; {}", claim(1), claim(1), claim(2)),
        format!("{begun}; {}; {}; {}; {both}", claim(1), renew(1), claim(2)),
        format!("{begun}; {}; {}; {both}", renew(2), renew(1)),
        format!("{begun}; {}; {}; {both}", end(1), end(1)),
        format!("{begun}; {}; {both}", end(3)),
        format!("{}; {}", start(1, PERSON, none, &at(0)), start(1, PERSON, none, &at(0))),
    ]);
    // The door of the split key.
    let mara = subject(ISSUER, "mara");
    let mut claims = Signer::claims("mara", bearingwall_core::CustomerId::from_uuid(A));
    claims["exp"] = serde_json::json!(claims["iat"].as_i64().unwrap() + 5_000);
    let without = signer.token(&claims);
    claims["sid"] = serde_json::json!("s1");
    let with = signer.token(&claims);
    claims["sid"] = serde_json::json!(7);
    let strange = signer.token(&claims);
    let of_session = format!("tenancy.digest_of(ARRAY['sid', '{ISSUER}', 's1'])");
    let mara_too = format!("'{mara}'");
    for order in [
        revoke("'subject'", mara, &at(0), none, none),
        revoke("'subject'", mara, &at(-6_000), none, none),
        revoke("'session'", KEY, &at(0), none, &mara_too),
        revoke("'session'", KEY, &at(0), none, &person),
        "SELECT 1".to_owned(),
    ] {
        for token in [&without, &with, &strange] {
            all.push(format!(
                "{order}; SELECT l.subject, l.mac IS NOT NULL FROM tenancy.login('{token}', '{A}') l"
            ));
        }
    }
    all.push(format!("SELECT {of_session}"));
    all.push(format!(
        "SELECT mac IS NOT NULL FROM tenancy.ticket('{without}', '{A}')"
    ));
    all
}
