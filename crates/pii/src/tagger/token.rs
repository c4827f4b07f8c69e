//! Tokens with byte offsets, and the folded spelling that lists and features look at.

use super::hash;

/// What stands between a token and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Gap {
    None,
    Space,
    Line,
    Paragraph,
}

/// The look of a token, as far as features tell looks apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Shape {
    Lower,
    Capital,
    Initial,
    ShortCaps,
    Caps,
    Mixed,
    Digits,
    Alnum,
    Number,
    Punctuation,
}

impl Shape {
    /// Letters only.
    pub(crate) const fn is_word(self) -> bool {
        matches!(
            self,
            Self::Lower | Self::Capital | Self::Initial | Self::ShortCaps | Self::Caps | Self::Mixed
        )
    }

    /// Begins with an upper-case letter.
    pub(crate) const fn is_capital(self) -> bool {
        matches!(self, Self::Capital | Self::Initial | Self::ShortCaps | Self::Caps)
    }
}

/// One token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    /// Where it starts, in bytes.
    pub(crate) start: u32,
    /// Where it ends.
    pub(crate) end: u32,
    /// What stands before it.
    pub(crate) gap: Gap,
    /// Its look.
    pub(crate) shape: Shape,
    /// The detailed look: digits and letters with their counts.
    pub(crate) pattern: u32,
    /// Hash of the folded spelling, digits as zeros.
    pub(crate) word: u64,
    /// Where the folded spelling starts in [`Tokens::folded`].
    pub(crate) folded_start: u32,
    /// Where it ends.
    pub(crate) folded_end: u32,
    /// Its value if it is a number of up to four digits.
    pub(crate) value: u16,
}

/// No small number.
pub(crate) const NO_VALUE: u16 = u16::MAX;

/// The tokens of one stretch of text.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// In order.
    pub(crate) list: Vec<Token>,
    /// Folded spellings, one after the other: lower case, Latin letters without accents.
    pub(crate) folded: Vec<u8>,
}

impl Tokens {
    /// The folded spelling of `token`.
    pub(crate) fn folded(&self, token: &Token) -> &[u8] {
        self.folded
            .get(token.folded_start as usize..token.folded_end as usize)
            .unwrap_or_default()
    }

    /// Splits `text` into tokens, replacing what was here.
    pub(crate) fn split(&mut self, text: &str) {
        self.list.clear();
        self.folded.clear();
        self.list.reserve(text.len() / 4 + 4);
        self.folded.reserve(text.len() + 16);
        let bytes = text.as_bytes();
        let at = |position: usize| bytes.get(position).copied().unwrap_or(0);
        let mut position = 0;
        let mut gap = Gap::Paragraph;
        while position < bytes.len() {
            let byte = at(position);
            match byte {
                b' ' | b'\t' | b'\r' | 0x0b | 0x0c => {
                    position += 1;
                    if gap == Gap::None {
                        gap = Gap::Space;
                    }
                }
                b'\n' => {
                    position += 1;
                    gap = if matches!(gap, Gap::Line | Gap::Paragraph) {
                        Gap::Paragraph
                    } else {
                        Gap::Line
                    };
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                    position = self
                        .plain_word(bytes, position, gap)
                        .unwrap_or_else(|| self.word(text, position, gap));
                    gap = Gap::None;
                }
                b'\'' if gap == Gap::None && at(position + 1).is_ascii_alphabetic() => {
                    position = self.suffix(text, position, 1);
                }
                0x80.. => {
                    let (next, after) = self.wide(text, position, gap);
                    position = next;
                    gap = after;
                }
                _ => {
                    let mut end = position + 1;
                    while at(end) == byte && end < bytes.len() {
                        end += 1;
                    }
                    self.mark(position, end, gap, byte.into());
                    position = end;
                    gap = Gap::None;
                }
            }
        }
    }

