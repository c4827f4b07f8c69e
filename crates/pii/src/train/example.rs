//! Labelled texts, and how they become sequences of features.

use super::crf::Sequence;
use super::random::Random;
use crate::tagger::feature::Facts;
use crate::tagger::label::Label;
use crate::tagger::token::Tokens;
use crate::tagger::{Shared, hash};

/// A labelled stretch of a text, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Where it starts.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The name of its kind, as [`crate::Entity::name`] writes it; one that the tagger has no label for is ignored.
    pub kind: String,
}

/// A labelled text.
#[derive(Clone, Debug, Default)]
pub struct Example {
    /// The text.
    pub text: String,
    /// Its labelled stretches.
    pub marks: Vec<Mark>,
    /// Kinds that may stand in the text without a label: no evidence against them.
    pub unlabelled: Vec<String>,
}

/// The label of a kind's name.
pub(crate) fn label_of(kind: &str) -> Option<Label> {
    let kind = match kind {
        "NPI" => "US_NPI",
        other => other,
    };
    Label::ALL
        .into_iter()
        .find(|label| label.entity().is_some_and(|entity| entity.name() == kind))
}

impl Example {
    /// A number that is the same for texts of one template: spelling of labelled values and digits left out.
    #[must_use]
    pub fn template(&self) -> u64 {
        let mut skeleton = String::new();
        let mut position = 0;
        let mut marks: Vec<&Mark> = self.marks.iter().collect();
        marks.sort_by_key(|mark| mark.start);
        for mark in marks {
            if mark.start < position {
                continue;
            }
            skeleton.push_str(self.text.get(position..mark.start).unwrap_or_default());
            skeleton.push_str(&mark.kind);
            position = mark.end;
        }
        skeleton.push_str(self.text.get(position..).unwrap_or_default());
        let skeleton: String = skeleton.chars().filter(|character| character.is_alphabetic()).collect();
        hash::bytes(skeleton.to_lowercase().as_bytes())
    }

    /// A number that is the same for the same text.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        hash::bytes(self.text.as_bytes())
    }

    /// Its features and labels; `blind` is the percentage of labelled tokens whose list entries are hidden.
    pub(crate) fn sequence(&self, shared: &Shared, random: &mut Random, blind: usize) -> Sequence {
        let mut tokens = Tokens::default();
        tokens.split(&self.text);
        let open = self
            .unlabelled
            .iter()
            .filter_map(|kind| label_of(kind))
            .fold(1_u16, |mask, label| mask | 1 << label as u16);
        let mut allowed = vec![open; tokens.list.len()];
        let mut hidden = vec![false; tokens.list.len()];
        for mark in &self.marks {
            let label = label_of(&mark.kind).unwrap_or(Label::Outside);
            let hide = random.chance(blind);
            for ((token, slot), hidden) in tokens.list.iter().zip(&mut allowed).zip(&mut hidden) {
                let (start, end) = (token.start as usize, token.end as usize);
                let shared = end.min(mark.end).saturating_sub(start.max(mark.start));
                if shared * 2 > end - start {
                    *slot = 1 << label as u16;
                    *hidden = hide;
                }
            }
        }
        let mut facts = Facts::default();
        facts.gather(&tokens, &shared.lexicon, &shared.cues, |index| {
            hidden.get(index).copied().unwrap_or(false)
        });
        let mut features = Vec::new();
        let mut possible = vec![u16::MAX; allowed.len()];
        let mut width = 1;
        for (index, (allowed, possible)) in allowed.iter_mut().zip(&mut possible).enumerate() {
            let start = features.len();
            facts.emit(index, &mut |feature| features.push(feature));
            width = features.len() - start;
            if facts.is_cold(index) {
                features.get_mut(start..).unwrap_or_default().fill(0);
                *allowed = 1;
                *possible = 1;
            }
        }
        Sequence {
            width,
            features,
            allowed,
            possible,
        }
    }
}

/// Builds a text piece by piece.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    /// What stands so far.
    pub(crate) example: Example,
}

impl Builder {
    /// Appends text without a label.
    pub(crate) fn plain(&mut self, text: &str) {
        self.example.text.push_str(text);
    }

    /// Appends a labelled value.
    pub(crate) fn value(&mut self, kind: &str, text: &str) {
        let start = self.example.text.len();
        self.example.text.push_str(text);
        if !kind.is_empty() {
            self.example.marks.push(Mark {
                start,
                end: self.example.text.len(),
                kind: kind.to_owned(),
            });
        }
    }
}
