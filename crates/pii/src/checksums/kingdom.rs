//! Numbers of the United Kingdom.

use super::generic::mod_11;
use super::{all_same, digit, digits_only, weighted};
use crate::bytes::{at, part};

/// NHS number (NHS Data Dictionary): modulo 11 with weights 10 to 2; a check digit of ten is never issued.
pub(crate) fn nhs(value: &[u8]) -> bool {
    digits_only(value, 10) && !all_same(value) && mod_11(value, &[10, 9, 8, 7, 6, 5, 4, 3, 2], false)
}

/// National Insurance number (HMRC, NIM39110): the letters that are not used, and the suffix.
pub(crate) fn nino(value: &[u8]) -> bool {
    let first = at(value, 0);
    let second = at(value, 1);
    value.len() == 9
        && first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && !matches!(first, b'D' | b'F' | b'I' | b'Q' | b'U' | b'V')
        && !matches!(second, b'D' | b'F' | b'I' | b'O' | b'Q' | b'U' | b'V')
        && !matches!(part(value, 0, 2), b"BG" | b"GB" | b"NK" | b"KN" | b"TN" | b"NT" | b"ZZ")
        && part(value, 2, 8).iter().all(u8::is_ascii_digit)
        && matches!(at(value, 8), b'A'..=b'D')
}

/// Unique Taxpayer Reference (HMRC): the first digit checks the other nine.
pub(crate) fn utr(value: &[u8]) -> bool {
    const CHECKS: &[u8; 11] = b"21987654321";
    let value = match value {
        // A trailing K marks some references and counts for nothing.
        [rest @ .., b'K'] => rest,
        _ => value,
    };
    if !digits_only(value, 10) || all_same(value) {
        return false;
    }
    let rest = weighted(part(value, 1, 10), &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    CHECKS
        .get(rest as usize)
        .is_some_and(|check| u32::from(check - b'0') == digit(value, 0))
}
