//! Where a text is cut into the pieces that are looked at one by one, so that memory is bounded and a stream gives the
//! same answer as the whole.
//!
//! A cut depends on the bytes around its own piece and on what is found there, never on how they arrived.

use crate::finding::Finding;
use std::ops::Range;

/// How far beyond its end a piece is looked at, in bytes: a value that begins in it and goes on behind it is seen.
const AHEAD: usize = 256;
/// How far beyond a paragraph's end. Few values go on in the next one: keys, and what stands alone below its cue.
const AHEAD_OF_PARAGRAPH: usize = 128;
/// How far before its beginning, in bytes, unless a paragraph begins there: what speaks for its first values.
const BEHIND: usize = 128;

/// A part of a text, and what is in it, by position in the text.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) range: Range<usize>,
    pub(crate) findings: Vec<Finding>,
}

/// How long pieces are.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLimits {
    /// From here on a paragraph's end is a cut, in bytes.
    pub target_bytes: usize,
    /// No piece is longer than this, in bytes, unless a value goes on behind it.
    pub most_bytes: usize,
}

impl Default for SegmentLimits {
    fn default() -> Self {
        Self {
            target_bytes: 4 * 1024,
            most_bytes: 16 * 1024,
        }
    }
}

/// The longest piece that may be asked for, in bytes: a stream holds as much of a text back.
const LONGEST: usize = 64 * 1024;

impl SegmentLimits {
    /// Whether a policy may ask for them. Smaller pieces than the default ones cut keys, addresses and cues apart, and
    /// what is cut apart is not found.
    pub(crate) fn within_bounds(self) -> bool {
        let least = Self::default();
        self.target_bytes >= least.target_bytes
            && self.most_bytes >= least.most_bytes
            && self.most_bytes <= LONGEST
            && self.target_bytes < self.most_bytes
    }

    /// Limits that can be kept: at least 64 bytes, at most [`LONGEST`], and the longest not below the target.
    pub(crate) fn sane(self) -> Self {
        let target_bytes = self.target_bytes.clamp(64, LONGEST - 64);
        Self {
            target_bytes,
            most_bytes: self.most_bytes.clamp(target_bytes + 64, LONGEST),
        }
    }

    // CONTROL: PII-5
    /// The piece that begins at `start` of `text`, or nothing if more of the text must be seen; `last` if no more will
    /// come. `look` finds what is in a part of the text and answers it by position in the text.
    ///
    /// # Errors
    ///
    /// Those of `look`.
    pub(crate) fn piece<E>(
        self,
        text: &str,
        start: usize,
        last: bool,
        look: &mut dyn FnMut(Range<usize>) -> Result<Vec<Finding>, E>,
    ) -> Result<Option<Piece>, E> {
        let (seen, rest) = text.split_at_checked(start).unwrap_or((text, ""));
        let Some(cut) = self.cut(rest, last).map(|cut| start + cut).filter(|cut| *cut > start) else {
            return Ok(None);
        };
        let ahead = if ends_paragraph(text.get(..cut).unwrap_or_default()) {
            AHEAD_OF_PARAGRAPH
        } else {
            AHEAD
        };
        if !last && text.len() < cut + ahead {
            return Ok(None);
        }
        let behind = if ends_paragraph(seen) { 0 } else { BEHIND };
        let window = text.ceil_char_boundary(start.saturating_sub(behind))..text.floor_char_boundary(cut + ahead);
        let mut findings = look(window)?;
        let end = text.ceil_char_boundary(settle(start, cut, &findings));
        findings.retain_mut(|finding| {
            finding.range.start = finding.range.start.max(start);
            finding.range.start < finding.range.end.min(end)
        });
        Ok(Some(Piece {
            range: start..end,
            findings,
        }))
    }

