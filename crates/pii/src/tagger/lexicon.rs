//! Lists of names, places and common words in one table: what is known of a spelling, without its text.

use super::seal::unsealed;
use super::table::Table;

/// A frequent given name.
pub(crate) const GIVEN_TOP: u16 = 1;
/// A given name.
pub(crate) const GIVEN: u16 = 1 << 1;
/// A frequent family name.
pub(crate) const FAMILY_TOP: u16 = 1 << 2;
/// A family name.
pub(crate) const FAMILY: u16 = 1 << 3;
/// A personal name, given or family unknown.
pub(crate) const NAME: u16 = 1 << 4;
/// A city of some size.
pub(crate) const CITY: u16 = 1 << 5;
/// A small town.
pub(crate) const TOWN: u16 = 1 << 6;
/// A country, or a state or province.
pub(crate) const REGION: u16 = 1 << 7;
/// A common English word.
pub(crate) const COMMON: u16 = 1 << 8;
/// A common Spanish word.
pub(crate) const COMMON_ES: u16 = 1 << 9;
/// A nationality, religion or group.
pub(crate) const GROUP: u16 = 1 << 10;
/// A well-known organisation or hospital.
pub(crate) const ORGANIZATION: u16 = 1 << 11;
/// Part of a place's name of several words.
#[cfg(feature = "train")]
pub(crate) const PLACE_PART: u16 = 1 << 12;
/// A medical eponym, drug or term.
pub(crate) const MEDICAL: u16 = 1 << 13;

/// Any personal name.
pub(crate) const ANY_NAME: u16 = GIVEN_TOP | GIVEN | FAMILY_TOP | FAMILY | NAME;
/// Any place.
pub(crate) const ANY_PLACE: u16 = CITY | TOWN | REGION;

/// What is known of words and pairs of words.
#[derive(Debug)]
pub(crate) struct Lexicon {
    table: Table,
    classes: Vec<u8>,
    masks: Vec<u16>,
}

impl Lexicon {
    /// Reads `bits: u8, masks: u16, [u16], buckets, classes`, sealed.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (&bits, rest) = unsealed(bytes)?.split_first()?;
        let (count, rest) = rest.split_first_chunk::<2>()?;
        let (masks, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*count)) * 2)?;
        let masks = masks
            .chunks_exact(2)
            .filter_map(|pair| Some(u16::from_le_bytes(*pair.first_chunk()?)))
            .collect();
        let (table, rest) = Table::read(rest, u32::from(bits))?;
        (rest.len() == 4_usize.checked_shl(u32::from(bits))?).then(|| Self {
            table,
            classes: rest.to_vec(),
            masks,
        })
    }

    /// What is known of a word.
    pub(crate) fn word(&self, word: u64) -> u16 {
        self.look(word ^ WORD)
    }

    /// What is known of two words in a row.
    pub(crate) fn pair(&self, left: u64, right: u64) -> u16 {
        self.look(pair(left, right))
    }

    fn look(&self, hash: u64) -> u16 {
        let slot = self.table.find_or(hash, usize::MAX);
        self.classes
            .get(slot)
            .and_then(|class| self.masks.get(usize::from(*class)).copied())
            .unwrap_or(0)
    }
}

/// Tells words from pairs.
const WORD: u64 = 0x5bd1_e995_9d1b_54a5;

/// The key of a word.
#[cfg(feature = "train")]
pub(crate) const fn word_key(word: u64) -> u64 {
    word ^ WORD
}

/// The key of two words.
pub(crate) const fn pair(left: u64, right: u64) -> u64 {
    super::hash::feature(0x70, left, right)
}
