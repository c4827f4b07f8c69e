//! A number as it is written: runs of digits and letters with single separators between them.

use crate::bytes::{self, Compact, DIGIT, LETTER, at, before, part, separator};

/// The most runs of one value: an IBAN in groups of four has nine, a number read out digit by digit sixteen.
const RUNS: usize = 18;
/// The most bytes of one value.
const SPAN: usize = 64;

/// A run of letters and digits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The separator before it, or zero.
    pub(crate) separator: u8,
    /// [`DIGIT`], [`LETTER`] or both.
    pub(crate) classes: u8,
}

impl Run {
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn digits(&self) -> bool {
        self.classes == DIGIT
    }
}

/// Runs that may belong to one value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'t> {
    pub(crate) text: &'t [u8],
    runs: [Run; RUNS],
    count: usize,
    /// How many runs from the first number on are all digits.
    pub(crate) digit_runs: usize,
    /// Capital letters right before the number: one run.
    pub(crate) lead: Option<Run>,
}

impl<'t> Shape<'t> {
    /// Reads the runs from the one at `start`.
    pub(crate) fn read(text: &'t [u8], start: usize, end: usize, classes: u8) -> Self {
        let mut shape = Self {
            text,
            runs: [Run::default(); RUNS],
            count: 0,
            digit_runs: 0,
            lead: lead(text, start),
        };
        let mut run = Run {
            start,
            end,
            separator: 0,
            classes,
        };
        while let Some(slot) = shape.runs.get_mut(shape.count) {
            *slot = run;
            if shape.digit_runs == shape.count && run.digits() {
                shape.digit_runs += 1;
            }
            shape.count += 1;
            let Some((byte, next)) = next_start(text, run.end) else {
                break;
            };
            let (next_end, next_classes) = bytes::run(text, next);
            let capitals = next_classes == LETTER
                && next_end - next <= 4
                && part(text, next, next_end).iter().all(u8::is_ascii_uppercase);
            let ascii = next_end > next && part(text, next, next_end).is_ascii();
            if !ascii || next_end - start > SPAN || !(next_classes & DIGIT != 0 || capitals) {
                break;
            }
            run = Run {
                start: next,
                end: next_end,
                separator: byte,
                classes: next_classes,
            };
        }
        shape
    }

    pub(crate) fn runs(&self) -> &[Run] {
        self.runs.get(..self.count).unwrap_or(&[])
    }

    pub(crate) fn run(&self, index: usize) -> Run {
        self.runs().get(index).copied().unwrap_or_default()
    }

    /// Only the digits at the beginning.
    pub(crate) fn digits(&self) -> &[Run] {
        self.runs.get(..self.digit_runs).unwrap_or(&[])
    }

    pub(crate) fn start(&self) -> usize {
        self.run(0).start
    }

    /// The letters and digits of the first `count` runs.
    pub(crate) fn compact(&self, count: usize) -> Compact {
        let mut compact = Compact::new(&[]);
        for run in self.runs().iter().take(count) {
            for byte in part(self.text, run.start, run.end) {
                compact.push(*byte);
            }
        }
        compact
    }

    /// As [`Shape::compact`], with the letters before the number.
    pub(crate) fn compact_with_lead(&self, count: usize) -> Compact {
        let mut compact = Compact::new(self.lead.map_or(&[], |lead| part(self.text, lead.start, lead.end)));
        for run in self.runs().iter().take(count) {
            for byte in part(self.text, run.start, run.end) {
                compact.push(*byte);
            }
        }
        compact
    }

    /// The number of leading digit runs that together have `total` digits, if some do.
    pub(crate) fn digits_of(&self, total: usize) -> Option<usize> {
        let mut sum = 0;
        for (index, run) in self.digits().iter().enumerate() {
            sum += run.len();
            if sum == total {
                return Some(index + 1);
            }
        }
        None
    }

    /// How many digits the leading digit runs have, and whether the same separator stands between all of them.
    pub(crate) fn lens_are(&self, lens: &[usize], separators: &[u8]) -> bool {
        self.digit_runs >= lens.len()
            && self
                .digits()
                .iter()
                .zip(lens)
                .enumerate()
                .all(|(index, (run, len))| run.len() == *len && (index == 0 || separators.contains(&run.separator)))
    }

    /// Whether another digit follows the first `count` runs after one of these separators.
    pub(crate) fn continues(&self, count: usize, separators: &[u8]) -> bool {
        self.runs()
            .get(count)
            .is_some_and(|run| separators.contains(&run.separator))
    }

    /// Where the first `count` runs end.
    pub(crate) fn end_of(&self, count: usize) -> usize {
        self.run(count.saturating_sub(1)).end
    }
}

/// One to five capitals right before `start`, whole, with at most a separator between.
fn lead(text: &[u8], start: usize) -> Option<Run> {
    let byte = before(text, start);
    if !matches!(byte, b' ' | b'-') {
        return None;
    }
    let end = start - 1;
    let begin = bytes::run_start(text, end);
    let letters = part(text, begin, end);
    ((1..=5).contains(&letters.len()) && letters.iter().all(u8::is_ascii_uppercase)).then_some(Run {
        start: begin,
        end,
        separator: byte,
        classes: LETTER,
    })
}

/// Where the next run may start, and what separates it: one separator, or one in spaces.
fn next_start(text: &[u8], end: usize) -> Option<(u8, usize)> {
    let (byte, len) = separator(text, end)?;
    let mut next = end + len;
    if byte != b' ' {
        return Some((byte, next));
    }
    if let Some((inner @ (b'-' | b'/'), inner_len)) = separator(text, next)
        && let Some((b' ', space)) = separator(text, next + inner_len)
    {
        next += inner_len + space;
        return Some((inner, next));
    }
    Some((byte, next))
}

/// The token around a run: letters, digits and single inner strokes, with a sign of number before it.
///
/// At most 48 bytes to either side, so that a long chain costs no more.
pub(crate) fn token(text: &[u8], start: usize, end: usize) -> (usize, usize) {
    const SIDE: usize = 48;
    let mut begin = start;
    while start - begin < SIDE && matches!(before(text, begin), b'-' | b'_' | b'/' | b'.') && begin >= 2 {
        let run = bytes::run_start(text, begin - 1);
        if run == begin - 1 || before(text, begin) == b'.' && !part(text, run, begin - 1).iter().all(u8::is_ascii_digit)
        {
            break;
        }
        begin = run;
    }
    let mut finish = end;
    while finish - end < SIDE && matches!(at(text, finish), b'-' | b'_' | b'/' | b'.') {
        let run = bytes::run_end(text, finish + 1);
        if run == finish + 1 || at(text, finish) == b'.' && !part(text, finish + 1, run).iter().all(u8::is_ascii_digit)
        {
            break;
        }
        finish = run;
    }
    if before(text, begin) == b'#' {
        begin -= 1;
    }
    (begin, finish)
}