    /// The end of the first piece of `text` as far as its form tells, or nothing if more of it must be seen.
    fn cut(self, text: &str, last: bool) -> Option<usize> {
        let bytes = text.as_bytes();
        let window = bytes.get(..bytes.len().min(self.most_bytes)).unwrap_or(bytes);
        let tail = window.get(self.target_bytes..).unwrap_or(&[]);
        // A paragraph's end, of which the whole mark must be within the piece.
        let mut newline: Option<usize> = None;
        for place in memchr::memchr_iter(b'\n', tail) {
            if newline == Some(place.wrapping_sub(1)) || tail.get(place + 1) == Some(&b'\n') {
                let end = if newline == Some(place.wrapping_sub(1)) {
                    place + 1
                } else {
                    place + 2
                };
                return Some(self.target_bytes + end);
            }
            newline = Some(place);
        }
        if bytes.len() <= self.most_bytes {
            return last.then_some(bytes.len());
        }
        // No paragraph ends: the last line, else the last sentence, else the last space, else a character.
        let line = memchr::memrchr(b'\n', tail).map(|place| place + 1);
        let sentence = || memchr::memmem::rfind(tail, b". ").map(|place| place + 2);
        let space = || memchr::memrchr(b' ', tail).map(|place| place + 1);
        if let Some(end) = line.or_else(sentence).or_else(space) {
            return Some(self.target_bytes + end);
        }
        let mut end = self.most_bytes;
        while end > 0 && !text.is_char_boundary(end) {
            end -= 1;
        }
        Some(end)
    }
}

/// Where a piece ends that was to end at `cut`: neither within a value nor between a value and the word that announces it.
///
/// It is moved back to where they begin: to a cue by no more than half of the piece, so that no text is read again and
/// again. A value that begins with the piece stays in it to its end.
fn settle(start: usize, cut: usize, findings: &[Finding]) -> usize {
    let least = start + (cut - start) / 2;
    let mut end = cut;
    for finding in findings.iter().rev() {
        let cue = finding.explanation.cue.as_ref();
        let from = cue.map_or(finding.range.start, |cue| cue.start.min(finding.range.start));
        if from < end && end < finding.range.end && from > least {
            end = from;
        }
    }
    match findings
        .iter()
        .find(|finding| finding.range.start < end && end < finding.range.end)
    {
        Some(cut) if cut.range.start > start => cut.range.start,
        Some(cut) => cut.range.end,
        None => end,
    }
}

/// What of `text` no piece from `start` on looks at.
pub(crate) fn done_with(text: &str, start: usize) -> usize {
    text.floor_char_boundary(start.saturating_sub(BEHIND))
}

