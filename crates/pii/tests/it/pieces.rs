//! What stands over the end of a piece of a long text is found as it would be in a short one.

use crate::{conversation, draft, found, masker, named};
use bearingwall_pii::own::{OwnRecognizer, OwnRule};
use bearingwall_pii::{Action, Engine, EngineOptions, Entity, Language, MaskStream, PolicyDraft, SegmentLimits};

/// Words without the end of a line or a sentence, so that pieces end at a space.
fn words(bytes: usize) -> String {
    "it was all fine and ".repeat(bytes / 20)
}

/// `value` in a long text at every place around the end of the first piece.
fn over_the_end(value: &str) -> impl Iterator<Item = String> {
    let most = SegmentLimits::default().most_bytes;
    (0..=value.len() + 2).map(move |moved| {
        let before = format!("{}{}", words(most - 80), " ".repeat(80 - moved));
        format!("{before}{value} {}", words(5_000))
    })
}

#[test]
fn pii_5_a_number_over_the_end_of_a_piece_is_found_whole() {
    for (text, kind, value) in [
        ("card 4111 1111 1111 1111", "CREDIT_CARD", "4111 1111 1111 1111"),
        ("SSN 536228147", "US_SSN", "536228147"),
        ("call +1 415 555 2671", "PHONE", "+1 415 555 2671"),
        (
            "she lives at 1840 Fulton Street, Apt 6",
            "LOCATION",
            "1840 Fulton Street, Apt 6",
        ),
    ] {
        for text in over_the_end(text) {
            assert_eq!(found(&text), [(kind, value.to_owned())]);
        }
    }
}

#[test]
fn pii_5_a_name_over_the_end_of_a_piece_is_found_whole() {
    let mut options = EngineOptions::default();
    options.language = Language::English;
    let engine = Engine::new(options);
    let name = ("PERSON", "henrietta vandermeer".to_owned());
    for text in over_the_end("please tell henrietta vandermeer that").step_by(2) {
        let findings = named(&engine.detect(&text).unwrap(), &text);
        assert!(findings.contains(&name), "{}", text.find(&name.1).unwrap());
    }
    // Within a piece there is no other end.
    for place in [2_040, 4_090, 8_190] {
        let text = format!("{}please tell henrietta vandermeer that {}", words(place), words(3_000));
        let findings = named(&engine.detect(&text).unwrap(), &text);
        assert!(findings.contains(&name), "{place}");
    }
}

#[test]
fn pii_5_what_a_tenant_denies_or_looks_for_is_hidden_over_the_end_of_a_piece_in_a_stream_too() {
    let masker = masker(&PolicyDraft {
        default: Action::Redact,
        deny: vec![("Project Blue Heron".into(), "ID_OTHER".into())],
        recognizers: vec![OwnRecognizer {
            name: "badge".into(),
            entity: Entity::Custom,
            score: 1.0,
            rule: OwnRule::Pattern("badge [0-9 ]{9,}[0-9]".into()),
        }],
        ..draft()
    });
    for (value, masked) in [
        ("project blue heron", "[ID_OTHER]"),
        ("badge 12 34 56 78 90", "[CUSTOM]"),
    ] {
        for text in over_the_end(value) {
            let whole = masker
                .mask(&text, &mut conversation(), None)
                .unwrap()
                .text
                .into_string();
            assert_eq!(whole, text.replace(value, masked));
            let mut stream = MaskStream::new(&masker, None);
            let mut streamed = String::new();
            for part in text.as_bytes().chunks(1_000) {
                let part = std::str::from_utf8(part).unwrap();
                streamed.push_str(stream.push(part, &mut conversation()).unwrap().text.as_str());
            }
            streamed.push_str(stream.finish(&mut conversation()).unwrap().text.as_str());
            assert_eq!(streamed, whole);
        }
    }
}

#[test]
fn a_table_whose_head_says_what_its_cells_are_is_not_parted() {
    let row = "| Ada | 536228147 |\n";
    let text = format!("{}\n| who | ssn |\n{}", words(15_000), row.repeat(120));
    let found = found(&text);
    assert_eq!(found.iter().filter(|(kind, _)| *kind == "US_SSN").count(), 120);
}
