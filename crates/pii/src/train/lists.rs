//! Lists of names, places and words, as the generator draws from them and as the tagger knows them.

use crate::tagger::hash;
use crate::tagger::lexicon as bits;
use crate::tagger::table;
use crate::tagger::token::folded;
use std::collections::BTreeMap;

/// The texts of the list files; `#` starts a comment, `[…]` a section.
#[derive(Clone, Debug, Default)]
pub struct ListTexts {
    /// `given.txt`.
    pub given: String,
    /// `surnames.txt`.
    pub surnames: String,
    /// `names-other.txt`.
    pub names_other: String,
    /// `cities.txt`.
    pub cities: String,
    /// `places.txt`.
    pub places: String,
    /// `common-en.txt`.
    pub common_en: String,
    /// `common-es.txt`.
    pub common_es: String,
    /// `words.txt`: nationalities, organisations, hospitals, medical terms and what else is written by hand.
    pub words: String,
}

/// The lists, parsed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lists {
    /// Given names by origin.
    pub(crate) given: BTreeMap<String, Vec<String>>,
    /// Family names by origin.
    pub(crate) surnames: BTreeMap<String, Vec<String>>,
    /// Names of unknown kind.
    pub(crate) names_other: Vec<String>,
    /// Cities by size, with their countries.
    pub(crate) cities: BTreeMap<String, Vec<(String, String)>>,
    /// Countries and states.
    pub(crate) places: BTreeMap<String, Vec<(String, String)>>,
    /// Hand-written sections.
    pub(crate) words: BTreeMap<String, Vec<String>>,
    common_en: Vec<String>,
    common_es: Vec<String>,
}

fn sections(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut name = String::new();
    for line in text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            name = section.to_owned();
        } else {
            sections.entry(name.clone()).or_default().push(line.to_owned());
        }
    }
    sections
}

fn pairs(text: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let split = |line: String| match line.split_once('\t') {
        Some((left, right)) => (left.to_owned(), right.to_owned()),
        None => (line, String::new()),
    };
    sections(text)
        .into_iter()
        .map(|(name, lines)| (name, lines.into_iter().map(split).collect()))
        .collect()
}

impl Lists {
    /// Parses the texts.
    pub(crate) fn parse(texts: &ListTexts) -> Self {
        let flat = |text: &str| sections(text).into_values().flatten().collect();
        Self {
            given: sections(&texts.given),
            surnames: sections(&texts.surnames),
            names_other: flat(&texts.names_other),
            cities: pairs(&texts.cities),
            places: pairs(&texts.places),
            words: sections(&texts.words),
            common_en: flat(&texts.common_en),
            common_es: flat(&texts.common_es),
        }
    }

    /// The bytes of the tagger's lists.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut entries = Entries::default();
        let top = |origin: &str, index: usize, limit: usize| origin == "us" && index < limit;
        for (origin, names) in &self.given {
            for (index, name) in names.iter().enumerate() {
                entries.name(
                    name,
                    bits::GIVEN | if top(origin, index, 500) { bits::GIVEN_TOP } else { 0 },
                );
            }
        }
        for (origin, names) in &self.surnames {
            for (index, name) in names.iter().enumerate() {
                entries.name(
                    name,
                    bits::FAMILY | if top(origin, index, 1500) { bits::FAMILY_TOP } else { 0 },
                );
            }
        }
        for name in &self.names_other {
            entries.name(name, bits::NAME);
        }
        for (size, cities) in &self.cities {
            let bit = if size == "small" { bits::TOWN } else { bits::CITY };
            for (city, _) in cities {
                entries.place(city, bit);
            }
        }
        for (place, code) in self.places.values().flatten() {
            entries.place(place, bits::REGION);
            if code.len() == 2 {
                entries.place(code, bits::PLACE_PART);
            }
        }
        for (section, words) in &self.words {
            let bit = match section.as_str() {
                "group" => bits::GROUP,
                "organization" | "facility" => bits::ORGANIZATION,
                "medical" | "drug" | "brand" => bits::MEDICAL,
                "region" => bits::REGION,
                "given" => bits::GIVEN,
                "family" => bits::FAMILY,
                _ => continue,
            };
            for word in words {
                entries.place(word, bit);
            }
        }
        for (words, bit) in [(&self.common_en, bits::COMMON), (&self.common_es, bits::COMMON_ES)] {
            for word in words {
                *entries.0.entry(table_key(word)).or_default() |= bit;
            }
        }
        entries.pack()
    }
}

