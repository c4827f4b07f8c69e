//! Dates and ages: numeric (ISO 8601 and the orders of days, months and years in use), with the names of months in
//! figures or spoken, and ages by their unit or a cue.

use crate::bytes::{self, DIGIT, SPACE, at, before, number, part};
use crate::checksums::{Validity, plausible_date};
use crate::entity::Entity;
use crate::finding::CueSpan;
use crate::lexicon::{Cue, Word, capital, kind};
use crate::recognizers::shape::Shape;
use crate::scan::Scan;
use crate::speech;

const SOURCE: &str = "rule.date";

fn propose(scan: &mut Scan<'_, '_>, start: usize, end: usize, score: f32) {
    let cue = scan.cued(start, Cue::Birth.bit());
    scan.propose(
        (start, end),
        Entity::DateTime,
        score,
        (Validity::Unchecked, cue),
        SOURCE,
    );
}

/// A date of digits: where it ends.
pub(crate) fn numeric(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let text = scan.text;
    let (first, second, third) = (shape.run(0), shape.run(1), shape.run(2));
    let separator = second.separator;
    if !matches!(separator, b'/' | b'-' | b'.') || !second.digits() || first.len() > 4 || second.len() > 4 {
        return compact(scan, shape);
    }
    if shape.lead.is_some_and(|lead| lead.separator == b'-') {
        return None;
    }
    let (a, b) = (
        number(part(text, first.start, first.end)),
        number(part(text, second.start, second.end)),
    );
    // Only the digits of the third run count: "28T05:17:08" is a run.
    let third_end = third.start
        + part(text, third.start, third.end)
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
    let third_len = third_end - third.start;
    let timed = third_end == third.end || matches!(at(text, third_end), b'T' | b't' | b'Z');
    if third.separator != separator || third_len == 0 || !timed || second.len() > 3 {
        return two_parts(scan, shape, separator, a, b);
    }
    let c = number(part(text, third.start, third_end));
    let score = match (first.len(), second.len(), third_len) {
        (4, _, 1..=2) if (1800..=2199).contains(&a) && (plausible_date(b, c) || plausible_date(c, b)) => 0.75,
        (1..=2, _, 4) if (1800..=2199).contains(&c) && (plausible_date(b, a) || plausible_date(a, b)) => 0.75,
        (1..=2, _, 2) if plausible_date(b, a) || plausible_date(a, b) => {
            if separator == b'/' {
                0.65
            } else {
                0.5
            }
        }
        (2, 2, 2) if separator != b'.' && plausible_date(b, c) => 0.45,
        // No such day, but something says that it is one.
        (1..=2, _, 4) if (1800..=2199).contains(&c) && scan.cued(first.start, Cue::Birth.bit()).is_some() => 0.2,
        _ => return None,
    };
    // A fourth number makes it something else, unless a time follows.
    if third_end == third.end && shape.continues(3, b"-./") && shape.run(3).classes & DIGIT != 0 {
        return None;
    }
    let end = time(scan, third_end);
    propose(scan, first.start, end, score);
    Some(end)
}

/// Month and day, or month and year, without a third number.
fn two_parts(scan: &mut Scan<'_, '_>, shape: &Shape<'_>, separator: u8, a: u64, b: u64) -> Option<usize> {
    let (first, second) = (shape.run(0), shape.run(1));
    if shape.continues(2, b"-./") && shape.run(2).classes & DIGIT != 0 || at(scan.text, second.end) == b'%' {
        return None;
    }
    let birth = scan.cued(first.start, Cue::Birth.bit()).is_some();
    let score = match (first.len(), second.len()) {
        (1..=2, 4) if separator != b'.' && (1..=12).contains(&a) && (1900..=2099).contains(&b) => 0.6,
        (4, 1..=2) if separator != b'.' && (1900..=2099).contains(&a) && (1..=12).contains(&b) && second.len() == 2 => {
            0.5
        }
        (1..=2, 2) | (2, 1) if separator == b'/' && (plausible_date(a, b) || plausible_date(b, a)) => {
            if birth || dated_before(scan, first.start) {
                0.55
            } else {
                0.3
            }
        }
        (1, 1) if separator == b'/' && plausible_date(a, b) && dated_before(scan, first.start) => 0.5,
        (1..=2, 2) if separator == b'-' && first.len() == 2 && birth && plausible_date(a, b) => 0.3,
        _ => return None,
    };
    propose(scan, first.start, second.end, score);
    (score >= 0.5).then_some(second.end)
}

