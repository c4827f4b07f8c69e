//! Speech and its transcripts: numbers read out digit by digit, spelled letters, dates and addresses in words.
//!
//! Values are read as they are spoken: "double five", "oh", fillers and line breaks between the speakers' turns.

mod email;

pub(crate) use email::spoken_email;

use crate::bytes::{self, Compact, SPACE, at, part};
use crate::checksums::{Validity, card, check_compact};
use crate::entity::Entity;
use crate::finding::CueSpan;
use crate::lexicon::{Cue, Word, kind};
use crate::recognizers::{address, dates};
use crate::scan::{Scan, Seen};

const SOURCE: &str = "rule.spoken";
/// The most words of one spoken value.
const WORDS: usize = 64;

/// A day of a month, spoken: "third", "twenty fifth", "twenty five".
pub(crate) fn day(scan: &Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let word = scan.look(start, end);
    if word.is(kind::ORDINAL) && (1..=30).contains(&word.value) {
        return Some(end);
    }
    if word.is(kind::TENS) && matches!(word.value, 20 | 30) {
        let next = scan.next_word(end, b"-");
        if let Some((start, stop)) = next
            && (1..=9).contains(&scan.look(start, stop).value)
            && scan.look(start, stop).is(kind::ORDINAL | kind::DIGIT)
        {
            return Some(stop);
        }
        return Some(end);
    }
    (word.is(kind::DIGIT | kind::TEEN) && (1..=31).contains(&word.value) && end - start > 2).then_some(end)
}

/// A year, spoken: "nineteen eighty five", "two thousand and four", "twenty twenty".
pub(crate) fn year(scan: &Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let first = scan.look(start, end);
    let next = scan.next_word(end, b"-")?;
    let second = scan.look(next.0, next.1);
    if first.is(kind::DIGIT) && matches!(first.value, 1 | 2) && second.is(kind::THOUSAND)
        || first.is(kind::THOUSAND) && part(scan.text, start, end) == b"mil"
    {
        // "two thousand four", "mil novecientos ochenta": up to four more words.
        let mut stop = if first.is(kind::THOUSAND) { end } else { next.1 };
        for _ in 0..4 {
            let Some((word_start, word_end)) = scan.next_word(stop, b"-") else {
                break;
            };
            let word = scan.look(word_start, word_end);
            let hundreds = part(scan.text, word_start, word_end).ends_with(b"cientos");
            let joined = matches!(part(scan.text, word_start, word_end), b"and" | b"y");
            if joined {
                let Some((after_start, after_end)) = scan.next_word(word_end, b"") else {
                    break;
                };
                if !scan
                    .look(after_start, after_end)
                    .is(kind::DIGIT | kind::TEEN | kind::TENS)
                {
                    break;
                }
                stop = after_end;
                continue;
            }
            if !hundreds && !word.is(kind::DIGIT | kind::TEEN | kind::TENS) {
                break;
            }
            stop = word_end;
        }
        return Some(stop);
    }
    let century = first.is(kind::TEEN) && (17..=19).contains(&first.value) || first.is(kind::TENS) && first.value == 20;
    if !century {
        return None;
    }
    if second.is(kind::HUNDRED) {
        return Some(next.1);
    }
    if second.is(kind::TEEN) {
        return Some(next.1);
    }
    if second.is(kind::TENS) || second.is(kind::DIGIT) && second.value == 0 {
        let digit = scan
            .next_word(next.1, b"-")
            .filter(|(start, stop)| scan.look(*start, *stop).is(kind::DIGIT) && stop - start > 1);
        return match digit {
            Some((_, stop)) => Some(stop),
            None if second.is(kind::TENS) => Some(next.1),
            None => None,
        };
    }
    None
}

/// What was read from a stretch of speech.
#[derive(Clone, Copy)]
struct Read {
    value: Compact,
    end: usize,
    spoken: usize,
    letters: usize,
    /// The words that carried something.
    items: usize,
}

