//! PII-7: a policy is tested in exactly its content and over the present floor before it is in force, and nothing changes it.

use super::{count, is_conflict, is_not_found, passing, redacting, sample, sql, text};
use crate::spas::{Spas, request};
use bearingwall_core::Classified as _;
use bearingwall_domain::MaskingError;
use bearingwall_pii::{Action, Floor, PolicyDraft};
use std::fmt::Write as _;

const MAIL: &str = "write to ada@example.org";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test]
async fn pii_7_the_floor_that_the_database_names_is_this_releases() {
    let spas = Spas::open().await;
    let row = spas
        .superuser()
        .await
        .query_one(
            "SELECT with_check FROM pg_policies WHERE schemaname = 'pii' AND tablename = 'active_policies' AND policyname = 'platform_floor'",
            &[],
        )
        .await
        .unwrap();
    let named: String = row.get(0);
    let digest = hex(&Floor::platform_least().digest());
    assert!(
        named.contains(&digest),
        "the floor has changed: a migration has to make the policy `platform_floor` anew with {digest}; it says {named}"
    );
}

#[tokio::test]
async fn pii_7_a_version_is_proposed_tested_activated_and_gone_back_to() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    let none = masking.policy(&ask()).await.unwrap();
    assert_eq!((none.version, none.revision), (0, 0));
    let masked = masking.mask(&ask(), text(MAIL, None)).await.unwrap();
    assert!(masked.text.as_str().starts_with("write to [EMAIL_1_"), "{masked:?}");

    let proposing = ask();
    let first = masking
        .policy_propose(&proposing, &redacting(), passing())
        .await
        .unwrap();
    assert_eq!((first.version, first.test.passed()), (1, true));
    let events = spas.events(&proposing).await;
    assert_eq!(events["pii_policy.proposed completed pii.policies "], 1);
    assert_eq!(events["pii_policy.tested completed pii.policy_tests "], 1);
    // Not in force before somebody puts it there.
    assert_eq!(masking.policy(&ask()).await.unwrap().version, 0);
    assert_eq!(masking.mask(&ask(), text(MAIL, None)).await.unwrap().policy, 0);

    let activating = ask();
    assert_eq!(masking.policy_activate(&activating, 1, 0).await.unwrap(), 1);
    assert_eq!(
        spas.events(&activating).await["pii_policy.activated completed pii.active_policies "],
        1
    );
    let recorded = spas
        .superuser()
        .await
        .query_one(
            "SELECT resource_version, after_digest FROM audit.events WHERE request_id = $1 AND event_type = 'pii_policy.activated'",
            &[&activating.request().as_uuid()],
        )
        .await
        .unwrap();
    assert_eq!(
        (recorded.get::<_, i64>(0), recorded.get::<_, Vec<u8>>(1)),
        (1, first.digest.to_vec())
    );
    let masked = masking.mask(&ask(), text(MAIL, None)).await.unwrap();
    assert_eq!((masked.text.as_str(), masked.policy), ("write to [EMAIL]", 1));

    let lenient = PolicyDraft {
        actions: vec![("EMAIL".to_owned(), Action::Allow)],
        deny: vec![("Project Juniper".to_owned(), "CUSTOM".to_owned())],
        ..redacting()
    };
    let kept = vec![sample(MAIL, &[], &["ada@example.org"])];
    masking.policy_propose(&ask(), &lenient, kept).await.unwrap();
    masking.policy_activate(&ask(), 2, 1).await.unwrap();
    assert_eq!(
        masking.mask(&ask(), text(MAIL, None)).await.unwrap().text.as_str(),
        MAIL
    );
    let read = masking.policy(&ask()).await.unwrap();
    assert_eq!(read.draft, PolicyDraft { version: 2, ..lenient });

    // Back, which is an activation of its own.
    assert!(is_conflict(&masking.policy_activate(&ask(), 1, 1).await.unwrap_err()));
    assert_eq!(masking.policy_activate(&ask(), 1, 2).await.unwrap(), 3);
    let versions = masking.policy_versions(&ask()).await.unwrap();
    let told: Vec<_> = versions
        .iter()
        .map(|version| (version.version, version.passed, version.active))
        .collect();
    assert_eq!(told, [(2, Some(true), false), (1, Some(true), true)]);

    // Another tenant has none of it.
    let other = request(spas.saltmarsh);
    assert_eq!(masking.policy(&other).await.unwrap().version, 0);
    assert!(is_not_found(&masking.policy_activate(&other, 1, 0).await.unwrap_err()));
    assert!(is_not_found(&masking.policy_version(&other, 1).await.unwrap_err()));
}

