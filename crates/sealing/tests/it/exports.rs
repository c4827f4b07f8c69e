//! What is exported verifies without the database, and only as long as it is what was sealed.

use crate::fixture::{ORIGIN, Record, SPRUCE, key, options, seal_all};
use bearingwall_sealing::{Examination, ExportOptions, Range, Scope, SealingError, export, key_for_log, log_origin};
use bearingwall_tlog::bundle::{VerifyOptions, verify};
use std::time::Duration;

async fn sealed() -> Record {
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    for count in [600, 40, 1] {
        record.write(SPRUCE, count).await;
        seal_all(&mut sealer).await;
    }
    drop(sealer);
    record
}

#[tokio::test]
async fn aud_5_an_export_verifies_offline_with_the_public_key_alone() {
    let record = sealed().await;
    let directory = tempfile::tempdir().unwrap();
    let trusted = key(1).verifier(ORIGIN).unwrap();
    for (name, range, earlier, count) in [
        ("all", Range::default(), vec![600, 640], 641),
        (
            "middle",
            Range {
                first: 100,
                past: Some(610),
            },
            vec![600],
            510,
        ),
        ("last", Range { first: 640, past: None }, vec![], 1),
    ] {
        let target = directory.path().join(name);
        let options = ExportOptions {
            range,
            earlier,
            trusted: Some(trusted.clone()),
            ..ExportOptions::default()
        };
        let mut told = Vec::new();
        let exported = record
            .export(SPRUCE, &target, &options, &mut |done, of| told.push((done, of)))
            .await
            .unwrap();
        assert_eq!((exported.manifest.count, exported.manifest.tree_size), (count, 641));
        assert_eq!(told.last(), Some(&(count, count)));
        let expected = key_for_log(&trusted, &log_origin(ORIGIN, SPRUCE)).unwrap();
        assert_eq!(exported.key, expected);
        let report = verify(&target, &VerifyOptions::new(expected), &mut |_| {}).unwrap();
        assert!(report.verified, "{name}: {report:?}");
    }
    let stranger = key_for_log(&key(2).verifier("x").unwrap(), &log_origin(ORIGIN, SPRUCE)).unwrap();
    let report = verify(
        &directory.path().join("all"),
        &VerifyOptions::new(stranger),
        &mut |_| {},
    )
    .unwrap();
    assert!(!report.verified);
}

#[tokio::test]
async fn aud_5_an_export_over_a_rotation_verifies_with_the_first_key() {
    let record = sealed().await;
    let mut rotating = options();
    rotating.previous = Some(key(1));
    let mut sealer = loop {
        if let Ok(sealer) = record.sealer_with(key(2), rotating.clone()).await.unwrap() {
            break sealer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    record.write(SPRUCE, 5).await;
    seal_all(&mut sealer).await;
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("export");
    let trusted = key(1).verifier(&log_origin(ORIGIN, SPRUCE)).unwrap();
    record
        .export(SPRUCE, &target, &ExportOptions::default(), &mut |_, _| {})
        .await
        .unwrap();
    let report = verify(&target, &VerifyOptions::new(trusted), &mut |_| {}).unwrap();
    assert!(report.verified, "{report:?}");
}

#[tokio::test]
async fn aud_5_what_was_changed_or_removed_since_cannot_be_exported() {
    let record = sealed().await;
    let directory = tempfile::tempdir().unwrap();
    record
        .forge(&format!(
            "UPDATE audit.events SET outcome_code = 'nothing' WHERE event_id = (SELECT event_id FROM audit.leaves WHERE customer_id = '{SPRUCE}' AND leaf_index = 630)"
        ))
        .await;
    let target = directory.path().join("changed");
    let refused = record
        .export(SPRUCE, &target, &ExportOptions::default(), &mut |_, _| {})
        .await
        .unwrap_err();
    assert!(matches!(refused, SealingError::Note(_)), "{refused:?}");
    assert!(!target.exists());
    record
        .forge(&format!(
            "DELETE FROM audit.events WHERE event_id = (SELECT event_id FROM audit.leaves WHERE customer_id = '{SPRUCE}' AND leaf_index = 630)"
        ))
        .await;
    let refused = record
        .export(SPRUCE, &target, &ExportOptions::default(), &mut |_, _| {})
        .await
        .unwrap_err();
    assert!(
        matches!(refused, SealingError::Note(_) | SealingError::NotFound { .. }),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_dir(directory.path()).unwrap().count(),
        0,
        "nothing half-written is left"
    );
    let auditor = record.auditor().await;
    let nobody = Scope::ExportOf(uuid::Uuid::from_u128(99));
    let unknown = Examination::begin(&auditor, nobody).await.map(drop);
    assert!(matches!(unknown, Err(SealingError::NotFound { .. })), "{unknown:?}");
}

#[tokio::test]
async fn aud_8_nothing_is_exported_that_was_not_announced_and_the_announcement_stands_in_the_tenants_log() {
    let record = sealed().await;
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("export");
    let auditor = record.auditor().await;
    let other = uuid::Uuid::from_u128(6);
    record.write(other, 1).await;
    seal_all(&mut record.sealer().await).await;
    for scope in [Scope::AllLogs, Scope::LogOf(SPRUCE), Scope::ExportOf(other)] {
        let examination = Examination::begin(&auditor, scope).await.unwrap();
        let refused = export(&examination, SPRUCE, &target, &ExportOptions::default(), &mut |_, _| {}).await;
        assert!(matches!(refused, Err(SealingError::Identity { .. })), "{refused:?}");
        assert!(!target.exists());
    }
    record
        .export(SPRUCE, &target, &ExportOptions::default(), &mut |_, _| {})
        .await
        .unwrap();
    let announced =
        format!("SELECT count(*) FROM audit.events WHERE event_type = 'audit.exported' AND customer_id = '{SPRUCE}'");
    assert_eq!(record.number(&announced).await, 1);
    // A record that takes nothing shows nothing.
    record
        .superuser
        .batch_execute("SET bearingwall.audit_ddl = 'on'; REVOKE EXECUTE ON FUNCTION audit.record_examination(text, text, uuid) FROM bearingwall_auditor")
        .await
        .unwrap();
    let refused = Examination::begin(&auditor, Scope::AllLogs).await.map(drop);
    assert!(matches!(refused, Err(SealingError::Unwritten(_))), "{refused:?}");
}
