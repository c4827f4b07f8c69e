//! A fixed hash table of buckets of four 16-bit fingerprints: a look-up is one 8-byte load and four comparisons.

/// Finds the slot of a hash.
#[derive(Debug)]
pub(crate) struct Table {
    /// Four fingerprints in a word, the first lane lowest.
    buckets: Vec<u64>,
    shift: u32,
}

/// A one in every lane.
const ONES: u64 = 0x0001_0001_0001_0001;

impl Table {
    /// Reads a table of `2^bits` buckets from the start of `bytes`; answers it and the rest.
    pub(crate) fn read(bytes: &[u8], bits: u32) -> Option<(Self, &[u8])> {
        if !(1..=24).contains(&bits) {
            return None;
        }
        let (head, rest) = bytes.split_at_checked(8 << bits)?;
        let buckets = head
            .chunks_exact(8)
            .filter_map(|chunk| Some(u64::from_le_bytes(*chunk.first_chunk()?)))
            .collect();
        Some((
            Self {
                buckets,
                shift: 64 - bits,
            },
            rest,
        ))
    }

    /// The slot that holds `hash`, or `absent`. Without a branch on the answer: half of all look-ups fail, in no
    /// order that a processor could foresee.
    #[inline]
    pub(crate) fn find_or(&self, hash: u64, absent: usize) -> usize {
        let index = (hash >> self.shift) as usize;
        let bucket = self.buckets.get(index).copied().unwrap_or(0);
        let difference = bucket ^ u64::from(fingerprint(hash)).wrapping_mul(ONES);
        // The highest bit of the lowest lane that is zero (Hacker's Delight 6-1).
        let zero = difference.wrapping_sub(ONES) & !difference & (ONES << 15);
        let slot = index * 4 + (zero.trailing_zeros() as usize >> 4);
        if zero == 0 { absent } else { slot }
    }
}

/// What a slot remembers of a hash; never zero, which is an empty slot.
pub(crate) const fn fingerprint(hash: u64) -> u16 {
    let mark = hash as u16;
    if mark == 0 { 1 } else { mark }
}

/// Fills a table of `2^bits` buckets: of the hashes of one bucket, the first four in `hashes` stay.
/// Answers the buckets and, for every hash, its slot.
#[cfg(feature = "train")]
pub(crate) fn fill(hashes: &[u64], bits: u32) -> (Vec<[u16; 4]>, Vec<Option<usize>>) {
    let mut buckets = vec![[0_u16; 4]; 1 << bits];
    let slots = hashes
        .iter()
        .map(|hash| {
            let index = (hash >> (64 - bits)) as usize;
            let mark = fingerprint(*hash);
            let bucket = buckets.get_mut(index)?;
            if bucket.contains(&mark) {
                return None;
            }
            let (lane, slot) = bucket.iter_mut().enumerate().find(|(_, slot)| **slot == 0)?;
            *slot = mark;
            Some(index * 4 + lane)
        })
        .collect();
    (buckets, slots)
}
