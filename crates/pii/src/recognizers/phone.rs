//! Telephone and fax numbers: with a country's code (ITU-T E.164), of the North American plan, and as other states
//! write them; anything of a plausible length where a word says that it is one.

use crate::bytes::{self, DIGIT, LETTER, SPACE, at, before, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::finding::CueSpan;
use crate::lexicon::Cue;
use crate::recognizers::shape::{Run, Shape};
use crate::scan::Scan;

const SOURCE: &str = "rule.phone";

/// A telephone number without a cue.
pub(crate) struct Phone {
    pub(crate) shape: f32,
    count: usize,
}

impl Phone {
    pub(crate) fn propose(&self, scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
        let end = extension(scan.text, shape.end_of(self.count));
        let cue = label_after(scan, end);
        scan.propose(
            (shape.start(), end),
            Entity::Phone,
            self.shape,
            (Validity::Unchecked, cue),
            SOURCE,
        );
        Some(end)
    }
}

/// What the grouping alone says.
pub(crate) fn uncued(shape: &Shape<'_>) -> Option<Phone> {
    let found = |shape: f32, count: usize| Some(Phone { shape, count });
    let nanp = |first: usize| {
        matches!(at(shape.text, shape.run(first).start), b'2'..=b'9')
            && matches!(at(shape.text, shape.run(first + 1).start), b'2'..=b'9')
    };
    if !shape.continues(3, b"-.") && shape.lens_are(&[3, 3, 4], b"-. /") {
        let spaced = shape.run(1).separator == b' ' && shape.run(2).separator == b' ';
        return match (nanp(0), spaced) {
            (true, false) => found(0.65, 3),
            (true, true) => found(0.55, 3),
            (false, false) => found(0.5, 3),
            (false, true) => found(0.4, 3),
        };
    }
    if shape.lens_are(&[1, 3, 3, 4], b"-. ") && at(shape.text, shape.start()) == b'1' {
        return found(0.65, 4);
    }
    let (count, total) = groups(shape);
    let first = at(shape.text, shape.start());
    let international = part(shape.text, shape.start(), shape.start() + 2) == b"00";
    let single = count == 1;
    // A zero alone is the first number of a release.
    let trunk = first == b'0' && shape.run(0).len() >= 2;
    match total {
        11..=15 if international && !single => found(0.6, count),
        9..=10 if trunk && count >= 2 => found(0.5, count),
        11 if trunk && count >= 2 => found(0.5, count),
        10 if single && nanp_run(shape) => found(0.3, 1),
        11 if single && first == b'1' => found(0.3, 1),
        // A trunk prefix and at least three groups, or two with a long one.
        9 if count >= 3 && matches!(first, b'6'..=b'9') && uniform(shape, count) => found(0.45, count),
        8 if count == 4 && uniform(shape, count) => found(0.45, count),
        8 if count == 2 && shape.lens_are(&[4, 4], b" -") => found(0.25, count),
        7 if shape.lens_are(&[3, 4], b"-") && matches!(first, b'2'..=b'9') && count == 2 => found(0.35, 2),
        8..=12 if count >= 3 && uniform(shape, count) => found(0.3, count),
        _ => None,
    }
}

fn nanp_run(shape: &Shape<'_>) -> bool {
    let start = shape.start();
    matches!(at(shape.text, start), b'2'..=b'9') && matches!(at(shape.text, start + 3), b'2'..=b'9')
}

fn uniform(shape: &Shape<'_>, count: usize) -> bool {
    let separator = shape.run(1).separator;
    shape
        .digits()
        .iter()
        .take(count)
        .skip(1)
        .all(|run| run.separator == separator)
        && shape.digits().iter().take(count).all(|run| run.len() <= 5)
}

/// How many of the digit groups are one telephone number, and how many digits they have.
fn groups(shape: &Shape<'_>) -> (usize, usize) {
    let mut total = 0;
    let mut count = 0;
    let mut separator = 0;
    for run in shape.digits() {
        let changed = separator != 0 && run.separator != separator;
        // A new number begins: after a whole one, or with a long run.
        if count > 0
            && (total + run.len() > 15
                || changed && total >= 9 && run.len() > 2
                || run.len() >= 9
                || total >= 9 && run.len() > 4
                || total >= 12)
        {
            break;
        }
        if count > 0 && total >= 7 && spaced_dash(shape.text, run) {
            break;
        }
        if count > 0 {
            separator = run.separator;
        }
        total += run.len();
        count += 1;
    }
    (count, total)
}

fn spaced_dash(text: &[u8], run: &Run) -> bool {
    run.separator == b'-' && before(text, run.start) == b' '
}

/// What a cue announces as a telephone number.
pub(crate) fn cued(scan: &mut Scan<'_, '_>, shape: &Shape<'_>, cue: CueSpan) -> Option<usize> {
    if let Some(phone) = uncued(shape)
        && phone.shape >= 0.3
    {
        let end = extension(scan.text, shape.end_of(phone.count));
        scan.propose(
            (shape.start(), end),
            Entity::Phone,
            phone.shape,
            (Validity::Unchecked, Some(cue)),
            SOURCE,
        );
        return Some(end);
    }
    let (count, total) = groups(shape);
    let fits = if cue.weak {
        (7..=15).contains(&total)
    } else {
        (5..=15).contains(&total)
    };
    if !fits || !crate::recognizers::cued::adjacent(scan, cue, shape.start()) && total < 7 {
        return None;
    }
    let end = extension(scan.text, shape.end_of(count));
    scan.propose(
        (shape.start(), end),
        Entity::Phone,
        0.25,
        (Validity::Unchecked, Some(cue)),
        SOURCE,
    );
    Some(end)
}

/// "office", "fax", "mobile" after the number says what it is.
fn label_after(scan: &Scan<'_, '_>, end: usize) -> Option<CueSpan> {
    let (start, stop) = scan.next_word(end, b"(")?;
    let label = matches!(
        bytes::lower(part(scan.text, start, stop)).as_slice(),
        b"office" | b"fax" | b"mobile" | b"cell" | b"home" | b"work" | b"phone" | b"tel"
    );
    label.then_some(CueSpan {
        start,
        end: stop,
        weak: true,
    })
}

/// The end with the extension, if one follows: "x123", "ext. 1530".
fn extension(text: &[u8], end: usize) -> usize {
    let mut place = end;
    while place - end < 3 && matches!(at(text, place), b' ' | b',' | b'(') {
        place += 1;
    }
    let (word_end, classes) = bytes::run(text, place);
    let word = bytes::lower(part(text, place, word_end));
    if classes == LETTER | DIGIT
        && word.first() == Some(&b'x')
        && (2..=7).contains(&word.len())
        && word.iter().skip(1).all(u8::is_ascii_digit)
    {
        return word_end;
    }
    if !matches!(
        word.as_slice(),
        b"ext" | b"x" | b"extension" | b"extn" | b"extensi\xc3\xb3n"
    ) {
        return end;
    }
    let mut digits = word_end;
    while digits - word_end < 4 && matches!(at(text, digits), b' ' | b'.' | b':' | b')' | b'#') {
        digits += 1;
    }
    let (digits_end, classes) = bytes::run(text, digits);
    if classes == DIGIT && digits_end - digits <= 6 {
        digits_end
    } else {
        end
    }
}

/// A number after a plus sign.
pub(crate) fn plus(scan: &mut Scan<'_, '_>, index: usize) -> Option<usize> {
    let text = scan.text;
    if bytes::is_word(before(text, index)) && before(text, index).is_ascii_digit() {
        return None;
    }
    let first = index + 1 + usize::from(at(text, index + 1) == b' ');
    if !at(text, first).is_ascii_digit() {
        return None;
    }
    let (end, digits) = dialled(text, first);
    if !(7..=15).contains(&digits) {
        return None;
    }
    let end = extension(text, end);
    let cue = scan.cued(index, Cue::Phone.bit()).or_else(|| label_after(scan, end));
    scan.propose((index, end), Entity::Phone, 0.75, (Validity::Unchecked, cue), SOURCE);
    Some(end)
}

/// A number that begins with an area in parentheses.
pub(crate) fn parenthesis(scan: &mut Scan<'_, '_>, index: usize) -> Option<usize> {
    let text = scan.text;
    let inner = index + 1 + usize::from(at(text, index + 1) == b'+');
    let (area_end, classes) = bytes::run(text, inner);
    if classes != DIGIT || area_end - inner > 5 || at(text, area_end) != b')' {
        return None;
    }
    let after =
        area_end + 1 + usize::from(bytes::class(at(text, area_end + 1)) & SPACE != 0 || at(text, area_end + 1) == b'-');
    if !at(text, after).is_ascii_digit() {
        return None;
    }
    let (end, digits) = dialled(text, after);
    let area = area_end - inner;
    let total = area + digits;
    let north_american = area == 3 && digits == 7;
    if !(7..=15).contains(&total) || digits < 4 {
        return None;
    }
    // "1 (555) 678-1234", "+1 (555) …": the country's code stands before.
    let end = extension(text, end);
    let start = if matches!(before(text, index), b' ' | b'-')
        && before(text, index - 1) == b'1'
        && !bytes::is_word(before(text, index - 2))
    {
        index - 2
    } else {
        index
    };
    let cue = scan.cued(index, Cue::Phone.bit()).or_else(|| label_after(scan, end));
    let shape = if north_american { 0.7 } else { 0.55 };
    scan.propose((start, end), Entity::Phone, shape, (Validity::Unchecked, cue), SOURCE);
    Some(end)
}

/// Digits with single separators and parentheses from `start`: where they end, and how many there are.
fn dialled(text: &[u8], start: usize) -> (usize, usize) {
    let mut end = start;
    let mut place = start;
    let mut digits = 0;
    let mut group = 0;
    let mut gap = 0;
    while digits < 15 {
        let byte = at(text, place);
        if byte.is_ascii_digit() {
            digits += 1;
            group += 1;
            gap = 0;
            place += 1;
            end = place;
        } else if matches!(byte, b' ' | b'-' | b'.' | b'(' | b')' | b'/') && gap < 2 {
            if byte == b' ' && digits >= 11 && group >= 4 {
                break;
            }
            group = 0;
            gap += 1;
            place += 1;
        } else if byte >= 0x80
            && let Some((_, len)) = bytes::separator(text, place)
            && gap < 2
        {
            gap += 1;
            group = 0;
            place += len;
        } else {
            break;
        }
    }
    // A run that goes on with letters or more digits is something else: give back its digits.
    if bytes::is_word(at(text, end)) {
        let run = bytes::run_start(text, end);
        let cut = part(text, run.max(start), end).len();
        let mut back = run;
        while back > start && !at(text, back - 1).is_ascii_digit() {
            back -= 1;
        }
        return (back, digits - cut.min(digits));
    }
    (end, digits)
}
