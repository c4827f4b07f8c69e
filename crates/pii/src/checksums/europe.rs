//! Numbers of the European states.

use super::generic::{luhn, mod_11, mod_11_10, modulo, real_date};
use super::{all_same, digit, digits_only, weighted};
use crate::bytes::{Compact, at, number, part};

const DNI_LETTERS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// Steuer-Identifikationsnummer (§ 139b AO): among the first ten digits one stands two or three times and the others
/// at most once, the first is not zero, and ISO 7064 mod 11,10.
pub(crate) fn steuer_id(value: &[u8]) -> bool {
    if !digits_only(value, 11) || at(value, 0) == b'0' {
        return false;
    }
    let mut counts = [0_u8; 10];
    for byte in part(value, 0, 10) {
        if let Some(count) = counts.get_mut(usize::from(byte - b'0')) {
            *count += 1;
        }
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let most = counts.iter().max().copied().unwrap_or(0);
    repeated == 1 && matches!(most, 2 | 3) && mod_11_10(value)
}

/// Umsatzsteuer-Identifikationsnummer: DE and nine digits, ISO 7064 mod 11,10.
pub(crate) fn de_vat(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"DE").unwrap_or(value);
    digits_only(value, 9) && at(value, 0) != b'0' && mod_11_10(value)
}

/// Numéro de TVA: FR, two check characters, and a SIREN that satisfies Luhn (BOI-TVA-DECLA-20-10).
pub(crate) fn fr_vat(value: &[u8]) -> bool {
    const LETTERS: &[u8; 34] = b"0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let value = value.strip_prefix(b"FR").unwrap_or(value);
    let siren = part(value, 2, 11);
    if value.len() != 11 || !digits_only(siren, 9) {
        return false;
    }
    // Monaco's numbers have 000 in the place of a SIREN's beginning, and no Luhn digit.
    if part(siren, 0, 3) != b"000" && !luhn(siren) {
        return false;
    }
    let place = |byte: u8| {
        LETTERS
            .iter()
            .position(|letter| *letter == byte)
            .and_then(|place| u64::try_from(place).ok())
    };
    let (Some(first), Some(second)) = (place(at(value, 0)), place(at(value, 1))) else {
        return false;
    };
    if first < 10 && second < 10 {
        return first * 10 + second == (12 + 3 * (number(siren) % 97)) % 97;
    }
    // The newer keys: S = first * 24 + second - 10 or first * 34 + second - 100.
    let key = if first < 10 {
        first * 24 + second - 10
    } else {
        first * 34 + second - 100
    };
    (number(siren) + 1 + key / 11) % 11 == key % 11
}

/// Numéro d'inscription au répertoire (INSEE): thirteen characters and 97 minus their remainder; 2A and 2B stand for
/// 19 and 18.
pub(crate) fn nir(value: &[u8]) -> bool {
    if value.len() != 15 || !matches!(at(value, 0), b'1'..=b'4' | b'7' | b'8') {
        return false;
    }
    let mut plain = [b'0'; 13];
    for (slot, byte) in plain.iter_mut().zip(value) {
        *slot = *byte;
    }
    match part(value, 5, 7) {
        b"2A" => plain
            .iter_mut()
            .skip(5)
            .zip(b"19")
            .for_each(|(slot, byte)| *slot = *byte),
        b"2B" => plain
            .iter_mut()
            .skip(5)
            .zip(b"18")
            .for_each(|(slot, byte)| *slot = *byte),
        _ => {}
    }
    let key = part(value, 13, 15);
    let month = number(part(&plain, 3, 5));
    // Months above twelve stand for a date that was not known.
    let month_known = matches!(month, 1..=12 | 20..=42 | 50..=99);
    plain.iter().all(u8::is_ascii_digit)
        && digits_only(key, 2)
        && month_known
        && 97 - modulo(&plain, 97) == modulo(key, 1000)
}

/// Partita IVA: eleven digits, an office's province, Luhn (Agenzia delle Entrate).
pub(crate) fn it_vat(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"IT").unwrap_or(value);
    let office = number(part(value, 7, 10));
    digits_only(value, 11)
        && part(value, 0, 7) != b"0000000"
        && matches!(office, 1..=100 | 120 | 121 | 888 | 999)
        && luhn(value)
}

