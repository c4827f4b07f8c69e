//! Values that are written with letters and digits that only look like those of ASCII, or with signs that nobody sees.

use super::{conversation, draft, masker, rules};
use bearingwall_pii::{Action, Engine, EngineOptions, Language, PolicyDraft};
use proptest::prelude::*;

fn found(text: &str) -> Vec<(&'static str, String)> {
    super::named(&rules().detect(text).unwrap(), text)
}

#[test]
fn pii_1_identifiers_in_disguise_are_found_where_they_stand() {
    for (text, kind, value) in [
        // Full-width, mathematical, circled, Arabic-Indic and Devanagari digits.
        ("SSN ５３６-２２-８１４７ on file", "US_SSN", "５３６-２２-８１４７"),
        ("SSN 𝟓𝟑𝟔-𝟐𝟐-𝟖𝟏𝟒𝟕 on file", "US_SSN", "𝟓𝟑𝟔-𝟐𝟐-𝟖𝟏𝟒𝟕"),
        ("SSN ⑤③⑥-②②-⑧①④⑦ on file", "US_SSN", "⑤③⑥-②②-⑧①④⑦"),
        ("phone ٤١٥-٥٥٥-٠١٣٢ please", "PHONE", "٤١٥-٥٥٥-٠١٣٢"),
        ("card ४१११ ११११ ११११ ११११ ok", "CREDIT_CARD", "४१११ ११११ ११११ ११११"),
        // One digit of another script among ASCII ones.
        ("SSN 536-22-81４7 on file", "US_SSN", "536-22-81４7"),
        // What nobody sees, within the value and within its cue.
        (
            "SSN 5\u{200b}36-22\u{ad}-81\u{2060}47 on file",
            "US_SSN",
            "5\u{200b}36-22\u{ad}-81\u{2060}47",
        ),
        ("S\u{200d}SN: 536228147", "US_SSN", "536228147"),
        // Struck through.
        (
            "SSN 5\u{336}3\u{336}6\u{336}-22-8147\u{336} on file",
            "US_SSN",
            "5\u{336}3\u{336}6\u{336}-22-8147\u{336}",
        ),
        // Cyrillic and Greek letters for Latin ones, in values and in cues.
        ("write to аdа@еxаmple.org today", "EMAIL", "аdа@еxаmple.org"),
        ("ЅЅN: 536228147", "US_SSN", "536228147"),
        ("NINO АВ123456С was given", "UK_NINO", "АВ123456С"),
        ("IBAN DЕ89370400440532013000 now", "IBAN", "DЕ89370400440532013000"),
        ("ΜRN: 48815162", "MRN", "48815162"),
        (
            "write to ａｄａ＠ｅｘａｍｐｌｅ．ｏｒｇ today",
            "EMAIL",
            "ａｄａ＠ｅｘａｍｐｌｅ．ｏｒｇ",
        ),
        // Odd strokes and spaces between groups.
        (
            "SSN 536\u{2212}22\u{2212}8147 on file",
            "US_SSN",
            "536\u{2212}22\u{2212}8147",
        ),
        (
            "SSN 536\u{2011}22\u{2013}8147 on file",
            "US_SSN",
            "536\u{2011}22\u{2013}8147",
        ),
        (
            "card 4111\u{a0}1111\u{202f}1111\u{3000}1111 ok",
            "CREDIT_CARD",
            "4111\u{a0}1111\u{202f}1111\u{3000}1111",
        ),
    ] {
        assert!(
            found(text).contains(&(kind, value.to_owned())),
            "{text}: {:?}",
            found(text)
        );
    }
}

#[test]
fn words_of_other_scripts_are_not_taken_for_values() {
    for text in [
        "Пациент Иванов, палата пять, состояние хорошее.",
        "Ο ασθενής είναι καλά.",
        "TNF-α and IL-1β were raised; 5 µg of β-agonist; 10 m² · 37 °C.",
        "Un niño de la sección “añil” — volvió ayer…",
        "患者は元気です。👩\u{200d}⚕\u{fe0f}",
    ] {
        assert!(found(text).is_empty(), "{text}: {:?}", found(text));
    }
}

#[test]
fn a_name_in_disguise_is_tagged() {
    let mut options = EngineOptions::default();
    options.language = Language::English;
    let engine = Engine::new(options);
    for (text, name) in [
        ("hello my name is tоbiаs lindqvist and i am calling", "tоbiаs lindqvist"),
        ("please tell hеnriеttа vаndеrmееr that", "hеnriеttа vаndеrmееr"),
        ("Ｍａｒｉａ Ａｌｖａｒｅｚ was seen by us.", "Ｍａｒｉａ Ａｌｖａｒｅｚ"),
    ] {
        let names = super::named(&engine.detect(text).unwrap(), text);
        assert!(names.contains(&("PERSON", name.to_owned())), "{names:?}");
    }
}

#[test]
fn pii_1_a_value_in_disguise_is_replaced_whole() {
    let text = "SSN ５３６-２２-８１４７, born ０3/14/1962, card 4111 1111 1111 111１.";
    for action in [
        Action::Redact,
        Action::Placeholder,
        Action::FormatPreserving,
        Action::Generalise,
        Action::DateShift,
        Action::KeyedHash,
        Action::Pseudonym,
        Action::Mask { keep_last: 4 },
    ] {
        let masker = masker(&PolicyDraft {
            default: action,
            ..draft()
        });
        let masked = masker.mask(text, &mut conversation(), None).unwrap();
        let masked = masked.text.as_str();
        for piece in ["５３", "２２", "536", "3/14", "4111", "1111 1111"] {
            assert!(!masked.contains(piece), "{action:?}: {masked}");
        }
        // What is not plain is not read for a year that may stay.
        assert_eq!(
            masked.contains("1962"),
            matches!(action, Action::Mask { .. }),
            "{action:?}: {masked}"
        );
    }
}

fn disguised(value: &str, choices: &[u8]) -> String {
    let digits = [
        "0123456789",
        "０１２３４５６７８９",
        "٠١٢٣٤٥٦٧٨٩",
        "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
        "०१२३४५६७८९",
    ];
    let unseen = ["", "", "", "\u{200b}", "\u{ad}", "\u{2060}", "\u{336}"];
    let mut out = String::new();
    for (place, character) in value.chars().enumerate() {
        let choice = usize::from(choices[place % choices.len()]);
        match character.to_digit(10) {
            Some(digit) => {
                out.push(digits[choice % digits.len()].chars().nth(digit as usize).unwrap());
                out.push_str(unseen[choice / 7 % unseen.len()]);
            }
            None => out.push(character),
        }
    }
    out
}

proptest! {
    #[test]
    fn pii_1_however_a_number_is_disguised_it_is_found_whole(choices in proptest::collection::vec(any::<u8>(), 16..40)) {
        for (cue, value, kind) in [
            ("SSN ", "536-22-8147", "US_SSN"),
            ("card ", "4111 1111 1111 1111", "CREDIT_CARD"),
            ("NPI ", "1234567893", "US_NPI"),
            ("phone ", "(415) 555-0132", "PHONE"),
        ] {
            let value = disguised(value, &choices);
            let text = format!("The {cue}{value} is on file.");
            let found = rules().detect(&text).unwrap();
            prop_assert!(
                found.iter().any(|finding| finding.entity.name() == kind
                    && finding.range.start <= 4 + cue.len()
                    && finding.range.end >= 4 + cue.len() + value.trim_end_matches(|mark: char| !mark.is_alphanumeric()).len()),
                "{}: {:?}", text, found
            );
        }
    }
}
