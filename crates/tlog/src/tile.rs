//! Tiles of height 8 and entry bundles (C2SP tlog-tiles): the tree as files that never change.

mod builder;
mod entries;
mod path;
mod reader;

pub use builder::TileBuilder;
pub use entries::{decode_entries, encode_entries};
pub use path::TilePath;
pub use reader::{TileReader, TileSource};

use crate::hash::{HASH_BYTES, Hash};
use bearingwall_core::{Classified, ErrorKind};

/// The number of levels in a tile.
pub const TILE_HEIGHT: u8 = 8;
/// The number of hashes in a full tile.
pub const TILE_WIDTH: u16 = 256;

/// Why a tile, its path or an entry bundle was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// It is no path of a tile or an entry bundle in the one spelling.
    #[error("it is no path of a tile")]
    Path,
    /// A tile holds another number of hashes than it must.
    #[error("the tile at level {level}, index {index} does not hold {width} hashes")]
    Width {
        /// The tile's level.
        level: u8,
        /// The tile's index in its level.
        index: u64,
        /// How many hashes it must hold.
        width: u16,
    },
    /// An entry bundle is cut off, holds more than 256 entries, or an entry is longer than 65,535 bytes.
    #[error("the entry bundle is malformed")]
    Entries,
    /// The tile could not be read.
    #[error("the tile at level {level}, index {index} cannot be read: {reason}")]
    Unavailable {
        /// The tile's level.
        level: u8,
        /// The tile's index in its level.
        index: u64,
        /// What the source said.
        reason: String,
    },
}

impl Classified for TileError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Path | Self::Width { .. } | Self::Entries => ErrorKind::Invalid,
            Self::Unavailable { .. } => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Path => "TLG-030",
            Self::Width { .. } => "TLG-031",
            Self::Entries => "TLG-032",
            Self::Unavailable { .. } => "TLG-033",
        }
    }
}

/// A tile: `width` hashes of level `8 * level`, from the hash `256 * index` of that level on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

impl Tile {
    /// A tile of level 0 to 63 with 1 to 256 hashes; `None` for anything else.
    #[must_use]
    pub fn new(level: u8, index: u64, width: u16) -> Option<Self> {
        (level < 64 && (1..=TILE_WIDTH).contains(&width)).then_some(Self { level, index, width })
    }

    /// The tile as it stands in a tree of a size: full, or as wide as the tree makes it; `None` where there is none.
    #[must_use]
    pub fn in_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let hashes = size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT))?;
        let first = index.checked_mul(u64::from(TILE_WIDTH))?;
        let width = hashes.checked_sub(first)?.min(u64::from(TILE_WIDTH));
        Self::new(level, index, u16::try_from(width).ok()?)
    }

    /// The partial tiles at the right edge of a tree of a size, lowest level first.
    #[must_use]
    pub fn partial_in_tree(size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        let mut hashes = size;
        for level in 0..TILE_HEIGHT {
            let width = u16::try_from(hashes % u64::from(TILE_WIDTH)).unwrap_or(0);
            hashes /= u64::from(TILE_WIDTH);
            tiles.extend(Self::new(level, hashes, width));
        }
        tiles
    }

    /// The level among tiles, 0 for leaf hashes.
    #[must_use]
    pub fn level(&self) -> u8 {
        self.level
    }

    /// The position in its level.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The number of hashes, 1 to 256.
    #[must_use]
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Whether it holds 256 hashes and never changes any more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The hashes of the tile's content; a wider version of the same tile is cut to the width.
    ///
    /// # Errors
    /// [`TileError::Width`] when there are fewer hashes, more than 256, or half a hash.
    pub fn hashes(&self, content: &[u8]) -> Result<Vec<Hash>, TileError> {
        let (hashes, rest) = content.as_chunks::<HASH_BYTES>();
        let mine = hashes.get(..usize::from(self.width));
        match mine {
            Some(mine) if rest.is_empty() && hashes.len() <= usize::from(TILE_WIDTH) => {
                Ok(mine.iter().copied().map(Hash::new).collect())
            }
            _ => Err(TileError::Width {
                level: self.level,
                index: self.index,
                width: self.width,
            }),
        }
    }
}
