//! Ages: a number next to a word that says so.

use crate::bytes::{self, at, before, number, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::lexicon::Cue;
use crate::scan::Scan;

/// An age in figures: where it ends.
pub(crate) fn age(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    let value = number(part(text, start, end));
    if value > 125 || before(text, start) == b'.' || matches!(before(text, start), b'/' | b'$') {
        return None;
    }
    let mut place = end;
    while place - end < 2 && matches!(at(text, place), b' ' | b'-') {
        place += 1;
    }
    if !scan.heard(Cue::Age.bit()) && !bytes::is_word(at(text, place)) {
        return None;
    }
    let cue = scan
        .cued(start, Cue::Age.bit())
        .filter(|cue| crate::recognizers::cued::adjacent(scan, *cue, start));
    let unit = unit_end(scan, start, place);
    // "age 68" alone says nothing about a person whom nothing else names: it is weighed as an age without a cue.
    let stated = cue.is_some_and(|cue| !cue.weak && cue.end - cue.start <= 4);
    let (stop, score) = match (unit, cue) {
        (Some((stop, Unit::Age)), _) => (stop, 0.55),
        (Some((stop, Unit::Perhaps)), None) => (stop, 0.35),
        (Some((stop, Unit::Small | Unit::Perhaps)), Some(_)) => (stop, 0.2),
        (Some((_, Unit::Small)), None) => return None,
        (Some((_, Unit::Years)), Some(_)) => (end, 0.2),
        (None, Some(_)) if stated && value > 0 && plain_end(text, end) => {
            scan.propose(
                (start, end),
                Entity::Age,
                0.6,
                (Validity::Unchecked, None),
                "rule.age_stated",
            );
            return Some(end);
        }
        (None, Some(cue)) if value > 0 && !cue.weak && plain_end(text, end) => (end, 0.15),
        (None, Some(cue)) if cue.weak && plain_end(text, end) => (end, 0.3),
        _ => return None,
    };
    scan.propose(
        (start, stop),
        Entity::Age,
        score,
        (Validity::Unchecked, cue),
        "rule.age",
    );
    Some(stop)
}

fn plain_end(text: &[u8], end: usize) -> bool {
    match at(text, end) {
        b'/' | b'%' | b':' => false,
        b'.' | b',' | b'-' => !at(text, end + 1).is_ascii_digit(),
        _ => true,
    }
}

/// "70yo", "67M": an age that is one run with its unit. Where it ends.
pub(crate) fn joined_age(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    let run = part(text, start, end);
    let digits = run.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unit = bytes::lower(part(text, start + digits, end));
    let score = match unit.as_slice() {
        b"yo" | b"yom" | b"yof" | b"yrs" | b"yr" => 0.55,
        b"m" | b"f" if digits == 2 => 0.35,
        _ => return None,
    };
    let value = number(part(text, start, start + digits));
    if !(1..=3).contains(&digits) || value > 125 {
        return None;
    }
    let number_end = start + digits;
    scan.propose(
        (start, number_end),
        Entity::Age,
        score,
        (Validity::Unchecked, None),
        "rule.age",
    );
    Some(end)
}

/// What a unit makes of a number.
enum Unit {
    /// An age.
    Age,
    /// An age or a time that has passed.
    Perhaps,
    /// Months, weeks, days: an age only with a cue.
    Small,
    /// Years: an age only with a cue.
    Years,
}

/// A unit of age from `place`: where the span ends (Spanish ages take their unit along, English ones are the number),
/// and what it makes of the number.
fn unit_end(scan: &Scan<'_, '_>, start: usize, place: usize) -> Option<(usize, Unit)> {
    let text = scan.text;
    let end = bytes::run_end(text, place);
    let number_end = {
        let mut back = place;
        while matches!(before(text, back), b' ' | b'-') {
            back -= 1;
        }
        back
    };
    let word = bytes::lower(part(text, place, end));
    let next = scan.next_word(end, b"-.");
    let next_is = |words: &[&[u8]]| {
        next.is_some_and(|(start, stop)| words.contains(&bytes::lower(part(text, start, stop)).as_slice()))
    };
    match word.as_slice() {
        b"year" | b"years" | b"yr" | b"yrs" if next_is(&[b"old", b"o", b"olds", b"young"]) => {
            Some((number_end, Unit::Age))
        }
        b"month" | b"months" | b"week" | b"weeks" | b"day" | b"days" | b"mo" if next_is(&[b"old"]) => {
            Some((number_end, Unit::Age))
        }
        b"yo" | b"yrold" | b"yom" | b"yof" => Some((number_end, Unit::Age)),
        // "y/o", "y.o."
        b"y" if matches!(at(text, end), b'/' | b'.') && matches!(at(text, end + 1), b'o' | b'O') => {
            Some((number_end, Unit::Age))
        }
        b"years" | b"yrs" | b"year" => Some((number_end, Unit::Years)),
        b"a\xc3\xb1os" | b"a\xc3\xb1o" => {
            let unit = if spanish_age(scan, start, end) {
                Unit::Age
            } else {
                Unit::Perhaps
            };
            Some((spanish_end(scan, end), unit))
        }
        b"meses" | b"mes" | b"semanas" | b"d\xc3\xadas" | b"dias"
            if spanish_age(scan, start, end) && follows_edad(scan, end) =>
        {
            Some((end, Unit::Age))
        }
        b"meses" | b"mes" | b"semanas" | b"d\xc3\xadas" | b"dias" => Some((end, Unit::Small)),
        _ => None,
    }
}

/// Whether Spanish years are an age and not a time that has passed: "de 65 años", "a los 35 años", "65 años de edad",
/// but not "hace 12 años", "15 años antes", "3 años de evolución".
fn spanish_age(scan: &Scan<'_, '_>, start: usize, end: usize) -> bool {
    if follows_edad(scan, end) {
        return true;
    }
    let text = scan.text;
    let lower = |range: (usize, usize)| bytes::lower(part(text, range.0, range.1));
    let Some(previous) = scan.word_before(start, b",") else {
        return false;
    };
    if !matches!(lower(previous).as_slice(), b"de" | b"los" | b"con") {
        return false;
    }
    if scan.word_before(previous.0, b"").is_some_and(|range| {
        matches!(
            lower(range).as_slice(),
            b"m\xc3\xa1s"
                | b"mas"
                | b"desde"
                | b"menos"
                | b"cerca"
                | b"periodo"
                | b"per\xc3\xadodo"
                | b"tiempo"
                | b"seguimiento"
                | b"intervalo"
                | b"hace"
                | b"evoluci\xc3\xb3n"
                | b"durante"
                | b"despu\xc3\xa9s"
                | b"aproximado"
                | b"alrededor"
                | b"historia"
                | b"en"
                | b"tipo"
        )
    }) {
        return false;
    }
    let Some(next) = scan.next_word(end, b"") else {
        return true;
    };
    match lower(next).as_slice() {
        b"antes" | b"despu\xc3\xa9s" | b"libre" | b"m\xc3\xa1s" | b"atr\xc3\xa1s" | b"previos" => false,
        b"de" => !scan.next_word(next.1, b"").is_some_and(|range| {
            matches!(
                lower(range).as_slice(),
                b"evoluci\xc3\xb3n" | b"seguimiento" | b"duraci\xc3\xb3n" | b"tratamiento" | b"la" | b"su"
            )
        }),
        _ => true,
    }
}

/// "11 años y 10 meses".
fn spanish_end(scan: &Scan<'_, '_>, end: usize) -> usize {
    let text = scan.text;
    let longer = scan
        .next_word(end, b"")
        .filter(|(start, stop)| matches!(part(text, *start, *stop), b"y" | b"con"))
        .and_then(|(_, stop)| scan.next_word(stop, b""))
        .filter(|(start, stop)| part(text, *start, *stop).iter().all(u8::is_ascii_digit))
        .and_then(|(_, stop)| scan.next_word(stop, b""))
        .filter(|(start, stop)| matches!(part(text, *start, *stop), b"meses" | b"mes"));
    longer.map_or(end, |(_, stop)| stop)
}

fn follows_edad(scan: &Scan<'_, '_>, end: usize) -> bool {
    scan.next_word(end, b"")
        .and_then(|(_, stop)| scan.next_word(stop, b""))
        .is_some_and(|(start, stop)| matches!(part(scan.text, start, stop), b"edad" | b"vida"))
}