/// Whether a preposition or a noun before the number says that it is a date.
fn dated_before(scan: &Scan<'_, '_>, start: usize) -> bool {
    let Some((word_start, word_end)) = scan.word_before(start, b":(~,") else {
        return false;
    };
    matches!(
        bytes::lower(part(scan.text, word_start, word_end)).as_slice(),
        b"on"
            | b"since"
            | b"dated"
            | b"until"
            | b"from"
            | b"date"
            | b"seen"
            | b"visit"
            | b"el"
            | b"del"
            | b"desde"
            | b"fecha"
            | b"admitted"
            | b"discharged"
            | b"dos"
            | b"effective"
    )
}

/// Eight or six digits without separators, and digits in spaces, where a cue of birth announces them.
fn compact(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let run = shape.run(0);
    if run.len() == 8 && !shape.continues(1, b"-./") {
        let text = scan.text;
        let year_first = (1900..=2099).contains(&number(part(text, run.start, run.start + 4)))
            && plausible_date(
                number(part(text, run.start + 4, run.start + 6)),
                number(part(text, run.start + 6, run.end)),
            );
        let year_last = (1900..=2099).contains(&number(part(text, run.start + 4, run.end))) && {
            let (a, b) = (
                number(part(text, run.start, run.start + 2)),
                number(part(text, run.start + 2, run.start + 4)),
            );
            plausible_date(a, b) || plausible_date(b, a)
        };
        if (year_first || year_last) && scan.cued(run.start, Cue::Birth.bit()).is_some() {
            propose(scan, run.start, run.end, 0.3);
            return Some(run.end);
        }
    }
    None
}

/// What a cue of birth announces: years, and digits in spaces.
pub(crate) fn cued(scan: &mut Scan<'_, '_>, shape: &Shape<'_>, cue: CueSpan) -> Option<usize> {
    let text = scan.text;
    let lens: Vec<usize> = shape.digits().iter().take(3).map(super::shape::Run::len).collect();
    let spaced = matches!(lens.as_slice(), [1..=2, 1..=2, 2 | 4] | [4, 1..=2, 1..=2]);
    let run = shape.run(0);
    let year = lens.first() == Some(&4) && (1880..=2099).contains(&number(part(text, run.start, run.end)));
    let end = if spaced {
        shape.end_of(3)
    } else if year && !shape.continues(1, b"-./") {
        run.end
    } else {
        return None;
    };
    scan.propose(
        (run.start, end),
        Entity::DateTime,
        0.2,
        (Validity::Unchecked, Some(cue)),
        SOURCE,
    );
    Some(end)
}

/// A year alone: it is no identifier of Safe Harbor, and is found only where recall is what counts.
pub(crate) fn year(scan: &mut Scan<'_, '_>, start: usize, end: usize) {
    let value = number(part(scan.text, start, end));
    if end - start != 4 || !(1900..=2049).contains(&value) {
        return;
    }
    let Some((word_start, word_end)) = scan.word_before(start, b"(") else {
        return;
    };
    let word = bytes::lower(part(scan.text, word_start, word_end));
    if matches!(
        word.as_slice(),
        b"in" | b"since" | b"during" | b"of" | b"from" | b"until" | b"en" | b"desde" | b"year" | b"a\xc3\xb1o"
    ) {
        scan.propose(
            (start, end),
            Entity::DateTime,
            0.3,
            (Validity::Unchecked, None),
            "rule.year",
        );
    }
}

