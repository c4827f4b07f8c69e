//! A client of OAuth against an authorization server of the test's own, which notes what it was asked and says what a test wants.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64_URL;
use bearingwall_connectors::egress::{Egress, EgressOptions, Limits, Networks, SystemResolver};
use bearingwall_connectors::oauth::{
    Begun, Callback, Code, OauthError, Provider, ProviderSettings, Providers, Refusal, Token,
};
use bearingwall_core::{Classified as _, Sensitive};
use bearingwall_secrets::{FileStore, SealedFiles, SecretStore};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use url::{Url, form_urlencoded};

const ISSUER: &str = "https://id.vendor.example";
const SECRET: &str = "planted:secret/1+ü";
const ACCESS: &str = "planted-access-0001";
const REFRESH: &str = "planted-refresh-0001";

/// What it was asked: the head, and the form in the body.
type Asked = Arc<Mutex<Vec<(String, BTreeMap<String, String>)>>>;

/// An authorization server that gives one answer.
struct Vendor {
    provider: Provider,
    asked: Asked,
    _secrets: TempDir,
}

impl Vendor {
    fn answering(answer: String) -> Self {
        Self::of(answer, |settings| settings)
    }

    fn of(answer: String, change: impl FnOnce(ProviderSettings) -> ProviderSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Asked::default();
        let noted = Arc::clone(&asked);
        // It ends with the process; each of its connections ends with the client's.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                serve(stream, &answer, &noted);
            }
        });
        let secrets = tempfile::tempdir().unwrap();
        let store = FileStore::create(secrets.path().join("store")).unwrap();
        store.put("oauth/vendor", SECRET.as_bytes()).unwrap();
        let mut settings = settings(port);
        settings.client_secret = store.reference("oauth/vendor").unwrap();
        let provider = providers(vec![change(settings)])
            .unwrap()
            .named("vendor")
            .unwrap()
            .clone();
        Self {
            provider,
            asked,
            _secrets: secrets,
        }
    }

    fn asked(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.asked.lock().unwrap().clone()
    }

    async fn refresh(&self) -> OauthError {
        let refresh = Sensitive::new(REFRESH.to_owned());
        self.provider.refresh(&refresh, &["read".to_owned()]).await.unwrap_err()
    }
}

/// One request and one answer. An empty answer is silence until the client has gone.
fn serve(mut stream: TcpStream, answer: &str, noted: &Asked) {
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let whole = |seen: &[u8]| {
        let text = String::from_utf8_lossy(seen).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok())?;
        (body.len() >= length).then(|| (head.to_owned(), body.to_owned()))
    };
    let (head, body) = loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => seen.extend_from_slice(&buffer[..length]),
        }
        if let Some(request) = whole(&seen) {
            break request;
        }
    };
    let form = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    noted.lock().unwrap().push((head, form));
    let _ = stream.write_all(answer.as_bytes());
    if answer.is_empty() {
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
    }
}

fn settings(port: u16) -> ProviderSettings {
    ProviderSettings {
        name: "vendor".to_owned(),
        issuer: Some(ISSUER.to_owned()),
        issuer_required: true,
        authorization_endpoint: "https://id.vendor.example/authorize?tenant=1".parse().unwrap(),
        token_endpoint: format!("http://127.0.0.1:{port}/token").parse().unwrap(),
        revocation_endpoint: Some(format!("http://127.0.0.1:{port}/revoke").parse().unwrap()),
        client_id: "spa client".to_owned(),
        client_secret: "file+sealed:///nowhere#oauth/vendor".parse().unwrap(),
        scopes: vec!["read".to_owned(), "write".to_owned()],
    }
}

fn providers(settings: Vec<ProviderSettings>) -> Result<Providers, OauthError> {
    let options = EgressOptions {
        networks: Networks::with(["127.0.0.0/8".parse().unwrap()]),
        limits: Limits {
            total: Duration::from_secs(1),
            answer_bytes: 4096,
            ..Limits::default()
        },
        ..EgressOptions::default()
    };
    let egress = Egress::new(options, Arc::new(SystemResolver)).unwrap();
    let secrets: Arc<dyn SecretStore> = Arc::new(SealedFiles);
    Providers::new(settings, &"https://spa.example.org".parse().unwrap(), &egress, &secrets)
}

