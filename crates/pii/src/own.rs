//! A tenant's own recognizers: patterns that run in linear time and dictionaries of whole words, with limits that are
//! checked when they are made.

use crate::entity::Entity;
use crate::error::OwnError;
use crate::finding::Candidate;
use regex::{Regex, RegexBuilder};

mod phrases;

pub(crate) use phrases::Phrases;
use phrases::words;

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
/// The longest match of a pattern that is found for certain, in bytes; of a longer one a part may be found, or nothing.
pub const LONGEST_MATCH: usize = 256;
/// A pattern that matches more often than once in so many bytes says nothing: what follows counts as one match.
const DENSEST: usize = 4;
/// Matches that a text may have in any case, however short it is.
const FEW: usize = 64;

/// How one recognizer is described.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[derive(Clone, PartialEq)]
pub enum OwnRule {
    /// A regular expression without look-around and back-references, for values of up to [`LONGEST_MATCH`] bytes.
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
            matches(regex, text, &mut |start, end| {
                let mut candidate = Candidate::new(start, end, *entity, *score, "own");
                candidate.plugged = Some(*index);
                out.push(candidate);
            });
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

/// Hands the matches of `regex` in `text` to `found`; answers how many bytes the searches were given, which is linear in
/// the text.
///
/// SECURITY: one search is linear, all of them are not: a search that has a short match goes on as far as a longer one is
/// possible, and the next begins again behind the short one. So each sees a window, small behind a match and larger after
/// every window without one, and what matches denser than [`DENSEST`] is hidden whole.
fn matches(regex: &Regex, text: &str, found: &mut dyn FnMut(usize, usize)) -> usize {
    let mut looked = 0;
    let mut left = FEW + text.len() / DENSEST;
    let mut start = 0;
    let mut window = 2 * LONGEST_MATCH;
    while start < text.len() {
        let end = text.floor_char_boundary(start.saturating_add(window));
        looked += end - start;
        let Some(hit) = regex.find_at(text.get(..end).unwrap_or(text), start) else {
            // What begins within the last bytes may end behind the window.
            start = if end == text.len() {
                end
            } else {
                text.floor_char_boundary(end - LONGEST_MATCH)
            };
            window = window.saturating_mul(2);
            continue;
        };
        window = 2 * LONGEST_MATCH;
        if hit.end() == end && end < text.len() && hit.start() > start {
            // The window's end is no end of a word or a line: it is looked at again from where it may begin.
            start = hit.start();
            continue;
        }
        if left == 0 {
            found(hit.start(), text.len());
            break;
        }
        left -= 1;
        if !hit.is_empty() {
            found(hit.start(), hit.end());
        }
        // An empty match, as of `\b`, moves on by a character.
        start = hit.end().max(text.ceil_char_boundary(hit.start() + 1));
    }
    looked
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    fn found(regex: &Regex, text: &str) -> (Vec<(usize, usize)>, usize) {
        let mut spans = Vec::new();
        let looked = matches(regex, text, &mut |start, end| spans.push((start, end)));
        (spans, looked)
    }

    #[test]
    fn pii_6_what_a_pattern_looks_at_grows_with_the_text_and_not_faster() {
        for (pattern, unit) in [
            (".*[^A-Z]|[A-Z]", "A"),
            ("(?s).*Z|.", "é"),
            (r"\b|x", "a "),
            ("a.{0,300}b", "a"),
            ("abc", "ab"),
            ("é{300}", "é"),
        ] {
            let regex = compile("p", pattern).or_else(|_| Regex::new(pattern)).unwrap();
            for count in [1_000, 10_000, 100_000] {
                let text = unit.repeat(count);
                let (_, looked) = found(&regex, &text);
                let most = 2 * LONGEST_MATCH * (FEW + 2 + text.len() / DENSEST);
                assert!(looked <= most, "{pattern}: {looked} for {} bytes", text.len());
            }
        }
    }

    #[test]
    fn a_pattern_that_matches_everywhere_hides_everything() {
        let regex = compile("p", ".*[^A-Z]|[A-Z]").unwrap();
        let text = "A".repeat(5_000);
        let (spans, _) = found(&regex, &text);
        let mut end = 0;
        for span in spans {
            assert_eq!(span.0, end);
            end = span.1;
        }
        assert_eq!(end, text.len());
    }

    #[test]
    fn a_phrase_is_found_once_however_many_begin_alike() {
        let mut own = Phrases::default();
        for number in 0..10_000 {
            own.add(&format!("blue heron {number}"), number);
            own.add("blue heron", 0);
        }
        let mut spans = Vec::new();
        own.find(
            "Blue, HERON 77; blue heron; blue  ----  heron 5",
            &mut |start, end, value| {
                spans.push((start, end, *value));
            },
        );
        assert_eq!(spans, [(0, 11, 0), (0, 14, 77), (16, 26, 0)]);
    }

    static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        [
            r"\b[a-f]+[0-9]{2,}\b",
            r"[0-9]{4,}$",
            r"(?m)^[a-f]{3}.{0,60}$",
            r"[a-f]+ [a-f]+[0-9]|[0-9]{3}",
            "f[^f]{9,60}f",
        ]
        .map(|pattern| Regex::new(pattern).unwrap())
        .to_vec()
    });

    proptest! {
        #[test]
        fn windows_find_what_the_whole_text_gives(text in "([a-f]{0,9}[0-9]{0,9}[ \n]{1,2}|.{0,20}é?){0,60}") {
            for regex in &*PATTERNS {
                let whole: Vec<(usize, usize)> = regex.find_iter(&text).map(|hit| (hit.start(), hit.end())).collect();
                prop_assert_eq!(&found(regex, &text).0, &whole, "{}", regex);
            }
        }
    }
}