/// Codice fiscale (D.M. 23 December 1976): letters, birth date, municipality, and a control letter. Digits may be
/// replaced by letters where two persons would have the same code.
pub(crate) fn codice_fiscale(value: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    let is_digit = |byte: u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte);
    let shape = value.len() == 16
        && value.iter().zip(b"AAAAAANNMNNANNNA").all(|(byte, kind)| match kind {
            b'A' => byte.is_ascii_uppercase(),
            b'M' => b"ABCDEHLMPRST".contains(byte),
            _ => is_digit(*byte),
        });
    if !shape {
        return false;
    }
    let sum: u32 = part(value, 0, 15)
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            let worth = if byte.is_ascii_digit() {
                byte - b'0'
            } else {
                byte - b'A'
            };
            if place % 2 == 0 {
                ODD.get(usize::from(worth)).copied().unwrap_or(0)
            } else {
                u32::from(worth)
            }
        })
        .sum();
    sum % 26 == u32::from(at(value, 15).wrapping_sub(b'A'))
}

/// Documento Nacional de Identidad (RD 1553/2005): the letter is the number modulo 23. Also K, L, M numbers, and the
/// tax numbers of organisations (CIF).
pub(crate) fn dni(value: &[u8]) -> bool {
    if value.len() != 9 {
        return false;
    }
    if part(value, 0, 8).iter().all(u8::is_ascii_digit) {
        return DNI_LETTERS.get((number(part(value, 0, 8)) % 23) as usize) == value.get(8);
    }
    if !part(value, 1, 8).iter().all(u8::is_ascii_digit) {
        return false;
    }
    match at(value, 0) {
        b'K' | b'L' | b'M' => DNI_LETTERS.get((number(part(value, 1, 8)) % 23) as usize) == value.get(8),
        b'A'..=b'H' | b'J' | b'N' | b'P'..=b'S' | b'U' | b'V' | b'W' => cif(value),
        _ => false,
    }
}

/// Código de identificación fiscal (Orden EHA/451/2008): Luhn-like sum, said by a digit or a letter.
fn cif(value: &[u8]) -> bool {
    let sum: u32 = part(value, 1, 8)
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            match place % 2 {
                0 if digit > 4 => digit * 2 - 9,
                0 => digit * 2,
                _ => digit,
            }
        })
        .sum();
    let check = (10 - sum % 10) % 10;
    let last = at(value, 8);
    u32::from(last.wrapping_sub(b'0')) == check || b"JABCDEFGHI".get(check as usize) == Some(&last)
}

/// Número de identidad de extranjero: X, Y, Z stand for 0, 1, 2 before the rule of the DNI.
pub(crate) fn nie(value: &[u8]) -> bool {
    let series = match at(value, 0) {
        b'X' => 0,
        b'Y' => 1,
        b'Z' => 2,
        _ => return false,
    };
    let rest = part(value, 1, 8);
    value.len() == 9
        && rest.iter().all(u8::is_ascii_digit)
        && DNI_LETTERS.get(((series * 10_000_000 + number(rest)) % 23) as usize) == value.get(8)
}

/// Número de la Seguridad Social: province, number, and the remainder modulo 97 of both.
pub(crate) fn nss(value: &[u8]) -> bool {
    if !digits_only(value, 12) {
        return false;
    }
    let (province, serial, key) = (
        number(part(value, 0, 2)),
        number(part(value, 2, 10)),
        number(part(value, 10, 12)),
    );
    // A serial with a leading zero is joined to the province without it.
    let joined = if serial < 10_000_000 {
        province * 10_000_000 + serial
    } else {
        province * 100_000_000 + serial
    };
    joined % 97 == key
}

