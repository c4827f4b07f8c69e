//! The one way out, against servers on this machine and a resolver that says what a test wants.

pub(crate) mod server;

use bearingwall_connectors::egress::{
    Allowed, Answer, Destination, Egress, EgressError, EgressOptions, Limits, Method, Networks, Outgoing, Resolver,
};
use bearingwall_core::Classified;
use server::{Server, tls};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use url::Url;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

/// Answers with one list of addresses after the other, and with the last one from then on.
struct Script {
    answers: Mutex<Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Script {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let parse = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self {
            answers: Mutex::new(answers.iter().map(parse).collect()),
            asked: AtomicUsize::new(0),
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolver for Script {
    fn addresses<'a>(&'a self, _host: &'a str) -> Pin<Box<dyn Future<Output = Vec<IpAddr>> + Send + 'a>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        };
        Box::pin(async move { answer })
    }
}

fn loopback() -> Networks {
    Networks::with(["127.0.0.0/8".parse().unwrap()])
}

fn options() -> EgressOptions {
    EgressOptions {
        networks: loopback(),
        limits: Limits {
            total: Duration::from_secs(2),
            request_bytes: 1000,
            answer_bytes: 1000,
            ..Limits::default()
        },
        ..EgressOptions::default()
    }
}

fn egress(options: EgressOptions) -> Egress {
    Egress::new(options, Script::new(&[&[]])).unwrap()
}

fn allow(host: &str, port: u16) -> Allowed {
    Allowed::by_operator(vec![Destination::new(host, port, Method::ALL).unwrap()])
}

fn get(url: &str) -> Outgoing {
    Outgoing::new(Method::Get, url.parse().unwrap(), Vec::new())
}

/// A request to a server without TLS, by its address.
async fn ask(server: &Server, options: EgressOptions, body: Vec<u8>) -> Result<Answer, EgressError> {
    let url: Url = format!("http://127.0.0.1:{}/a?b=c", server.port).parse().unwrap();
    let request = Outgoing::new(Method::Post, url, body);
    egress(options).send(&allow("127.0.0.1", server.port), request).await
}

#[tokio::test]
async fn con_2_a_redirect_is_an_answer_and_not_followed() {
    let server = Server::plain(|port| {
        format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{port}/other\r\ncontent-length: 0\r\n\r\n")
    });
    let answer = ask(&server, options(), b"x".to_vec()).await.unwrap();
    assert_eq!((answer.status(), answer.is_success()), (302, false));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn con_2_what_is_not_allowed_does_not_leave() {
    let server = Server::plain(|_| OK.to_owned());
    let client = egress(options());
    let url = format!("http://127.0.0.1:{}/", server.port);
    for allowed in [
        Allowed::default(),
        allow("127.0.0.2", server.port),
        allow("127.0.0.1", server.port ^ 1),
    ] {
        let error = client.send(&allowed, get(&url)).await.unwrap_err();
        assert_eq!((error.code(), error.is_certain()), ("CON-010", true));
    }
    let only_post = Destination::new("127.0.0.1", server.port, [Method::Post]).unwrap();
    let error = client
        .send(&Allowed::by_operator(vec![only_post]), get(&url))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "CON-010");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn con_3_an_address_that_is_not_public_is_refused_before_a_connection() {
    let server = Server::plain(|_| OK.to_owned());
    let mut bare = options();
    bare.networks = Networks::default();
    assert_eq!(ask(&server, bare, Vec::new()).await.unwrap_err().code(), "CON-012");
    let client = egress(options());
    for host in [
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
    ] {
        let url = format!("https://{host}:{}/", server.port);
        let host = url.parse::<Url>().unwrap().host_str().unwrap().to_owned();
        let error = client.send(&allow(&host, server.port), get(&url)).await.unwrap_err();
        assert_eq!(error.code(), "CON-012", "{host}");
    }
    // Other spellings of 127.0.0.1 are 127.0.0.1, which is not on the list.
    for host in ["0x7f000001", "2130706433", "127.1", "0177.0.0.1"] {
        let url = format!("http://{host}:{}/", server.port);
        let error = client
            .send(&allow("127.0.0.2", server.port), get(&url))
            .await
            .unwrap_err();
        assert_eq!(error.code(), "CON-010", "{host}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn con_3_a_name_without_tls_is_refused_wherever_it_leads() {
    let server = Server::plain(|_| OK.to_owned());
    let script = Script::new(&[&["127.0.0.1"]]);
    let client = Egress::new(options(), script.clone()).unwrap();
    let url = format!("http://peer.example:{}/", server.port);
    let error = client
        .send(&allow("peer.example", server.port), get(&url))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "CON-011");
    assert_eq!((script.asked(), server.connections()), (0, 0));
}

#[tokio::test]
async fn con_3_a_name_that_changes_its_address_is_looked_up_once_and_connected_to_where_it_was_checked() {
    let authority = tls::Authority::new();
    let server = Server::with_tls(&authority, "peer.example", |_| OK.to_owned());
    let url = format!("https://peer.example:{}/", server.port);
    let allowed = allow("peer.example", server.port);
    let mut options = options();
    options.authorities = vec![authority.pem()];
    // The second answer is what a second look would get.
    let script = Script::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let client = Egress::new(options, script.clone()).unwrap();
    assert_eq!(client.send(&allowed, get(&url)).await.unwrap().body(), b"hi");
    assert_eq!(script.asked(), 1);
    // The next request is checked anew, and nothing of the first one's connection is kept.
    let error = client.send(&allowed, get(&url)).await.unwrap_err();
    assert_eq!((error.code(), error.is_certain()), ("CON-012", true));
    assert_eq!((script.asked(), server.connections()), (2, 1));
}

#[tokio::test]
async fn con_3_one_address_that_may_not_be_reached_refuses_the_name() {
    let authority = tls::Authority::new();
    let server = Server::with_tls(&authority, "peer.example", |_| OK.to_owned());
    let url = format!("https://peer.example:{}/", server.port);
    let mut options = options();
    options.authorities = vec![authority.pem()];
    for (answer, code) in [
        (&["127.0.0.1", "10.0.0.1"][..], "CON-012"),
        (&["10.0.0.1", "127.0.0.1"][..], "CON-012"),
        (&["127.0.0.1", "::ffff:127.0.0.1"][..], "CON-012"),
        (&[][..], "CON-013"),
    ] {
        let client = Egress::new(options.clone(), Script::new(&[answer])).unwrap();
        let error = client
            .send(&allow("peer.example", server.port), get(&url))
            .await
            .unwrap_err();
        assert_eq!(error.code(), code, "{answer:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn con_2_a_certificate_of_another_name_or_authority_is_refused() {
    let authority = tls::Authority::new();
    let server = Server::with_tls(&authority, "other.example", |_| OK.to_owned());
    let url = format!("https://peer.example:{}/", server.port);
    for authorities in [vec![authority.pem()], vec![tls::Authority::new().pem()], vec![]] {
        let mut options = options();
        options.authorities = authorities;
        let client = Egress::new(options, Script::new(&[&["127.0.0.1"]])).unwrap();
        let error = client
            .send(&allow("peer.example", server.port), get(&url))
            .await
            .unwrap_err();
        assert_eq!((error.code(), error.is_certain()), ("CON-016", true), "{error:?}");
        assert!(!format!("{error:?}").contains("/secret"), "{error:?}");
    }
    assert_eq!(server.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn con_2_bodies_have_a_limit_in_both_directions() {
    let long = "x".repeat(1001);
    let exact = "x".repeat(1000);
    let server = Server::plain(|_| OK.to_owned());
    assert_eq!(
        ask(&server, options(), long.clone().into_bytes())
            .await
            .unwrap_err()
            .code(),
        "CON-014"
    );
    assert_eq!(server.connections(), 0);
    assert!(ask(&server, options(), exact.clone().into_bytes()).await.is_ok());

    let without_length = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{long}");
    let with_length = format!("HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n{long}");
    for text in [without_length, with_length] {
        let server = Server::plain(move |_| text.clone());
        let error = ask(&server, options(), Vec::new()).await.unwrap_err();
        assert_eq!((error.code(), error.is_certain()), ("CON-018", false));
    }
    let server = Server::plain(move |_| format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{exact}"));
    assert_eq!(ask(&server, options(), Vec::new()).await.unwrap().body().len(), 1000);
}

#[tokio::test]
async fn con_2_a_peer_that_is_silent_or_slow_is_given_up_in_time_and_nobody_knows_what_it_did() {
    let silent = Server::plain(|_| String::new());
    let slow = Server::plain(|_| "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n".to_owned() + "x");
    for server in [silent, slow] {
        let url: Url = format!("http://127.0.0.1:{}/", server.port).parse().unwrap();
        let request = Outgoing::new(Method::Post, url, Vec::new()).within(Duration::from_millis(200));
        let start = Instant::now();
        let error = egress(options())
            .send(&allow("127.0.0.1", server.port), request)
            .await
            .unwrap_err();
        assert_eq!((error.code(), error.is_certain()), ("CON-017", false));
        assert!(start.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn con_2_where_nobody_listens_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = format!("http://127.0.0.1:{port}/secret");
    let error = egress(options())
        .send(&allow("127.0.0.1", port), get(&url))
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.is_certain()), ("CON-016", true));
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test]
async fn con_2_no_header_ends_its_line_or_belongs_to_the_connection() {
    let request = || get("https://api.example.org/");
    for (name, value) in [
        ("x-a", "b\r\nhost: evil.example"),
        ("x-a", "b\nc"),
        ("x-a\r\nx-b", "c"),
        ("x-a: b", "c"),
        ("", "c"),
        ("Host", "evil.example"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("proxy-authorization", "Basic YTpi"),
    ] {
        assert!(
            matches!(request().header(name, value), Err(EgressError::Header)),
            "{name:?} {value:?}"
        );
    }
    let server = Server::plain(|_| OK.to_owned());
    let url = format!("http://127.0.0.1:{}/", server.port);
    let request = get(&url).header("authorization", "Bearer one").unwrap();
    let request = request.header("Authorization", "Bearer two").unwrap();
    egress(options())
        .send(&allow("127.0.0.1", server.port), request)
        .await
        .unwrap();
    let seen = server.requests().remove(0).to_lowercase();
    assert!(
        seen.contains("authorization: bearer two\r\n") && !seen.contains("bearer one"),
        "{seen}"
    );
    assert!(!seen.contains("user-agent") && !seen.contains("referer"), "{seen}");
}

#[tokio::test]
async fn con_2_nothing_of_an_exchange_prints() {
    let server =
        Server::plain(|_| "HTTP/1.1 200 OK\r\nset-cookie: hunter2\r\ncontent-length: 7\r\n\r\nhunter2".to_owned());
    let request = get(&format!("http://127.0.0.1:{}/hunter2", server.port))
        .header("x-a", "hunter2")
        .unwrap();
    let shown = format!("{request:?}");
    let answer = egress(options())
        .send(&allow("127.0.0.1", server.port), request)
        .await
        .unwrap();
    let shown = format!("{shown} {answer:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(answer.header("set-cookie"), Some("hunter2"));
}

#[tokio::test]
async fn con_3_behind_a_proxy_the_proxy_resolves_and_written_addresses_are_still_refused() {
    let proxy = Server::plain(|_| "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned());
    let script = Script::new(&[&["127.0.0.1"]]);
    let mut options = options();
    options.networks = Networks::default();
    options.proxy = Some(format!("http://127.0.0.1:{}", proxy.port).parse().unwrap());
    let client = Egress::new(options.clone(), script.clone()).unwrap();
    let error = client
        .send(&allow("peer.example", 443), get("https://peer.example/"))
        .await
        .unwrap_err();
    assert!(error.is_certain(), "{error:?}");
    assert!(
        proxy.requests()[0].starts_with("CONNECT peer.example:443 "),
        "{:?}",
        proxy.requests()
    );
    assert_eq!(script.asked(), 0);
    let error = client
        .send(&allow("10.0.0.1", 443), get("https://10.0.0.1/"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "CON-012");
    for unusable in ["http://user:hunter2@127.0.0.1:1", "socks5://127.0.0.1:1"] {
        options.proxy = Some(unusable.parse().unwrap());
        let error = Egress::new(options.clone(), script.clone()).unwrap_err();
        assert_eq!(error.code(), "CON-019");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}
