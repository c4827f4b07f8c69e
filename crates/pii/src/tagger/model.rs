//! Trained weights: one row of sixteen bytes for each feature that mattered.

use super::decode::Transitions;
use super::label::LABELS;
use super::score::Tables;
use super::seal::unsealed;
use super::table::Table;

/// Scores of all labels for one token.
pub(crate) type Scores = [i16; LABELS];

/// The weights of one feature, as wide as sums are: to widen them at each addition costs more than their room. Aligned,
/// so that a row is in one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(32))]
struct Row(Scores);

/// A row of weights for each feature that mattered.
#[derive(Debug)]
pub(crate) struct Weights {
    table: Table,
    rows: Vec<Row>,
    absent: usize,
}

/// What the file of a model starts with; the number grows with any change of tokens, features or layout.
pub(crate) const MAGIC: &[u8; 8] = b"BWPIIT03";

/// A linear chain over sixteen labels.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) weights: Weights,
    pub(crate) tables: Tables,
    /// From a token to the one after it.
    pub(crate) forward: Transitions,
    /// From a token to the one before it.
    pub(crate) backward: Transitions,
    /// Natural logarithms per unit of score.
    pub(crate) unit: f32,
    /// Slope and offset from a margin to a score.
    pub(crate) calibration: (f32, f32),
}

impl Model {
    /// Reads `MAGIC, bits: u8, unit: f32, slope: f32, offset: f32, transitions: [i16], buckets, rows`, sealed.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let rest = unsealed(bytes)?.strip_prefix(MAGIC)?;
        let (&bits, rest) = rest.split_first()?;
        let (unit, rest) = rest.split_first_chunk::<4>()?;
        let (slope, rest) = rest.split_first_chunk::<4>()?;
        let (offset, rest) = rest.split_first_chunk::<4>()?;
        let (matrix, rest) = rest.split_at_checked(LABELS * LABELS * 2)?;
        let mut transitions = [[0; LABELS]; LABELS];
        for (cell, pair) in transitions.iter_mut().flatten().zip(matrix.chunks_exact(2)) {
            *cell = i16::from_le_bytes(*pair.first_chunk()?);
        }
        let mut reversed = [[0; LABELS]; LABELS];
        for (to, row) in reversed.iter_mut().enumerate() {
            for (cell, from) in row.iter_mut().zip(&transitions) {
                *cell = from.get(to).copied().unwrap_or(0);
            }
        }
        let (table, rest) = Table::read(rest, u32::from(bits))?;
        let (rows, []) = rest.as_chunks::<LABELS>() else {
            return None;
        };
        if rows.len() != 4_usize.checked_shl(u32::from(bits))? {
            return None;
        }
        let widened = |row: &[u8; LABELS]| Row(row.map(|weight| i16::from(weight.cast_signed())));
        let nothing = Row([0; LABELS]);
        let unit = f32::from_le_bytes(*unit);
        let calibration = (f32::from_le_bytes(*slope), f32::from_le_bytes(*offset));
        // SECURITY: a score that is not a number is below every threshold, so that nothing would be found.
        if !(unit.is_normal() && calibration.0.is_normal() && calibration.1.is_finite()) {
            return None;
        }
        // What no feature has adds nothing.
        let rows: Vec<Row> = rows.iter().map(widened).chain([nothing]).collect();
        let weights = Weights {
            absent: rows.len() - 1,
            table,
            rows,
        };
        Some(Self {
            tables: Tables::new(&weights)?,
            weights,
            forward: Transitions::new(transitions),
            backward: Transitions::new(reversed),
            unit,
            calibration,
        })
    }
}

impl Weights {
    /// The number of a feature's row.
    #[inline]
    pub(crate) fn find(&self, feature: u64) -> u32 {
        self.table.find_or(feature, self.absent) as u32
    }

    /// The weights of a row.
    #[inline]
    pub(crate) fn row(&self, number: u32) -> &Scores {
        self.rows.get(number as usize).map_or(&[0; LABELS], |Row(row)| row)
    }

    /// Adds the weights of a feature to `scores`.
    #[inline]
    pub(crate) fn add(&self, feature: u64, scores: &mut Scores) {
        for (score, weight) in scores.iter_mut().zip(self.row(self.find(feature))) {
            *score += *weight;
        }
    }

    /// The sum of features.
    pub(crate) fn sum<const FEATURES: usize>(&self, features: [u64; FEATURES]) -> Scores {
        let mut scores = [0; LABELS];
        for feature in features {
            self.add(feature, &mut scores);
        }
        scores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagger::seal::sealed;

    const SHIPPED: &[u8] = include_bytes!("../../model/en.bin");

    #[test]
    fn a_model_with_another_byte_or_length_or_a_scale_that_is_no_number_is_refused() {
        assert!(Model::read(SHIPPED).is_some());
        let content = unsealed(SHIPPED).unwrap();
        for end in [0, MAGIC.len(), 21, 600, content.len() - 16, content.len() - 1] {
            assert!(Model::read(&SHIPPED[..end]).is_none(), "{end}");
            assert!(Model::read(&sealed(content[..end].to_vec())).is_none(), "{end}");
        }
        for place in [3, 20, 700, content.len() - 1, SHIPPED.len() - 1] {
            let mut damaged = SHIPPED.to_vec();
            damaged[place] ^= 4;
            assert!(Model::read(&damaged).is_none(), "{place}");
        }
        let scales = MAGIC.len() + 1;
        for (place, value) in [
            (0, f32::NAN),
            (0, 0.0),
            (4, f32::INFINITY),
            (4, 0.0),
            (8, f32::NAN),
            (8, f32::NEG_INFINITY),
        ] {
            let mut damaged = content.to_vec();
            damaged[scales + place..scales + place + 4].copy_from_slice(&f32::to_le_bytes(value));
            assert!(Model::read(&sealed(damaged)).is_none(), "{value} at {place}");
        }
    }
}
