//! The best labelling of a chain, and how much better it is than one that leaves a token out.

use super::label::LABELS;
use super::model::{Model, Scores};

/// What is known of a token after decoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Its label in the best labelling.
    pub(crate) best: usize,
    /// The best label other than outside.
    pub(crate) inside: usize,
    /// By how much the best labelling with this token inside beats the best with it outside.
    pub(crate) margin: i16,
}

impl Decision {
    /// Outside, and nothing near.
    pub(crate) const OUTSIDE: Self = Self {
        best: 0,
        inside: 0,
        margin: i16::MIN,
    };
}

/// Decodes `emissions`, forward and backward by the best path: linear time, sixteen scores kept for each token.
///
/// `open` says whether the text starts and ends here; otherwise what comes before and after is outside.
/// Decisions are appended in order.
pub(crate) fn decode(
    emissions: &[Scores],
    model: &Model,
    open: (bool, bool),
    forward: &mut Vec<Scores>,
    out: &mut Vec<Decision>,
) {
    forward.clear();
    let held = out.len();
    let mut state = [0_i16; LABELS];
    for (index, emission) in emissions.iter().enumerate() {
        if index > 0 {
            state = model.forward.step(&state);
        } else if !open.0 {
            state = model.forward.outside();
        }
        state = sum(&state, emission);
        normalize(&mut state);
        forward.push(state);
    }
    let mut backward = if open.1 {
        [0_i16; LABELS]
    } else {
        model.backward.outside()
    };
    let mut label = forward.last().map_or(0, |state| highest(&sum(state, &backward)).0);
    for (index, (ahead, emission)) in forward.iter().zip(emissions).enumerate().rev() {
        if index + 1 < forward.len() {
            label = highest(&sum(ahead, model.backward.row(label))).0;
        }
        let mut both = sum(ahead, &backward);
        let outside = both.first().copied().unwrap_or(0);
        if let Some(first) = both.first_mut() {
            *first = i16::MIN;
        }
        let height = top(&both);
        let margin = height.saturating_sub(outside);
        // Which label it would be matters only where one is near.
        let inside = if label == 0 && margin > FAR {
            highest(&both).0
        } else {
            label
        };
        out.push(Decision {
            best: label,
            inside,
            margin,
        });
        backward = model.backward.step(&sum(&backward, emission));
        normalize(&mut backward);
    }
    if let Some(added) = out.get_mut(held..) {
        added.reverse();
    }
}

/// A margin that no operating point asks about.
const FAR: i16 = -1200;

#[inline]
fn sum(left: &Scores, right: &Scores) -> Scores {
    let mut sum = *left;
    for (value, other) in sum.iter_mut().zip(right) {
        *value = value.saturating_add(*other);
    }
    sum
}

/// What it is worth to go from one label to the next, in one direction.
#[derive(Debug)]
pub(crate) struct Transitions {
    /// From the row's label to the column's. A slice: see [`Transitions::best`].
    rows: Vec<Scores>,
    /// How much a label may lie below outside and still be the better start of any way.
    lead: Scores,
}

impl Transitions {
    pub(crate) fn new(rows: [Scores; LABELS]) -> Self {
        let [outside, ..] = rows;
        let mut lead = rows.map(|row| {
            let leads = row.iter().zip(&outside).map(|(way, other)| way.saturating_sub(*other));
            leads.max().unwrap_or(0)
        });
        // Outside is no better than itself.
        if let Some(first) = lead.first_mut() {
            *first = i16::MIN;
        }
        Self {
            rows: rows.to_vec(),
            lead,
        }
    }

    /// What follows what is outside for certain.
    #[inline]
    fn outside(&self) -> Scores {
        *self.row(0)
    }

    #[inline]
    fn row(&self, label: usize) -> &Scores {
        self.rows.get(label).unwrap_or(&[0; LABELS])
    }

    /// The best way to each label from any.
    ///
    /// Most tokens are outside by so much that every best way begins there.
    #[inline]
    fn step(&self, state: &Scores) -> Scores {
        let [outside, ..] = *state;
        if top(&sum(state, &self.lead)) <= outside {
            return self.row(0).map(|way| outside.saturating_add(way));
        }
        self.best(state)
    }

    /// Four rows at a time, and the rows as a slice: a compiler that sees one loop over sixteen rows turns the matrix to
    /// find the best of a column, which takes eight times as many instructions.
    #[inline]
    fn best(&self, state: &Scores) -> Scores {
        let mut next = [i16::MIN; LABELS];
        let mut ways = [[0_i16; LABELS]; 4];
        let (scores, _) = state.as_chunks::<4>();
        let (rows, _) = self.rows.as_chunks::<4>();
        for (scores, rows) in scores.iter().zip(rows) {
            for ((way, row), score) in ways.iter_mut().zip(rows).zip(scores) {
                for (sum, weight) in way.iter_mut().zip(row) {
                    *sum = score.saturating_add(*weight);
                }
            }
            let [a, b, c, d] = ways;
            for ((((best, a), b), c), d) in next.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *best = (*best).max(a.max(b)).max(c.max(d));
            }
        }
        next
    }
}

#[inline]
fn top(state: &Scores) -> i16 {
    let mut half = [i16::MIN; LABELS / 2];
    for chunk in state.chunks_exact(LABELS / 2) {
        for (best, score) in half.iter_mut().zip(chunk) {
            *best = (*best).max(*score);
        }
    }
    half.iter().copied().fold(i16::MIN, i16::max)
}

/// The first label with the highest score, and the score.
#[inline]
fn highest(state: &Scores) -> (usize, i16) {
    let best = top(state);
    let mut marks = 0_u32;
    for (label, score) in state.iter().enumerate() {
        marks |= u32::from(*score == best) << label;
    }
    (marks.trailing_zeros() as usize, best)
}

/// Holds scores near zero: only their differences count.
#[inline]
fn normalize(state: &mut Scores) {
    let best = top(state);
    for score in state.iter_mut() {
        *score = score.saturating_sub(best).max(-16_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_short_way_is_the_best_way(
            rows in proptest::collection::vec(proptest::array::uniform16(-900_i16..900), LABELS),
            mut state in proptest::array::uniform16(-16_000_i16..=0),
            lead in 0_i16..3_000,
        ) {
            let transitions = Transitions::new(rows.try_into().unwrap());
            prop_assert_eq!(transitions.step(&state), transitions.best(&state));
            state = state.map(|score| score.min(-lead));
            state[0] = 0;
            prop_assert_eq!(transitions.step(&state), transitions.best(&state));
        }
    }
}
