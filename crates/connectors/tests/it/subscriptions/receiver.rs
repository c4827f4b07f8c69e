//! A receiver of notices over TLS: notes each request, and answers as it was told to.

use crate::egress::server::tls::Authority;
use bearingwall_connectors::webhooks::standard::Standard;
use bearingwall_connectors::webhooks::{Delivery, WebhookError};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use time::OffsetDateTime;

/// A request as it arrived.
#[derive(Clone)]
pub(crate) struct Arrived {
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// Whether a holder of these keys believes it.
    pub(crate) fn is_signed_for(&self, keys: &[&str], now: OffsetDateTime) -> bool {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let delivery = Delivery::new("", &headers, self.body.as_bytes());
        let verifier = Standard::new(keys.iter().map(|key| key.as_bytes())).unwrap();
        match verifier.verify(&delivery, now) {
            Ok(event) => event.get().id() == self.header("webhook-id"),
            Err(WebhookError::Refused) => false,
            Err(error) => panic!("{error}"),
        }
    }
}

/// It ends with the process.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    answers: Arc<Mutex<VecDeque<String>>>,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Receiver {
    pub(crate) fn start(authority: &Authority, name: &str) -> Self {
        let config = authority.server(name);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self {
            port: listener.local_addr().unwrap().port(),
            answers: Arc::default(),
            arrived: Arc::default(),
        };
        let (answers, arrived) = (Arc::clone(&receiver.answers), Arc::clone(&receiver.arrived));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
                let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
                exchange(
                    &mut rustls::Stream::<_, TcpStream>::new(&mut connection, &mut stream),
                    &answers,
                    &arrived,
                );
            }
        });
        receiver
    }

    /// What the next requests are answered with: a status, and headers. Afterwards everything is taken.
    pub(crate) fn say<const N: usize>(&self, answers: [&str; N]) {
        self.answers.lock().unwrap().extend(answers.map(str::to_owned));
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

fn exchange(stream: &mut (impl Read + Write), answers: &Mutex<VecDeque<String>>, arrived: &Mutex<Vec<Arrived>>) {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let request = loop {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => seen.extend_from_slice(&buffer[..length]),
        }
        if let Some(request) = read(&seen) {
            break request;
        }
    };
    arrived.lock().unwrap().push(request);
    let answer = answers
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or_else(|| "204 Taken".to_owned());
    // Silence, and then nothing.
    if answer != "silence" {
        let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.flush();
    }
}

fn read(seen: &[u8]) -> Option<Arrived> {
    let text = std::str::from_utf8(seen).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        })
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    (body.len() >= length).then(|| Arrived {
        line,
        headers,
        body: body.to_owned(),
    })
}
