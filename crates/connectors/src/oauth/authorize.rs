//! The way of the browser: where it is sent, and whether what it brings back is the answer.

use super::{OauthError, Provider, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use bearingwall_core::Sensitive;
use std::fmt;
use url::Url;

/// Random bytes of `state` and of the PKCE verifier: 43 characters, the shortest verifier that there may be (RFC 7636, 4.1).
const RANDOM_BYTES: usize = 32;

/// The longest `code` that is taken to a provider, in bytes.
const CODE_BYTES: usize = 4096;

/// What is kept of an attempt until the browser comes back. It prints without its content.
#[derive(Debug)]
pub struct Attempt {
    provider: String,
    state_sha256: [u8; 32],
    verifier: Sensitive<String>,
    scopes: Vec<String>,
}

/// An attempt that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes. It holds `state`: for the person who began, and for nobody else.
    pub location: Sensitive<String>,
    /// What is kept.
    pub attempt: Attempt,
}

/// What the browser brings back in the query.
#[derive(Default)]
pub struct Callback {
    /// The code.
    pub code: Option<String>,
    /// What was sent along.
    pub state: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback(…)")
    }
}

/// A code that is the answer to one attempt at one provider, with the verifier that only it is traded with. Only
/// [`Provider::answered`] makes it, and trading it consumes it.
#[derive(Debug)]
pub struct Code {
    pub(super) provider: String,
    pub(super) code: Sensitive<String>,
    pub(super) verifier: Sensitive<String>,
    pub(super) scopes: Vec<String>,
}

impl Attempt {
    /// The provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// SHA-256 of `state`: whoever reads it where it is kept cannot answer with it.
    #[must_use]
    pub const fn state_sha256(&self) -> &[u8; 32] {
        &self.state_sha256
    }
}

impl Provider {
    /// Begins: 256 random bits of `state`, a PKCE verifier of as many, and the scopes that are asked for; all that the operator
    /// names where nobody says otherwise.
    ///
    /// # Errors
    /// [`OauthError::Scope`] for one that the operator does not name; [`OauthError::Random`].
    // CONTROL: CON-15
    pub fn begin(&self, scopes: &[String]) -> Result<Begun, OauthError> {
        let settings = &self.settings;
        if !scopes.iter().all(|scope| settings.scopes.contains(scope)) {
            return Err(OauthError::Scope);
        }
        let scopes = if scopes.is_empty() { &settings.scopes } else { scopes };
        let (state, verifier) = (random()?, random()?);
        let challenge = BASE64_URL.encode(crate::webhooks::sha256(verifier.as_bytes()));
        let mut location = settings.authorization_endpoint.clone();
        location
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri)
            .append_pair("scope", &scopes.join(" "))
            .append_pair("state", &state)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(Begun {
            location: Sensitive::new(Url::into(location)),
            attempt: Attempt {
                provider: settings.name.clone(),
                state_sha256: crate::webhooks::sha256(state.as_bytes()),
                verifier: Sensitive::new(verifier),
                scopes: scopes.to_vec(),
            },
        })
    }

    /// Takes what came back for the answer to an attempt, which is used up by it, whatever comes of it.
    ///
    /// # Errors
    /// [`OauthError::Callback`] for an answer to another attempt, of another issuer or to another provider's, before anything
    /// else of it is believed; [`OauthError::Refused`] where the provider says why there is no code.
    // CONTROL: CON-15
    pub fn answered(&self, attempt: Attempt, callback: Callback) -> Result<Code, OauthError> {
        let refuse = |what| OauthError::Callback { what };
        if attempt.provider != self.settings.name {
            return Err(refuse("it was begun at another provider"));
        }
        // SECURITY: digests are compared, so that how long it takes tells nothing of how far a guess agrees.
        let state = callback.state.map(|state| crate::webhooks::sha256(state.as_bytes()));
        if state != Some(attempt.state_sha256) {
            return Err(refuse("its state is another"));
        }
        match (&callback.iss, &self.settings.issuer) {
            (Some(said), Some(expected)) if said == expected => {}
            (None, _) if !self.settings.issuer_required => {}
            (None, _) => return Err(refuse("it does not say who answers")),
            (Some(_), _) => return Err(refuse("another issuer answers")),
        }
        if let Some(error) = callback.error {
            let refusal = Refusal::of(&error);
            return Err(OauthError::Refused { refusal });
        }
        let is_code = |code: &String| {
            (1..=CODE_BYTES).contains(&code.len()) && code.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        };
        let code = callback
            .code
            .filter(is_code)
            .ok_or_else(|| refuse("it carries no code"))?;
        Ok(Code {
            provider: attempt.provider,
            code: Sensitive::new(code),
            verifier: attempt.verifier,
            scopes: attempt.scopes,
        })
    }
}

fn random() -> Result<String, OauthError> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(OauthError::Random)?;
    Ok(BASE64_URL.encode(bytes))
}
