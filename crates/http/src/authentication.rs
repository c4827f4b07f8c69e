//! Everything under `/v1` proves an identity first, unknown paths included: by a bearer token, or by a session.

use crate::assignments::Assigned;
use crate::edge::Edge;
use crate::sessions::{self, Sessions};
use crate::{HttpError, Problem, Services};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, web};
use bearingwall_core::{
    AssignmentId, BearerProof, BreakGlassId, Classified as _, Ctx, CtxParts, CustomerId, Principal, PurposeOfUse,
    RequestId, Role, RoleSet,
};
use bearingwall_telemetry::error_chain;
use std::sync::Arc;

/// The header in which a member of the platform's staff names the session under which it enters a tenant.
pub const BREAK_GLASS: HeaderName = HeaderName::from_static("bearingwall-break-glass");

/// The longest credential that is looked at, in bytes.
const CREDENTIAL_BYTES: usize = 16 * 1024;

/// Verifies the bearer and keeps the principal for the route, or answers 401.
///
/// It runs before routing inside `/v1`, so that an anonymous caller cannot tell a path that exists from one that does
/// not. The principal must be there before any argument of a handler is read: otherwise a broken body would be
/// answered before a missing permission.
pub(crate) async fn authenticate(
    edge: web::Data<Edge>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match principal(&edge, request.method(), request.headers()).await {
        Ok((principal, proof)) => {
            let caller = Caller {
                principal,
                proof,
                session: None,
                assigned: Arc::default(),
            };
            // Who it is stands there before a session is looked at: a refusal of that is a refusal of somebody.
            request.extensions_mut().insert(caller.clone());
            let placed = match named_session(request.headers()) {
                Ok(None) => at_home(&edge, &request, &caller).await,
                Ok(Some(session)) => inside_tenant(&edge, &request, &caller, session).await,
                Err(error) => Err(error.into()),
            };
            match placed {
                Ok(placed) => request.extensions_mut().insert(placed),
                Err(problem) => return Ok(request.error_response(problem)),
            };
            let response = next.call(request).await?;
            note_use(&edge, response.request()).await;
            Ok(response.map_into_boxed_body())
        }
        Err(problem) => Ok(request.error_response(problem)),
    }
}

/// Who calls: one value, so that nobody is in a tenant under a session without what says so.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) principal: Arc<Principal>,
    /// The token that proved it, where the database asks for it.
    pub(crate) proof: Option<BearerProof>,
    /// The session under which a member of the platform's staff is in the tenant.
    pub(crate) session: Option<BreakGlassId>,
    /// What its own tenant has assigned to it.
    pub(crate) assigned: Arc<[Assigned]>,
}

/// The assignments that alone permitted the request, where their use is to be noted.
pub(crate) struct Used(pub(crate) Vec<AssignmentId>);

impl Caller {
    /// A context for what is looked up about the caller before the route is known.
    fn ctx(&self, request: &HttpRequest, customer: CustomerId) -> Result<Ctx, HttpError> {
        let id = *request.extensions().get::<RequestId>().ok_or(HttpError::Framework)?;
        let principal = &self.principal;
        #[expect(
            clippy::disallowed_methods,
            reason = "the token was verified by the identity provider; the tenant is the token's, or the platform's own for its staff"
        )]
        let ctx = Ctx::danger_assume_verified(CtxParts {
            subject: principal.subject,
            customer,
            roles: principal.roles,
            request: id,
            purpose: PurposeOfUse::SystemAdministration,
            expires_at: principal.expires_at,
            route: None,
        });
        Ok(match &self.proof {
            Some(proof) => ctx.with_proof(proof.clone()),
            None => ctx,
        })
    }

    /// The tenant in which assignments count: none for the platform's staff.
    fn home(&self) -> Option<CustomerId> {
        let customer = self.principal.customer.filter(|customer| !customer.is_platform())?;
        (self.session.is_none() && !self.principal.roles.contains(Role::InternalAdmin)).then_some(customer)
    }
}

/// Somebody in its own tenant, with what is assigned to it there.
// CONTROL: RBC-5
async fn at_home(edge: &Edge, request: &ServiceRequest, caller: &Caller) -> Result<Caller, Problem> {
    let Some(customer) = caller.home() else {
        return Ok(caller.clone());
    };
    let ctx = caller.ctx(request.request(), customer)?;
    Ok(Caller {
        assigned: edge.services().assignments.current(&ctx).await?,
        ..caller.clone()
    })
}

/// When the handler is done, and once an hour for an assignment: a note that fails fails no answer.
// CONTROL: RBC-6
async fn note_use(edge: &Edge, request: &HttpRequest) {
    let used = request.extensions_mut().remove::<Used>();
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(Used(used)), Some(caller)) = (used, caller) else {
        return;
    };
    let Some(Ok(ctx)) = caller.home().map(|customer| caller.ctx(request, customer)) else {
        return;
    };
    if let Err(error) = edge.services().assignments.used(&ctx, &used).await {
        tracing::warn!(code = error.code(), error = %error_chain(&error), "the use of a role was not noted");
    }
}

