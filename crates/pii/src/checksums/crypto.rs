//! Addresses of cryptocurrencies.

use crate::bytes::part;
use sha2::{Digest, Sha256};

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/// A version, twenty bytes of a hash, and four that check.
const DECODED: usize = 25;

/// A Bitcoin address in Base58Check or in Bech32 (BIP 173, by its structure), or an Ethereum address.
pub(crate) fn address(value: &[u8]) -> bool {
    match value {
        [b'1' | b'3', ..] if (26..=35).contains(&value.len()) => base58check(value),
        [b'b', b'c', b'1', rest @ ..] if (39..=59).contains(&rest.len()) => rest
            .iter()
            .all(|byte| b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(byte)),
        [b'0', b'x', rest @ ..] => rest.len() == 40 && rest.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    }
}

fn base58check(value: &[u8]) -> bool {
    let mut decoded = [0_u8; DECODED];
    for byte in value {
        let Some(digit) = BASE58.iter().position(|known| known == byte) else {
            return false;
        };
        let mut carry = digit;
        for slot in decoded.iter_mut().rev() {
            carry += usize::from(*slot) * 58;
            *slot = u8::try_from(carry % 256).unwrap_or(0);
            carry /= 256;
        }
        if carry > 0 {
            return false;
        }
    }
    let digest = Sha256::digest(Sha256::digest(part(&decoded, 0, DECODED - 4)));
    digest.iter().take(4).eq(part(&decoded, DECODED - 4, DECODED))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_checked() {
        // The first block's, and one of BIP 173.
        assert!(address(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"));
        assert!(!address(b"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb"));
        assert!(address(b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"));
        assert!(address(b"0x742d35Cc6634C0532925a3b844Bc454e4438f44e"));
        assert!(!address(b"0x742d35Cc6634C0532925a3b844Bc454e4438f44"));
    }
}
