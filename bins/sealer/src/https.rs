//! A C2SP tlog-witness over HTTPS.

use bearingwall_sealing::{Left, Offer, WitnessError};
use bearingwall_tlog::note::{Note, NoteSignature, VerifierKey};
use reqwest::StatusCode;
use reqwest::redirect::Policy;
use std::time::Duration;
use url::Url;

/// A cosignature is a line of about 150 bytes; a witness may sign with more than one key.
const ANSWER_MAX_BYTES: usize = 16_384;

pub(crate) struct HttpsWitness {
    url: String,
    key: VerifierKey,
    client: reqwest::Client,
}

impl HttpsWitness {
    #[expect(
        clippy::disallowed_methods,
        reason = "one host, which the configuration names; limits and no redirects are set here"
    )]
    pub(crate) fn new(url: &Url, key: VerifierKey) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(15))
            .build()?;
        Ok(Self {
            url: format!("{}/add-checkpoint", url.as_str().trim_end_matches('/')),
            key,
            client,
        })
    }

    pub(crate) fn name(&self) -> &str {
        self.key.name()
    }

    /// Offers a checkpoint, and verifies the cosignature that comes back.
    pub(crate) async fn leave(&self, offer: &Offer) -> Result<Left, WitnessError> {
        let sent = self.client.post(&self.url).body(offer.to_body()).send().await;
        let mut answer = sent.map_err(|error| self.unreachable(error.without_url()))?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| self.unreachable(error.without_url()))?
        {
            if body.len().saturating_add(chunk.len()) > ANSWER_MAX_BYTES {
                return Err(self.unreachable("its answer is too long"));
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::OK => self.cosigned(offer, &body),
            // It has seen another size than the one on record here: somebody else leaves checkpoints of this log.
            StatusCode::CONFLICT => Ok(Left::Refused("conflict")),
            StatusCode::UNPROCESSABLE_ENTITY => Ok(Left::Refused("inconsistent")),
            StatusCode::FORBIDDEN => Ok(Left::Refused("unknown-key")),
            StatusCode::NOT_FOUND => Ok(Left::Refused("unknown-log")),
            StatusCode::BAD_REQUEST => Ok(Left::Refused("malformed")),
            other => Err(self.unreachable(format!("it answered {other}"))),
        }
    }

    fn cosigned(&self, offer: &Offer, body: &[u8]) -> Result<Left, WitnessError> {
        let text = std::str::from_utf8(body).map_err(|error| self.unreachable(error))?;
        let mut note = Note::parse(offer.note.as_bytes()).map_err(|error| self.unreachable(error))?;
        for line in text.lines() {
            note.push(NoteSignature::parse(line).map_err(|error| self.unreachable(error))?);
        }
        // SECURITY: an answer that its key did not sign is worth nothing, whoever sent it.
        let signers = note
            .verify(std::slice::from_ref(&self.key))
            .map_err(|error| self.unreachable(error))?;
        if signers.iter().any(|signer| signer.time_s.is_some()) {
            Ok(Left::Kept(Some(text.to_owned())))
        } else {
            Err(self.unreachable("it did not cosign"))
        }
    }

    fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> WitnessError {
        WitnessError {
            name: self.name().to_owned(),
            source: source.into(),
        }
    }
}
