//! Format-preserving encryption: FF1 of NIST SP 800-38G with AES-256, over digits, or over letters and digits.

use super::TenantKey;
use crate::entity::Entity;
use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use zeroize::Zeroize;

/// The fewest values that a domain must have (SP 800-38G rev. 1): with fewer, all can be tried.
pub const FF1_LEAST_DOMAIN: u128 = 1_000_000;
/// The longest value; its halves fit the arithmetic.
const LONGEST: usize = 46;
const ROUNDS: u8 = 10;

/// The value of the same form; nothing if its domain is too small or it has letters outside ASCII.
pub(super) fn encrypt(key: &TenantKey, entity: Entity, value: &str) -> Option<String> {
    transform(key, entity, value, true)
}

/// The value from which [`encrypt`] made this one; letters come back as capitals.
pub(super) fn decrypt(key: &TenantKey, entity: Entity, value: &str) -> Option<String> {
    transform(key, entity, value, false)
}

fn transform(key: &TenantKey, entity: Entity, value: &str, forward: bool) -> Option<String> {
    if value.chars().any(|ch| ch.is_alphanumeric() && !ch.is_ascii()) {
        return None;
    }
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let radix: u32 = if letters { 36 } else { 10 };
    let mut numerals: Vec<u32> = value
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .filter_map(|ch| ch.to_digit(radix))
        .collect();
    if numerals.len() > LONGEST
        || u128::from(radix).checked_pow(u32::try_from(numerals.len()).ok()?)? < FF1_LEAST_DOMAIN
    {
        return None;
    }
    let mut subkey = key.derive("ff1", entity.name());
    // The form is part of the tweak: letters and digits must decrypt in the alphabet in which they were encrypted.
    let cipher = Ff1::new(&subkey, radix, entity.name().as_bytes());
    subkey.zeroize();
    cipher.run(&mut numerals, forward);
    // In the larger alphabet a value may come out without a letter: it would be taken for digits.
    if letters && forward && numerals.iter().all(|numeral| *numeral < 10) {
        return None;
    }
    let mut next = numerals.into_iter();
    let mut out = String::with_capacity(value.len());
    for ch in value.chars() {
        if ch.is_ascii_alphanumeric() {
            let numeral = next.next()?;
            out.push(char::from_digit(numeral, radix)?.to_ascii_uppercase());
        } else {
            out.push(ch);
        }
    }
    Some(out)
}

struct Ff1<'t> {
    cipher: Aes256,
    radix: u32,
    tweak: &'t [u8],
}

impl<'t> Ff1<'t> {
    fn new(key: &[u8; 32], radix: u32, tweak: &'t [u8]) -> Self {
        Self {
            cipher: Aes256::new(key.into()),
            radix,
            tweak,
        }
    }

    /// Algorithms 7 and 8 of SP 800-38G, in place.
    fn run(&self, numerals: &mut Vec<u32>, forward: bool) {
        let len = numerals.len();
        let left_len = len / 2;
        let right_len = len - left_len;
        let (left, right) = numerals.split_at(left_len);
        let mut a = self.number(left);
        let mut b = self.number(right);
        let left_modulus = self.modulus(left_len);
        let right_modulus = self.modulus(right_len);
        let bytes = byte_length(right_modulus);
        for step in 0..ROUNDS {
            let round = if forward { step } else { ROUNDS - 1 - step };
            let even = round.is_multiple_of(2);
            let modulus = if even { left_modulus } else { right_modulus };
            if forward {
                let y = self.round(round, b, len, bytes, modulus);
                let c = add(a, y, modulus);
                a = b;
                b = c;
            } else {
                let y = self.round(round, a, len, bytes, modulus);
                let c = add(b, modulus - y, modulus);
                b = a;
                a = c;
            }
        }
        *numerals = self.numerals(a, left_len);
        numerals.extend(self.numerals(b, right_len));
    }

    /// Steps 6i to 6v: the round's number modulo radix^m.
    fn round(&self, round: u8, half: u128, len: usize, bytes: usize, modulus: u128) -> u128 {
        let tweak_len = self.tweak.len();
        let mut message = Vec::with_capacity(64);
        message.extend([1, 2, 1, 0, 0]);
        message.extend([self.radix as u8, 10, (len / 2) as u8]);
        message.extend((len as u32).to_be_bytes());
        message.extend((tweak_len as u32).to_be_bytes());
        message.extend(self.tweak);
        let padding = (16 - (tweak_len + bytes + 1) % 16) % 16;
        message.extend(std::iter::repeat_n(0, padding));
        message.push(round);
        let half = half.to_be_bytes();
        message.extend(half.iter().skip(16 - bytes.min(16)));
        // The cipher-block chaining MAC over the blocks.
        let mut state = [0_u8; 16];
        for block in message.chunks(16) {
            for (state, byte) in state.iter_mut().zip(block) {
                *state ^= byte;
            }
            self.block(&mut state);
        }
        let wanted = 4 * bytes.div_ceil(4) + 4;
        let mut stream = state.to_vec();
        let mut counter: u128 = 1;
        while stream.len() < wanted {
            let mut next = (u128::from_be_bytes(state) ^ counter).to_be_bytes();
            self.block(&mut next);
            stream.extend(next);
            counter += 1;
        }
        let mut sum = 0;
        for byte in stream.iter().take(wanted) {
            for bit in (0..8).rev() {
                sum = add(sum, sum, modulus);
                sum = add(sum, u128::from(byte >> bit & 1) % modulus, modulus);
            }
        }
        sum
    }

