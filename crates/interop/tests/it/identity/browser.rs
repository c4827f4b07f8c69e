//! A browser as far as a sign-in needs one: cookies, redirects that are looked at, and forms that are filled in.

use super::provider::{CLIENT_ID, Person, Provider};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::blocking::{Client, RequestBuilder};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use url::Url;
use uuid::Uuid;

/// Pages between the beginning of a sign-in and the application.
const MAX_PAGES: usize = 10;

/// A response, read to its end.
#[derive(Debug)]
#[allow(dead_code, reason = "what a failed assertion shows")]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) cookies: Vec<String>,
    pub(crate) body: String,
    pub(crate) address: Url,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// A parameter of the address to which it redirects.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let location = Url::parse(self.location.as_deref()?).ok()?;
        let mut pairs = location.query_pairs();
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// Pairs as a form sends them.
pub(crate) fn form<K: AsRef<str>, V: AsRef<str>>(pairs: &[(K, V)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// Somebody's browser. Like a real one it takes loopback for secure, and sends `Secure` cookies there.
pub(crate) struct Browser {
    client: Client,
    /// By port: both sides of a sign-in are on loopback here, and no real cookie knows a port, but two hosts would.
    jar: RefCell<BTreeMap<(u16, String), String>>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .build()
            .unwrap();
        Self {
            client,
            jar: RefCell::default(),
        }
    }

    pub(crate) fn get(&self, address: &str) -> Answer {
        self.send("GET", address, |request| request)
    }

    /// Nothing where nobody listens yet.
    pub(crate) fn try_get(&self, address: &str) -> Option<Answer> {
        self.try_send("GET", address, |request| request)
    }

    /// Posts a form.
    pub(crate) fn post(&self, address: &str, body: &str) -> Answer {
        self.send("POST", address, |request| {
            request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.to_owned())
        })
    }

    pub(crate) fn send(
        &self,
        method: &str,
        address: &str,
        dress: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Answer {
        self.try_send(method, address, dress)
            .unwrap_or_else(|| panic!("no answer: {method} {address}"))
    }

    fn try_send(
        &self,
        method: &str,
        address: &str,
        dress: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Option<Answer> {
        let address: Url = address.parse().unwrap();
        let port = address.port_or_known_default().unwrap();
        let mut request = self.client.request(method.parse().unwrap(), address.clone());
        let cookies: Vec<String> = self
            .jar
            .borrow()
            .iter()
            .filter(|((of, _), _)| *of == port)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let answer = dress(request).send().ok()?;
        let header = |name: &str| -> Vec<String> {
            let values = answer.headers().get_all(name).iter();
            values.map(|value| value.to_str().unwrap().to_owned()).collect()
        };
        let (cookies, location) = (header("set-cookie"), header("location"));
        for cookie in &cookies {
            let pair = cookie.split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let key = (port, name.to_owned());
            if value.is_empty() || cookie.to_ascii_lowercase().contains("max-age=0") {
                self.jar.borrow_mut().remove(&key);
            } else {
                self.jar.borrow_mut().insert(key, value.to_owned());
            }
        }
        let location = location.first().map(|to| address.join(to).unwrap().to_string());
        Some(Answer {
            status: answer.status().as_u16(),
            location,
            cookies,
            body: answer.text().unwrap(),
            address,
        })
    }

    /// Follows redirects and fills in the provider's forms until it sends the browser to `back`, or refuses.
    pub(crate) fn pass(&self, begin: &str, back: &str, person: &Person) -> Result<Answer, Box<Answer>> {
        let mut answer = self.get(begin);
        let mut shown: Vec<String> = Vec::new();
        for _ in 0..MAX_PAGES {
            if let Some(to) = answer.location.clone() {
                if to.starts_with(back) {
                    return Ok(answer);
                }
                answer = self.get(&to);
                continue;
            }
            let Some((action, fields)) = form_of(&answer) else {
                return Err(Box::new(answer));
            };
            // The same form once more is how a provider says no.
            let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
            let names = names.join(" ");
            if shown.contains(&names) {
                return Err(Box::new(answer));
            }
            shown.push(names);
            let filled: Vec<(String, String)> = fields
                .into_iter()
                .map(|(name, value)| {
                    let value = match name.as_str() {
                        "username" => person.name.to_owned(),
                        "password" => person.password(),
                        "otp" => one_time_code(&person.second_factor),
                        _ => value,
                    };
                    (name, value)
                })
                .collect();
            answer = self.post(&action, &form(&filled));
        }
        Err(Box::new(answer))
    }
}

/// The first form of a page: where it goes, and the names of its fields with what stands in them.
fn form_of(answer: &Answer) -> Option<(String, Vec<(String, String)>)> {
    let form = answer.body.split_once("<form")?.1.split_once("</form>")?.0;
    let attribute = |tag: &str, name: &str| -> Option<String> {
        let value = tag.split_once(&format!(" {name}=\""))?.1.split_once('"')?.0;
        Some(value.replace("&amp;", "&"))
    };
    let (head, inside) = form.split_once('>')?;
    let action = answer.address.join(&attribute(head, "action")?).ok()?.to_string();
    let tags = inside
        .split('<')
        .filter(|tag| tag.starts_with("input") || tag.starts_with("button"));
    let fields = tags
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default())))
        .collect();
    Some((action, fields))
}

