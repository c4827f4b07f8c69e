//! Looking at bytes without a panic: what is out of range is a zero byte or nothing.

/// Letters, ASCII or part of a longer character.
pub(crate) const LETTER: u8 = 1;
/// ASCII digits.
pub(crate) const DIGIT: u8 = 2;
/// White space other than line breaks.
pub(crate) const SPACE: u8 = 4;
/// A byte that a recognizer wants to see: `@ : . + ( - / # \n [`.
pub(crate) const MARK: u8 = 8;

/// A first byte of which [`wide`] says whether a sign starts there.
const WIDE: u8 = 16;

const CLASSES: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut byte = 0_usize;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "the loop ends at 256")]
        let ch = byte as u8;
        #[expect(clippy::indexing_slicing, reason = "evaluated at compile time")]
        {
            table[byte] = match ch {
                0xc2 | 0xe2 | 0xe3 | 0xef => LETTER | WIDE,
                b'a'..=b'z' | b'A'..=b'Z' | 0x80..=0xff => LETTER,
                b'0'..=b'9' => DIGIT,
                b' ' | b'\t' | b'\r' => SPACE,
                b'@' | b':' | b'.' | b'+' | b'(' | b'-' | b'\n' | b'?' | b'!' | b'|' => MARK,
                _ => 0,
            };
        }
        byte += 1;
    }
    table
};

/// The class of a byte.
#[inline]
pub(crate) fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or(0)
}

/// The byte at `index`, or zero.
#[inline]
pub(crate) fn at(bytes: &[u8], index: usize) -> u8 {
    bytes.get(index).copied().unwrap_or(0)
}

/// The byte before `index`, or zero.
#[inline]
pub(crate) fn before(bytes: &[u8], index: usize) -> u8 {
    index.checked_sub(1).map_or(0, |place| at(bytes, place))
}

/// The bytes of a range, or none of them.
#[inline]
pub(crate) fn part(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    bytes.get(start..end).unwrap_or(&[])
}

/// Whether the byte is a letter or a digit, or part of a longer character.
#[inline]
pub(crate) fn is_word(byte: u8) -> bool {
    class(byte) & (LETTER | DIGIT) != 0
}

/// How long the punctuation or space outside ASCII is that starts at `index`: no-break space, dashes, quotes.
#[inline]
pub(crate) fn wide(bytes: &[u8], index: usize) -> usize {
    match at(bytes, index) {
        // Latin-1 signs, other than the ordinal indicators and the micro sign, which stand in words.
        0xc2 if !matches!(at(bytes, index + 1), 0xaa | 0xba | 0xb5) => 2,
        // General punctuation, superscripts and currency signs; arrows to box drawing; ideographic punctuation.
        0xe2 => 3,
        0xe3 if at(bytes, index + 1) == 0x80 => 3,
        0xef if at(bytes, index + 1) == 0xbc && at(bytes, index + 2) < 0x90 => 3,
        _ => 0,
    }
}

/// The end of the run of letters and digits that starts at `start`, and the classes that are in it.
#[inline]
pub(crate) fn run(bytes: &[u8], start: usize) -> (usize, u8) {
    let mut end = start;
    let mut classes = 0;
    for byte in bytes.get(start..).unwrap_or(&[]) {
        let class = class(*byte);
        if class & (LETTER | DIGIT) == 0 || class & WIDE != 0 && wide(bytes, end) > 0 {
            break;
        }
        classes |= class & (LETTER | DIGIT);
        end += 1;
    }
    (end, classes)
}

/// As [`run`], without the classes.
#[inline]
pub(crate) fn run_end(bytes: &[u8], start: usize) -> usize {
    run(bytes, start).0
}

/// The start of the run of letters and digits that ends at `end`; at most 64 bytes away.
#[inline]
pub(crate) fn run_start(bytes: &[u8], end: usize) -> usize {
    let mut start = end;
    while start > 0 && end - start < 64 && is_word(before(bytes, start)) {
        let last = before(bytes, start);
        // A continuation byte may end a dash: then the run starts here.
        let dash =
            last >= 0x80 && (start >= 3 && wide(bytes, start - 3) == 3 || start >= 2 && wide(bytes, start - 2) == 2);
        if dash {
            break;
        }
        start -= 1;
    }
    start
}

/// A separator of one character at `index`: what it counts as, and its bytes.
#[inline]
pub(crate) fn separator(bytes: &[u8], index: usize) -> Option<(u8, usize)> {
    match at(bytes, index) {
        byte @ (b' ' | b'-' | b'.' | b'/') => Some((byte, 1)),
        b'\t' => Some((b' ', 1)),
        0xc2 if at(bytes, index + 1) == 0xa0 => Some((b' ', 2)),
        0xe2 if at(bytes, index + 1) == 0x80 => match at(bytes, index + 2) {
            0x90..=0x95 => Some((b'-', 3)),
            0x80..=0x8a | 0xaf => Some((b' ', 3)),
            _ => None,
        },
        _ => None,
    }
}

/// A word in small letters, without an allocation; a longer word is none that anybody compares with.
#[derive(Clone, Copy)]
pub(crate) struct Lower {
    bytes: [u8; 24],
    len: usize,
}

impl Lower {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        part(&self.bytes, 0, self.len)
    }
}

impl std::ops::Deref for Lower {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

/// The word in small letters.
#[inline]
pub(crate) fn lower(word: &[u8]) -> Lower {
    let mut lower = Lower { bytes: [0; 24], len: 0 };
    if word.len() <= lower.bytes.len() {
        for (slot, byte) in lower.bytes.iter_mut().zip(word) {
            *slot = byte.to_ascii_lowercase();
        }
        lower.len = word.len();
    }
    lower
}

/// The number that the digits write, as far as they are digits and few.
pub(crate) fn number(digits: &[u8]) -> u64 {
    digits
        .iter()
        .take(18)
        .filter(|byte| byte.is_ascii_digit())
        .fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'))
}

/// A short value without its separators, in upper case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compact {
    bytes: [u8; Self::ROOM],
    len: usize,
    digits: usize,
}

impl Compact {
    /// Longer values are cut: nothing with a check digit is as long.
    pub(crate) const ROOM: usize = 48;

    /// Letters and digits of `value`.
    pub(crate) fn new(value: &[u8]) -> Self {
        let mut compact = Self {
            bytes: [0; Self::ROOM],
            len: 0,
            digits: 0,
        };
        for byte in value.iter().filter(|byte| byte.is_ascii_alphanumeric()) {
            compact.push(*byte);
        }
        compact
    }

    /// Adds one letter or digit.
    pub(crate) fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte.to_ascii_uppercase();
            self.len += 1;
            self.digits += usize::from(byte.is_ascii_digit());
        }
    }

    /// The letters and digits.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        part(&self.bytes, 0, self.len)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many of them are digits.
    pub(crate) fn digits(&self) -> usize {
        self.digits
    }

    /// Whether all are digits, and there are some.
    pub(crate) fn all_digits(&self) -> bool {
        self.len > 0 && self.digits == self.len
    }
}
