//! Keys, tokens and passwords: the shapes that issuers document, PEM blocks (RFC 7468), JWT (RFC 7519), and what stands
//! after "password:".

use crate::bytes::{self, at, before, part};
use crate::checksums::Validity;
use crate::checksums::crypto;
use crate::entity::Entity;
use crate::finding::CueSpan;
use crate::lexicon::Cue;
use crate::scan::Scan;

/// How far is looked to tell whether something is a key. What is one is taken to its end, which is looked for once.
const FAR: usize = 4096;

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+' | b'/' | b'=' | b'.')
}

/// Where a token ends that begins at `start`, as far as it is looked at.
fn token_end(text: &[u8], start: usize) -> usize {
    end_within(text, start, FAR)
}

/// Where a token that is taken ends, however long it is.
fn token_whole(text: &[u8], start: usize) -> usize {
    end_within(text, start, usize::MAX)
}

fn end_within(text: &[u8], start: usize, most: usize) -> usize {
    let mut end = start;
    while end - start < most && is_token(at(text, end)) {
        end += 1;
    }
    while end > start && matches!(before(text, end), b'.' | b'/' | b'-') {
        end -= 1;
    }
    end
}

/// A run whose beginning an issuer has documented.
pub(crate) fn token(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> Option<usize> {
    let text = scan.text;
    let run = part(text, start, end);
    let amazon = run.len() == 20
        && (run.starts_with(b"AKIA")
            || run.starts_with(b"ASIA")
            || run.starts_with(b"AROA")
            || run.starts_with(b"AIDA"))
        && run
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let (finish, score) = if amazon {
        (end, 0.95)
    } else if run.starts_with(b"AIza") && token_end(text, start) - start == 39 {
        (start + 39, 0.95)
    } else if run.starts_with(b"eyJ")
        && part(text, end, token_end(text, end)).contains(&b'.')
        && token_end(text, start) - start > 30
    {
        (token_whole(text, start), 0.9)
    } else {
        return None;
    };
    scan.propose(
        (start, finish),
        Entity::Secret,
        score,
        (Validity::Valid, None),
        "rule.token",
    );
    Some(finish)
}

/// A word such as `ghp` with an underscore or a stroke and a long token after it.
pub(crate) fn prefixed(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> usize {
    let text = scan.text;
    if !matches!(at(text, end), b'_' | b'-') || bytes::is_word(before(text, start)) {
        return end;
    }
    let finish = token_end(text, start);
    let value = part(text, end, finish);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    if value.len() < 16 || digits == 0 {
        return end;
    }
    let finish = token_whole(text, start);
    scan.propose(
        (start, finish),
        Entity::Secret,
        0.9,
        (Validity::Unchecked, None),
        "rule.token",
    );
    finish
}

/// A run that is longer than words and numbers are: a token, a hash, or text without spaces.
pub(crate) fn long_run(scan: &mut Scan<'_, '_>, start: usize, end: usize) -> usize {
    let text = scan.text;
    if let Some(next) = token(scan, start, end) {
        return next;
    }
    let run = part(text, start, end);
    if !run.is_ascii() {
        return end;
    }
    if crypto::address(run) {
        scan.propose(
            (start, end),
            Entity::Crypto,
            0.6,
            (Validity::Valid, None),
            "rule.crypto",
        );
        return end;
    }
    let finish = token_end(text, start).max(end);
    let whole = part(text, start, finish);
    let digits = whole.iter().filter(|byte| byte.is_ascii_digit()).count();
    let mixed = digits >= 4 && whole.iter().any(u8::is_ascii_alphabetic);
    let cue = scan.cued(start, Cue::Secret.bit());
    if mixed && whole.len() >= 28 {
        let score = if cue.is_some() { 0.45 } else { 0.35 };
        let finish = token_whole(text, start);
        scan.propose(
            (start, finish),
            Entity::Secret,
            score,
            (Validity::Unchecked, cue),
            "rule.long_token",
        );
        return finish;
    }
    if digits == run.len() {
        scan.propose(
            (start, end),
            Entity::IdOther,
            0.35,
            (Validity::Unchecked, None),
            "rule.code",
        );
    }
    end
}

/// "secret_access_key = wJalr…": what is assigned to a name that says secret, also if it begins with letters. Where it
/// ends.
pub(crate) fn assigned(scan: &mut Scan<'_, '_>, end: usize) -> Option<usize> {
    let text = scan.text;
    let mut start = end;
    let mut assigned = false;
    while start - end < 8 && matches!(at(text, start), b' ' | b':' | b'=' | b'"' | b'\'') {
        assigned |= matches!(at(text, start), b':' | b'=');
        start += 1;
    }
    if !assigned || !at(text, start).is_ascii_alphabetic() {
        return None;
    }
    let cue = scan
        .cued(start, Cue::Secret.bit())
        .filter(|cue| !cue.weak && cue.end == end)?;
    let run = part(text, start, token_end(text, start));
    let cased = run.iter().any(u8::is_ascii_uppercase) && run.iter().any(u8::is_ascii_lowercase);
    let digits = run.iter().any(u8::is_ascii_digit);
    let random = digits || cased && run.len() >= 12;
    if run.len() < 6 || !random {
        return None;
    }
    cued(scan, start, cue)
}

/// What a cue announces as a secret: a token without spaces.
pub(crate) fn cued(scan: &mut Scan<'_, '_>, start: usize, cue: CueSpan) -> Option<usize> {
    let text = scan.text;
    if !crate::recognizers::cued::adjacent(scan, cue, start) {
        return None;
    }
    let mut begin = start;
    while begin > cue.end
        && start - begin < 64
        && !matches!(before(text, begin), 0..=b' ' | b':' | b'=' | b'"' | b'\'' | b'`')
        && at(text, begin) & 0xc0 != 0x80
    {
        begin -= 1;
    }
    let end = value_end(text, start, FAR);
    while begin < start && at(text, begin) & 0xc0 == 0x80 {
        begin += 1;
    }
    let value = part(text, begin, end);
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    let digits = value.iter().any(u8::is_ascii_digit);
    // "key = [0x42", "token ([#2004](…": code and links.
    let plain = value
        .first()
        .is_some_and(|byte| !matches!(byte, b'[' | b'(' | b'<' | b'{' | b'&'));
    let least = if cue.weak { 8 } else { 4 };
    if value.len() < least || !plain || cue.weak && !(letters && digits) {
        return None;
    }
    let end = value_end(text, start, usize::MAX);
    scan.propose(
        (begin, end),
        Entity::Secret,
        0.25,
        (Validity::Unchecked, Some(cue)),
        "rule.secret",
    );
    Some(end)
}

/// Where a value without spaces ends.
fn value_end(text: &[u8], start: usize, most: usize) -> usize {
    let mut end = start;
    while end - start < most
        && !matches!(
            at(text, end),
            0..=b' ' | b'"' | b'\'' | b'`' | b',' | b';' | b'<' | b'>'
        )
    {
        end += 1;
    }
    while end > start && matches!(before(text, end), b'.' | b')' | b'?' | b'!') {
        end -= 1;
    }
    end
}

/// A block between `-----BEGIN` and `-----END`; without the end, as far as it goes on like one.
pub(crate) fn pem(scan: &mut Scan<'_, '_>, index: usize) -> Option<usize> {
    let text = scan.text;
    if part(text, index, index + 11) != b"-----BEGIN " {
        return None;
    }
    let rest = part(text, index, (index + FAR * 2).min(text.len()));
    let close = memchr::memmem::find(rest, b"-----END ").map(|close| index + close + 9);
    let end = match close {
        Some(after) => {
            let tail = part(text, after, (after + 64).min(text.len()));
            memchr::memmem::find(tail, b"-----").map_or(after, |place| after + place + 5)
        }
        None => pem_body(text, index + 11)?,
    };
    let secret = memchr::memmem::find(part(text, index, index + 48), b"PRIVATE").is_some();
    let score = if secret { 0.95 } else { 0.4 };
    let validity = if close.is_some() {
        Validity::Valid
    } else {
        Validity::Unchecked
    };
    scan.propose((index, end), Entity::Secret, score, (validity, None), "rule.pem");
    Some(end)
}

/// Where the lines of base64 end that follow a block's first line, headers (RFC 1421) and blank lines among them; nothing
/// if there are none, as where prose speaks of such a line.
fn pem_body(text: &[u8], label: usize) -> Option<usize> {
    let head = part(text, label, (label + 64).min(text.len()));
    let body = label + memchr::memmem::find(head, b"-----")? + 5;
    let mut end = None;
    let mut place = body;
    while place < text.len() {
        let blank = text
            .get(place..)?
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let start = place + blank;
        let line = memchr::memchr(b'\n', text.get(start..)?).map_or(text.len(), |line| start + line);
        let word = start
            + text
                .get(start..line)?
                .iter()
                .take_while(|byte| !byte.is_ascii_whitespace())
                .count();
        let coded = part(text, start, word)
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\\'));
        // The last line of a block is short, but it stands alone.
        let alone = text.get(word..line)?.iter().all(u8::is_ascii_whitespace);
        place = if coded && word > start && (word - start >= 16 || alone) {
            word
        } else if before(text, word) == b':' && memchr::memchr(b'-', part(text, start, word)).is_some() {
            line
        } else {
            break;
        };
        end = Some(place);
    }
    end
}
