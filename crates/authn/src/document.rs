//! Fetching discovery documents and key sets: https (http on loopback only), no redirects, small and in time.

use crate::json::{self, Json};
use bearingwall_core::{Classified, ErrorKind};
use std::time::Duration;
use url::{Host, Url};

const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Why a document of an issuer could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DocumentError {
    /// The transport failed or took too long.
    #[error("the document could not be fetched")]
    Transport {
        /// Why, without the address.
        #[source]
        source: reqwest::Error,
    },
    /// The answer was no 200; redirects are not followed.
    #[error("the document was answered with status {status}")]
    Status {
        /// The status code.
        status: u16,
    },
    /// The answer is longer than 256 KiB.
    #[error("the document is longer than 256 KiB")]
    TooLarge,
    /// The discovery document breaks a rule.
    #[error("the discovery document is refused: {what}")]
    Discovery {
        /// The rule.
        what: &'static str,
    },
    /// The key set holds no JWK list, or at start no usable key.
    #[error("the key set holds no usable key")]
    NoKeys,
}

impl Classified for DocumentError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Unavailable
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Transport { .. } => "AUT-030",
            Self::Status { .. } => "AUT-031",
            Self::TooLarge => "AUT-032",
            Self::Discovery { .. } => "AUT-033",
            Self::NoKeys => "AUT-034",
        }
    }
}

/// An address that documents may be fetched from: https, or http where nobody else is on the wire.
pub(crate) fn location(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_loopback = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback);
    (is_plain && is_safe).then_some(url)
}

/// The client for such documents.
#[derive(Clone)]
pub(crate) struct Documents {
    client: reqwest::Client,
}

impl Documents {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one client for key sets: no redirects, time and size limits"
    )]
    pub(crate) fn new(timeout: Duration) -> Result<Self, DocumentError> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            // One document in ten minutes: a kept connection would only be found dead, and would belong to the
            // runtime of whichever worker opened it.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|source| DocumentError::Transport { source })?;
        Ok(Self { client })
    }

    /// The key set's address in the issuer's discovery document (OpenID Connect Discovery 1.0, section 4).
    pub(crate) async fn discovered(&self, issuer: &str, location: &Url) -> Result<Url, DocumentError> {
        let refuse = |what| DocumentError::Discovery { what };
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let address = self::location(&address).ok_or(refuse("its address cannot be made"))?;
        let document = json::object(&self.fetch(address).await?).ok_or(refuse("no plain JSON object"))?;
        // SECURITY: section 4.3; otherwise one issuer could answer in another's name.
        if document.get("issuer").and_then(Json::text) != Some(issuer) {
            return Err(refuse("it names another issuer"));
        }
        let jwks = document.get("jwks_uri").and_then(Json::text).and_then(self::location);
        let jwks = jwks.ok_or(refuse("its key set is not at an https address"))?;
        if jwks.origin() != location.origin() {
            return Err(refuse("its key set is on another origin"));
        }
        Ok(jwks)
    }

    pub(crate) async fn fetch(&self, address: Url) -> Result<Vec<u8>, DocumentError> {
        let transport = |source: reqwest::Error| DocumentError::Transport {
            source: source.without_url(),
        };
        let mut answer = self
            .client
            .get(address)
            .header("accept", "application/json")
            .send()
            .await
            .map_err(transport)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(DocumentError::Status {
                status: answer.status().as_u16(),
            });
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(transport)? {
            if body.len() + chunk.len() > MAX_DOCUMENT_BYTES {
                return Err(DocumentError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
