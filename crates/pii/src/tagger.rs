//! The statistical tagger of names, places and what has no shape of its own.
//!
//! A linear chain over sixteen labels on hashed features, trained by the feature `train` and run here in integers.

pub(crate) mod cue;
mod decode;
pub(crate) mod feature;
pub(crate) mod hash;
pub(crate) mod label;
pub(crate) mod lexicon;
pub(crate) mod model;
pub(crate) mod score;
pub(crate) mod seal;
pub(crate) mod table;
pub(crate) mod token;

use crate::finding::Candidate;
use cue::Cues;
use decode::{Decision, decode};
use feature::Facts;
use label::Label;
use lexicon::Lexicon;
use model::{Model, Scores};
use score::Words;
use std::sync::{Arc, OnceLock};
pub(crate) use token::folded;
use token::{Gap, Token, Tokens};

/// A trained model, ready to run.
#[derive(Debug)]
pub(crate) struct Tagger {
    model: Model,
    shared: Arc<Shared>,
    source: &'static str,
    /// Whether a short form of address is hidden with the name after it.
    titles: bool,
}

/// What the models of all languages share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) lexicon: Lexicon,
    pub(crate) cues: Cues,
}

/// Spans that the best labelling leaves out are still proposed from this score on, for the recall operating point.
const LEAST_SCORE: f32 = 0.05;

/// What the crate ships; `crates/pii/model/MODEL_CARD.md` says what it was trained on and what it misses.
const LISTS: &[u8] = include_bytes!("../model/lists.bin");
const ENGLISH: &[u8] = include_bytes!("../model/en.bin");
const SPANISH: &[u8] = include_bytes!("../model/es.bin");

