//! What is found, before and after it is resolved.

use crate::entity::Entity;

/// A span that one recognizer proposes; half-open, in bytes, on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    /// Where it starts.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// What it is.
    pub(crate) entity: Entity,
    /// How sure the recognizer is, from 0 to 1.
    pub(crate) score: f32,
    /// The recognizer, `tagger.en`.
    pub(crate) source: &'static str,
}

impl Candidate {
    /// A proposal of `source`.
    pub(crate) const fn new(start: usize, end: usize, entity: Entity, score: f32, source: &'static str) -> Self {
        Self {
            start,
            end,
            entity,
            score,
            source,
        }
    }
}

/// A candidate of the rules, as the tagger sees it: sorted by start, possibly overlapping.
pub(crate) type Hint = Candidate;
