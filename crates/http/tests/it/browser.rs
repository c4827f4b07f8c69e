//! AUT-6: a session in a browser serves our own pages, and no page of anybody else.

use crate::fakes::{Answer, World, send, with_token, world_in_browsers};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use bearingwall_authn::{AuthnError, BoxFuture};
use bearingwall_core::{ErrorKind, RequestId};
use bearingwall_http::{
    OpenSession, OwnPageCookie, Problem, Sessions, SignInAnswer, SignInBegun, SignInFinished, SignOut,
};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

const OURS: &str = "https://desk.example";

/// Each cookie is a session whose token is the cookie's own text, and `t-` before it its token against forged requests.
#[derive(Default)]
pub(crate) struct Desk {
    opened: AtomicU32,
    ended: Mutex<Vec<String>>,
}

impl Sessions for Desk {
    fn origin(&self) -> &str {
        OURS
    }

    fn begin(&self, _: &str) -> Result<SignInBegun, Problem> {
        Err(AuthnError::UnknownIssuer.into())
    }

    fn finish<'a>(
        &'a self,
        _: &'a str,
        _: SignInAnswer,
        _: Option<&'a str>,
        _: RequestId,
        _: Option<&'static str>,
    ) -> BoxFuture<'a, Result<SignInFinished, Problem>> {
        Box::pin(async { Err(AuthnError::UnknownIssuer.into()) })
    }

    fn open<'a>(&'a self, cookie: &'a OwnPageCookie) -> BoxFuture<'a, Result<OpenSession, Problem>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let bearer = cookie.as_str().to_owned();
        let csrf = format!("t-{bearer}");
        Box::pin(async { Ok(OpenSession { bearer, csrf }) })
    }

    fn is_csrf_token(&self, cookie: &str, token: &str) -> bool {
        token == format!("t-{cookie}")
    }

    fn end<'a>(
        &'a self,
        cookie: &'a OwnPageCookie,
        _: RequestId,
        _: Option<&'static str>,
    ) -> BoxFuture<'a, Result<Option<String>, Problem>> {
        self.ended.lock().unwrap().push(cookie.as_str().to_owned());
        Box::pin(async { Ok(None) })
    }
}

struct Stage {
    desk: Arc<Desk>,
    world: World,
}

impl Stage {
    fn new() -> Self {
        let desk = Arc::new(Desk::default());
        let world = world_in_browsers(Arc::clone(&desk) as Arc<dyn Sessions>);
        Self { desk, world }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, Answer) {
        let mut request = TestRequest::with_uri(path).method(method);
        for header in headers {
            request = request.append_header(*header);
        }
        let answer = send(&self.world.application, request).await;
        (answer.status.as_u16(), answer)
    }
}

const COOKIE: (&str, &str) = ("cookie", "__Host-session=reader");
const TOKEN: (&str, &str) = ("x-csrf", "t-reader");

#[actix_web::test]
async fn aut_6_a_request_that_another_page_may_have_caused_opens_no_session() {
    let stage = Stage::new();
    let site = |value| ("sec-fetch-site", value);
    let origin = |value| ("origin", value);
    // What a look needs: that no other page is behind it.
    for (headers, is_ours) in [
        (vec![site("same-origin")], true),
        (vec![site("none")], true),
        (vec![], true),
        (vec![origin(OURS)], true),
        (vec![site("cross-site")], false),
        (vec![site("same-site")], false),
        (vec![site("Same-Origin")], false),
        (vec![site("same-origin"), site("cross-site")], false),
        (vec![site("same-origin"), site("same-origin")], false),
        (vec![site("cross-site"), origin(OURS)], false),
        (vec![origin("https://evil.example")], false),
        (vec![origin("https://desk.example.evil.example")], false),
        (vec![origin("http://desk.example")], false),
        (vec![origin("null")], false),
        (vec![origin(OURS), origin("https://evil.example")], false),
    ] {
        let headers = [&[COOKIE], headers.as_slice()].concat();
        let (status, answer) = stage.send(Method::GET, "/v1/me", &headers).await;
        let expected = if is_ours { 200 } else { 403 };
        assert_eq!(status, expected, "{headers:?}");
        assert!(is_ours || answer.json()["code"] == "HTP-016", "{headers:?}");
    }
    // What changes something needs the session's own token besides. The reader is refused for want of the permission where
    // the request came as far as that.
    for (headers, is_ours) in [
        (vec![site("same-origin"), TOKEN], true),
        (vec![origin(OURS), TOKEN], true),
        (vec![site("same-origin")], false),
        (vec![site("same-origin"), ("x-csrf", "")], false),
        (vec![site("same-origin"), ("x-csrf", "t-writer")], false),
        (vec![site("same-origin"), TOKEN, TOKEN], false),
        (vec![site("none"), TOKEN], false),
        (vec![TOKEN], false),
        (vec![site("cross-site"), TOKEN], false),
        (vec![origin("https://evil.example"), TOKEN], false),
    ] {
        let headers = [&[COOKIE], headers.as_slice()].concat();
        for (method, path) in [
            (Method::POST, "/v1/clients"),
            (Method::PUT, "/v1/clients/01890000-0000-7000-8000-000000000001"),
        ] {
            let (status, answer) = stage.send(method, path, &headers).await;
            let code = if is_ours { "RBC-001" } else { "HTP-016" };
            assert_eq!(
                (status, answer.json()["code"].as_str()),
                (403, Some(code)),
                "{headers:?}"
            );
        }
    }
    // Both a session and a token, or two sessions: which one is meant is for nobody to guess.
    let twice = ("cookie", "__Host-session=writer");
    let bearer = ("authorization", "Bearer writer");
    for headers in [
        vec![COOKIE, bearer],
        vec![COOKIE, twice],
        vec![COOKIE, ("authorization", "")],
    ] {
        let (status, answer) = stage.send(Method::GET, "/v1/me", &headers).await;
        assert_eq!(
            (status, answer.json()["code"].as_str()),
            (401, Some("HTP-002")),
            "{headers:?}"
        );
    }
}