#[tokio::test]
async fn pii_7_a_version_that_fails_its_samples_does_not_come_into_force() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    let samples = vec![
        sample(MAIL, &["ada@example.org"], &[]),
        sample("call Juniper at noon", &["noon"], &["Juniper", "call"]),
    ];
    let proposed = masking.policy_propose(&ask(), &redacting(), samples).await.unwrap();
    let failures: Vec<_> = proposed
        .test
        .failures
        .iter()
        .map(|failure| (failure.sample, failure.left, failure.expectation))
        .collect();
    assert!(failures.contains(&(1, true, 0)), "{failures:?}");
    let refused = masking.policy_activate(&ask(), 1, 0).await.unwrap_err();
    assert!(matches!(refused, MaskingError::Untested), "{refused:?}");
    assert_eq!(masking.policy(&ask()).await.unwrap().version, 0);
    assert_eq!(masking.policy_versions(&ask()).await.unwrap()[0].passed, Some(false));
}

#[tokio::test]
async fn pii_7_what_is_no_test_or_below_the_floor_or_too_much_is_not_stored() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    for samples in [
        vec![],
        vec![sample(MAIL, &[], &[])],
        vec![sample(MAIL, &["somebody else"], &[])],
        vec![sample(&"a".repeat(8_193), &["a"], &[])],
        vec![sample(MAIL, &["ada"], &[]); 65],
    ] {
        let refused = masking.policy_propose(&ask(), &redacting(), samples).await.unwrap_err();
        assert_eq!(refused.code(), "DOM-001");
    }
    for (name, action) in [
        ("US_SSN", Action::Allow),
        ("SECRET", Action::Placeholder),
        ("CREDIT_CARD", Action::Generalise),
    ] {
        let draft = PolicyDraft {
            actions: vec![(name.to_owned(), action)],
            ..redacting()
        };
        let refused = masking.policy_propose(&ask(), &draft, passing()).await.unwrap_err();
        assert!(
            matches!(refused, MaskingError::BelowFloor { entity } if entity == name),
            "{name}: {refused:?}"
        );
    }
    let unknown = PolicyDraft {
        actions: vec![("SHOE_SIZE".to_owned(), Action::Redact)],
        ..redacting()
    };
    assert_eq!(
        masking
            .policy_propose(&ask(), &unknown, passing())
            .await
            .unwrap_err()
            .code(),
        "PII-020"
    );
    let many = PolicyDraft {
        allow: vec!["word".to_owned(); 10_001],
        ..redacting()
    };
    assert_eq!(
        masking
            .policy_propose(&ask(), &many, passing())
            .await
            .unwrap_err()
            .code(),
        "PII-023"
    );
    assert_eq!(count(&spas, "SELECT count(*) FROM pii.policies").await, 0);
}

#[tokio::test]
async fn pii_7_of_two_activations_at_once_one_wins() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    for _ in 0..2 {
        masking.policy_propose(&ask(), &redacting(), passing()).await.unwrap();
    }
    let rival = spas.masking();
    for revision in 0..4 {
        let (one, other) = (ask(), ask());
        let (one, other) = tokio::join!(
            masking.policy_activate(&one, 1, revision),
            rival.policy_activate(&other, 2, revision)
        );
        let (won, lost) = if one.is_ok() { (one, other) } else { (other, one) };
        assert_eq!(won.unwrap(), revision + 1);
        assert!(is_conflict(&lost.unwrap_err()));
    }
    assert_eq!(
        count(
            &spas,
            "SELECT count(*) FROM audit.events WHERE event_type = 'pii_policy.activated'"
        )
        .await,
        4
    );
}

/// What an activation by hand needs, as SQL.
fn activation(revision: i64, version: i32, digest: &str, floor: &str, more: (&str, &str)) -> String {
    let (column, value) = more;
    format!(
        "INSERT INTO pii.active_policies (revision, version, digest, floor{column}) VALUES ({revision}, {version}, {digest}, '\\x{floor}'{value})"
    )
}

