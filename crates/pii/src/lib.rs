#![doc = include_str!("../README.md")]

mod bytes;
mod checksums;
mod disguise;
mod engine;
mod entity;
pub mod error;
mod finding;
mod health;
mod lexicon;
mod mask;
pub mod own;
mod placeholders;
mod policy;
mod recognizers;
mod resolve;
mod scan;
mod segment;
mod speech;
pub mod structured;
mod tagger;
#[cfg(feature = "train")]
pub mod train;

pub use checksums::{Validity, check};
pub use engine::{Engine, EngineOptions, EntitySet, Language, OperatingPoint, Proposal, Recognizer};
pub use entity::{Class, Entity};
pub use error::DetectError;
pub use finding::{Explanation, Finding, Findings};
pub use mask::{
    Action, FF1_LEAST_DOMAIN, MOST_KEPT, MaskStream, Masked, MaskedText, Masker, Replacement, TenantKey, generalise,
};
pub use placeholders::{Conversation, Issued, MOST_ISSUED, UnmaskStream};
pub use policy::{Floor, Policy, PolicyDraft};
pub use segment::SegmentLimits;
