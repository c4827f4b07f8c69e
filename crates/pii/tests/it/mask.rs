//! What is left of a value after each action.

use crate::{conversation, draft, masker, masker_with_key};
use bearingwall_pii::own::{OwnRecognizer, OwnRule};
use bearingwall_pii::{Action, Conversation, Entity, MaskStream, PolicyDraft};
use proptest::prelude::*;

fn masked(action: Action, text: &str) -> String {
    let draft = PolicyDraft {
        default: action,
        ..draft()
    };
    masker(&draft)
        .mask(text, &mut conversation(), None)
        .unwrap()
        .text
        .into_string()
}

#[test]
fn each_action_does_what_it_says() {
    assert_eq!(masked(Action::Redact, "call 415-555-2671 now"), "call [PHONE] now");
    assert_eq!(
        masked(Action::Mask { keep_last: 4 }, "call 415-555-2671 now"),
        "call ***-***-2671 now"
    );
    assert_eq!(
        masked(Action::Mask { keep_last: 0 }, "mail ada@example.org"),
        "mail ***@*******.***"
    );
    assert_eq!(masked(Action::Generalise, "seen on March 3rd, 2023"), "seen on 2023");
    assert_eq!(masked(Action::Generalise, "zip code 05901"), "zip code 000");
    assert_eq!(masked(Action::Generalise, "just turned 97"), "just turned 90+");
    assert_eq!(masked(Action::Generalise, "call 415-555-2671"), "call [PHONE]");
    assert_eq!(masked(Action::Allow, "call 415-555-2671"), "call 415-555-2671");
    let hashed = masked(Action::KeyedHash, "mail ada@example.org or ADA@example.org");
    let parts: Vec<&str> = hashed.split(' ').collect();
    assert_eq!(parts[1], parts[3]);
    assert!(parts[1].starts_with("[EMAIL:") && parts[1].len() == "[EMAIL:]".len() + 16);
    let invented = masked(Action::Pseudonym, "mail ada@example.org or ada@example.org");
    assert!(invented.contains("@example.com") && !invented.contains("ada"));
}

#[test]
fn one_persons_dates_move_by_the_same_days_and_another_ones_by_others() {
    let draft = PolicyDraft {
        default: Action::DateShift,
        ..draft()
    };
    let masker = masker(&draft);
    let move_both = |subject: &str| {
        let text = "seen on 2020-01-10 and on 2020-01-25";
        masker
            .mask(text, &mut conversation(), Some(subject))
            .unwrap()
            .text
            .into_string()
    };
    let day = |text: &str, place: usize| -> i64 {
        let date = text
            .split(' ')
            .filter(|word| word.starts_with("20") || word.starts_with("19"))
            .nth(place)
            .unwrap();
        let parts: Vec<i64> = date.split('-').map(|part| part.parse().unwrap()).collect();
        let month_days = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
        let leap = i64::from(parts[0] % 4 == 0 && parts[1] > 2);
        parts[0] * 365 + (parts[0] + 3) / 4 + month_days[usize::try_from(parts[1] - 1).unwrap()] + leap + parts[2]
    };
    let one = move_both("patient-1");
    assert_ne!(one, "seen on 2020-01-10 and on 2020-01-25");
    assert_eq!(day(&one, 1) - day(&one, 0), 15);
    assert_eq!(one, move_both("patient-1"));
    assert_ne!(one, move_both("patient-2"));
}

#[test]
fn format_preserving_encryption_comes_back_with_the_key_and_short_values_go() {
    let draft = PolicyDraft {
        default: Action::FormatPreserving,
        ..draft()
    };
    let masker = masker(&draft);
    let text = masker
        .mask("phone 415-555-2671", &mut conversation(), None)
        .unwrap()
        .text
        .into_string();
    let number = text.strip_prefix("phone ").unwrap();
    assert_ne!(number, "415-555-2671");
    assert_eq!(masker.decrypt(Entity::Phone, number).as_deref(), Some("415-555-2671"));
    assert_eq!(
        masked(Action::FormatPreserving, "the CVV is 123"),
        "the CVV is [CARD_CODE]"
    );
}

#[test]
fn the_record_counts_kinds_and_holds_no_values() {
    let text = "ada@example.org, bob@example.org, 415-555-2671";
    let masked = masker(&draft()).mask(text, &mut conversation(), None).unwrap();
    assert_eq!(masked.counts(), [(Entity::Email, 2), (Entity::Phone, 1)]);
    for replacement in &masked.replacements {
        let shown = format!("{replacement:?}");
        assert!(!shown.contains("ada") && !shown.contains("2671"));
        let there = &masked.text.as_str()[replacement.masked.clone()];
        assert!(there.starts_with('[') && there.ends_with(']'));
    }
}

/// Text with values in it, and the values.
fn text_with_values() -> impl Strategy<Value = (String, Vec<String>)> {
    let value = prop_oneof![
        "[2-9][0-9]{2}-[2-9][0-9]{2}-[0-9]{4}".prop_map(|value| (format!("phone {value}"), value)),
        "[a-z]{5,9}[.][a-z]{5,9}@[a-z]{5,9}[.]org".prop_map(|value| (format!("mail {value}"), value)),
        "[1-8][0-9]{2}-[1-9][0-9]-[0-9]{3}[1-9]".prop_map(|value| (format!("SSN {value}"), value)),
        "[A-Z]{2}[0-9]{7}".prop_map(|value| (format!("MRN: {value}"), value)),
        "[0-9]{4} [0-9]{4} [0-9]{4} [0-9]{4}".prop_map(|value| (format!("card number {value}"), value)),
        "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])".prop_map(|value| (format!("born {value}"), value)),
    ];
    proptest::collection::vec((value, "[a-z ]{0,12}"), 1..8).prop_map(|parts| {
        let mut text = String::new();
        let mut values = Vec::new();
        for ((written, value), filler) in parts {
            text.push_str(&format!("{written}; {filler}\n"));
            values.push(value);
        }
        (text, values)
    })
}

