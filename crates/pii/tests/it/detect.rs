//! What is found, what is not, and why.

use crate::{found, rules};
use bearingwall_pii::{
    DetectError, Engine, EngineOptions, Entity, EntitySet, Language, OperatingPoint, Proposal, Recognizer,
    SegmentLimits, Validity,
};
use proptest::prelude::*;
use std::sync::Arc;

fn only(text: &str) -> (&'static str, String) {
    let all = found(text);
    assert_eq!(all.len(), 1, "{text}: {all:?}");
    all.into_iter().next().unwrap()
}

#[test]
fn each_kind_is_found_as_it_is_written() {
    for (text, kind, value) in [
        (
            "write to ada.l+x@mail.example.co.uk today",
            "EMAIL",
            "ada.l+x@mail.example.co.uk",
        ),
        (
            "see https://example.org/a?b=1 for it",
            "URL",
            "https://example.org/a?b=1",
        ),
        ("from 192.168.12.7 at noon", "IP", "192.168.12.7"),
        ("from 2001:db8::8a2e:370:7334 too", "IP", "2001:db8::8a2e:370:7334"),
        ("card 00:1B:44:11:3A:B7 answered", "MAC_ADDRESS", "00:1B:44:11:3A:B7"),
        ("call (415) 555-2671 now", "PHONE", "(415) 555-2671"),
        ("call +44 20 7946 0958 now", "PHONE", "+44 20 7946 0958"),
        ("Tel.: 934 169 700", "PHONE", "934 169 700"),
        ("SSN 536-22-8147 on file", "US_SSN", "536-22-8147"),
        ("her SSN is 987-65-4321", "US_SSN", "987-65-4321"),
        ("NPI: 1234567893", "US_NPI", "1234567893"),
        ("NPI: 8149635509", "US_NPI", "8149635509"),
        (
            "Medicare beneficiary identifier 1EG4-TE5-MK73",
            "US_MBI",
            "1EG4-TE5-MK73",
        ),
        ("DEA number AP5836727", "US_DEA", "AP5836727"),
        (
            "pay with 4111-1111-1111-1111 please",
            "CREDIT_CARD",
            "4111-1111-1111-1111",
        ),
        (
            "IBAN GB82 WEST 1234 5698 7654 32",
            "IBAN",
            "GB82 WEST 1234 5698 7654 32",
        ),
        ("MRN: 00482-91", "MRN", "00482-91"),
        ("insurance ID HPX-4471829", "HEALTH_PLAN", "HPX-4471829"),
        ("driver's license number is D1234567", "DRIVER_LICENSE", "D1234567"),
        ("passport number X12345678", "PASSPORT", "X12345678"),
        ("VIN 1M8GDM9AXKP042788 was sold", "VIN", "1M8GDM9AXKP042788"),
        ("NHS number 943 476 5919", "UK_NHS", "943 476 5919"),
        ("NI number AB 12 34 56 C", "UK_NINO", "AB 12 34 56 C"),
        ("DNI 54362315K", "ES_NIF", "54362315K"),
        ("seen on March 3rd, 2023", "DATE_TIME", "March 3rd, 2023"),
        ("seen on 2023-11-14T05:17:08Z", "DATE_TIME", "2023-11-14T05:17:08Z"),
        ("el 5 de mayo de 2010 ingresó", "DATE_TIME", "5 de mayo de 2010"),
        ("my father just turned 83", "AGE", "83"),
        (
            "lives at 1840 Fulton Street, Apt 6",
            "LOCATION",
            "1840 Fulton Street, Apt 6",
        ),
        ("P.O. Box 4471", "LOCATION", "P.O. Box 4471"),
        ("key AKIAIOSFODNN7EXAMPLE leaked", "SECRET", "AKIAIOSFODNN7EXAMPLE"),
        ("password: hunter2!x", "SECRET", "hunter2!x"),
        ("CPF 390.533.447-05", "BR_CPF", "390.533.447-05"),
        ("PESEL 44051401359", "PL_PESEL", "44051401359"),
    ] {
        assert_eq!(only(text), (kind, value.to_owned()));
    }
}

