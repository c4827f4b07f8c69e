//! Other logs, other keys, other pasts.

use crate::fixture::{CUSTOMER, Log, ORIGIN, key};
use bearingwall_tlog::bundle::{BundleHeader, BundleWriter, Finding, Remembered, Selection, VerifyOptions};
use bearingwall_tlog::checkpoint::SignedCheckpoint;
use bearingwall_tlog::note::{CosigningKey, Note, SigningKey};
use bearingwall_tlog::rotation::Rotation;
use uuid::Uuid;

fn remembered(name: &str, note: &Note) -> Remembered {
    Remembered {
        name: name.to_owned(),
        note: note.to_string().into_bytes(),
    }
}

fn with_remembered(log: &Log, notes: &[Note]) -> VerifyOptions {
    let mut options = log.options();
    options.remembered = notes.iter().map(|note| remembered("kept", note)).collect();
    options
}

#[test]
fn a_fork_is_found_by_a_remembered_checkpoint() {
    let honest = Log::new(50);
    let fork = Log::forked(80, 44);
    // The sizes whose roots follow from the events need no proof.
    for (first, end) in [(0, 80), (30, 80)] {
        let export = fork.export(first, end, 80, &[], &[]);
        assert!(export.findings().is_empty(), "nobody remembers anything");
        let report = export.verify(&with_remembered(&fork, &[honest.checkpoint(50)]));
        let forked = Finding::Forked {
            file: "kept".to_owned(),
            size: 50,
        };
        assert_eq!(report.findings, [forked]);
        let report = export.verify(&with_remembered(&fork, &[honest.checkpoint(44)]));
        assert!(report.verified, "they agree up to there");
        assert_eq!(report.remembered_checked, ["kept"]);
    }
    let same_size = Log::new(80);
    let report = fork
        .export(0, 10, 80, &[], &[])
        .verify(&with_remembered(&fork, &[same_size.checkpoint(80)]));
    assert!(matches!(report.findings.as_slice(), [Finding::Forked { size: 80, .. }]));
}

#[test]
fn a_fork_is_found_by_a_consistency_proof() {
    let honest = Log::new(50);
    let fork = Log::forked(80, 44);
    let export = fork.export(60, 70, 80, &[], &[50, 40]);
    let report = export.verify(&with_remembered(&fork, &[honest.checkpoint(50)]));
    assert!(matches!(
        report.findings.as_slice(),
        [Finding::Inconsistent { size: 50, .. }]
    ));
    let report = export.verify(&with_remembered(&fork, &[honest.checkpoint(40)]));
    assert!(report.verified);
    // What the export cannot prove is not passed over in silence.
    let report = export.verify(&with_remembered(&fork, &[honest.checkpoint(41)]));
    assert!(matches!(
        report.findings.as_slice(),
        [Finding::NotCompared { size: 41, .. }]
    ));
}

#[test]
fn a_rewound_log_is_found() {
    let log = Log::new(50);
    let report = log
        .export(0, 40, 40, &[], &[])
        .verify(&with_remembered(&log, &[log.checkpoint(50)]));
    assert!(matches!(
        report.findings.as_slice(),
        [Finding::Rewound { size: 50, .. }]
    ));
}

#[test]
fn a_remembered_checkpoint_that_the_log_did_not_sign_is_no_witness() {
    let log = Log::new(50);
    let forged = log.checkpoint_by(30, &key(9));
    let report = log
        .export(0, 50, 50, &[], &[])
        .verify(&with_remembered(&log, &[forged]));
    assert!(matches!(report.findings.as_slice(), [Finding::Checkpoint { .. }]));
}

#[test]
fn an_earlier_checkpoint_of_a_fork_is_found() {
    let log = Log::new(50);
    let export = log.export(10, 50, 50, &[30], &[]);
    let fork = Log::forked(50, 20);
    let name = format!("checkpoints/{:020}", 30);
    export.write(&name, fork.checkpoint(30).to_string().as_bytes());
    assert!(matches!(
        export.findings().as_slice(),
        [Finding::Forked { size: 30, .. }]
    ));
    export.write(&name, log.checkpoint(31).to_string().as_bytes());
    assert!(matches!(export.findings().as_slice(), [Finding::Checkpoint { .. }]));
}

#[test]
fn an_earlier_checkpoint_without_a_proof_is_told() {
    let log = Log::new(50);
    let export = log.export(40, 50, 50, &[30], &[]);
    std::fs::remove_file(export.file("consistency.json")).unwrap();
    export.change_manifest(|_| ());
    let report = export.verify(&log.options());
    assert!(report.verified);
    assert_eq!(report.checkpoints_not_checked, [30]);
    assert!(report.checkpoints_checked.is_empty());
}

