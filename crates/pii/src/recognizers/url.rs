//! Web addresses: with a scheme (RFC 3986), with `www.`, and bare host names with a known last part.

use crate::bytes::{self, at, before, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::lexicon::kind;
use crate::scan::Scan;

/// Longer addresses are cut into pieces of this length; each piece is found.
const LONGEST: usize = 2048;

/// The address around `://`: where it ends.
pub(crate) fn scheme(scan: &mut Scan<'_, '_>, index: usize) -> Option<usize> {
    let text = scan.text;
    if part(text, index, index + 3) != b"://" {
        return None;
    }
    let mut start = index;
    while start > 0
        && index - start < 16
        && matches!(before(text, start), b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.')
    {
        start -= 1;
    }
    while start < index && !at(text, start).is_ascii_alphabetic() {
        start += 1;
    }
    let end = end_of(text, index + 3);
    if start == index || end == index + 3 {
        return None;
    }
    scan.propose((start, end), Entity::Url, 0.9, (Validity::Unchecked, None), "rule.url");
    Some(end)
}

/// A host name without a scheme, at one of its dots: where it ends.
pub(crate) fn domain(scan: &mut Scan<'_, '_>, index: usize) -> Option<usize> {
    let text = scan.text;
    let mut start = bytes::run_start(text, index);
    while start >= 2 && matches!(before(text, start), b'.' | b'-') && index - start < 64 {
        let run = bytes::run_start(text, start - 1);
        if run == start - 1 {
            break;
        }
        start = run;
    }
    if matches!(before(text, start), b'@' | b'/' | b'_' | b'\\') {
        return None;
    }
    let mut end = bytes::run_end(text, index + 1);
    let mut last = index + 1;
    while at(text, end) == b'.' && bytes::is_word(at(text, end + 1))
        || at(text, end) == b'-' && bytes::is_word(at(text, end + 1))
    {
        if end - start > 128 {
            break;
        }
        last = end + 1;
        end = bytes::run_end(text, last);
    }
    let www = part(text, start, start + 4).eq_ignore_ascii_case(b"www.");
    let top = scan.look(last, end).is(kind::TLD);
    // "pt.Seen", "e.g.The": a full stop without a space after it.
    let sentence = at(text, last).is_ascii_uppercase() && !at(text, start).is_ascii_uppercase() || end - last < 2;
    if !www && (!top || sentence || index - start < 2) || at(text, end) == b'@' {
        return None;
    }
    if matches!(at(text, end), b'/' | b':' | b'?') && !matches!(at(text, end + 1), b' ' | b'\n' | 0) {
        end = end_of(text, end);
    }
    let common = matches!(
        bytes::lower(part(text, last, bytes::run_end(text, last))).as_slice(),
        b"com" | b"org" | b"net" | b"edu" | b"gov" | b"io"
    );
    let score = if www {
        0.85
    } else if common {
        0.6
    } else {
        0.4
    };
    scan.propose(
        (start, end),
        Entity::Url,
        score,
        (Validity::Unchecked, None),
        "rule.host",
    );
    Some(end)
}

/// Up to white space, quotes and brackets, without the punctuation of the sentence.
fn end_of(text: &[u8], from: usize) -> usize {
    let mut end = from;
    while end - from < LONGEST
        && !matches!(
            at(text, end),
            0..=b' ' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'\\' | b'^' | b'[' | b']'
        )
        && bytes::wide(text, end) == 0
    {
        end += 1;
    }
    while end > from
        && matches!(
            before(text, end),
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b')' | b'*'
        )
    {
        // A closing parenthesis stays where one was opened.
        if before(text, end) == b')' && part(text, from, end).contains(&b'(') {
            break;
        }
        end -= 1;
    }
    while end > from && at(text, end) & 0xc0 == 0x80 {
        end -= 1;
    }
    end
}
