//! Addresses of e-mail that are read out: "ada at example dot org".

use crate::bytes::{self, at, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::lexicon::{Cue, kind};
use crate::scan::Scan;

/// "… at gmail dot com": the address around a spoken dot.
pub(crate) fn spoken_email(scan: &mut Scan<'_, '_>, start: usize, end: usize) {
    let text = scan.text;
    let Some((top_start, top_end)) = scan.next_word(end, b"") else {
        return;
    };
    if !scan.look(top_start, top_end).is(kind::TLD) {
        return;
    }
    // "dot co dot uk".
    let mut stop = top_end;
    if let Some((dot_start, dot_end)) = scan.next_word(top_end, b"")
        && scan.look(dot_start, dot_end).is(kind::DOT)
        && let Some((last_start, last_end)) = scan.next_word(dot_end, b"")
        && scan.look(last_start, last_end).is(kind::TLD)
        && last_end - last_start == 2
    {
        stop = last_end;
    }
    // The host: words back to "at".
    let mut place = start;
    let mut at_start = None;
    for _ in 0..5 {
        let Some((word_start, word_end)) = scan.word_before(place, b"-") else {
            break;
        };
        if scan.look(word_start, word_end).is(kind::AT) {
            at_start = Some(word_start);
            break;
        }
        if scan.look(word_start, word_end).is(kind::DOT) && place == start {
            break;
        }
        place = word_start;
    }
    let Some(at_start) = at_start else {
        if scan.cued(start, Cue::Email.bit()).is_none() && place < start {
            let Some((host_start, _)) = scan.word_before(start, b"") else {
                return;
            };
            scan.propose(
                (host_start, stop),
                Entity::Url,
                0.5,
                (Validity::Unchecked, None),
                "rule.spoken_host",
            );
        }
        return;
    };
    let mut begin = at_start;
    let mut plain = 0;
    let mut joined = false;
    for _ in 0..12 {
        let Some((word_start, word_end)) = scan.word_before(begin, b"-_.") else {
            break;
        };
        let word = scan.look(word_start, word_end);
        let run = part(text, word_start, word_end);
        let separator = word.is(kind::DOT | kind::STROKE);
        let number =
            word.is(kind::DIGIT | kind::TEEN | kind::TENS | kind::REPEAT) || run.iter().all(u8::is_ascii_digit);
        let letter = run.len() == 1;
        if !separator && !number && !letter {
            if word.is(kind::STOP | kind::AT) && !joined || word.is(kind::STOP | kind::AT) && run.len() <= 3 {
                break;
            }
            if !joined {
                if plain >= 2 {
                    break;
                }
                plain += 1;
            }
        }
        joined = separator;
        begin = word_start;
        if word.strong & Cue::Email.bit() != 0 {
            begin = word_end;
            break;
        }
    }
    while begin < at_start && !bytes::is_word(at(text, begin)) {
        begin += 1;
    }
    if begin >= at_start {
        return;
    }
    let cue = scan.cued(begin, Cue::Email.bit());
    scan.propose(
        (begin, stop),
        Entity::Email,
        0.75,
        (Validity::Unchecked, cue),
        "rule.spoken_email",
    );
}
