//! The words that mean something to a recognizer: numbers, months, streets, and cues of what stands next to them.

use crate::bytes::{at, part};
use crate::health;
use crate::tagger::folded;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// The months in English, as they are written.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What a word can be; several at once.
pub(crate) mod kind {
    /// A month; its number is the value.
    pub(crate) const MONTH: u32 = 1;
    /// A day of the week.
    pub(crate) const WEEKDAY: u32 = 1 << 1;
    /// A digit, written out; the value is its worth.
    pub(crate) const DIGIT: u32 = 1 << 2;
    /// Ten to nineteen.
    pub(crate) const TEEN: u32 = 1 << 3;
    /// Twenty, thirty …
    pub(crate) const TENS: u32 = 1 << 4;
    /// Hundred.
    pub(crate) const HUNDRED: u32 = 1 << 5;
    /// Thousand.
    pub(crate) const THOUSAND: u32 = 1 << 6;
    /// First to ninetieth.
    pub(crate) const ORDINAL: u32 = 1 << 7;
    /// Double, triple: the value says how often.
    pub(crate) const REPEAT: u32 = 1 << 8;
    /// What people say between digits and mean nothing by.
    pub(crate) const FILLER: u32 = 1 << 9;
    /// Street, Road …
    pub(crate) const STREET: u32 = 1 << 10;
    /// Calle, Rue …, before the name.
    pub(crate) const STREET_FIRST: u32 = 1 << 11;
    /// Apartment, Suite …
    pub(crate) const UNIT: u32 = 1 << 12;
    /// A state's abbreviation, if it is in capitals.
    pub(crate) const STATE: u32 = 1 << 13;
    /// Mr, Dr …
    pub(crate) const TITLE: u32 = 1 << 14;
    /// Dot, in a spoken address.
    pub(crate) const DOT: u32 = 1 << 15;
    /// At, in a spoken address.
    pub(crate) const AT: u32 = 1 << 16;
    /// The last part of a host's name.
    pub(crate) const TLD: u32 = 1 << 17;
    /// Year, years, yo …
    pub(crate) const YEARS: u32 = 1 << 18;
    /// A word of an alphabet for spelling; it stands for its first letter.
    pub(crate) const SPELLING: u32 = 1 << 19;
    /// A word that ends a spoken local part, a name or an address.
    pub(crate) const STOP: u32 = 1 << 20;
    /// Months, weeks, days of age.
    pub(crate) const SMALL_AGE: u32 = 1 << 21;
    /// The beginning of a token or key.
    pub(crate) const SECRET: u32 = 1 << 22;
    /// North, NW …
    pub(crate) const DIRECTION: u32 = 1 << 23;
    /// The last word of a cue of several words.
    pub(crate) const PHRASE: u32 = 1 << 24;
    /// Dash, hyphen, underscore, in a spoken number or address.
    pub(crate) const STROKE: u32 = 1 << 25;
    /// The last word of a term of medicine.
    pub(crate) const TERM: u32 = 1 << 26;
    /// Anything that counts in a spoken number.
    pub(crate) const SPOKEN: u32 = DIGIT | TEEN | TENS | REPEAT;
    /// Words at which a recognizer starts.
    pub(crate) const TRIGGER: u32 = MONTH | WEEKDAY | SPOKEN | ORDINAL | STREET_FIRST | TITLE | DOT | SECRET;
}

/// The kinds whose words have a worth.
const VALUED: u32 = kind::MONTH
    | kind::DIGIT
    | kind::TEEN
    | kind::TENS
    | kind::HUNDRED
    | kind::ORDINAL
    | kind::REPEAT
    | kind::STROKE
    | kind::DOT;