#[test]
fn speech_is_read_as_it_is_spoken() {
    for (text, kind, value) in [
        (
            "my social is five three six double two eight one four seven",
            "US_SSN",
            "five three six double two eight one four seven",
        ),
        (
            "you can reach me at four one five, um, five five five\noh one three two",
            "PHONE",
            "four one five, um, five five five\noh one three two",
        ),
        (
            "it is ada dot lovelace at example dot co dot uk",
            "EMAIL",
            "ada dot lovelace at example dot co dot uk",
        ),
        (
            "born march third nineteen eighty five",
            "DATE_TIME",
            "march third nineteen eighty five",
        ),
        (
            "member id x as in xray r as in romeo four four seven one eight",
            "HEALTH_PLAN",
            "x as in xray r as in romeo four four seven one eight",
        ),
        (
            "the parcel goes to six oh two juniper avenue",
            "LOCATION",
            "six oh two juniper avenue",
        ),
        (
            "mi teléfono es nueve uno cinco ocho seis siete cinco siete seis",
            "PHONE",
            "nueve uno cinco ocho seis siete cinco siete seis",
        ),
    ] {
        assert_eq!(only(text), (kind, value.to_owned()));
    }
}

#[test]
fn what_looks_like_an_identifier_and_is_none_is_left() {
    for text in [
        "the INTRODUCTORY chapter is public",
        "blood pressure 128/82, pulse 71, 10 mg daily",
        "version 2.14.3 of the library, 1234567 rows",
        "a 55-year-old man with hypertension",
        "she took up rowing in 2021",
        "section 164.514 of the rule, page 12 of 30",
        "4111111111111112 is not a card",
        "call me maybe, I may march on",
        "2440199291 and 516471175 and 8356284031",
    ] {
        assert_eq!(found(text), [], "{text}");
    }
}

#[test]
fn pii_1_a_number_that_fails_its_check_is_found_only_with_a_cue_and_scores_lower() {
    let score = |text: &str| {
        rules()
            .detect(text)
            .unwrap()
            .as_slice()
            .first()
            .map(|finding| (finding.score, finding.explanation.validity))
    };
    let right = score("NPI 1234567893").unwrap();
    let wrong = score("NPI 1234567890").unwrap();
    assert_eq!((right.1, wrong.1), (Validity::Valid, Validity::Invalid));
    assert!(right.0 > wrong.0);
    assert_eq!(score("the count was 1234567890 then"), None);
}

#[test]
fn a_finding_says_what_made_it() {
    let text = "The card number: 4111 1111 1111 1111";
    let found = rules().detect(text).unwrap();
    let finding = &found.as_slice()[0];
    let why = &finding.explanation;
    assert_eq!(why.recognizer, "rule.card");
    assert_eq!(why.validity, Validity::Valid);
    assert_eq!(&text[why.cue.clone().unwrap()], "card number");
    assert!(why.shape_score > 0.0 && why.check_score > 0.0 && why.cue_score > 0.0);
}

#[test]
fn cues_are_whole_words_and_the_nearest_has_the_say() {
    assert_eq!(found("the republic 4821937 vote"), []);
    assert_eq!(
        found("SSN 536-22-8147, phone 415-555-2671, MRN 4821937, member ID 88213345"),
        [
            ("US_SSN", "536-22-8147".to_owned()),
            ("PHONE", "415-555-2671".to_owned()),
            ("MRN", "4821937".to_owned()),
            ("HEALTH_PLAN", "88213345".to_owned()),
        ]
    );
    // The head of a column speaks for its cells.
    assert_eq!(
        found("| Who | NPI | Phone |\n|---|---|---|\n| A | 8149635509 | 415.555.2671 |\n"),
        [
            ("US_NPI", "8149635509".to_owned()),
            ("PHONE", "415.555.2671".to_owned())
        ]
    );
}

#[test]
fn positions_are_bytes_and_characters() {
    let text = "Señora Núñez: ada@example.org";
    let found = rules().detect(text).unwrap();
    let email = found
        .iter()
        .position(|finding| finding.entity == Entity::Email)
        .unwrap();
    let bytes = found.as_slice()[email].range.clone();
    let chars = found.char_ranges(text)[email].clone();
    assert_eq!(&text[bytes.clone()], "ada@example.org");
    assert_eq!(
        text.chars().skip(chars.start).take(chars.len()).collect::<String>(),
        "ada@example.org"
    );
    assert_ne!(bytes, chars);
}

#[test]
fn kinds_can_be_switched_off_and_thresholds_moved() {
    let detect = |options: EngineOptions| Engine::new(options).detect("ada@example.org, 415-555-2671").unwrap();
    let mut options = EngineOptions::default();
    options.language = Language::None;
    options.entities = EntitySet::ALL.without(Entity::Email);
    assert_eq!(detect(options.clone()).as_slice()[0].entity, Entity::Phone);
    options.point = OperatingPoint::Precision;
    assert!(detect(options.clone()).is_empty());
    options.thresholds = vec![(Entity::Phone, 0.4)];
    assert_eq!(detect(options).len(), 1);
}

