//! Checks that many kinds of numbers share, and those of cards, bank accounts, devices and vehicles.

use super::{all_same, digit, digits_only, weighted};
use crate::bytes::{at, number, part};

/// Luhn's algorithm (ISO/IEC 7812-1 annex B) over a string of digits.
pub(crate) fn luhn(digits: &[u8]) -> bool {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match (place % 2, digit) {
                (0, digit) => digit,
                (_, digit) if digit > 4 => digit * 2 - 9,
                (_, digit) => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// A payment card: length, issuer range (ISO/IEC 7812) and Luhn.
pub(crate) fn card(value: &[u8]) -> bool {
    (12..=19).contains(&value.len()) && issuer(value) && !all_same(value) && luhn(value)
}

/// Whether a network issues cards of this beginning and length.
fn issuer(value: &[u8]) -> bool {
    let (two, four, six) = (
        number(part(value, 0, 2)),
        number(part(value, 0, 4)),
        number(part(value, 0, 6)),
    );
    match value.len() {
        // Maestro is issued with 12 to 19 digits.
        12 => matches!(two, 50 | 56..=69),
        // The oldest Visa cards have 13 digits.
        13 => at(value, 0) == b'4' || matches!(two, 50 | 56..=69),
        14 => matches!(two, 30 | 36 | 38 | 39) || matches!(two, 50 | 56..=69),
        15 => matches!(two, 34 | 37) || matches!(four, 1800 | 2131) || matches!(two, 50 | 56..=69),
        16 => {
            matches!(two, 40..=49 | 50..=55 | 56..=69 | 30 | 36 | 38 | 39 | 81)
                || matches!(four, 2014 | 2149 | 2200..=2204 | 2221..=2720 | 3528..=3589)
                || (222_100..=272_099).contains(&six)
        }
        17..=19 => matches!(two, 40..=49 | 50 | 56..=69 | 35),
        _ => false,
    }
}

/// ISO 13616: country, length and ISO 7064 mod 97-10.
pub(crate) fn iban(value: &[u8]) -> bool {
    if iban_len(part(value, 0, 2)) != Some(value.len()) || !part(value, 2, 4).iter().all(u8::is_ascii_digit) {
        return false;
    }
    let turned = part(value, 4, value.len()).iter().chain(part(value, 0, 4));
    let mut remainder: u32 = 0;
    for byte in turned {
        remainder = match byte {
            b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
            b'A'..=b'Z' => (remainder * 100 + u32::from(byte - b'A') + 10) % 97,
            _ => return false,
        };
    }
    remainder == 1
}

/// How long the account numbers of a country are (SWIFT, IBAN registry).
pub(crate) fn iban_len(country: &[u8]) -> Option<usize> {
    Some(match country {
        b"NO" => 15,
        b"BE" => 16,
        b"DK" | b"FI" | b"FO" | b"GL" | b"NL" | b"SD" | b"FK" => 18,
        b"MK" | b"SI" => 19,
        b"AT" | b"BA" | b"EE" | b"KZ" | b"LT" | b"LU" | b"XK" | b"MN" => 20,
        b"CH" | b"HR" | b"LI" | b"LV" => 21,
        b"BG" | b"BH" | b"CR" | b"DE" | b"GB" | b"GE" | b"IE" | b"ME" | b"RS" | b"VA" => 22,
        b"AE" | b"GI" | b"IL" | b"IQ" | b"TL" | b"OM" | b"SO" => 23,
        b"AD" | b"CZ" | b"ES" | b"MD" | b"PK" | b"RO" | b"SA" | b"SE" | b"SK" | b"TN" | b"VG" => 24,
        b"PT" | b"ST" | b"LY" => 25,
        b"IS" | b"TR" => 26,
        b"FR" | b"GR" | b"IT" | b"MC" | b"MR" | b"SM" | b"BI" | b"DJ" => 27,
        b"AL" | b"AZ" | b"BY" | b"CY" | b"DO" | b"GT" | b"HU" | b"LB" | b"PL" | b"SV" | b"NI" => 28,
        b"BR" | b"EG" | b"PS" | b"QA" | b"UA" => 29,
        b"JO" | b"KW" | b"MU" | b"YE" => 30,
        b"MT" | b"SC" => 31,
        b"LC" => 32,
        b"RU" => 33,
        _ => return None,
    })
}

/// ISO 9362: four letters of a party, a country, a location, and three more for a branch.
pub(crate) fn bic(value: &[u8]) -> bool {
    matches!(value.len(), 8 | 11) && part(value, 0, 6).iter().all(u8::is_ascii_alphabetic)
}

/// 3GPP TS 23.003 §6.2.1: fifteen digits with a Luhn check digit.
pub(crate) fn imei(value: &[u8]) -> bool {
    digits_only(value, 15) && !all_same(value) && luhn(value)
}

/// ISO 3779, with the check digit of 49 CFR 565.15: letters are transliterated, the sum is taken modulo 11, and the
/// ninth character says the remainder.
pub(crate) fn vin(value: &[u8]) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    if value.len() != 17 || all_same(value) {
        return false;
    }
    let mut sum = 0;
    for (byte, weight) in value.iter().zip(WEIGHTS) {
        let worth = match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'A'..=b'H' => u32::from(byte - b'A') + 1,
            b'J'..=b'N' => u32::from(byte - b'J') + 1,
            b'P' => 7,
            b'R' => 9,
            b'S'..=b'Z' => u32::from(byte - b'S') + 2,
            _ => return false,
        };
        sum += worth * weight;
    }
    match (sum % 11, at(value, 8)) {
        (10, check) => check == b'X',
        (rest, check) => rest == u32::from(check.wrapping_sub(b'0')),
    }
}