/// What a cue says about the value next to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum Cue {
    Phone,
    Email,
    Ssn,
    Itin,
    Ein,
    Npi,
    Dea,
    Mbi,
    Aba,
    Nhs,
    Nino,
    Utr,
    Vin,
    Aadhaar,
    Pan,
    Sin,
    Tfn,
    Abn,
    Acn,
    AuMedicare,
    Nric,
    SteuerId,
    Vat,
    Nir,
    FiscalCode,
    Dni,
    Nie,
    Nss,
    Bsn,
    Pesel,
    Personnummer,
    Hetu,
    Cpr,
    Fnr,
    BeNn,
    PtNif,
    Pps,
    Cpf,
    Cnpj,
    Curp,
    ZaId,
    Rrn,
    CnId,
    Imei,
    Card,
    CardCode,
    Iban,
    Bic,
    Account,
    Passport,
    Driver,
    License,
    Plate,
    Device,
    Mrn,
    Plan,
    Zip,
    Birth,
    Age,
    Id,
    Ip,
    Secret,
    User,
    Address,
}

impl Cue {
    /// The bit of this cue in a set.
    pub(crate) const fn bit(self) -> u64 {
        1 << (self as u8)
    }
}

/// What is known about a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// See [`kind`].
    pub(crate) kinds: u32,
    /// Its worth, where a kind has one.
    pub(crate) value: u8,
    /// What it says alone about a value next to it.
    pub(crate) strong: u64,
    /// What it may say.
    pub(crate) weak: u64,
}

impl Word {
    /// Whether it is any of `kinds`.
    #[inline]
    pub(crate) const fn is(self, kinds: u32) -> bool {
        self.kinds & kinds != 0
    }
}

/// The hash of a word: case is folded for ASCII and Latin-1. Words over sixteen bytes are told apart by their ends.
#[inline(always)]
pub(crate) fn hash(text: &[u8], start: usize, end: usize) -> u64 {
    let len = end - start;
    let first = load(text, start, len.min(8));
    let last = if len > 8 { load(text, end - 8, 8) } else { 0 };
    mix(first, last, len)
}

const FOLD: u64 = 0x2020_2020_2020_2020;

/// The word of one to seven ASCII letters that starts at `start`, if such a one does and neither a digit nor another
/// letter follows: where it ends, and its [`hash`].
#[inline(always)]
pub(crate) fn short_word(text: &[u8], start: usize) -> Option<(usize, u64)> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const ONES: u64 = 0x0101_0101_0101_0101;
    let eight: [u8; 8] = text.get(start..start + 8)?.try_into().ok()?;
    let all = u64::from_le_bytes(eight);
    // In each byte, the high bit says whether it is from `a` to `z` in either case.
    let low = (all | FOLD) & !HIGH;
    let letters = (low + ONES * (0x80 - 0x61)) & !(low + ONES * (0x80 - 0x7b)) & !all & HIGH;
    let len = (!letters & HIGH).trailing_zeros() as usize / 8;
    if len == 0 || len > 7 {
        return None;
    }
    let next = (all >> (len * 8)) as u8;
    if next >= 0x80 || next.is_ascii_digit() {
        return None;
    }
    Some((start + len, mix(all & ((1 << (len * 8)) - 1), 0, len)))
}

