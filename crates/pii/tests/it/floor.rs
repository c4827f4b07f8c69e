//! What no tenant's policy gets below, and what no masker is made without.

use crate::{conversation, draft, masker, masker_over};
use bearingwall_pii::error::{MaskError, PolicyError};
use bearingwall_pii::own::{OwnRecognizer, OwnRule};
use bearingwall_pii::{
    Action, DetectError, Engine, EngineOptions, Entity, Floor, Language, MaskStream, Masker, Policy, PolicyDraft,
    Proposal, Recognizer, SegmentLimits, TenantKey,
};
use std::sync::Arc;

fn compile(draft: &PolicyDraft, floor: &Floor) -> Result<Policy, PolicyError> {
    Policy::compile(draft, floor)
}

fn text_of(draft: &PolicyDraft, text: &str) -> String {
    let masked = masker(draft).mask(text, &mut conversation(), None).unwrap();
    masked.text.into_string()
}

const ACTIONS: [Action; 11] = [
    Action::Allow,
    Action::Mask { keep_last: 4 },
    Action::Mask { keep_last: 1 },
    Action::Mask { keep_last: 0 },
    Action::Generalise,
    Action::DateShift,
    Action::FormatPreserving,
    Action::Pseudonym,
    Action::KeyedHash,
    Action::Placeholder,
    Action::Redact,
];

#[test]
fn pii_4_no_draft_gets_below_the_floor() {
    let floor = Floor::platform_least();
    for action in ACTIONS {
        let all = Entity::ALL
            .iter()
            .map(|entity| (entity.name().to_owned(), action))
            .collect();
        for draft in [
            PolicyDraft {
                default: action,
                ..draft()
            },
            PolicyDraft {
                default: Action::Allow,
                actions: all,
                ..draft()
            },
        ] {
            let policy = compile(&draft, &floor).unwrap();
            for entity in Entity::ALL {
                let least = floor.tighten(*entity, Action::Allow);
                assert!(
                    policy.action_for(*entity, "x").strictness() >= least.strictness(),
                    "{entity} {action:?}"
                );
            }
        }
    }
    let mut raised = Floor::platform_least();
    raised.raise(Entity::Email, Action::Redact);
    raised.raise(Entity::Email, Action::Allow);
    assert_eq!(raised.tighten(Entity::Email, Action::Allow), Action::Redact);
    raised.require("model.test");
    assert_eq!(raised.merge(&floor), floor.merge(&raised));
    assert_eq!(floor.tighten(Entity::Secret, Action::Allow), Action::Redact);
}

#[test]
fn pii_4_generalising_is_no_way_around_a_mask() {
    let mut floor = Floor::platform_least();
    floor.raise(Entity::Age, Action::Mask { keep_last: 1 });
    let draft = PolicyDraft {
        default: Action::Generalise,
        ..draft()
    };
    let masked = masker_over(&draft, &floor)
        .mask("just turned 61", &mut conversation(), None)
        .unwrap();
    assert_eq!(masked.text.as_str(), "just turned *1");
    // For a kind that cannot be generalised it is redaction, which no mask loosens.
    assert_eq!(floor.tighten(Entity::UsSsn, Action::Generalise), Action::Redact);
    assert_eq!(floor.tighten(Entity::UsSsn, Action::DateShift), Action::Redact);
}

#[test]
fn pii_4_who_wins_the_label_does_not_win_the_action() {
    let draft = PolicyDraft {
        default: Action::Redact,
        actions: vec![("TITLE".into(), Action::Allow), ("CUSTOM".into(), Action::Allow)],
        deny: vec![("536".into(), "TITLE".into()), ("colonel".into(), "TITLE".into())],
        recognizers: vec![OwnRecognizer {
            name: "greedy".into(),
            entity: Entity::Custom,
            score: 1.0,
            rule: OwnRule::Pattern("AKIA[A-Z0-9]+|[a-z]+@example.org".into()),
        }],
        allow: vec!["536-22-8147".into()],
        ..draft()
    };
    for (text, expected) in [
        ("SSN 536-22-8147", "SSN [US_SSN]"),
        ("key AKIAIOSFODNN7EXAMPLE leaked", "key [SECRET] leaked"),
        ("ada@example.org", "[EMAIL]"),
        ("a colonel with AKIAIO", "a colonel with AKIAIO"),
    ] {
        assert_eq!(text_of(&draft, text), expected);
    }
}

