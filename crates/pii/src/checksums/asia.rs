//! Numbers of India, Australia, Singapore, Korea, China and South Africa.

use super::generic::{luhn, real_date, verhoeff};
use super::{all_same, digit, digits_only, weighted};
use crate::bytes::{at, number, part};

/// Aadhaar (UIDAI): twelve digits, the first from 2, a Verhoeff check digit, no palindrome.
pub(crate) fn aadhaar(value: &[u8]) -> bool {
    digits_only(value, 12)
        && !matches!(at(value, 0), b'0' | b'1')
        && !value.iter().eq(value.iter().rev())
        && verhoeff(value)
}

/// Permanent Account Number (Income Tax Department): five letters, the fourth the holder's kind, digits, a letter.
pub(crate) fn pan(value: &[u8]) -> bool {
    value.len() == 10
        && part(value, 0, 5).iter().all(u8::is_ascii_uppercase)
        && matches!(
            at(value, 3),
            b'A' | b'B' | b'C' | b'F' | b'G' | b'H' | b'J' | b'K' | b'L' | b'P' | b'T'
        )
        && part(value, 5, 9).iter().all(u8::is_ascii_digit)
        && part(value, 5, 9) != b"0000"
        && at(value, 9).is_ascii_uppercase()
}

/// Tax File Number (ATO): the weighted sum is divisible by eleven.
pub(crate) fn tfn(value: &[u8]) -> bool {
    let weights: &[u32] = match value.len() {
        8 => &[10, 7, 8, 4, 6, 3, 5, 1],
        9 => &[1, 4, 3, 7, 5, 8, 6, 9, 10],
        _ => return false,
    };
    value.iter().all(u8::is_ascii_digit) && !all_same(value) && weighted(value, weights).is_multiple_of(11)
}

/// Australian Business Number (ABR): one off the first digit, then the weighted sum is divisible by 89.
pub(crate) fn abn(value: &[u8]) -> bool {
    if !digits_only(value, 11) || at(value, 0) == b'0' {
        return false;
    }
    (weighted(value, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10).is_multiple_of(89)
}

/// Australian Company Number (ASIC): ten minus the weighted sum modulo ten.
pub(crate) fn acn(value: &[u8]) -> bool {
    digits_only(value, 9)
        && !all_same(value)
        && (10 - weighted(value, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == digit(value, 8)
}

/// Australian Medicare card (Services Australia): the ninth digit checks the first eight; the tenth is the issue.
pub(crate) fn medicare(value: &[u8]) -> bool {
    matches!(value.len(), 10 | 11)
        && value.iter().all(u8::is_ascii_digit)
        && matches!(at(value, 0), b'2'..=b'6')
        && weighted(value, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digit(value, 8)
}

/// Singaporean NRIC or FIN (ICA): weights, an offset for the later series, and a table of letters for each.
pub(crate) fn nric(value: &[u8]) -> bool {
    if value.len() != 9 || !part(value, 1, 8).iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum = weighted(part(value, 1, 8), &[2, 7, 6, 5, 4, 3, 2]);
    let (letters, offset): (&[u8; 11], u32) = match at(value, 0) {
        b'S' => (b"JZIHGFEDCBA", 0),
        b'T' => (b"JZIHGFEDCBA", 4),
        b'F' => (b"XWUTRQPNMLK", 0),
        b'G' => (b"XWUTRQPNMLK", 4),
        b'M' => (b"XWUTRQPNJLK", 3),
        _ => return false,
    };
    letters.get(((sum + offset) % 11) as usize) == value.get(8)
}

/// Korean resident registration number: birth date, sex and century, and (until 2020) a check digit.
pub(crate) fn rrn(value: &[u8]) -> bool {
    digits_only(value, 13)
        && real_date(
            number(part(value, 0, 2)),
            number(part(value, 2, 4)),
            number(part(value, 4, 6)),
        )
        && (11 - weighted(value, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 11) % 10 == digit(value, 12)
}

/// Chinese resident identity number (GB 11643-1999): region, birth date, and ISO 7064 mod 11-2.
pub(crate) fn resident_id(value: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let year = number(part(value, 6, 10));
    value.len() == 18
        && part(value, 0, 17).iter().all(u8::is_ascii_digit)
        && (1900..=2100).contains(&year)
        && real_date(year, number(part(value, 10, 12)), number(part(value, 12, 14)))
        && b"10X98765432".get((weighted(value, &WEIGHTS) % 11) as usize) == value.get(17)
}

/// South African identity number (Home Affairs): birth date, citizenship 0 to 2, and Luhn.
pub(crate) fn za_id(value: &[u8]) -> bool {
    digits_only(value, 13)
        && real_date(
            number(part(value, 0, 2)),
            number(part(value, 2, 4)),
            number(part(value, 4, 6)),
        )
        && matches!(at(value, 10), b'0'..=b'2')
        && luhn(value)
}
