//! Reads of a vault on the record: each time a secret leaves one, and what came of it. What is served from memory is no read.

use crate::{Secret, SecretError, SecretRef};
use bearingwall_core::{
    Classified as _, EventSink, IdGen as _, Outcome, RequestId, SecretRead, SecurityEvent, SystemIds,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads that may wait for the record to be opened: secrets open the database that the record is in.
const WAITING_MAX: usize = 256;

/// What a read that came to something is called in the record, in the place of an error's code.
const READ: &str = "read";

/// Where reads are reported, once there is such a place.
#[derive(Default)]
pub(crate) struct Reads {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    sink: Option<Arc<dyn EventSink>>,
    waiting: VecDeque<SecurityEvent>,
    lost: u64,
}

impl Reads {
    /// Opens the record, for what has waited too.
    pub(crate) fn open(&self, sink: Arc<dyn EventSink>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        for event in state.waiting.drain(..) {
            sink.report(event);
        }
        state.sink = Some(sink);
    }

    /// Reads that found no room to wait in.
    pub(crate) fn lost(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).lost
    }

    // CONTROL: SEC-4
    pub(crate) fn read(&self, reference: &SecretRef, read: Result<&Secret, &SecretError>) {
        let (outcome, reason, version) = match read {
            Ok(secret) => (Outcome::Success, READ, Some(secret.version().to_owned())),
            Err(error @ SecretError::Refused(_)) => (Outcome::Denied, error.code(), None),
            Err(error) => (Outcome::Failure, error.code(), None),
        };
        self.report("secret.read", outcome, reason, reference, version);
    }

    /// An old value is used on, because the vault is away.
    pub(crate) fn stale(&self, reference: &SecretRef, secret: &Secret, error: &SecretError) {
        let version = Some(secret.version().to_owned());
        self.report("secret.stale", Outcome::Success, error.code(), reference, version);
    }

    fn report(
        &self,
        event_type: &'static str,
        outcome: Outcome,
        reason: &'static str,
        reference: &SecretRef,
        version: Option<String>,
    ) {
        let event = SecurityEvent {
            event_type,
            outcome,
            reason,
            customer: None,
            subject: None,
            request: RequestId::from_uuid(SystemIds.v7()),
            route: None,
            proof: None,
            source_ip: None,
            secret: Some(SecretRead {
                reference: reference.to_string(),
                version,
            }),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sink) = &state.sink {
            sink.report(event);
        } else if state.waiting.len() < WAITING_MAX {
            state.waiting.push_back(event);
        } else {
            state.lost = state.lost.saturating_add(1);
        }
    }
}
