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

/// Aligns lines with leaves, which differ from one another. The first `prefix` lines are their leaves; `rest` are the
/// lines behind them.
///
/// The longest run of lines that stand in the right order is taken to be in place; what lies between is explained by
/// it. Both are sequences of hashes, so a match is certain.
pub(super) fn align(leaves: &[Hash], prefix: usize, rest: &[Hash]) -> Vec<Difference> {
    let most = leaves.len().saturating_sub(prefix).min(rest.len());
    let backwards = leaves.iter().rev().zip(rest.iter().rev()).take(most);
    let suffix = backwards.take_while(|(leaf, line)| leaf == line).count();
    let leaf_end = leaves.len() - suffix;
    let line_end = prefix + rest.len() - suffix;

    let index = Index::new(leaves);
    let middle = rest.get(..rest.len() - suffix).unwrap_or_default();
    let matches: Vec<Option<usize>> = middle.iter().map(|hash| index.find(hash)).collect();
    let in_middle = |leaf: &usize| (prefix..leaf_end).contains(leaf);
    let anchors = longest_rising(&matches, in_middle);

    let mut differences = Vec::new();
    let mut covered = vec![false; leaf_end.saturating_sub(prefix)];
    let mut cover = |leaf: usize| {
        let place = leaf.checked_sub(prefix).and_then(|at| covered.get_mut(at));
        // A leaf outside the middle has its line there.
        place.is_some_and(|place| !std::mem::replace(place, true))
    };
    for at in &anchors {
        if let Some(leaf) = matches.get(*at).copied().flatten() {
            cover(leaf);
        }
    }
    let mut is_anchor = vec![false; middle.len()];
    for at in &anchors {
        if let Some(flag) = is_anchor.get_mut(*at) {
            *flag = true;
        }
    }
    for (at, leaf) in matches.iter().enumerate() {
        let line = prefix + at;
        match leaf {
            Some(leaf) if !is_anchor.get(at).copied().unwrap_or(false) => {
                differences.push(if cover(*leaf) {
                    Difference::Moved { line, leaf: *leaf }
                } else {
                    Difference::Repeated { line, leaf: *leaf }
                });
            }
            _ => {}
        }
    }

    let mut line = prefix;
    let mut leaf = prefix;
    for at in anchors.iter().map(Some).chain([None]) {
        let anchor = at.and_then(|at| Some((prefix + at, matches.get(*at).copied().flatten()?)));
        let (line_stop, leaf_stop) = anchor.unwrap_or((line_end, leaf_end));
        let unknown: Vec<usize> = (line..line_stop)
            .filter(|line| matches.get(line - prefix).is_some_and(Option::is_none))
            .collect();
        let absent: Vec<usize> = (leaf..leaf_stop)
            .filter(|leaf| covered.get(leaf - prefix) == Some(&false))
            .collect();
        explain(&unknown, &absent, line_stop, &mut differences);
        line = line_stop + 1;
        leaf = leaf_stop + 1;
    }
    differences.sort_by_key(place);
    differences
}

/// Explains what stands between two lines that are in place.
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
        ([first_line, ..], [first_leaf, ..]) => differences.push(Difference::Replaced {
            lines: (*first_line, unknown.last().copied().unwrap_or(*first_line)),
            leaves: (*first_leaf, absent.last().copied().unwrap_or(*first_leaf)),
        }),
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

/// Positions of leaves in the order of their hashes: 8 bytes for each leaf.
struct Index<'a> {
    leaves: &'a [Hash],
    order: Vec<usize>,
}

impl<'a> Index<'a> {
    fn new(leaves: &'a [Hash]) -> Self {
        let mut order: Vec<usize> = (0..leaves.len()).collect();
        order.sort_unstable_by_key(|at| (leaves.get(*at), *at));
        Self { leaves, order }
    }

    /// The first leaf with this hash.
    fn find(&self, hash: &Hash) -> Option<usize> {
        let at = self.order.partition_point(|at| self.leaves.get(*at) < Some(hash));
        let leaf = *self.order.get(at)?;
        (self.leaves.get(leaf) == Some(hash)).then_some(leaf)
    }
}

/// The positions of a longest strictly rising sequence among the matches that are wanted.
fn longest_rising(matches: &[Option<usize>], wanted: impl Fn(&usize) -> bool) -> Vec<usize> {
    // For each length, where a sequence of that length with the smallest end ends; and who stands before whom.
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut before: Vec<usize> = vec![usize::MAX; matches.len()];
    for (at, leaf) in matches.iter().enumerate() {
        let Some(leaf) = leaf.filter(|leaf| wanted(leaf)) else {
            continue;
        };
        let length = ends.partition_point(|(end, _)| *end < leaf);
        let previous = length.checked_sub(1).and_then(|last| ends.get(last));
        if let (Some((_, previous)), Some(slot)) = (previous, before.get_mut(at)) {
            *slot = *previous;
        }
        match ends.get_mut(length) {
            Some(end) => *end = (leaf, at),
            None => ends.push((leaf, at)),
        }
    }
    let mut sequence = Vec::with_capacity(ends.len());
    let mut next = ends.last().map(|(_, at)| *at);
    while let Some(at) = next {
        sequence.push(at);
        next = before.get(at).copied().filter(|before| *before != usize::MAX);
    }
    sequence.reverse();
    sequence
}
