//! Numbers of the United States, Canada, Brazil and Mexico.

use super::generic::{luhn, mod_11, real_date};
use super::{all_same, digit, digits_only, weighted};
use crate::bytes::{at, number, part};

/// Social Security number: the areas, groups and serials that are never issued (SSA, POMS RM 10201.035; random since
/// 2011), and the numbers that were printed in advertisements.
pub(crate) fn ssn(value: &[u8]) -> bool {
    digits_only(value, 9)
        && !matches!(number(part(value, 0, 3)), 0 | 666 | 900..=999)
        && part(value, 3, 5) != b"00"
        && part(value, 5, 9) != b"0000"
        && !all_same(value)
        && !matches!(value, b"078051120" | b"219099999" | b"457555462" | b"123456789")
}

/// Individual Taxpayer Identification Number (IRS, Publication 1915; IRM 3.21.263).
pub(crate) fn itin(value: &[u8]) -> bool {
    digits_only(value, 9)
        && at(value, 0) == b'9'
        && matches!(number(part(value, 3, 5)), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

/// Employer Identification Number: the prefixes that the IRS assigns ("How EINs are assigned and valid EIN prefixes").
pub(crate) fn ein(value: &[u8]) -> bool {
    digits_only(value, 9)
        && matches!(number(part(value, 0, 2)),
            1..=6 | 10..=16 | 20..=27 | 30..=48 | 50..=68 | 71..=77 | 80..=88 | 90..=95 | 98 | 99)
}

/// National Provider Identifier: Luhn over 80840 and the number (45 CFR 162.406; CMS, check digit requirements).
pub(crate) fn npi(value: &[u8]) -> bool {
    // The prefix 80840 adds 24 to the sum whatever follows it.
    let mut whole = *b"808400000000000";
    if !digits_only(value, 10) || !matches!(at(value, 0), b'1' | b'2') {
        return false;
    }
    for (slot, byte) in whole.iter_mut().skip(5).zip(value) {
        *slot = *byte;
    }
    luhn(&whole)
}

/// DEA registration: a registrant's letter, the initial or 9, and seven digits of which the last checks
/// (21 CFR 1301; the sum of the odd places and twice the even ones).
pub(crate) fn dea(value: &[u8]) -> bool {
    if value.len() != 9 || !part(value, 2, 9).iter().all(u8::is_ascii_digit) {
        return false;
    }
    let registrant = matches!(at(value, 0), b'A'..=b'H' | b'J'..=b'M' | b'P'..=b'U' | b'X');
    let initial = at(value, 1).is_ascii_uppercase() || at(value, 1) == b'9';
    let sum = weighted(part(value, 2, 8), &[1, 2, 1, 2, 1, 2]);
    registrant && initial && sum % 10 == digit(value, 8)
}

/// Medicare Beneficiary Identifier (CMS, MBI format): C A AN N A AN N A A N N without S, L, O, I, B, Z.
pub(crate) fn mbi(value: &[u8]) -> bool {
    let letter = |byte: u8| byte.is_ascii_uppercase() && !matches!(byte, b'S' | b'L' | b'O' | b'I' | b'B' | b'Z');
    value.len() == 11
        && value.iter().zip(b"CAXNAXNAANN").all(|(byte, kind)| match kind {
            b'C' => matches!(byte, b'1'..=b'9'),
            b'N' => byte.is_ascii_digit(),
            b'A' => letter(*byte),
            _ => byte.is_ascii_digit() || letter(*byte),
        })
}

/// Routing transit number (ABA, Routing Number Policy): weights 3, 7, 1. Which beginnings are in use changes with the
/// policy and is not checked.
pub(crate) fn aba(value: &[u8]) -> bool {
    digits_only(value, 9) && !all_same(value) && weighted(value, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// Social Insurance Number (Service Canada): Luhn, and no first digit 0 or 8.
pub(crate) fn sin(value: &[u8]) -> bool {
    digits_only(value, 9) && !matches!(at(value, 0), b'0' | b'8') && !all_same(value) && luhn(value)
}

/// Cadastro de Pessoas Físicas (Receita Federal): two check digits modulo 11.
pub(crate) fn cpf(value: &[u8]) -> bool {
    digits_only(value, 11)
        && !all_same(value)
        && mod_11(value, &[10, 9, 8, 7, 6, 5, 4, 3, 2], true)
        && mod_11(value, &[11, 10, 9, 8, 7, 6, 5, 4, 3, 2], true)
}

/// Cadastro Nacional da Pessoa Jurídica (Receita Federal): two check digits modulo 11.
pub(crate) fn cnpj(value: &[u8]) -> bool {
    digits_only(value, 14)
        && !all_same(value)
        && mod_11(value, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], true)
        && mod_11(value, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], true)
}

/// Clave Única de Registro de Población (RENAPO): letters, birth date, sex, state, and a check digit.
pub(crate) fn curp(value: &[u8]) -> bool {
    let shape = value.len() == 18
        && part(value, 0, 4).iter().all(u8::is_ascii_uppercase)
        && part(value, 4, 10).iter().all(u8::is_ascii_digit)
        && matches!(at(value, 10), b'H' | b'M' | b'X')
        && part(value, 11, 16).iter().all(u8::is_ascii_uppercase)
        && at(value, 17).is_ascii_digit();
    if !shape
        || !real_date(
            number(part(value, 4, 6)),
            number(part(value, 6, 8)),
            number(part(value, 8, 10)),
        )
    {
        return false;
    }
    // The alphabet has Ñ between N and O.
    let sum: u32 = part(value, 0, 17)
        .iter()
        .zip((2..=18).rev())
        .map(|(byte, weight)| {
            let worth = match byte {
                b'0'..=b'9' => u32::from(byte - b'0'),
                b'A'..=b'N' => u32::from(byte - b'A') + 10,
                _ => u32::from(byte.wrapping_sub(b'A')) + 11,
            };
            worth * weight
        })
        .sum();
    (10 - sum % 10) % 10 == digit(value, 17)
}
