//! The scores of a token's labels: the sum of its features' rows, with as few look-ups as the features' kinds allow.
//!
//! What a word is by itself and to its neighbours is looked up once in a text. What has few values is looked up when the
//! model is read. Only the rest is looked up for every token.

use super::cue::Cue;
use super::feature::{self, Fact, Facts, LOOK, MARK, Side};
use super::label::LABELS;
use super::model::{Scores, Weights};
use super::token::{Gap, mark_pattern};
use std::collections::HashMap;

/// What a word adds, wherever it stands in a text, as far as it was asked for.
#[derive(Clone, Copy, Debug)]
struct Spelled {
    /// Of which spelling; zero for none.
    key: u64,
    /// To itself.
    own: Option<Scores>,
    /// The rows that it adds to the token after it, the one before it, and those one further.
    near: [u32; 4],
}

/// A row that was not looked up yet.
const UNKNOWN: u32 = u32::MAX;

impl Spelled {
    const fn new(key: u64) -> Self {
        Self {
            key,
            own: None,
            near: [UNKNOWN; 4],
        }
    }
}

/// What the words of a text add: a table in which a later word takes an earlier one's place.
#[derive(Debug, Default)]
pub(crate) struct Words {
    slots: Vec<Spelled>,
    shift: u32,
    model: &'static str,
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
            self.slots.resize(slots, Spelled::new(0));
            self.shift = 64 - slots.trailing_zeros();
            self.model = model;
        }
    }

    #[inline]
    fn slot(&mut self, fact: &Fact) -> Option<&mut Spelled> {
        let slot = self.slots.get_mut((fact.spelling >> self.shift) as usize)?;
        if slot.key != fact.spelling {
            *slot = Spelled::new(fact.spelling);
        }
        Some(slot)
    }

    /// Adds what a token adds to itself.
    #[inline]
    fn own(&mut self, fact: &Fact, tables: &Tables, weights: &Weights) -> Scores {
        let Some(slot) = self.slot(fact) else {
            return tables.own(fact, weights);
        };
        *slot.own.get_or_insert_with(|| tables.own(fact, weights))
    }

    /// The row that a token adds to its neighbour.
    #[inline]
    fn near(&mut self, fact: &Fact, side: Side, weights: &Weights) -> u32 {
        let look = || weights.find(feature::near(fact.word, side));
        match self.slot(fact).and_then(|slot| slot.near.get_mut(side as usize)) {
            Some(row) if *row != UNKNOWN => *row,
            Some(row) => {
                *row = look();
                *row
            }
            None => look(),
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
}

/// What adds nothing.
const NOTHING: Scores = [0; LABELS];
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
        let no_pair: Vec<Scores> = (0..SHAPES)
            .map(|shape| weights.sum([feature::pair(0, shape)]))
            .collect();
        Some(Self {
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
        })
    }

    fn own(&self, fact: &Fact, weights: &Weights) -> Scores {
        let mut own = self.no_pair.get(fact.shape as usize).copied().unwrap_or(NOTHING);
        for feature in fact.own() {
            weights.add(feature, &mut own);
        }
        own
    }

    /// The scores of the token at `index`.
    #[inline]
    pub(crate) fn score(&self, index: usize, facts: &Facts, words: &mut Words, weights: &Weights) -> Scores {
        let around @ [b2, b1, t, n1, n2] = facts.around(index);
        let [first, second, third, fourth, fifth, sixth, seventh, eighth, ninth] =
            facts.crossed(&around).map(|feature| weights.row(weights.find(feature)));
        let known = t.known();
        let mut anchor = ((t.anchor as u64 * DISTANCES + t.anchor_distance) * SHAPES + t.shape) * 2;
        let mut run = &NOTHING;
        if t.run == 0 {
            anchor += 1;
        } else {
            run = weights.row(weights.find(feature::run(t.run, t.anchor, t.after_run)));
        }
        let rows = [
            weights.row(words.near(b1, Side::After, weights)),
            weights.row(words.near(n1, Side::Before, weights)),
            weights.row(words.near(b2, Side::TwoAfter, weights)),
            weights.row(words.near(n2, Side::TwoBefore, weights)),
            first,
            second,
            third,
            fourth,
            fifth,
            sixth,
            seventh,
            eighth,
            ninth,
            self.look.row(facts.look(t) * 4 + t.gap as u64),
            self.anchor.row(anchor),
            run,
            self.field.row((t.field as u64 * KNOWN + known) * SHAPES + t.shape),
            self.said.row(t.said as u64 * KNOWN + known),
            self.place(t, n1, weights),
        ];
        let mut scores = total(words.own(t, self, weights), &rows);
        if t.pair != 0 {
            self.paired(t, weights, &mut scores);
        }
        scores
    }

    #[inline]
    fn place<'s>(&'s self, t: &Fact, next: &Fact, weights: &'s Weights) -> &'s Scores {
        let class = self.class(t.class());
        if class == RARE {
            return weights.row(weights.find(feature::place(t.class(), t.gap, next.gap, t.starts)));
        }
        let at = t.gap as u64 + next.gap as u64 * 4 + u64::from(t.starts) * 16;
        self.place.row(class * 32 + at)
    }

    /// Puts a pair in the place of none.
    fn paired(&self, t: &Fact, weights: &Weights, scores: &mut Scores) {
        let none = self.no_pair.get(t.shape as usize).unwrap_or(&NOTHING);
        for (score, weight) in scores.iter_mut().zip(none) {
            *score -= weight;
        }
        weights.add(feature::pair(t.pair, t.shape), scores);
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
        let mut sums = vec![NOTHING];
        let mut places = Vec::new();
        for scores in all {
            if scores == NOTHING {
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
    fn row(&self, place: u64) -> &Scores {
        let number = self.places.get(place as usize).copied().unwrap_or(0);
        self.sums.get(usize::from(number)).unwrap_or(&NOTHING)
    }
}

/// The sum of rows, in a loop of its own: within the rest, a compiler adds one label after the other.
#[inline(never)]
fn total(mut scores: Scores, rows: &[&Scores]) -> Scores {
    for row in rows {
        for (score, weight) in scores.iter_mut().zip(*row) {
            *score += *weight;
        }
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagger::Tagger;
    use crate::tagger::token::Tokens;
    use proptest::prelude::*;

    fn scores_are_sums(text: &str) {
        let tagger = Tagger::english().unwrap();
        let model = &tagger.model;
        let mut tokens = Tokens::default();
        tokens.split(text);
        let mut facts = Facts::default();
        facts.gather(&tokens, &tagger.shared.lexicon, &tagger.shared.cues, |_| false);
        let mut words = Words::default();
        words.begin("test", text.len() / 4);
        for index in (0..facts.len()).chain((0..facts.len()).rev()) {
            let mut sum = NOTHING;
            facts.emit(index, &mut |feature| model.weights.add(feature, &mut sum));
            let scores = model.tables.score(index, &facts, &mut words, &model.weights);
            assert_eq!(scores, sum, "token {index} of {text:?}");
        }
    }

    #[test]
    fn the_scores_of_a_record_are_the_sums_of_its_features() {
        scores_are_sums(
            "Patient: Maria Alvarez-Keane, DOB 03/14/1962, MRN: 48815162 (St. Mary's, New York)...\n\nSeen by Dr. O'Neill, \
             a surgeon in the town of SAN JOSÉ — call four one five 555 0132; e-mail: m dot a at example dot org!?\u{2026}",
        );
    }

    proptest! {
        #[test]
        fn scores_are_the_sums_of_features_however_they_are_looked_up(
            text in "((San|New|maria|Dr|MRN|phone|is|a|five|\\PC{1,6}|[A-Za-z]{1,9}|[0-9]{1,5}|[,.;:/'()-]{1,3})[ \n]{0,2}){0,40}"
        ) {
            scores_are_sums(&text);
        }
    }
}
