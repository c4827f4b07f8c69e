//! Finds out what happened to a sequence of lines, given the sequence of leaves that it should be.

use crate::hash::Hash;

/// A difference between lines and leaves; both are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// The line is not the leaf that belongs there.
    Changed { line: usize, leaf: usize },
    /// Another number of lines than of leaves; ends are included.
    Replaced {
        lines: (usize, usize),
        leaves: (usize, usize),
    },
    /// The leaf has no line; it belongs before `before`.
    Missing { leaf: usize, before: usize },
    /// The line is no leaf.
    Extra { line: usize },
    /// The line is that leaf, and stands elsewhere.
    Moved { line: usize, leaf: usize },
    /// The line is a leaf that has its line already.
    Repeated { line: usize, leaf: usize },
}

/// In a table of positions: none.
const NONE: u32 = u32::MAX;

fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(NONE)
}

fn index(position: u32) -> Option<usize> {
    (position != NONE).then(|| usize::try_from(position).ok()).flatten()
}

/// The lines behind the first one that is not its leaf, each as the leaf that it is, if any: 4 bytes for each line and
/// 4 for each leaf. More than 2^32 - 2 leaves would not fit into memory anyway; lines of later ones would be strangers.
pub(super) struct Alignment<'a> {
    leaves: &'a [Hash],
    /// Positions of leaves in the order of their hashes.
    order: Vec<u32>,
    /// The number of lines that are their leaves.
    prefix: usize,
    lines: Vec<u32>,
}

impl<'a> Alignment<'a> {
    /// The first `prefix` lines are their leaves.
    pub(super) fn new(leaves: &'a [Hash], prefix: usize) -> Self {
        let mut order: Vec<u32> = (0..position(leaves.len())).collect();
        order.sort_unstable_by_key(|at| (index(*at).and_then(|at| leaves.get(at)), *at));
        Self {
            leaves,
            order,
            prefix,
            lines: Vec::with_capacity(leaves.len().saturating_sub(prefix)),
        }
    }

    /// Adds the next line.
    pub(super) fn push(&mut self, hash: &Hash) {
        // Most lines still follow one another.
        let next = match self.lines.last() {
            Some(last) => index(*last).map_or(self.prefix + self.lines.len(), |last| last + 1),
            None => self.prefix,
        };
        let leaf = if self.leaves.get(next) == Some(hash) {
            position(next)
        } else {
            self.find(hash)
        };
        self.lines.push(leaf);
    }

    /// The first leaf with this hash.
    fn find(&self, hash: &Hash) -> u32 {
        let leaf = |at: &u32| index(*at).and_then(|at| self.leaves.get(at));
        let at = self.order.partition_point(|at| leaf(at) < Some(hash));
        let found = self.order.get(at).filter(|at| leaf(at) == Some(hash));
        found.copied().unwrap_or(NONE)
    }

    /// The differences, in the order of the lines.
    ///
    /// The longest run of lines that stand in the right order is taken to be in place; what lies between is explained
    /// by it. A line is matched by its hash, so a match is certain.
    pub(super) fn differences(self) -> Vec<Difference> {
        let Self {
            leaves, prefix, lines, ..
        } = self;
        let most = leaves.len().saturating_sub(prefix).min(lines.len());
        let backwards = (0..leaves.len()).rev().zip(lines.iter().rev()).take(most);
        let suffix = backwards
            .take_while(|(leaf, line)| index(**line) == Some(*leaf))
            .count();
        let middle = lines.get(..lines.len() - suffix).unwrap_or_default();
        Middle {
            prefix,
            leaf_end: leaves.len() - suffix,
            lines: middle,
            covered: vec![false; (leaves.len() - suffix).saturating_sub(prefix)],
        }
        .differences()
    }
}

/// What lies between the first and the last lines that are in place.
struct Middle<'a> {
    prefix: usize,
    leaf_end: usize,
    lines: &'a [u32],
    /// Whether a leaf of the middle has its line.
    covered: Vec<bool>,
}

