//! What the crate promises, from outside.
#![allow(
    clippy::string_slice,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that slices wrongly fails"
)]

mod detect;
mod disguise;
mod floor;
mod health;
mod mask;
mod pieces;
mod placeholders;
mod policy;
mod secrets;
mod structured;
mod tagger;
#[cfg(feature = "train")]
mod train;

use bearingwall_pii::{
    Conversation, Engine, EngineOptions, Findings, Floor, Language, Masker, Policy, PolicyDraft, TenantKey,
};

/// Rules alone: what these tests claim must not hang on a model.
pub(crate) fn rules() -> Engine {
    let mut options = EngineOptions::default();
    options.language = Language::None;
    Engine::new(options)
}

/// What was found: kind and text.
pub(crate) fn found(text: &str) -> Vec<(&'static str, String)> {
    named(&rules().detect(text).unwrap(), text)
}

pub(crate) fn named(findings: &Findings, text: &str) -> Vec<(&'static str, String)> {
    findings
        .iter()
        .map(|finding| (finding.entity.name(), text[finding.range.clone()].to_owned()))
        .collect()
}

pub(crate) fn draft() -> PolicyDraft {
    PolicyDraft {
        language: Language::None,
        ..PolicyDraft::default()
    }
}

pub(crate) fn masker(draft: &PolicyDraft) -> Masker {
    masker_over(draft, &Floor::platform_least())
}

pub(crate) fn masker_over(draft: &PolicyDraft, floor: &Floor) -> Masker {
    made(("tenant-a", 5), draft, floor)
}

pub(crate) fn masker_with_key(key: u8, draft: &PolicyDraft) -> Masker {
    made(("tenant-a", key), draft, &Floor::platform_least())
}

pub(crate) fn masker_of(tenant: &str) -> Masker {
    made((tenant, 5), &draft(), &Floor::platform_least())
}

fn made((tenant, key): (&str, u8), draft: &PolicyDraft, floor: &Floor) -> Masker {
    let policy = Policy::compile(draft, floor).unwrap();
    Masker::new(policy, TenantKey::new(tenant, [key; 32]), 2026, Vec::new()).unwrap()
}

pub(crate) fn conversation() -> Conversation {
    Conversation::new("tenant-a", "conversation-1", [1; 32])
}
