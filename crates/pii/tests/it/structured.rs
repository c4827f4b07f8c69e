//! JSON, CSV and FHIR.

use crate::{conversation, draft, masker, masker_over};
use bearingwall_pii::error::StructuredError;
use bearingwall_pii::structured::{CsvOptions, FieldRule, StructuredLimits, mask_csv, mask_fhir, mask_json};
use bearingwall_pii::{Action, Entity, Floor, Language, PolicyDraft};
use proptest::prelude::*;

fn redacting() -> PolicyDraft {
    PolicyDraft {
        default: Action::Redact,
        ..draft()
    }
}

fn json(text: &str, rules: &[FieldRule]) -> Result<String, StructuredError> {
    mask_json(
        &masker(&redacting()),
        text,
        rules,
        &mut conversation(),
        None,
        StructuredLimits::default(),
    )
    .map(|masked| masked.text.into_string())
}

#[test]
fn json_keeps_keys_form_and_types_and_masks_values() {
    let text = "{ \"patient\" : {\"firstName\":\"Ada\", \"ssn\": 536228147, \"note\":\"call 415-555-2671\\n\",\n\"ok\":true,\"n\":null,\"count\":3},\"tags\":[\"a\",\"ada@example.org\"] }";
    assert_eq!(
        json(text, &[]).unwrap(),
        "{ \"patient\" : {\"firstName\":\"[PERSON]\", \"ssn\": 0, \"note\":\"call [PHONE]\\n\",\n\"ok\":true,\"n\":null,\"count\":3},\"tags\":[\"a\",\"[EMAIL]\"] }"
    );
}

#[test]
fn the_name_of_a_field_is_a_cue_and_a_rule_says_what_it_is() {
    assert_eq!(
        json(r#"{"npi_code":"8149635509"}"#, &[]).unwrap(),
        r#"{"npi_code":"[US_NPI]"}"#
    );
    assert_eq!(
        json(r#"{"other":"8149635509"}"#, &[]).unwrap(),
        r#"{"other":"8149635509"}"#
    );
    let rules = [FieldRule::new("/rows/*/who", Entity::Person)];
    assert_eq!(
        json(r#"{"rows":[{"who":"xx"},{"what":"xx"}]}"#, &rules).unwrap(),
        r#"{"rows":[{"who":"[PERSON]"},{"what":"xx"}]}"#
    );
}

#[test]
fn escapes_are_read_and_written() {
    assert_eq!(
        json(r#"["\u0061da@example.org \ud83d\ude00"]"#, &[]).unwrap(),
        "[\"[EMAIL] \u{1f600}\"]"
    );
}

#[test]
fn what_is_no_json_or_too_much_is_refused() {
    for text in [
        "{",
        "[1,]",
        "{\"a\" 1}",
        "\"\\x\"",
        "01",
        "tru",
        "[\"\n\"]",
        "1 2",
        "\"\\ud800\"",
        "",
    ] {
        assert!(
            matches!(json(text, &[]), Err(StructuredError::Malformed { .. })),
            "{text}"
        );
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(matches!(json(&deep, &[]), Err(StructuredError::TooDeep)));
    let limits = StructuredLimits {
        most_bytes: 4,
        ..StructuredLimits::default()
    };
    let large = mask_json(&masker(&redacting()), "[1,2,3]", &[], &mut conversation(), None, limits);
    assert!(matches!(large, Err(StructuredError::TooLarge)));
}

#[test]
fn fhir_elements_that_identify_go_and_vocabularies_stay() {
    let text = r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"http://hospital.example/mrn","value":"abc"}],"name":[{"family":"Lovelace","given":["Ada"]}],"birthDate":"1962-03-14","code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin"}]},"subject":{"display":"Ada L"}}"#;
    let masked = mask_fhir(
        &masker(&redacting()),
        text,
        &[],
        &mut conversation(),
        None,
        StructuredLimits::default(),
    )
    .unwrap();
    assert_eq!(
        masked.text.as_str(),
        r#"{"resourceType":"Patient","id":"p1","identifier":[{"system":"http://hospital.example/mrn","value":"[ID_OTHER]"}],"name":[{"family":"[PERSON]","given":["[PERSON]"]}],"birthDate":"[DATE_TIME]","code":{"coding":[{"system":"http://loinc.org","code":"4548-4","display":"Hemoglobin"}]},"subject":{"display":"[PERSON]"}}"#
    );
}

