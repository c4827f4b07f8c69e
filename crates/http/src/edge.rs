//! The outermost layer: correlation id, span, security headers, and the only place where an error body is made.

use crate::authentication::Caller;
use crate::pages;
use crate::rates::{Buckets, TooSoon};
use crate::refusals::{Refusal, Refusals};
use crate::routes::{Matched, Refused};
use crate::sessions::SIGN_IN;
use crate::visitor::Visitor;
use crate::{HttpError, Limits, Problem, Services};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use bearingwall_core::{Classified as _, RequestId};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Instant;
use tracing::{Instrument, Span, field};

/// The header that carries our id of the request, in every response.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id of the caller's own that is kept, in characters.
const CLIENT_REQUEST_ID_CHARS: usize = 64;

/// A request that came too soon, and of which somebody should be told.
#[derive(Clone, Copy)]
struct Alarm;

/// What all workers of one server share.
pub(crate) struct Edge {
    services: Services,
    limits: Limits,
    refusals: Refusals,
    buckets: Buckets,
}

impl Edge {
    pub(crate) fn new(services: Services, limits: Limits) -> Self {
        let refusals = Refusals::new(Arc::clone(&services.events));
        Self {
            services,
            limits,
            refusals,
            buckets: Buckets::new(limits.rates),
        }
    }

    pub(crate) const fn services(&self) -> &Services {
        &self.services
    }

    pub(crate) const fn buckets(&self) -> &Buckets {
        &self.buckets
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }
}

/// Wraps every route and every miss.
pub(crate) async fn serve(
    edge: web::Data<Edge>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    // CONTROL: HTP-3
    // SECURITY: the id is made here and nowhere else; a caller who could choose it could hide in somebody else's trail.
    let id = RequestId::from_uuid(edge.services.ids.v7());
    let method = known_method(request.method());
    let span = tracing::info_span!(
        "request",
        correlation_id = %id,
        method,
        client_request_id = field::Empty,
        route = field::Empty,
        status = field::Empty,
    );
    if let Some(theirs) = client_request_id(request.headers()) {
        span.record("client_request_id", theirs);
    }
    let peer = request.peer_addr().map(|peer| peer.ip());
    let visitor = edge.services.proxies.visitor(peer, request.headers());
    {
        let mut extensions = request.extensions_mut();
        extensions.insert(id);
        if let Some(visitor) = visitor {
            extensions.insert(visitor);
        }
    }

    let answer = next.call(request).instrument(span.clone()).await;
    let _entered = span.enter();
    let mut response = match answer {
        Ok(response) => finish(&edge, response.map_into_boxed_body(), id),
        Err(error) => {
            let late = LateProblem { error, request: id };
            log(late.problem(), late.problem().status_code());
            return Err(late.into());
        }
    };
    dress(response.headers_mut(), id);
    record(&span, &response, started);
    Ok(response)
}

/// Replaces the body of every error by problem details, logs the cause once, and reports refusals.
fn finish(edge: &Edge, response: ServiceResponse<BoxBody>, id: RequestId) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (request, original) = response.into_parts();
    let own = original.error().and_then(Error::as_error::<Problem>);
    let stand_in = Problem::of_status(status);
    let problem = own.unwrap_or(&stand_in);
    log(problem, status);
    report(edge, &request, problem, status, id);
    // CONTROL: HTP-4
    // Here, where every answer passes: whatever it was that proved no identity, a token or a sign-in. It was looked at before
    // it is counted, so that whoever proves one is not held up by its neighbours.
    if is_unproven(problem, status)
        && let Err(too_soon) = edge.buckets.unproven(visitor(&request))
    {
        // What it was stands on the record already; the answer is another, and the alarm comes on top.
        let too_many = throttled(&request, too_soon);
        report(edge, &request, &too_many, too_many.status_code(), id);
        return ServiceResponse::new(request, too_many.render(id));
    }
    let rendered = problem.render(id);
    ServiceResponse::new(request, rendered)
}

/// Where a request comes from.
pub(crate) fn visitor(request: &HttpRequest) -> Option<IpAddr> {
    request.extensions().get::<Visitor>().map(|visitor| visitor.0)
}

/// Whether it proved no identity. By the error and not by a mark that a handler would have to set: a provider's word that is
/// not good is no 401, for nobody is asked to authenticate.
fn is_unproven(problem: &Problem, status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED || problem.code() == HttpError::LogoutToken.code()
}

