//! Sessions of people in browsers: `/auth/login`, `/auth/callback`, `/auth/session`, `/auth/logout`.
//!
//! The browser holds a random number in a cookie that no script can read; tokens stay on the servers.

use crate::edge::Edge;
use crate::routes::{Content, Matched, RateClass, RouteSpec, RouteTableBuilder};
use crate::{HttpError, Problem};
use actix_web::cookie::time::Duration as CookieAge;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, LOCATION, ORIGIN};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use bearingwall_audit::EventType;
use bearingwall_authn::BoxFuture;
use bearingwall_core::{CustomerId, Principal, RequestId, Role, SubjectId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use time::OffsetDateTime;
use utoipa::ToSchema;

/// The cookie of a session. A browser takes it under this name only from this very host, over TLS, for all paths.
pub(crate) const SESSION: &str = "__Host-session";
/// The cookie of a sign-in that has begun.
const LOGIN: &str = "__Host-login";
/// The route that ends a sign-in: what it refuses is a sign-in that failed.
pub(crate) const SIGN_IN: &str = "GET /auth/callback";
/// The longest value of a cookie that is looked at, in bytes.
const COOKIE_BYTES: usize = 4096;
/// How long a sign-in may take, in seconds.
const LOGIN_S: i64 = 600;

/// The header that carries the session's token against requests forged by other pages.
pub const CSRF: HeaderName = HeaderName::from_static("x-csrf");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A sign-in that begins.
#[derive(Clone, Debug)]
pub struct SignInBegun {
    /// Where the browser goes.
    pub location: String,
    /// What it keeps until it comes back: sealed, of the characters that a cookie may hold.
    pub kept: String,
}

/// A sign-in that came to a good end.
#[derive(Clone, Debug)]
pub struct SignInFinished {
    /// The new session's cookie.
    pub cookie: String,
    /// Where the sign-in had begun: a path.
    pub return_to: String,
}

/// What comes back from the provider.
#[derive(Clone, Default, Deserialize)]
pub struct SignInAnswer {
    /// The code.
    pub code: Option<String>,
    /// What was sent along.
    pub state: Option<String>,
    /// Who answers.
    pub iss: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// What a session's cookie proves.
#[derive(Clone, Debug)]
pub struct OpenSession {
    /// The access token of the session, good now.
    pub bearer: String,
    /// The token that a page of ours sends along.
    pub csrf: String,
}

/// The cookie of a session, in a request that no other page can have caused: only the check of where the request comes from
/// makes it.
// CONTROL: AUT-6
pub struct OwnPageCookie(String);

impl OwnPageCookie {
    /// The cookie's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OwnPageCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnPageCookie(…)")
    }
}

/// People in browsers.
pub trait Sessions: Send + Sync {
    /// The scheme, host and port of our own pages, as a browser writes them in `Origin`.
    fn origin(&self) -> &str;

    /// Begins a sign-in that leads back to a path.
    fn begin(&self, return_to: &str) -> Result<SignInBegun, Problem>;

    /// Ends a sign-in. `before` is the session that the browser had, which ends.
    fn finish<'a>(
        &'a self,
        kept: &'a str,
        answer: SignInAnswer,
        before: Option<&'a str>,
        request: RequestId,
        route: Option<&'static str>,
    ) -> BoxFuture<'a, Result<SignInFinished, Problem>>;

    /// Opens a session by its cookie, and renews its access token where that is due.
    fn open<'a>(&'a self, cookie: &'a OwnPageCookie) -> BoxFuture<'a, Result<OpenSession, Problem>>;

    /// Whether this token was made for this session, told in a time that says nothing about either.
    fn is_csrf_token(&self, cookie: &str, token: &str) -> bool;

    /// Ends a session; answers where the browser may go to sign out at the provider too.
    fn end<'a>(
        &'a self,
        cookie: &'a OwnPageCookie,
        request: RequestId,
        route: Option<&'static str>,
    ) -> BoxFuture<'a, Result<Option<String>, Problem>>;
}

/// The session's cookie, if there is exactly one.
pub(crate) fn cookie_of(headers: &HeaderMap, name: &str) -> Result<Option<String>, HttpError> {
    let refused = |found| HttpError::Credentials { found };
    let mut found = None;
    for value in headers.get_all("cookie") {
        let text = value.to_str().map_err(|_| refused("a cookie that is not ASCII"))?;
        for pair in text.split(';') {
            let Some((key, value)) = pair.trim().split_once('=') else {
                continue;
            };
            if key != name {
                continue;
            }
            // SECURITY: of two, one was set by somebody else, and two readers could choose differently.
            if found.is_some() || value.len() > COOKIE_BYTES {
                return Err(refused("a cookie that is too long or stands there twice"));
            }
            found = Some(value.to_owned());
        }
    }
    Ok(found)
}

