//! The other files of an export: each is missing, malformed or damaged in turn.

use super::{END, FIRST, SIZE, export};
use crate::fixture::Log;
use bearingwall_tlog::bundle::{BundleError, Finding, verify};
use proptest::prelude::*;
use std::fs;

#[test]
fn only_an_export_is_examined() {
    let log = Log::new(3);
    let folder = tempfile::tempdir().unwrap();
    let examine = |path: &std::path::Path| verify(path, &log.options(), &mut |_| ());
    assert!(matches!(examine(folder.path()), Err(BundleError::NoExport { .. })));
    assert!(matches!(
        examine(&folder.path().join("absent")),
        Err(BundleError::Io { .. })
    ));
}

#[test]
fn a_missing_file_is_found() {
    for file in ["events.jsonl", "leaves", "checkpoint", "range.json"] {
        let export = export();
        fs::remove_file(export.file(file)).unwrap();
        for relisted in [false, true] {
            if relisted {
                export.change_manifest(|_| ());
            }
            let missing = Finding::FileMissing { file: file.to_owned() };
            assert!(export.findings().contains(&missing), "{file}");
        }
    }
}

#[test]
fn what_does_not_belong_is_found() {
    let export = export();
    fs::write(export.file("notes.txt"), b"").unwrap();
    fs::write(export.file("rotations"), b"").unwrap();
    fs::create_dir(export.file("more")).unwrap();
    let unexpected: Vec<Finding> = ["more", "notes.txt", "rotations"]
        .map(|file| Finding::FileUnexpected { file: file.to_owned() })
        .into();
    assert_eq!(export.findings(), unexpected);
    // Neither does it belong when the manifest lists it.
    fs::remove_file(export.file("rotations")).unwrap();
    fs::remove_dir(export.file("more")).unwrap();
    export.change_manifest(|_| ());
    let notes = Finding::FileUnexpected {
        file: "notes.txt".to_owned(),
    };
    assert!(export.findings().contains(&notes));
}

#[cfg(unix)]
#[test]
fn a_link_is_not_followed() {
    let export = export();
    let outside = export.path.with_file_name("outside");
    fs::rename(export.file("checkpoint"), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, export.file("checkpoint")).unwrap();
    let findings = export.findings();
    let file = "checkpoint".to_owned();
    assert!(findings.contains(&Finding::FileUnexpected { file: file.clone() }));
    assert!(findings.contains(&Finding::FileMissing { file }));
}

