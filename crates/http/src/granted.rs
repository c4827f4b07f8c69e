//! The witness that a handler's first argument must be: somebody was identified and may do this.

use crate::assignments::{to_note, union};
use crate::authentication::{Caller, Used};
use crate::edge::{Edge, throttled};
use crate::routes::{Cost, Matched, RateClass};
use crate::visitor::Visitor;
use crate::{HttpError, Problem};
use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bearingwall_core::{Ctx, CtxParts, CustomerId, Origin, Principal, PurposeOfUse, RequestId, Role};
use bearingwall_rbac::{Permission, PermissionSet, Permit, PlatformPermission, Scope, TenantPermission};
use bearingwall_telemetry::TraceContext;
use std::future::{Ready, ready};
use std::sync::Arc;
use tracing::Span;

/// The header in which a caller says why personal data is touched; treatment where it says nothing.
pub const PURPOSE: HeaderName = HeaderName::from_static("bearingwall-purpose");

/// Proof that the caller of this request holds `P`; only the framework's own extraction makes it.
pub struct Granted<P: Permission> {
    permit: Permit<P>,
    ctx: Ctx,
    assigned: PermissionSet,
}

impl<P: Permission> Granted<P> {
    /// Who calls.
    #[must_use]
    pub const fn principal(&self) -> &Arc<Principal> {
        self.permit.principal()
    }

    /// What the caller's tenant has assigned to it, all together.
    pub(crate) const fn assigned(&self) -> PermissionSet {
        self.assigned
    }

    /// The permit itself.
    #[must_use]
    pub const fn permit(&self) -> &Permit<P> {
        &self.permit
    }
}

impl<P: TenantPermission> Granted<P> {
    /// The verified context. It exists for a tenant's permissions alone, whose permit proves that there is a tenant.
    #[must_use]
    pub const fn ctx(&self) -> &Ctx {
        &self.ctx
    }
}

impl<P: PlatformPermission> Granted<P> {
    /// The verified context in the platform's own tenant, whatever tenant the caller may be in.
    #[must_use]
    pub const fn platform_ctx(&self) -> &Ctx {
        &self.ctx
    }
}

impl<P: Permission> FromRequest for Granted<P> {
    type Error = Problem;
    // Ready at the first poll, so that a refusal is always decided before a later argument reads the body.
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(grant(request))
    }
}

// CONTROL: RBC-1
fn grant<P: Permission>(request: &HttpRequest) -> Result<Granted<P>, Problem> {
    let edge = request.app_data::<web::Data<Edge>>().ok_or(HttpError::Framework)?;
    let extensions = request.extensions();
    let id = *extensions.get::<RequestId>().ok_or(HttpError::Framework)?;
    let caller = extensions
        .get::<Caller>()
        .ok_or(HttpError::Credentials { found: "none" })?;
    let principal = &caller.principal;
    let (permissions, assigned) = (&edge.services().permissions, union(&caller.assigned));
    let permit = permissions.permit::<P>(principal, assigned)?;
    let used = if permissions.allows(principal.roles, P::ID) {
        Vec::new()
    } else {
        to_note(&caller.assigned, P::ID)
    };
    // CONTROL: AUT-7
    // To open it to somebody takes what it takes to see it: a second person who signed in weakly is none.
    let reaches_phi = P::ID.is_phi() || P::ID.opens_phi();
    if edge.services().strong_for_phi && reaches_phi && !principal.strong {
        return Err(HttpError::WeakSignIn.into());
    }
    // CONTROL: RBC-4
    // Whatever else the token carries: the platform's staff is in a tenant under a session, and not otherwise.
    let is_staff = principal.roles.contains(Role::InternalAdmin);
    if is_staff && P::ID.scope() == Scope::Tenant && caller.session.is_none() {
        return Err(HttpError::BreakGlass.into());
    }
    // Refused before anything else of the request is read, and after the permission: who may not do it is told that.
    let cost = extensions.get::<Cost>().map_or(RateClass::Bulk, |cost| cost.0);
    if let Err(too_soon) = edge.buckets().request(principal, cost) {
        drop(extensions);
        return Err(throttled(request, too_soon));
    }
    let purpose = purpose(request.headers())?;
    #[expect(
        clippy::disallowed_methods,
        reason = "the token was verified by the identity provider and the permission by the table, in this request"
    )]
    let ctx = Ctx::danger_assume_verified(CtxParts {
        subject: principal.subject,
        customer: match P::ID.scope() {
            // Without a tenant there is no tenant permission, and `ctx()` is out of reach.
            Scope::Tenant | Scope::Identity => principal.customer.unwrap_or(CustomerId::PLATFORM),
            Scope::Platform => CustomerId::PLATFORM,
        },
        roles: principal.roles,
        request: id,
        purpose,
        expires_at: principal.expires_at,
        route: extensions.get::<Matched>().map(|matched| matched.0),
    });
    let ctx = match &caller.proof {
        Some(proof) => ctx.with_proof(proof.clone()),
        None => ctx,
    };
    let ctx = match caller.session {
        Some(session) => ctx.with_break_glass(session),
        None => ctx,
    };
    let ctx = ctx.with_origin(Origin {
        source_ip: extensions.get::<Visitor>().map(|visitor| visitor.0),
        trace: TraceContext::of(&Span::current()).map(|context| context.ids()),
    });
    // The one place where a context of a request is made: what needs the names need not be told of them.
    let ctx = ctx.with_names(principal.names.clone());
    drop(extensions);
    if !used.is_empty() {
        request.extensions_mut().insert(Used(used));
    }
    Ok(Granted { permit, ctx, assigned })
}

fn purpose(headers: &HeaderMap) -> Result<PurposeOfUse, HttpError> {
    let mut values = headers.get_all(&PURPOSE);
    let Some(value) = values.next() else {
        return Ok(PurposeOfUse::default());
    };
    let refused = |reason| HttpError::Header {
        name: "Bearingwall-Purpose",
        reason,
    };
    if values.next().is_some() {
        return Err(refused("stands there more than once"));
    }
    value
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| refused("is none of TREAT, HOPERAT, HPAYMT, PATRQT, SYSADMIN"))
}