#[test]
fn the_wrong_key_the_wrong_origin_and_the_wrong_tenant_are_found() {
    let log = Log::new(10);
    let export = log.export(0, 10, 10, &[], &[]);
    let report = export.verify(&VerifyOptions::new(key(2).verifier()));
    assert!(matches!(report.findings.as_slice(), [Finding::Checkpoint { .. }]));
    assert_eq!(report.events_proven, 0);

    let mut options = log.options();
    options.origin = Some("audit.example.org/tenant/8".to_owned());
    let report = export.verify(&options);
    assert!(matches!(
        report.findings.as_slice(),
        [Finding::Origin { .. }, Finding::Checkpoint { .. }]
    ));

    let mut options = log.options();
    let other = Uuid::from_u128(8);
    options.customer_id = Some(other);
    let found = CUSTOMER;
    let expected = other;
    assert_eq!(
        export.verify(&options).findings,
        [Finding::Customer { expected, found }]
    );

    // Relabelled as another tenant's: the signed events say otherwise.
    export.change_manifest(|manifest| manifest.customer_id = other);
    let findings = export.findings();
    assert_eq!(findings.len(), 10);
    assert!(
        findings
            .iter()
            .all(|finding| matches!(finding, Finding::ForeignEvent { .. }))
    );
    export.change_manifest(|manifest| manifest.origin = "audit.example.org/tenant/8".to_owned());
    assert!(matches!(export.findings()[0], Finding::Origin { .. }));
}

#[test]
fn a_checkpoint_of_another_size_or_tree_is_found() {
    let log = Log::new(20);
    let export = log.export(0, 15, 20, &[], &[]);
    export.write("checkpoint", log.checkpoint(19).to_string().as_bytes());
    assert!(matches!(export.findings().as_slice(), [Finding::Checkpoint { .. }]));
    // The same key has signed another tree: no event can be blamed, and that is said.
    export.write("checkpoint", Log::forked(20, 3).checkpoint(20).to_string().as_bytes());
    assert_eq!(
        export.findings(),
        [Finding::LeavesUnproven {
            sound_below: None,
            broken_below: 20
        }]
    );
}

#[test]
fn witnesses_are_counted() {
    let log = Log::new(10);
    let export = log.export(0, 10, 10, &[], &[]);
    let witness = CosigningKey::from_seed("witness.example/1", &[5; 32]).unwrap();
    let mut options = log.options();
    options.witnesses = vec![witness.verifier()];
    assert!(export.verify(&options).verified, "no quorum was asked for");
    options.quorum = 1;
    assert!(matches!(
        export.verify(&options).findings.as_slice(),
        [Finding::Witnesses { .. }]
    ));
    let mut note = log.checkpoint(10);
    note.cosign(&witness, 1_700_000_000).unwrap();
    export.write("checkpoint", note.to_string().as_bytes());
    let report = export.verify(&options);
    assert!(report.verified);
    assert_eq!(report.cosigned_by, [("witness.example/1".to_owned(), 1_700_000_000)]);
    options.quorum = 2;
    assert!(!export.verify(&options).verified);
}

#[test]
fn a_rotated_key_is_followed_and_its_checkpoints_are_checked_by_the_right_key() {
    let mut log = Log::new(60);
    let (old, new) = (key(1), key(2));
    let earlier = log.checkpoint(30);
    log.key = key(2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("export");
    let header = BundleHeader {
        customer_id: CUSTOMER,
        selection: Selection::Range,
        first: 0,
    };
    let signed = SignedCheckpoint::verify(log.checkpoint(60), ORIGIN, &[new.verifier()]).unwrap();
    let mut writer = BundleWriter::create(&path, header, &signed).unwrap();
    for (index, line) in log.lines.iter().enumerate() {
        writer.event(index as u64, line).unwrap();
    }
    let rotation = Rotation::new(ORIGIN, 40, new.verifier()).unwrap();
    writer.rotation(&rotation.sign(&old).unwrap()).unwrap();
    writer.earlier(&earlier).unwrap();
    writer.finish(&log.tree, &[]).unwrap();
    let verify = |key: &SigningKey| {
        let options = VerifyOptions::new(key.verifier());
        bearingwall_tlog::bundle::verify(&path, &options, &mut |_| ()).unwrap()
    };
    let report = verify(&old);
    assert!(report.verified, "{:?}", report.findings);
    assert_eq!(report.checkpoints_checked, [30]);
    // Whoever trusts the new key only cannot judge what the old one signed.
    let report = verify(&new);
    assert!(matches!(report.findings.as_slice(), [Finding::Checkpoint { file, .. }] if file.ends_with("30")));
    assert!(matches!(
        verify(&key(3)).findings.as_slice(),
        [Finding::KeyChain { .. }]
    ));
}
