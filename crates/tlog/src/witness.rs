//! A witness (C2SP tlog-witness) without its HTTP: the request, the state machine and where it remembers.

mod request;
mod store;

pub use request::AddCheckpointRequest;
pub use store::{FileStore, MemoryStore, WitnessStore, WitnessedCheckpoint};

use crate::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use crate::merkle::{MerkleError, SourceError, verify_consistency};
use crate::note::{CosigningKey, Note, NoteSignature, VerifierKey};
use bearingwall_core::{Classified, ErrorKind};
use std::collections::BTreeMap;

/// Why a witness could not answer, or a request could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// The request's body is not in the exact form.
    #[error("the request is malformed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The checkpoint in the request.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What the witness remembers could not be read or written; nothing was cosigned.
    #[error("the witness cannot read or write what it remembers")]
    Store(#[source] SourceError),
}

impl Classified for WitnessError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Malformed { .. } => ErrorKind::Invalid,
            Self::Checkpoint(error) => error.kind(),
            Self::Store(_) => ErrorKind::Unavailable,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "TLG-060",
            Self::Checkpoint(error) => error.code(),
            Self::Store(_) => "TLG-061",
        }
    }
}

/// What a witness answers to `add-checkpoint`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: the checkpoint is remembered, and this is the cosignature to send.
    Accepted(NoteSignature),
    /// 400: the request is malformed, or its old size is above the checkpoint's.
    Malformed,
    /// 404: the log is not known here.
    UnknownOrigin,
    /// 403: no known key of the log has signed, or a signature of one is bad.
    BadSignature,
    /// 409: the old size is not the latest size here, or a tree of the same size has another root.
    /// The body is the latest size here, of the type `text/x.tlog.size`.
    Conflict(u64),
    /// 422: the consistency proof does not verify.
    BadProof,
}

impl Answer {
    /// The HTTP status that C2SP tlog-witness gives to the answer.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Accepted(_) => 200,
            Self::Malformed => 400,
            Self::BadSignature => 403,
            Self::UnknownOrigin => 404,
            Self::Conflict(_) => 409,
            Self::BadProof => 422,
        }
    }

    /// The body: the cosignature line, the latest size, or nothing.
    #[must_use]
    pub fn body(&self) -> String {
        match self {
            Self::Accepted(signature) => format!("{signature}\n"),
            Self::Conflict(size) => format!("{size}\n"),
            _ => String::new(),
        }
    }
}

/// Remembers the latest checkpoint of each known log and cosigns what continues it.
#[derive(Debug)]
pub struct Witness<S> {
    key: CosigningKey,
    known: BTreeMap<String, Vec<VerifierKey>>,
    store: S,
}

impl<S: WitnessStore> Witness<S> {
    /// A witness for the known logs, by origin, each with the keys that may sign for it.
    pub fn new(key: CosigningKey, known: BTreeMap<String, Vec<VerifierKey>>, store: S) -> Self {
        Self { key, known, store }
    }

    /// The key by which its cosignatures are verified.
    #[must_use]
    pub fn verifier(&self) -> VerifierKey {
        self.key.verifier()
    }

    /// What it remembers.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Answers the body of an `add-checkpoint` request; the time is in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`WitnessError::Store`] when what is remembered cannot be read or written, [`WitnessError::Checkpoint`] for a time
    /// that no cosignature can hold. Nothing is cosigned then.
    pub fn add_checkpoint(&self, body: &[u8], now_s: u64) -> Result<Answer, WitnessError> {
        let Ok(request) = AddCheckpointRequest::parse(body) else {
            return Ok(Answer::Malformed);
        };
        let Ok(claimed) = Checkpoint::parse(request.checkpoint.text()) else {
            return Ok(Answer::Malformed);
        };
        let Some(keys) = self.known.get(claimed.origin()) else {
            return Ok(Answer::UnknownOrigin);
        };
        let Ok(signed) = SignedCheckpoint::verify(request.checkpoint, claimed.origin(), keys) else {
            return Ok(Answer::BadSignature);
        };
        if request.old_size > signed.size() {
            return Ok(Answer::Malformed);
        }
        let latest = self.store.latest(claimed.origin()).map_err(WitnessError::Store)?;
        let size = latest.as_ref().map_or(0, WitnessedCheckpoint::size);
        if request.old_size != size {
            return Ok(Answer::Conflict(size));
        }
        if let Some(refusal) = refusal(latest.as_ref(), &signed, &request.proof) {
            return Ok(refusal);
        }
        let signature = self
            .key
            .cosign(signed.note().text(), now_s)
            .map_err(CheckpointError::from)?;
        let mut note = Note::new(signed.note().text()).map_err(CheckpointError::from)?;
        signed
            .note()
            .signatures()
            .iter()
            .filter(|line| {
                let mut signers = signed.signers().iter().map(|signer| &signer.key);
                signers.any(|key| key.id() == line.id() && key.name() == line.name())
            })
            .chain([&signature])
            .for_each(|line| note.push(line.clone()));
        let new = WitnessedCheckpoint::new(note)?;
        // SECURITY: comparing and storing are one step, and the cosignature leaves only after it: two requests at once
        // could otherwise roll the log back.
        let stored = self.store.compare_and_store(claimed.origin(), latest.as_ref(), &new);
        if stored.map_err(WitnessError::Store)? {
            return Ok(Answer::Accepted(signature));
        }
        let latest = self.store.latest(claimed.origin()).map_err(WitnessError::Store)?;
        Ok(Answer::Conflict(latest.as_ref().map_or(0, WitnessedCheckpoint::size)))
    }
}

/// Why the checkpoint does not continue the latest one; `None` if it does.
fn refusal(
    latest: Option<&WitnessedCheckpoint>,
    signed: &SignedCheckpoint,
    proof: &[crate::hash::Hash],
) -> Option<Answer> {
    let (size, root) = latest.map_or_else(
        || (0, crate::hash::Hash::empty_root()),
        |latest| (latest.size(), *latest.root()),
    );
    if size == signed.size() && root != *signed.root() {
        return Some(Answer::Conflict(size));
    }
    let verified: Result<(), MerkleError> = verify_consistency(size, &root, signed.size(), signed.root(), proof);
    verified.is_err().then_some(Answer::BadProof)
}