/// Reads digits and letters from the word at `start` on.
fn read(scan: &Scan<'_, '_>, start: usize, allow_letters: bool) -> Read {
    let text = scan.text;
    let mut state = Read {
        value: Compact::new(&[]),
        end: start,
        spoken: 0,
        letters: 0,
        items: 0,
    };
    let mut place = start;
    let mut fillers = 0;
    for _ in 0..WORDS {
        let Some((word_start, word_end)) = next_turn(scan, place) else {
            break;
        };
        let run = part(text, word_start, word_end);
        let word = scan.look(word_start, word_end);
        let before = state.items;
        let mut stop = word_end;
        if word.is(kind::REPEAT) {
            let Some((next_start, next_end)) = next_turn(scan, word_end) else {
                break;
            };
            let Some(digit) = single(scan, next_start, next_end, allow_letters) else {
                break;
            };
            for _ in 0..word.value {
                state.value.push(digit);
            }
            state.spoken += 1;
            stop = next_end;
            state.items += 1;
        } else if word.is(kind::DIGIT)
            && (run.len() > 1 || state.items > 0 && !(allow_letters && letter_follows(scan, word_end)))
        {
            state.value.push(b'0' + word.value % 10);
            state.spoken += 1;
            state.items += 1;
        } else if word.is(kind::TEEN | kind::TENS) {
            state.value.push(b'0' + word.value / 10);
            let ones = scan.next_word(word_end, b"-").filter(|(start, stop)| {
                word.is(kind::TENS)
                    && scan.look(*start, *stop).is(kind::DIGIT)
                    && scan.look(*start, *stop).value > 0
                    && stop - start > 1
            });
            match ones {
                Some((ones_start, ones_end)) => {
                    state.value.push(b'0' + scan.look(ones_start, ones_end).value % 10);
                    stop = ones_end;
                }
                None => state.value.push(b'0' + word.value % 10),
            }
            state.spoken += 1;
            state.items += 1;
        } else if run.iter().all(u8::is_ascii_digit) && run.len() <= 6 && state.items > 0 {
            for digit in run {
                state.value.push(*digit);
            }
            state.items += 1;
        } else if allow_letters && run.len() == 1 && run.iter().all(u8::is_ascii_alphabetic) {
            // A single letter at the end may be the article: it counts only if something follows.
            state.value.push(at(run, 0));
            state.letters += 1;
            state.items += 1;
            stop = spelling(scan, word_end, at(run, 0)).unwrap_or(word_end);
        } else if allow_letters && word.is(kind::SPELLING) && state.items > 0 && !word.is(kind::MONTH) {
            state.value.push(at(run, 0));
            state.letters += 1;
            state.items += 1;
        } else if state.items > 0 && fillers < 3 && (word.is(kind::FILLER) || word.is(kind::STROKE)) {
            fillers += 1;
            place = word_end;
            continue;
        } else {
            break;
        }
        if state.items > before {
            fillers = 0;
            state.end = stop;
        }
        place = stop;
    }
    state
}

/// A digit or a letter that is repeated.
fn single(scan: &Scan<'_, '_>, start: usize, end: usize, letters: bool) -> Option<u8> {
    let word = scan.look(start, end);
    let run = part(scan.text, start, end);
    if word.is(kind::DIGIT) {
        return Some(b'0' + word.value % 10);
    }
    (run.len() == 1 && (at(run, 0).is_ascii_digit() || letters)).then_some(at(run, 0))
}

fn letter_follows(scan: &Scan<'_, '_>, end: usize) -> bool {
    scan.next_word(end, b"")
        .is_some_and(|(start, stop)| part(scan.text, start, stop).eq_ignore_ascii_case(b"as"))
}