#[tokio::test]
async fn pii_7_no_sql_activates_what_was_not_tested_in_exactly_this_content_over_this_floor() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    masking.policy_propose(&ask(), &redacting(), passing()).await.unwrap();
    let failing = vec![sample("call Juniper at noon", &["call"], &[])];
    masking.policy_propose(&ask(), &redacting(), failing).await.unwrap();
    // A third, without any test.
    let copied = "INSERT INTO pii.policies (version, content, lists, samples, digest) SELECT 3, content, lists, samples, digest FROM pii.policies WHERE version = 1";
    assert_eq!(sql(&spas, &ask(), copied).await, Ok(1));
    let floor = hex(&Floor::platform_least().digest());
    let of = |version: i32| format!("(SELECT digest FROM pii.policies WHERE version = {version})");
    let foreign = "violates foreign key constraint";
    let row_security = "violates row-level security policy";
    for (attack, statement, refusal) in [
        ("untested", activation(1, 3, &of(3), &floor, ("", "")), foreign),
        ("failed", activation(1, 2, &of(2), &floor, ("", "")), foreign),
        (
            "failed and says so",
            activation(1, 2, &of(2), &floor, (", passed", ", false")),
            "violates check constraint",
        ),
        (
            "tested in another content",
            activation(1, 1, &of(2), &floor, ("", "")),
            foreign,
        ),
        (
            "over another floor",
            activation(1, 1, &of(1), &"00".repeat(32), ("", "")),
            row_security,
        ),
        (
            "in somebody else's name",
            activation(1, 1, &of(1), &floor, (", activated_by", ", gen_random_uuid()")),
            row_security,
        ),
    ] {
        let said = sql(&spas, &ask(), &statement).await.unwrap_err();
        assert!(said.contains(refusal), "{attack}: {said}");
    }
    // A result over another floor opens nothing either.
    let other_floor = format!(
        "INSERT INTO pii.policy_tests (version, digest, floor, passed, samples, failures) SELECT 1, digest, '\\x{}', true, 1, 0 FROM pii.policies WHERE version = 1",
        "00".repeat(32)
    );
    assert_eq!(sql(&spas, &ask(), &other_floor).await, Ok(1));
    let said = sql(&spas, &ask(), &activation(1, 1, &of(1), &"00".repeat(32), ("", ""))).await;
    assert!(said.unwrap_err().contains(row_security));
    let forged = "INSERT INTO pii.policy_tests (version, digest, floor, passed, samples, failures, tested_by) SELECT 3, digest, floor, true, 1, 0, gen_random_uuid() FROM pii.policy_tests LIMIT 1";
    assert!(sql(&spas, &ask(), forged).await.unwrap_err().contains(row_security));
    assert_eq!(count(&spas, "SELECT count(*) FROM pii.active_policies").await, 0);
    masking.policy_activate(&ask(), 1, 0).await.unwrap();
}

#[tokio::test]
async fn pii_7_no_sql_of_the_server_changes_or_removes_a_version_or_a_result() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    masking.policy_propose(&ask(), &redacting(), passing()).await.unwrap();
    masking.policy_activate(&ask(), 1, 0).await.unwrap();
    for statement in [
        "UPDATE pii.policies SET content = content",
        "DELETE FROM pii.policies",
        "TRUNCATE pii.policies",
        "UPDATE pii.policy_tests SET passed = true",
        "DELETE FROM pii.policy_tests",
        "DELETE FROM pii.active_policies",
        "ALTER TABLE pii.policies DISABLE ROW LEVEL SECURITY",
    ] {
        let said = sql(&spas, &ask(), statement).await.unwrap_err();
        assert!(
            said.contains("permission denied") || said.contains("not permitted on this connection"),
            "{statement}: {said}"
        );
    }
    let loosened = "INSERT INTO pii.policies (version, content, lists, samples, digest) SELECT 2, 'x', lists, samples, digest FROM pii.policies";
    let said = sql(&spas, &ask(), loosened).await.unwrap_err();
    assert!(said.contains("violates check constraint"), "{said}");
    // Another tenant sees and touches none of it.
    let other = request(spas.saltmarsh);
    for table in ["policies", "policy_tests", "active_policies"] {
        assert_eq!(
            sql(&spas, &other, &format!("SELECT FROM pii.{table}")).await,
            Ok(0),
            "{table}"
        );
        assert_eq!(
            sql(&spas, &ask(), &format!("SELECT FROM pii.{table}")).await,
            Ok(1),
            "{table}"
        );
    }
    assert_eq!(
        sql(&spas, &other, "UPDATE pii.active_policies SET version = 1").await,
        Ok(0)
    );
}

#[tokio::test]
async fn pii_7_a_preview_says_what_another_policy_would_change_and_keeps_nothing() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let asking = request(spas.juniper);
    let other = PolicyDraft {
        actions: vec![("EMAIL".to_owned(), Action::Redact)],
        deny: vec![("lighthouse".to_owned(), "CUSTOM".to_owned())],
        thresholds: vec![("PHONE".to_owned(), 0.7)],
        ..PolicyDraft::default()
    };
    let texts = vec![crate::spas::phi("the lighthouse wrote to ada@example.org")];
    let shown = masking.policy_preview(&asking, &other, texts).await.unwrap();
    let one = &shown[0];
    assert!(
        one.before.as_str().starts_with("the lighthouse wrote to [EMAIL_1_"),
        "{one:?}"
    );
    assert_eq!(one.after.as_str().rsplit(' ').next(), Some("[EMAIL]"));
    let gained: Vec<_> = one.gained.iter().map(|found| found.entity.name()).collect();
    assert_eq!((gained, one.lost.len()), (vec!["CUSTOM"], 0));
    let (before, after) = &one.changed[0];
    assert_eq!((before.action, after.action), (Action::Placeholder, Action::Redact));
    assert_eq!(count(&spas, "SELECT count(*) FROM pii.conversations").await, 0);
    assert_eq!(count(&spas, "SELECT count(*) FROM pii.policies").await, 0);
}