fn table_key(word: &str) -> u64 {
    bits::word_key(hash::bytes(&folded(word)))
}

#[derive(Default)]
struct Entries(BTreeMap<u64, u16>);

impl Entries {
    fn name(&mut self, name: &str, bit: u16) {
        for part in name.split([' ', '-']).filter(|part| part.chars().count() > 1) {
            *self.0.entry(table_key(part)).or_default() |= bit;
        }
    }

    /// A place of one word is a word; of several, every pair of neighbours is a pair, and its rarer words are parts.
    fn place(&mut self, place: &str, bit: u16) {
        let words: Vec<&str> = place
            .split([' ', '-', '.', ',', '(', ')', '/'])
            .filter(|word| !word.is_empty())
            .collect();
        if let [word] = words.as_slice() {
            *self.0.entry(table_key(word)).or_default() |= bit;
            return;
        }
        for pair in words.windows(2) {
            if let [left, right] = pair {
                let key = bits::pair(hash::bytes(&folded(left)), hash::bytes(&folded(right)));
                *self.0.entry(key).or_default() |= bit;
            }
        }
        if bit & bits::ANY_PLACE != 0 {
            for word in words.iter().filter(|word| word.chars().count() > 3) {
                *self.0.entry(table_key(word)).or_default() |= bits::PLACE_PART;
            }
        }
    }

    fn pack(self) -> Vec<u8> {
        let mut masks: Vec<u16> = self.0.values().copied().collect();
        masks.sort_unstable();
        masks.dedup();
        let mut counts: Vec<(usize, u16)> = masks
            .iter()
            .map(|mask| (self.0.values().filter(|held| *held == mask).count(), *mask))
            .collect();
        counts.sort_by(|left, right| right.cmp(left));
        // A byte names 256 combinations: rarer ones lose their rarest bits to the nearest frequent one.
        let named: Vec<u16> = counts.iter().take(256).map(|(_, mask)| *mask).collect();
        let nearest = |mask: u16| {
            named
                .iter()
                .enumerate()
                .min_by_key(|(index, named)| ((mask ^ **named).count_ones(), *index))
                .map_or(0, |(index, _)| index as u8)
        };
        let classes_of: BTreeMap<u16, u8> = masks.iter().map(|mask| (*mask, nearest(*mask))).collect();
        let mut table_bits = 14;
        while (4_usize << table_bits) * 9 / 10 < self.0.len() {
            table_bits += 1;
        }
        // Informative entries first: a full bucket drops the last.
        let mut order: Vec<(u64, u16)> = self.0.into_iter().collect();
        order.sort_by_key(|(hash, mask)| {
            (
                std::cmp::Reverse((mask & !(bits::NAME | bits::TOWN)).count_ones()),
                *hash,
            )
        });
        let hashes: Vec<u64> = order.iter().map(|(hash, _)| *hash).collect();
        let (buckets, slots) = table::fill(&hashes, table_bits);
        let mut classes = vec![0_u8; 4 << table_bits];
        for ((_, mask), slot) in order.iter().zip(slots) {
            if let Some(target) = slot.and_then(|slot| classes.get_mut(slot)) {
                *target = classes_of.get(mask).copied().unwrap_or(0);
            }
        }
        let mut bytes = vec![table_bits as u8];
        bytes.extend_from_slice(&(named.len() as u16).to_le_bytes());
        bytes.extend(named.iter().flat_map(|mask| mask.to_le_bytes()));
        bytes.extend(buckets.iter().flatten().flat_map(|mark| mark.to_le_bytes()));
        bytes.extend(classes);
        crate::tagger::seal::sealed(bytes)
    }
}
