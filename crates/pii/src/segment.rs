//! Where a text is cut into the pieces that are looked at one by one, so that memory is bounded and a stream gives the
//! same answer as the whole.
//!
//! A cut depends on the bytes of its own piece and on how many follow, never on how they arrived.

use std::ops::Range;

/// How long pieces are.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentLimits {
    /// From here on a paragraph's end is a cut, in bytes.
    pub target_bytes: usize,
    /// No piece is longer than this, in bytes.
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
    /// The end of the first piece of `text`, or nothing if more of it must be seen; `last` if no more will come.
    pub(crate) fn cut(self, text: &str, last: bool) -> Option<usize> {
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
        if bytes.len() < self.most_bytes {
            return last.then_some(bytes.len());
        }
        if bytes.len() == self.most_bytes && last {
            return Some(bytes.len());
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

    /// All pieces of a whole text.
    pub(crate) fn pieces(self, text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
        let mut start = 0;
        std::iter::from_fn(move || {
            let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
            let end = start + self.cut(rest, true).filter(|end| *end > 0).unwrap_or(rest.len());
            let piece = start..end;
            start = end;
            Some(piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: SegmentLimits = SegmentLimits {
        target_bytes: 64,
        most_bytes: 160,
    };

    proptest! {
        #[test]
        fn a_stream_is_cut_where_the_whole_is_cut(text in "([a-zé .]{0,20}\n{0,3}){0,40}", sizes in proptest::collection::vec(1_usize..50, 1..40)) {
            let whole: Vec<usize> = SMALL.pieces(&text).map(|piece| piece.end).collect();
            let mut cuts = Vec::new();
            let mut base = 0;
            let mut buffer = String::new();
            let mut rest = text.as_str();
            for size in sizes.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let mut take = (*size).min(rest.len());
                while !rest.is_char_boundary(take) {
                    take += 1;
                }
                let (part, after) = rest.split_at(take);
                buffer.push_str(part);
                rest = after;
                while let Some(end) = SMALL.cut(&buffer, false) {
                    base += end;
                    cuts.push(base);
                    buffer.drain(..end);
                }
            }
            while !buffer.is_empty() {
                let end = SMALL.cut(&buffer, true).unwrap();
                base += end;
                cuts.push(base);
                buffer.drain(..end);
            }
            prop_assert_eq!(cuts, whole);
        }

        #[test]
        fn pieces_are_the_text_and_none_is_too_long(text in ".{0,400}") {
            let mut end = 0;
            for piece in SMALL.pieces(&text) {
                prop_assert_eq!(piece.start, end);
                prop_assert!(piece.end > piece.start && piece.len() <= SMALL.most_bytes);
                end = piece.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