#[actix_web::test]
async fn aut_5_a_session_is_read_by_opening_it_once_and_ended_whatever_its_token_is_worth() {
    let stage = Stage::new();
    let (status, answer) = stage.send(Method::GET, "/auth/session", &[COOKIE]).await;
    assert_eq!((status, answer.json()["csrf_token"].as_str()), (200, Some("t-reader")));
    assert_eq!(stage.desk.opened.load(Ordering::Relaxed), 1);
    let old = ("cookie", "__Host-session=worn");
    let own = ("origin", OURS);
    assert_eq!(stage.send(Method::GET, "/auth/session", &[old]).await.0, 401);
    for headers in [vec![old, own], vec![old, own, TOKEN], vec![old, ("x-csrf", "t-worn")]] {
        assert_eq!(stage.send(Method::POST, "/auth/logout", &headers).await.0, 403);
    }
    assert!(stage.desk.ended.lock().unwrap().is_empty());
    let leaving = stage
        .send(Method::POST, "/auth/logout", &[old, own, ("x-csrf", "t-worn")])
        .await;
    assert_eq!(leaving.0, 200);
    assert!(leaving.1.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(*stage.desk.ended.lock().unwrap(), ["worn"]);
}

/// Believes nobody.
struct Deaf;

impl SignOut for Deaf {
    fn ended<'a>(&'a self, _: &'a str, _: RequestId, _: Option<&'static str>) -> BoxFuture<'a, Result<(), Problem>> {
        Box::pin(async { Err(AuthnError::UnknownIssuer.into()) })
    }
}

#[actix_web::test]
async fn htp_4_a_logout_token_that_is_not_good_is_counted_and_on_the_record() {
    let mut stage = Stage::new();
    let deaf: Arc<dyn SignOut> = Arc::new(Deaf);
    stage.world.application = stage.world.application.with(deaf);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let request = TestRequest::post()
            .uri("/auth/backchannel-logout")
            .peer_addr("192.0.2.7:1".parse().unwrap())
            .insert_header(("content-type", "application/x-www-form-urlencoded"))
            .set_payload("logout_token=a.b.c");
        statuses.push(send(&stage.world.application, request).await.status.as_u16());
    }
    assert_eq!(statuses, [400, 400, 400, 400, 429, 429]);
    let anonymous = with_token(TestRequest::get().uri("/v1/me"), "expired").peer_addr("192.0.2.7:1".parse().unwrap());
    assert_eq!(send(&stage.world.application, anonymous).await.status.as_u16(), 429);
    let reported = stage.world.record.0.lock().unwrap();
    let of_tokens: Vec<_> = reported.iter().filter(|event| event.reason == "HTP-015").collect();
    assert_eq!(of_tokens.len(), 6);
    assert_eq!(
        (of_tokens[0].event_type, of_tokens[0].route),
        ("http.request.unauthenticated", Some("POST /auth/backchannel-logout"))
    );
    assert_eq!(
        Problem::from(AuthnError::UnknownIssuer).kind(),
        ErrorKind::Unauthenticated
    );
}
