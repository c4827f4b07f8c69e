//! Training of the chain: maximum likelihood by stochastic gradient, with an adaptive rate for each weight.

use super::random::Random;
use crate::tagger::label::LABELS;
use std::collections::HashMap;

type Row = [f32; LABELS];

/// Bits of a stored feature that hold its index; the template is above.
const INDEX_BITS: u32 = 26;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;

/// One stretch of tokens with its features and, for each token, the labels that it may have.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    /// Feature hashes of all tokens.
    pub(crate) features: Vec<u64>,
    /// How many features a token has.
    pub(crate) width: usize,
    /// A bit for each label that the token may have.
    pub(crate) allowed: Vec<u16>,
    /// A bit for each label that the token may have whatever it is: outside alone for cold tokens.
    pub(crate) possible: Vec<u16>,
}

/// How to train.
#[derive(Clone, Debug)]
pub struct Options {
    /// Passes over the data.
    pub epochs: usize,
    /// First step.
    pub rate: f32,
    /// Shrinking of all weights after each pass.
    pub decay: f32,
    /// Features seen less often are left out.
    pub least_count: u32,
    /// Percentage of features hidden from each token in each pass.
    pub dropout: usize,
    /// Percentage of tokens whose own word is hidden in each pass.
    pub word_dropout: usize,
    /// Base-two logarithm of a quarter of the rows that are kept.
    pub bits: u32,
    /// Where the random numbers start.
    pub seed: u64,
    /// Templates to leave out, to see what they are worth.
    pub without: Vec<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            epochs: 10,
            rate: 0.15,
            decay: 0.03,
            least_count: 2,
            dropout: 15,
            word_dropout: 20,
            bits: 14,
            seed: 6,
            without: Vec::new(),
        }
    }
}

/// Weights as trained.
#[derive(Debug)]
pub(crate) struct Weights {
    /// The hash of each row.
    pub(crate) hashes: Vec<u64>,
    /// One row for each feature.
    pub(crate) rows: Vec<Row>,
    /// From the row's label to the column's.
    pub(crate) transitions: [Row; LABELS],
}

/// Templates that look at the token's own spelling.
const WORD_TEMPLATES: [u32; 3] = [0, 5, 6];

/// Trains on `sequences`.
pub(crate) fn train(sequences: Vec<Sequence>, options: &Options, progress: &mut dyn FnMut(&str)) -> Weights {
    let (hashes, chains) = index(sequences, options);
    progress(&format!(
        "{} features, {} chains, {} tokens",
        hashes.len(),
        chains.len(),
        chains.iter().map(|chain| chain.allowed.len()).sum::<usize>()
    ));
    let mut state = State {
        rows: vec![[0.0; LABELS]; hashes.len()],
        squares: vec![[0.0; LABELS]; hashes.len()],
        transitions: [[0.0; LABELS]; LABELS],
        transition_squares: [[0.0; LABELS]; LABELS],
        rate: options.rate,
    };
    let mut random = Random::new(options.seed);
    let mut order: Vec<usize> = (0..chains.len()).collect();
    let averaged = (options.epochs / 3).max(1);
    let mut sum = vec![[0.0_f32; LABELS]; hashes.len()];
    let mut transition_sum = [[0.0_f32; LABELS]; LABELS];
    let mut work = Work::default();
    for epoch in 0..options.epochs {
        random.shuffle(&mut order);
        let mut loss = 0.0;
        for &chain in &order {
            if let Some(chain) = chains.get(chain) {
                loss += state.learn(chain, options, &mut random, &mut work);
            }
        }
        let keep = 1.0 - options.decay;
        state.rows.iter_mut().flatten().for_each(|weight| *weight *= keep);
        if epoch + averaged >= options.epochs {
            for (total, row) in sum.iter_mut().zip(&state.rows) {
                add(total, row, 1.0);
            }
            for (total, row) in transition_sum.iter_mut().zip(&state.transitions) {
                add(total, row, 1.0);
            }
        }
        progress(&format!("pass {} of {}: loss {loss:.0}", epoch + 1, options.epochs));
    }
    let scale = 1.0 / averaged as f32;
    sum.iter_mut().flatten().for_each(|weight| *weight *= scale);
    transition_sum.iter_mut().flatten().for_each(|weight| *weight *= scale);
    Weights {
        hashes,
        rows: sum,
        transitions: transition_sum,
    }
}

