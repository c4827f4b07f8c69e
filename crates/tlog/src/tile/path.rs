//! Where tiles and entry bundles stand below a log's prefix.

use super::{TILE_WIDTH, Tile, TileError};
use crate::checkpoint::parse_decimal;
use std::fmt;

/// The path of a tile or an entry bundle: `tile/0/x001/x234/067`, `tile/1/000.p/17`, `tile/entries/000`.
///
/// `Display` writes it, without a leading slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TilePath {
    /// Hashes of the tree.
    Hashes(Tile),
    /// The entries of a tile of level 0.
    Entries {
        /// The position among the entry bundles.
        index: u64,
        /// The number of entries, 1 to 256.
        width: u16,
    },
}

impl TilePath {
    /// Parses the one spelling of a path.
    ///
    /// # Errors
    /// [`TileError::Path`] for any other text.
    pub fn parse(text: &str) -> Result<Self, TileError> {
        let parsed = Self::read(text).ok_or(TileError::Path)?;
        // One tile has one path: zeros in front and the like are refused by writing it again.
        if parsed.to_string() == text {
            Ok(parsed)
        } else {
            Err(TileError::Path)
        }
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.strip_prefix("tile/")?.split_once('/')?;
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, u16::try_from(parse_decimal(width)?).ok()?),
            None => (rest, TILE_WIDTH),
        };
        let mut index = 0_u64;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        if kind == "entries" {
            return (1..=TILE_WIDTH)
                .contains(&width)
                .then_some(Self::Entries { index, width });
        }
        let level = u8::try_from(parse_decimal(kind)?).ok()?;
        Tile::new(level, index, width).map(Self::Hashes)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut index, width) = match self {
            Self::Hashes(tile) => {
                write!(f, "tile/{}/", tile.level)?;
                (tile.index, tile.width)
            }
            Self::Entries { index, width } => {
                f.write_str("tile/entries/")?;
                (*index, *width)
            }
        };
        let mut parts = vec![index % 1000];
        while index >= 1000 {
            index /= 1000;
            parts.push(index % 1000);
        }
        while parts.len() > 1 {
            write!(f, "x{:03}/", parts.pop().unwrap_or(0))?;
        }
        write!(f, "{:03}", parts.pop().unwrap_or(0))?;
        if width < TILE_WIDTH {
            write!(f, ".p/{width}")?;
        }
        Ok(())
    }
}
