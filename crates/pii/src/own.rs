//! A tenant's own recognizers: patterns that run in linear time and dictionaries of whole words, with limits that are
//! checked when they are made.

use crate::entity::Entity;
use crate::error::OwnError;
use crate::finding::Candidate;
use regex::{Regex, RegexBuilder};
use std::collections::HashMap;

/// The most recognizers of one tenant.
pub const MOST_RECOGNIZERS: usize = 64;
/// The longest pattern, in bytes.
pub const LONGEST_PATTERN: usize = 512;
/// The largest compiled pattern, in bytes.
const PATTERN_ROOM: usize = 256 * 1024;
/// The most entries of all dictionaries together.
pub const MOST_ENTRIES: usize = 10_000;
/// The longest entry, in bytes.
pub const LONGEST_ENTRY: usize = 128;

/// How one recognizer is described.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[derive(Clone, PartialEq)]
pub enum OwnRule {
    /// A regular expression without look-around and back-references.
    Pattern(String),
    /// Whole words and phrases; case does not matter.
    Dictionary(Vec<String>),
}

// A dictionary may be a list of people, and a pattern a person's number: neither is shown.
impl std::fmt::Debug for OwnRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pattern(_) => "Pattern",
            Self::Dictionary(_) => "Dictionary",
        })
    }
}

/// One recognizer of a tenant.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[derive(Clone, Debug, PartialEq)]
pub struct OwnRecognizer {
    /// Its name, for explanations.
    pub name: String,
    /// What it finds.
    pub entity: Entity,
    /// How sure it is, from 0 to 1.
    pub score: f32,
    /// How it finds it.
    pub rule: OwnRule,
}

/// Compiled recognizers.
#[derive(Clone, Default)]
pub struct OwnRecognizers {
    names: Vec<String>,
    patterns: Vec<(u16, Entity, f32, Regex)>,
    words: Phrases<(u16, Entity, f32)>,
}

impl std::fmt::Debug for OwnRecognizers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnRecognizers")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl OwnRecognizers {
    /// Compiles recognizers. What is refused here never fails later.
    ///
    /// # Errors
    ///
    /// If a pattern does not compile within its limits, matches the empty text, or there are too many or too long ones.
    // CONTROL: PII-6
    pub fn compile(recognizers: &[OwnRecognizer]) -> Result<Self, OwnError> {
        if recognizers.len() > MOST_RECOGNIZERS {
            return Err(OwnError::TooMany);
        }
        let mut own = Self::default();
        let mut entries = 0;
        for (index, recognizer) in (0_u16..).zip(recognizers) {
            let name = recognizer.name.clone();
            if !(0.0..=1.0).contains(&recognizer.score) {
                return Err(OwnError::Score { name });
            }
            own.names.push(name.clone());
            match &recognizer.rule {
                OwnRule::Pattern(pattern) => {
                    let regex = compile(&name, pattern)?;
                    own.patterns.push((index, recognizer.entity, recognizer.score, regex));
                }
                OwnRule::Dictionary(list) => {
                    entries += list.len();
                    for entry in list {
                        if entries > MOST_ENTRIES || entry.len() > LONGEST_ENTRY || words(entry).next().is_none() {
                            return Err(OwnError::Dictionary { name });
                        }
                        own.words.add(entry, (index, recognizer.entity, recognizer.score));
                    }
                }
            }
        }
        Ok(own)
    }

    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }

    pub(crate) fn find(&self, text: &str, out: &mut Vec<Candidate>) {
        for (index, entity, score, regex) in &self.patterns {
            for found in regex.find_iter(text).filter(|found| !found.is_empty()) {
                let mut candidate = Candidate::new(found.start(), found.end(), *entity, *score, "own");
                candidate.plugged = Some(*index);
                out.push(candidate);
            }
        }
        self.words.find(text, &mut |start, end, (index, entity, score)| {
            let mut candidate = Candidate::new(start, end, *entity, *score, "own");
            candidate.plugged = Some(*index);
            out.push(candidate);
        });
    }
}

fn compile(name: &str, pattern: &str) -> Result<Regex, OwnError> {
    if pattern.len() > LONGEST_PATTERN {
        return Err(OwnError::PatternLength { name: name.to_owned() });
    }
    let regex = RegexBuilder::new(pattern)
        .size_limit(PATTERN_ROOM)
        .dfa_size_limit(PATTERN_ROOM)
        .nest_limit(32)
        .build()
        .map_err(|source| OwnError::Pattern {
            name: name.to_owned(),
            source,
        })?;
    if regex.is_match("") {
        return Err(OwnError::EmptyMatch { name: name.to_owned() });
    }
    Ok(regex)
}

/// Whole words of a text: letters, digits and marks that belong to them.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|ch: char| !ch.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(move |word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

/// Phrases of whole words, found in one pass whatever their number.
#[derive(Clone)]
pub(crate) struct Phrases<T> {
    /// By first word: the other words, and what it stands for.
    by_first: HashMap<String, Vec<(Vec<String>, T)>>,
}

impl<T> Default for Phrases<T> {
    fn default() -> Self {
        Self {
            by_first: HashMap::new(),
        }
    }
}

impl<T> Phrases<T> {
    pub(crate) fn add(&mut self, phrase: &str, value: T) {
        let mut folded = words(phrase).map(|(_, word)| word.to_lowercase());
        if let Some(first) = folded.next() {
            self.by_first.entry(first).or_default().push((folded.collect(), value));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    pub(crate) fn find(&self, text: &str, found: &mut dyn FnMut(usize, usize, &T)) {
        if self.is_empty() {
            return;
        }
        let mut folded = String::new();
        for (start, word) in words(text) {
            folded.clear();
            folded.extend(word.chars().flat_map(char::to_lowercase));
            let Some(phrases) = self.by_first.get(&folded) else {
                continue;
            };
            for (rest, value) in phrases {
                if let Some(end) = follows(text, start + word.len(), rest) {
                    found(start, end, value);
                }
            }
        }
    }
}

/// Whether these words follow, at most three characters apart: where they end.
fn follows(text: &str, from: usize, rest: &[String]) -> Option<usize> {
    let mut end = from;
    for expected in rest {
        let tail = text.get(end..)?;
        let (gap, word) = words(tail).next()?;
        if gap > 3 || word.to_lowercase() != *expected {
            return None;
        }
        end += gap + word.len();
    }
    Some(end)
}
