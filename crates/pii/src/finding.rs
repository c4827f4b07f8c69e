//! What is found, before and after it is resolved.

use crate::checksums::Validity;
use crate::entity::Entity;
use std::borrow::Cow;
use std::ops::Range;

/// How much each part of the evidence adds to a recognizer's own score.
///
/// A number that fails its check and has no cue falls below every operating point; one that a strong cue announces
/// stays above the balanced one.
pub(crate) mod weight {
    /// The check digits or the structure are right.
    pub(crate) const VALID: f32 = 0.25;
    /// They are wrong, and nothing says that it is such a number.
    pub(crate) const INVALID: f32 = -0.25;
    /// They are wrong, but a cue says what it is: a typing error, or a misheard digit.
    pub(crate) const INVALID_CUED: f32 = -0.1;
    /// A word next to it says what it is.
    pub(crate) const CUE: f32 = 0.5;
    /// A word next to it may say what it is.
    pub(crate) const WEAK_CUE: f32 = 0.3;
}

/// The word that spoke for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CueSpan {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) weak: bool,
}

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
    /// The score of the shape alone.
    pub(crate) shape: f32,
    /// What the validator said.
    pub(crate) validity: Validity,
    /// What spoke for it.
    pub(crate) cue: Option<CueSpan>,
    /// Which of the engine's own or plugged-in recognizers proposed it, if it was one of those.
    pub(crate) plugged: Option<u16>,
}

impl Candidate {
    /// A proposal of `source` that has no other evidence than its score.
    pub(crate) const fn new(start: usize, end: usize, entity: Entity, score: f32, source: &'static str) -> Self {
        Self {
            start,
            end,
            entity,
            score,
            source,
            shape: score,
            validity: Validity::Unchecked,
            cue: None,
            plugged: None,
        }
    }

    /// A proposal whose score follows from its evidence.
    pub(crate) fn weigh(mut self, validity: Validity, cue: Option<CueSpan>) -> Self {
        self.validity = validity;
        self.cue = cue;
        self.score = (self.shape + self.check_part() + self.cue_part()).clamp(0.0, 0.99);
        self
    }

    fn check_part(&self) -> f32 {
        match (self.validity, self.cue) {
            (Validity::Unchecked, _) => 0.0,
            (Validity::Valid, _) => weight::VALID,
            (Validity::Invalid, None) => weight::INVALID,
            (Validity::Invalid, Some(_)) => weight::INVALID_CUED,
        }
    }

    fn cue_part(&self) -> f32 {
        match self.cue {
            None => 0.0,
            Some(cue) if cue.weak => weight::WEAK_CUE,
            Some(_) => weight::CUE,
        }
    }
}

/// A candidate of the rules, as the tagger sees it: sorted by start, possibly overlapping.
pub(crate) type Hint = Candidate;

/// A value that was found, and why.
///
/// It holds positions and no text, so that it can be logged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// What it is.
    pub entity: Entity,
    /// Where it is, in bytes, on character boundaries.
    pub range: Range<usize>,
    /// How sure we are, from 0 to 1.
    pub score: f32,
    /// Why.
    pub explanation: Explanation,
}

impl Finding {
    /// Moves it, with its cue, from a piece of a text to the text.
    pub(crate) fn shift(&mut self, base: usize) {
        self.range = self.range.start + base..self.range.end + base;
        if let Some(cue) = &mut self.explanation.cue {
            *cue = cue.start + base..cue.end + base;
        }
    }
}

/// Which recognizer, validator and context made a finding.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The recognizer that named it, `rule.npi`, `tagger.en`, or the name of a plugged-in or an own one.
    pub recognizer: Cow<'static, str>,
    /// What its validator said.
    pub validity: Validity,
    /// Where the word stands that spoke for it, in bytes.
    pub cue: Option<Range<usize>>,
    /// The part of the score that the shape alone gave.
    pub shape_score: f32,
    /// What the validator added.
    pub check_score: f32,
    /// What the cue added.
    pub cue_score: f32,
    /// The other recognizers whose spans are within this one.
    pub also: Vec<Cow<'static, str>>,
}

impl Explanation {
    pub(crate) fn of(candidate: &Candidate) -> Self {
        Self {
            recognizer: Cow::Borrowed(candidate.source),
            validity: candidate.validity,
            cue: candidate.cue.map(|cue| cue.start..cue.end),
            shape_score: candidate.shape,
            check_score: candidate.check_part(),
            cue_score: candidate.cue_part(),
            also: Vec::new(),
        }
    }
}

/// What was found in one text: sorted, and no two overlap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    pub(crate) fn new(list: Vec<Finding>) -> Self {
        Self { list }
    }

    /// The findings, by position.
    #[must_use]
    pub fn as_slice(&self) -> &[Finding] {
        &self.list
    }

    /// The findings, by position.
    pub fn iter(&self) -> std::slice::Iter<'_, Finding> {
        self.list.iter()
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The ranges in characters (Unicode scalar values) instead of bytes, for `text`, in which they were found.
    #[must_use]
    pub fn char_ranges(&self, text: &str) -> Vec<Range<usize>> {
        let mut positions = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
        let mut chars = 0;
        let mut byte = positions.next();
        let mut reach = |target: usize| {
            while byte.is_some_and(|byte| byte < target) {
                byte = positions.next();
                chars += 1;
            }
            chars
        };
        self.list
            .iter()
            .map(|finding| {
                let start = reach(finding.range.start);
                start..reach(finding.range.end)
            })
            .collect()
    }
}

impl<'f> IntoIterator for &'f Findings {
    type Item = &'f Finding;
    type IntoIter = std::slice::Iter<'f, Finding>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