/// Verhoeff's check over the dihedral group of order 10 (J. Verhoeff, Error Detecting Decimal Codes, 1969).
pub(crate) fn verhoeff(value: &[u8]) -> bool {
    // The permutation that is applied once for each place.
    const TURN: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let mut check = 0;
    for (place, byte) in value.iter().rev().enumerate() {
        let mut moved = u32::from(byte.wrapping_sub(b'0'));
        for _ in 0..place % 8 {
            moved = TURN.get(moved as usize).copied().unwrap_or(0);
        }
        check = dihedral(check, moved);
    }
    check == 0
}

/// The product in the dihedral group: below five are the rotations, from five on the reflections.
fn dihedral(left: u32, right: u32) -> u32 {
    match (left < 5, right < 5) {
        (true, true) => (left + right) % 5,
        (true, false) => (left + right - 5) % 5 + 5,
        (false, true) => (left + 5 - right) % 5 + 5,
        (false, false) => (left + 5 - right) % 5,
    }
}

/// ISO 7064 mod 11,10 over digits, the last of which is the check digit.
pub(crate) fn mod_11_10(value: &[u8]) -> bool {
    let mut check = 5;
    for byte in value {
        let doubled = if check == 0 { 10 } else { check } * 2 % 11;
        check = (doubled + u32::from(byte.wrapping_sub(b'0'))) % 10;
    }
    check == 1
}

/// The remainder of a number of any length.
pub(crate) fn modulo(digits: &[u8], by: u32) -> u32 {
    digits
        .iter()
        .fold(0, |rest, byte| (rest * 10 + u32::from(byte.wrapping_sub(b'0'))) % by)
}

/// Whether there is such a day in some year of the century.
pub(crate) fn plausible_date(month: u64, day: u64) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Whether `year` (two or four digits), `month`, `day` name a day.
pub(crate) fn real_date(year: u64, month: u64, day: u64) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400) || year < 100);
    plausible_date(month, day) && (month != 2 || day < 29 || leap)
}

/// A check digit that is eleven minus the weighted sum modulo eleven, with ten and eleven as `ten` says.
pub(crate) fn mod_11(value: &[u8], weights: &[u32], ten_is_zero: bool) -> bool {
    let rest = weighted(value, weights) % 11;
    let check = digit(value, weights.len());
    match (11 - rest) % 11 {
        10 => ten_is_zero && check == 0,
        expected => expected == check,
    }
}
