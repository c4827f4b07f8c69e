//! One cheap hash for words and features: weights and lists are found by it, so it never changes within a format.

const A: u64 = 0x9e37_79b9_7f4a_7c15;
const B: u64 = 0xc2b2_ae3d_27d4_eb4f;
const C: u64 = 0x1656_67b1_9e37_79f9;

/// Of a folded spelling.
pub(crate) fn bytes(bytes: &[u8]) -> u64 {
    let mut state = of_length(bytes.len());
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = chunk
            .iter()
            .rev()
            .fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
        state = mix(state, word);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let word = rest
            .iter()
            .rev()
            .fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
        state = mix(state, word);
    }
    state
}

/// What the hash of a spelling of `length` bytes begins with.
pub(crate) const fn of_length(length: usize) -> u64 {
    (length as u64).wrapping_mul(A)
}

/// Of two values.
pub(crate) const fn mix(left: u64, right: u64) -> u64 {
    let state = left.wrapping_mul(A) ^ right.rotate_left(29).wrapping_mul(B);
    (state ^ (state >> 32)).wrapping_mul(C)
}

/// Of a feature: its template and up to two values.
pub(crate) const fn feature(template: u64, left: u64, right: u64) -> u64 {
    let state = left.wrapping_mul(A) ^ right.rotate_left(29).wrapping_mul(B) ^ template.wrapping_mul(C);
    (state ^ (state >> 31)).wrapping_mul(A)
}
