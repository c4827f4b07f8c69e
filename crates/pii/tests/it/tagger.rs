//! The tagger: what it finds, that the shipped models are what their card says, and that bad input does not stop it.

use bearingwall_pii::{Engine, EngineOptions, Language, OperatingPoint};
use sha2::{Digest, Sha256};
use std::fmt::Write;

fn engine(language: Language, point: OperatingPoint) -> Engine {
    let mut options = EngineOptions::default();
    options.language = language;
    options.point = point;
    Engine::new(options)
}

fn found(language: Language, text: &str) -> Vec<(&'static str, String)> {
    super::named(&engine(language, OperatingPoint::Balanced).detect(text).unwrap(), text)
}

fn finds(language: Language, text: &str, kind: &str, value: &str) -> bool {
    found(language, text)
        .iter()
        .any(|(entity, span)| *entity == kind && span.contains(value))
}

#[test]
fn names_places_and_dates_of_a_clinical_question_are_found() {
    let text = "Can we restart apixaban for Marisol Quintanar, seen at Fairhaven General Hospital on March 3rd, 2024?";
    for (kind, value) in [
        ("PERSON", "Marisol Quintanar"),
        ("LOCATION", "Fairhaven General Hospital"),
        ("DATE_TIME", "March 3rd, 2024"),
    ] {
        assert!(
            finds(Language::English, text, kind, value),
            "{kind} {:?}",
            found(Language::English, text)
        );
    }
}

#[test]
fn names_without_capitals_are_found() {
    let text = "hello my name is tobias lindqvist and i am calling from portland";
    assert!(finds(Language::English, text, "PERSON", "tobias lindqvist"));
    assert!(finds(Language::English, text, "LOCATION", "portland"));
}

#[test]
fn a_name_that_is_also_a_place_is_told_by_its_sentence() {
    assert!(finds(
        Language::English,
        "Jordan approved the invoice yesterday.",
        "PERSON",
        "Jordan"
    ));
    assert!(finds(
        Language::English,
        "We flew to Jordan in the spring.",
        "LOCATION",
        "Jordan"
    ));
}

#[test]
fn a_clinical_question_without_a_person_stays_whole() {
    for text in [
        "What is the recommended dose of metformin for adults with a low Wells score?",
        "Explain the difference between Crohn's disease and ulcerative colitis.",
        "The meeting may be moved; please mark the request as done.",
    ] {
        assert_eq!(found(Language::English, text), []);
    }
}

#[test]
fn a_spanish_report_is_read_by_its_own_model() {
    let text = "Nombre: Amparo.\nApellidos: Benavides Ríos.\nDomicilio: Calle del Olmo, 14.\nPaciente que ingresa en el hospital de la ciudad por fiebre.";
    for language in [Language::Spanish, Language::Auto] {
        assert!(
            finds(language, text, "PERSON", "Benavides Ríos"),
            "{:?}",
            found(language, text)
        );
        assert!(
            finds(language, text, "LOCATION", "Calle del Olmo"),
            "{:?}",
            found(language, text)
        );
    }
}

#[test]
fn the_recall_point_covers_what_the_precision_point_covers() {
    let text = "Ask Virginia or Mr. Chase about the Lincoln file; May said Austin will sign it on Friday in Paris.";
    let covered = |point| {
        let mut bytes = vec![false; text.len()];
        for finding in engine(Language::English, point).detect(text).unwrap().iter() {
            bytes[finding.range.clone()].fill(true);
        }
        bytes
    };
    let (recall, balanced, precision) = (
        covered(OperatingPoint::Recall),
        covered(OperatingPoint::Balanced),
        covered(OperatingPoint::Precision),
    );
    for index in 0..text.len() {
        assert!(recall[index] || !balanced[index]);
        assert!(balanced[index] || !precision[index]);
    }
}

#[test]
fn a_long_text_is_tagged_to_its_end() {
    let mut text = "The results were normal and the patient feels well. ".repeat(800);
    text.push_str("Please call Henrietta Vandermeer tomorrow.");
    assert!(finds(Language::English, &text, "PERSON", "Henrietta Vandermeer"));
}

#[test]
fn shipped_models_are_those_of_the_card() {
    let card = include_str!("../../model/MODEL_CARD.md");
    for (name, bytes) in [
        ("lists.bin", include_bytes!("../../model/lists.bin").as_slice()),
        ("en.bin", include_bytes!("../../model/en.bin").as_slice()),
        ("es.bin", include_bytes!("../../model/es.bin").as_slice()),
    ] {
        let hash = Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        assert!(
            card.contains(&hash),
            "{name} has the hash {hash}, which the card does not name"
        );
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_tagged_without_a_panic_and_on_character_boundaries(text in "\\PC{0,400}") {
        for language in [Language::English, Language::Spanish] {
            for finding in engine(language, OperatingPoint::Recall).detect(&text).unwrap().iter() {
                proptest::prop_assert!(text.get(finding.range.clone()).is_some());
            }
        }
    }
}
