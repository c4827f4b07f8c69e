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
            state = step(&state, &model.transitions);
        } else if !open.0 {
            state = model.transitions[0];
        }
        state = sum(&state, emission);
        normalize(&mut state);
        forward.push(state);
    }
    let mut backward = if open.1 { [0_i16; LABELS] } else { model.reversed[0] };
    let mut label = forward.last().map_or(0, |state| highest(&sum(state, &backward)).0);
    for (index, (ahead, emission)) in forward.iter().zip(emissions).enumerate().rev() {
        if index + 1 < forward.len() {
            let row = model.reversed.get(label).unwrap_or(&[0; LABELS]);
            label = highest(&sum(ahead, row)).0;
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
        backward = step(&sum(&backward, emission), &model.reversed);
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

/// The best way to each label of the columns from any of the rows.
#[inline]
fn step(state: &Scores, transitions: &[Scores; LABELS]) -> Scores {
    let mut next = [i16::MIN; LABELS];
    for (score, row) in state.iter().zip(transitions) {
        for (best, weight) in next.iter_mut().zip(row) {
            *best = (*best).max(score.saturating_add(*weight));
        }
    }
    next
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
