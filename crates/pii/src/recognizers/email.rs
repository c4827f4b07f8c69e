//! E-mail addresses (RFC 5321 §4.1.2, without quoted local parts), grown from the at sign to both sides.

use crate::bytes::{at, before, part};
use crate::checksums::Validity;
use crate::entity::Entity;
use crate::scan::Scan;

/// The longest local part and the longest domain (RFC 5321 §4.5.3.1).
const LOCAL: usize = 64;
const DOMAIN: usize = 255;

/// The address around an at sign: where it ends.
pub(crate) fn at_sign(scan: &mut Scan<'_, '_>, index: usize) -> Option<usize> {
    let text = scan.text;
    let mut start = index;
    while start > 0 && index - start < LOCAL && is_local(before(text, start)) {
        start -= 1;
    }
    while start < index
        && matches!(
            at(text, start),
            b'.' | b'-' | b'\'' | b'=' | b'/' | b'*' | b'|' | b'#' | b'&'
        )
    {
        start += 1;
    }
    // A character is not cut.
    while start < index && at(text, start) & 0xc0 == 0x80 {
        start += 1;
    }
    let mut end = index + 1;
    while end - index <= DOMAIN && is_domain(at(text, end)) {
        end += 1;
    }
    while end > index + 1 && matches!(before(text, end), b'.' | b'-' | b'_') {
        end -= 1;
    }
    let domain = part(text, index + 1, end);
    if start == index || domain.is_empty() {
        return handle(scan, index, end);
    }
    let dotted = domain.contains(&b'.') && !domain.starts_with(b".");
    let top = domain.rsplit(|byte| *byte == b'.').next().unwrap_or(&[]);
    let named = top.len() >= 2 && !top.iter().any(u8::is_ascii_digit);
    let score = if dotted && named {
        0.95
    } else if dotted {
        0.6
    } else {
        0.45
    };
    if std::str::from_utf8(part(text, start, end)).is_err() {
        return None;
    }
    scan.propose(
        (start, end),
        Entity::Email,
        score,
        (Validity::Unchecked, None),
        "rule.email",
    );
    Some(end)
}

/// A name after an at sign that nothing precedes.
fn handle(scan: &mut Scan<'_, '_>, index: usize, end: usize) -> Option<usize> {
    let name = part(scan.text, index + 1, end);
    let plain = name.len() >= 3 && name.is_ascii() && name.iter().any(u8::is_ascii_alphabetic) && !name.contains(&b'.');
    if !plain || before(scan.text, index) == b'@' {
        return None;
    }
    scan.propose(
        (index, end),
        Entity::Username,
        0.35,
        (Validity::Unchecked, None),
        "rule.handle",
    );
    Some(end)
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || b".!#$%&'*+/=?^_`{|}~-".contains(&byte)
}

fn is_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-' | b'_')
}
