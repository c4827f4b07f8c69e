//! People in browsers: the application's own sign-in, its cookie, and what other pages may do with it.

use super::browser::{Answer, Browser};
use super::provider::{Person, Provider};
use super::site::Site;
use serde_json::{Value, json};
use std::time::Duration;

/// A browser in which somebody has signed in.
struct SignedIn {
    browser: Browser,
    origin: String,
    /// The redirect that brought the session's cookie.
    came_back: Answer,
}

impl SignedIn {
    fn new<P: Provider>(site: &Site<P>, person: &Person) -> Self {
        let browser = Browser::new();
        let begin = format!("{}/auth/login?return_to=/clients", site.origin);
        let back = format!("{}/clients", site.origin);
        let came_back = browser
            .pass(&begin, &back, person)
            .unwrap_or_else(|page| panic!("{page:?}"));
        Self {
            browser,
            origin: site.origin.clone(),
            came_back,
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.browser.get(&format!("{}{path}", self.origin))
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        self.browser
            .send(method, &format!("{}{path}", self.origin), |mut request| {
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                match body {
                    Some(body) => request.json(body),
                    None => request,
                }
            })
    }

    fn csrf(&self) -> String {
        let session = self.get("/auth/session");
        assert_eq!(session.status, 200, "{session:?}");
        session.json()["csrf_token"].as_str().unwrap().to_owned()
    }
}

fn client() -> Value {
    json!({
        "first_name": "Ada", "last_name": "Example", "date_of_birth": "1984-02-29", "phone": "(415) 555-0119",
        "email": "ada@example.net", "allergies": "none", "conditions": "none", "marketing_opt_in": false,
        "address": {"street": "1 Main Street", "city": "Watersmouth", "state": "OR", "postal_code": "59900"},
    })
}

pub(super) fn aut_5_a_person_signs_in_works_and_signs_out_in_a_browser<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    assert_eq!(Browser::new().get(&format!("{}/auth/session", site.origin)).status, 401);
    let alice = SignedIn::new(&site, &site.alice);
    assert_eq!(alice.came_back.address.path(), "/auth/callback");
    let cookie = alice
        .came_back
        .cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-session="))
        .unwrap();
    for part in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let session = alice.get("/auth/session").json();
    assert_eq!(session["customer_id"], json!(site.alice.customer.unwrap().to_string()));
    assert_eq!(session["roles"], json!(["authenticated", "customer_admin"]));
    assert_eq!(alice.get("/v1/me").json()["subject_id"], session["subject_id"]);
    let ours = [
        ("origin", site.origin.as_str()),
        ("x-csrf", session["csrf_token"].as_str().unwrap()),
    ];
    let made = alice.send("POST", "/v1/clients", &ours, Some(&client()));
    assert_eq!(made.status, 201, "{made:?}");
    // Nothing of what the provider handed out stands in the database, nor what the browser holds.
    let value = cookie.split_once('=').unwrap().1.split(';').next().unwrap();
    let kept =
        site.wait_for("SELECT encode(sealed, 'escape') || encode(id_sha256, 'escape') FROM tenancy.browser_sessions");
    assert!(!kept[0].contains("eyJ") && !kept[0].contains(value));
    let out = alice.send("POST", "/auth/logout", &ours, None);
    assert_eq!(out.status, 200, "{out:?}");
    assert_eq!(alice.get("/auth/session").status, 401);
    // The cookie itself is worth nothing any more, whoever kept it.
    let stolen = format!("__Host-session={value}");
    let kept = Browser::new().send("GET", &format!("{}/v1/me", site.origin), |request| {
        request.header("cookie", stolen)
    });
    assert_eq!(kept.status, 401);
    // And at the provider nobody is asked for a password before the browser was there to sign out.
    let location = out.json()["location"].as_str().unwrap().to_owned();
    let back = format!("{}/auth/session", site.origin);
    alice
        .browser
        .pass(&location, &back, &site.alice)
        .unwrap_or_else(|page| panic!("{page:?}"));
    let subject = session["subject_id"].as_str().unwrap();
    let of_alice = format!(
        "SELECT string_agg(event_type, ' ' ORDER BY recorded_at) FROM audit.events
          WHERE event_type LIKE 'session.%' AND actor_id = '{subject}' HAVING count(*) > 2"
    );
    // At ours, and by the provider's word once more.
    assert_eq!(
        site.wait_for(&of_alice),
        ["session.started session.ended session.ended"]
    );
}

pub(super) fn aut_5_a_session_is_renewed_once_for_all_and_ends_with_the_providers<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    // Shorter than the time before which a token is renewed: every look renews it.
    site.provider.access_token_lifetime(3);
    let alice = SignedIn::new(&site, &site.alice);
    let versions = || site.wait_for("SELECT version::text FROM tenancy.browser_sessions");
    for _ in 0..3 {
        assert_eq!(alice.get("/v1/me").status, 200);
    }
    assert!(versions()[0].parse::<u32>().unwrap() > 1, "{:?}", versions());
    // Many at once after its end: one asks the provider, and the provider's refresh token is good once.
    std::thread::sleep(Duration::from_secs(5));
    let cookie = alice
        .came_back
        .cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-session="))
        .unwrap();
    let cookie = cookie.split(';').next().unwrap();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let address = format!("{}/v1/me", site.origin);
                scope.spawn(move || {
                    Browser::new()
                        .send("GET", &address, |request| request.header("cookie", cookie))
                        .status
                })
            })
            .collect();
        for answered in asked {
            assert_eq!(answered.join().unwrap(), 200);
        }
    });
    // A person who may not sign in any more has no session either, once the token is to be renewed.
    site.provider.disable(&site.alice);
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(alice.get("/v1/me").status, 401);
    assert_eq!(alice.get("/auth/session").status, 401);
}

