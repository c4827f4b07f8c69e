//! AUT-1 at the edge: whatever is wrong with a token, the caller gets the same answer and the record gets the reason.

use crate::attacks::fixture::{Idp, ManualClock, verifier};
use crate::attacks::{self, Attack};
use crate::fakes::{Answer, send, with_token, world_that_verifies};
use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use bearingwall_core::Outcome;
use bearingwall_http::{Granted, RouteSpec, RouteTable};
use bearingwall_rbac::ReadSelf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Refusals of one server that stay below what is reported in a second.
const AT_ONCE: usize = 90;

static REACHED: AtomicUsize = AtomicUsize::new(0);

async fn own(_: Granted<ReadSelf>) -> &'static str {
    REACHED.fetch_add(1, Ordering::Relaxed);
    "reached"
}

fn routes() -> RouteTable {
    let spec = RouteSpec::new("GET /v1/own", "own", "Answers.");
    RouteTable::builder()
        .secured::<ReadSelf, _, _>(spec, own)
        .finish()
        .unwrap()
}

fn request(token: &str) -> TestRequest {
    with_token(TestRequest::get().uri("/v1/own"), token)
}

/// What is none is refused before the verifier sees it.
fn is_credential(token: &str) -> bool {
    let token68 = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    !token.is_empty() && token.len() < 16 * 1024 - "Bearer ".len() && token.bytes().all(token68)
}

/// Status, header fields and body, without what is made anew for every request.
fn constant_part(answer: &Answer) -> (StatusCode, Vec<(String, String)>, String) {
    let id = answer.header("x-correlation-id").unwrap();
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| name != "x-correlation-id");
    headers.sort();
    (answer.status, headers, answer.body.replace(id, "-"))
}

#[actix_web::test]
async fn aut_1_every_hostile_token_gets_the_same_answer_and_leaves_its_own_reason() {
    let (idp, clock) = (Idp::start().await, ManualClock::new());
    let mut attacks = attacks::all(&idp);
    let verifier = Arc::new(verifier(&idp, &clock).await);
    let made = attacks.len();
    // No header field holds these, whoever sends them: the protocol's own parser refuses the request.
    attacks.retain(|attack| !attack.token.contains(['\n', '\0']));
    assert_eq!(made - attacks.len(), 2);
    let mut expected = None;
    for attacks in attacks.chunks(AT_ONCE) {
        let world = world_that_verifies(routes(), verifier.clone());
        for Attack {
            family,
            name,
            code,
            token,
        } in attacks
        {
            let answer = send(&world.application, request(token)).await;
            let events = std::mem::take(&mut *world.record.0.lock().unwrap());
            let [event] = events.as_slice() else {
                panic!("{family}, {name}: {events:?}");
            };
            assert_eq!(
                (event.event_type, event.outcome, event.customer, event.subject),
                ("http.request.unauthenticated", Outcome::Denied, None, None),
                "{family}, {name}"
            );
            assert!(event.proof.is_none(), "{family}, {name}");
            assert_eq!(event.request.to_string(), answer.header("x-correlation-id").unwrap());
            let reason = if is_credential(token) { code } else { "HTP-002" };
            assert_eq!(event.reason, reason, "{family}, {name}");
            let answer = constant_part(&answer);
            assert_eq!(answer.0, StatusCode::UNAUTHORIZED, "{family}, {name}");
            assert_eq!(
                *expected.get_or_insert_with(|| answer.clone()),
                answer,
                "{family}, {name}"
            );
        }
    }
    assert_eq!(REACHED.load(Ordering::Relaxed), 0);
    let world = world_that_verifies(routes(), verifier);
    assert_eq!(
        send(&world.application, request(&idp.good())).await.status,
        StatusCode::OK
    );
    assert_eq!(REACHED.load(Ordering::Relaxed), 1);
    // Nor does an anonymous caller learn that there is something to guess.
    let anonymous = send(&world.application, TestRequest::get().uri("/v1/own")).await;
    assert_eq!(expected, Some(constant_part(&anonymous)));
}
