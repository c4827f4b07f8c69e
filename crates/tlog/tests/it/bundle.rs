//! Exports: every change of a line is found and named, and no other log passes for this one.

mod forks;
mod parts;
mod writing;

use crate::fixture::{Export, Log, event_id};
use bearingwall_tlog::bundle::{Finding, Seen};
use proptest::prelude::*;

const FIRST: u64 = 21;
const END: u64 = 60;
const SIZE: u64 = 83;

fn export() -> Export {
    Log::new(SIZE).export(FIRST, END, SIZE, &[5, 21, 40, 60, 64, 70], &[33])
}

fn seen(line: u64, index: u64) -> Seen {
    Seen {
        line,
        event_id: event_id(index),
    }
}

fn at(position: usize) -> u64 {
    FIRST + position as u64
}

fn stranger() -> Vec<u8> {
    br#"{"event_id":"stranger"}"#.to_vec()
}

#[test]
fn an_untouched_export_verifies() {
    let log = Log::new(SIZE);
    let report = export().verify(&log.options());
    assert!(report.verified, "{:?}", report.findings);
    assert_eq!(
        (report.first, report.count, report.tree_size),
        (FIRST, END - FIRST, SIZE)
    );
    assert_eq!(report.events_proven, END - FIRST);
    assert!(!report.is_whole);
    assert_eq!(report.root, Some(log.tree.root()));
    assert_eq!(report.checkpoints_checked, [5, 21, 40, 60, 64, 70]);
    assert!(report.checkpoints_not_checked.is_empty());
    let whole = log.export(0, SIZE, SIZE, &[], &[]).verify(&log.options());
    assert!(whole.verified && whole.is_whole);
}

#[test]
fn ranges_of_every_shape_verify() {
    let log = Log::new(17);
    for size in 0..=17 {
        for first in 0..=size {
            for end in first..=size {
                let findings = log.export(first, end, size, &[], &[]).findings();
                assert!(findings.is_empty(), "{first}..{end} of {size}: {findings:?}");
            }
        }
    }
}

#[test]
fn damage_without_intent_is_found_by_digest_as_well() {
    let export = export();
    let mut lines = export.lines();
    lines[3].push(b' ');
    let content: Vec<u8> = lines
        .iter()
        .flat_map(|line| [line.as_slice(), b"\n"].concat())
        .collect();
    std::fs::write(export.file("events.jsonl"), content).unwrap();
    assert_eq!(
        export.findings(),
        [
            Finding::Changed {
                seen: seen(4, 24),
                leaf: 24
            },
            Finding::FileChanged {
                file: "events.jsonl".to_owned()
            }
        ]
    );
}

#[test]
fn a_cut_off_line_is_found() {
    let export = export();
    let lines = export.lines();
    let mut content: Vec<u8> = lines
        .iter()
        .flat_map(|line| [line.as_slice(), b"\n"].concat())
        .collect();
    content.pop();
    export.write("events.jsonl", &content);
    assert_eq!(export.findings(), [Finding::Unended]);
    content.pop();
    export.write("events.jsonl", &content);
    let changed = Finding::Changed {
        seen: Seen {
            line: END - FIRST,
            event_id: None,
        },
        leaf: END - 1,
    };
    assert_eq!(export.findings(), [Finding::Unended, changed]);
    export.write("events.jsonl", b"");
    assert_eq!(export.findings().len(), usize::try_from(END - FIRST).unwrap());
}

#[test]
fn a_line_that_is_too_long_is_not_kept_in_memory_and_is_found() {
    let export = export();
    let mut lines = export.lines();
    lines[2] = vec![b'x'; (5 << 20) + 3];
    export.tamper(&lines);
    let unnamed = Seen {
        line: 3,
        event_id: None,
    };
    assert_eq!(
        export.findings(),
        [Finding::Changed {
            seen: unnamed,
            leaf: 23
        }]
    );
}

#[test]
fn several_faults_are_told_apart() {
    let export = export();
    let mut lines = export.lines();
    // Leaf 53 goes, leaf 41 and 46 change places, leaf 31 changes, a stranger comes first.
    lines.remove(32);
    lines.swap(20, 25);
    lines[10].extend_from_slice(b" ");
    lines.insert(0, stranger());
    export.tamper(&lines);
    assert_eq!(
        export.findings(),
        [
            Finding::Extra {
                seen: Seen {
                    line: 1,
                    event_id: Some("stranger".to_owned())
                }
            },
            Finding::Changed {
                seen: seen(12, 31),
                leaf: 31
            },
            Finding::Moved {
                seen: seen(22, 46),
                leaf: 46
            },
            Finding::Moved {
                seen: seen(27, 41),
                leaf: 41
            },
            Finding::Missing {
                leaf: 53,
                before_line: 34
            },
        ]
    );
}

