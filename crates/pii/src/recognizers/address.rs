//! Postal addresses and their parts: house number and street, units, post boxes, post codes.

use crate::bytes::{self, DIGIT, LETTER, at, before, number, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::finding::CueSpan;
use crate::lexicon::{Cue, capital, kind};
use crate::recognizers::shape::Shape;
use crate::scan::Scan;

const SOURCE: &str = "rule.address";

fn propose(scan: &mut Scan<'_, '_>, start: usize, end: usize, score: f32, source: &'static str) {
    let cue = scan
        .cued(start, Cue::Address.bit())
        .map(|cue| CueSpan { weak: true, ..cue });
    scan.propose(
        (start, end),
        Entity::Location,
        score,
        (Validity::Unchecked, cue),
        source,
    );
}

/// What a number in an address can be: where it ends.
pub(crate) fn at_number(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let run = shape.run(0);
    let text = scan.text;
    if let Some(end) = post_code(scan, shape) {
        return Some(end);
    }
    if run.len() <= 6 && at(text, run.start).is_ascii_digit() {
        if let Some(end) = street_after(scan, run.start, run.end) {
            propose(scan, run.start, end, 0.6, SOURCE);
            return Some(end);
        }
        if let Some((start, end)) = before_number(scan, run.start, run.end) {
            propose(scan, start, end, 0.55, SOURCE);
            return Some(end);
        }
    }
    None
}

/// The street that follows a house number: up to five words, the last of which says street. With its unit.
pub(crate) fn street_after(scan: &Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    if before(text, start) == b'.' || !matches!(at(text, end), b' ' | b'\t') {
        return None;
    }
    if let Some(stop) = street_named_after(scan, end) {
        return Some(stop);
    }
    let mut place = end;
    let mut named = false;
    for count in 0..6 {
        let (word_start, word_end) = scan.next_word(place, b".'")?;
        if part(text, place, word_start).contains(&b'\n') {
            return None;
        }
        let word = scan.look(word_start, word_end);
        let upper = capital(text, word_start, word_end);
        if word.is(kind::STREET) && named && (upper || before_is_lower(text, start, word_start)) {
            let mut stop = word_end + usize::from(at(text, word_end) == b'.' && word_end - word_start <= 4);
            if let Some((next_start, next_end)) = scan.next_word(stop, b"")
                && scan.look(next_start, next_end).is(kind::DIRECTION)
                && next_end - next_start <= 2
                && capital(text, next_start, next_end)
            {
                stop = next_end;
            }
            return Some(unit(scan, stop));
        }
        // Common words do not stand in the names of streets.
        let digits = part(text, word_start, word_end).iter().any(u8::is_ascii_digit);
        let direction = word.is(kind::DIRECTION);
        if word.is(kind::STOP | kind::YEARS | kind::SMALL_AGE) && !direction && !upper {
            return None;
        }
        named |= !direction || count > 0;
        named |= digits;
        place = word_end;
    }
    None
}

/// "12 rue de Rivoli", "221 avenida de la Paz": the street's word between number and name.
fn street_named_after(scan: &Scan<'_, '_>, end: usize) -> Option<usize> {
    let text = scan.text;
    let (word_start, word_end) = scan.next_word(end, b",")?;
    if !matches!(
        bytes::lower(part(text, word_start, word_end)).as_slice(),
        b"rue"
            | b"avenue"
            | b"avenida"
            | b"calle"
            | b"boulevard"
            | b"viale"
            | b"rua"
            | b"place"
            | b"chemin"
            | b"impasse"
            | b"quai"
    ) {
        return None;
    }
    let mut place = word_end;
    let mut names = 0;
    let mut last = word_end;
    for _ in 0..6 {
        let Some((name_start, name_end)) = scan.next_word(place, b"'-") else {
            break;
        };
        if part(text, place, name_start).contains(&b'\n') {
            break;
        }
        if capital(text, name_start, name_end) {
            names += 1;
            last = name_end;
        } else if !matches!(
            bytes::lower(part(text, name_start, name_end)).as_slice(),
            b"de"
                | b"du"
                | b"des"
                | b"la"
                | b"le"
                | b"les"
                | b"del"
                | b"los"
                | b"las"
                | b"di"
                | b"da"
                | b"do"
                | b"l"
                | b"d"
        ) {
            break;
        }
        place = name_end;
    }
    (names > 0).then_some(last)
}

/// Whether everything from `start` to `end` is in small letters, as in speech.
fn before_is_lower(text: &[u8], start: usize, end: usize) -> bool {
    !part(text, start, end).iter().any(u8::is_ascii_uppercase)
}

/// The end with "Apt 4", "Suite 210", "# 5".
fn unit(scan: &Scan<'_, '_>, end: usize) -> usize {
    let text = scan.text;
    let Some((start, stop)) = scan.next_word(end, b",#.") else {
        return end;
    };
    if part(text, end, start).contains(&b'#') {
        return stop;
    }
    if !scan.look(start, stop).is(kind::UNIT) {
        return end;
    }
    match scan.next_word(stop, b".#") {
        Some((start, stop))
            if stop - start <= 5 && part(text, start, stop).iter().any(|byte| byte.is_ascii_digit())
                || stop - start == 1 =>
        {
            stop
        }
        _ => end,
    }
}

/// A number after what says street, box or unit: the whole.
fn before_number(scan: &Scan<'_, '_>, start: usize, end: usize) -> Option<(usize, usize)> {
    const ENDINGS: &[&str] = &[
        "straße", "strasse", "straat", "gatan", "gata", "vägen", "vej", "gade", "weg", "platz", "allee", "laan",
        "gasse", "katu", "tie", "veien", "utca", "plein", "kade", "gränd", "stræde", "gate", "ulica",
    ];
    let text = scan.text;
    let (word_start, word_end) = scan.word_before(start, b",.#")?;
    let word = part(text, word_start, word_end);
    let lower = word.to_ascii_lowercase();
    // A post box: "P.O. Box 123", "Apartado de correos 45", "Postfach 1".
    if matches!(
        lower.as_slice(),
        b"box" | b"apartado" | b"postfach" | b"postbus" | b"pob" | b"casilla"
    ) {
        let mut begin = word_start;
        while begin > 0
            && word_start - begin < 6
            && matches!(before(text, begin), b'P' | b'p' | b'O' | b'o' | b'.' | b' ')
        {
            begin -= 1;
        }
        while matches!(at(text, begin), b' ' | b'.') {
            begin += 1;
        }
        let boxed = lower.as_slice() != b"box" || begin < word_start;
        return boxed.then_some((begin, end));
    }
    if end - start <= 5
        && word.len() > 6
        && capital(text, word_start, word_end)
        && ENDINGS.iter().any(|ending| lower.ends_with(ending.as_bytes()))
    {
        return Some((word_start, end));
    }
    None
}

/// "Calle Mayor, 12", "Rue de la Paix 12", "Avda. de la Constitución s/n": the street's word first.
pub(crate) fn street_first(scan: &mut Scan<'_, '_>, start: usize, end: usize) {
    let text = scan.text;
    if !capital(text, start, end) && scan.cued(start, Cue::Address.bit()).is_none() {
        return;
    }
    let mut place = end + usize::from(at(text, end) == b'.');
    let mut names = 0;
    for _ in 0..8 {
        let Some((word_start, word_end)) = scan.next_word(place, b",.-\xc2\xba") else {
            break;
        };
        if part(text, place, word_start).contains(&b'\n') {
            break;
        }
        let word = part(text, word_start, word_end);
        let numeric = word.iter().all(u8::is_ascii_digit) && word.len() <= 4
            || word.first().is_some_and(u8::is_ascii_digit) && word.len() <= 5;
        if names > 0 && numeric {
            propose(scan, start, word_end, 0.6, SOURCE);
            return;
        }
        let no_number = word == b"s" && part(text, word_end, word_end + 2) == b"/n";
        if names > 0 && no_number {
            propose(scan, start, word_end + 2, 0.6, SOURCE);
            return;
        }
        let joining = matches!(
            word.to_ascii_lowercase().as_slice(),
            b"de"
                | b"del"
                | b"la"
                | b"las"
                | b"los"
                | b"el"
                | b"y"
                | b"du"
                | b"des"
                | b"le"
                | b"di"
                | b"della"
                | b"da"
                | b"do"
                | b"dos"
                | b"n"
                | b"no"
        ) || word == "nº".as_bytes();
        if capital(text, word_start, word_end) {
            names += 1;
        } else if !joining {
            break;
        }
        place = word_end;
    }
    if names > 0 && names <= 4 && capital(text, start, end) {
        let end = place;
        propose(scan, start, end, 0.4, SOURCE);
    }
}

/// A post code whose shape, or the state before it, says what it is: where it ends.
fn post_code(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let text = scan.text;
    let (first, second) = (shape.run(0), shape.run(1));
    // "CA 94110", "TX 75001-1234": with the state.
    if let Some((start, end)) = scan.word_before(first.start, b",")
        && end - start == 2
        && part(text, start, end).iter().all(u8::is_ascii_uppercase)
        && scan.look(start, end).is(kind::STATE)
        && first.digits()
        && first.len() == 5
        && !part(text, end, first.start).contains(&b'\n')
    {
        let plus_four = second.separator == b'-' && second.digits() && second.len() == 4;
        let stop = if plus_four { second.end } else { first.end };
        propose(scan, start, stop, 0.65, "rule.zip");
        return Some(stop);
    }
    if first.digits()
        && first.len() == 5
        && second.separator == b'-'
        && second.digits()
        && second.len() == 4
        && !shape.continues(2, b"-")
    {
        propose(scan, first.start, second.end, 0.5, "rule.zip");
        return Some(second.end);
    }
    let outward = part(text, first.start, first.end);
    let inward = part(text, second.start, second.end);
    if first.digits() || second.separator != b' ' || inward.len() != 3 {
        return None;
    }
    let british = matches!(outward.len(), 2..=4)
        && outward.first().is_some_and(u8::is_ascii_uppercase)
        && outward
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && matches!(inward, [b'0'..=b'9', b'A'..=b'Z', b'A'..=b'Z']);
    let canadian = matches!(outward, [b'A'..=b'Z', b'0'..=b'9', b'A'..=b'Z'])
        && matches!(inward, [b'0'..=b'9', b'A'..=b'Z', b'0'..=b'9']);
    if !british && !canadian {
        return None;
    }
    propose(scan, first.start, second.end, 0.6, "rule.postcode");
    Some(second.end)
}

/// What a cue announces as a post code.
pub(crate) fn cued_zip(scan: &mut Scan<'_, '_>, shape: &Shape<'_>, cue: CueSpan) -> Option<usize> {
    let (first, second) = (shape.run(0), shape.run(1));
    if !crate::recognizers::cued::adjacent(scan, cue, first.start) || !(3..=7).contains(&first.len()) {
        return None;
    }
    let text = scan.text;
    let plain = first.classes == DIGIT && number(part(text, first.start, first.end)) > 0;
    let two = match second.separator {
        b'-' => second.digits() && matches!(second.len(), 3 | 4),
        b' ' => {
            second.classes & DIGIT != 0 && second.len() == 3 && first.classes & LETTER != 0
                || plain && first.len() == 3 && second.digits() && second.len() == 2
        }
        _ => false,
    };
    let end = if two { second.end } else { first.end };
    if first.len() < 4 && !two {
        return None;
    }
    // "CP 28046 Madrid" is the code alone; the letters of a Dutch code belong to it.
    scan.propose(
        (first.start, end),
        Entity::Location,
        0.2,
        (Validity::Unchecked, Some(cue)),
        "rule.zip",
    );
    Some(end.max(bytes::run_end(text, end)))
}