#[inline(always)]
fn mix(first: u64, last: u64, len: usize) -> u64 {
    let mixed = ((first | FOLD) ^ (len as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (last | FOLD).rotate_left(29).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    mixed ^ (mixed >> 31)
}

/// Up to eight bytes as a number; the rest is zero.
#[inline(always)]
fn load(text: &[u8], start: usize, len: usize) -> u64 {
    if let Some(Ok(eight)) = text.get(start..start + 8).map(<[u8; 8]>::try_from) {
        let all = u64::from_le_bytes(eight);
        return if len >= 8 { all } else { all & ((1 << (len * 8)) - 1) };
    }
    let mut all = 0;
    for place in 0..len {
        all |= u64::from(at(text, start + place)) << (place * 8);
    }
    all
}

/// The hash of a cue of several words, from the hashes of its words.
#[inline]
fn join(left: u64, right: u64) -> u64 {
    (left.rotate_left(23) ^ right).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// All words and cues.
pub(crate) struct Lexicon {
    /// One bit for each of the hashes' upper 15 bits, so that most words cost one look.
    filter: Vec<u64>,
    words: HashMap<u64, Word, Plain>,
    phrases: HashMap<u64, (u64, u64), Plain>,
    /// Terms of medicine, by the hash of their word or words.
    terms: HashSet<u64, Plain>,
}

/// The keys are hashes already.
#[derive(Clone, Default)]
struct Plain;

/// See [`Plain`].
struct PlainHasher(u64);

impl std::hash::BuildHasher for Plain {
    type Hasher = PlainHasher;
    fn build_hasher(&self) -> PlainHasher {
        PlainHasher(0)
    }
}

impl std::hash::Hasher for PlainHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl Lexicon {
    /// The one lexicon, built at its first use.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Lexicon> = OnceLock::new();
        SHARED.get_or_init(Self::build)
    }

    /// What is known about the word, if anything is.
    #[inline]
    pub(crate) fn word(&self, hash: u64) -> Option<Word> {
        let bit = hash >> 49;
        let block = self.filter.get((bit >> 6) as usize).copied().unwrap_or(0);
        if block >> (bit & 63) & 1 == 0 {
            return None;
        }
        self.words.get(&hash).copied()
    }

    /// What is known about the word in this range.
    #[inline]
    pub(crate) fn look(&self, text: &[u8], start: usize, end: usize) -> Word {
        if start >= end || end - start > 24 {
            return Word::default();
        }
        self.word(hash(text, start, end)).unwrap_or_default()
    }

    /// What a cue of two, three or four words says, given the hashes of the last words, the newest last; and of how
    /// many words it is.
    pub(crate) fn phrase(&self, recent: [u64; 4]) -> Option<(u64, u64, usize)> {
        let [fourth, third, second, first] = recent;
        let two = join(second, first);
        let three = join(third, two);
        let four = join(fourth, three);
        [(four, 4), (three, 3), (two, 2)]
            .into_iter()
            .find_map(|(hash, words)| self.phrases.get(&hash).map(|(strong, weak)| (*strong, *weak, words)))
    }

    /// Of how many words the longest term of medicine is that the last word ends, given the hashes of the last words, the
    /// newest last.
    pub(crate) fn term(&self, recent: [u64; 4]) -> Option<usize> {
        let [fourth, third, second, first] = recent;
        let two = join(second, first);
        let three = join(third, two);
        let four = join(fourth, three);
        [(four, 4), (three, 3), (two, 2), (first, 1)]
            .into_iter()
            .find_map(|(hash, words)| self.terms.contains(&hash).then_some(words))
    }

    fn build() -> Self {
        let mut lexicon = Self {
            filter: vec![0; 512],
            words: HashMap::default(),
            phrases: HashMap::default(),
            terms: HashSet::default(),
        };
        for (kinds, list) in words::LISTS {
            for (place, entry) in list.split_whitespace().enumerate() {
                let (word, value) = entry
                    .split_once('=')
                    .map_or((entry, None), |(word, value)| (word, value.parse().ok()));
                let value = value.unwrap_or_else(|| u8::try_from(place).unwrap_or(0));
                lexicon.add(word, *kinds, value);
            }
        }
        for (cue, list) in words::CUES {
            for phrase in list.split('|').map(str::trim).filter(|phrase| !phrase.is_empty()) {
                let (phrase, weak) = phrase
                    .strip_prefix('~')
                    .map_or((phrase, false), |phrase| (phrase, true));
                lexicon.add_cue(phrase, cue.bit(), weak);
            }
        }
        let lines = health::TERMS.lines().filter(|line| !line.starts_with(['#', '[']));
        for term in lines.flat_map(|line| line.split('|')).map(str::trim) {
            lexicon.add_term(term);
        }
        lexicon
    }

    /// Adds a term, also without accents and with an s.
    fn add_term(&mut self, term: &str) {
        let folded = String::from_utf8(folded(term)).unwrap_or_default();
        for spelling in [term, &folded] {
            for ending in ["", "s"] {
                let words = format!("{spelling}{ending}");
                let hashes: Vec<u64> = words
                    .split([' ', '\''])
                    .filter(|word| !word.is_empty())
                    .map(|word| hash(word.as_bytes(), 0, word.len()))
                    .collect();
                let Some((last, before)) = hashes.split_last() else {
                    return;
                };
                self.entry(*last).kinds |= kind::TERM;
                let joined = before.iter().rev().fold(*last, |right, left| join(*left, right));
                self.terms.insert(joined);
            }
        }
    }

    fn entry(&mut self, hash: u64) -> &mut Word {
        let bit = hash >> 49;
        if let Some(block) = self.filter.get_mut((bit >> 6) as usize) {
            *block |= 1 << (bit & 63);
        }
        self.words.entry(hash).or_default()
    }

    fn add(&mut self, word: &str, kinds: u32, value: u8) {
        let entry = self.entry(hash(word.as_bytes(), 0, word.len()));
        if kinds & VALUED != 0 {
            entry.value = value;
        }
        entry.kinds |= kinds;
    }

    fn add_cue(&mut self, phrase: &str, bit: u64, weak: bool) {
        let hashes: Vec<u64> = phrase
            .split_whitespace()
            .map(|word| hash(word.as_bytes(), 0, word.len()))
            .collect();
        let Some((last, before)) = hashes.split_last() else {
            return;
        };
        if before.is_empty() {
            let entry = self.entry(*last);
            if weak {
                entry.weak |= bit;
            } else {
                entry.strong |= bit;
            }
            return;
        }
        self.entry(*last).kinds |= kind::PHRASE;
        let joined = before.iter().rev().fold(*last, |right, left| join(*left, right));
        let sets = self.phrases.entry(joined).or_default();
        if weak {
            sets.1 |= bit;
        } else {
            sets.0 |= bit;
        }
    }
}

/// Whether the word starts with a capital letter.
pub(crate) fn capital(text: &[u8], start: usize, end: usize) -> bool {
    match part(text, start, end) {
        [b'A'..=b'Z', ..] => true,
        // Latin-1 capitals, Latin Extended, Greek and Cyrillic: taken as capital, since most names start with one.
        [0xc3, second, ..] => (0x80..=0x9e).contains(second),
        [0xc4..=0xd1, ..] => true,
        _ => false,
    }
}

mod words;

#[cfg(test)]
mod tests {
    use super::*;

    fn look(word: &str) -> Word {
        Lexicon::shared().look(word.as_bytes(), 0, word.len())
    }

    #[test]
    fn words_are_found_in_either_case_and_only_whole() {
        assert!(look("NPI").strong & Cue::Npi.bit() != 0);
        assert_eq!(look("npi"), look("NPI"));
        assert_eq!(look("TELÉFONO"), look("teléfono"));
        assert!(look("teléfono").strong & Cue::Phone.bit() != 0);
        assert_eq!(look("publicly"), Word::default());
        assert_eq!(look("introductory"), Word::default());
        assert_eq!(look("february").value, 2);
        assert!(look("november").is(kind::SPELLING) && look("november").value == 11);
        assert_eq!(look("seventh").value, 7);
    }

    #[test]
    fn the_hash_of_a_word_does_not_depend_on_what_stands_around_it() {
        let text = b"xx social security yy";
        assert_eq!(hash(text, 3, 9), hash(b"social", 0, 6));
        assert_eq!(hash(text, 10, 18), hash(b"security", 0, 8));
        assert_ne!(hash(b"social", 0, 6), hash(b"socials", 0, 7));
        let folded = b"Ab, ZEBRA9 xylophone-y \xc3\xa9t\xc3\xa9 word@[`{ end";
        for start in 0..folded.len() {
            let letters = folded[start..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphabetic())
                .count();
            let next = folded.get(start + letters).copied().unwrap_or(0);
            let expected =
                (1..=7).contains(&letters) && next < 0x80 && !next.is_ascii_digit() && start + 8 <= folded.len();
            let found = short_word(folded, start);
            assert_eq!(
                found,
                expected.then(|| (start + letters, hash(folded, start, start + letters))),
                "{start}"
            );
        }
    }
}
