//! RSA moduli of the ROCA family: Infineon's key generator of 2012 to 2017 left a mark that anybody can test.

/// The primes from 3 to 167 that the published test uses (Nemec et al., CCS 2017; CVE-2017-15361).
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Whether the modulus (big-endian) is a power of 65537 modulo every one of the primes, as ROCA moduli are.
/// One in 240 million other moduli passes all of the tests too, and would be refused without need.
pub(super) fn is_roca(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|prime| {
        let residue = modulus
            .iter()
            .fold(0, |value, byte| (value * 256 + u32::from(*byte)) % prime);
        is_power_of_65537(residue, *prime)
    })
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    let generator = 65_537 % prime;
    let mut power = 1;
    loop {
        if power == residue {
            return true;
        }
        power = power * generator % prime;
        if power == 1 {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_65537_carry_the_mark_and_their_neighbours_do_not() {
        // 65537^4 fits 16 bytes with room: exactly what the mark means, without a real weak key.
        let marked = 65_537_u128.pow(4);
        assert!(is_roca(&marked.to_be_bytes()));
        assert!(!is_roca(&(marked + 2).to_be_bytes()));
    }

    #[test]
    fn the_primes_are_all_odd_primes_up_to_167() {
        let is_prime = |n: u32| (2..n).all(|d| !n.is_multiple_of(d));
        let expected: Vec<u32> = (3..=167).filter(|n| is_prime(*n)).collect();
        assert_eq!(PRIMES.as_slice(), expected);
    }
}
