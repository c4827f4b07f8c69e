//! Policies, the floor, and a tenant's own recognizers.

use crate::{conversation, draft, masker};
use bearingwall_pii::error::{OwnError, PolicyError};
use bearingwall_pii::own::{OwnRecognizer, OwnRule};
use bearingwall_pii::{Action, Entity, Floor, Policy, PolicyDraft};

fn compile(draft: &PolicyDraft) -> Result<Policy, PolicyError> {
    Policy::compile(draft, &Floor::platform_least())
}

#[test]
fn a_name_that_nobody_knows_is_treated_most_strictly() {
    let policy = compile(&PolicyDraft {
        default: Action::Allow,
        ..draft()
    })
    .unwrap();
    assert_eq!(policy.action_named("EMAIL", "x"), Action::Allow);
    assert_eq!(policy.action_named("RETINA_SCAN", "x"), Action::Redact);
    let unknown = PolicyDraft {
        actions: vec![("RETINA_SCAN".into(), Action::Allow)],
        ..draft()
    };
    assert!(matches!(compile(&unknown), Err(PolicyError::UnknownEntity { .. })));
}

#[test]
fn the_hash_says_what_a_policy_does_and_not_its_number() {
    let hash = |draft: &PolicyDraft| compile(draft).unwrap().hash().to_owned();
    let base = hash(&draft());
    assert_eq!(base.len(), 64);
    assert_eq!(base, hash(&PolicyDraft { version: 9, ..draft() }));
    for changed in [
        PolicyDraft {
            default: Action::Redact,
            ..draft()
        },
        PolicyDraft {
            actions: vec![("EMAIL".into(), Action::Allow)],
            ..draft()
        },
        PolicyDraft {
            thresholds: vec![("EMAIL".into(), 0.4)],
            ..draft()
        },
        PolicyDraft {
            allow: vec!["a".into()],
            ..draft()
        },
        PolicyDraft {
            deny: vec![("a".into(), "PERSON".into())],
            ..draft()
        },
        PolicyDraft {
            recognizers: vec![own("x", OwnRule::Pattern("ab".into()))],
            ..draft()
        },
    ] {
        assert_ne!(base, hash(&changed), "{changed:?}");
    }
}

#[test]
fn a_deny_list_finds_whole_words_wherever_they_stand() {
    let draft = PolicyDraft {
        default: Action::Redact,
        deny: vec![("Project Blue Heron".into(), "ID_OTHER".into())],
        ..draft()
    };
    let masked = masker(&draft)
        .mask(
            "about project  BLUE heron, not project blue herons",
            &mut conversation(),
            None,
        )
        .unwrap();
    assert_eq!(masked.text.as_str(), "about [ID_OTHER], not project blue herons");
}

fn own(name: &str, rule: OwnRule) -> OwnRecognizer {
    OwnRecognizer {
        name: name.to_owned(),
        entity: Entity::Custom,
        score: 0.9,
        rule,
    }
}

#[test]
fn own_recognizers_find_and_are_named() {
    let draft = PolicyDraft {
        default: Action::Redact,
        recognizers: vec![
            own("badge", OwnRule::Pattern(r"BW-\d{4}".into())),
            own("sites", OwnRule::Dictionary(vec!["north wing".into()])),
        ],
        ..draft()
    };
    let masker = masker(&draft);
    let shown = masker.preview("BW-1234 in the North Wing", &conversation()).unwrap();
    let names: Vec<&str> = shown
        .iter()
        .map(|(finding, _)| &*finding.explanation.recognizer)
        .collect();
    assert_eq!(names, ["badge", "sites"]);
    assert!(
        shown
            .iter()
            .all(|(finding, action)| finding.entity == Entity::Custom && *action == Action::Redact)
    );
}

