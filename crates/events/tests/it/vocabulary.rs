//! The table of the vocabulary in `docs/controls/` is the one that the code has.

use bearingwall_events::render;
use std::fs;

/// `BEARINGWALL_UPDATE=1` writes the table instead of comparing with it.
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/controls/audit-vocabulary.md");

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "whoever runs the test may ask for the file to be written"
)]
fn the_vocabulary_table_is_up_to_date() {
    let fresh = render::vocabulary_markdown();
    if std::env::var_os("BEARINGWALL_UPDATE").is_some() {
        fs::write(TABLE, &fresh).unwrap();
    }
    let written = fs::read_to_string(TABLE).unwrap_or_default();
    let differences: Vec<String> = written
        .lines()
        .filter(|line| !fresh.lines().any(|other| other == *line))
        .map(|line| format!("- {line}"))
        .chain(
            fresh
                .lines()
                .filter(|line| !written.lines().any(|other| other == *line))
                .map(|line| format!("+ {line}")),
        )
        .collect();
    assert!(
        written == fresh,
        "docs/controls/audit-vocabulary.md says otherwise (- written, + found):\n{}\nIf the change is meant, write it: \
         BEARINGWALL_UPDATE=1 cargo test -p bearingwall-events --test it vocabulary",
        differences.join("\n")
    );
}