/// A sequence whose features are row numbers.
struct Chain {
    features: Vec<u32>,
    ends: Vec<u32>,
    allowed: Vec<u16>,
    possible: Vec<u16>,
}

/// Numbers the features that were seen often enough, most frequent first so that hot rows lie together.
fn index(mut sequences: Vec<Sequence>, options: &Options) -> (Vec<u64>, Vec<Chain>) {
    let mut counts: HashMap<u64, u32, std::hash::BuildHasherDefault<crate::tagger::cue::Same>> = HashMap::default();
    for sequence in &mut sequences {
        let width = sequence.width.max(1);
        for token in sequence.features.chunks_mut(width) {
            for template in &options.without {
                if let Some(slot) = token.get_mut(*template) {
                    *slot = 0;
                }
            }
        }
    }
    for feature in sequences.iter().flat_map(|sequence| &sequence.features) {
        *counts.entry(*feature).or_default() += 1;
    }
    let mut kept: Vec<(u64, u32)> = counts
        .into_iter()
        .filter(|(hash, count)| *hash != 0 && *count >= options.least_count)
        .collect();
    kept.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
    let hashes: Vec<u64> = kept.iter().map(|(hash, _)| *hash).collect();
    let numbers: HashMap<u64, u32, std::hash::BuildHasherDefault<crate::tagger::cue::Same>> = hashes
        .iter()
        .enumerate()
        .map(|(row, hash)| (*hash, row as u32))
        .collect();
    let chains = sequences
        .into_iter()
        .map(|sequence| {
            let mut features = Vec::new();
            let mut ends = Vec::new();
            for token in sequence.features.chunks(sequence.width.max(1)) {
                features.extend(
                    token
                        .iter()
                        .enumerate()
                        .filter_map(|(template, hash)| Some((template as u32) << INDEX_BITS | numbers.get(hash)?)),
                );
                ends.push(features.len() as u32);
            }
            Chain {
                features,
                ends,
                allowed: sequence.allowed,
                possible: sequence.possible,
            }
        })
        .collect();
    (hashes, chains)
}

struct State {
    rows: Vec<Row>,
    squares: Vec<Row>,
    transitions: [Row; LABELS],
    transition_squares: [Row; LABELS],
    rate: f32,
}

#[derive(Default)]
struct Work {
    active: Vec<u32>,
    ends: Vec<u32>,
    potentials: Vec<Row>,
    tops: Vec<f32>,
    free: Lattice,
    bound: Lattice,
}

/// Forward and backward probabilities, scaled at every token.
#[derive(Default)]
struct Lattice {
    forward: Vec<Row>,
    backward: Vec<Row>,
    scales: Vec<f32>,
}

impl State {
    /// One step on one chain; answers its loss.
    fn learn(&mut self, chain: &Chain, options: &Options, random: &mut Random, work: &mut Work) -> f32 {
        work.active.clear();
        work.ends.clear();
        work.potentials.clear();
        let mut start = 0;
        let dropout = (options.dropout * 256 / 100) as u64;
        for &end in &chain.ends {
            let features = chain.features.get(start as usize..end as usize).unwrap_or_default();
            start = end;
            let hide_word = random.chance(options.word_dropout);
            let mut scores = [0.0; LABELS];
            let mut noise = 0_u64;
            for (number, feature) in features.iter().enumerate() {
                if number % 8 == 0 {
                    noise = random.next();
                }
                let hidden = (noise & 0xff) < dropout;
                noise >>= 8;
                if hidden || (hide_word && WORD_TEMPLATES.contains(&(feature >> INDEX_BITS))) {
                    continue;
                }
                let row = feature & INDEX_MASK;
                work.active.push(row);
                if let Some(weights) = self.rows.get(row as usize) {
                    add(&mut scores, weights, 1.0);
                }
            }
            work.ends.push(work.active.len() as u32);
            work.potentials.push(scores);
        }
        work.tops.clear();
        for scores in &mut work.potentials {
            let top = scores.iter().copied().fold(f32::MIN, f32::max);
            work.tops.push(top);
            scores.iter_mut().for_each(|score| *score = (*score - top).exp());
        }
        let mut transitions = self.transitions;
        transitions
            .iter_mut()
            .flatten()
            .for_each(|weight| *weight = weight.exp());
        let total = work.free.run(&work.potentials, &transitions, Some(&chain.possible));
        let bound = work.bound.run(&work.potentials, &transitions, Some(&chain.allowed));
        self.update(&work.active, &work.ends, &work.free, &work.bound);
        self.update_transitions(&transitions, work, &chain.allowed, &chain.possible);
        total - bound
    }