#[test]
fn a_preview_is_what_masking_does() {
    let draft = PolicyDraft {
        deny: vec![("Blue Heron".into(), "ID_OTHER".into())],
        allow: vec!["bob@example.org".into()],
        ..draft()
    };
    let masker = masker(&draft);
    let mut talk = conversation();
    let page = "a line of text\n".repeat(300);
    let known = masker
        .mask("ada@example.org", &mut talk, None)
        .unwrap()
        .text
        .into_string();
    let text = format!("Blue Heron wrote to bob@example.org and {known}\n{page}\n\nSSN 536-22-8147");
    let shown: Vec<_> = masker
        .preview(&text, &talk)
        .unwrap()
        .into_iter()
        .map(|(finding, action)| (finding.entity, finding.range, action))
        .collect();
    let done: Vec<_> = masker
        .mask(&text, &mut talk, None)
        .unwrap()
        .replacements
        .into_iter()
        .map(|done| (done.entity, done.original, done.action))
        .collect();
    assert_eq!(shown, done);
    assert_eq!(shown.len(), 3);
    let cues = masker.preview(&text, &talk).unwrap();
    let cue = cues[2].0.explanation.cue.clone().unwrap();
    assert_eq!(&text[cue], "SSN");
}

#[test]
fn pii_6_what_cannot_run_in_bounds_is_refused_before_it_runs() {
    let refused = |recognizers: Vec<OwnRecognizer>| match compile(&PolicyDraft { recognizers, ..draft() }) {
        Err(PolicyError::Own(error)) => error,
        other => panic!("{:?}", other.map(|policy| policy.version())),
    };
    let pattern = |text: &str| vec![own("p", OwnRule::Pattern(text.to_owned()))];
    assert!(matches!(refused(pattern(r"(?=a)b")), OwnError::Pattern { .. }));
    assert!(matches!(refused(pattern(r"(a)\1")), OwnError::Pattern { .. }));
    assert!(matches!(refused(pattern(r"(\w{100}){100}")), OwnError::Pattern { .. }));
    assert!(matches!(refused(pattern(r"a*")), OwnError::EmptyMatch { .. }));
    assert!(matches!(
        refused(pattern(&"a".repeat(600))),
        OwnError::PatternLength { .. }
    ));
    assert!(matches!(
        refused(vec![own("d", OwnRule::Dictionary(vec!["--".into()]))]),
        OwnError::Dictionary { .. }
    ));
    assert!(matches!(
        refused(vec![own("d", OwnRule::Dictionary(vec!["a".into(); 10_001]))]),
        OwnError::Dictionary { .. }
    ));
    assert!(matches!(
        refused(vec![own("p", OwnRule::Pattern("a".into())); 65]),
        OwnError::TooMany
    ));
}

#[test]
fn safe_harbor_leaves_years_and_young_ages_and_nothing_else() {
    let draft = PolicyDraft {
        language: bearingwall_pii::Language::None,
        ..PolicyDraft::safe_harbor()
    };
    let text = "MRN 4821937, born 03/14/1962, just turned 61; mother just turned 93, born 03/14/1933. ZIP code 94117. ada@example.org";
    let masked = masker(&draft).mask(text, &mut conversation(), None).unwrap();
    assert_eq!(
        masked.text.as_str(),
        "MRN [MRN], born 1962, just turned 61; mother just turned 90+, born [DATE_TIME]. ZIP code 941. [EMAIL]"
    );
}

#[cfg(feature = "serde")]
#[test]
fn a_policy_is_read_as_it_was_written_and_nothing_unknown_is_passed_over() {
    let draft = PolicyDraft {
        actions: vec![
            ("EMAIL".into(), Action::Mask { keep_last: 2 }),
            ("PERSON".into(), Action::Placeholder),
        ],
        recognizers: vec![own("badge", OwnRule::Pattern("BW-[0-9]{4}".into()))],
        ..draft()
    };
    let text = serde_json::to_string(&draft).unwrap();
    assert_eq!(serde_json::from_str::<PolicyDraft>(&text).unwrap(), draft);
    assert!(serde_json::from_str::<PolicyDraft>(r#"{"allowed":["x"]}"#).is_err());
    assert!(serde_json::from_str::<PolicyDraft>(r#"{"default":"ignore"}"#).is_err());
}