#[test]
fn pii_4_no_draft_keeps_the_engine_from_finding_what_the_floor_holds() {
    let mut floor = Floor::platform_least();
    assert!(compile(&draft(), &floor).is_ok());
    floor.raise(Entity::Person, Action::Redact);
    assert!(matches!(compile(&draft(), &floor), Err(PolicyError::Language)));
    let reading = PolicyDraft {
        language: Language::Auto,
        ..draft()
    };
    assert!(compile(&reading, &floor).is_ok());
    let least = SegmentLimits::default();
    for (target_bytes, most_bytes) in [
        (64, least.most_bytes),
        (least.target_bytes, least.target_bytes + 64),
        (least.target_bytes, 64 * 1024 + 1),
        (least.most_bytes, least.most_bytes),
        (usize::MAX, usize::MAX),
    ] {
        let segments = SegmentLimits {
            target_bytes,
            most_bytes,
        };
        let draft = PolicyDraft { segments, ..draft() };
        let policy = compile(&draft, &Floor::platform_least());
        assert!(matches!(policy, Err(PolicyError::Segments)), "{segments:?}");
        // An engine of its own is asked for nothing that it cannot keep.
        let mut options = EngineOptions::default();
        options.segments = segments;
        let kept = Engine::new(options).options().segments;
        assert!(kept.target_bytes < kept.most_bytes && kept.most_bytes <= 64 * 1024);
    }
}

#[test]
fn a_threshold_that_is_no_number_hides_no_kind() {
    let mut options = EngineOptions::default();
    options.language = Language::None;
    options.thresholds = vec![(Entity::Email, f32::NAN)];
    let found = Engine::new(options).detect("ada@example.org").unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn pii_4_an_allow_list_keeps_nothing_that_the_floor_holds() {
    let draft = PolicyDraft {
        default: Action::Redact,
        allow: ["hunter2!x", "ada@example.org", "536-22-8147", "4111111111111111", "123"]
            .map(Into::into)
            .into(),
        ..draft()
    };
    for (text, expected) in [
        ("password: hunter2!x", "password: [SECRET]"),
        ("ADA@Example.org", "ADA@Example.org"),
        ("SSN 536-22-8147", "SSN [US_SSN]"),
        ("card 4111 1111 1111 1111", "card [CREDIT_CARD]"),
        ("the CVV is 123", "the CVV is [CARD_CODE]"),
    ] {
        assert_eq!(text_of(&draft, text), expected);
    }
}

#[test]
fn pii_4_a_threshold_above_the_floors_is_lowered() {
    let draft = PolicyDraft {
        default: Action::Redact,
        thresholds: vec![("EMAIL".into(), 1.0), ("IBAN".into(), 1.0)],
        ..draft()
    };
    let masked = masker(&draft)
        .mask("ada@example.org", &mut conversation(), None)
        .unwrap();
    assert_eq!(masked.text.as_str(), "[EMAIL]");
}

/// A model that is away as soon as the text says so.
struct Model {
    required: bool,
}

impl Recognizer for Model {
    fn name(&self) -> &str {
        "model.test"
    }

    fn required(&self) -> bool {
        self.required
    }

    fn find(&self, text: &str) -> Result<Vec<Proposal>, Box<dyn std::error::Error + Send + Sync>> {
        if text.contains("away") {
            return Err("away".into());
        }
        Ok(Vec::new())
    }
}

fn requiring(plugged: Vec<Arc<dyn Recognizer>>) -> Result<Masker, MaskError> {
    let mut floor = Floor::platform_least();
    floor.require("model.test");
    let policy = compile(&draft(), &floor.merge(&Floor::platform_least())).unwrap();
    Masker::new(policy, TenantKey::new("tenant-a", [5; 32]), 2026, plugged)
}

#[test]
fn pii_2_no_masker_is_made_without_what_the_floor_requires() {
    for plugged in [
        Vec::new(),
        vec![Arc::new(Model { required: false }) as Arc<dyn Recognizer>],
    ] {
        let refused = requiring(plugged).err();
        assert!(matches!(refused, Some(MaskError::RecognizerMissing { name }) if name == "model.test"));
    }
    assert!(requiring(vec![Arc::new(Model { required: true })]).is_ok());
}

#[test]
fn pii_2_after_one_failure_there_is_no_masked_text() {
    let masker = requiring(vec![Arc::new(Model { required: true })]).unwrap();
    let mut talk = conversation();
    let failed = masker.mask("the model is away", &mut talk, None);
    assert!(matches!(failed, Err(MaskError::Detect(DetectError::Recognizer { .. }))));
    assert!(masker.preview("the model is away", &talk).is_err());

    let mut stream = MaskStream::new(&masker, None);
    // A page, and the beginning of the next one, with which its end is read.
    let page = format!("{}\n{}", "a line of text\n".repeat(400), "more of it\n".repeat(20));
    assert!(!stream.push(&page, &mut talk).unwrap().text.as_str().is_empty());
    assert!(stream.push(&format!("away {page}"), &mut talk).is_err());
    assert!(matches!(stream.push(&page, &mut talk), Err(MaskError::StreamFailed)));
    assert!(matches!(stream.finish(&mut talk), Err(MaskError::StreamFailed)));
}