    /// Moves weights along expected minus model counts; tokens that are right already are left alone.
    fn update(&mut self, active: &[u32], ends: &[u32], free: &Lattice, bound: &Lattice) {
        let mut start = 0;
        for (index, &end) in ends.iter().enumerate() {
            let rows = active.get(start as usize..end as usize).unwrap_or_default();
            start = end;
            let mut gradient = bound.marginal(index);
            add(&mut gradient, &free.marginal(index), -1.0);
            if gradient.iter().all(|value| value.abs() < 2e-3) {
                continue;
            }
            for &row in rows {
                let (Some(weights), Some(squares)) =
                    (self.rows.get_mut(row as usize), self.squares.get_mut(row as usize))
                else {
                    continue;
                };
                step(weights, squares, &gradient, self.rate);
            }
        }
    }

    fn update_transitions(&mut self, transitions: &[Row; LABELS], work: &Work, allowed: &[u16], possible: &[u16]) {
        let mut gradient = [[0.0_f32; LABELS]; LABELS];
        for (lattice, sign, masks) in [(&work.bound, 1.0, Some(allowed)), (&work.free, -1.0, Some(possible))] {
            for index in 1..lattice.forward.len() {
                let (Some(before), Some(after), Some(emission), Some(scale)) = (
                    lattice.forward.get(index - 1),
                    lattice.backward.get(index),
                    work.potentials.get(index),
                    lattice.scales.get(index),
                ) else {
                    continue;
                };
                let mut right = *after;
                for (label, (value, emission)) in right.iter_mut().zip(emission).enumerate() {
                    let open = masks.is_none_or(|masks| masks.get(index).is_none_or(|mask| mask >> label & 1 == 1));
                    *value *= if open { emission * sign / scale } else { 0.0 };
                }
                for ((gradients, row), left) in gradient.iter_mut().zip(transitions).zip(before) {
                    for ((slot, weight), right) in gradients.iter_mut().zip(row).zip(&right) {
                        *slot += left * weight * right;
                    }
                }
            }
        }
        for ((weights, squares), gradient) in self
            .transitions
            .iter_mut()
            .zip(&mut self.transition_squares)
            .zip(&gradient)
        {
            step(weights, squares, gradient, self.rate);
        }
    }
}

impl Lattice {
    /// Fills the lattice; answers the logarithm of the weight of all paths, less the tops of the potentials.
    fn run(&mut self, potentials: &[Row], transitions: &[Row; LABELS], allowed: Option<&[u16]>) -> f32 {
        let count = potentials.len();
        self.forward.clear();
        self.scales.clear();
        self.backward.clear();
        self.backward.resize(count, [1.0; LABELS]);
        let open = |index: usize| allowed.and_then(|masks| masks.get(index).copied()).unwrap_or(u16::MAX);
        let mut state = [1.0_f32; LABELS];
        let mut log = 0.0;
        for (index, potential) in potentials.iter().enumerate() {
            if index > 0 {
                let mut next = [0.0; LABELS];
                for (value, row) in state.iter().zip(transitions) {
                    add(&mut next, row, *value);
                }
                state = next;
            }
            let mask = open(index);
            let mut sum = 0.0;
            for (label, (value, potential)) in state.iter_mut().zip(potential).enumerate() {
                *value *= if mask >> label & 1 == 1 {
                    potential.max(1e-12)
                } else {
                    0.0
                };
                sum += *value;
            }
            let sum = sum.max(1e-30);
            state.iter_mut().for_each(|value| *value /= sum);
            log += sum.ln();
            self.scales.push(sum);
            self.forward.push(state);
        }
        let mut ahead = [1.0_f32; LABELS];
        for index in (1..count).rev() {
            let mask = open(index);
            let scale = self.scales.get(index).copied().unwrap_or(1.0);
            if let Some(potential) = potentials.get(index) {
                for (label, (value, potential)) in ahead.iter_mut().zip(potential).enumerate() {
                    *value *= if mask >> label & 1 == 1 {
                        potential.max(1e-12) / scale
                    } else {
                        0.0
                    };
                }
            }
            let mut before = [0.0; LABELS];
            for (value, row) in before.iter_mut().zip(transitions) {
                *value = row.iter().zip(&ahead).map(|(weight, right)| weight * right).sum();
            }
            ahead = before;
            if let Some(slot) = self.backward.get_mut(index - 1) {
                *slot = ahead;
            }
        }
        log
    }