/// The cookie of a request, which no other page may have caused.
// CONTROL: AUT-6
pub(crate) fn own_page(
    sessions: &dyn Sessions,
    method: &Method,
    headers: &HeaderMap,
    cookie: String,
) -> Result<OwnPageCookie, HttpError> {
    let one = |name: &HeaderName| {
        let mut values = headers.get_all(name);
        let value = values.next().and_then(|value| value.to_str().ok());
        if values.next().is_some() { None } else { value }
    };
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let is_ours = match one(&FETCH_SITE) {
        Some("same-origin") => true,
        // Typed into the address line, or followed from nowhere: it may look and not touch.
        Some("none") => is_safe,
        Some(_) => false,
        None if headers.contains_key(&FETCH_SITE) => false,
        None => match one(&ORIGIN) {
            Some(origin) => origin == sessions.origin(),
            None => is_safe && !headers.contains_key(ORIGIN),
        },
    };
    let has_token = is_safe || one(&CSRF).is_some_and(|token| sessions.is_csrf_token(&cookie, token));
    if !is_ours || !has_token {
        return Err(HttpError::CrossSite);
    }
    Ok(OwnPageCookie(cookie))
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
struct Session {
    /// Who: made of the issuer and its subject.
    #[schema(value_type = String, format = Uuid)]
    subject_id: SubjectId,
    /// The tenant; an administrator of the platform has none.
    #[schema(value_type = Option<String>, format = Uuid)]
    customer_id: Option<CustomerId>,
    /// The roles.
    roles: Vec<&'static str>,
    /// What the page sends in the header `X-CSRF` with everything that changes something.
    csrf_token: String,
    /// When the present access token ends; it is renewed before that (RFC 3339).
    #[serde(with = "time::serde::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: OffsetDateTime,
}

/// The session has ended.
#[derive(Serialize, ToSchema)]
struct SignedOut {
    /// Where the browser may go to sign out at the provider too.
    location: Option<String>,
}

#[derive(Deserialize)]
struct Begin {
    return_to: Option<String>,
}

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let login = RouteSpec::new(
        "GET /auth/login",
        "sign_in_begin",
        "Sends a browser to the identity provider.",
    )
    .rate(RateClass::Light)
    .query("return_to", "string", "The path of ours to come back to.")
    .answers(303, "To the provider.", None);
    let callback = RouteSpec::new(
        SIGN_IN,
        "sign_in_finish",
        "Where the identity provider sends the browser back to; begins the session.",
    )
    .rate(RateClass::Light)
    .query("code", "string", "The authorization code.")
    .query("state", "string", "What was sent along.")
    .query("iss", "string", "Who answers (RFC 9207).")
    .query("error", "string", "Why there is no code.")
    .records(&[EventType::SessionStarted])
    .answers(303, "To the path where the sign-in had begun.", None);
    let session = RouteSpec::new("GET /auth/session", "session_read", "Who is signed in in this browser.")
        .rate(RateClass::Light)
        .answers(200, "The session.", Some(Content::json::<Session>()));
    let logout = RouteSpec::new("POST /auth/logout", "sign_out", "Ends the session of this browser.")
        .rate(RateClass::Light)
        .header("X-CSRF", "The token of the session, out of `GET /auth/session`.")
        .records(&[EventType::SessionEnded])
        .answers(200, "The session has ended.", Some(Content::json::<SignedOut>()));
    table
        .public(login, "nobody is signed in yet", begin)
        .public(callback, "the sign-in that began is checked", finish)
        .public(session, "the cookie of a session is checked", read)
        .public(logout, "the cookie of a session is checked", end)
}

fn sessions(edge: &Edge) -> Result<&Arc<dyn Sessions>, Problem> {
    edge.services()
        .sessions
        .as_ref()
        .ok_or_else(|| HttpError::UnknownPath.into())
}

/// A path of our own: nothing that a browser could read as another host.
fn is_own_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~?=&%".contains(&byte);
    let second = path.as_bytes().get(1);
    path.starts_with('/') && second != Some(&b'/') && path.len() <= 512 && path.bytes().all(plain)
}

fn cookie(name: &'static str, value: String, age_s: Option<i64>) -> Cookie<'static> {
    let mut cookie = Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Lax)
        .finish();
    cookie.set_max_age(age_s.map(CookieAge::seconds));
    cookie
}

fn ids(request: &HttpRequest) -> Result<(RequestId, Option<&'static str>), Problem> {
    let extensions = request.extensions();
    let id = *extensions.get::<RequestId>().ok_or(HttpError::Framework)?;
    Ok((id, extensions.get::<Matched>().map(|matched| matched.0)))
}

