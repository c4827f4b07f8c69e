//! The cookie of a session in a browser: a random number, and a proof that it was made here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bearingwall_secrets::{DataKey, IndexKey, KeyError};
use bearingwall_tenancy::browser_sessions::SessionId;
use sha2::{Digest as _, Sha256};

const RANDOM_BYTES: usize = 32;
const PROOF_BYTES: usize = 16;

/// Makes cookies, and tells those that it has made from others.
pub(crate) struct Cookies {
    proofs: IndexKey,
    csrf: IndexKey,
}

impl Cookies {
    pub(crate) fn new(key: &DataKey) -> Self {
        Self {
            proofs: key.index_key("session/cookie/1"),
            csrf: key.index_key("session/csrf/1"),
        }
    }

    /// A new one, of 256 random bits.
    pub(crate) fn make(&self) -> Result<(String, SessionId), KeyError> {
        let mut random = [0; RANDOM_BYTES];
        getrandom::fill(&mut random).map_err(KeyError::Random)?;
        let cookie = URL_SAFE_NO_PAD.encode([random.as_slice(), &self.proof(&random)].concat());
        Ok((cookie, name(&random)))
    }

    /// The name of the cookie's session; none for a cookie that was not made here, so that nobody makes the database look
    /// for what they have guessed.
    // CONTROL: AUT-5
    pub(crate) fn id_of(&self, cookie: &str) -> Option<SessionId> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let (random, proof) = bytes.split_at_checked(RANDOM_BYTES)?;
        self.is_same(proof, &self.proof(random)).then(|| name(random))
    }

    /// What a page sends along with what it changes in the session of this cookie.
    pub(crate) fn csrf_token(&self, cookie: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.csrf.digest("csrf", cookie.as_bytes()))
    }

    // CONTROL: AUT-6
    pub(crate) fn is_csrf_token(&self, cookie: &str, token: &str) -> bool {
        self.is_same(token.as_bytes(), self.csrf_token(cookie).as_bytes())
    }

    /// Compares digests under a key that nobody outside knows, so that the time tells nothing of how far two texts agree.
    fn is_same(&self, one: &[u8], other: &[u8]) -> bool {
        self.csrf.digest("compare", one) == self.csrf.digest("compare", other)
    }

    fn proof(&self, random: &[u8]) -> [u8; PROOF_BYTES] {
        let mut proof = [0; PROOF_BYTES];
        for (to, from) in proof.iter_mut().zip(self.proofs.digest("cookie", random)) {
            *to = from;
        }
        proof
    }
}

/// The name under which the database knows a session: what stands in the database opens nothing.
fn name(random: &[u8]) -> SessionId {
    Sha256::digest(random).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cookies(key: u8) -> Cookies {
        Cookies::new(&DataKey::from_bytes(&[key; 32]).unwrap())
    }

    #[test]
    fn aut_5_a_cookie_that_was_not_made_here_is_no_session() {
        let ours = cookies(1);
        let (cookie, id) = ours.make().unwrap();
        assert_eq!(ours.id_of(&cookie), Some(id));
        assert_ne!(ours.make().unwrap(), (cookie.clone(), id));
        assert_eq!(cookies(2).id_of(&cookie), None, "another key");
        let bytes = URL_SAFE_NO_PAD.decode(&cookie).unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_eq!(ours.id_of(&URL_SAFE_NO_PAD.encode(other)), None, "byte {at}");
        }
        for length in 0..bytes.len() {
            assert_eq!(
                ours.id_of(&URL_SAFE_NO_PAD.encode(&bytes[..length])),
                None,
                "{length} bytes"
            );
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        for other in [URL_SAFE_NO_PAD.encode(longer), format!("{cookie}="), String::new()] {
            assert_eq!(ours.id_of(&other), None, "{other}");
        }
    }

    #[test]
    fn aut_6_a_token_is_good_for_the_session_that_it_was_made_for() {
        let ours = cookies(1);
        let ((one, _), (other, _)) = (ours.make().unwrap(), ours.make().unwrap());
        let token = ours.csrf_token(&one);
        assert!(ours.is_csrf_token(&one, &token));
        assert!(!ours.is_csrf_token(&other, &token) && !cookies(2).is_csrf_token(&one, &token));
        assert!(!ours.is_csrf_token(&one, "") && !ours.is_csrf_token(&one, &one));
    }
}