    fn marginal(&self, index: usize) -> Row {
        let mut product = self.forward.get(index).copied().unwrap_or_default();
        if let Some(backward) = self.backward.get(index) {
            product
                .iter_mut()
                .zip(backward)
                .for_each(|(value, right)| *value *= right);
        }
        product
    }
}

fn add(total: &mut Row, row: &Row, factor: f32) {
    for (total, value) in total.iter_mut().zip(row) {
        *total += value * factor;
    }
}

/// AdaGrad (Duchi, Hazan and Singer 2011).
fn step(weights: &mut Row, squares: &mut Row, gradient: &Row, rate: f32) {
    for ((weight, square), gradient) in weights.iter_mut().zip(squares).zip(gradient) {
        *square += gradient * gradient;
        *weight += rate * gradient / (square.sqrt() + 1e-4);
    }
}

/// The bytes of a model's file: the heaviest rows that fit, in whole units.
pub(crate) fn pack(weights: &Weights, bits: u32, calibration: (f32, f32)) -> Vec<u8> {
    let norm = |row: &Row| row.iter().map(|weight| weight * weight).sum::<f32>();
    let mut order: Vec<(usize, f32)> = weights
        .rows
        .iter()
        .enumerate()
        .map(|(row, weights)| (row, norm(weights)))
        .collect();
    order.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    let mut magnitudes: Vec<f32> = weights
        .rows
        .iter()
        .flatten()
        .map(|weight| weight.abs())
        .filter(|weight| *weight > 0.0)
        .collect();
    magnitudes.sort_by(f32::total_cmp);
    let top = magnitudes
        .get(magnitudes.len().saturating_sub(1 + magnitudes.len() / 20_000))
        .copied()
        .unwrap_or(1.0);
    let unit = (top / 127.0).max(1e-4);
    let hashes: Vec<u64> = order
        .iter()
        .filter(|(_, norm)| *norm > unit * unit / 4.0)
        .filter_map(|(row, _)| weights.hashes.get(*row).copied())
        .collect();
    let (buckets, slots) = crate::tagger::table::fill(&hashes, bits);
    let mut rows = vec![[0_i8; LABELS]; 4 << bits];
    for ((row, _), slot) in order.iter().zip(slots) {
        let (Some(source), Some(target)) = (weights.rows.get(*row), slot.and_then(|slot| rows.get_mut(slot))) else {
            continue;
        };
        for (weight, value) in target.iter_mut().zip(source) {
            *weight = (value / unit).round().clamp(-127.0, 127.0) as i8;
        }
    }
    let mut bytes = crate::tagger::model::MAGIC.to_vec();
    bytes.push(bits as u8);
    for value in [unit, calibration.0, calibration.1] {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    for weight in weights.transitions.iter().flatten() {
        bytes.extend_from_slice(&((weight / unit).round().clamp(-8000.0, 8000.0) as i16).to_le_bytes());
    }
    bytes.extend(buckets.iter().flatten().flat_map(|mark| mark.to_le_bytes()));
    bytes.extend(rows.iter().flatten().map(|weight| weight.cast_unsigned()));
    crate::tagger::seal::sealed(bytes)
}
