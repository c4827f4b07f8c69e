//! Values in disguise: letters and digits that look like ASCII ones, and signs that nobody sees.
//!
//! A piece of text in which such a character stands is read once more with the ASCII letters that it looks like; what is
//! found there and not in the piece itself is proposed where it stands in the piece. ASCII text is told by one look.

use std::ops::Range;

/// How much before the first and behind the last disguise of a piece is read once more, in bytes: as far as cues reach,
/// and a value.
const AROUND: usize = 256;

/// A part of a piece of text in plain letters, and where everything of it stands in the piece.
#[derive(Debug)]
pub(crate) struct Plain {
    text: String,
    /// Where each stretch begins that is copied, replaced or left out.
    steps: Vec<Step>,
}

/// The beginning of a stretch.
#[derive(Clone, Copy, Debug)]
struct Step {
    plain: usize,
    original: usize,
    /// Whether it is not a copy.
    changed: bool,
}

impl Plain {
    /// The plain spelling of `text`; nothing if there is no disguise in it.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let disguised = disguised(text)?;
        let mut start = text.floor_char_boundary(disguised.start.saturating_sub(AROUND));
        let end = text.ceil_char_boundary(disguised.end.saturating_add(AROUND).min(text.len()));
        let mut plain = Self {
            text: String::with_capacity(end - start),
            steps: Vec::new(),
        };
        while start < end {
            let rest = text.get(start..end).unwrap_or_default();
            let other = rest.find(in_word).unwrap_or(rest.len());
            plain.write(rest.get(..other).unwrap_or_default(), start, false);
            let rest = rest.get(other..).unwrap_or_default();
            let word = rest.find(|character| !in_word(character)).unwrap_or(rest.len());
            let word = rest.get(..word).unwrap_or_default();
            plain.write(word, start + other, is_mixed(word));
            start += other + word.len();
        }
        let length = plain.text.len();
        plain.step(length, end, false);
        Some(plain)
    }

    /// The plain text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether anything in a range of the plain text is not as it stands in the original.
    pub(crate) fn touches(&self, range: Range<usize>) -> bool {
        let from = self.steps.partition_point(|step| step.plain < range.start);
        self.steps
            .iter()
            .skip(from)
            .take_while(|step| step.plain < range.end)
            .any(|step| step.changed)
    }

    /// The place in the original of a place in the plain text, behind what is left out before it.
    pub(crate) fn original(&self, place: usize) -> usize {
        let next = self.steps.partition_point(|step| step.plain <= place);
        let step = next.checked_sub(1).and_then(|last| self.steps.get(last));
        step.map_or(place, |step| step.original + (place - step.plain))
    }

    fn step(&mut self, plain: usize, original: usize, changed: bool) {
        self.steps.push(Step {
            plain,
            original,
            changed,
        });
    }

    fn write(&mut self, part: &str, start: usize, look_alikes: bool) {
        let mut copied = false;
        for (place, character) in part.char_indices() {
            let sign = match disguise(character) {
                Some(Sign::Letter(_)) if !look_alikes => None,
                sign => sign,
            };
            if sign.is_some() || !copied {
                self.step(self.text.len(), start + place, sign.is_some());
            }
            copied = sign.is_none();
            match sign {
                None => self.text.push(character),
                Some(Sign::Letter(letter) | Sign::Sure(letter)) => self.text.push(char::from(letter)),
                Some(Sign::Unseen) => {}
            }
        }
    }
}

/// Whether a character stands in the text that looks like another or is not seen.
pub(crate) fn is_disguised(text: &str) -> bool {
    next_disguise(text, 0).is_some()
}

/// From the first such character to the last.
fn disguised(text: &str) -> Option<Range<usize>> {
    let mut range = next_disguise(text, 0)?;
    while let Some(next) = next_disguise(text, range.end) {
        range.end = next.end;
    }
    Some(range)
}

fn next_disguise(text: &str, start: usize) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let mut start = start;
    while let Some(found) = next_wide(bytes, start) {
        let character = text.get(found..)?.chars().next()?;
        start = found + character.len_utf8();
        if disguise(character).is_some() {
            return Some(found..start);
        }
    }
    None
}

/// The next byte outside ASCII.
fn next_wide(bytes: &[u8], start: usize) -> Option<usize> {
    let mut from = start;
    let rest = bytes.get(start..)?;
    for chunk in rest.chunks(32) {
        if !chunk.is_ascii() {
            return chunk.iter().position(|byte| *byte >= 0x80).map(|place| from + place);
        }
        from += chunk.len();
    }
    None
}

