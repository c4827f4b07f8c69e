//! Which tiles are to be written when leaves are appended.

use super::{TILE_HEIGHT, TILE_WIDTH, Tile, TileError};
use crate::hash::{HASH_BYTES, Hash};
use crate::merkle::{Frontier, MerkleError, SourceError};

/// The partial tiles at the right edge of a growing tree: at most 8 levels of 255 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TileBuilder {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl TileBuilder {
    /// The tree without leaves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on at a size; `read` answers the content of each partial tile at that size.
    ///
    /// What was read is not authenticated: compare [`TileBuilder::frontier`] with the checkpoint's root.
    ///
    /// # Errors
    /// [`TileError::Unavailable`] when a tile cannot be read, [`TileError::Width`] when its content does not fit.
    pub fn resume(size: u64, mut read: impl FnMut(&Tile) -> Result<Vec<u8>, SourceError>) -> Result<Self, TileError> {
        let mut builder = Self {
            size,
            levels: Vec::new(),
        };
        for tile in Tile::partial_in_tree(size) {
            let content = read(&tile).map_err(|error| unavailable(&tile, &error))?;
            let hashes = tile.hashes(&content)?;
            *builder.level(tile.level()) = hashes;
        }
        Ok(builder)
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The tree's frontier at this size.
    ///
    /// # Errors
    /// None that can occur: the widths of the levels make up the size.
    pub fn frontier(&self) -> Result<Frontier, MerkleError> {
        let mut frontier = Frontier::new();
        let mut height = u8::try_from(self.levels.len()).unwrap_or(u8::MAX);
        for hashes in self.levels.iter().rev() {
            height = height.saturating_sub(1);
            for hash in hashes {
                frontier.append_subtree(height.saturating_mul(TILE_HEIGHT), *hash)?;
            }
        }
        Ok(frontier)
    }

    /// Appends leaves and answers the tiles to write with their content: every tile that became full, and the partial
    /// tiles that the new size shows for the first time.
    ///
    /// # Errors
    /// [`MerkleError::Full`] when the tree holds 2^64 - 1 leaves.
    pub fn append(&mut self, leaf_hashes: impl IntoIterator<Item = Hash>) -> Result<Vec<(Tile, Vec<u8>)>, MerkleError> {
        let before = self.size;
        let mut written = Vec::new();
        for leaf in leaf_hashes {
            self.size = self.size.checked_add(1).ok_or(MerkleError::Full)?;
            self.push(leaf, &mut written);
        }
        let old = Tile::partial_in_tree(before);
        let partial = Tile::partial_in_tree(self.size);
        for tile in partial.into_iter().filter(|tile| !old.contains(tile)) {
            let content = bytes(self.level(tile.level()));
            written.push((tile, content));
        }
        Ok(written)
    }

    fn push(&mut self, leaf: Hash, written: &mut Vec<(Tile, Vec<u8>)>) {
        let mut hash = leaf;
        let mut above = self.size;
        for level in 0..TILE_HEIGHT {
            above /= u64::from(TILE_WIDTH);
            let hashes = self.level(level);
            hashes.push(hash);
            if hashes.len() < usize::from(TILE_WIDTH) {
                return;
            }
            let full = std::mem::take(hashes);
            // The tile that just became full is the last of `above`.
            if let Some(tile) = Tile::new(level, above.saturating_sub(1), TILE_WIDTH) {
                written.push((tile, bytes(&full)));
            }
            hash = perfect_root(full);
        }
    }

    fn level(&mut self, level: u8) -> &mut Vec<Hash> {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        // It was just made as long as that.
        #[expect(clippy::indexing_slicing, reason = "resized above")]
        &mut self.levels[level]
    }
}

pub(super) fn unavailable(tile: &Tile, error: &SourceError) -> TileError {
    TileError::Unavailable {
        level: tile.level(),
        index: tile.index(),
        reason: error.to_string(),
    }
}

/// The root over a power of two of hashes.
pub(super) fn perfect_root(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        let (pairs, _) = hashes.as_chunks::<2>();
        hashes = pairs.iter().map(|[left, right]| Hash::node(left, right)).collect();
    }
    hashes.first().copied().unwrap_or_else(Hash::empty_root)
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    let mut content = Vec::with_capacity(hashes.len() * HASH_BYTES);
    hashes
        .iter()
        .for_each(|hash| content.extend_from_slice(hash.as_bytes()));
    content
}