/// "as in juliet", "for juliet", "like juliet" after a letter: where it ends.
fn spelling(scan: &Scan<'_, '_>, end: usize, letter: u8) -> Option<usize> {
    let text = scan.text;
    let (start, mut stop) = scan.next_word(end, b",")?;
    match bytes::lower(part(text, start, stop)).as_slice() {
        b"as" => {
            let (in_start, in_end) = scan.next_word(stop, b"")?;
            if !part(text, in_start, in_end).eq_ignore_ascii_case(b"in") {
                return None;
            }
            stop = in_end;
        }
        b"for" | b"like" => {}
        _ => return None,
    }
    let (word_start, word_end) = scan.next_word(stop, b"")?;
    at(text, word_start).eq_ignore_ascii_case(&letter).then_some(word_end)
}

/// The next word, over a line break, a comma or a stroke between the speakers' turns.
fn next_turn(scan: &Scan<'_, '_>, from: usize) -> Option<(usize, usize)> {
    let text = scan.text;
    let mut start = from;
    while start - from < 6
        && (bytes::class(at(text, start)) & SPACE != 0 || matches!(at(text, start), b'\n' | b',' | b'-' | b'.'))
    {
        start += 1;
    }
    let end = bytes::run_end(text, start);
    (end > start).then_some((start, end))
}

/// A word of a number: the whole spoken value. Where it ends.
pub(crate) fn spoken(scan: &mut Scan<'_, '_>, start: usize, end: usize, word: Word) -> usize {
    if start < scan.taken {
        return end;
    }
    if let Some(stop) = day_of_month(scan, start, end) {
        return stop;
    }
    if !word.is(kind::SPOKEN) {
        return end;
    }
    if let Some(stop) = age(scan, start, end, word).or_else(|| birth_year(scan, start, end)) {
        return stop;
    }
    let seen = nearest(scan, start);
    let value = read(
        scan,
        start,
        seen.is_some_and(|seen| (seen.strong | seen.weak) & LETTERED != 0),
    );
    settle(scan, start, value, seen).unwrap_or(end)
}

/// "seventy five years old", "de sesenta y dos años": where it ends.
fn age(scan: &mut Scan<'_, '_>, start: usize, end: usize, word: Word) -> Option<usize> {
    let text = scan.text;
    if !word.is(kind::DIGIT | kind::TEEN | kind::TENS) || end - start < 3 {
        return None;
    }
    let mut number_end = end;
    let mut next = scan.next_word(end, b"-")?;
    if word.is(kind::TENS) {
        let joined = part(text, next.0, next.1) == b"y";
        let ones = if joined { scan.next_word(next.1, b"")? } else { next };
        if scan.look(ones.0, ones.1).is(kind::DIGIT) && ones.1 - ones.0 > 1 {
            number_end = ones.1;
            next = scan.next_word(ones.1, b"-")?;
        }
    }
    if !scan.look(next.0, next.1).is(kind::YEARS) {
        return None;
    }
    let spanish = at(text, next.0) == b'a';
    let after = scan.next_word(next.1, b"-")?;
    let stop = match (spanish, bytes::lower(part(text, after.0, after.1)).as_slice()) {
        (false, b"old") => number_end,
        (true, b"de")
            if scan
                .next_word(after.1, b"")
                .is_some_and(|(start, end)| part(text, start, end) == b"edad") =>
        {
            next.1
        }
        _ => return None,
    };
    scan.propose(
        (start, stop),
        Entity::Age,
        0.55,
        (Validity::Unchecked, None),
        "rule.spoken_age",
    );
    scan.taken = stop;
    Some(stop)
}

/// "born in nineteen sixty two": where it ends.
fn birth_year(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let stop = year(scan, start, end)?;
    let cue = scan.cued(start, Cue::Birth.bit()).filter(|cue| !cue.weak)?;
    scan.propose(
        (start, stop),
        Entity::DateTime,
        0.25,
        (Validity::Unchecked, Some(cue)),
        "rule.spoken_date",
    );
    scan.taken = stop;
    Some(stop)
}