/// What a character stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    /// An ASCII letter that a letter of another script looks like: only in a word that is not of that script.
    Letter(u8),
    /// An ASCII character, wherever it stands.
    Sure(u8),
    /// Nothing.
    Unseen,
}

fn in_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(disguise(character), Some(Sign::Unseen))
}

/// Whether a word's letters of other scripts are there for what they look like: it has ASCII letters or digits too, or
/// none of its letters looks like itself.
fn is_mixed(word: &str) -> bool {
    let mut foreign = false;
    for character in word.chars() {
        match disguise(character) {
            Some(Sign::Sure(_)) => return true,
            Some(_) => {}
            None if character.is_ascii() => return true,
            None => foreign = true,
        }
    }
    !foreign
}

fn disguise(character: char) -> Option<Sign> {
    let code = u32::from(character);
    match code {
        // ASCII, and the letters and signs of Western Europe, but for the hyphen that is not seen.
        0..=0x12f => (code == 0xad).then_some(Sign::Unseen),
        0x300..=0x36f | 0x483..=0x489 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff => Some(Sign::Unseen),
        0x180e | 0x61c | 0x200b..=0x200f | 0x202a..=0x202e | 0x2060..=0x206f => Some(Sign::Unseen),
        0xfe00..=0xfe0f | 0xfe20..=0xfe2f | 0xfeff | 0xe0000..=0xe01ef => Some(Sign::Unseen),
        0xff01..=0xff5e => u8::try_from(code - 0xff01 + 0x21).ok().map(Sign::Sure),
        0x1d400..=0x1d7ff => mathematical(code - 0x1d400).map(Sign::Sure),
        0x2460..=0x24ea => circled(code).map(Sign::Sure),
        0x2c6..=0x2100 | 0x2101..=0x245f | 0x2500..=0x10ffff => digit(code)
            .or_else(|| sign(character))
            .map(Sign::Sure)
            .or_else(|| letter(character).map(Sign::Letter)),
        _ => sign(character).map(Sign::Sure),
    }
}

/// Mathematical alphanumeric symbols (Unicode block 1D400), by their place in the block.
fn mathematical(place: u32) -> Option<u8> {
    const DIGITS: u32 = 0x3ce;
    const LETTERS: u32 = 13 * 52;
    if place >= DIGITS {
        return u8::try_from((place - DIGITS) % 10).ok().map(|digit| b'0' + digit);
    }
    if place >= LETTERS {
        return None;
    }
    let letter = u8::try_from(place % 52).ok()?;
    Some(if letter < 26 { b'A' + letter } else { b'a' + letter - 26 })
}

/// Digits and letters in circles.
fn circled(code: u32) -> Option<u8> {
    let from = |base: u8, first: u32| u8::try_from(code - first).ok().map(|place| base + place);
    match code {
        0x2460..=0x2468 => from(b'1', 0x2460),
        0x24b6..=0x24cf => from(b'A', 0x24b6),
        0x24d0..=0x24e9 => from(b'a', 0x24d0),
        0x24ea => Some(b'0'),
        _ => None,
    }
}

/// Where the ten decimal digits of other scripts begin (Unicode, general category Nd).
const ZEROS: [u32; 20] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040,
    0x17e0, 0x1810, 0xa8d0, 0xff10,
];

fn digit(code: u32) -> Option<u8> {
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let zero = after.checked_sub(1).and_then(|place| ZEROS.get(place))?;
    u8::try_from(code - zero)
        .ok()
        .filter(|digit| *digit < 10)
        .map(|digit| b'0' + digit)
}

/// Signs that look like those between digits, and letters that are another's sign (Unicode, confusables of TR 39).
fn sign(character: char) -> Option<u8> {
    Some(match character {
        '\u{2d7}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => b'-',
        '\u{1680}' | '\u{205f}' | '\u{3000}' => b' ',
        '\u{2044}' | '\u{2215}' => b'/',
        '\u{2024}' | '\u{fe52}' => b'.',
        '\u{fe6b}' => b'@',
        'ı' | 'ⅰ' => b'i',
        'ɑ' => b'a',
        'ɡ' => b'g',
        'Ⅰ' | 'ℐ' | 'ℑ' => b'I',
        'Ⅴ' => b'V',
        'Ⅹ' => b'X',
        'Ⅼ' | 'ℒ' => b'L',
        'Ⅽ' | 'ℂ' | 'ℭ' => b'C',
        'Ⅾ' => b'D',
        'Ⅿ' | 'ℳ' => b'M',
        'ⅴ' => b'v',
        'ⅹ' => b'x',
        'ⅼ' | 'ℓ' => b'l',
        'ⅽ' => b'c',
        'ⅾ' => b'd',
        'ⅿ' => b'm',
        'ℊ' => b'g',
        'ℋ' | 'ℌ' | 'ℍ' => b'H',
        'ℎ' => b'h',
        'ℕ' => b'N',
        'ℙ' => b'P',
        'ℚ' => b'Q',
        'ℛ' | 'ℜ' | 'ℝ' => b'R',
        'ℤ' | 'ℨ' => b'Z',
        '\u{212a}' => b'K',
        'ℬ' => b'B',
        'ℯ' => b'e',
        'ℰ' => b'E',
        'ℱ' => b'F',
        'ℴ' => b'o',
        _ => return None,
    })
}

