//! Any text, masked: no panic, findings in order, the same by parts as whole, and the way back.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run mask` in `crates/pii`. The first two bytes of an input choose the action and the parts.
#![no_main]

use bearingwall_pii::{
    Action, Conversation, Engine, EngineOptions, Floor, Language, MaskStream, Masker, Policy, PolicyDraft, TenantKey,
    UnmaskStream,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

const ACTIONS: [Action; 8] = [
    Action::Placeholder,
    Action::Redact,
    Action::Mask { keep_last: 4 },
    Action::Generalise,
    Action::DateShift,
    Action::FormatPreserving,
    Action::Pseudonym,
    Action::KeyedHash,
];

static MASKERS: LazyLock<Vec<Masker>> = LazyLock::new(|| {
    ACTIONS
        .into_iter()
        .map(|action| {
            let draft = PolicyDraft {
                default: action,
                actions: vec![("HEALTH_DATA".to_owned(), action)],
                language: Language::None,
                deny: vec![("blue heron".to_owned(), "ID_OTHER".to_owned())],
                ..PolicyDraft::default()
            };
            let policy = Policy::compile(&draft, &Floor::platform_least()).unwrap();
            Masker::new(policy, TenantKey::new("tenant-a", [5; 32]), 2026, Vec::new()).unwrap()
        })
        .collect()
});

static ENGINES: LazyLock<[Engine; 2]> = LazyLock::new(|| {
    [Language::English, Language::Spanish].map(|language| {
        let mut options = EngineOptions::default();
        options.language = language;
        Engine::new(options)
    })
});

fn conversation() -> Conversation {
    Conversation::new("tenant-a", "conversation-1", [1; 32])
}

fuzz_target!(|data: &[u8]| {
    let [action, size, text @ ..] = data else { return };
    let text = String::from_utf8_lossy(text);
    for engine in &*ENGINES {
        let mut end = 0;
        for finding in engine.detect(&text).unwrap().iter() {
            assert!(finding.range.start >= end && finding.range.end > finding.range.start);
            assert!(text.get(finding.range.clone()).is_some());
            end = finding.range.end;
        }
        assert!(end <= text.len());
    }
    let action = usize::from(*action);
    let masker = &MASKERS[action % ACTIONS.len()];
    // Now and then long enough to be cut.
    let text = if action >= 224 { text.repeat(9_000 / text.len().max(1) + 1) } else { text.into_owned() };
    let mut talk = conversation();
    let whole = masker.mask(&text, &mut talk, None).unwrap();
    let masked = whole.text.as_str();
    // What the floor redacts does not come back.
    let reversible = |action| matches!(action, Action::Allow | Action::Placeholder);
    if whole.replacements.iter().all(|replacement| reversible(replacement.action)) {
        assert_eq!(talk.unmask(masked), text);
    }
    let step = if text.len() > 4096 { usize::from(*size) * 16 + 1 } else { usize::from(*size) + 1 };
    let mut parts = conversation();
    let mut stream = MaskStream::new(masker, None);
    let mut streamed = String::new();
    each(&text, step, |part| streamed.push_str(stream.push(part, &mut parts).unwrap().text.as_str()));
    streamed.push_str(stream.finish(&mut parts).unwrap().text.as_str());
    assert_eq!(streamed, masked);
    let mut stream = UnmaskStream::new();
    let mut back = String::new();
    each(masked, step, |part| back.push_str(&stream.push(part, &talk)));
    back.push_str(&stream.finish(&talk));
    assert_eq!(back, talk.unmask(masked));
});

fn each(text: &str, step: usize, mut push: impl FnMut(&str)) {
    let mut rest = text;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.ceil_char_boundary(step.min(rest.len())));
        push(part);
        rest = after;
    }
}
