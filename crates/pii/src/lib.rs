#![doc = include_str!("../README.md")]

mod bytes;
mod checksums;
mod engine;
mod entity;
pub mod error;
mod finding;
mod lexicon;
pub mod own;
mod recognizers;
mod resolve;
mod scan;
mod segment;
mod speech;
mod tagger;
#[cfg(feature = "train")]
pub mod train;

pub use checksums::{Validity, check};
pub use engine::{Engine, EngineOptions, EntitySet, Language, OperatingPoint, Proposal, Recognizer};
pub use entity::{Class, Entity};
pub use error::DetectError;
pub use finding::{Explanation, Finding, Findings};
pub use segment::SegmentLimits;