/// Burgerservicenummer (Wet algemene bepalingen BSN): the eleven test with -1 for the last digit.
pub(crate) fn bsn(value: &[u8]) -> bool {
    if !digits_only(value, 9) || all_same(value) {
        return false;
    }
    let sum = weighted(value, &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum % 11 == digit(value, 8)
}

/// PESEL (Dz.U. 2010 nr 217 poz. 1427): birth date with the century in the month, weights 1, 3, 7, 9.
pub(crate) fn pesel(value: &[u8]) -> bool {
    if !digits_only(value, 11) {
        return false;
    }
    let month = number(part(value, 2, 4));
    let year = number(part(value, 0, 2))
        + match month / 20 {
            0 => 1900,
            1 => 2000,
            2 => 2100,
            3 => 2200,
            _ => 1800,
        };
    real_date(year, month % 20, number(part(value, 4, 6)))
        && (10 - weighted(value, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10) % 10 == digit(value, 10)
}

/// Personnummer or samordningsnummer (Skatteverket, SKV 704): birth date (days above 60 are coordination numbers) and
/// Luhn over ten digits.
pub(crate) fn personnummer(value: &[u8]) -> bool {
    let short = match value.len() {
        10 => value,
        12 => part(value, 2, 12),
        _ => return false,
    };
    let day = number(part(short, 4, 6));
    value.iter().all(u8::is_ascii_digit)
        && real_date(
            number(part(short, 0, 2)),
            number(part(short, 2, 4)),
            if day > 60 { day - 60 } else { day },
        )
        && luhn(short)
}

/// Henkilötunnus (Digital and Population Data Services Agency): date, a sign for the century, three digits, and the
/// character of the remainder modulo 31.
pub(crate) fn hetu(value: &[u8]) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    if value.len() != 11 {
        return false;
    }
    let (date, individual, check) = (part(value, 0, 6), part(value, 7, 10), at(value, 10));
    let century = match at(value, 6).to_ascii_uppercase() {
        b'+' => 1800,
        b'-' | b'U'..=b'Y' => 1900,
        b'A'..=b'F' => 2000,
        _ => return false,
    };
    if !digits_only(date, 6) || !digits_only(individual, 3) || number(individual) < 2 {
        return false;
    }
    let all = number(date) * 1000 + number(individual);
    real_date(
        century + number(part(date, 4, 6)),
        number(part(date, 2, 4)),
        number(part(date, 0, 2)),
    ) && CHECKS.get((all % 31) as usize) == Some(&check.to_ascii_uppercase())
}

/// CPR-nummer (CPR-kontoret): a birth date; the old modulus 11 does not hold since 2007.
pub(crate) fn cpr(value: &[u8]) -> bool {
    digits_only(value, 10)
        && real_date(
            number(part(value, 4, 6)),
            number(part(value, 2, 4)),
            number(part(value, 0, 2)),
        )
}

/// Fødselsnummer or D-nummer (Skatteetaten): birth date and two check digits modulo 11.
pub(crate) fn fodselsnummer(value: &[u8]) -> bool {
    let day = number(part(value, 0, 2));
    digits_only(value, 11)
        && real_date(
            number(part(value, 4, 6)),
            number(part(value, 2, 4)),
            if day > 40 { day - 40 } else { day },
        )
        && mod_11(value, &[3, 7, 6, 1, 8, 9, 4, 5, 2], false)
        && mod_11(value, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2], false)
}

/// Rijksregisternummer (Koninklijk Besluit 3 April 1984): 97 minus the remainder, with a 2 before births since 2000.
pub(crate) fn be_nn(value: &[u8]) -> bool {
    if !digits_only(value, 11) {
        return false;
    }
    let (body, key, month) = (
        number(part(value, 0, 9)),
        number(part(value, 9, 11)),
        number(part(value, 2, 4)),
    );
    // Bis numbers add 20 or 40 to the month.
    let month = month % 20;
    month <= 12 && number(part(value, 4, 6)) <= 31 && (97 - body % 97 == key || 97 - (2_000_000_000 + body) % 97 == key)
}

/// Número de identificação fiscal (Decreto-Lei 14/2013): weights 9 to 2 modulo 11.
pub(crate) fn pt_nif(value: &[u8]) -> bool {
    let value = value.strip_prefix(b"PT").unwrap_or(value);
    digits_only(value, 9)
        && matches!(at(value, 0), b'1'..=b'3' | b'5' | b'6' | b'8' | b'9' | b'4' | b'7')
        && !all_same(value)
        && mod_11(value, &[9, 8, 7, 6, 5, 4, 3, 2], true)
}

/// Personal Public Service number (Department of Social Protection): weights 8 to 2, and 9 for a second letter,
/// modulo 23.
pub(crate) fn pps(value: &[u8]) -> bool {
    if !matches!(value.len(), 8 | 9) || !part(value, 0, 7).iter().all(u8::is_ascii_digit) {
        return false;
    }
    let second = match at(value, 8) {
        0 | b'W' | b'T' => 0,
        letter @ b'A'..=b'I' => u32::from(letter - b'A') + 1,
        _ => return false,
    };
    let sum = weighted(value, &[8, 7, 6, 5, 4, 3, 2]) + second * 9;
    b"WABCDEFGHIJKLMNOPQRSTUV".get((sum % 23) as usize) == value.get(7)
}

