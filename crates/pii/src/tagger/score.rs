//! The scores of a token's labels: the sum of its features' rows, with as few look-ups as the features' kinds allow.
//!
//! What a word is by itself and to its neighbours is looked up once in a text. What has few values is looked up when the
//! model is read. Only the rest is looked up for every token.

use super::cue::Cue;
use super::feature::{self, BEYOND, Fact, Facts, LOOK, MARK};
use super::label::LABELS;
use super::model::{Scores, Weights};
use super::token::{Gap, mark_pattern};
use std::collections::HashMap;

/// What a word adds, wherever it stands in a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelled {
    /// Of which spelling; zero for none.
    key: u64,
    /// To itself.
    own: Scores,
    /// The rows that it adds to the token after it, the one before it, and those one further.
    near: [u32; 4],
}

const NOTHING: Spelled = Spelled {
    key: 0,
    own: [0; LABELS],
    near: [0; 4],
};

/// What the words of a text add: a table in which a later word takes an earlier one's place.
#[derive(Debug, Default)]
pub(crate) struct Words {
    slots: Vec<Spelled>,
    shift: u32,
    model: &'static str,
    /// Those of the tokens of a piece, as far as they are known.
    tokens: Vec<Spelled>,
}

/// Bytes of text for one slot.
const BYTES_PER_SLOT: usize = 8;
const MOST_SLOTS: usize = 4096;

impl Words {
    /// Prepares for a piece of a text that is read by `model`.
    pub(crate) fn begin(&mut self, model: &'static str, bytes: usize) {
        let slots = (bytes / BYTES_PER_SLOT).next_power_of_two().clamp(16, MOST_SLOTS);
        if self.model != model || self.slots.len() < slots {
            self.slots.clear();
            self.slots.resize(slots, NOTHING);
            self.shift = 64 - slots.trailing_zeros();
            self.model = model;
        }
        self.tokens.clear();
    }

    /// Looks up what the tokens within two of `index` add.
    #[inline]
    fn reach(&mut self, index: usize, facts: &Facts, tables: &Tables, weights: &Weights) {
        if self.tokens.len() + 2 < index {
            self.tokens.resize(index - 2, NOTHING);
        }
        while self.tokens.len() < (index + 3).min(facts.len()) {
            let fact = facts.at(self.tokens.len(), 0);
            let key = fact.spelling() | 1;
            let Some(slot) = self.slots.get_mut((key >> self.shift) as usize) else {
                return;
            };
            if slot.key != key {
                *slot = Spelled::new(key, fact, tables, weights);
            }
            self.tokens.push(*slot);
        }
    }
}

impl Spelled {
    fn new(key: u64, fact: &Fact, tables: &Tables, weights: &Weights) -> Self {
        let mut own = tables.no_pair.get(fact.shape as usize).copied().unwrap_or([0; LABELS]);
        for feature in fact.own() {
            weights.add(feature, &mut own);
        }
        Self {
            key,
            own,
            near: feature::near(fact.word).map(|feature| weights.find(feature)),
        }
    }
}

/// Sums of rows for every value of features that have few.
#[derive(Debug)]
pub(crate) struct Tables {
    look: Table,
    anchor: Table,
    field: Table,
    place: Table,
    said: Table,
    /// No pair with a neighbour, by shape.
    no_pair: Vec<Scores>,
    /// The numbers of the classes of marks.
    marks: Vec<(u64, u16)>,
    beyond: Spelled,
}

const SHAPES: u64 = 16;
const CUES: u64 = 64;
const KNOWN: u64 = 64;
const DISTANCES: u64 = 8;
const GAPS: [Gap; 4] = [Gap::None, Gap::Space, Gap::Line, Gap::Paragraph];
/// Slots for the classes of marks: one whose slot is taken is a rare one.
const MARKS: usize = 1024;
/// A class of which no table knows.
const RARE: u64 = 0xfff;

