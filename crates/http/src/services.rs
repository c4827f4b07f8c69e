//! What the edge is wired to: four ports, a source of ids, what becomes of a token, and the limits it holds.

use crate::sessions::Sessions;
use bearingwall_authn::{BoxFuture, IdentityProvider};
use bearingwall_core::{EventSink, IdGen};
use bearingwall_rbac::PolicyTable;
use std::sync::Arc;
use std::time::Duration;

/// The ports that every route needs.
#[derive(Clone)]
pub struct Services {
    /// Who a bearer token speaks for.
    pub identity: Arc<dyn IdentityProvider>,
    /// Who may do what.
    pub permissions: Arc<PolicyTable>,
    /// Where refusals are reported to.
    pub events: Arc<dyn EventSink>,
    /// Whether the server can do its work.
    pub readiness: Arc<dyn Readiness>,
    /// Where correlation ids come from.
    pub ids: Arc<dyn IdGen>,
    /// Whether a verified token stays with its request, for a database that verifies it itself (the split-key profile).
    /// Otherwise nothing behind the verification ever holds it.
    pub keep_proof: bool,
    /// People in browsers; without it only bearer tokens are accepted, and there is no sign-in.
    pub sessions: Option<Arc<dyn Sessions>>,
    /// Whether routes of personal data are open to strong sign-ins only.
    pub strong_for_phi: bool,
}

/// Whether the server can do its work right now.
pub trait Readiness: Send + Sync {
    /// Looks at every dependency. The answer is kept for a second, so that a public probe costs no more than that.
    fn check(&self) -> BoxFuture<'_, Vec<Check>>;
}

/// One dependency, by a fixed name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    /// The dependency, as `database`.
    pub name: &'static str,
    /// Whether it works.
    pub passed: bool,
}

/// How much one request may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a JSON body.
    pub json_bytes: usize,
    /// Bytes of an import's body in all; it is streamed, so this bounds the work and not the memory.
    pub import_bytes: u64,
    /// How long a request may take that is not a stream.
    pub deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_bytes: 1 << 20,
            import_bytes: 1 << 30,
            deadline: Duration::from_secs(30),
        }
    }
}
