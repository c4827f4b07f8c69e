//! The vocabulary as a table for people, with its codes in other systems.

use super::{fhir, ocsf};
use crate::vocabulary::EventType;
use std::fmt::Write as _;

const HEAD: &str = "\
# Vocabulary of the record

Every code that may stand in the record, from `crates/events/src/vocabulary.rs`, with its codes in the exports.
*emitted* says whether the project records it yet; a code is fixed before its first use and never changes its meaning.
*FHIR* has the type and subtypes of an `AuditEvent` and its action; a refusal has the type 110113 instead, unless it is a sign-in.
Numbers are codes of DICOM, `rest` is of HL7's audit event types, words are of FHIR's interactions and of ISO 21089.
*OCSF* has the class and the activity.

The test `the_vocabulary_table_is_up_to_date` writes this file and fails when it differs:
`BEARINGWALL_UPDATE=1 cargo test -p bearingwall-events --test it vocabulary`.

| code | when | kind | action | disclosure | emitted | FHIR | OCSF |
|---|---|---|---|---|---|---|---|
";

/// The table in `docs/controls/audit-vocabulary.md`.
#[must_use]
pub fn vocabulary_markdown() -> String {
    let mut text = HEAD.to_owned();
    for event in EventType::ALL.iter().copied() {
        let yes = |is: bool| if is { "yes" } else { "" };
        let subtypes: Vec<&str> = fhir::subtypes(event, false).iter().map(|coding| coding.code).collect();
        let class = ocsf::class(event);
        let (activity_id, activity) = ocsf::activity(event);
        // INVARIANT: writing to a string does not fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {:?} | {} | {} | {} | {} {} | {} {}, {activity_id} {activity} |",
            event.as_str(),
            event.when(),
            event.kind(),
            event.action().letter(),
            yes(event.is_disclosure()),
            yes(event.is_emitted()),
            [&[fhir::kind(event, false).code], subtypes.as_slice()]
                .concat()
                .join(" / "),
            fhir::action(event).letter(),
            class.uid,
            class.name,
        );
    }
    text
}