fn json(status: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json;charset=UTF-8\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn granted(scope: &str) -> String {
    let body = format!(
        r#"{{"access_token":"{ACCESS}","refresh_token":"{REFRESH}","token_type":"bearer","expires_in":3600,"scope":"{scope}"}}"#
    );
    json("200 OK", &body)
}

/// What stands in the address to which the browser is sent.
fn query(begun: &Begun) -> BTreeMap<String, String> {
    let url: Url = begun.location.expose().parse().unwrap();
    url.query_pairs().into_owned().collect()
}

fn callback(begun: &Begun) -> Callback {
    Callback {
        code: Some("code-1".to_owned()),
        state: query(begun).get("state").cloned(),
        iss: Some(ISSUER.to_owned()),
        error: None,
    }
}

fn code(provider: &Provider) -> Code {
    let begun = provider.begin(&[]).unwrap();
    let callback = callback(&begun);
    provider.answered(begun.attempt, callback).unwrap()
}

fn reason(error: &OauthError) -> String {
    error.to_string()
}

#[tokio::test]
async fn con_15_a_code_is_traded_once_with_the_verifier_of_its_own_attempt() {
    let vendor = Vendor::answering(granted("read"));
    let begun = vendor.provider.begin(&["read".to_owned()]).unwrap();
    let sent = query(&begun);
    let expected = [
        ("response_type", "code"),
        ("client_id", "spa client"),
        ("redirect_uri", "https://spa.example.org/connect/callback/vendor"),
        ("scope", "read"),
        ("code_challenge_method", "S256"),
        ("tenant", "1"),
    ];
    for (name, value) in expected {
        assert_eq!(sent.get(name).map(String::as_str), Some(value), "{name}");
    }
    let callback = callback(&begun);
    let code = vendor.provider.answered(begun.attempt, callback).unwrap();
    let tokens = vendor.provider.exchange(code).await.unwrap();
    assert_eq!(tokens.access.expose(), ACCESS);
    assert_eq!(tokens.refresh.unwrap().expose(), REFRESH);
    assert_eq!(
        (tokens.scopes, tokens.expires_in),
        (vec!["read".to_owned()], Some(Duration::from_secs(3600)))
    );
    let asked = vendor.asked();
    let [(head, form)] = asked.as_slice() else {
        panic!("{} requests", asked.len())
    };
    assert!(head.starts_with("POST /token HTTP/1.1"), "another request");
    // Each part is encoded before they are joined: `spa+client:planted%3Asecret%2F1%2B%C3%BC`.
    assert!(head.contains("authorization: Basic c3BhK2NsaWVudDpwbGFudGVkJTNBc2VjcmV0JTJGMSUyQiVDMyVCQw=="));
    assert_eq!(form["grant_type"], "authorization_code");
    assert_eq!(form["code"], "code-1");
    assert_eq!(form["redirect_uri"], sent["redirect_uri"]);
    assert!(!form.contains_key("client_secret") && !form.contains_key("client_id"));
    let challenge = digest::digest(&digest::SHA256, form["code_verifier"].as_bytes());
    assert_eq!(BASE64_URL.encode(challenge), sent["code_challenge"], "RFC 7636, 4.6");
    assert!((43..=128).contains(&form["code_verifier"].len()), "RFC 7636, 4.1");
}

#[tokio::test]
async fn con_15_an_answer_that_is_not_this_attempts_is_refused_before_anything_is_asked() {
    let vendor = Vendor::answering(granted("read"));
    let begin = || vendor.provider.begin(&[]).unwrap();
    let refused = |change: fn(&mut Callback)| {
        let begun = begin();
        let mut callback = callback(&begun);
        change(&mut callback);
        reason(&vendor.provider.answered(begun.attempt, callback).unwrap_err())
    };
    let other = "the answer is not one to this attempt: its state is another";
    assert_eq!(refused(|callback| callback.state = None), other);
    assert_eq!(refused(|callback| callback.state = Some(String::new())), other);
    assert_eq!(refused(|callback| callback.state.as_mut().unwrap().push('A')), other);
    // Another attempt's, begun by somebody else, with a code that is good.
    let (ours, theirs) = (begin(), begin());
    let error = vendor.provider.answered(ours.attempt, callback(&theirs)).unwrap_err();
    assert_eq!((reason(&error).as_str(), error.code()), (other, "CON-082"));
    // An error is not believed of whoever cannot say the state.
    assert_eq!(
        refused(|callback| (callback.state, callback.error) = (None, Some("access_denied".to_owned()))),
        other
    );
    let issuer = "the answer is not one to this attempt: another issuer answers";
    assert_eq!(
        refused(|callback| callback.iss = Some("https://id.evil.example".to_owned())),
        issuer
    );
    assert_eq!(
        refused(|callback| callback.iss = Some(format!("{ISSUER}/"))),
        issuer,
        "RFC 9207, 2.4: simple comparison"
    );
    let unsaid = "the answer is not one to this attempt: it does not say who answers";
    assert_eq!(refused(|callback| callback.iss = None), unsaid);
    let none = "the answer is not one to this attempt: it carries no code";
    for code in [
        None,
        Some(String::new()),
        Some("a\r\nb".to_owned()),
        Some("a".repeat(4097)),
    ] {
        let begun = begin();
        let callback = Callback {
            code,
            ..callback(&begun)
        };
        assert_eq!(
            reason(&vendor.provider.answered(begun.attempt, callback).unwrap_err()),
            none
        );
    }
    let error = {
        let begun = begin();
        let callback = Callback {
            error: Some("access_denied".to_owned()),
            ..callback(&begun)
        };
        vendor.provider.answered(begun.attempt, callback).unwrap_err()
    };
    assert!(matches!(
        error,
        OauthError::Refused {
            refusal: Refusal::AccessDenied
        }
    ));
    assert_eq!(vendor.asked().len(), 0);
}

#[tokio::test]
async fn con_15_an_answer_is_taken_to_the_provider_that_was_asked_and_to_no_other() {
    let mut other = settings(1);
    other.name = "other".to_owned();
    (other.issuer, other.issuer_required) = (None, false);
    let mut silent = settings(1);
    (silent.issuer, silent.issuer_required) = (None, false);
    let both = providers(vec![silent.clone(), other.clone()]).unwrap();
    let (one, two) = (both.named("vendor").unwrap(), both.named("other").unwrap());
    // Neither says who it is: the addresses to come back to tell them apart.
    assert_ne!(one.redirect_uri(), two.redirect_uri());
    let begun = one.begin(&[]).unwrap();
    let back = Callback {
        iss: None,
        ..callback(&begun)
    };
    let mixed = "the answer is not one to this attempt: it was begun at another provider";
    assert_eq!(reason(&two.answered(begun.attempt, back).unwrap_err()), mixed);
    let begun = one.begin(&[]).unwrap();
    let back = Callback {
        iss: None,
        ..callback(&begun)
    };
    let code = one.answered(begun.attempt, back).unwrap();
    assert_eq!(reason(&two.exchange(code).await.unwrap_err()), mixed);
    // One that is not known to have a name is not believed to have one.
    let begun = one.begin(&[]).unwrap();
    let back = callback(&begun);
    assert!(reason(&one.answered(begun.attempt, back).unwrap_err()).ends_with("another issuer answers"));
    assert_eq!(providers(vec![silent.clone(), silent]).unwrap_err().code(), "CON-080");
}

#[test]
fn con_15_every_attempt_has_numbers_of_its_own_that_nobody_guesses() {
    let providers = providers(vec![settings(1)]).unwrap();
    let provider = providers.named("vendor").unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let begun = provider.begin(&[]).unwrap();
        let sent = query(&begun);
        let state = BASE64_URL.decode(&sent["state"]).unwrap();
        assert_eq!(state.len(), 32);
        assert_eq!(
            begun.attempt.state_sha256(),
            digest::digest(&digest::SHA256, sent["state"].as_bytes()).as_ref()
        );
        for name in ["state", "code_challenge"] {
            assert!(seen.insert(sent[name].clone()), "{name}");
        }
        let printed = format!("{begun:?} {:?}", callback(&begun));
        assert!(!printed.contains(&sent["state"]) && !printed.contains("code-1"));
    }
    assert_eq!(provider.begin(&["admin".to_owned()]).unwrap_err().code(), "CON-081");
}