async fn begin(edge: web::Data<Edge>, query: web::Query<Begin>) -> Result<HttpResponse, Problem> {
    let sessions = sessions(&edge)?;
    let return_to = query.return_to.as_deref().unwrap_or("/");
    if !is_own_path(return_to) {
        return Err(Problem::from(HttpError::Query).at("return_to", "is no path of ours"));
    }
    let begun = sessions.begin(return_to)?;
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, begun.location))
        .cookie(cookie(LOGIN, begun.kept, Some(LOGIN_S)))
        .finish())
}

async fn finish(
    edge: web::Data<Edge>,
    request: HttpRequest,
    answer: web::Query<SignInAnswer>,
) -> Result<HttpResponse, Problem> {
    let sessions = sessions(&edge)?;
    let (id, route) = ids(&request)?;
    let kept = cookie_of(request.headers(), LOGIN)?.ok_or(HttpError::Credentials {
        found: "no sign-in that has begun in this browser",
    })?;
    let before = cookie_of(request.headers(), SESSION)?;
    let finished = sessions
        .finish(&kept, answer.into_inner(), before.as_deref(), id, route)
        .await?;
    Ok(HttpResponse::SeeOther()
        .insert_header((LOCATION, finished.return_to))
        .cookie(cookie(SESSION, finished.cookie, None))
        .cookie(cookie(LOGIN, String::new(), Some(0)))
        .finish())
}

async fn read(edge: web::Data<Edge>, request: HttpRequest) -> Result<web::Json<Session>, Problem> {
    let sessions = sessions(&edge)?;
    let cookie = cookie_of(request.headers(), SESSION)?.ok_or(HttpError::Credentials { found: "no session" })?;
    let cookie = own_page(sessions.as_ref(), request.method(), request.headers(), cookie)?;
    let open = sessions.open(&cookie).await?;
    let principal: Arc<Principal> = edge.services().identity.verify(&open.bearer).await?;
    Ok(web::Json(Session {
        subject_id: principal.subject,
        customer_id: principal.customer,
        roles: principal.roles.iter().map(Role::as_str).collect(),
        csrf_token: open.csrf,
        expires_at: principal.expires_at,
    }))
}

async fn end(edge: web::Data<Edge>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let sessions = sessions(&edge)?;
    let (id, route) = ids(&request)?;
    let held = cookie_of(request.headers(), SESSION)?.ok_or(HttpError::Credentials { found: "no session" })?;
    let held = own_page(sessions.as_ref(), request.method(), request.headers(), held)?;
    // Whether its token is still good is not asked: whoever wants to leave may.
    let location = sessions.end(&held, id, route).await?;
    Ok(HttpResponse::Ok()
        .cookie(cookie(SESSION, String::new(), Some(0)))
        .json(SignedOut { location }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aut_6_a_sign_in_leads_back_to_a_path_of_ours_only() {
        for own in ["/", "/clients", "/clients?page=2&of=a%20b", "/a/b-c_d.e~f"] {
            assert!(is_own_path(own), "{own}");
        }
        for other in [
            "",
            "clients",
            "//evil.example",
            "/\\evil.example",
            "/\tevil",
            "https://evil.example",
            "javascript:alert(1)",
            "/@evil.example:80",
            "/a\r\nSet-Cookie: a=b",
            "/é",
        ] {
            assert!(!is_own_path(other), "{other}");
        }
        assert!(!is_own_path(&format!("/{}", "a".repeat(512))));
    }

    #[test]
    fn aut_5_the_cookie_is_bound_to_host_path_and_tls_and_hidden_from_scripts() {
        let text = cookie(SESSION, "v".to_owned(), None).to_string();
        for part in ["__Host-session=v", "HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("Domain") && !text.contains("Max-Age"), "{text}");
    }

    #[test]
    fn aut_6_of_two_session_cookies_none_counts() {
        let headers = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = actix_web::http::header::HeaderValue::from_str(value).unwrap();
                headers.append(actix_web::http::header::COOKIE, value);
            }
            headers
        };
        let found = |values: &[&str]| cookie_of(&headers(values), SESSION).map_err(|_| ());
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&["a=b; __Host-session=x; c"]), Ok(Some("x".to_owned())));
        assert_eq!(found(&["__host-session=x"]), Ok(None));
        assert_eq!(found(&["__Host-session=x; __Host-session=y"]), Err(()));
        assert_eq!(found(&["__Host-session=x", "__Host-session=x"]), Err(()));
        assert_eq!(
            found(&[&format!("__Host-session={}", "x".repeat(COOKIE_BYTES + 1))]),
            Err(())
        );
    }
}