/// Puts a refusal on the record, and raises an alarm about who is refused again and again.
fn report(edge: &Edge, request: &HttpRequest, problem: &Problem, status: StatusCode, id: RequestId) {
    let is_sign_in = request
        .extensions()
        .get::<Matched>()
        .is_some_and(|matched| matched.0 == SIGN_IN);
    let nobody = if is_sign_in {
        Refused::SignIn
    } else {
        Refused::Unauthenticated
    };
    let refused = match status {
        StatusCode::FORBIDDEN => Some(Refused::Denied),
        // An alarm, once a minute for the same bucket: a flood of what comes too soon is not a flood of records.
        StatusCode::TOO_MANY_REQUESTS if request.extensions().contains::<Alarm>() => {
            tracing::error!(code = problem.code(), "somebody asks too often");
            let known = request.extensions().contains::<Caller>();
            Some(if known { Refused::Denied } else { nobody })
        }
        StatusCode::TOO_MANY_REQUESTS => None,
        _ if is_unproven(problem, status) => Some(nobody),
        _ => None,
    };
    if let Some(refused) = refused {
        let extensions = request.extensions();
        let caller = extensions.get::<Caller>();
        let principal = caller.map(|caller| &caller.principal);
        if let Some(subject) = principal.map(|principal| principal.subject)
            && let Err(TooSoon { alarm: true }) = edge.buckets.refused(subject)
        {
            tracing::error!(
                code = HttpError::Throttled.code(),
                "an actor is refused again and again"
            );
        }
        edge.refusals.report(Refusal {
            refused,
            reason: problem.code(),
            customer: principal.and_then(|principal| principal.customer),
            subject: principal.map(|principal| principal.subject),
            request: id,
            route: extensions.get::<Matched>().map(|matched| matched.0),
            proof: caller.and_then(|caller| caller.proof.clone()),
            source_ip: extensions.get::<Visitor>().map(|visitor| visitor.0),
        });
    }
}

/// The answer to what comes too soon; whether somebody is told of it stays with the request.
pub(crate) fn throttled(request: &HttpRequest, too_soon: TooSoon) -> Problem {
    if too_soon.alarm {
        request.extensions_mut().insert(Alarm);
    }
    HttpError::Throttled.into()
}

/// A layer between edge and handler ended the request without a response, as the deadline does: the request itself is
/// gone by then, so the response is made when the framework asks the error for it.
#[derive(Debug)]
struct LateProblem {
    error: Error,
    request: RequestId,
}

impl LateProblem {
    fn problem(&self) -> &Problem {
        static UNKNOWN: LazyLock<Problem> = LazyLock::new(|| Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR));
        self.error.as_error::<Problem>().unwrap_or(&UNKNOWN)
    }
}

impl fmt::Display for LateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem().fmt(f)
    }
}

impl ResponseError for LateProblem {
    fn status_code(&self) -> StatusCode {
        self.problem().status_code()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.problem().render(self.request);
        dress(response.headers_mut(), self.request);
        response
    }
}

/// Once, here, with the whole chain; the log's own layer withholds what looks like personal data.
pub(crate) fn log(problem: &Problem, status: StatusCode) {
    let (code, error) = (problem.code(), problem.chain());
    if status.is_server_error() {
        tracing::error!(code, error, "request failed");
    } else if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        tracing::warn!(code, error, "request refused");
    } else {
        tracing::info!(code, error, "request not acceptable");
    }
}

fn dress(headers: &mut HeaderMap, id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(CORRELATION_ID, value);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // CONTROL: HTP-6
    // The one other policy that there is stands on our pages; a handler cannot make up a looser one.
    if headers
        .get(CONTENT_SECURITY_POLICY)
        .is_none_or(|policy| policy != pages::POLICY)
    {
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

fn record(span: &Span, response: &ServiceResponse<BoxBody>, started: Instant) {
    let route = response
        .request()
        .extensions()
        .get::<Matched>()
        .map_or("none", |matched| matched.0);
    let status = response.status().as_u16();
    span.record("route", route);
    span.record("status", status);
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(route, status, duration_us, "request");
}

/// The caller's own id of the request, if it is short and plain. It is logged beside ours and trusted for nothing.
fn client_request_id(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CORRELATION_ID).or_else(|| headers.get(REQUEST_ID))?;
    let text = value.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    ((1..=CLIENT_REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(plain)).then_some(text)
}

/// A method is any token that a caller cares to send; only those that exist reach a log.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn htp_3_only_short_plain_ids_of_the_caller_are_kept() {
        let kept = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(text).unwrap());
            client_request_id(&headers).map(str::to_owned)
        };
        assert_eq!(kept("req-1.a_B").as_deref(), Some("req-1.a_B"));
        assert_eq!(kept(&"a".repeat(64)).map(|text| text.len()), Some(64));
        for refused in ["", "a b", "ada@example.net", "a\"b", &"a".repeat(65)] {
            assert_eq!(kept(refused), None, "{refused}");
        }
    }
}