#[test]
fn con_16_a_provider_without_tls_or_with_a_credential_in_its_address_is_refused_at_the_start() {
    let refused = |change: fn(&mut ProviderSettings)| {
        let mut changed = settings(1);
        change(&mut changed);
        providers(vec![changed]).err().map(|error| error.code())
    };
    assert_eq!(refused(|_| {}), None);
    let bad: [fn(&mut ProviderSettings); 10] = [
        |settings| settings.token_endpoint = "http://id.vendor.example/token".parse().unwrap(),
        |settings| settings.token_endpoint = "http://localhost/token".parse().unwrap(),
        |settings| settings.authorization_endpoint = "http://id.vendor.example/a".parse().unwrap(),
        |settings| settings.authorization_endpoint = "javascript:alert(1)".parse().unwrap(),
        |settings| settings.revocation_endpoint = Some("https://a:b@id.vendor.example/".parse().unwrap()),
        |settings| settings.token_endpoint = "https://id.vendor.example/#a".parse().unwrap(),
        |settings| settings.name = "../callback".to_owned(),
        |settings| settings.issuer = None,
        |settings| settings.scopes = vec!["read write".to_owned()],
        |settings| settings.client_id = String::new(),
    ];
    for (at, change) in bad.into_iter().enumerate() {
        assert_eq!(refused(change), Some("CON-080"), "{at}");
    }
}

