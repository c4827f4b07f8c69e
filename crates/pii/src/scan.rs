//! The one pass over the text: runs of letters and digits, the cue words seen so far, and who is asked where.

use crate::bytes::{self, DIGIT, LETTER, MARK, SPACE, at, before, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::finding::{Candidate, CueSpan};
use crate::lexicon::{self, Cue, Lexicon, Word, kind};
use crate::recognizers::{address, dates, email, names, net, numbers, phone, secrets, url};
use crate::speech;
use std::ops::Range;

/// How far a cue reaches, in bytes and in words.
const REACH_BYTES: usize = 64;
const REACH_WORDS: u32 = 7;
/// How far a cue reaches where nothing but spaces and punctuation follows it.
const REACH_BLANK: usize = 48;
/// The columns of a table whose heads are remembered.
const COLUMNS: usize = 24;
/// The cues that are remembered.
const REMEMBERED: usize = 8;

/// A cue that was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) strong: u64,
    pub(crate) weak: u64,
    word: u32,
}

impl Seen {
    /// Whether it says this, and whether only weakly.
    pub(crate) fn says(&self, bit: u64) -> Option<CueSpan> {
        let weak = self.strong & bit == 0;
        ((self.strong | self.weak) & bit != 0).then_some(CueSpan {
            start: self.start,
            end: self.end,
            weak,
        })
    }
}

/// The cues that reach a value, the nearest first.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Near {
    list: [Seen; 6],
    count: usize,
}

impl Near {
    fn push(&mut self, seen: Seen) {
        if let Some(slot) = self.list.get_mut(self.count) {
            *slot = seen;
            self.count += 1;
        }
    }

