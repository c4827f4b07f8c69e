//! One request and every byte that came back, however it ended.
//!
//! Some answers are read in small pieces, by a reader who is gone at the kill. The kernel would still deliver what a killed
//! server had handed to it; a machine that dies takes that along. So this reader stops with the server, and what it has by
//! then is an answer that was cut off.

use crate::api::{Api, Call, correlation_id};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

const PIECE_BYTES: usize = 1024;
const PAUSE: Duration = Duration::from_millis(3);
/// Longer than the server gives a request.
const SILENCE_LIMIT: Duration = Duration::from_secs(40);

/// How something is asked.
pub(crate) enum Way {
    Usual(Call),
    /// A path, whose answer is read in small pieces.
    Slow(String),
}

/// What came back of a request.
pub(crate) enum Came {
    Nothing,
    Answer {
        status: u16,
        correlation: Option<Uuid>,
        at: OffsetDateTime,
        text: String,
        whole: bool,
    },
}

/// Sends a request and keeps every byte that comes back, however it ends.
pub(crate) async fn send(api: &Api, way: Way, token: &str, goes_on: &AtomicBool) -> Came {
    match way {
        Way::Usual(call) => at_once(api, call).await,
        Way::Slow(path) => in_pieces(api, &path, token, goes_on).await,
    }
}

async fn at_once(api: &Api, call: Call) -> Came {
    let Ok(Ok(mut response)) = tokio::time::timeout(SILENCE_LIMIT, api.begin(call)).await else {
        return Came::Nothing;
    };
    let (at, status) = (OffsetDateTime::now_utc(), response.status().as_u16());
    let correlation = correlation_id(&response).ok();
    let mut body = Vec::new();
    let whole = loop {
        match tokio::time::timeout(SILENCE_LIMIT, response.chunk()).await {
            Ok(Ok(Some(chunk))) => body.extend_from_slice(&chunk),
            Ok(Ok(None)) => break true,
            Ok(Err(_)) | Err(_) => break false,
        }
    };
    Came::Answer {
        status,
        correlation,
        at,
        text: String::from_utf8_lossy(&body).into_owned(),
        whole,
    }
}

async fn in_pieces(api: &Api, path: &str, token: &str, goes_on: &AtomicBool) -> Came {
    let Some(raw) = get(api.url(), path, token, goes_on).await else {
        return Came::Nothing;
    };
    match parse(&raw.bytes) {
        None => Came::Nothing,
        Some(parsed) => Came::Answer {
            status: parsed.status,
            correlation: parsed.correlation,
            at: raw.at,
            text: parsed.body,
            whole: parsed.whole,
        },
    }
}

/// The ids in the beginning of an answer.
pub(crate) fn ids_in(text: &str) -> BTreeSet<Uuid> {
    let rest = text.split("\"id\":\"").skip(1);
    rest.filter_map(|rest| rest.get(..36)?.parse().ok()).collect()
}

/// The bytes that came, and when the first of them did.
struct Raw {
    at: OffsetDateTime,
    bytes: Vec<u8>,
}

/// An answer, as far as it came.
#[derive(Debug, PartialEq, Eq)]
struct Parsed {
    status: u16,
    correlation: Option<Uuid>,
    body: String,
    /// As long as its head says.
    whole: bool,
}

/// Asks over a connection of its own, and reads until the answer ends, however it does, or until nothing goes on. `None`: not
/// a byte came.
async fn get(url: &str, path: &str, token: &str, goes_on: &AtomicBool) -> Option<Raw> {
    let host = url.strip_prefix("http://")?;
    let mut stream = TcpStream::connect(host).await.ok()?;
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let (mut raw, mut piece) = (None::<Raw>, vec![0; PIECE_BYTES]);
    // A connection that breaks is an answer that was cut off.
    while let Ok(Ok(count @ 1..)) = tokio::time::timeout(SILENCE_LIMIT, stream.read(&mut piece)).await {
        let raw = raw.get_or_insert_with(|| Raw {
            at: OffsetDateTime::now_utc(),
            bytes: Vec::new(),
        });
        raw.bytes.extend_from_slice(piece.get(..count).unwrap_or_default());
        tokio::time::sleep(PAUSE).await;
        if !goes_on.load(Ordering::Relaxed) {
            break;
        }
    }
    raw
}

/// Takes an answer apart; `None` where not even its status is there.
fn parse(bytes: &[u8]) -> Option<Parsed> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = match text.split_once("\r\n\r\n") {
        Some((head, body)) => (head, Some(body)),
        None => (text.as_ref(), None),
    };
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let header = |wanted: &str| {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then_some(value))
    };
    let length: Option<usize> = header("content-length").and_then(|value| value.parse().ok());
    let start = head.len() + "\r\n\r\n".len();
    Some(Parsed {
        status,
        correlation: header("x-correlation-id").and_then(|value| value.parse().ok()),
        body: body.unwrap_or_default().to_owned(),
        whole: body.is_some() && length.is_some_and(|length| bytes.len() == start + length),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_it_is_as_long_as_its_head_says() {
        let id = Uuid::now_v7();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\nx-correlation-id: {id}\r\n\r\n");
        let parsed = |body: &str| parse(format!("{head}{body}").as_bytes()).unwrap();
        assert!(parsed("{}\r\n").whole);
        let cut = parsed("{}");
        assert_eq!(
            (cut.whole, cut.status, cut.correlation, cut.body.as_str()),
            (false, 200, Some(id), "{}")
        );
        assert!(!parse(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap().whole);
        assert_eq!(parse(b"HTTP/1"), None);
    }

    #[test]
    fn the_persons_of_an_answer_that_was_cut_off_are_found() {
        let [first, second] = [Uuid::now_v7(), Uuid::now_v7()];
        let text = format!(r#"{{"items":[{{"id":"{first}","version":1,"first_name":"A"}},{{"id":"{second}","fir"#);
        assert_eq!(ids_in(&text), BTreeSet::from([first, second]));
        let cut = text.get(..text.len() - 20).unwrap();
        assert_eq!(ids_in(cut), BTreeSet::from([first]));
    }
}