#[test]
fn a_manifest_that_claims_otherwise_is_found() {
    let log = Log::new(SIZE);
    type Change = fn(&mut bearingwall_tlog::bundle::Manifest);
    let changes: [Change; 6] = [
        |manifest| manifest.first += 1,
        |manifest| manifest.first -= 1,
        |manifest| manifest.count += 1,
        |manifest| manifest.count -= 1,
        |manifest| manifest.tree_size += 1,
        |manifest| manifest.selection = bearingwall_tlog::bundle::Selection::Selected,
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let export = export();
        export.change_manifest(change);
        assert!(!export.verify(&log.options()).verified, "change {number}");
    }
    for text in ["{}", "", "[]", r#"{"format":"bearingwall-audit-export/2"}"#, "\u{fffd}"] {
        let export = export();
        fs::write(export.file("manifest.json"), text).unwrap();
        assert!(matches!(export.findings().as_slice(), [Finding::Manifest { .. }]));
    }
    // An unknown member could mean anything.
    let export = export();
    let text = fs::read_to_string(export.file("manifest.json")).unwrap();
    fs::write(export.file("manifest.json"), text.replacen('{', r#"{"more":1,"#, 1)).unwrap();
    assert!(matches!(export.findings().as_slice(), [Finding::Manifest { .. }]));
    // 2^53 and more is not exact for every reader.
    fs::write(
        export.file("manifest.json"),
        text.replace(&format!(r#""tree_size": {SIZE}"#), r#""tree_size": 9007199254740992"#),
    )
    .unwrap();
    assert!(matches!(export.findings().as_slice(), [Finding::Manifest { .. }]));
}

#[test]
fn damaged_leaf_hashes_are_told_from_damaged_events() {
    let export = export();
    let mut leaves = fs::read(export.file("leaves")).unwrap();
    leaves[100] ^= 1;
    export.write("leaves", &leaves);
    assert_eq!(export.findings(), [Finding::LeavesDamaged]);
    leaves.truncate(leaves.len() - 1);
    export.write("leaves", &leaves);
    let findings = export.findings();
    assert!(matches!(
        findings.as_slice(),
        [Finding::FileMalformed { .. }, Finding::LeavesDamaged]
    ));
}

#[test]
fn an_event_that_is_changed_with_its_leaf_hash_is_confined_by_earlier_checkpoints() {
    let export = export();
    let mut lines = export.lines();
    let position = usize::try_from(45 - FIRST).unwrap();
    lines[position].push(b' ');
    export.tamper(&lines);
    let leaves: Vec<u8> = lines
        .iter()
        .flat_map(|line| *bearingwall_tlog::Hash::leaf(line).as_bytes())
        .collect();
    export.write("leaves", &leaves);
    let findings = export.findings();
    assert_eq!(
        findings[0],
        Finding::LeavesUnproven {
            sound_below: Some(40),
            broken_below: END
        }
    );
}

#[test]
fn other_sides_of_a_range_are_found() {
    let export = export();
    let text = fs::read_to_string(export.file("range.json")).unwrap();
    let changed = text.replacen(['0', '1', '2'], "3", 1);
    assert_ne!(text, changed);
    export.write("range.json", changed.as_bytes());
    assert!(matches!(export.findings()[0], Finding::LeavesUnproven { .. }));
    for text in [
        r#"{"left":[],"right":[]}"#,
        r#"{"left":[]}"#,
        "",
        r#"{"left":["AA"],"right":[]}"#,
    ] {
        export.write("range.json", text.as_bytes());
        assert!(matches!(export.findings()[0], Finding::FileMalformed { .. }), "{text}");
    }
}

#[test]
fn a_signed_line_that_is_no_event_is_found() {
    let mut log = Log::new(0);
    for (index, line) in ["[1]", "{}", r#"{"event_id":7}"#, "text", r#"{"event_id":"a"}"#]
        .iter()
        .enumerate()
    {
        log.lines.push(line.as_bytes().to_vec());
        log.tree.append(bearingwall_tlog::Hash::leaf(line.as_bytes()));
        let folder = tempfile::tempdir().unwrap();
        let header = bearingwall_tlog::bundle::BundleHeader {
            customer_id: crate::fixture::CUSTOMER,
            selection: bearingwall_tlog::bundle::Selection::Range,
            first: index as u64,
        };
        let target = folder.path().join("e");
        let size = index as u64 + 1;
        let mut writer = bearingwall_tlog::bundle::BundleWriter::create(&target, header, &log.signed(size)).unwrap();
        let written = writer.event(index as u64, line.as_bytes());
        assert_eq!(written.is_ok(), *line == r#"{"event_id":"a"}"#);
    }
    // An exporter of another make could write them.
    let export = log.export(4, 5, 5, &[], &[]);
    export.tamper(&[b"[1]".to_vec()]);
    let leaf = bearingwall_tlog::Hash::leaf(b"[1]");
    let one: bearingwall_tlog::merkle::MemoryTree = [leaf].into_iter().collect();
    let note = bearingwall_tlog::checkpoint::Checkpoint::new(crate::fixture::ORIGIN, 1, one.root())
        .unwrap()
        .sign(&[&log.key])
        .unwrap();
    export.write("checkpoint", note.to_string().as_bytes());
    export.write("leaves", leaf.as_bytes());
    export.write("range.json", br#"{"left":[],"right":[]}"#);
    export.change_manifest(|manifest| {
        manifest.first = 0;
        manifest.tree_size = 1;
    });
    assert_eq!(export.findings(), [Finding::NotAnEvent { line: 1 }]);
}

#[test]
fn selected_events_are_each_proven_and_named() {
    let log = Log::new(SIZE);
    let indices = [0, 3, 4, 40, 64, 82];
    let export = || log.export_selected(&indices, SIZE);
    let report = export().verify(&log.options());
    assert!(report.verified, "{:?}", report.findings);
    assert_eq!(report.events_proven, 6);
    assert!(log.export_selected(&[], SIZE).findings().is_empty());

    let damaged = export();
    let mut lines = damaged.lines();
    lines[3].push(b' ');
    lines.remove(1);
    damaged.tamper(&lines);
    assert!(matches!(
        damaged.findings().as_slice(),
        [
            Finding::Missing {
                leaf: 3,
                before_line: 2
            },
            Finding::Changed { leaf: 40, .. }
        ]
    ));

    // An event that is changed with its leaf hash: its own proof names it.
    let forged = export();
    let mut lines = forged.lines();
    lines[3].push(b' ');
    forged.tamper(&lines);
    let leaves: Vec<u8> = lines
        .iter()
        .flat_map(|line| *bearingwall_tlog::Hash::leaf(line).as_bytes())
        .collect();
    forged.write("leaves", &leaves);
    assert_eq!(forged.findings(), [Finding::LeafUnproven { line: 4, leaf: 40 }]);
    assert_eq!(forged.verify(&log.options()).events_proven, 5);

    let shuffled = export();
    let text = fs::read_to_string(shuffled.file("proofs.jsonl")).unwrap();
    let mut proofs: Vec<&str> = text.lines().collect();
    proofs.swap(1, 2);
    shuffled.write("proofs.jsonl", format!("{}\n", proofs.join("\n")).as_bytes());
    assert!(matches!(
        shuffled.findings().as_slice(),
        [
            Finding::LeafUnproven { line: 2, leaf: 4 },
            Finding::FileMalformed { .. }
        ]
    ));
    proofs.swap(1, 2);
    proofs.pop();
    shuffled.write("proofs.jsonl", format!("{}\n", proofs.join("\n")).as_bytes());
    assert!(matches!(
        shuffled.findings().as_slice(),
        [Finding::FileMalformed { .. }]
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_in_any_file_are_found_and_nothing_panics(
        file in prop::sample::select(vec![
            "manifest.json", "events.jsonl", "leaves", "checkpoint", "range.json", "consistency.json",
            "checkpoints/00000000000000000040", "rotations/0001",
        ]),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let export = export();
        fs::create_dir_all(export.file("rotations")).unwrap();
        fs::write(export.file(file), &bytes).unwrap();
        prop_assert!(!export.verify(&Log::new(1).options()).verified);
        if file != "manifest.json" {
            export.change_manifest(|_| ());
            prop_assert!(!export.verify(&Log::new(1).options()).verified);
        }
    }

    #[test]
    fn a_flipped_bit_in_any_file_is_found(
        file in prop::sample::select(vec![
            "events.jsonl", "leaves", "checkpoint", "range.json", "consistency.json",
            "checkpoints/00000000000000000005",
        ]),
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let export = export();
        let mut bytes = fs::read(export.file(file)).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        export.write(file, &bytes);
        let report = export.verify(&Log::new(1).options());
        if file == "consistency.json" {
            // A proof from another size is no proof from this one: what is not checked then is told.
            let told = report.checkpoints_checked.len() + report.checkpoints_not_checked.len() + report.findings.len();
            prop_assert!(told >= 6, "{file} at {at}");
        } else {
            prop_assert!(!report.verified, "{file} at {at}");
        }
    }
}