    /// Adds those of another place that are not here yet.
    pub(crate) fn join(&mut self, other: Self) {
        for seen in other.iter() {
            if !self.iter().any(|known| known.end == seen.end) {
                self.push(*seen);
            }
        }
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Seen> {
        self.list.get(..self.count).unwrap_or(&[]).iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// The state of the pass.
pub(crate) struct Scan<'t, 'o> {
    pub(crate) text: &'t [u8],
    pub(crate) lexicon: &'static Lexicon,
    out: &'o mut Vec<Candidate>,
    /// Where terms of medicine stand.
    terms: &'o mut Vec<Range<usize>>,
    seen: [Seen; REMEMBERED],
    seen_count: usize,
    /// All that was said so far.
    heard: u64,
    recent: [u64; 4],
    recent_end: usize,
    words: u32,
    line: usize,
    sentence: usize,
    number_end: usize,
    /// The column of a table with pipes that is being read, and what the first row with cues says about each.
    column: usize,
    columns: [Seen; COLUMNS],
    /// Where a spoken value may start at the earliest: what was taken is not taken again.
    pub(crate) taken: usize,
}

impl<'t, 'o> Scan<'t, 'o> {
    /// Adds what the rules find in `text`, and its terms of medicine. `field` is the name of the field that holds it, if it
    /// has one.
    pub(crate) fn run(
        text: &'t str,
        field: Option<&str>,
        out: &'o mut Vec<Candidate>,
        terms: &'o mut Vec<Range<usize>>,
    ) {
        let mut scan = Self {
            text: text.as_bytes(),
            lexicon: Lexicon::shared(),
            out,
            terms,
            seen: [Seen::default(); REMEMBERED],
            seen_count: 0,
            heard: 0,
            recent: [0; 4],
            recent_end: 0,
            words: 0,
            line: 0,
            sentence: 0,
            number_end: 0,
            column: 0,
            columns: [Seen::default(); COLUMNS],
            taken: 0,
        };
        if let Some(field) = field {
            scan.read_field(field);
        }
        scan.go();
    }

    fn go(&mut self) {
        let mut index = 0;
        while index < self.text.len() {
            // Most of a text are short words of ASCII letters: one load says where they end and what they are.
            if let Some((end, hash)) = lexicon::short_word(self.text, index) {
                index = self.hashed_word(index, end, hash);
                index += usize::from(at(self.text, index) == b' ');
                continue;
            }
            let byte = at(self.text, index);
            let class = bytes::class(byte);
            if class & (LETTER | DIGIT) != 0 {
                let (end, classes) = bytes::run(self.text, index);
                index = if end == index {
                    index + bytes::wide(self.text, index).max(1)
                } else if classes & DIGIT == 0 {
                    self.word(index, end)
                } else {
                    self.number(index, end, classes)
                };
            } else if class & MARK != 0 {
                index = self.mark(index, byte);
            } else {
                index += 1;
            }
        }
    }

    /// A field's name is a cue at the beginning of the text: `patient.ssn`, `dateOfBirth`.
    fn read_field(&mut self, field: &str) {
        let spaced = spaced(field);
        let text = spaced.as_bytes();
        let mut index = 0;
        while index < text.len() {
            let (end, _) = bytes::run(text, index);
            if end == index {
                index += 1;
                continue;
            }
            let hash = lexicon::hash(text, index, end);
            let [_, third, second, first] = self.recent;
            self.recent = [third, second, first, hash];
            if let Some(word) = self.lexicon.word(hash) {
                self.cue(0, 0, word);
            }
            index = end;
        }
        self.recent = [0; 4];
    }

    #[inline]
    fn word(&mut self, start: usize, end: usize) -> usize {
        if end - start > 24 {
            self.words += 1;
            self.recent = [0; 4];
            return secrets::long_run(self, start, end);
        }
        let hash = lexicon::hash(self.text, start, end);
        self.hashed_word(start, end, hash)
    }

    #[inline]
    fn hashed_word(&mut self, start: usize, end: usize, hash: u64) -> usize {
        self.words += 1;
        let len = end - start;
        let [_, third, second, first] = self.recent;
        self.recent = if start - self.recent_end > 3 {
            [0, 0, 0, hash]
        } else {
            [third, second, first, hash]
        };
        self.recent_end = end;
        match self.lexicon.word(hash) {
            Some(word) => self.known_word(start, end, word),
            // A code may be spelled from its first letter on.
            None if len == 1 => self.single_letter(start, end),
            None => end,
        }
    }

    /// "C/ Mayor 5", or the first letter of a code that is spelled.
    fn single_letter(&mut self, start: usize, end: usize) -> usize {
        if matches!(at(self.text, start), b'C' | b'c') && at(self.text, end) == b'/' {
            address::street_first(self, start, end + 1);
        }
        speech::letters_first(self, start, end)
    }

    fn known_word(&mut self, start: usize, end: usize, word: Word) -> usize {
        self.cue(start, end, word);
        if word.is(kind::TERM) {
            self.term(start, end);
        }
        let mut next = end;
        if word.strong & Cue::Secret.bit() != 0 || word.is(kind::PHRASE) {
            next = next.max(secrets::assigned(self, end).unwrap_or(end));
            if next > end {
                return next;
            }
        }
        if word.is(kind::TRIGGER) {
            if word.is(kind::MONTH) {
                next = next.max(dates::month_first(self, start, end, word));
            }
            if word.is(kind::WEEKDAY) && next == end {
                dates::weekday(self, start, end);
            }
            if word.is(kind::SPOKEN | kind::ORDINAL) && next == end {
                next = next.max(speech::spoken(self, start, end, word));
            }
            if word.is(kind::TITLE) {
                names::title(self, start, end);
            }
            if word.is(kind::STREET_FIRST) {
                address::street_first(self, start, end);
            }
            if word.is(kind::DOT) {
                speech::spoken_email(self, start, end);
            }
            if word.is(kind::SECRET) {
                next = next.max(secrets::prefixed(self, start, end));
            }
        } else if end - start == 1 && next == end {
            next = next.max(self.single_letter(start, end));
        }
        next
    }

    /// Remembers the term of medicine that a word ends, if it ends one.
    fn term(&mut self, start: usize, end: usize) {
        if let Some(words) = self.lexicon.term(self.recent) {
            self.terms.push(self.words_back(start, words)..end);
        }
    }

    /// Where the first of `words` words begins, of which the last begins at `start`.
    fn words_back(&self, start: usize, words: usize) -> usize {
        let mut begin = start;
        for _ in 1..words {
            while begin > 0 && !bytes::is_word(before(self.text, begin)) {
                begin -= 1;
            }
            begin = bytes::run_start(self.text, begin);
        }
        begin
    }

    /// Remembers what a word, or the phrase that it ends, says.
    fn cue(&mut self, start: usize, end: usize, word: Word) {
        let mut strong = word.strong;
        let mut weak = word.weak;
        let mut begin = start;
        if word.is(kind::PHRASE)
            && let Some((phrase_strong, phrase_weak, words)) = self.lexicon.phrase(self.recent)
        {
            strong = phrase_strong;
            weak = phrase_weak;
            begin = self.words_back(begin, words);
        }
        if strong | weak != 0 {
            let seen = Seen {
                start: begin.min(start),
                end,
                strong,
                weak,
                word: self.words,
            };
            if let Some(slot) = self.seen.get_mut(self.seen_count % REMEMBERED) {
                *slot = seen;
            }
            self.seen_count += 1;
            self.heard |= strong | weak;
            if let Some(head) = self.columns.get_mut(self.column)
                && head.end == 0
            {
                *head = seen;
            }
        }
    }

    /// A line ends: one without pipes ends a table.
    fn line_ends(&mut self, index: usize) {
        if self.column == 0 {
            self.columns = [Seen::default(); COLUMNS];
        }
        self.column = 0;
        self.line = index + 1;
    }

    /// Whether this cue is the head of the column that is being read.
    pub(crate) fn heads(&self, cue: CueSpan) -> bool {
        self.column > 0 && cue.end < self.line
    }

    /// The cues that reach `start`, the nearest first.
    #[inline]
    pub(crate) fn cues(&self, start: usize) -> Near {
        let mut near = Near::default();
        for back in 1..=self.seen_count.min(REMEMBERED) {
            let Some(seen) = self.seen.get((self.seen_count - back) % REMEMBERED) else {
                break;
            };
            if seen.end > start {
                continue;
            }
            if start - seen.end > REACH_BYTES {
                break;
            }
            if self.reaches(seen, start) {
                near.push(*seen);
            }
        }
        if self.column > 0
            && let Some(head) = self.columns.get(self.column)
            && head.end > 0
            && head.end < self.line
        {
            near.push(*head);
        }
        near
    }

    /// Whether any of the cues that reach `start` says this.
    pub(crate) fn cued(&self, start: usize, bit: u64) -> Option<CueSpan> {
        if !self.heard(bit) {
            return None;
        }
        self.cues(start).iter().find_map(|seen| seen.says(bit))
    }

    /// Whether any word so far says this.
    pub(crate) fn heard(&self, bit: u64) -> bool {
        self.heard & bit != 0
    }

    fn reaches(&self, seen: &Seen, start: usize) -> bool {
        let gap = part(self.text, seen.end, start);
        if !gap.iter().any(|byte| bytes::is_word(*byte)) {
            return gap.len() <= REACH_BLANK && gap.iter().filter(|byte| **byte == b'\n').count() <= 2;
        }
        if seen.end < self.line || seen.end < self.sentence || self.words.saturating_sub(seen.word) > REACH_WORDS {
            return false;
        }
        // Another number stands between: it took the cue, unless this is the next of a list.
        self.number_end <= seen.end || is_list_gap(part(self.text, self.number_end.min(start), start))
    }

    fn mark(&mut self, index: usize, byte: u8) -> usize {
        match byte {
            b'\n' => self.line_ends(index),
            b'@' => return email::at_sign(self, index).unwrap_or(index + 1),
            b':' if at(self.text, index + 1) == b'/' => return url::scheme(self, index).unwrap_or(index + 1),
            b':' => return net::colons(self, index).unwrap_or(index + 1),
            b'.' => return self.dot(index),
            b'?' | b'!' => self.sentence = index,
            b'|' => {
                self.sentence = index;
                self.column += 1;
            }
            b'+' => return phone::plus(self, index).unwrap_or(index + 1),
            b'(' => return phone::parenthesis(self, index).unwrap_or(index + 1),
            b'-' => return secrets::pem(self, index).unwrap_or(index + 1),
            _ => {}
        }
        index + 1
    }

    fn dot(&mut self, index: usize) -> usize {
        let next = at(self.text, index + 1);
        if next == b'\n' || bytes::class(next) & SPACE != 0 {
            // "Tel. 934 169 700": a cue's own dot ends no sentence.
            let cue_before = self.seen_count > 0
                && self
                    .seen
                    .get((self.seen_count - 1) % REMEMBERED)
                    .is_some_and(|seen| seen.end == index);
            if !cue_before {
                self.sentence = index;
            }
        } else if bytes::class(next) & LETTER != 0
            && bytes::is_word(before(self.text, index))
            && let Some(end) = url::domain(self, index)
        {
            return end;
        }
        index + 1
    }

    fn number(&mut self, start: usize, end: usize, classes: u8) -> usize {
        self.words += 1;
        let next = numbers::at_number(self, start, end, classes & LETTER != 0).max(end);
        if end - start > 2 || next > end {
            self.number_end = next;
        }
        next
    }

    /// What is known about the word in this range.
    pub(crate) fn look(&self, start: usize, end: usize) -> Word {
        self.lexicon.look(self.text, start, end)
    }

    /// The next word after `from`, if only a space or what is in `between` precedes it: its range.
    pub(crate) fn next_word(&self, from: usize, between: &[u8]) -> Option<(usize, usize)> {
        let mut start = from;
        while start - from < 4
            && (bytes::class(at(self.text, start)) & SPACE != 0 || between.contains(&at(self.text, start)))
        {
            start += 1;
        }
        let end = bytes::run_end(self.text, start);
        (end > start).then_some((start, end))
    }

    /// The word before `from`, if only spaces or what is in `between` follows it: its range.
    pub(crate) fn word_before(&self, from: usize, between: &[u8]) -> Option<(usize, usize)> {
        let mut end = from;
        while from - end < 4 && end > 0 && {
            let byte = before(self.text, end);
            bytes::class(byte) & SPACE != 0 || between.contains(&byte)
        } {
            end -= 1;
        }
        let start = bytes::run_start(self.text, end);
        (end > start).then_some((start, end))
    }

    /// Proposes a span with its evidence.
    pub(crate) fn propose(
        &mut self,
        range: (usize, usize),
        entity: Entity,
        shape: f32,
        evidence: (Validity, Option<CueSpan>),
        source: &'static str,
    ) {
        let (validity, cue) = evidence;
        self.out
            .push(Candidate::new(range.0, range.1, entity, shape, source).weigh(validity, cue));
    }
}

/// What stands between the members of a list: punctuation, and at most "and" or "or".
fn is_list_gap(gap: &[u8]) -> bool {
    gap.len() <= 7 && !gap.contains(&b'\n') && {
        let letters: Vec<u8> = gap
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(u8::to_ascii_lowercase)
            .collect();
        matches!(letters.as_slice(), b"" | b"and" | b"or" | b"y" | b"o" | b"e" | b"u")
    }
}

/// A field's name as words: at dots, underscores, and where a capital follows a small letter.
fn spaced(field: &str) -> String {
    let mut spaced = String::with_capacity(field.len() + 8);
    let mut lower = false;
    for ch in field.chars().take(256) {
        if ch.is_uppercase() && lower {
            spaced.push(' ');
        }
        lower = ch.is_lowercase() || ch.is_ascii_digit();
        spaced.push(if ch.is_alphanumeric() { ch } else { ' ' });
    }
    spaced
}
