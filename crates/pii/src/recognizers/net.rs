//! Addresses of networks and devices: IPv4, IPv6 (RFC 4291), MAC (IEEE EUI-48 and EUI-64), UUID (RFC 9562).

use crate::bytes::{self, at, before, number, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::lexicon::Cue;
use crate::recognizers::shape::Shape;
use crate::scan::Scan;

/// Four numbers up to 255 between dots.
pub(crate) fn ipv4(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let text = scan.text;
    if shape.run(1).separator != b'.' || shape.run(3).separator != b'.' || shape.digit_runs < 4 {
        return None;
    }
    let quad = shape.digits().iter().take(4).enumerate().all(|(index, run)| {
        run.len() <= 3 && number(part(text, run.start, run.end)) <= 255 && (index == 0 || run.separator == b'.')
    });
    if !quad || shape.continues(4, b".") || before(text, shape.start()) == b'.' {
        return None;
    }
    // Four numbers of a release.
    if let Some((word_start, word_end)) = scan.word_before(shape.start(), b"") {
        let word = bytes::lower(part(text, word_start, word_end));
        if matches!(word.as_slice(), b"version" | b"v" | b"ver" | b"release" | b"section") {
            return None;
        }
    }
    let mut end = shape.end_of(4);
    let cue = scan.cued(shape.start(), Cue::Ip.bit());
    // A release number has four parts as well, but rarely three digits in one of them.
    let long = shape.digits().iter().take(4).filter(|run| run.len() > 1).count();
    let score = match long {
        0 => 0.2,
        1 => 0.45,
        _ => 0.65,
    };
    if at(text, end) == b'/' && (1..=2).contains(&(bytes::run_end(text, end + 1) - end - 1)) {
        end = bytes::run_end(text, end + 1);
    }
    scan.propose(
        (shape.start(), end),
        Entity::Ip,
        score,
        (Validity::Valid, cue),
        "rule.ipv4",
    );
    Some(end)
}

/// A run of hexadecimal digits with a colon after it.
pub(crate) fn from_run(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    if end - start > 4 || !part(scan.text, start, end).iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    chain(scan, start)
}

/// A colon: an address may begin with letters only, or with two colons.
pub(crate) fn colons(scan: &mut Scan<'_, '_>, index: usize) -> Option<usize> {
    let text = scan.text;
    if !(at(text, index + 1) == b':' || at(text, index + 1).is_ascii_hexdigit()) {
        return None;
    }
    let start = bytes::run_start(text, index);
    let run = part(text, start, index);
    if run.len() > 4 || !run.iter().all(u8::is_ascii_hexdigit) || start < scan.taken {
        return None;
    }
    if run.is_empty() && at(text, index + 1) != b':' || matches!(before(text, start), b':' | b'.') {
        return None;
    }
    chain(scan, start)
}

/// Groups of hexadecimal digits between colons.
fn chain(scan: &mut Scan<'_, '_>, start: usize) -> Option<usize> {
    let text = scan.text;
    if before(text, start) == b':' {
        return None;
    }
    let mut groups = 0;
    let mut pairs = 0;
    let mut gaps = 0;
    let mut letters = false;
    let mut end = start;
    loop {
        let run = bytes::run_end(text, end).min(end + 5);
        let group = part(text, end, run);
        if group.len() > 4 || !group.iter().all(u8::is_ascii_hexdigit) {
            break;
        }
        groups += usize::from(!group.is_empty());
        pairs += usize::from(group.len() == 2);
        letters |= group.iter().any(u8::is_ascii_alphabetic);
        if at(text, run) != b':' || groups > 8 {
            end = run;
            break;
        }
        if at(text, run + 1) == b':' {
            gaps += 1;
            end = run + 2;
            if !at(text, end).is_ascii_hexdigit() {
                break;
            }
        } else if at(text, run + 1).is_ascii_hexdigit() {
            end = run + 1;
        } else {
            end = run;
            break;
        }
    }
    // More groups than any address has are something else, such as a key's fingerprint.
    if bytes::is_word(at(text, end)) || at(text, end) == b':' && at(text, end + 1).is_ascii_hexdigit() {
        return None;
    }
    let (entity, score) = match (groups, pairs, gaps) {
        (6 | 8, pairs, 0) if pairs == groups => (Entity::Mac, 0.6),
        (8, _, 0) => (Entity::Ip, 0.6),
        (2..=7, _, 1) if letters || groups >= 4 => (Entity::Ip, 0.55),
        _ => return None,
    };
    let cue = scan.cued(start, Cue::Ip.bit());
    // An address whose tail is written as an IPv4 address.
    scan.propose((start, end), entity, score, (Validity::Valid, cue), "rule.ipv6_mac");
    scan.taken = scan.taken.max(end);
    Some(end)
}

/// Hexadecimal groups between strokes: MAC and UUID.
pub(crate) fn hexadecimal(scan: &mut Scan<'_, '_>, shape: &Shape<'_>) -> Option<usize> {
    let text = scan.text;
    let first = part(text, shape.start(), shape.run(0).end);
    if !matches!(first.len(), 2 | 4 | 8) || !first.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let stroke = at(text, shape.run(0).end);
    if stroke != b'-' && !(stroke == b'.' && first.len() == 4) {
        return None;
    }
    let mut end = shape.start();
    let mut lens = [0_usize; 8];
    let mut count = 0;
    let mut letters = false;
    loop {
        let run = bytes::run_end(text, end);
        let group = part(text, end, run);
        letters |= group.iter().any(u8::is_ascii_alphabetic);
        if group.is_empty() || group.len() > 12 || !group.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        if let Some(slot) = lens.get_mut(count) {
            *slot = group.len();
        }
        count += 1;
        end = run;
        if at(text, end) != stroke || count > 8 || !at(text, end + 1).is_ascii_hexdigit() {
            break;
        }
        end += 1;
    }
    let (entity, score) = match (lens, count) {
        ([2, 2, 2, 2, 2, 2, ..], 6) if letters => (Entity::Mac, 0.6),
        ([4, 4, 4, ..], 3) if stroke == b'.' && letters => (Entity::Mac, 0.5),
        ([8, 4, 4, 4, 12, ..], 5) => (Entity::DeviceId, 0.3),
        _ => return None,
    };
    scan.propose(
        (shape.start(), end),
        entity,
        score,
        (Validity::Valid, None),
        "rule.hexadecimal",
    );
    Some(end)
}