#[test]
fn operating_points_are_ordered() {
    let text = "On 3/4 he sent code AB12345 from 415 555 2671, born 03/04/85, card 4111111111111111";
    let count = |point| {
        let mut options = EngineOptions::default();
        options.language = Language::None;
        options.point = point;
        Engine::new(options).detect(text).unwrap().len()
    };
    assert!(count(OperatingPoint::Recall) > count(OperatingPoint::Balanced));
    assert!(count(OperatingPoint::Balanced) > count(OperatingPoint::Precision));
}

struct Model {
    required: bool,
    answer: Result<Vec<Proposal>, &'static str>,
}

impl Recognizer for Model {
    fn name(&self) -> &str {
        "model.test"
    }

    fn required(&self) -> bool {
        self.required
    }

    fn find(&self, _text: &str) -> Result<Vec<Proposal>, Box<dyn std::error::Error + Send + Sync>> {
        self.answer.clone().map_err(Into::into)
    }
}

fn with_model(model: Model) -> Engine {
    let mut options = EngineOptions::default();
    options.language = Language::None;
    options.plugged = vec![Arc::new(model)];
    Engine::new(options)
}

#[test]
fn pii_2_a_required_recognizer_that_fails_refuses_the_text() {
    let failing = |required| {
        with_model(Model {
            required,
            answer: Err("away"),
        })
    };
    assert!(matches!(
        failing(true).detect("hello"),
        Err(DetectError::Recognizer { .. })
    ));
    assert!(failing(false).detect("hello").unwrap().is_empty());
    let outside = Proposal {
        range: 2..99,
        entity: Entity::Person,
        score: 0.9,
    };
    let misplaced = with_model(Model {
        required: true,
        answer: Ok(vec![outside]),
    });
    assert!(matches!(misplaced.detect("hello"), Err(DetectError::Misplaced { .. })));
}

#[test]
fn what_a_plugged_in_model_finds_is_covered_to_whole_characters() {
    let proposal = Proposal {
        range: 1..3,
        entity: Entity::Person,
        score: 0.9,
    };
    let found = with_model(Model {
        required: true,
        answer: Ok(vec![proposal]),
    })
    .detect("éé!")
    .unwrap();
    assert_eq!(found.as_slice()[0].range, 0..4);
    assert_eq!(found.as_slice()[0].explanation.recognizer, "model.test");
}

/// Text that is rich in what recognizers start at.
fn noisy() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "\\PC{0,8}",
        "[0-9]{1,12}",
        "[A-Za-z0-9@.:/+()_#|-]{1,16}",
        Just("SSN ".to_owned()),
        Just("phone: ".to_owned()),
        Just("MRN-".to_owned()),
        Just(" at gmail dot com ".to_owned()),
        Just("five double six oh ".to_owned()),
        Just("march third ".to_owned()),
        Just("Dr. Ana ".to_owned()),
        Just("é ñ — ".to_owned()),
        Just("\n\n".to_owned()),
        Just("\u{a0}".to_owned()),
        Just("-----BEGIN ".to_owned()),
        Just("años ".to_owned()),
        Just("SSN ５٣6-𝟐\u{200b}2-８\u{336}14７ ".to_owned()),
        Just("ѕsn аdа@еx.org asthma ".to_owned()),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_text_gives_sorted_whole_findings(text in noisy()) {
        let mut options = EngineOptions::default();
        options.point = OperatingPoint::Recall;
        options.language = Language::None;
        options.segments = SegmentLimits { target_bytes: 64, most_bytes: 256 };
        let found = Engine::new(options).detect(&text).unwrap();
        let mut end = 0;
        for finding in &found {
            prop_assert!(finding.range.start >= end && finding.range.end > finding.range.start);
            prop_assert!(text.is_char_boundary(finding.range.start) && text.is_char_boundary(finding.range.end));
            prop_assert!((0.0..=1.0).contains(&finding.score));
            end = finding.range.end;
        }
        prop_assert_eq!(found.char_ranges(&text).len(), found.len());
    }

    #[test]
    fn any_unicode_is_read_by_the_whole_engine(text in "\\PC{0,60}") {
        prop_assert!(Engine::default().detect(&text).is_ok());
    }
}