    /// A character outside ASCII: part of a word, white space, an apostrophe or a mark.
    fn wide(&mut self, text: &str, position: usize, gap: Gap) -> (usize, Gap) {
        let Some(character) = text.get(position..).and_then(|rest| rest.chars().next()) else {
            return (position + 1, gap);
        };
        let end = position + character.len_utf8();
        if character.is_alphanumeric() {
            return (self.word(text, position, gap), Gap::None);
        }
        if character.is_whitespace() {
            return (end, if gap == Gap::None { Gap::Space } else { gap });
        }
        let follows_letter = text.as_bytes().get(end).is_some_and(u8::is_ascii_alphabetic);
        if character == '\u{2019}' && gap == Gap::None && follows_letter {
            return (self.suffix(text, position, character.len_utf8()), Gap::None);
        }
        self.mark(position, end, gap, u64::from(u32::from(character)));
        (end, Gap::None)
    }

    /// `'s`, `'m` and the like.
    fn suffix(&mut self, text: &str, start: usize, quote: usize) -> usize {
        let bytes = text.as_bytes();
        let mut end = start + quote;
        let folded_start = self.folded.len();
        self.folded.push(b'\'');
        while let Some(byte) = bytes.get(end).filter(|byte| byte.is_ascii_alphabetic()) {
            self.folded.push(byte.to_ascii_lowercase());
            end += 1;
        }
        self.push(start, end, Gap::None, Shape::Punctuation, 1, folded_start, NO_VALUE);
        end
    }

