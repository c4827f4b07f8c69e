//! A relay before moto, which answers for it the one question that it does not answer: whether a configuration set requires TLS.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

pub(super) struct Relay {
    pub(super) url: String,
}

impl Relay {
    pub(super) fn start(behind: &str) -> Self {
        let behind = behind.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let behind = behind.clone();
                thread::spawn(move || relay(stream.unwrap(), &behind));
            }
        });
        Self { url }
    }
}

fn relay(mut stream: TcpStream, behind: &str) {
    let Some((head, body)) = request(&mut stream) else {
        return;
    };
    let asks = String::from_utf8_lossy(&body).contains("Action=DescribeConfigurationSet");
    let answer = if asks {
        let body = "<DescribeConfigurationSetResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\">\
                    <DescribeConfigurationSetResult><ConfigurationSet><Name>phi-out</Name></ConfigurationSet>\
                    <DeliveryOptions><TlsPolicy>Require</TlsPolicy></DeliveryOptions></DescribeConfigurationSetResult>\
                    <ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></DescribeConfigurationSetResponse>";
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .into_bytes()
    } else {
        let mut moto = TcpStream::connect(behind).unwrap();
        moto.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes())
            .unwrap();
        moto.write_all(&body).unwrap();
        let mut answer = Vec::new();
        moto.read_to_end(&mut answer).unwrap();
        answer
    };
    let _ = stream.write_all(&answer);
}

/// The head without its end, and the body.
fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 16_384];
    loop {
        let read = stream.read(&mut chunk).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let lower = head.to_ascii_lowercase();
        let length: usize = lower
            .split("\r\n")
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let body = &bytes[end + 4..];
        if body.len() >= length {
            return Some((head, body.to_vec()));
        }
    }
}