/// Cyrillic and Greek letters that look like Latin ones (Unicode, confusables of TR 39). Small Greek letters that stand in
/// the names of genes and doses are not among them.
fn letter(character: char) -> Option<u8> {
    Some(match character {
        'А' | 'Α' => b'A',
        'В' | 'Β' => b'B',
        'С' | 'Ϲ' => b'C',
        'Е' | 'Ε' => b'E',
        'Н' | 'Η' => b'H',
        'І' | 'Ι' | 'Ӏ' => b'I',
        'Ј' => b'J',
        'К' | 'Κ' => b'K',
        'М' | 'Μ' => b'M',
        'Ν' => b'N',
        'О' | 'Ο' => b'O',
        'Р' | 'Ρ' => b'P',
        'Ԛ' => b'Q',
        'Ѕ' => b'S',
        'Т' | 'Τ' => b'T',
        'Ѵ' => b'V',
        'Ԝ' => b'W',
        'Х' | 'Χ' => b'X',
        'У' | 'Ү' | 'Υ' => b'Y',
        'Ζ' => b'Z',
        'а' => b'a',
        'с' | 'ϲ' => b'c',
        'ԁ' => b'd',
        'е' => b'e',
        'һ' => b'h',
        'і' | 'ι' => b'i',
        'ј' | 'ϳ' => b'j',
        'ӏ' => b'l',
        'о' | 'ο' => b'o',
        'р' | 'ρ' => b'p',
        'ԛ' => b'q',
        'ѕ' => b's',
        'υ' => b'u',
        'ѵ' | 'ν' => b'v',
        'ԝ' => b'w',
        'х' => b'x',
        'у' => b'y',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(text: &str) -> Option<String> {
        Plain::of(text).map(|plain| plain.text)
    }

    #[test]
    fn what_looks_like_ascii_is_read_as_ascii_and_other_words_stay() {
        for text in [
            "",
            "plain",
            "José Núñez — 5 µg, “naïve”…",
            "日本語",
            "Москва",
            "β2 and TNF-α",
        ] {
            assert!(plain(text).is_none_or(|read| read == text), "{text}");
        }
        for (text, read) in [
            ("５３６－２２", "536-22"),
            ("٥٣٦ and ۵۳۶ and ५३६", "536 and 536 and 536"),
            ("𝟓𝟑𝟔 𝖠𝖻 ⑦Ⓐⓩ", "536 Ab 7Az"),
            ("5\u{200b}3\u{ad}6\u{fe0f}\u{301}", "536"),
            ("аdа@еxаmple.соm", "ada@example.com"),
            ("АВ12 ѕѕn", "AB12 ssn"),
            ("Москва 5\u{2212}3", "Москва 5-3"),
            // A word with letters that look like nothing else is its own.
            ("Ανα Β", "Ανα B"),
        ] {
            assert_eq!(plain(text).unwrap(), read);
        }
    }

    proptest! {
        #[test]
        fn places_are_those_of_the_original(text in "([a-z0-9 .@-]|[аеор]|[٠-٩]|[０-９]|\u{200b}|\u{301}|\\PC|é){0,60}") {
            let Some(plain) = Plain::of(&text) else { return Ok(()) };
            let mut last = 0;
            for (place, character) in plain.text().char_indices() {
                let original = plain.original(place);
                prop_assert!(text.is_char_boundary(original) && original >= last);
                last = original;
                let there = text.get(original..).unwrap().chars().next().unwrap();
                let read = match disguise(there) {
                    Some(Sign::Letter(letter) | Sign::Sure(letter)) => char::from(letter),
                    _ => there,
                };
                prop_assert!(character == there || character == read);
                prop_assert_eq!(character != there, plain.touches(place..place + 1) && character.is_ascii() && !there.is_ascii());
            }
            prop_assert_eq!(plain.original(plain.text().len()), text.len());
        }
    }
}
