//! Finding placeholders in what a model wrote: in another case, with spaces or escapes for the strokes, without
//! brackets, in the plural, in markdown; and in a text that arrives in parts.

use super::{Conversation, Issued, TAG, Tag};
use crate::bytes::{self, at, before, part};
use std::ops::Range;

/// What is held back of a text that goes on: more than the longest placeholder in its loosest spelling.
const HELD_BACK: usize = 128;
/// The most bytes between two parts of a placeholder.
const GAP: usize = 4;

/// A text that is being unmasked.
#[derive(Debug, Default)]
pub struct UnmaskStream {
    /// What was not given on yet, after the last character that was: it says whether a word begins.
    buffer: String,
    given: usize,
}

impl UnmaskStream {
    /// A stream that nothing has been pushed into.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part: what can be given on now. At most 128 bytes are held back.
    pub fn push(&mut self, text: &str, conversation: &Conversation) -> String {
        self.buffer.push_str(text);
        let mut cut = self.buffer.len().saturating_sub(HELD_BACK);
        while !self.buffer.is_char_boundary(cut) {
            cut -= 1;
        }
        self.give(cut, conversation)
    }

    /// Ends the text: the rest of it.
    #[must_use]
    pub fn finish(mut self, conversation: &Conversation) -> String {
        self.give(usize::MAX, conversation)
    }

    /// Gives all that starts before `cut`.
    fn give(&mut self, cut: usize, conversation: &Conversation) -> String {
        let mut out = String::new();
        let mut end = self.given;
        for (range, issued) in find(conversation, &self.buffer, self.given) {
            if range.start >= cut {
                break;
            }
            out.push_str(self.buffer.get(end..range.start).unwrap_or_default());
            out.push_str(&issued.value);
            end = range.end;
        }
        let stop = cut.min(self.buffer.len()).max(end);
        out.push_str(self.buffer.get(end..stop).unwrap_or_default());
        let last = self.buffer.get(..stop).and_then(|given| given.chars().next_back());
        self.given = last.map_or(0, char::len_utf8);
        self.buffer.drain(..stop - self.given);
        out
    }
}

/// The text with its placeholders turned back, each value escaped as in a JSON string (RFC 8259 §7).
pub(super) fn unmask_json(conversation: &Conversation, text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (range, issued) in tokens(conversation, text) {
        out.push_str(text.get(end..range.start).unwrap_or_default());
        let quoted = crate::structured::quoted(&issued.value);
        out.push_str(quoted.get(1..quoted.len() - 1).unwrap_or_default());
        end = range.end;
    }
    out.push_str(text.get(end..).unwrap_or_default());
    out
}

/// The conversation's own placeholders in a text: where, and which.
pub(super) fn tokens<'c>(conversation: &'c Conversation, text: &str) -> Vec<(Range<usize>, &'c Issued)> {
    find(conversation, text, 0)
}

fn find<'c>(conversation: &'c Conversation, text: &str, from: usize) -> Vec<(Range<usize>, &'c Issued)> {
    let bytes = text.as_bytes();
    let mut found: Vec<(Range<usize>, &Issued)> = Vec::new();
    if conversation.issued().is_empty() {
        return found;
    }
    let mut index = 0;
    let mut floor = from;
    while index < bytes.len() {
        let (end, _) = bytes::run(bytes, index);
        if end == index {
            index += bytes::wide(bytes, index).max(1);
            continue;
        }
        if let Some(range) = token_at(conversation, bytes, index, end, floor) {
            floor = range.0.end;
            found.push(range);
        }
        index = if floor > from { end.max(floor) } else { end };
    }
    found
}

/// The placeholder whose tag is the run at `start..end`.
fn token_at<'c>(
    conversation: &'c Conversation,
    bytes: &[u8],
    start: usize,
    end: usize,
    floor: usize,
) -> Option<(Range<usize>, &'c Issued)> {
    let tag = tag_of(part(bytes, start, end))?;
    let issued = conversation.by_tag(tag)?;
    // Back over the number …
    let number_end = skip_back(bytes, start, floor)?;
    let number_start = bytes::run_start(bytes, number_end);
    let digits = part(bytes, number_start, number_end);
    let whole = !digits.is_empty() && digits.len() <= 9 && digits.iter().all(u8::is_ascii_digit);
    if !whole || bytes::number(digits) != u64::from(issued.number) {
        return None;
    }
    // … and the words of the kind.
    let mut place = number_start;
    for word in issued.entity.name().rsplit('_') {
        let word_end = skip_back(bytes, place, floor)?;
        let word_start = bytes::run_start(bytes, word_end);
        let written = part(bytes, word_start, word_end);
        let plural =
            written.len() == word.len() + 1 && written.last().is_some_and(|byte| byte.eq_ignore_ascii_case(&b's'));
        let stem = if plural { part(written, 0, word.len()) } else { written };
        if !stem.eq_ignore_ascii_case(word.as_bytes()) {
            return None;
        }
        place = word_start;
    }
    if place < floor {
        return None;
    }
    let tag_end = start + TAG;
    let opened = place - usize::from(matches!(before(bytes, place), b'[' | b'(' | b'<' | b'{'));
    if opened == place || opened < floor {
        return Some((place..tag_end, issued));
    }
    let closed = close(bytes, tag_end);
    // An escape before the bracket belongs to the placeholder only where one stands at its end too: else it is the text's.
    let escaped = closed == tag_end + 2 && before(bytes, opened) == b'\\' && opened > floor;
    Some((opened - usize::from(escaped)..closed, issued))
}

/// The tag that a run is, in any case; a plural's `s` may follow.
fn tag_of(run: &[u8]) -> Option<Tag> {
    let (head, rest) = run.split_at_checked(TAG)?;
    if !matches!(rest, [] | [b's' | b'S']) {
        return None;
    }
    let mut tag: Tag = head.try_into().ok()?;
    for byte in &mut tag {
        *byte = match byte.to_ascii_uppercase() {
            // What is easily confused is read as what the alphabet has.
            b'O' => b'0',
            b'I' | b'L' => b'1',
            byte => byte,
        };
    }
    Some(tag)
}

/// Over strokes, spaces, dots, escapes: where the run before ends.
fn skip_back(bytes: &[u8], from: usize, floor: usize) -> Option<usize> {
    let mut end = from;
    while end > floor
        && from - end < GAP
        && matches!(
            before(bytes, end),
            b'_' | b' ' | b'-' | b'\\' | b'.' | b':' | b'#' | b'*'
        )
    {
        end -= 1;
    }
    (end < from && end > floor).then_some(end)
}

fn close(bytes: &[u8], place: usize) -> usize {
    let escaped = usize::from(at(bytes, place) == b'\\');
    if matches!(at(bytes, place + escaped), b']' | b')' | b'>' | b'}') {
        return place + escaped + 1;
    }
    place
}