/// A code that this secret has not shown yet: RFC 6238 with SHA-1, six digits, thirty seconds.
///
/// A good provider takes each code once, so the codes of the neighbouring half minutes are used as well.
pub(crate) fn one_time_code(secret: &str) -> String {
    static SHOWN: Mutex<BTreeSet<(String, u64)>> = Mutex::new(BTreeSet::new());
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 30;
        for step in [now, now + 1, now - 1] {
            if SHOWN.lock().unwrap().insert((secret.to_owned(), step)) {
                return code_of(secret.as_bytes(), step);
            }
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn code_of(secret: &[u8], step: u64) -> String {
    use aws_lc_rs::hmac;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let digest = tag.as_ref();
    let at = usize::from(digest[19] & 15);
    let value = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", value % 1_000_000)
}

/// What a provider hands out at the end of a sign-in.
#[derive(Debug)]
pub(crate) struct Tokens(pub(crate) Value);

impl Tokens {
    pub(crate) fn part(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.0))
    }

    pub(crate) fn access(&self) -> &str {
        self.part("access_token")
    }

    /// A member of the access token's header or claims.
    pub(crate) fn of_access(&self, part: usize, member: &str) -> Value {
        let encoded = self.access().split('.').nth(part).unwrap();
        let json: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
        json[member].clone()
    }
}

/// The application's side of the authorization code flow, by hand.
pub(crate) struct CodeFlow<'a, P> {
    pub(crate) provider: &'a P,
    pub(crate) origin: &'a str,
}

impl<P: Provider> CodeFlow<'_, P> {
    fn metadata(&self) -> Value {
        let address = format!("{}/.well-known/openid-configuration", self.provider.issuer());
        Browser::new().get(&address).json()
    }

    fn endpoint(&self, name: &str) -> String {
        self.metadata()[name].as_str().unwrap().to_owned()
    }

    fn callback(&self) -> String {
        format!("{}/auth/callback", self.origin)
    }

    /// A code for this person and the verifier that belongs to it, or the page on which the provider refused.
    pub(crate) fn code(&self, browser: &Browser, person: &Person, acr: &str) -> Result<(String, String), Box<Answer>> {
        let verifier = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        let callback = self.callback();
        let challenge = URL_SAFE_NO_PAD.encode(digest);
        let query = form(&[
            ("client_id", CLIENT_ID),
            ("response_type", "code"),
            ("scope", "openid"),
            ("redirect_uri", &callback),
            ("state", "a-state"),
            ("nonce", "a-nonce"),
            ("acr_values", acr),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let begin = format!("{}?{query}", self.endpoint("authorization_endpoint"));
        let back = browser.pass(&begin, &callback, person)?;
        assert_eq!(back.parameter("state").as_deref(), Some("a-state"));
        assert_eq!(back.parameter("iss"), Some(self.provider.issuer()), "RFC 9207");
        Ok((back.parameter("code").ok_or(Box::new(back))?, verifier))
    }

    /// What the token endpoint answers.
    pub(crate) fn token_request(&self, pairs: &[(&str, &str)]) -> Answer {
        let secret = self.provider.client_secret();
        Browser::new().send("POST", &self.endpoint("token_endpoint"), |request| {
            request
                .basic_auth(CLIENT_ID, Some(secret))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form(pairs))
        })
    }

    pub(crate) fn exchange(&self, code: &str, verifier: &str) -> Answer {
        self.token_request(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.callback()),
            ("code_verifier", verifier),
        ])
    }

    pub(crate) fn refresh(&self, tokens: &Tokens) -> Answer {
        let refresh = tokens.part("refresh_token");
        self.token_request(&[("grant_type", "refresh_token"), ("refresh_token", refresh)])
    }

    /// A whole sign-in with a second factor.
    pub(crate) fn sign_in(&self, person: &Person) -> Tokens {
        self.sign_in_with(&Browser::new(), person)
    }

    /// The same in a browser that stays.
    pub(crate) fn sign_in_with(&self, browser: &Browser, person: &Person) -> Tokens {
        self.tokens(browser, person, "mfa")
    }

    /// A sign-in at a level of assurance.
    pub(crate) fn sign_in_at(&self, person: &Person, acr: &str) -> Tokens {
        self.tokens(&Browser::new(), person, acr)
    }

    fn tokens(&self, browser: &Browser, person: &Person, acr: &str) -> Tokens {
        let code = self.code(browser, person, acr);
        let (code, verifier) = code.unwrap_or_else(|page| panic!("{page:?}"));
        let answer = self.exchange(&code, &verifier);
        assert_eq!(answer.status, 200, "{answer:?}");
        Tokens(answer.json())
    }

    /// Signs out at the provider (OpenID Connect RP-Initiated Logout 1.0).
    pub(crate) fn sign_out(&self, browser: &Browser, tokens: &Tokens, person: &Person) {
        let back = format!("{}/auth/session", self.origin);
        let query = form(&[
            ("id_token_hint", tokens.part("id_token")),
            ("client_id", CLIENT_ID),
            ("post_logout_redirect_uri", &back),
        ]);
        let begin = format!("{}?{query}", self.endpoint("end_session_endpoint"));
        browser
            .pass(&begin, &back, person)
            .unwrap_or_else(|page| panic!("{page:?}"));
    }
}
