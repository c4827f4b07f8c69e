//! The tree's hashes out of tiles.

use super::builder::{perfect_root, unavailable};
use super::{TILE_HEIGHT, TILE_WIDTH, Tile, TileError};
use crate::hash::Hash;
use crate::merkle::{HashReader, Node, SourceError};
use std::collections::BTreeMap;

/// A store of tiles.
pub trait TileSource {
    /// The content of a tile: its hashes one after the other. A wider version of the same tile will do.
    ///
    /// # Errors
    /// When the tile is not there or the store fails.
    fn tile(&self, tile: &Tile) -> Result<Vec<u8>, SourceError>;
}

/// Reads the hashes of a tree of a size from its tiles; each tile is fetched once for each question.
///
/// What it reads is not authenticated; the proofs that are made of it are, when they are verified.
#[derive(Clone, Debug)]
pub struct TileReader<S> {
    source: S,
    size: u64,
}

impl<S: TileSource> TileReader<S> {
    /// The tree of `size` leaves in a store.
    pub fn new(source: S, size: u64) -> Self {
        Self { source, size }
    }

    fn subtree(&self, node: &Node, fetched: &mut BTreeMap<Tile, Vec<Hash>>) -> Result<Hash, SourceError> {
        // A subtree of height h in a tile is made of 2^h of its hashes.
        let height = u32::from(node.level % TILE_HEIGHT);
        let count = 1_u64 << height;
        let first = node.index.checked_mul(count).ok_or(TileError::Path)?;
        let width = u64::from(TILE_WIDTH);
        let tile = Tile::in_tree(node.level / TILE_HEIGHT, first / width, self.size).ok_or(TileError::Path)?;
        if let std::collections::btree_map::Entry::Vacant(entry) = fetched.entry(tile) {
            let content = self.source.tile(&tile).map_err(|error| unavailable(&tile, &error))?;
            entry.insert(tile.hashes(&content)?);
        }
        let start = usize::try_from(first % width)?;
        let end = start + usize::try_from(count)?;
        let hashes = fetched.get(&tile).and_then(|hashes| hashes.get(start..end));
        let hashes = hashes.ok_or(TileError::Width {
            level: tile.level(),
            index: tile.index(),
            width: tile.width(),
        })?;
        Ok(perfect_root(hashes.to_vec()))
    }
}

impl<S: TileSource> HashReader for TileReader<S> {
    fn hashes(&self, nodes: &[Node]) -> Result<Vec<Hash>, SourceError> {
        let mut fetched = BTreeMap::new();
        nodes.iter().map(|node| self.subtree(node, &mut fetched)).collect()
    }
}

impl<S: TileSource + ?Sized> TileSource for &S {
    fn tile(&self, tile: &Tile) -> Result<Vec<u8>, SourceError> {
        (**self).tile(tile)
    }
}

/// Tiles by their coordinates, in memory.
impl TileSource for BTreeMap<Tile, Vec<u8>> {
    fn tile(&self, tile: &Tile) -> Result<Vec<u8>, SourceError> {
        let full = Tile::new(tile.level(), tile.index(), TILE_WIDTH);
        let found = self.get(tile).or_else(|| self.get(&full?));
        found.cloned().ok_or_else(|| "there is no such tile".into())
    }
}