pub(super) fn aut_5_a_session_that_rests_is_over<P: Provider>() {
    let configured = |config: String| config.replace("acr_values", "idle_s = 3\nabsolute_s = 8\nacr_values");
    let Some(site) = Site::<P>::with(configured) else {
        return;
    };
    let (resting, working) = (SignedIn::new(&site, &site.alice), SignedIn::new(&site, &site.bob));
    for _ in 0..4 {
        assert_eq!(working.get("/v1/me").status, 200);
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(resting.get("/v1/me").status, 401);
    assert_eq!(working.get("/v1/me").status, 200);
    // Whoever works on without a rest signs in again in the end too.
    for _ in 0..5 {
        working.get("/v1/me");
        std::thread::sleep(Duration::from_secs(1));
    }
    assert_eq!(working.get("/v1/me").status, 401);
}

pub(super) fn aut_5_nobody_takes_over_a_sign_in_that_another_browser_began<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let callback = format!("{}/auth/callback", site.origin);
    let begin = format!("{}/auth/login", site.origin);
    let victim = Browser::new();
    // Alice's code, stopped on its way back.
    let code = victim
        .pass(&begin, &callback, &site.alice)
        .unwrap_or_else(|page| panic!("{page:?}"));
    let code = code.location.unwrap();
    // In a browser that began nothing, and in one that began another sign-in.
    let thief = Browser::new();
    assert_eq!(thief.get(&code).status, 401);
    assert_eq!(thief.get(&begin).status, 303);
    assert_eq!(thief.get(&code).status, 401);
    // With another issuer's name, and with the provider's refusal instead of a code.
    let issuer = super::browser::form(&[("iss", site.provider.issuer())]);
    assert!(code.contains(&issuer), "{code}");
    assert_eq!(
        victim
            .get(&code.replace(&issuer, "iss=https%3A%2F%2Fevil.example"))
            .status,
        401
    );
    assert_eq!(victim.get(&code.replace(&issuer, "")).status, 401);
    assert_eq!(
        victim.get(&code.replace("code=", "error=access_denied&not=")).status,
        401
    );
    // Where it belongs it is good, once.
    assert_eq!(victim.get(&code).status, 303);
    let again = victim.get(&code);
    assert_eq!(again.status, 401, "{again:?}");
    let failed = "FROM audit.events WHERE event_type = 'session.refused' AND outcome = 'denied'";
    let codes = site.wait_for(&format!(
        "SELECT outcome_code {failed} AND (SELECT count(*) {failed}) = 6 ORDER BY outcome_code"
    ));
    // Without a sign-in of this browser's, twice; for another state or issuer, before the code is used; by the provider.
    let expected = ["HTP-002", "HTP-002", "OID-003", "OID-003", "OID-003", "OID-004"];
    assert_eq!(codes, expected);
    for elsewhere in ["//evil.example", "https://evil.example", "/\\evil.example"] {
        let query = super::browser::form(&[("return_to", elsewhere)]);
        assert_eq!(
            Browser::new().get(&format!("{begin}?{query}")).status,
            400,
            "{elsewhere}"
        );
    }
}

pub(super) fn aut_6_no_other_page_acts_in_a_session<P: Provider>() {
    let Some(site) = Site::<P>::new() else { return };
    let (alice, bob) = (SignedIn::new(&site, &site.alice), SignedIn::new(&site, &site.bob));
    let (csrf, of_another) = (alice.csrf(), bob.csrf());
    let origin = site.origin.as_str();
    let post = |headers: &[(&str, &str)]| alice.send("POST", "/v1/clients", headers, Some(&client())).status;
    for (what, headers) in [
        ("nothing", &[][..]),
        ("no token", &[("origin", origin)]),
        ("no token, from a page of ours", &[("sec-fetch-site", "same-origin")]),
        ("no page", &[("x-csrf", &csrf)]),
        ("another page", &[("x-csrf", &csrf), ("origin", "https://evil.example")]),
        ("no page that says its name", &[("x-csrf", &csrf), ("origin", "null")]),
        ("another site", &[("x-csrf", &csrf), ("sec-fetch-site", "cross-site")]),
        (
            "another site that sends our origin",
            &[("x-csrf", &csrf), ("origin", origin), ("sec-fetch-site", "cross-site")],
        ),
        (
            "a host beside ours",
            &[("x-csrf", &csrf), ("sec-fetch-site", "same-site")],
        ),
        (
            "another session's token",
            &[("x-csrf", &of_another), ("origin", origin)],
        ),
        ("an empty token", &[("x-csrf", ""), ("origin", origin)]),
        (
            "two tokens",
            &[("x-csrf", &csrf), ("x-csrf", &csrf), ("origin", origin)],
        ),
    ] {
        assert_eq!(post(headers), 403, "{what}");
    }
    assert_eq!(
        alice.send("POST", "/auth/logout", &[("origin", origin)], None).status,
        403
    );
    assert_eq!(post(&[("x-csrf", &csrf), ("origin", origin)]), 201);
    assert_eq!(post(&[("x-csrf", &csrf), ("sec-fetch-site", "same-origin")]), 201);
    // A look in another page's name is refused as well.
    let look = |headers: &[(&str, &str)]| alice.send("GET", "/v1/clients", headers, None).status;
    assert_eq!(look(&[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(look(&[("origin", "https://evil.example")]), 403);
    assert_eq!(look(&[("sec-fetch-site", "same-origin")]), 200);
    // A session and a token at once: one of them is not what the browser meant.
    assert_eq!(look(&[("authorization", "Bearer a.b.c")]), 401);
}