#[tokio::test]
async fn con_16_what_is_no_answer_of_an_authorization_server_is_refused_and_not_repeated() {
    let page = format!("<html>{ACCESS}</html>");
    let html = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}",
        page.len()
    );
    let elsewhere = "HTTP/1.1 302 Found\r\nlocation: https://id.evil.example/planted\r\ncontent-length: 0\r\n\r\n";
    let token = |rest: &str| json("200 OK", &format!(r#"{{"access_token":"{ACCESS}"{rest}}}"#));
    let answers = [
        html,
        // Tokens, and not as what tokens are.
        granted("read").replace("application/json", "text/html"),
        elsewhere.to_owned(),
        json("200 OK", &format!("[\"{ACCESS}\"]")),
        json("500 Internal Server Error", &format!(r#"{{"error":"{ACCESS}"}}"#)),
        json("400 Bad Request", "<html>"),
        token(""),
        token(r#","token_type":"mac""#),
        // More than was asked for.
        token(r#","token_type":"Bearer","scope":"read admin""#),
        json(
            "200 OK",
            r#"{"access_token":"planted a\r\nb: c","token_type":"Bearer"}"#,
        ),
        json("200 OK", r#"{"access_token":"","token_type":"Bearer"}"#),
        token(&format!(r#","token_type":"Bearer","refresh_token":"{}""#, "planted ")),
    ];
    for (at, answer) in answers.into_iter().enumerate() {
        let vendor = Vendor::answering(answer);
        let error = vendor.refresh().await;
        // The provider may have rotated the token all the same.
        assert_eq!((error.code(), error.is_certain()), ("CON-084", false), "{at}");
        let told = format!(
            "{error:?} {error} {:?}",
            std::error::Error::source(&error).map(ToString::to_string)
        );
        assert!(!told.contains("planted") && !told.contains("evil"), "{at}");
        assert_eq!(vendor.asked().len(), 1, "{at}: nothing is followed or asked again");
    }
}

#[tokio::test]
async fn con_16_a_provider_that_is_silent_or_endless_is_given_up() {
    let silent = Vendor::answering(String::new()).refresh().await;
    assert_eq!((silent.code(), silent.is_certain()), ("CON-017", false));
    let endless = Vendor::answering(json("200 OK", &"planted ".repeat(1024)))
        .refresh()
        .await;
    assert_eq!((endless.code(), endless.is_certain()), ("CON-018", false));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let away = Vendor::of(String::new(), |mut settings| {
        settings.token_endpoint = format!("http://127.0.0.1:{port}/token").parse().unwrap();
        settings
    });
    let away = away.refresh().await;
    assert_eq!(
        (away.code(), away.is_certain()),
        ("CON-016", true),
        "nothing was shown to anybody"
    );
}

#[tokio::test]
async fn con_16_the_providers_reason_is_one_that_is_known_here() {
    for (word, refusal) in [
        ("invalid_grant", Refusal::InvalidGrant),
        ("invalid_client", Refusal::InvalidClient),
        ("unauthorized_client", Refusal::UnauthorizedClient),
        ("planted person@example.net", Refusal::Other),
    ] {
        let body = format!(r#"{{"error":"{word}","error_description":"planted {REFRESH}"}}"#);
        let error = Vendor::answering(json("400 Bad Request", &body)).refresh().await;
        let said = matches!(&error, OauthError::Refused { refusal: said } if *said == refusal);
        assert!(said && error.is_certain(), "{word}");
        assert!(!format!("{error:?} {error}").contains("planted"), "{word}");
    }
    let busy = Vendor::answering(json("503 Service Unavailable", "{}")).refresh().await;
    let is_unavailable = matches!(
        busy,
        OauthError::Refused {
            refusal: Refusal::Unavailable
        }
    );
    assert!(
        is_unavailable && !busy.is_certain(),
        "a gateway that gave up says the same"
    );
}

#[tokio::test]
async fn con_16_a_refresh_takes_what_rotates_and_a_revocation_says_what_ends() {
    let vendor = Vendor::answering(json(
        "200 OK",
        &format!(r#"{{"access_token":"{ACCESS}","token_type":"Bearer"}}"#),
    ));
    let before = Sensitive::new(REFRESH.to_owned());
    let scopes = ["read".to_owned()];
    let tokens = vendor.provider.refresh(&before, &scopes).await.unwrap();
    // The one before stays, what is granted stays, and how long it is good nobody has said.
    assert!(tokens.refresh.is_none() && tokens.expires_in.is_none());
    assert_eq!(tokens.scopes, scopes);
    assert!(!format!("{tokens:?}").contains("planted"));
    let rotated = Vendor::answering(granted("read"))
        .provider
        .refresh(&before, &scopes)
        .await
        .unwrap();
    assert_eq!(rotated.refresh.unwrap().expose(), REFRESH);

    assert!(vendor.provider.revoke(Token::Refresh(&before)).await.unwrap());
    assert!(vendor.provider.revoke(Token::Access(&tokens.access)).await.unwrap());
    let asked = vendor.asked();
    let said: Vec<_> = asked
        .iter()
        .map(|(head, form)| {
            (
                head.lines().next().unwrap(),
                form.get("token_type_hint").map(String::as_str),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("POST /token HTTP/1.1", None),
            ("POST /revoke HTTP/1.1", Some("refresh_token")),
            ("POST /revoke HTTP/1.1", Some("access_token")),
        ]
    );
    assert_eq!(
        (asked[1].1["token"].as_str(), asked[2].1["token"].as_str()),
        (REFRESH, ACCESS)
    );
    let unable = Vendor::of(granted("read"), |settings| ProviderSettings {
        revocation_endpoint: None,
        ..settings
    });
    assert!(!unable.provider.revoke(Token::Refresh(&before)).await.unwrap());
    assert_eq!(unable.asked().len(), 0);
}

#[tokio::test]
async fn con_16_without_the_clients_secret_nothing_leaves() {
    let vendor = Vendor::of(granted("read"), |settings| ProviderSettings {
        client_secret: settings
            .client_secret
            .to_string()
            .replace("vendor", "other")
            .parse()
            .unwrap(),
        ..settings
    });
    let error = vendor.provider.exchange(code(&vendor.provider)).await.unwrap_err();
    assert!(matches!(error, OauthError::Secret(_)));
    assert_eq!(vendor.asked().len(), 0);
}
