//! A server on this machine that notes what it was sent and answers with one text.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// It ends with the process; each of its connections ends with the client's.
pub(super) struct Server {
    pub(super) port: u16,
    connections: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers without TLS. An empty answer is silence.
    pub(super) fn plain(answer: impl Fn(u16) -> String + Send + 'static) -> Self {
        Self::start(answer, |stream, exchange| exchange(&mut &*stream))
    }

    /// Answers with a certificate for `name` that `authority` has signed.
    pub(super) fn with_tls(
        authority: &tls::Authority,
        name: &str,
        answer: impl Fn(u16) -> String + Send + 'static,
    ) -> Self {
        let config = authority.server(name);
        Self::start(answer, move |stream, exchange| {
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = stream;
            exchange(&mut rustls::Stream::new(&mut connection, &mut stream));
        })
    }

    fn start(
        answer: impl Fn(u16) -> String + Send + 'static,
        wrap: impl Fn(&TcpStream, &mut dyn FnMut(&mut dyn Duplex)) + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let server = Self {
            port,
            connections: Arc::clone(&connections),
            requests: Arc::clone(&requests),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
                let answer = answer(port);
                wrap(&stream, &mut |stream| serve(stream, &answer, &requests));
            }
        });
        server
    }

    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

trait Duplex: Read + Write {}
impl<T: Read + Write> Duplex for T {}

/// One request and one answer, and then silence until the client has gone.
fn serve(stream: &mut dyn Duplex, answer: &str, requests: &Mutex<Vec<String>>) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    while !seen.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => seen.extend_from_slice(&buffer[..length]),
        }
    }
    requests
        .lock()
        .unwrap()
        .push(String::from_utf8_lossy(&seen).into_owned());
    let _ = stream.write_all(answer.as_bytes());
    let _ = stream.flush();
    if !answer.contains("connection: close") {
        while stream.read(&mut buffer).is_ok_and(|length| length > 0) {}
    }
}

pub(crate) mod tls {
    //! An authority of a test's own.

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use std::sync::Arc;

    pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

    impl Authority {
        pub(crate) fn new() -> Self {
            let mut parameters = CertificateParams::new(vec![]).unwrap();
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
        }

        pub(crate) fn pem(&self) -> Vec<u8> {
            self.0.pem().into_bytes()
        }

        pub(crate) fn server(&self, name: &str) -> Arc<ServerConfig> {
            let key = KeyPair::generate().unwrap();
            let certificate = CertificateParams::new(vec![name.to_owned()])
                .unwrap()
                .signed_by(&key, &self.0)
                .unwrap();
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
            Arc::new(config)
        }
    }
}