/// The end with the time of day, if one follows.
fn time(scan: &Scan<'_, '_>, end: usize) -> usize {
    let text = scan.text;
    let mut place = end;
    match at(text, place) {
        b'T' | b't' => place += 1,
        b',' if at(text, place + 1) == b' ' => place += 2,
        b' ' => place += 1,
        _ => return end,
    }
    if part(text, place, place + 3).eq_ignore_ascii_case(b"at ") {
        place += 3;
    }
    let hour = bytes::run_end(text, place);
    if !(1..=2).contains(&(hour - place)) || at(text, hour) != b':' || number(part(text, place, hour)) > 24 {
        return end;
    }
    let minute = hour + 3;
    if !at(text, hour + 1).is_ascii_digit() || !at(text, hour + 2).is_ascii_digit() || at(text, minute).is_ascii_digit()
    {
        return end;
    }
    let mut last = minute;
    if at(text, last) == b':' && at(text, last + 1).is_ascii_digit() && at(text, last + 2).is_ascii_digit() {
        last += 3;
        if matches!(at(text, last), b'.' | b',') && at(text, last + 1).is_ascii_digit() {
            last += 1;
            while at(text, last).is_ascii_digit() && last - minute < 16 {
                last += 1;
            }
        }
    }
    if at(text, last) == b'Z' {
        return last + 1;
    }
    if matches!(at(text, last), b'+' | b'-')
        && at(text, last + 1).is_ascii_digit()
        && at(text, last + 2).is_ascii_digit()
    {
        let zone = bytes::run_end(text, last + 1);
        let more = at(text, zone) == b':' && at(text, zone + 1).is_ascii_digit();
        return if more { bytes::run_end(text, zone + 1) } else { zone };
    }
    let suffix = last + usize::from(at(text, last) == b' ');
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|place| at(text, suffix + place).to_ascii_lowercase());
    match (first, second, third, fourth) {
        (b'a' | b'p', b'm', third, _) if !bytes::is_word(third) => suffix + 2,
        (b'a' | b'p', b'.', b'm', b'.') => suffix + 4,
        _ => last,
    }
}

/// "15 March 2020", "4th of July", "5 de mayo de 2010": a day and then a month's name.
pub(crate) fn day_first(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    let day_end = day_digits(text, start, end)?;
    if end - start > 4
        || before(text, start) == b'.'
        || before(text, start) == b'-' && before(text, start - 1).is_ascii_digit()
    {
        return None;
    }
    let (mut word_start, mut word_end) = scan.next_word(end, b"-./")?;
    if let b"of" | b"de" | b"day" | b"del" = bytes::lower(part(text, word_start, word_end)).as_slice() {
        (word_start, word_end) = scan.next_word(word_end, b"")?;
    }
    let word = scan.look(word_start, word_end);
    if !word.is(kind::MONTH) || word.value == 0 {
        return None;
    }
    let after = word_end + usize::from(at(text, word_end) == b'.');
    let year_end = year_after(scan, after);
    if year_end.is_none() && !certain_month(text, word_start, word_end) && day_end == end {
        return None;
    }
    let stop = time(scan, year_end.unwrap_or(word_end));
    propose(scan, start, stop, if year_end.is_some() { 0.75 } else { 0.6 });
    Some(stop)
}

/// The digits of a day, with or without a suffix, as a whole run: where the digits end.
fn day_digits(text: &[u8], start: usize, end: usize) -> Option<usize> {
    let run = part(text, start, end);
    let digits = run.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let suffix = run.get(digits..).unwrap_or(&[]).to_ascii_lowercase();
    let ordinal = matches!(
        suffix.as_slice(),
        b"" | b"st" | b"nd" | b"rd" | b"th" | b"er" | b"\xc2\xba" | b"\xc2\xaa"
    );
    ((1..=2).contains(&digits) && ordinal && (1..=31).contains(&number(part(text, start, start + digits))))
        .then_some(start + digits)
}

/// Whether the word is a month and cannot well be another word: `may`, `march`, `mar`, `jun` and the like only with a
/// capital.
fn certain_month(text: &[u8], start: usize, end: usize) -> bool {
    let word = bytes::lower(part(text, start, end));
    capital(text, start, end) || word.len() > 3 && !matches!(word.as_slice(), b"march" | b"mars" | b"juin")
}

/// "March 3rd, 2023", "march third nineteen eighty five", "July 2006": where it ends.
pub(crate) fn month_first(scan: &mut Scan<'_, '_>, start: usize, end: usize, word: Word) -> usize {
    let text = scan.text;
    if word.value == 0 || start < scan.taken {
        return end;
    }
    let certain = certain_month(text, start, end);
    let after = end + usize::from(at(text, end) == b'.');
    let begin = with_weekday(scan, start);
    if let Some((day_end, day_sure)) = day(scan, after) {
        let year_end = year_after(scan, day_end);
        if let Some(stop) = year_end {
            let stop = time(scan, stop);
            propose(scan, begin, stop, 0.75);
            scan.taken = stop;
            return stop;
        }
        if certain || day_sure {
            propose(scan, begin, day_end, 0.6);
            scan.taken = day_end;
            return day_end;
        }
        return end;
    }
    if let Some(stop) = year_after(scan, after)
        && certain
    {
        propose(scan, start, stop, 0.65);
        scan.taken = stop;
        return stop;
    }
    if capital(text, start, end) && end - start > 3 && certain {
        let before = scan
            .word_before(start, b"")
            .map(|(start, end)| bytes::lower(part(text, start, end)));
        if matches!(
            before.as_ref().map(bytes::Lower::as_slice),
            Some(b"in" | b"since" | b"last" | b"until" | b"during" | b"of" | b"en" | b"early" | b"late")
        ) {
            propose(scan, start, end, 0.45);
        }
    }
    end
}

