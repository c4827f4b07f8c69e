//! The writer: what does not verify is not written, and nothing half stands under the export's name.

use crate::fixture::{CUSTOMER, Log};
use bearingwall_tlog::bundle::{BundleError, BundleHeader, BundleWriter, Selection, VerifyOptions, verify};
use bearingwall_tlog::merkle::{HashReader as _, MerkleError, Node};
use std::collections::BTreeMap;

fn header(selection: Selection, first: u64) -> BundleHeader {
    BundleHeader {
        customer_id: CUSTOMER,
        selection,
        first,
    }
}

#[test]
fn the_hashes_that_are_said_to_be_needed_suffice() {
    let log = Log::new(70);
    let folder = tempfile::tempdir().unwrap();
    for (number, selection) in [Selection::Range, Selection::Selected].into_iter().enumerate() {
        let target = folder.path().join(format!("export-{number}"));
        let mut writer = BundleWriter::create(&target, header(selection, 11), &log.signed(70)).unwrap();
        for index in 11..20 {
            writer
                .event(index, &log.lines[usize::try_from(index).unwrap()])
                .unwrap();
        }
        writer.earlier(&log.checkpoint(50)).unwrap();
        writer.earlier(&log.checkpoint(15)).unwrap();
        let needed = writer.needed(&[40]).unwrap();
        let hashes = log.tree.hashes(&needed).unwrap();
        let fetched: BTreeMap<Node, _> = needed.into_iter().zip(hashes).collect();
        writer.finish(&fetched, &[40]).unwrap();
        let report = verify(&target, &log.options(), &mut |_| ()).unwrap();
        assert!(report.verified, "{:?}", report.findings);
        assert_eq!(report.checkpoints_checked, [15, 50]);
    }
}

#[test]
fn nothing_half_is_left() {
    let log = Log::new(9);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("export");
    let entries = || std::fs::read_dir(folder.path()).unwrap().count();
    {
        let mut writer = BundleWriter::create(&target, header(Selection::Range, 0), &log.signed(9)).unwrap();
        writer.event(0, &log.lines[0]).unwrap();
        assert!(!target.exists());
        // Two exports to one place exclude each other.
        assert!(BundleWriter::create(&target, header(Selection::Range, 0), &log.signed(9)).is_err());
    }
    assert_eq!(entries(), 0);
    // An event that is not the log's.
    let mut writer = BundleWriter::create(&target, header(Selection::Range, 0), &log.signed(9)).unwrap();
    writer.event(0, br#"{"event_id":"other"}"#).unwrap();
    let refused = writer.finish(&log.tree, &[]);
    assert!(matches!(refused, Err(BundleError::Tree(MerkleError::Root))));
    assert_eq!(entries(), 0);
    // An earlier checkpoint that the log contradicts.
    let fork = Log::forked(9, 2);
    for (first, end) in [(0_u64, 9), (5, 9), (8, 9)] {
        let mut writer = BundleWriter::create(&target, header(Selection::Range, first), &log.signed(9)).unwrap();
        for index in first..end {
            writer
                .event(index, &log.lines[usize::try_from(index).unwrap()])
                .unwrap();
        }
        writer.earlier(&fork.checkpoint(5)).unwrap();
        assert!(matches!(
            writer.finish(&log.tree, &[]),
            Err(BundleError::Tree(MerkleError::Root))
        ));
    }
    assert_eq!(entries(), 0);
    std::fs::create_dir(&target).unwrap();
    assert!(matches!(
        BundleWriter::create(&target, header(Selection::Range, 0), &log.signed(9)),
        Err(BundleError::Io { .. })
    ));
}

#[test]
fn events_come_in_order_and_inside_the_tree() {
    let log = Log::new(9);
    let folder = tempfile::tempdir().unwrap();
    let mut writer = BundleWriter::create(
        &folder.path().join("range"),
        header(Selection::Range, 3),
        &log.signed(9),
    )
    .unwrap();
    let refused = |writer: &mut BundleWriter, index: u64, line: &[u8]| {
        matches!(writer.event(index, line), Err(BundleError::Event { .. }))
    };
    assert!(refused(&mut writer, 2, &log.lines[2]));
    writer.event(3, &log.lines[3]).unwrap();
    assert!(refused(&mut writer, 3, &log.lines[3]));
    assert!(refused(&mut writer, 5, &log.lines[5]));
    assert!(refused(&mut writer, 4, b"{\"event_id\":\"a\"\n}"));
    assert!(refused(&mut writer, 4, b"[]"));
    let mut writer = BundleWriter::create(
        &folder.path().join("selected"),
        header(Selection::Selected, 0),
        &log.signed(9),
    )
    .unwrap();
    writer.event(3, &log.lines[3]).unwrap();
    assert!(refused(&mut writer, 3, &log.lines[3]));
    assert!(refused(&mut writer, 9, &log.lines[3]));
    writer.event(7, &log.lines[7]).unwrap();
    writer.finish(&log.tree, &[]).unwrap();
    let options = VerifyOptions::new(log.key.verifier());
    assert!(
        verify(&folder.path().join("selected"), &options, &mut |_| ())
            .unwrap()
            .verified
    );
}
