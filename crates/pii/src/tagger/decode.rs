//! The best labelling of a chain, and how much better it is than one that leaves a token out.

use super::label::LABELS;
use super::model::Scores;

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

/// Decodes `emissions`, forward and backward by the best path: linear time, sixteen scores kept for each token.
pub(crate) fn decode(
    emissions: &[Scores],
    transitions: &[Scores; LABELS],
    forward: &mut Vec<Scores>,
    out: &mut Vec<Decision>,
) {
    forward.clear();
    out.clear();
    let mut state = [0_i16; LABELS];
    for (index, emission) in emissions.iter().enumerate() {
        if index > 0 {
            state = step(&state, transitions);
        }
        for (score, value) in state.iter_mut().zip(emission) {
            *score = score.saturating_add(*value);
        }
        normalize(&mut state);
        forward.push(state);
    }
    let mut backward = [0_i16; LABELS];
    let mut label = forward.last().map_or(0, highest);
    for (index, (ahead, emission)) in forward.iter().zip(emissions).enumerate().rev() {
        if index + 1 < forward.len() {
            label = ancestor(ahead, transitions, label);
        }
        let mut both = *ahead;
        for (score, value) in both.iter_mut().zip(&backward) {
            *score = score.saturating_add(*value);
        }
        let outside = both.first().copied().unwrap_or(0);
        let mut inside = 1;
        let mut height = i16::MIN;
        for (candidate, score) in both.iter().enumerate().skip(1) {
            if *score > height {
                height = *score;
                inside = candidate;
            }
        }
        out.push(Decision {
            best: label,
            inside,
            margin: height.saturating_sub(outside),
        });
        for (score, value) in backward.iter_mut().zip(emission) {
            *score = score.saturating_add(*value);
        }
        backward = step_back(&backward, transitions);
        normalize(&mut backward);
    }
    out.reverse();
}

/// The best way to each label from any.
fn step(state: &Scores, transitions: &[Scores; LABELS]) -> Scores {
    let mut next = [i16::MIN; LABELS];
    for (score, row) in state.iter().zip(transitions) {
        for (best, weight) in next.iter_mut().zip(row) {
            *best = (*best).max(score.saturating_add(*weight));
        }
    }
    next
}

/// The best way from each label to any.
fn step_back(state: &Scores, transitions: &[Scores; LABELS]) -> Scores {
    let mut before = [i16::MIN; LABELS];
    for (best, row) in before.iter_mut().zip(transitions) {
        *best = row
            .iter()
            .zip(state)
            .map(|(weight, score)| weight.saturating_add(*score))
            .fold(i16::MIN, i16::max);
    }
    before
}

/// The label before `label` on the best path.
fn ancestor(state: &Scores, transitions: &[Scores; LABELS], label: usize) -> usize {
    let mut best = (i16::MIN, 0);
    for (before, (score, row)) in state.iter().zip(transitions).enumerate() {
        let value = score.saturating_add(row.get(label).copied().unwrap_or(0));
        if value > best.0 {
            best = (value, before);
        }
    }
    best.1
}

fn highest(state: &Scores) -> usize {
    let mut best = (i16::MIN, 0);
    for (label, score) in state.iter().enumerate() {
        if *score > best.0 {
            best = (*score, label);
        }
    }
    best.1
}

/// Holds scores near zero: only their differences count.
fn normalize(state: &mut Scores) {
    let top = state.iter().copied().fold(i16::MIN, i16::max);
    for score in state.iter_mut() {
        *score = score.saturating_sub(top).max(-16_000);
    }
}
