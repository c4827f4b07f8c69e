//! The secrets of one endpoint, and the one comparison of all signatures with all of them.

use super::{MAX_SECRETS, WebhookError};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{self, Algorithm, Context, Tag};

/// The keys that may have signed, the current one first.
pub(super) struct HmacKeys(Vec<hmac::Key>);

impl HmacKeys {
    /// # Errors
    /// [`WebhookError::Secrets`] for none, more than [`MAX_SECRETS`] and an empty one.
    pub(super) fn new<'a>(
        algorithm: Algorithm,
        secrets: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, WebhookError> {
        let mut keys = Vec::with_capacity(MAX_SECRETS);
        for secret in secrets {
            if secret.is_empty() || keys.len() == MAX_SECRETS {
                return Err(WebhookError::Secrets);
            }
            keys.push(hmac::Key::new(algorithm, secret));
        }
        if keys.is_empty() {
            Err(WebhookError::Secrets)
        } else {
            Ok(Self(keys))
        }
    }

    /// What each key makes of the parts, one after the other.
    pub(super) fn tags(&self, parts: &[&[u8]]) -> Vec<Tag> {
        let tag = |key| {
            let mut context = Context::with_key(key);
            parts.iter().for_each(|part| context.update(part));
            context.sign()
        };
        self.0.iter().map(tag).collect()
    }

    /// Which key made one of the signatures.
    // SECURITY: every signature is compared with every tag, whatever was found before: how long it takes says nothing.
    pub(super) fn signer(tags: &[Tag], signatures: &[impl AsRef<[u8]>]) -> Option<usize> {
        let mut signer = None;
        for (place, tag) in tags.iter().enumerate() {
            for signature in signatures {
                let is_same = verify_slices_are_equal(tag.as_ref(), signature.as_ref()).is_ok();
                signer = signer.or(is_same.then_some(place));
            }
        }
        signer
    }
}