impl Tagger {
    /// The shipped model for English; `None` only if its bytes are damaged, which a test refuses.
    pub(crate) fn english() -> Option<&'static Self> {
        static TAGGER: OnceLock<Option<Tagger>> = OnceLock::new();
        TAGGER
            .get_or_init(|| Self::from_bytes(ENGLISH, shipped_lists()?, "tagger.en", true))
            .as_ref()
    }

    /// The shipped model for Spanish; `None` only if its bytes are damaged, which a test refuses.
    pub(crate) fn spanish() -> Option<&'static Self> {
        static TAGGER: OnceLock<Option<Tagger>> = OnceLock::new();
        TAGGER
            .get_or_init(|| Self::from_bytes(SPANISH, shipped_lists()?, "tagger.es", false))
            .as_ref()
    }

    /// A model from the bytes of its file.
    ///
    /// With `titles`, a short form of address is hidden with the name that follows it.
    pub(crate) fn from_bytes(bytes: &[u8], shared: Arc<Shared>, source: &'static str, titles: bool) -> Option<Self> {
        Some(Self {
            model: Model::read(bytes)?,
            shared,
            source,
            titles,
        })
    }

    /// Proposes spans of `text`.
    ///
    /// Time is linear and memory grows with the text, which is a piece of bounded length: a name that a cut parts is none.
    pub(crate) fn tag(&self, text: &str, work: &mut Work, out: &mut Vec<Candidate>) {
        work.decisions.clear();
        work.tokens.split(text);
        work.facts
            .gather(&work.tokens, &self.shared.lexicon, &self.shared.cues, |_| false);
        work.words.begin(self.source, text.len());
        let count = work.facts.len();
        work.decisions.reserve(count);
        work.emissions.reserve(count);
        work.forward.reserve(count);
        let mut index = 0;
        while index < count {
            if work.facts.is_cold(index) {
                work.decisions.push(Decision::OUTSIDE);
                index += 1;
                continue;
            }
            let start = index;
            work.emissions.clear();
            while index < count && !work.facts.is_cold(index) {
                let Model { tables, weights, .. } = &self.model;
                work.emissions
                    .push(tables.score(index, &work.facts, &mut work.words, weights));
                index += 1;
            }
            decode(
                &work.emissions,
                &self.model,
                (start == 0, index == count),
                &mut work.forward,
                &mut work.decisions,
            );
        }
        self.spans(text, work, out);
    }

    /// Joins neighbouring tokens of one label to spans.
    fn spans(&self, text: &str, work: &Work, out: &mut Vec<Candidate>) {
        let mut open: Option<Open> = None;
        let mut title: Option<u32> = None;
        for (token, decision) in work.tokens.list.iter().zip(&work.decisions) {
            let (mut label, mut sure) = self.judge(*decision);
            let next_title = self.title(work, token, title);
            if next_title.is_some() && !sure {
                (label, sure) = (Label::Outside, false);
            }
            let joins = open.as_ref().is_some_and(|open| {
                open.label == label
                    && open.sure == sure
                    && !(label == Label::Person && matches!(token.gap, Gap::Line | Gap::Paragraph))
            });
            if !joins {
                if let Some(open) = open.take() {
                    self.close(text, &open, out);
                }
                if label == Label::Outside {
                    title = next_title;
                    continue;
                }
            }
            let span = open.get_or_insert(Open {
                label,
                sure,
                // `Dr. Okafor` is one value; a title that has its own label stays one of its own.
                start: title
                    .take()
                    .filter(|_| label == Label::Person && sure)
                    .unwrap_or(token.start) as usize,
                end: 0,
                margin: 0.0,
                tokens: 0.0,
            });
            span.end = token.end as usize;
            span.margin += f32::from(decision.margin);
            span.tokens += 1.0;
        }
        if let Some(open) = open {
            self.close(text, &open, out);
        }
    }

    /// Where a form of address starts that the next token may continue.
    fn title(&self, work: &Work, token: &Token, before: Option<u32>) -> Option<u32> {
        match work.tokens.folded(token) {
            b"dr" | b"mr" | b"mrs" | b"ms" if self.titles => Some(token.start),
            b"." if token.gap == Gap::None => before,
            _ => None,
        }
    }

    /// The label to propose for a token, and whether the best labelling has it.
    fn judge(&self, decision: Decision) -> (Label, bool) {
        let label = |index: usize| Label::ALL.get(index).copied().unwrap_or(Label::Outside);
        if decision.best != 0 {
            (label(decision.best), true)
        } else if self.score(f32::from(decision.margin)) >= LEAST_SCORE {
            (label(decision.inside), false)
        } else {
            (Label::Outside, false)
        }
    }

    fn score(&self, margin: f32) -> f32 {
        let (slope, offset) = self.model.calibration;
        1.0 / (1.0 + (-(margin * self.model.unit * slope + offset)).exp())
    }

    fn close(&self, text: &str, open: &Open, out: &mut Vec<Candidate>) {
        let Some(entity) = open.label.entity() else { return };
        let Some(span) = text.get(open.start..open.end) else {
            return;
        };
        let stray =
            |character: char| matches!(character, ',' | ';' | ':' | '"' | '*' | '|') || character.is_whitespace();
        let trimmed = span.trim_end_matches(stray);
        let start = open.start + trimmed.len() - trimmed.trim_start_matches(stray).len();
        let end = open.start + trimmed.len();
        if start >= end
            || !text
                .get(start..end)
                .is_some_and(|span| span.contains(char::is_alphanumeric))
        {
            return;
        }
        let score = self.score(open.margin / open.tokens);
        // The best labelling is the balanced operating point, whatever the calibration says of single spans.
        let score = if open.sure {
            score.clamp(0.5, 1.0)
        } else {
            score.min(0.49)
        };
        out.push(Candidate::new(start, end, entity, score, self.source));
    }
}

fn shipped_lists() -> Option<Arc<Shared>> {
    static LISTS_READ: OnceLock<Option<Arc<Shared>>> = OnceLock::new();
    LISTS_READ.get_or_init(|| Shared::from_bytes(LISTS)).clone()
}

impl Shared {
    /// Lists and cues, from the bytes of the lists' file.
    pub(crate) fn from_bytes(lists: &[u8]) -> Option<Arc<Self>> {
        Some(Arc::new(Self {
            lexicon: Lexicon::read(lists)?,
            cues: Cues::new(),
        }))
    }
}

/// What is known of a text while it is tagged: allocated once for all pieces.
#[derive(Debug, Default)]
pub(crate) struct Work {
    tokens: Tokens,
    facts: Facts,
    words: Words,
    emissions: Vec<Scores>,
    forward: Vec<Scores>,
    decisions: Vec<Decision>,
}

/// A span that may go on.
struct Open {
    label: Label,
    sure: bool,
    start: usize,
    end: usize,
    margin: f32,
    tokens: f32,
}
