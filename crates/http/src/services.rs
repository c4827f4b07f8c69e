//! What the edge is wired to: six ports, a source of ids, what becomes of a token, and the limits it holds.

use crate::Rates;
use crate::assignments::Assignments;
use crate::sessions::Sessions;
use crate::visitor::TrustedProxies;
use bearingwall_authn::{BoxFuture, IdentityProvider};
use bearingwall_core::{BreakGlassId, Ctx, EventSink, IdGen};
use bearingwall_rbac::PolicyTable;
use bearingwall_tenancy::break_glass::OpenSession;
use bearingwall_tenancy::{TenancyError, TenantPool};
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
    /// Whether a member of the platform's staff may be in a tenant at this moment.
    pub staff: Arc<dyn StaffSessions>,
    /// What tenants give their own people beside the roles of their tokens.
    pub assignments: Arc<dyn Assignments>,
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
    /// Whose word about where a request comes from is taken.
    pub proxies: TrustedProxies,
}

/// Sessions of the platform's staff into tenants.
pub trait StaffSessions: Send + Sync {
    /// The tenant that this session of the context's own subject opens at this moment; none for any other session. It is
    /// asked for every request that names a session, so that one that was ended opens nothing more.
    ///
    /// # Errors
    /// When the answer cannot be had; the request is then refused.
    fn current<'a>(
        &'a self,
        ctx: &'a Ctx,
        session: BreakGlassId,
    ) -> BoxFuture<'a, Result<Option<OpenSession>, TenancyError>>;
}

impl StaffSessions for TenantPool {
    fn current<'a>(
        &'a self,
        ctx: &'a Ctx,
        session: BreakGlassId,
    ) -> BoxFuture<'a, Result<Option<OpenSession>, TenancyError>> {
        Box::pin(self.break_glass_current(ctx, session))
    }
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
    /// It works, and will not for long unless somebody sees to it.
    pub warned: bool,
}

impl Check {
    /// A dependency that works, or does not.
    #[must_use]
    pub const fn new(name: &'static str, passed: bool) -> Self {
        Self {
            name,
            passed,
            warned: false,
        }
    }

    /// With a warning, if there is one.
    #[must_use]
    pub const fn warned(mut self, warned: bool) -> Self {
        self.warned = warned;
        self
    }
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
    /// How often somebody may ask.
    pub rates: Rates,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            json_bytes: 1 << 20,
            import_bytes: 1 << 30,
            deadline: Duration::from_secs(30),
            rates: Rates::default(),
        }
    }
}
