//! Reads of vaults wait here for the sealer's connection, which is what they opened.

use bearingwall_core::{EventSink, SecurityEvent};
use bearingwall_sealing::{Sealer, SealingError};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Reads that may wait: a database that is away for long is asked for again and again.
const WAITING_MAX: usize = 1_024;

/// How many go onto the record in one round, so that sealing is not held up; and fewer than the record takes in a second.
const AT_ONCE: usize = 8;

/// What was read and stands on the record not yet.
#[derive(Default)]
pub(crate) struct Reads {
    waiting: Mutex<VecDeque<SecurityEvent>>,
}

impl EventSink for Reads {
    fn report(&self, event: SecurityEvent) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.push_back(event);
        } else {
            tracing::error!(
                event = event.event_type,
                "a read of a vault did not reach the audit record"
            );
        }
    }
}

impl Reads {
    /// Puts some of them onto the record. What fails waits on.
    // CONTROL: SEC-4
    pub(crate) async fn record(&self, sealer: &Sealer) -> Result<(), SealingError> {
        for _ in 0..AT_ONCE {
            let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(event) = next else { return Ok(()) };
            if let Err(error) = sealer.record_read(&event).await {
                self.waiting
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push_front(event);
                return Err(error);
            }
        }
        Ok(())
    }
}