/// A member of the platform's staff as what a session makes of it: in one tenant, with the permissions of a reader beside its
/// own, until the session or the token ends.
// CONTROL: RBC-4
async fn inside_tenant(
    edge: &Edge,
    request: &ServiceRequest,
    caller: &Caller,
    session: BreakGlassId,
) -> Result<Caller, Problem> {
    let principal = &caller.principal;
    if !principal.roles.contains(Role::InternalAdmin) {
        return Err(HttpError::BreakGlass.into());
    }
    let ctx = caller.ctx(request.request(), CustomerId::PLATFORM)?;
    let open = edge.services().staff.current(&ctx, session).await?;
    let open = open.ok_or(HttpError::BreakGlass)?;
    let inside = Principal {
        subject: principal.subject,
        customer: Some(open.customer),
        // SECURITY: what else the token carries is about another tenant; nothing of it counts in this one.
        roles: RoleSet::EMPTY.with(Role::InternalAdmin).with(Role::Authenticated),
        expires_at: principal.expires_at.min(open.expires_at),
        // Who comes as the platform's staff may be a client of the tenant, too.
        names: principal.names.clone(),
        strong: principal.strong,
        signed_in: principal.signed_in,
    };
    Ok(Caller {
        principal: Arc::new(inside),
        proof: caller.proof.clone(),
        session: Some(session),
        assigned: Arc::default(),
    })
}

/// The session that the request names, at most one.
fn named_session(headers: &HeaderMap) -> Result<Option<BreakGlassId>, HttpError> {
    let refused = |reason| HttpError::Header {
        name: "Bearingwall-Break-Glass",
        reason,
    };
    let mut values = headers.get_all(&BREAK_GLASS);
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(refused("stands there more than once"));
    }
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| refused("is not the id of a session"))
}

/// Who calls, and the token that proved it where the database asks for it.
async fn principal(
    edge: &Edge,
    method: &Method,
    headers: &HeaderMap,
) -> Result<(Arc<Principal>, Option<BearerProof>), Problem> {
    let services = edge.services();
    let opened;
    let bearer = match session_cookie(services, headers)? {
        // SECURITY: whoever sends both means one of them, and a page that can add a header must not choose which.
        Some(_) if headers.contains_key(AUTHORIZATION) => {
            let found = "a session and a bearer token";
            return Err(HttpError::Credentials { found }.into());
        }
        Some((sessions, cookie)) => {
            let cookie = sessions::own_page(sessions.as_ref(), method, headers, cookie)?;
            opened = sessions.open(&cookie).await?.bearer;
            opened.as_str()
        }
        None => bearer(headers).map_err(|found| HttpError::Credentials { found })?,
    };
    let principal = services.identity.verify(bearer).await?;
    let proof = services.keep_proof.then(|| BearerProof::new(bearer.to_owned()));
    Ok((principal, proof))
}

/// The sessions, and the cookie of one.
type Held<'a> = (&'a Arc<dyn Sessions>, String);

fn session_cookie<'a>(services: &'a Services, headers: &HeaderMap) -> Result<Option<Held<'a>>, HttpError> {
    let Some(sessions) = &services.sessions else {
        return Ok(None);
    };
    Ok(sessions::cookie_of(headers, sessions::SESSION)?.map(|cookie| (sessions, cookie)))
}

/// The token of the one `Authorization: Bearer …` header (RFC 6750 section 2.1), or what is wrong with the headers.
///
/// Two headers are refused: two readers of the same request could choose differently.
fn bearer(headers: &HeaderMap) -> Result<&str, &'static str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let value = values.next().ok_or("none")?;
    if values.next().is_some() {
        return Err("more than one");
    }
    if value.len() > CREDENTIAL_BYTES {
        return Err("too long");
    }
    let text = value.to_str().map_err(|_| "not ASCII")?;
    let (scheme, token) = text.split_once(' ').ok_or("no scheme")?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("another scheme");
    }
    let token68 = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.is_empty() || !token.bytes().all(token68) {
        return Err("not a token");
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn aut_1_exactly_one_bearer_header_counts() {
        assert_eq!(bearer(&headers(&["Bearer a.b.c"])), Ok("a.b.c"));
        assert_eq!(bearer(&headers(&["bearer a.b.c"])), Ok("a.b.c"));
        for (values, found) in [
            (&[][..], "none"),
            (&["Bearer a", "Bearer a"], "more than one"),
            (&["Bearer"], "no scheme"),
            (&["Basic YTpi"], "another scheme"),
            (&["Bearer "], "not a token"),
            (&["Bearer  a"], "not a token"),
            (&["Bearer a b"], "not a token"),
            (&["Bearer a,Bearer b"], "not a token"),
        ] {
            assert_eq!(bearer(&headers(values)), Err(found), "{values:?}");
        }
        assert_eq!(
            bearer(&headers(&[&format!("Bearer {}", "a".repeat(CREDENTIAL_BYTES))])),
            Err("too long")
        );
    }
}
