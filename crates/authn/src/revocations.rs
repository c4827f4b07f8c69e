//! The deny-list of sessions and subjects, as every verification looks at it: in memory, and never older than a bound.

use crate::error::AuthnError;
use crate::keyring::millis;
use arc_swap::ArcSwap;
use bearingwall_core::{Clock, SubjectId};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use uuid::Uuid;

const NEVER_MS: i64 = i64::MIN;

/// What an entry's key names. An entry of one kind says nothing about another, though its key were the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevocationOf {
    /// A session.
    Session,
    /// A person.
    Subject,
    /// A person, of whose tokens those end that name no session.
    Sessionless,
}

/// One entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What the key names.
    pub of: RevocationOf,
    /// The key of a session ([`session_key`](crate::session_key)) or of a subject.
    pub key: Uuid,
    /// Tokens issued at this second (Unix time) or before are refused; all of them where there is none.
    pub not_before_s: Option<i64>,
    /// When the entry may be forgotten (Unix time).
    pub until_s: i64,
}

/// The list. Whoever keeps it calls [`Revocations::refreshed`] again and again; a verifier that has not heard from them for
/// longer than the bound refuses everything.
pub struct Revocations {
    clock: Arc<dyn Clock>,
    limit_ms: i64,
    refreshed_ms: AtomicI64,
    entries: ArcSwap<HashMap<(RevocationOf, Uuid), Revocation>>,
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations")
            .field("entries", &self.entries.load().len())
            .finish_non_exhaustive()
    }
}

impl Revocations {
    /// An empty list that nobody has filled yet: until then, and whenever the last [`Revocations::refreshed`] is longer
    /// ago than `limit`, no token is accepted.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, limit: Duration) -> Self {
        Self {
            clock,
            limit_ms: millis(limit),
            refreshed_ms: AtomicI64::new(NEVER_MS),
            entries: ArcSwap::default(),
        }
    }

    /// The list was read at `read_at_ms` (Unix time, when reading began): these entries are new, and what is over is
    /// forgotten. With `from_the_beginning` they are all there are.
    pub fn refreshed(&self, read_at_ms: i64, new: &[Revocation], from_the_beginning: bool) {
        let now_s = self.clock.unix_ms().div_euclid(1000);
        let before = self.entries.load();
        if !new.is_empty() || from_the_beginning || before.values().any(|entry| entry.until_s <= now_s) {
            let mut entries = if from_the_beginning {
                HashMap::new()
            } else {
                HashMap::clone(&before)
            };
            entries.extend(new.iter().map(|entry| ((entry.of, entry.key), *entry)));
            entries.retain(|_, entry| entry.until_s > now_s);
            self.entries.store(Arc::new(entries));
        }
        self.refreshed_ms.fetch_max(read_at_ms, Ordering::AcqRel);
    }

    /// Refuses a token of a session or a subject on the list, and every token while the list is too old to tell.
    // CONTROL: AUT-4
    pub(crate) fn check(&self, subject: SubjectId, session: Option<Uuid>, issued_s: i64) -> Result<(), AuthnError> {
        let refreshed_ms = self.refreshed_ms.load(Ordering::Acquire);
        let age_ms = self.clock.unix_ms().saturating_sub(refreshed_ms);
        if refreshed_ms == NEVER_MS || age_ms > self.limit_ms {
            return Err(AuthnError::RevocationsUnknown);
        }
        let entries = self.entries.load();
        let is_over = |of: RevocationOf, key: Uuid| {
            let entry = entries.get(&(of, key));
            entry.is_some_and(|entry| entry.not_before_s.is_none_or(|not_before_s| issued_s <= not_before_s))
        };
        let person = subject.as_uuid();
        let of_session = match session {
            Some(session) => is_over(RevocationOf::Session, session),
            None => is_over(RevocationOf::Sessionless, person),
        };
        if of_session || is_over(RevocationOf::Subject, person) {
            return Err(AuthnError::Revoked);
        }
        Ok(())
    }
}