#[test]
fn pii_1_what_a_field_says_does_not_keep_the_engine_from_looking() {
    let draft = PolicyDraft {
        actions: vec![
            ("TITLE".into(), Action::Allow),
            ("AGE".into(), Action::Allow),
            ("MRN".into(), Action::Mask { keep_last: 4 }),
        ],
        ..redacting()
    };
    let rules = [FieldRule::new("/free/**", Entity::Title)];
    let mut floor = Floor::platform_least();
    floor.raise(Entity::UsSsn, Action::Redact);
    let masker = masker_over(&draft, &floor);
    for (text, expected) in [
        (r#"{"age":"45, SSN 536-22-8147"}"#, r#"{"age":"45, SSN [US_SSN]"}"#),
        (r#"{"age":45}"#, r#"{"age":45}"#),
        (
            r#"{"free":["Sir","call 415-555-2671"]}"#,
            r#"{"free":["Sir","call [PHONE]"]}"#,
        ),
        (r#"{"free":{"ssn":536228147}}"#, r#"{"free":{"ssn":0}}"#),
        // A field's own action is for the whole value, unless something in it asks for more.
        (r#"{"mrn":"AB-48219370"}"#, r#"{"mrn":"**-****9370"}"#),
        (r#"{"mrn":"none, SSN 536-22-8147"}"#, r#"{"mrn":"[US_SSN]"}"#),
    ] {
        let masked = mask_json(
            &masker,
            text,
            &rules,
            &mut conversation(),
            None,
            StructuredLimits::default(),
        );
        assert_eq!(masked.unwrap().text.as_str(), expected);
    }
}

#[test]
fn pii_1_generalising_and_shifting_leave_nothing_else_of_a_field() {
    let text = r#"{"age":"61, Jane Doe, MRN 4821937","dob":"1962-03-14 ward 7 bed 9951","deathdate":"2024-01-02 to 2024-03-04"}"#;
    for action in [Action::Generalise, Action::DateShift] {
        let actions = ["AGE", "DATE_TIME"].map(|name| (name.to_owned(), action));
        // Everything else is left, so that only what is done to the field counts.
        let draft = PolicyDraft {
            default: Action::Allow,
            actions: actions.into(),
            ..draft()
        };
        let masked = mask_json(
            &masker(&draft),
            text,
            &[],
            &mut conversation(),
            None,
            StructuredLimits::default(),
        )
        .unwrap();
        for raw in ["Jane", "4821937", "ward", "9951", "01-02", "03-04"] {
            assert!(!masked.text.as_str().contains(raw), "{}", masked.text.as_str());
        }
    }
}

#[test]
fn pii_1_a_vocabularys_element_keeps_words_and_nothing_else() {
    // With the tagger, which must not take a lone code for a date.
    let draft = PolicyDraft {
        language: Language::English,
        ..redacting()
    };
    let kept = r#"{"resourceType":"MedicationRequest","status":"final","code":[{"code":"8867-4","unit":"mmHg","system":"http://loinc.org"}],"meta":{"profile":["http://hl7.org/fhir/StructureDefinition/heartrate"]}}"#;
    let leaking = r#"{"status":"SSN 536-22-8147","code":"ada@example.org","unit":"Dr. Maria Alvarez called","system":"http://example.org/?mail=ada@example.org","class":"http://example.org/ada"}"#;
    let masker = masker(&draft);
    let mask = |text: &str| {
        mask_fhir(
            &masker,
            text,
            &[],
            &mut conversation(),
            None,
            StructuredLimits::default(),
        )
        .unwrap()
        .text
        .into_string()
    };
    assert_eq!(mask(kept), kept);
    let masked = mask(leaking);
    for raw in ["8147", "ada", "Alvarez"] {
        assert!(!masked.contains(raw), "{masked}");
    }
}

#[test]
fn pii_1_the_first_row_of_a_table_without_heads_is_masked() {
    let csv = "1,ada@example.org,SSN 536-22-8147\n2,bob@example.org,SSN 536-22-8148\n";
    let masked = mask_csv(
        &masker(&redacting()),
        csv,
        &[FieldRule::new("/**", Entity::Custom)],
        CsvOptions::default(),
        &mut conversation(),
        None,
    );
    assert_eq!(
        masked.unwrap().text.as_str(),
        "1,[EMAIL],SSN [US_SSN]\n[CUSTOM],[CUSTOM],[CUSTOM]\n"
    );
}

#[test]
fn csv_cells_are_masked_by_their_columns() {
    let csv =
        "id,Email,NPI,note\r\n1,ada@example.org,8149635509,\"call \"\"now\"\" 415-555-2671, please\"\r\n2,,,x\r\n";
    let masked = mask_csv(
        &masker(&redacting()),
        csv,
        &[],
        CsvOptions::default(),
        &mut conversation(),
        None,
    )
    .unwrap();
    assert_eq!(
        masked.text.as_str(),
        "id,Email,NPI,note\r\n1,[EMAIL],[US_NPI],\"call \"\"now\"\" [PHONE], please\"\r\n2,,,x\r\n"
    );
    let open = mask_csv(
        &masker(&redacting()),
        "a\n\"b",
        &[],
        CsvOptions::default(),
        &mut conversation(),
        None,
    );
    assert!(matches!(open, Err(StructuredError::Malformed { .. })));
}

#[test]
fn a_separator_that_would_hide_a_cell_is_refused() {
    // The last byte of "é": a cell that ends there is no text.
    for separator in [0xa9, 0x80, b'"', b'\r', b'\n'] {
        let options = CsvOptions {
            separator,
            header: false,
            ..CsvOptions::default()
        };
        let refused = mask_csv(
            &masker(&redacting()),
            "ada@example.org é x",
            &[],
            options,
            &mut conversation(),
            None,
        );
        assert!(matches!(refused, Err(StructuredError::Separator)), "{separator}");
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        "[a-z]{4,8}@[a-z]{4,8}[.]org".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::btree_map("\\PC{0,8}", inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn same_shape(left: &serde_json::Value, right: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object};
    match (left, right) {
        (Array(left), Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_shape(left, right))
        }
        (Object(left), Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|other| same_shape(value, other)))
        }
        _ => std::mem::discriminant(left) == std::mem::discriminant(right),
    }
}

proptest! {
    #[test]
    fn any_json_keeps_its_shape_and_comes_back(value in any_json()) {
        let text = value.to_string();
        let mut talk = conversation();
        let masked = mask_json(&masker(&draft()), &text, &[], &mut talk, None, StructuredLimits::default()).unwrap();
        let parsed: serde_json::Value = serde_json::from_str(masked.text.as_str()).unwrap();
        prop_assert!(same_shape(&value, &parsed));
        prop_assert!(!masked.text.as_str().contains(".org\""));
    }
}