/// VAT numbers of the other states, each with its two letters (European Commission, VIES: structure; national rules:
/// check digits).
pub(crate) fn eu_vat(value: &[u8]) -> bool {
    let body = part(value, 2, value.len());
    match part(value, 0, 2) {
        b"AT" => at(body, 0) == b'U' && digits_only(part(body, 1, 9), 8) && body.len() == 9 && at_vat(part(body, 1, 9)),
        b"BE" => digits_only(body, 10) && 97 - number(part(body, 0, 8)) % 97 == number(part(body, 8, 10)),
        b"BG" => matches!(body.len(), 9 | 10) && body.iter().all(u8::is_ascii_digit),
        b"CY" => body.len() == 9 && digits_only(part(body, 0, 8), 8) && at(body, 8).is_ascii_uppercase(),
        b"CZ" => matches!(body.len(), 8..=10) && body.iter().all(u8::is_ascii_digit),
        b"DE" => de_vat(value),
        b"DK" => digits_only(body, 8) && weighted(body, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11),
        b"EE" => digits_only(body, 9) && weighted(body, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10),
        b"EL" => digits_only(body, 9) && weighted(body, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == digit(body, 8),
        b"ES" => dni(body) || nie(body),
        b"FI" => digits_only(body, 8) && mod_11(body, &[7, 9, 10, 5, 8, 4, 2], false),
        b"FR" => fr_vat(value),
        b"GB" => matches!(body.len(), 9 | 12) && gb_vat(body),
        b"HR" => digits_only(body, 11) && mod_11_10(body),
        b"HU" => digits_only(body, 8) && weighted(body, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10),
        b"IE" => matches!(body.len(), 8 | 9) && pps(body),
        b"IT" => it_vat(value),
        b"LT" => matches!(body.len(), 9 | 12) && body.iter().all(u8::is_ascii_digit),
        b"LU" => digits_only(body, 8) && number(part(body, 0, 6)) % 89 == number(part(body, 6, 8)),
        b"LV" => digits_only(body, 11),
        b"MT" => digits_only(body, 8) && weighted(part(body, 0, 6), &[3, 4, 6, 7, 8, 9]) % 37 + number_u32(body) == 37,
        b"NL" => nl_vat(value),
        b"PL" => digits_only(body, 10) && weighted(body, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == digit(body, 9),
        b"PT" => pt_nif(value),
        b"RO" => matches!(body.len(), 2..=10) && ro_vat(body),
        b"SE" => digits_only(body, 12) && luhn(part(body, 0, 10)),
        b"SI" => digits_only(body, 8) && mod_11(body, &[8, 7, 6, 5, 4, 3, 2], true),
        b"SK" => digits_only(body, 10) && number(body).is_multiple_of(11),
        _ => false,
    }
}

fn number_u32(body: &[u8]) -> u32 {
    u32::try_from(number(part(body, 6, 8))).unwrap_or(0)
}

fn at_vat(digits: &[u8]) -> bool {
    let sum: u32 = part(digits, 0, 7)
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte - b'0');
            if place % 2 == 1 {
                digit / 5 + digit * 2 % 10
            } else {
                digit
            }
        })
        .sum();
    (10 - (sum + 4) % 10) % 10 == digit(digits, 7)
}

fn gb_vat(body: &[u8]) -> bool {
    let sum = weighted(part(body, 0, 7), &[8, 7, 6, 5, 4, 3, 2]) + number_u32_two(body);
    body.iter().all(u8::is_ascii_digit) && (sum.is_multiple_of(97) || (sum + 55).is_multiple_of(97))
}

fn number_u32_two(body: &[u8]) -> u32 {
    u32::try_from(number(part(body, 7, 9))).unwrap_or(0)
}

/// Since 2020 a sole trader's number is no BSN: then letters count as in an IBAN and ISO 7064 mod 97-10 holds.
fn nl_vat(value: &[u8]) -> bool {
    let body = part(value, 2, value.len());
    if body.len() != 12 || at(body, 9) != b'B' {
        return false;
    }
    if bsn(part(body, 0, 9)) && digits_only(part(body, 10, 12), 2) {
        return true;
    }
    let mut rest: u32 = 0;
    for byte in Compact::new(value).as_bytes() {
        rest = match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            _ => (rest * 100 + u32::from(byte.wrapping_sub(b'A')) + 10) % 97,
        };
    }
    rest == 1
}

fn ro_vat(body: &[u8]) -> bool {
    const WEIGHTS: [u32; 9] = [7, 5, 3, 2, 1, 7, 5, 3, 2];
    let front = part(body, 0, body.len().saturating_sub(1));
    let weights = WEIGHTS.get(9_usize.saturating_sub(front.len())..).unwrap_or(&[]);
    body.iter().all(u8::is_ascii_digit)
        && weighted(front, weights) * 10 % 11 % 10 == digit(body, body.len().saturating_sub(1))
}