#[test]
fn a_repetition_between_other_faults_is_not_taken_for_progress() {
    let export = export();
    let mut lines = export.lines();
    lines.push(stranger());
    lines.insert(20, lines[19].clone());
    lines.insert(0, stranger());
    export.tamper(&lines);
    let findings = export.findings();
    assert!(
        matches!(
            findings.as_slice(),
            [
                Finding::Extra { .. },
                Finding::Repeated { leaf: 40, .. },
                Finding::Extra { .. }
            ]
        ),
        "{findings:?}"
    );
}

#[test]
fn where_lines_and_leaves_cannot_be_paired_both_are_told() {
    let export = export();
    let mut lines = export.lines();
    lines[7] = stranger();
    lines.remove(8);
    export.tamper(&lines);
    assert_eq!(
        export.findings(),
        [Finding::Replaced {
            first_line: 8,
            last_line: 8,
            first_leaf: 28,
            last_leaf: 29
        }]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_changed_byte_names_its_event(position in 0_usize..39, byte in 0_usize..1000, change in 1_u8..=255) {
        let export = export();
        let mut lines = export.lines();
        let byte = byte % lines[position].len();
        lines[position][byte] ^= change;
        // A newline makes two lines of it, which is another case.
        prop_assume!(lines[position][byte] != b'\n');
        export.tamper(&lines);
        match export.findings().as_slice() {
            [Finding::Changed { seen, leaf }] => {
                prop_assert_eq!((seen.line, *leaf), (position as u64 + 1, at(position)));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn a_dropped_line_names_its_leaf(position in 0_usize..39) {
        let export = export();
        let mut lines = export.lines();
        lines.remove(position);
        export.tamper(&lines);
        let missing = Finding::Missing { leaf: at(position), before_line: position as u64 + 1 };
        prop_assert_eq!(export.findings(), [missing]);
    }

    #[test]
    fn an_inserted_line_is_named(position in 0_usize..=39) {
        let export = export();
        let mut lines = export.lines();
        lines.insert(position, stranger());
        export.tamper(&lines);
        let line = position as u64 + 1;
        let extra = Finding::Extra { seen: Seen { line, event_id: Some("stranger".to_owned()) } };
        prop_assert_eq!(export.findings(), [extra]);
    }

    #[test]
    fn swapped_lines_are_named(first in 0_usize..36, distance in 1_usize..38) {
        let second = first + distance;
        prop_assume!(second < 39);
        let export = export();
        let mut lines = export.lines();
        lines.swap(first, second);
        export.tamper(&lines);
        let findings = export.findings();
        if distance >= 3 {
            prop_assert_eq!(findings, [
                Finding::Moved { seen: seen(first as u64 + 1, at(second)), leaf: at(second) },
                Finding::Moved { seen: seen(second as u64 + 1, at(first)), leaf: at(first) },
            ]);
        } else {
            // Which of neighbours has moved is a matter of view.
            prop_assert_eq!(findings.len(), distance);
            for finding in findings {
                match finding {
                    Finding::Moved { seen, leaf } => {
                        prop_assert!((at(first)..=at(second)).contains(&leaf));
                        prop_assert_eq!(seen.event_id, event_id(leaf));
                    }
                    other => prop_assert!(false, "{other:?}"),
                }
            }
        }
    }

    #[test]
    fn a_repeated_line_names_its_leaf(position in 0_usize..39, to in 0_usize..=39) {
        let export = export();
        let mut lines = export.lines();
        let copy = lines[position].clone();
        lines.insert(to, copy);
        export.tamper(&lines);
        match export.findings().as_slice() {
            [Finding::Repeated { seen: found, leaf }] => {
                prop_assert_eq!(*leaf, at(position));
                prop_assert_eq!(&found.event_id, &event_id(at(position)));
                let is_near = to == position || to == position + 1;
                prop_assert!(found.line == to as u64 + 1 || is_near && found.line <= position as u64 + 2);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn a_truncated_export_names_every_leaf(length in 0_usize..39) {
        let export = export();
        let lines = export.lines();
        export.tamper(&lines[..length]);
        let missing: Vec<Finding> = (at(length)..END)
            .map(|leaf| Finding::Missing { leaf, before_line: length as u64 + 1 })
            .collect();
        prop_assert_eq!(export.findings(), missing);
    }

    #[test]
    fn no_series_of_changes_goes_unseen(
        changes in proptest::collection::vec((0_u8..5, 0_usize..60, 0_usize..60), 1..8)
    ) {
        let export = export();
        let original = export.lines();
        let mut lines = original.clone();
        for (kind, one, other) in changes {
            if lines.is_empty() {
                break;
            }
            let (one, other) = (one % lines.len(), other % lines.len());
            match kind {
                0 => { lines.remove(one); }
                1 => lines.insert(one, stranger()),
                2 => lines.swap(one, other),
                3 => { let copy = lines[one].clone(); lines.insert(other, copy); }
                _ => lines[one].push(b' '),
            }
        }
        export.tamper(&lines);
        let report = export.verify(&Log::new(1).options());
        prop_assert_eq!(report.verified, lines == original);
        // What is called proven is in the original at its place or shifted, never more than that.
        let kept = lines.iter().filter(|line| original.contains(line)).count();
        prop_assert!(report.events_proven <= kept as u64);
    }
}
