//! A bounded closed loop over loopback: each connection sends its next request when it has the last answer.

use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What is asked of whom.
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) request: Vec<u8>,
    /// Must stand in every answer: a fast error is not a fast answer.
    pub(crate) expected: &'static str,
}

/// The latencies of one turn, in microseconds.
pub(crate) struct Turn {
    latencies: Vec<u32>,
    elapsed: Duration,
}

/// The turns of one server.
#[derive(Default)]
pub(crate) struct Figures {
    latencies: Vec<u32>,
    rates: Vec<f64>,
}

/// The median rate over turns, and percentiles over all requests.
pub(crate) struct Summary {
    pub(crate) per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

impl Figures {
    pub(crate) fn add(&mut self, turn: Turn) {
        self.rates
            .push(turn.latencies.len() as f64 / turn.elapsed.as_secs_f64());
        self.latencies.extend(turn.latencies);
    }

    pub(crate) fn summary(&mut self) -> Summary {
        self.latencies.sort_unstable();
        self.rates.sort_by(f64::total_cmp);
        let percentile = |share: usize| f64::from(self.latencies[(self.latencies.len() - 1) * share / 100]);
        Summary {
            per_s: self.rates[self.rates.len() / 2],
            p50_us: percentile(50),
            p99_us: percentile(99),
        }
    }
}

pub(crate) async fn run(target: &Target, connections: usize, length: Duration) -> Turn {
    let begun = Instant::now();
    let loops = (0..connections).map(|_| {
        tokio::spawn(connection(
            target.address,
            target.request.clone(),
            target.expected,
            begun + length,
        ))
    });
    let mut latencies = Vec::new();
    for done in loops.collect::<Vec<_>>() {
        latencies.extend(done.await.unwrap());
    }
    Turn {
        latencies,
        elapsed: begun.elapsed(),
    }
}

async fn connection(address: SocketAddr, request: Vec<u8>, expected: &'static str, until: Instant) -> Vec<u32> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while Instant::now() < until {
        let sent = Instant::now();
        stream.write_all(&request).await.unwrap();
        let answer = answer(&mut stream, &mut buffer).await;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap());
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains(expected),
            "{}",
            answer.lines().next().unwrap_or_default()
        );
    }
    latencies
}

async fn answer<'b>(stream: &mut TcpStream, buffer: &'b mut [u8]) -> &'b str {
    let mut length = 0;
    loop {
        let read = stream.read(&mut buffer[length..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        length += read;
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        if let Some(head) = text.find("\r\n\r\n") {
            let body: usize = text[..head]
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .map(str::to_owned)
                })
                .and_then(|value| value.parse().ok())
                .expect("a length");
            if length >= head + 4 + body {
                break;
            }
        }
    }
    std::str::from_utf8(&buffer[..length]).unwrap()
}
