//! Choices that look random and follow from a number, so that a run can be asked for again.

use std::time::Duration;

/// `SplitMix64` (Steele, Lea and Flood, 2014): nothing secret is made of it.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    /// Choices that follow from `seed`, others for each `stream` of it.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut chance = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`; 0 where there is none.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next().checked_rem(limit).unwrap_or(0)
    }

    /// A time of so many milliseconds.
    pub(crate) fn between_ms(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most.saturating_sub(least) + 1))
    }

    /// One of them, if there are any.
    pub(crate) fn index(&mut self, count: usize) -> Option<usize> {
        let count = u64::try_from(count).ok().filter(|count| *count > 0)?;
        usize::try_from(self.below(count)).ok()
    }

    /// One of them, if there are any.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        self.index(all.len()).and_then(|index| all.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, stream: u64) -> Vec<u64> {
        let mut chance = Chance::new(seed, stream);
        (0..16).map(|_| chance.below(1_000)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_choices_and_each_stream_its_own() {
        assert_eq!(first(7, 1), first(7, 1));
        assert_ne!(first(7, 1), first(7, 2));
        assert_ne!(first(7, 1), first(8, 1));
    }

    #[test]
    fn choices_stay_in_their_bounds() {
        let mut chance = Chance::new(1, 1);
        assert_eq!((chance.below(0), chance.index(0)), (0, None));
        for _ in 0..1_000 {
            let pause = chance.between_ms(20, 30);
            assert!(pause >= Duration::from_millis(20) && pause <= Duration::from_millis(30));
        }
    }
}
