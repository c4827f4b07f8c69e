//! Which perfect subtrees make up a range of leaves.

/// A perfect subtree: its leaves are `index << level` up to `(index + 1) << level`, the end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Height above the leaves, 0 for a leaf, at most 63.
    pub level: u8,
    /// Position among the subtrees of its level.
    pub index: u64,
}

impl Node {
    /// The first leaf below it; `None` when that lies beyond 2^64 - 1.
    #[must_use]
    pub fn first_leaf(&self) -> Option<u64> {
        let level = u32::from(self.level);
        let first = self.index.checked_shl(level)?;
        (first >> level == self.index).then_some(first)
    }

    /// The number of leaves below it; `None` for a level above 63.
    #[must_use]
    pub fn leaf_count(&self) -> Option<u64> {
        1_u64.checked_shl(u32::from(self.level))
    }
}

/// The fewest perfect subtrees that cover the leaves `start..end`, from left to right; at most 126.
#[must_use]
pub fn covering(start: u64, end: u64) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut position = start;
    while let Some(log) = end.checked_sub(position).and_then(u64::checked_ilog2) {
        let level = log.min(position.trailing_zeros());
        nodes.push(Node {
            // At most 63: the logarithm of a u64.
            level: u8::try_from(level).unwrap_or(u8::MAX),
            index: position >> level,
        });
        // At most `end`, so it does not overflow.
        position += 1 << level;
    }
    nodes
}