    fn mark(&mut self, start: usize, end: usize, gap: Gap, character: u64) {
        let folded_start = self.folded.len();
        let long = end - start > 1 && character < 0x80;
        self.folded.push(u8::try_from(character).unwrap_or(b'?'));
        let pattern = mark_pattern(character, long);
        self.push(start, end, gap, Shape::Punctuation, pattern, folded_start, NO_VALUE);
        if let Some(token) = self.list.last_mut() {
            token.word = hash::mix(character, 0x11 + u64::from(long));
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a token, handed over once")]
    fn push(
        &mut self,
        start: usize,
        end: usize,
        gap: Gap,
        shape: Shape,
        pattern: u32,
        folded_start: usize,
        value: u16,
    ) {
        let word = hash::bytes(self.folded.get(folded_start..).unwrap_or_default());
        self.list.push(Token {
            start: start as u32,
            end: end as u32,
            gap,
            shape,
            pattern,
            word,
            folded_start: folded_start as u32,
            folded_end: self.folded.len() as u32,
            value,
        });
    }

    /// A word of up to sixteen ASCII letters that are all small but for the first, as most are; answers where it ends.
    ///
    /// It is what [`Tokens::word`] would make of it, from two loads.
    #[inline]
    fn plain_word(&mut self, bytes: &[u8], start: usize, gap: Gap) -> Option<usize> {
        let (first, last) = bytes.get(start..)?.first_chunk::<16>()?.split_first_chunk::<8>()?;
        let first = u64::from_le_bytes(*first);
        let last = u64::from_le_bytes(*last.first_chunk()?);
        let capital = first & 0x20 == 0;
        // Behind the first letter only small ones: another capital is left to the long way.
        let small = first | 0x20;
        let mut length = letters(small);
        let mut folded = [small & low(length), 0];
        if length == 8 {
            length += letters(last);
            folded = [small, last & low(length - 8)];
        }
        let next = if length < 8 {
            (first >> (length * 8)) as u8
        } else if length < 16 {
            (last >> (length * 8 - 64)) as u8
        } else {
            return None;
        };
        if next.is_ascii_alphanumeric() || next >= 0x80 || length == 0 || (length == 1 && capital) {
            return None;
        }
        let [head, tail] = folded;
        let mut word = hash::mix(hash::of_length(length), head);
        if length > 8 {
            word = hash::mix(word, tail);
        }
        let folded_start = self.folded.len();
        self.folded.extend_from_slice(&head.to_le_bytes());
        self.folded.extend_from_slice(&tail.to_le_bytes());
        self.folded.truncate(folded_start + length);
        let (shape, pattern) = if capital {
            (Shape::Capital, CAPITAL_PATTERN)
        } else {
            (Shape::Lower, LOWER_PATTERN)
        };
        self.list.push(Token {
            start: start as u32,
            end: (start + length) as u32,
            gap,
            shape,
            pattern,
            word,
            folded_start: folded_start as u32,
            folded_end: self.folded.len() as u32,
            value: NO_VALUE,
        });
        Some(start + length)
    }

    /// A word or a number with its inner signs; answers where it ends.
    fn word(&mut self, text: &str, start: usize, gap: Gap) -> usize {
        let bytes = text.as_bytes();
        let folded_start = self.folded.len();
        let mut look = Look::default();
        let mut position = start;
        while let Some(&byte) = bytes.get(position) {
            if byte.is_ascii_alphanumeric() {
                look.ascii(byte);
                self.folded.push(if byte.is_ascii_digit() {
                    b'0'
                } else {
                    byte.to_ascii_lowercase()
                });
                position += 1;
            } else if byte >= 0x80 {
                let Some(character) = text.get(position..).and_then(|rest| rest.chars().next()) else {
                    break;
                };
                if !character.is_alphanumeric() && !is_combining(character) {
                    break;
                }
                look.wide(character);
                fold(character, &mut self.folded);
                position += character.len_utf8();
            } else if joins(bytes, position, &look) {
                look.sign(byte);
                self.folded.push(byte);
                position += 1;
            } else {
                break;
            }
        }
        self.push(
            start,
            position,
            gap,
            look.shape(),
            look.pattern,
            folded_start,
            look.value(),
        );
        position
    }
}

/// How many of the eight bytes are small ASCII letters, from the lowest on.
#[inline]
const fn letters(eight: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = eight & !HIGH;
    let small = (low + ONES * (0x80 - 0x61)) & !(low + ONES * (0x80 - 0x7b)) & !eight & HIGH;
    (!small & HIGH).trailing_zeros() as usize / 8
}

/// A mask of the lowest bytes.
#[inline]
const fn low(bytes: usize) -> u64 {
    if bytes >= 8 { u64::MAX } else { (1 << (bytes * 8)) - 1 }
}

const LOWER_PATTERN: u32 = pattern_step(0, b'a');
const CAPITAL_PATTERN: u32 = pattern_step(pattern_step(0, b'A'), b'a');

const fn pattern_step(pattern: u32, class: u8) -> u32 {
    (pattern ^ class as u32).wrapping_mul(0x0100_0193).rotate_left(5)
}

/// Whether the sign at `position` belongs to the token before it.
fn joins(bytes: &[u8], position: usize, look: &Look) -> bool {
    let at = |position: usize| bytes.get(position).copied().unwrap_or(b' ');
    let (sign, next) = (at(position), at(position + 1));
    match sign {
        b'-' if next.is_ascii_digit() => look.digits > 0 || (look.lower == 0 && look.upper <= 5),
        b'-' => look.digits > 0 && next.is_ascii_uppercase() && !at(position + 2).is_ascii_lowercase(),
        b'/' if next.is_ascii_digit() => look.digits > 0 || (look.lower == 0 && look.upper <= 3),
        b'.' | b':' | b',' => look.digits > 0 && look.last_digit && next.is_ascii_digit(),
        b'\'' => {
            look.upper == 1
                && look.lower == 0
                && look.digits == 0
                && next.is_ascii_alphabetic()
                && next != b's'
                && next != b'm'
        }
        _ => false,
    }
}

/// The look of a mark, or of several of it in a row.
pub(crate) const fn mark_pattern(character: u64, long: bool) -> u32 {
    hash::mix(character, long as u64) as u32
}

/// Counts of what a token is made of.
#[derive(Default)]
struct Look {
    lower: u32,
    upper: u32,
    digits: u32,
    signs: u32,
    caps_after_first: u32,
    last_digit: bool,
    pattern: u32,
    run: (u8, u32),
    number: u32,
}

impl Look {
    fn ascii(&mut self, byte: u8) {
        let class = if byte.is_ascii_digit() {
            self.digits += 1;
            self.number = self.number.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
            b'd'
        } else if byte.is_ascii_uppercase() {
            self.caps_after_first += u32::from(self.lower + self.upper > 0);
            self.upper += 1;
            b'A'
        } else {
            self.lower += 1;
            b'a'
        };
        self.last_digit = class == b'd';
        self.step(class);
    }

    fn wide(&mut self, character: char) {
        if character.is_uppercase() {
            self.caps_after_first += u32::from(self.lower + self.upper > 0);
            self.upper += 1;
        } else {
            self.lower += 1;
        }
        self.last_digit = false;
        self.step(b'w');
    }

    fn sign(&mut self, byte: u8) {
        self.signs += 1;
        self.last_digit = false;
        self.step(byte);
    }

    /// Counts of digits are kept, runs of lower-case letters are not.
    fn step(&mut self, class: u8) {
        if self.run.0 == class {
            self.run.1 += 1;
            if class != b'd' && !(class == b'A' && self.run.1 < 4) {
                return;
            }
        } else {
            self.run = (class, 1);
        }
        self.pattern = pattern_step(self.pattern, class);
    }

    const fn shape(&self) -> Shape {
        if self.digits > 0 {
            if self.lower + self.upper > 0 {
                Shape::Alnum
            } else if self.signs > 0 {
                Shape::Number
            } else {
                Shape::Digits
            }
        } else if self.upper == 0 {
            Shape::Lower
        } else if self.lower == 0 {
            match self.upper {
                1 => Shape::Initial,
                2 | 3 => Shape::ShortCaps,
                _ => Shape::Caps,
            }
        } else if self.caps_after_first == 0 {
            Shape::Capital
        } else {
            Shape::Mixed
        }
    }

    fn value(&self) -> u16 {
        if self.digits > 0 && self.digits <= 4 && self.lower + self.upper + self.signs == 0 {
            self.number as u16
        } else {
            NO_VALUE
        }
    }
}

const fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// Appends `character` in lower case, Latin letters without their accents.
fn fold(character: char, out: &mut Vec<u8>) {
    const LATIN: &[u8; 64] = b"aaaaaaaceeeeiiiidnooooo*ouuuuytsaaaaaaaceeeeiiiidnooooo/ouuuuyty";
    const EXTENDED: &[u8; 128] = b"aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiiiiijjkkkllllllllllnnnnnnnnnoooooooorrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
    let code = u32::from(character);
    let table: Option<&u8> = match code {
        0xc0..=0xff => LATIN.get((code - 0xc0) as usize),
        0x100..=0x17f => EXTENDED.get((code - 0x100) as usize),
        _ => None,
    };
    if let Some(letter) = table {
        out.push(*letter);
        return;
    }
    if is_combining(character) {
        return;
    }
    let mut buffer = [0; 4];
    for lower in character.to_lowercase() {
        out.extend_from_slice(lower.encode_utf8(&mut buffer).as_bytes());
    }
}

/// `word` as lists and cues spell it.
pub(crate) fn folded(word: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len());
    for character in word.chars() {
        fold(character, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_plain_word_is_what_the_long_way_makes_of_it(
            text in "([A-Za-z]{1,20}|[A-Z][a-z]{0,17}|[a-z]{7,17}|[a-zé0-9 .,:'/A-Z-]{0,6}){1,8}"
        ) {
            let mut quick = Tokens::default();
            quick.split(&text);
            for token in &quick.list {
                let (start, end) = (token.start as usize, token.end as usize);
                if !text.get(start..).unwrap().starts_with(|first: char| first.is_ascii_alphanumeric()) {
                    continue;
                }
                let mut slow = Tokens::default();
                prop_assert_eq!(slow.word(&text, start, token.gap), end);
                let other = slow.list[0];
                prop_assert_eq!(
                    (token.shape, token.pattern, token.word, token.value, quick.folded(token)),
                    (other.shape, other.pattern, other.word, other.value, slow.folded(&other))
                );
            }
        }
    }
}
