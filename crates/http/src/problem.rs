//! Every error body that leaves: RFC 9457 problem details, made of fixed words, a code and the correlation id.

use crate::HttpError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use bearingwall_audit::AuditError;
use bearingwall_connectors::OutgoingError;
use bearingwall_connectors::inbox::InboxError;
use bearingwall_core::{Classified, ErrorKind, RequestId};
use bearingwall_domain::{DomainError, MaskingError};
use bearingwall_gates::GateError;
use bearingwall_outbox::OutboxError;
use bearingwall_rbac::RbacError;
use bearingwall_telemetry::error_chain;
use bearingwall_tenancy::break_glass::BreakGlassError;
use bearingwall_tenancy::roles::RoleError;
use serde::Serialize;
use std::any::Any;
use std::error::Error;
use std::fmt;
use utoipa::ToSchema;

/// The media type of every error body.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds after which a caller may try again when too much was asked.
const RETRY_RATE_LIMITED_S: &str = "10";
/// Seconds after which a caller may try again when a dependency is away.
const RETRY_UNAVAILABLE_S: &str = "2";

/// An error on its way out of a handler.
///
/// It holds the cause for the log; what is sent comes from fixed texts only, and is rendered by the edge, which knows
/// the correlation id.
pub struct Problem(Box<Parts>);

struct Parts {
    status: StatusCode,
    kind: ErrorKind,
    /// The code in log and record.
    code: &'static str,
    pointer: Option<(&'static str, &'static str)>,
    allow: Option<HeaderValue>,
    source: Box<dyn Error + Send + Sync>,
}

impl<E: Classified + Send + Sync + 'static> From<E> for Problem {
    fn from(error: E) -> Self {
        let own = (&error as &dyn Any).downcast_ref::<HttpError>();
        let kind = error.kind();
        Self(Box::new(Parts {
            status: own.and_then(HttpError::status).unwrap_or_else(|| status_of(kind)),
            kind,
            code: error.code(),
            pointer: own.and_then(HttpError::pointer).or_else(|| input_of(&error)),
            allow: None,
            source: Box::new(error),
        }))
    }
}

impl Problem {
    /// The same problem, naming the part of the request that is wrong and a fixed reason.
    #[must_use]
    pub fn at(mut self, field: &'static str, reason: &'static str) -> Self {
        self.0.pointer = Some((field, reason));
        self
    }

    /// The path exists, and answers these methods.
    pub(crate) fn method_not_allowed(allow: HeaderValue) -> Self {
        let mut problem = Self::from(HttpError::Method);
        problem.0.allow = Some(allow);
        problem
    }

    /// What stands for an error response that was not made here.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        if status == StatusCode::NOT_FOUND {
            Self::from(HttpError::UnknownPath)
        } else if status.is_client_error() {
            let mut problem = Self::from(HttpError::Refused);
            problem.0.status = status;
            problem
        } else {
            Self::from(HttpError::Framework)
        }
    }

    /// What it means.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code in log and record. The caller gets [`Problem::public_code`].
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.0.code
    }

    /// The code that the caller is told.
    ///
    /// Why a token was refused, and which part of the inside failed, would help an attacker and nobody else.
    #[must_use]
    pub fn public_code(&self) -> &'static str {
        match self.0.kind {
            ErrorKind::Unauthenticated => "HTP-002",
            ErrorKind::Internal => "HTP-010",
            ErrorKind::Unavailable if self.0.code.starts_with("HTP-") => self.0.code,
            ErrorKind::Unavailable => "HTP-011",
            ErrorKind::Invalid
            | ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::ApprovalRequired
            | ErrorKind::RateLimited => self.0.code,
        }
    }

    /// The whole chain of causes, for the log alone.
    #[must_use]
    pub fn chain(&self) -> String {
        error_chain(self.0.source.as_ref())
    }

    /// The body as it is sent.
    #[must_use]
    pub fn body(&self, request: RequestId) -> ProblemBody {
        let (title, detail) = words_of(self.0.status, self.0.kind);
        ProblemBody {
            r#type: format!("urn:bearingwall:error:{}", self.public_code()),
            title,
            status: self.0.status.as_u16(),
            detail,
            code: self.public_code(),
            correlation_id: request.to_string(),
            field: self.0.pointer.map(|(field, _)| field),
            reason: self.0.pointer.map(|(_, reason)| reason),
        }
    }

    // CONTROL: HTP-1
    pub(crate) fn render(&self, request: RequestId) -> HttpResponse {
        // Serialising fixed texts and numbers cannot fail; an empty body is still no leak.
        let body = serde_json::to_vec(&self.body(request)).unwrap_or_default();
        let mut response = HttpResponse::build(self.0.status);
        response.content_type(PROBLEM_JSON);
        if let Some((name, value)) = self.headers() {
            response.insert_header((name, value));
        }
        if let Some(allow) = &self.0.allow {
            response.insert_header((ALLOW, allow.clone()));
        }
        response.body(body)
    }

    fn headers(&self) -> Option<(HeaderName, HeaderValue)> {
        let challenge = |text| Some((WWW_AUTHENTICATE, HeaderValue::from_static(text)));
        let retry = |text| Some((RETRY_AFTER, HeaderValue::from_static(text)));
        match self.0.kind {
            // RFC 6750 section 3.1.
            ErrorKind::Unauthenticated => challenge("Bearer error=\"invalid_token\""),
            ErrorKind::Forbidden => challenge("Bearer error=\"insufficient_scope\""),
            ErrorKind::RateLimited => retry(RETRY_RATE_LIMITED_S),
            ErrorKind::Unavailable => retry(RETRY_UNAVAILABLE_S),
            ErrorKind::Invalid
            | ErrorKind::NotFound
            | ErrorKind::Conflict
            | ErrorKind::ApprovalRequired
            | ErrorKind::Internal => None,
        }
    }
}

