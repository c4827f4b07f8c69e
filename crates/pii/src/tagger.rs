//! The statistical tagger of names, places and what has no shape of its own.

use crate::finding::{Candidate, Hint};

/// A trained model, ready to run.
pub(crate) struct Tagger;

impl Tagger {
    /// The model for English.
    pub(crate) fn english() -> Self {
        Self
    }

    /// The model for Spanish.
    pub(crate) fn spanish() -> Self {
        Self
    }

    /// Proposes spans of `text`; `hints` are what the rules have found already.
    pub(crate) fn tag(&self, _text: &str, _hints: &[Hint], _out: &mut Vec<Candidate>) {}
}
