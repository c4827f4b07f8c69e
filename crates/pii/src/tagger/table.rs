//! A fixed hash table of buckets of four 16-bit fingerprints: a look-up is one 8-byte load and four comparisons.

/// Finds the slot of a hash.
#[derive(Debug)]
pub(crate) struct Table {
    buckets: Vec<[u16; 4]>,
    shift: u32,
}

impl Table {
    /// Reads a table of `2^bits` buckets from the start of `bytes`; answers it and the rest.
    pub(crate) fn read(bytes: &[u8], bits: u32) -> Option<(Self, &[u8])> {
        let count = 1_usize.checked_shl(bits)?;
        let (head, rest) = bytes.split_at_checked(count.checked_mul(8)?)?;
        let buckets = head
            .chunks_exact(8)
            .filter_map(|chunk| match *chunk {
                [a, b, c, d, e, f, g, h] => Some([
                    u16::from_le_bytes([a, b]),
                    u16::from_le_bytes([c, d]),
                    u16::from_le_bytes([e, f]),
                    u16::from_le_bytes([g, h]),
                ]),
                _ => None,
            })
            .collect();
        Some((
            Self {
                buckets,
                shift: 64 - bits,
            },
            rest,
        ))
    }

    /// The slot that holds `hash`, if one does.
    pub(crate) fn find(&self, hash: u64) -> Option<usize> {
        let index = (hash >> self.shift) as usize;
        let bucket = self.buckets.get(index)?;
        let mark = fingerprint(hash);
        for (lane, held) in bucket.iter().enumerate() {
            if *held == mark {
                return Some(index * 4 + lane);
            }
        }
        None
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