    fn block(&self, state: &mut [u8; 16]) {
        let mut block = (*state).into();
        self.cipher.encrypt_block(&mut block);
        *state = block.into();
    }

    fn modulus(&self, len: usize) -> u128 {
        (0..len).fold(1, |product, _| product * u128::from(self.radix))
    }

    fn number(&self, numerals: &[u32]) -> u128 {
        numerals
            .iter()
            .fold(0, |sum, numeral| sum * u128::from(self.radix) + u128::from(*numeral))
    }

    fn numerals(&self, mut number: u128, len: usize) -> Vec<u32> {
        let radix = u128::from(self.radix);
        let mut numerals: Vec<u32> = (0..len)
            .map(|_| {
                let numeral = (number % radix) as u32;
                number /= radix;
                numeral
            })
            .collect();
        numerals.reverse();
        numerals
    }
}

/// The sum modulo `modulus`, for summands up to it.
fn add(left: u128, right: u128, modulus: u128) -> u128 {
    let right = if right == modulus { 0 } else { right };
    let room = modulus - right;
    if left >= room { left - room } else { left + right }
}

/// How many bytes the largest number below `modulus` needs.
fn byte_length(modulus: u128) -> usize {
    ((128 - (modulus - 1).leading_zeros()) as usize).div_ceil(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [
        0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c, 0xef, 0x43,
        0x59, 0xd8, 0xd5, 0x80, 0xaa, 0x4f, 0x7f, 0x03, 0x6d, 0x6f, 0x04, 0xfc, 0x6a, 0x94,
    ];

    fn run(radix: u32, tweak: &[u8], text: &str) -> String {
        let mut numerals: Vec<u32> = text.chars().map(|ch| ch.to_digit(radix).unwrap()).collect();
        let cipher = Ff1::new(&KEY, radix, tweak);
        cipher.run(&mut numerals, true);
        let out = numerals
            .iter()
            .map(|numeral| char::from_digit(*numeral, radix).unwrap())
            .collect();
        cipher.run(&mut numerals, false);
        let back: String = numerals
            .iter()
            .map(|numeral| char::from_digit(*numeral, radix).unwrap())
            .collect();
        assert_eq!(back, text);
        out
    }

    /// NIST, FF1 samples 7 to 9 (AES-256).
    #[test]
    fn the_samples_of_nist_hold() {
        assert_eq!(run(10, b"", "0123456789"), "6657667009");
        assert_eq!(run(10, b"9876543210", "0123456789"), "1001623463");
        assert_eq!(run(36, b"7777pqrs777", "0123456789abcdefghi"), "xs8a0azh2avyalyzuwd");
    }

    #[test]
    fn a_domain_that_can_be_searched_is_refused() {
        let key = TenantKey::new("t", [1; 32]);
        assert!(encrypt(&key, Entity::CardCode, "12345").is_none());
        assert!(encrypt(&key, Entity::CardCode, "123456").is_some());
        assert!(encrypt(&key, Entity::Person, "José Álvarez").is_none());
    }

    proptest! {
        #[test]
        fn what_was_encrypted_comes_back_in_its_form(value in "[0-9]{3}-[0-9]{2}-[0-9]{4}") {
            let key = TenantKey::new("t", [3; 32]);
            let encrypted = encrypt(&key, Entity::UsSsn, &value).unwrap();
            prop_assert_eq!(encrypted.len(), value.len());
            prop_assert!(encrypted.as_bytes()[3] == b'-' && encrypted.as_bytes()[6] == b'-');
            prop_assert_eq!(decrypt(&key, Entity::UsSsn, &encrypted), Some(value));
        }

        #[test]
        fn letters_and_digits_come_back(value in "[A-Z]{2}[0-9]{4,20}[A-Z]") {
            let key = TenantKey::new("t", [3; 32]);
            if let Some(encrypted) = encrypt(&key, Entity::HealthPlan, &value) {
                prop_assert_eq!(decrypt(&key, Entity::HealthPlan, &encrypted), Some(value));
            }
        }
    }
}