/// What lies across values and wins their label: a list and a recognizer that want nothing done.
fn overlapping(action: Action, values: &[String]) -> PolicyDraft {
    let first_word = |value: &String| {
        let word = value.split(|ch: char| !ch.is_alphanumeric()).next().unwrap_or_default();
        (word.to_owned(), "TITLE".to_owned())
    };
    PolicyDraft {
        default: action,
        actions: ["TITLE", "CUSTOM"].map(|name| (name.to_owned(), Action::Allow)).into(),
        deny: values.iter().map(first_word).collect(),
        recognizers: vec![OwnRecognizer {
            name: "greedy".into(),
            entity: Entity::Custom,
            score: 1.0,
            rule: OwnRule::Pattern("[0-9]{3}[ -]|@[a-z]+".into()),
        }],
        ..draft()
    }
}

/// The pieces of four letters and digits of a value of which none may be left.
fn pieces(value: &str, kept: usize) -> Vec<String> {
    let value: Vec<char> = value.chars().collect();
    let mut left = value.iter().filter(|ch| ch.is_alphanumeric()).count();
    let mut pieces = Vec::new();
    for window in value.windows(4) {
        if window.iter().all(|ch| ch.is_alphanumeric()) && left > kept + 3 {
            pieces.push(window.iter().collect());
        }
        left -= usize::from(window[0].is_alphanumeric());
    }
    pieces
}

/// Every action that hides a value.
const HIDING: [Action; 12] = [
    Action::Redact,
    Action::Placeholder,
    Action::Mask { keep_last: 0 },
    Action::Mask { keep_last: 1 },
    Action::Mask { keep_last: 2 },
    Action::Mask { keep_last: 3 },
    Action::Mask { keep_last: 4 },
    Action::KeyedHash,
    Action::Pseudonym,
    Action::FormatPreserving,
    Action::DateShift,
    Action::Generalise,
];

proptest! {
    #[test]
    fn pii_1_no_piece_of_four_characters_of_a_value_is_left(
        (text, values) in text_with_values(),
        action in proptest::sample::select(&HIDING[..]),
    ) {
        let draft = overlapping(action, &values);
        // A keyed action may by chance make a piece of the value, but not under two keys.
        let masked = [1, 2].map(|key| {
            let mut talk = Conversation::new("tenant-a", "conversation-1", [key; 32]);
            masker_with_key(key, &draft).mask(&text, &mut talk, None).unwrap()
        });
        let [one, other] = &masked;
        let mut hidden = 0;
        for (replacement, again) in one.replacements.iter().zip(&other.replacements) {
            if replacement.action == Action::Allow {
                continue;
            }
            let value = &text[replacement.original.clone()];
            hidden += usize::from(values.iter().any(|known| value.contains(known.as_str())));
            let there = &one.text.as_str()[replacement.masked.clone()];
            let there_again = &other.text.as_str()[again.masked.clone()];
            let kept = match replacement.action {
                Action::Mask { keep_last } => usize::from(keep_last),
                _ => 0,
            };
            // The year may stay by design, and nothing else of a date.
            let by_design = matches!(replacement.action, Action::DateShift | Action::Generalise);
            for piece in pieces(value, kept) {
                // An invented address always begins and ends like this, whatever it stands for.
                let constant = ["user-", "@example.com"].iter().any(|part| part.contains(&piece));
                let invented = action == Action::Pseudonym && constant;
                // What is kept may stand in the value twice.
                let kept_end = kept == 4 && value.ends_with(&piece);
                let left = there.contains(&piece) && there_again.contains(&piece) && !invented && !kept_end;
                prop_assert!(!left || by_design && value.starts_with(&piece), "{there} holds {piece}");
            }
            prop_assert!(!there.contains(value));
        }
        prop_assert_eq!(hidden, values.len(), "{:?} {}", action, text);
    }
}

proptest! {
    // Long texts: a policy's pieces are not small.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases / 8))]

    #[test]
    fn pii_5_a_stream_is_masked_as_the_whole_however_it_is_cut((text, _) in text_with_values(), sizes in proptest::collection::vec(1_usize..4000, 1..30)) {
        let masker = masker(&draft());
        let text = format!("{text}\n\n").repeat(10 * 1024 / text.len());
        let whole = masker.mask(&text, &mut conversation(), None).unwrap();
        let mut streamed = String::new();
        let mut replacements = Vec::new();
        let mut talk = conversation();
        let mut stream = MaskStream::new(&masker, None);
        let mut rest = text.as_str();
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let mut take = (*size).min(rest.len());
            while !rest.is_char_boundary(take) {
                take += 1;
            }
            let part = stream.push(&rest[..take], &mut talk).unwrap();
            streamed.push_str(part.text.as_str());
            replacements.extend(part.replacements);
            rest = &rest[take..];
        }
        let last = stream.finish(&mut talk).unwrap();
        streamed.push_str(last.text.as_str());
        replacements.extend(last.replacements);
        prop_assert_eq!(streamed, whole.text.as_str());
        prop_assert_eq!(replacements, whole.replacements);
    }
}