/// Which input of a use-case is wrong, and the rule that it breaks: fixed words on both sides.
fn input_of(error: &dyn Any) -> Option<(&'static str, &'static str)> {
    if let Some(error) = error.downcast_ref::<AuditError>() {
        return audit_input_of(error);
    }
    if let Some(BreakGlassError::Invalid { field, reason }) = error.downcast_ref::<BreakGlassError>() {
        return Some((field, reason));
    }
    if let Some(InboxError::Invalid { field, reason }) = error.downcast_ref::<InboxError>() {
        return Some((field, reason));
    }
    match error.downcast_ref::<OutgoingError>() {
        Some(OutgoingError::Invalid { field, reason }) => return Some((field, reason)),
        Some(OutgoingError::Outbox(OutboxError::Gate(error))) => return gate_input_of(error),
        _ => {}
    }
    if let Some(RoleError::Invalid { field, reason }) = error.downcast_ref::<RoleError>() {
        return Some((field, reason));
    }
    if let Some(error) = error.downcast_ref::<GateError>() {
        return gate_input_of(error);
    }
    if let Some(OutboxError::Gate(error)) = error.downcast_ref::<OutboxError>() {
        return gate_input_of(error);
    }
    if let Some(RbacError::NotAssignable { .. }) = error.downcast_ref::<RbacError>() {
        return Some(("permissions", "are not all of the tenant's own data"));
    }
    if let Some(error) = error.downcast_ref::<MaskingError>() {
        return error.input();
    }
    match error.downcast_ref::<DomainError>()? {
        DomainError::Audit(error) => audit_input_of(error),
        DomainError::Invalid { field, reason } => Some((field, reason)),
        DomainError::MissingColumn { column } => Some((column, "the header row of the file does not name this column")),
        DomainError::Header { reason } => Some(("header row", reason)),
        DomainError::ExternalIdTaken => Some(("external_id", "another record has this external id")),
        _ => None,
    }
}

/// The same for a step at a gate.
const fn gate_input_of(error: &GateError) -> Option<(&'static str, &'static str)> {
    match error {
        GateError::Invalid { field, reason } => Some((*field, *reason)),
        _ => None,
    }
}

/// The same for a question about the record.
const fn audit_input_of(error: &AuditError) -> Option<(&'static str, &'static str)> {
    match error {
        AuditError::Invalid { field, reason } => Some((*field, *reason)),
        AuditError::OutsideTree { .. } => Some(("to", "lies before `from`, or beyond the newest checkpoint")),
        _ => None,
    }
}

