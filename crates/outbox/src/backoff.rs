//! How long to wait after a failure: exponential, with full jitter.

use std::time::Duration;

/// The wait before the second try, at the most.
const BASE_MS: u64 = 1_000;

/// The longest wait.
const CAP_MS: u64 = 600_000;

/// A wait drawn evenly from nothing to one second, doubled with each attempt, ten minutes at the most: callers that failed together
/// come back apart (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015). `draw` is random.
pub(crate) fn wait(attempt: i64, draw: u64) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1).clamp(0, 30)).unwrap_or(30);
    let most = BASE_MS.saturating_mul(1 << doublings).min(CAP_MS);
    Duration::from_millis(draw % (most + 1))
}

/// 64 random bits; without a random source, the longest wait.
pub(crate) fn draw() -> u64 {
    getrandom::u64().unwrap_or(CAP_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn out_3_a_wait_stays_below_its_bound(attempt in any::<i64>(), draw in any::<u64>()) {
            let most = 1_000_u64.saturating_mul(1 << attempt.saturating_sub(1).clamp(0, 30)).min(600_000);
            prop_assert!(wait(attempt, draw) <= Duration::from_millis(most));
        }
    }

    #[test]
    fn out_3_waits_are_spread_over_all_of_their_range() {
        let waits: Vec<u128> = (0..2_000).map(|_| wait(5, draw()).as_millis()).collect();
        let mean = waits.iter().sum::<u128>() / 2_000;
        assert!((7_000..9_000).contains(&mean), "{mean}");
        assert!(waits.iter().any(|wait| *wait < 1_600) && waits.iter().any(|wait| *wait > 14_400));
    }
}
