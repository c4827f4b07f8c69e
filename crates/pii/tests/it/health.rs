//! Conditions, medicines and procedures near what identifies a person.

use super::{conversation, draft, masker, named, rules};
use bearingwall_pii::own::{OwnRecognizer, OwnRecognizers, OwnRule};
use bearingwall_pii::{Action, Engine, EngineOptions, Entity, EntitySet, OperatingPoint, Policy, PolicyDraft};
use proptest::prelude::*;

fn terms(text: &str) -> Vec<String> {
    rules()
        .detect(text)
        .unwrap()
        .iter()
        .filter(|finding| finding.entity == Entity::HealthData)
        .map(|finding| text[finding.range.clone()].to_owned())
        .collect()
}

#[test]
fn terms_near_a_person_are_health_data_and_alone_they_are_not() {
    for (text, found) in [
        (
            "SSN 536-22-8147 has type 2 diabetes mellitus.",
            &["diabetes mellitus"][..],
        ),
        (
            "MRN: 48815162. Allergic to penicillin, on LISINOPRIL.",
            &["penicillin", "LISINOPRIL"],
        ),
        (
            "ada@example.org wants botulinum toxin and hyaluronic fillers",
            &["botulinum toxin", "hyaluronic fillers"],
        ),
        (
            "Write to ada@example.org: semaglutide, tretinoin, an x-ray.",
            &["semaglutide", "tretinoin", "x-ray"],
        ),
        (
            "ada@example.org padece hipertensión arterial; toma metformina",
            &["hipertensión arterial", "metformina"],
        ),
        (
            "ada@example.org padece hipertension y ácido hialurónico",
            &["hipertension", "ácido hialurónico"],
        ),
        (
            "ada@example.org: Alzheimer\u{27}s disease",
            &["Alzheimer\u{27}s disease"],
        ),
        // Nobody is near.
        ("Diabetes is treated with metformin; NPI 1234567893.", &[]),
        ("See https://example.org/ about diabetes on 03/14/2020.", &[]),
        // A blank line, or too far.
        ("SSN 536-22-8147\n\nDiabetes is common.", &[]),
        // No term within a word.
        (
            "ada@example.org spoke of strokes-of-luck and a prediabetes",
            &["strokes"],
        ),
    ] {
        assert_eq!(terms(text), found, "{text}");
    }
    let far = |between: usize| terms(&format!("SSN 536-22-8147 {} asthma", "x".repeat(between))).len();
    assert_eq!((far(254), far(255)), (1, 0));
}

#[test]
fn the_person_explains_it_and_the_same_sentence_counts_more() {
    let text = "ada@example.org has asthma. She had a stroke.";
    let found = rules().detect(text).unwrap();
    let [mail, asthma, stroke] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(asthma.explanation.recognizer, "dictionary.health");
    assert_eq!(asthma.explanation.cue, Some(mail.range.clone()));
    assert!(asthma.score > OperatingPoint::Precision.threshold());
    assert!(stroke.score < OperatingPoint::Precision.threshold());
    assert!(stroke.score > OperatingPoint::Balanced.threshold());
    let mut options = EngineOptions::default();
    options.language = bearingwall_pii::Language::None;
    options.entities = EntitySet::ALL.without(Entity::HealthData);
    assert_eq!(Engine::new(options).detect(text).unwrap().len(), 1);
}

#[test]
fn a_policy_leaves_health_data_unless_it_names_it() {
    let text = "ada@example.org has asthma.";
    for default in [Action::Placeholder, Action::Redact, Action::KeyedHash] {
        let masked = masker(&PolicyDraft { default, ..draft() })
            .mask(text, &mut conversation(), None)
            .unwrap();
        assert!(masked.text.as_str().ends_with(" has asthma."), "{masked:?}");
    }
    let raised = PolicyDraft {
        actions: vec![("HEALTH_DATA".to_owned(), Action::Redact)],
        ..draft()
    };
    let masked = masker(&raised).mask(text, &mut conversation(), None).unwrap();
    assert!(masked.text.as_str().ends_with(" has [HEALTH_DATA]."), "{masked:?}");
    let mut floor = bearingwall_pii::Floor::platform_least();
    floor.raise(Entity::HealthData, Action::Redact);
    let policy = Policy::compile(&draft(), &floor).unwrap();
    assert_eq!(policy.action_for(Entity::HealthData, "asthma"), Action::Redact);
    let harbor = Policy::compile(&PolicyDraft::safe_harbor(), &bearingwall_pii::Floor::platform_least()).unwrap();
    assert_eq!(harbor.action_for(Entity::HealthData, "asthma"), Action::Allow);
}

#[test]
fn a_term_over_a_finding_is_reported_beyond_it_and_hides_nothing() {
    let text = "Mr Parkinson, ada@example.org, saw Mr. Parkinson\u{27}s disease clinic";
    let found = named(&rules().detect(text).unwrap(), text);
    let names: Vec<&str> = found
        .iter()
        .filter(|(kind, _)| *kind == "PERSON")
        .map(|(_, value)| value.as_str())
        .collect();
    assert!(
        names.len() == 2 && names.iter().all(|name| name.contains("Parkinson")),
        "{found:?}"
    );
    assert!(
        found
            .iter()
            .any(|(kind, value)| *kind == "HEALTH_DATA" && value.contains("disease")),
        "{found:?}"
    );
}

#[test]
fn a_term_is_reported_on_both_sides_of_a_finding() {
    let mut options = EngineOptions::default();
    options.language = bearingwall_pii::Language::None;
    options.own = OwnRecognizers::compile(&[OwnRecognizer {
        name: "own".to_owned(),
        entity: Entity::Custom,
        score: 1.0,
        rule: OwnRule::Dictionary(vec!["kidney".to_owned()]),
    }])
    .unwrap();
    let text = "She has chronic kidney disease.";
    let found = named(&Engine::new(options).detect(text).unwrap(), text);
    let expected = [
        ("HEALTH_DATA", "chronic"),
        ("CUSTOM", "kidney"),
        ("HEALTH_DATA", "disease"),
    ];
    assert_eq!(found, expected.map(|(kind, value)| (kind, value.to_owned())));
}

proptest! {
    #[test]
    fn health_data_changes_no_other_finding(
        text in "((ada@example.org|SSN 536-22-8147|Mr Parkinson|asthma|hyaluronic acid|Crohn's disease|of|x-ray|[a-z]{1,5}|[.,]|\n\n?) ?){0,40}"
    ) {
        let mut options = EngineOptions::default();
        options.language = bearingwall_pii::Language::None;
        options.entities = EntitySet::ALL.without(Entity::HealthData);
        let without = Engine::new(options).detect(&text).unwrap();
        let with = rules().detect(&text).unwrap();
        let others: Vec<_> = with.iter().filter(|finding| finding.entity != Entity::HealthData).collect();
        prop_assert_eq!(others, without.iter().collect::<Vec<_>>());
        for pair in with.as_slice().windows(2) {
            prop_assert!(pair[0].range.end <= pair[1].range.start);
        }
    }
}
