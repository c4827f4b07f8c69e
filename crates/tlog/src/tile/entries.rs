//! Entry bundles: up to 256 entries, each behind its length in two bytes, big-endian.

use super::{TILE_WIDTH, TileError};

/// Writes 1 to 256 entries of at most 65,535 bytes each.
///
/// # Errors
/// [`TileError::Entries`] for other numbers or lengths.
pub fn encode_entries<E: AsRef<[u8]>>(entries: &[E]) -> Result<Vec<u8>, TileError> {
    if entries.is_empty() || entries.len() > usize::from(TILE_WIDTH) {
        return Err(TileError::Entries);
    }
    let mut bytes = Vec::new();
    for entry in entries.iter().map(AsRef::as_ref) {
        let length = u16::try_from(entry.len()).map_err(|_| TileError::Entries)?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// Reads what [`encode_entries`] wrote.
///
/// # Errors
/// [`TileError::Entries`] when it is empty, cut off, or holds more than 256 entries.
pub fn decode_entries(bytes: &[u8]) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while let Some((length, behind)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, behind) = behind.split_at_checked(length).ok_or(TileError::Entries)?;
        entries.push(entry);
        rest = behind;
    }
    if !rest.is_empty() || entries.is_empty() || entries.len() > usize::from(TILE_WIDTH) {
        return Err(TileError::Entries);
    }
    Ok(entries)
}
