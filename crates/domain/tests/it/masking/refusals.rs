//! PII-9: where policy, key or engine are not as they must be, there is no text, and the record says so.

use super::{passing, redacting, refusals, sql, text};
use crate::spas::{Spas, phi, request};
use bearingwall_domain::masking::Form;
use bearingwall_domain::{DomainError, MaskingError, MaskingOptions};
use bearingwall_pii::Floor;
use std::time::Duration;

const MAIL: &str = "write to ada@example.org";

#[tokio::test]
async fn pii_9_a_policy_that_was_written_by_other_means_refuses_the_text() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    masking.policy_propose(&ask(), &redacting(), passing()).await.unwrap();
    masking.policy_activate(&ask(), 1, 0).await.unwrap();
    assert!(masking.mask(&ask(), text(MAIL, None)).await.is_ok());

    // Everything that SQL can do inside the tenant: a version that keeps everything, its digest right, its test forged.
    let floor: String = Floor::platform_least()
        .digest()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let content = r#"{"version":2,"default":"allow","actions":[["US_SSN","allow"]],"point":"balanced","thresholds":[],"language":"auto","allow":[],"deny":[],"recognizers":[],"segments":{"target_bytes":4096,"most_bytes":16384}}"#;
    for statement in [
        format!(
            "INSERT INTO pii.policies (version, content, lists, samples, digest)
             SELECT 2, c, lists, samples, sha256(int4send(octet_length(c)) || c || int4send(octet_length(lists)) || lists || samples)
               FROM pii.policies, (SELECT convert_to('{content}', 'UTF8') AS c) n WHERE version = 1"
        ),
        format!(
            "INSERT INTO pii.policy_tests (version, digest, floor, passed, samples, failures)
             SELECT 2, digest, '\\x{floor}', true, 1, 0 FROM pii.policies WHERE version = 2"
        ),
        "UPDATE pii.active_policies SET version = 2, revision = 2, digest = (SELECT digest FROM pii.policies WHERE version = 2)".to_owned(),
    ] {
        assert_eq!(sql(&spas, &ask(), &statement).await, Ok(1), "{statement}");
    }
    let (masked, detected) = (ask(), ask());
    let refused = masking.mask(&masked, text(MAIL, None)).await.unwrap_err();
    assert!(matches!(refused, MaskingError::PolicyDamaged), "{refused:?}");
    let refused = masking.detect(&detected, phi(MAIL), Form::Text).await.unwrap_err();
    assert!(matches!(refused, MaskingError::PolicyDamaged), "{refused:?}");
    for ctx in [&masked, &detected] {
        assert_eq!(refusals(&spas, ctx).await, ["DOM-023"]);
    }
    assert!(matches!(masking.policy(&ask()).await, Err(MaskingError::PolicyDamaged)));
    assert!(matches!(
        masking.policy_activate(&ask(), 2, 2).await,
        Err(MaskingError::PolicyDamaged)
    ));
    // The way out: an older one.
    masking.policy_activate(&ask(), 1, 2).await.unwrap();
    assert_eq!(
        masking.mask(&ask(), text(MAIL, None)).await.unwrap().text.as_str(),
        "write to [EMAIL]"
    );
}

#[tokio::test]
async fn pii_9_a_row_that_the_superuser_changed_refuses_the_text() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    let ask = || request(spas.juniper);
    masking.policy_propose(&ask(), &redacting(), passing()).await.unwrap();
    masking.policy_activate(&ask(), 1, 0).await.unwrap();
    spas.superuser()
        .await
        .batch_execute(
            "SET session_replication_role = replica;
             ALTER TABLE pii.policies DROP CONSTRAINT policies_check;
             UPDATE pii.policies SET content = convert_to(replace(convert_from(content, 'UTF8'), 'redact', 'allow'), 'UTF8')",
        )
        .await
        .unwrap();
    let asking = ask();
    let refused = masking.mask(&asking, text(MAIL, None)).await.unwrap_err();
    assert!(matches!(refused, MaskingError::PolicyDamaged), "{refused:?}");
    assert_eq!(refusals(&spas, &asking).await, ["DOM-023"]);
}

#[tokio::test]
async fn pii_9_without_the_tenants_key_there_is_no_text() {
    let spas = Spas::open().await;
    assert!(
        spas.masking()
            .mask(&request(spas.juniper), text(MAIL, None))
            .await
            .is_ok()
    );
    spas.superuser()
        .await
        .batch_execute("ALTER TABLE crm.tenant_keys DISABLE TRIGGER USER; UPDATE crm.tenant_keys SET wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1)")
        .await
        .unwrap();
    let masking = spas.masking();
    let (masked, detected) = (request(spas.juniper), request(spas.juniper));
    let refused = masking.mask(&masked, text(MAIL, None)).await.unwrap_err();
    assert!(
        matches!(refused, MaskingError::Domain(DomainError::Key(_))),
        "{refused:?}"
    );
    assert!(masking.detect(&detected, phi(MAIL), Form::Text).await.is_err());
    for ctx in [&masked, &detected] {
        assert_eq!(refusals(&spas, ctx).await.len(), 1);
    }
}

#[tokio::test]
async fn pii_9_without_the_record_there_is_no_text() {
    let spas = Spas::open().await;
    let masking = spas.masking();
    assert!(masking.mask(&request(spas.juniper), text(MAIL, None)).await.is_ok());
    spas.superuser()
        .await
        .batch_execute("SET bearingwall.audit_ddl = 'on'; REVOKE INSERT ON audit.events FROM bearingwall_app")
        .await
        .unwrap();
    assert!(masking.mask(&request(spas.juniper), text(MAIL, None)).await.is_err());
}

#[tokio::test]
async fn pii_9_more_than_may_be_asked_is_refused() {
    let spas = Spas::open().await;
    let masking = spas.masking_with(MaskingOptions {
        text_bytes: 20_000,
        concurrent: 1,
        patience: Duration::ZERO,
        ..MaskingOptions::default()
    });
    let long = phi(&"a".repeat(20_001));
    let refused = masking.detect(&request(spas.juniper), long, Form::Text).await;
    assert!(matches!(refused, Err(MaskingError::TooLong)));
    let text = phi(&"Ada Lovelace wrote to grace@example.org. ".repeat(450));
    // The keys are there and the policy is known: what is left is the work.
    masking
        .detect(&request(spas.juniper), phi(MAIL), Form::Text)
        .await
        .unwrap();
    let (one, other) = (request(spas.juniper), request(spas.juniper));
    let (one, other) = tokio::join!(
        masking.detect(&one, text.clone(), Form::Text),
        masking.detect(&other, text, Form::Text)
    );
    let (done, refused) = if one.is_ok() { (one, other) } else { (other, one) };
    assert!(done.unwrap().1.len() > 400);
    assert!(matches!(refused, Err(MaskingError::Busy)));
    for options in [
        MaskingOptions {
            policy_cache: Duration::from_secs(61),
            ..MaskingOptions::default()
        },
        MaskingOptions {
            conversation_max: Duration::from_secs(31 * 86_400),
            ..MaskingOptions::default()
        },
    ] {
        let refused = bearingwall_domain::Masking::new(spas.another_process(), options);
        assert!(matches!(refused, Err(MaskingError::Setting { .. })));
    }
}