/// "the third of march", "twenty fifth of december nineteen eighty".
fn day_of_month(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    let day_end = day(scan, start, end)?;
    let (mut month_start, mut month_end) = scan.next_word(day_end, b"")?;
    let joined = matches!(
        bytes::lower(part(text, month_start, month_end)).as_slice(),
        b"of" | b"de"
    );
    if joined {
        (month_start, month_end) = scan.next_word(month_end, b"")?;
    }
    let month = scan.look(month_start, month_end);
    if !month.is(kind::MONTH) || month.value == 0 || month_end - month_start < 3 {
        return None;
    }
    let year_end = dates::year_after(scan, month_end);
    if year_end.is_none() && !joined && !scan.look(start, end).is(kind::ORDINAL) {
        return None;
    }
    let stop = year_end.unwrap_or(month_end);
    let cue = scan.cued(start, Cue::Birth.bit());
    scan.propose(
        (start, stop),
        Entity::DateTime,
        0.65,
        (Validity::Unchecked, cue),
        "rule.spoken_date",
    );
    scan.taken = stop;
    Some(stop)
}

/// A single letter: the beginning of a spelled code, if a cue announces one. Where it ends.
pub(crate) fn letters_first(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> usize {
    let text = scan.text;
    if start < scan.taken || !at(text, start).is_ascii_alphabetic() {
        return end;
    }
    let Some(next) = next_turn(scan, end) else { return end };
    let following = part(text, next.0, next.1);
    let likely = following.len() == 1 && following.iter().all(u8::is_ascii_alphabetic)
        || following.eq_ignore_ascii_case(b"as")
        || following.eq_ignore_ascii_case(b"for")
        || scan.look(next.0, next.1).is(kind::SPOKEN);
    if !likely {
        return end;
    }
    let Some(seen) = nearest(scan, start).filter(|seen| (seen.strong | seen.weak) & LETTERED != 0) else {
        return end;
    };
    // The letters of the cue itself ("m r n"), or one that begins a cue ("d o b").
    if start < seen.end || begins_cue(scan, start) {
        return end;
    }
    let value = read(scan, start, true);
    settle(scan, start, value, Some(seen)).unwrap_or(end)
}

/// Whether single letters from here on spell a cue, such as "d o b".
fn begins_cue(scan: &Scan<'_, '_>, start: usize) -> bool {
    let letters: Vec<u8> = part(scan.text, start, start + 6)
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(u8::to_ascii_lowercase)
        .collect();
    letters.starts_with(b"dob")
        || letters.starts_with(b"mrn")
        || letters.starts_with(b"ssn")
        || letters.starts_with(b"npi")
}

fn nearest(scan: &Scan<'_, '_>, start: usize) -> Option<Seen> {
    scan.cues(start)
        .iter()
        .copied()
        .find(|seen| (seen.strong | seen.weak) & ANNOUNCING != 0)
}

const LETTERED: u64 = Cue::Mrn.bit()
    | Cue::Plan.bit()
    | Cue::Id.bit()
    | Cue::Account.bit()
    | Cue::Driver.bit()
    | Cue::Passport.bit()
    | Cue::License.bit()
    | Cue::Plate.bit()
    | Cue::Device.bit()
    | Cue::Vin.bit()
    | Cue::Dea.bit()
    | Cue::Mbi.bit()
    | Cue::Iban.bit()
    | Cue::Nino.bit()
    | Cue::Dni.bit()
    | Cue::Nie.bit()
    | Cue::Zip.bit();

/// The cues that announce spoken values, and what they make of them: kind, fewest and most characters.
#[rustfmt::skip]
const SPOKEN_CUES: &[(Cue, Entity, usize, usize)] = &[
    (Cue::Ssn, Entity::UsSsn, 9, 9),
    (Cue::Itin, Entity::UsItin, 9, 9),
    (Cue::Npi, Entity::UsNpi, 10, 10),
    (Cue::Card, Entity::CreditCard, 12, 19),
    (Cue::Aba, Entity::UsAba, 9, 9),
    (Cue::Nhs, Entity::UkNhs, 10, 10),
    (Cue::Nino, Entity::UkNino, 9, 9),
    (Cue::Dni, Entity::EsNif, 9, 9),
    (Cue::Nie, Entity::EsNie, 9, 9),
    (Cue::Vin, Entity::Vin, 17, 17),
    (Cue::Dea, Entity::UsDea, 9, 9),
    (Cue::Mbi, Entity::UsMbi, 11, 11),
    (Cue::Iban, Entity::Iban, 15, 34),
    (Cue::Mrn, Entity::Mrn, 4, 20),
    (Cue::Plan, Entity::HealthPlan, 4, 20),
    (Cue::Phone, Entity::Phone, 7, 15),
    (Cue::Zip, Entity::Location, 4, 9),
    (Cue::Driver, Entity::DriverLicense, 5, 20),
    (Cue::Passport, Entity::Passport, 6, 10),
    (Cue::Plate, Entity::LicensePlate, 4, 9),
    (Cue::Device, Entity::DeviceId, 5, 24),
    (Cue::Account, Entity::Account, 4, 20),
    (Cue::License, Entity::License, 4, 20),
    (Cue::CardCode, Entity::CardCode, 3, 4),
    (Cue::Id, Entity::IdOther, 4, 24),
];

const ANNOUNCING: u64 = {
    let mut set = 0;
    let mut rest = SPOKEN_CUES;
    while let [(cue, ..), tail @ ..] = rest {
        set |= cue.bit();
        rest = tail;
    }
    set
};

fn settle(scan: &mut Scan<'_, '_>, start: usize, value: Read, seen: Option<Seen>) -> Option<usize> {
    let compact = value.value;
    let len = compact.len();
    if value.items == 0 || value.spoken == 0 && value.letters == 0 {
        return None;
    }
    if (2..=6).contains(&len)
        && compact.all_digits()
        && let Some(end) = address::street_after(scan, start, value.end)
    {
        scan.propose(
            (start, end),
            Entity::Location,
            0.6,
            (Validity::Unchecked, None),
            "rule.spoken_address",
        );
        scan.taken = end;
        return Some(end);
    }
    let (entity, shape, validity, cue) = verdict(&compact, value, seen)?;
    scan.propose((start, value.end), entity, shape, (validity, cue), SOURCE);
    scan.taken = value.end;
    Some(value.end)
}

type Verdict = (Entity, f32, Validity, Option<CueSpan>);

fn verdict(compact: &Compact, value: Read, seen: Option<Seen>) -> Option<Verdict> {
    let len = compact.len();
    if let Some(seen) = seen {
        for weak in [false, true] {
            let set = if weak { seen.weak } else { seen.strong };
            for (cue, entity, fewest, most) in SPOKEN_CUES {
                if set & cue.bit() == 0 || len < *fewest || len > *most || compact.digits() < 2 {
                    continue;
                }
                let span = CueSpan {
                    start: seen.start,
                    end: seen.end,
                    weak,
                };
                let validity = check_compact(*entity, compact.as_bytes());
                return Some((*entity, 0.25, validity, Some(span)));
            }
        }
    }
    if value.letters > 0 {
        return (len >= 6 && compact.digits() >= 4).then_some((Entity::IdOther, 0.5, Validity::Unchecked, None));
    }
    // Read out with nothing that announces it: by length.
    match len {
        13..=19 if card(compact.as_bytes()) => Some((Entity::CreditCard, 0.45, Validity::Valid, None)),
        13..=19 => Some((Entity::CreditCard, 0.5, Validity::Unchecked, None)),
        10 | 11 => Some((Entity::Phone, 0.6, Validity::Unchecked, None)),
        12 => Some((Entity::Phone, 0.5, Validity::Unchecked, None)),
        9 if value.items >= 5 => Some((Entity::UsSsn, 0.5, Validity::Unchecked, None)),
        7 | 8 if value.items >= 4 => Some((Entity::Phone, 0.45, Validity::Unchecked, None)),
        5 | 6 if value.items >= 4 => Some((Entity::IdOther, 0.4, Validity::Unchecked, None)),
        20.. => Some((Entity::IdOther, 0.5, Validity::Unchecked, None)),
        _ => None,
    }
}
