//! An operator ends tokens before their time.

use crate::site::site;
use bearingwall_authn::{session_key, subject_id};

const ISSUER: &str = "https://id.example.org/realms/spa";

#[test]
fn aut_4_an_operator_ends_a_session_or_all_of_a_person_on_record() {
    let site = site();
    let database = site.migrated();
    let revoke = |more: &[&str]| {
        let words = [&["sessions", "revoke", "--issuer", ISSUER], more].concat();
        site.admin(&words, &database)
    };
    let entries = "SELECT coalesce(string_agg(concat_ws(' ', key, not_before IS NULL), ';' ORDER BY version), '')
                     FROM tenancy.revocations_after(0) WHERE key IS NOT NULL";
    assert_eq!(site.ask(&database, entries), "");
    assert!(revoke(&["--session", "s1"]).ok().contains("refused"));
    revoke(&["--subject", "dana", "--skew-s", "60"]).ok();
    let (session, subject) = (session_key(ISSUER, "s1"), subject_id(ISSUER, "dana"));
    assert_eq!(site.ask(&database, entries), format!("{session} t;{subject} f"));
    let ahead = "SELECT round(not_before - extract(epoch FROM now()))::text FROM tenancy.revocations_after(0) WHERE not_before IS NOT NULL";
    let ahead: i64 = site.ask(&database, ahead).parse().unwrap();
    assert!((40..=60).contains(&ahead), "{ahead}");
    // By the name in our record, and once more: the later instant counts.
    revoke(&["--subject-id", &subject.to_string(), "--skew-s", "0"]).ok();
    let still = "SELECT (not_before > extract(epoch FROM now()) + 30)::text FROM tenancy.revocations_after(0) WHERE not_before IS NOT NULL";
    assert_eq!(site.ask(&database, still), "true");
    let recorded = "SELECT string_agg(concat_ws(' ', actor_id, resource, resource_id), ';' ORDER BY recorded_at)
                      FROM audit.events WHERE event_type = 'session.revoked'";
    let operator = "00000000-0000-8000-8000-000000000002";
    assert_eq!(
        site.ask(&database, recorded),
        format!("{operator} session {session};{operator} subject {subject};{operator} subject {subject}")
    );
    for incomplete in [&[][..], &["--session", "s1", "--subject", "dana"]] {
        assert_eq!(revoke(incomplete).code, 2, "{incomplete:?}");
    }
}