impl Tables {
    pub(crate) fn new(weights: &Weights) -> Option<Self> {
        let mut marks = vec![(0, 0); MARKS];
        let mut classes: Vec<u64> = (0..CUES).chain((0..SHAPES).map(|shape| LOOK | shape)).collect();
        for character in (b'!'..=b'~').filter(u8::is_ascii_punctuation) {
            for long in [false, true] {
                let class = MARK | u64::from(mark_pattern(character.into(), long));
                if let Some(slot) = marks.get_mut(class as usize % MARKS) {
                    *slot = (class, u16::try_from(classes.len()).ok()?);
                    classes.push(class);
                }
            }
        }
        let no_pair: Vec<Scores> = (0..SHAPES).map(|shape| weights.sum([feature::pair(0, shape)])).collect();
        let mut tables = Self {
            look: Table::new((0..128).flat_map(|look| GAPS.map(|gap| weights.sum([feature::look(look, gap)]))))?,
            anchor: Table::new(Cue::all().flat_map(|cue| {
                (0..SHAPES * DISTANCES).flat_map(move |at| {
                    let anchor = feature::anchor(cue, at % SHAPES, at / SHAPES);
                    [weights.sum([anchor]), weights.sum([anchor, feature::run(0, cue, 0)])]
                })
            }))?,
            field: Table::new(Cue::all().flat_map(|cue| {
                (0..SHAPES * KNOWN).map(move |at| weights.sum([feature::field(cue, at % SHAPES, at / SHAPES)]))
            }))?,
            place: Table::new(classes.iter().flat_map(|class| {
                (0..32_usize).map(|at| {
                    let gap = |at: usize| GAPS.get(at % 4).copied().unwrap_or(Gap::None);
                    weights.sum([feature::place(*class, gap(at), gap(at / 4), at >= 16)])
                })
            }))?,
            said: Table::new(
                Cue::all().flat_map(|cue| (0..KNOWN).map(move |known| weights.sum([feature::said(cue, known)]))),
            )?,
            no_pair,
            marks,
            beyond: NOTHING,
        };
        tables.beyond = Spelled::new(1, &BEYOND, &tables, weights);
        Some(tables)
    }

    /// Adds the scores of the token at `index`.
    #[inline]
    pub(crate) fn score(&self, index: usize, facts: &Facts, words: &mut Words, weights: &Weights) -> Scores {
        words.reach(index, facts, self, weights);
        let spelled = |place: Option<usize>| place.and_then(|place| words.tokens.get(place)).unwrap_or(&self.beyond);
        let mut scores = spelled(Some(index)).own;
        let neighbours = [
            index.checked_sub(1),
            Some(index + 1),
            index.checked_sub(2),
            Some(index + 2),
        ];
        for (which, place) in neighbours.into_iter().enumerate() {
            if let Some(row) = spelled(place).near.get(which) {
                weights.add_row(*row, &mut scores);
            }
        }
        let around @ [_, _, t, n1, _] = facts.around(index);
        for feature in facts.crossed(&around) {
            weights.add(feature, &mut scores);
        }
        self.few(facts, t, n1, weights, &mut scores);
        scores
    }

    #[inline]
    fn few(&self, facts: &Facts, t: &Fact, next: &Fact, weights: &Weights, scores: &mut Scores) {
        let known = t.known();
        self.look.add(facts.look(t) * 4 + t.gap as u64, scores);
        let at = ((t.anchor as u64 * DISTANCES + t.anchor_distance) * SHAPES + t.shape) * 2;
        if t.run == 0 {
            self.anchor.add(at + 1, scores);
        } else {
            self.anchor.add(at, scores);
            weights.add(feature::run(t.run, t.anchor, t.after_run), scores);
        }
        self.field.add((t.field as u64 * KNOWN + known) * SHAPES + t.shape, scores);
        self.said.add(t.said as u64 * KNOWN + known, scores);
        let class = self.class(t.class());
        if class == RARE {
            weights.add(feature::place(t.class(), t.gap, next.gap, t.starts), scores);
        } else {
            let at = t.gap as u64 + next.gap as u64 * 4 + u64::from(t.starts) * 16;
            self.place.add(class * 32 + at, scores);
        }
        if t.pair != 0 {
            let none = self.no_pair.get(t.shape as usize).unwrap_or(&[0; LABELS]);
            for (score, weight) in scores.iter_mut().zip(none) {
                *score -= weight;
            }
            weights.add(feature::pair(t.pair, t.shape), scores);
        }
    }

    /// The number of a class in the table of places.
    #[inline]
    fn class(&self, class: u64) -> u64 {
        if class < CUES {
            return class;
        }
        if class < MARK {
            return CUES + (class & (SHAPES - 1));
        }
        match self.marks.get(class as usize % MARKS) {
            Some((mark, number)) if *mark == class => u64::from(*number),
            _ => RARE,
        }
    }
}

/// Sums by number; the many that are alike are stored once.
#[derive(Debug)]
struct Table {
    places: Vec<u16>,
    sums: Vec<Scores>,
}

impl Table {
    fn new(all: impl Iterator<Item = Scores>) -> Option<Self> {
        let mut numbers: HashMap<Scores, u16> = HashMap::new();
        let mut sums = vec![[0; LABELS]];
        let mut places = Vec::new();
        for scores in all {
            if scores == [0; LABELS] {
                places.push(0);
                continue;
            }
            let number = match numbers.get(&scores) {
                Some(number) => *number,
                None => {
                    let number = u16::try_from(sums.len()).ok()?;
                    sums.push(scores);
                    numbers.insert(scores, number);
                    number
                }
            };
            places.push(number);
        }
        Some(Self { places, sums })
    }

    #[inline]
    fn add(&self, place: u64, scores: &mut Scores) {
        let number = self.places.get(place as usize).copied().unwrap_or(0);
        if let Some(sum) = self.sums.get(usize::from(number)) {
            for (score, weight) in scores.iter_mut().zip(sum) {
                *score += weight;
            }
        }
    }
}