impl Middle<'_> {
    fn differences(mut self) -> Vec<Difference> {
        let anchors = self.anchors();
        let mut differences = Vec::new();
        for at in &anchors {
            self.lines.get(*at).and_then(|leaf| self.cover(index(*leaf)?));
        }
        let mut next_anchor = anchors.iter().peekable();
        for (at, leaf) in self.lines.iter().enumerate() {
            if next_anchor.next_if_eq(&&at).is_some() {
                continue;
            }
            let line = self.prefix + at;
            if let Some(leaf) = index(*leaf) {
                differences.push(match self.cover(leaf) {
                    Some(()) => Difference::Moved { line, leaf },
                    None => Difference::Repeated { line, leaf },
                });
            }
        }
        self.explain_gaps(&anchors, &mut differences);
        differences.sort_by_key(place);
        differences
    }

    /// `None` if the leaf has its line already; a leaf outside the middle has it there.
    fn cover(&mut self, leaf: usize) -> Option<()> {
        let place = self.covered.get_mut(leaf.checked_sub(self.prefix)?)?;
        (!std::mem::replace(place, true)).then_some(())
    }

    /// The lines of a longest strictly rising sequence of leaves of the middle.
    fn anchors(&self) -> Vec<usize> {
        let (first, end) = (position(self.prefix), position(self.leaf_end));
        // For each length, where a sequence of that length with the smallest end ends; and who stands before whom.
        let mut ends: Vec<(u32, u32)> = Vec::new();
        let mut before: Vec<u32> = vec![NONE; self.lines.len()];
        for (at, leaf) in self.lines.iter().enumerate() {
            if !(first..end).contains(leaf) {
                continue;
            }
            let length = ends.partition_point(|(end, _)| end < leaf);
            let previous = length.checked_sub(1).and_then(|last| ends.get(last));
            if let (Some((_, previous)), Some(slot)) = (previous, before.get_mut(at)) {
                *slot = *previous;
            }
            let end = (*leaf, position(at));
            match ends.get_mut(length) {
                Some(place) => *place = end,
                None => ends.push(end),
            }
        }
        let mut sequence = Vec::with_capacity(ends.len());
        let mut next = ends.last().and_then(|(_, at)| index(*at));
        while let Some(at) = next {
            sequence.push(at);
            next = before.get(at).and_then(|before| index(*before));
        }
        sequence.reverse();
        sequence
    }

    /// Explains what stands between each two lines that are in place.
    fn explain_gaps(&self, anchors: &[usize], differences: &mut Vec<Difference>) {
        let (mut line, mut leaf) = (0, self.prefix);
        for anchor in anchors.iter().map(Some).chain([None]) {
            let anchor = anchor.and_then(|at| Some((*at, index(*self.lines.get(*at)?)?)));
            let (line_stop, leaf_stop) = anchor.unwrap_or((self.lines.len(), self.leaf_end));
            let unknown: Vec<usize> = (line..line_stop)
                .filter(|at| self.lines.get(*at) == Some(&NONE))
                .map(|at| self.prefix + at)
                .collect();
            let absent: Vec<usize> = (leaf..leaf_stop)
                .filter(|leaf| self.covered.get(leaf - self.prefix) == Some(&false))
                .collect();
            explain(&unknown, &absent, self.prefix + line_stop, differences);
            line = line_stop + 1;
            leaf = leaf_stop + 1;
        }
    }
}

fn explain(unknown: &[usize], absent: &[usize], before: usize, differences: &mut Vec<Difference>) {
    match (unknown, absent) {
        ([], _) => differences.extend(absent.iter().map(|leaf| Difference::Missing { leaf: *leaf, before })),
        (_, []) => differences.extend(unknown.iter().map(|line| Difference::Extra { line: *line })),
        _ if unknown.len() == absent.len() => {
            let pairs = unknown.iter().zip(absent);
            differences.extend(pairs.map(|(line, leaf)| Difference::Changed {
                line: *line,
                leaf: *leaf,
            }));
        }
        (
            [first_line, .., last_line] | [first_line @ last_line],
            [first_leaf, .., last_leaf] | [first_leaf @ last_leaf],
        ) => {
            differences.push(Difference::Replaced {
                lines: (*first_line, *last_line),
                leaves: (*first_leaf, *last_leaf),
            });
        }
    }
}

fn place(difference: &Difference) -> (usize, usize) {
    match difference {
        Difference::Missing { leaf, before } => (*before, *leaf),
        Difference::Replaced { lines, leaves } => (lines.0, leaves.0),
        Difference::Extra { line } => (*line, usize::MAX),
        Difference::Changed { line, leaf } | Difference::Moved { line, leaf } | Difference::Repeated { line, leaf } => {
            (*line, *leaf)
        }
    }
}
