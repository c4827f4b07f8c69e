//! The last eight bytes of a shipped file: a sum by which a damaged file is told from a whole one.
//!
//! It guards against damage, not against somebody who can write the file: he can write the program too.

use super::hash;

/// What stands before the sum, if the sum is right.
///
/// Each step of the sum is a bijection of what came before and of the next eight bytes, so that no change within eight
/// aligned bytes goes unseen.
pub(crate) fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (content, sum) = bytes.split_last_chunk::<8>()?;
    (u64::from_le_bytes(*sum) == hash::bytes(content)).then_some(content)
}

/// The content with its sum.
#[cfg(any(test, feature = "train"))]
pub(crate) fn sealed(mut content: Vec<u8>) -> Vec<u8> {
    content.extend_from_slice(&hash::bytes(&content).to_le_bytes());
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_changed_byte_and_any_shorter_file_is_told(content in proptest::collection::vec(any::<u8>(), 0..60), place: usize, change in 1_u8..) {
            let whole = sealed(content.clone());
            prop_assert_eq!(unsealed(&whole), Some(content.as_slice()));
            let mut damaged = whole.clone();
            let place = place % whole.len();
            damaged[place] ^= change;
            prop_assert_eq!(unsealed(&damaged), None);
            prop_assert_eq!(unsealed(&whole[..place]), None);
        }
    }
}