/// The one place that turns meaning into a status.
const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        // CONTROL: HTP-2
        // Row security hides another tenant's object, so the layers below cannot tell it from a missing one either.
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict | ErrorKind::ApprovalRequired => StatusCode::CONFLICT,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The fixed words of a problem: its title and what the caller can do.
const fn words_of(status: StatusCode, kind: ErrorKind) -> (&'static str, &'static str) {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => ("Method not allowed", "The header Allow names the methods of this path."),
        StatusCode::PAYLOAD_TOO_LARGE => ("Content too large", "Send less in one request."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("Unsupported media type", "Send the media type that is documented."),
        _ => match kind {
            ErrorKind::Invalid => ("Invalid request", "The request is not acceptable as it is; change it."),
            ErrorKind::Unauthenticated => ("Not authenticated", "Send a valid bearer token."),
            ErrorKind::Forbidden => ("Not permitted", "The token does not carry the permission for this."),
            ErrorKind::NotFound => ("Not found", "There is nothing here for this token."),
            ErrorKind::Conflict => ("Conflict", "The state has moved on; read it again and decide anew."),
            ErrorKind::ApprovalRequired => ("Approval required", "Somebody else must approve this first."),
            ErrorKind::RateLimited => ("Too many requests", "Try again after the time in Retry-After."),
            ErrorKind::Unavailable => (
                "Unavailable",
                "Try the same request again after the time in Retry-After.",
            ),
            ErrorKind::Internal => ("Internal error", "Report the correlation id."),
        },
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Problem")
            .field("status", &self.0.status.as_u16())
            .field("code", &self.0.code)
            .finish()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    /// Empty on purpose: the edge renders the body, and the framework's default would send the `Display` text.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.0.status)
    }
}

/// Problem details as they are sent (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URN that ends in the code.
    pub r#type: String,
    /// What happened, in fixed words.
    pub title: &'static str,
    /// The status once more.
    pub status: u16,
    /// What to do about it, in fixed words.
    pub detail: &'static str,
    /// The stable code, as `HTP-004`.
    pub code: &'static str,
    /// The id of this request, to give to whoever runs the system.
    pub correlation_id: String,
    /// The part of the request that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<&'static str>,
    /// What is wrong with it, in fixed words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[derive(Debug, thiserror::Error)]
    #[error("the seal of ada lovelace broke")]
    struct SecretError(ErrorKind);

    impl Classified for SecretError {
        fn kind(&self) -> ErrorKind {
            self.0
        }

        fn code(&self) -> &'static str {
            "TEN-007"
        }
    }

    const KINDS: [(ErrorKind, u16, &str); 9] = [
        (ErrorKind::Invalid, 400, "TEN-007"),
        (ErrorKind::Unauthenticated, 401, "HTP-002"),
        (ErrorKind::Forbidden, 403, "TEN-007"),
        (ErrorKind::NotFound, 404, "TEN-007"),
        (ErrorKind::Conflict, 409, "TEN-007"),
        (ErrorKind::ApprovalRequired, 409, "TEN-007"),
        (ErrorKind::RateLimited, 429, "TEN-007"),
        (ErrorKind::Unavailable, 503, "HTP-011"),
        (ErrorKind::Internal, 500, "HTP-010"),
    ];

    #[test]
    fn htp_1_no_error_text_is_part_of_a_body_and_inner_codes_stay_inside() {
        let request = RequestId::from_uuid(Uuid::from_u128(9));
        for (kind, status, code) in KINDS {
            let problem = Problem::from(SecretError(kind));
            let body = serde_json::to_string(&problem.body(request)).unwrap();
            assert_eq!(
                (problem.status_code().as_u16(), problem.public_code()),
                (status, code),
                "{body}"
            );
            assert!(!body.contains("lovelace") && !body.contains("seal"), "{body}");
            assert!(body.contains(&request.to_string()));
            assert_eq!(problem.code(), "TEN-007");
            assert_eq!(problem.chain(), "the seal of ada lovelace broke");
        }
    }

    #[test]
    fn challenges_and_retry_times_are_headers() {
        let header = |kind, name: HeaderName| {
            let response = Problem::from(SecretError(kind)).render(RequestId::from_uuid(Uuid::nil()));
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(
            header(ErrorKind::Unauthenticated, WWW_AUTHENTICATE).unwrap(),
            "Bearer error=\"invalid_token\""
        );
        assert_eq!(
            header(ErrorKind::Forbidden, WWW_AUTHENTICATE).unwrap(),
            "Bearer error=\"insufficient_scope\""
        );
        assert_eq!(
            header(ErrorKind::RateLimited, RETRY_AFTER).unwrap(),
            RETRY_RATE_LIMITED_S
        );
        assert_eq!(
            header(ErrorKind::Unavailable, RETRY_AFTER).unwrap(),
            RETRY_UNAVAILABLE_S
        );
        assert_eq!(header(ErrorKind::Invalid, RETRY_AFTER), None);
    }
}