/// Whether a blank line stands at the end of `text`, or nothing at all.
fn ends_paragraph(text: &str) -> bool {
    text.is_empty() || text.ends_with("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Buffers, Engine, EngineOptions, EntitySet, Language};
    use crate::entity::Entity;
    use crate::error::DetectError;
    use crate::finding::{Candidate, CueSpan, Explanation};
    use proptest::prelude::*;

    const SMALL: SegmentLimits = SegmentLimits {
        target_bytes: 64,
        most_bytes: 160,
    };

    /// Finds digits, also over spaces, and takes the `x` before them for their cue.
    fn digits(text: &str, window: Range<usize>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let mut cue = None;
        for (place, ch) in text.get(window.clone()).unwrap().char_indices() {
            let place = window.start + place;
            match ch {
                'x' => {
                    cue = Some(CueSpan {
                        start: place,
                        end: place + 1,
                        weak: false,
                    });
                }
                '0'..='9' => match findings.last_mut() {
                    Some(last) if text.get(last.range.end..place).unwrap().trim().is_empty() => {
                        last.range.end = place + 1
                    }
                    _ => {
                        let mut candidate = Candidate::new(place, place + 1, Entity::Phone, 1.0, "digits");
                        candidate.cue = cue.take();
                        findings.push(Finding {
                            entity: Entity::Phone,
                            range: place..place + 1,
                            score: 1.0,
                            explanation: Explanation::of(&candidate),
                            kinds: EntitySet::NONE,
                            evident: EntitySet::NONE,
                        });
                    }
                },
                _ => {}
            }
        }
        findings
    }

    fn pieces(text: &str) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let start = |pieces: &[Piece]| pieces.last().map_or(0, |piece| piece.range.end);
        while let Some(piece) = SMALL
            .piece::<()>(text, start(&pieces), true, &mut |window| Ok(digits(text, window)))
            .unwrap()
        {
            pieces.push(piece);
        }
        pieces
    }

    fn found(pieces: &[Piece]) -> Vec<Range<usize>> {
        pieces
            .iter()
            .flat_map(|piece| piece.findings.iter().map(|finding| finding.range.clone()))
            .collect()
    }

    #[test]
    fn pii_5_no_piece_ends_within_a_value_or_behind_its_cue() {
        for before in 0..200 {
            let text = format!("{} x-1234 5678 9012 3456 {}", "a ".repeat(before), "b ".repeat(200));
            let value = before * 2 + 3..before * 2 + 3 + 19;
            let pieces = pieces(&text);
            assert_eq!(found(&pieces), std::slice::from_ref(&value), "{before}");
            assert!(
                pieces
                    .iter()
                    .all(|piece| !(value.start - 2 < piece.range.end && piece.range.end < value.end)),
                "{before}"
            );
        }
    }

    #[test]
    fn what_is_looked_at_grows_with_the_text_and_not_faster() {
        let engine = Engine::new(EngineOptions {
            language: Language::None,
            ..EngineOptions::default()
        });
        let looked = |unit: &str, bytes: usize| {
            let text = unit.repeat(bytes / unit.len());
            let (mut looked, mut start, mut buffers) = (0, 0, Buffers::default());
            let mut look = |window: Range<usize>| {
                looked += window.len();
                let mut found = Vec::new();
                let part = text.get(window.clone()).unwrap();
                engine.detect_piece(part, None, window.start, &mut buffers, &mut found)?;
                Ok::<_, DetectError>(found)
            };
            while let Some(piece) = SegmentLimits::default().piece(&text, start, true, &mut look).unwrap() {
                start = piece.range.end;
            }
            looked
        };
        for unit in [
            "1-",
            "a@",
            "(1",
            "five ",
            "ssn phone id ",
            "x",
            "7",
            "é",
            "５",
            "5\u{200b}",
            "аa@",
            "a@b.co asthma ",
            "\n",
        ] {
            let (small, large) = (looked(unit, 60_000), looked(unit, 240_000));
            assert!(
                small < 2 * 60_000 && large < 4 * small + small / 4,
                "{unit:?}: {small}, {large}"
            );
        }
    }

    #[test]
    fn a_value_that_is_longer_than_a_piece_is_found_to_its_end() {
        let text = format!("{} {} {}", "a ".repeat(20), "7".repeat(350), "b ".repeat(200));
        assert_eq!(found(&pieces(&text)), std::slice::from_ref(&(41..391)));
    }

    proptest! {
        #[test]
        fn a_stream_is_cut_where_the_whole_is_cut(
            text in "([a-zé .]{0,20}(x ?[0-9 ]{1,30})?\n{0,3}){0,40}",
            sizes in proptest::collection::vec(1_usize..50, 1..40),
        ) {
            let whole = pieces(&text);
            let (mut base, mut start, mut rest) = (0, 0, text.as_str());
            let mut cuts = Vec::new();
            let mut spans = Vec::new();
            let mut buffer = String::new();
            for size in sizes.iter().cycle() {
                let (part, after) = rest.split_at(rest.ceil_char_boundary(*size));
                buffer.push_str(part);
                rest = after;
                while let Some(piece) = SMALL
                    .piece::<()>(&buffer, start, rest.is_empty(), &mut |window| Ok(digits(&buffer, window)))
                    .unwrap()
                {
                    start = piece.range.end;
                    cuts.push(base + start);
                    spans.extend(piece.findings.iter().map(|finding| finding.range.start + base..finding.range.end + base));
                }
                let done = done_with(&buffer, start);
                buffer.drain(..done);
                (base, start) = (base + done, start - done);
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(cuts, whole.iter().map(|piece| piece.range.end).collect::<Vec<_>>());
            prop_assert_eq!(spans, found(&whole));
        }

        #[test]
        fn pieces_are_the_text_and_none_is_too_long(text in "(.{0,9}|[0-9 x]{0,90}){0,20}") {
            let mut end = 0;
            for piece in pieces(&text) {
                prop_assert_eq!(piece.range.start, end);
                prop_assert!(piece.range.end > end && piece.range.len() <= SMALL.most_bytes + AHEAD);
                end = piece.range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
