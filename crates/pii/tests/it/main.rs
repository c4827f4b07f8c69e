//! What the crate promises, from outside.
#![allow(
    clippy::string_slice,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that slices wrongly fails"
)]

mod detect;
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
    Masker::new(
        Policy::compile(draft, &Floor::default()).unwrap(),
        TenantKey::new([5; 32]),
    )
}

pub(crate) fn conversation() -> Conversation {
    Conversation::new("tenant-a", "conversation-1", [1; 32])
}