/// The start with the day of the week, if one stands before: "Tuesday, May 5".
fn with_weekday(scan: &Scan<'_, '_>, start: usize) -> usize {
    match scan.word_before(start, b",") {
        Some((word_start, word_end)) if scan.look(word_start, word_end).is(kind::WEEKDAY) => word_start,
        _ => start,
    }
}

/// A day after a month's name, in figures or spoken: where it ends, and whether it can be nothing else.
fn day(scan: &Scan<'_, '_>, from: usize) -> Option<(usize, bool)> {
    let text = scan.text;
    let (mut start, mut end) = scan.next_word(from, b"-,")?;
    if part(text, start, end).eq_ignore_ascii_case(b"the") {
        (start, end) = scan.next_word(end, b"")?;
    }
    if part(text, from, start).contains(&b'\n') {
        return None;
    }
    if let Some(digits) = day_digits(text, start, end) {
        // "March 15-17": the second day belongs to it.
        let range = at(text, end) == b'-' && {
            let second = bytes::run_end(text, end + 1);
            (1..=2).contains(&(second - end - 1)) && day_digits(text, end + 1, second).is_some()
        };
        let stop = if range { bytes::run_end(text, end + 1) } else { end };
        if at(text, stop) == b'%'
            || at(text, stop) == b':'
            || at(text, stop) == b'.' && at(text, stop + 1).is_ascii_digit()
        {
            return None;
        }
        return Some((stop, digits < end));
    }
    speech::day(scan, start, end).map(|end| (end, true))
}

/// A year after a day or a month, in figures or spoken: where it ends.
pub(crate) fn year_after(scan: &Scan<'_, '_>, from: usize) -> Option<usize> {
    let text = scan.text;
    let mut start = from;
    while start - from < 3
        && (bytes::class(at(text, start)) & SPACE != 0 || matches!(at(text, start), b',' | b'-' | b'.' | b'/'))
    {
        start += 1;
    }
    let mut end = bytes::run_end(text, start);
    if let b"of" | b"de" | b"del" | b"in" = bytes::lower(part(text, start, end)).as_slice() {
        start = end + 1;
        end = bytes::run_end(text, start);
        if part(text, start, end) == b"a\xc3\xb1o" {
            start = end + 1;
            end = bytes::run_end(text, start);
        }
    }
    // "'23" and its typographic form.
    let quote = match at(text, start) {
        b'\'' | b'`' => 1,
        0xe2 if part(text, start, start + 3) == "\u{2019}".as_bytes()
            || part(text, start, start + 3) == "\u{2018}".as_bytes() =>
        {
            3
        }
        _ => 0,
    };
    if quote > 0 {
        let stop = bytes::run_end(text, start + quote);
        let two = part(text, start + quote, stop);
        return (two.len() == 2 && two.iter().all(u8::is_ascii_digit)).then_some(stop);
    }
    let run = part(text, start, end);
    if run.len() == 4 && run.iter().all(u8::is_ascii_digit) && (1800..=2199).contains(&number(run)) {
        return Some(end);
    }
    // "Mar-05-23", "03 MAR 23": two digits only after a stroke.
    if run.len() == 2 && run.iter().all(u8::is_ascii_digit) && matches!(before(text, start), b'-' | b'/') {
        return Some(end);
    }
    speech::year(scan, start, end)
}

/// A day of the week alone.
pub(crate) fn weekday(scan: &mut Scan<'_, '_>, start: usize, end: usize) {
    let score = if capital(scan.text, start, end) { 0.45 } else { 0.3 };
    scan.propose(
        (start, end),
        Entity::DateTime,
        score,
        (Validity::Unchecked, None),
        "rule.weekday",
    );
}
