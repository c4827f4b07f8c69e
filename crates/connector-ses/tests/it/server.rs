//! A server on loopback that answers each action as it is told, and remembers what it was asked.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use url::form_urlencoded;

/// How an action is answered.
#[derive(Clone)]
pub(crate) enum Answer {
    /// With a status and a body.
    With(u16, String),
    /// The connection ends after the request was read.
    HangUp,
    /// Nothing, for longer than anybody waits.
    Silence,
}

/// What was asked: the fields of one request.
pub(crate) type Asked = HashMap<String, String>;

pub(crate) struct Server {
    pub(crate) url: String,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    stopping: Arc<AtomicBool>,
    listening: Option<JoinHandle<()>>,
}

/// As SES answers.
pub(crate) fn described(policy: &str) -> Answer {
    let options = match policy {
        "" => String::new(),
        policy => format!("<DeliveryOptions><TlsPolicy>{policy}</TlsPolicy></DeliveryOptions>"),
    };
    Answer::With(
        200,
        format!(
            "<DescribeConfigurationSetResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><DescribeConfigurationSetResult>\
             <ConfigurationSet><Name>phi-out</Name></ConfigurationSet>{options}</DescribeConfigurationSetResult>\
             <ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></DescribeConfigurationSetResponse>"
        ),
    )
}

pub(crate) fn taken(id: &str) -> Answer {
    Answer::With(
        200,
        format!(
            "<SendRawEmailResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><SendRawEmailResult><MessageId>{id}</MessageId>\
             </SendRawEmailResult><ResponseMetadata><RequestId>x</RequestId></ResponseMetadata></SendRawEmailResponse>"
        ),
    )
}

pub(crate) fn refused(status: u16, code: &str, message: &str) -> Answer {
    Answer::With(
        status,
        format!(
            "<ErrorResponse xmlns=\"http://ses.amazonaws.com/doc/2010-12-01/\"><Error><Type>Sender</Type><Code>{code}</Code>\
             <Message>{message}</Message></Error><RequestId>x</RequestId></ErrorResponse>"
        ),
    )
}

impl Server {
    /// Both actions are answered well until something else is said.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = HashMap::from([
            ("DescribeConfigurationSet".to_owned(), described("Require")),
            ("SendRawEmail".to_owned(), taken("0107018f-taken-000000")),
        ]);
        let mut server = Self {
            url,
            answers: Arc::new(Mutex::new(answers)),
            asked: Arc::default(),
            stopping: Arc::default(),
            listening: None,
        };
        let stopping = server.stopping.clone();
        let (answers, asked) = (server.answers.clone(), server.asked.clone());
        server.listening = Some(thread::spawn(move || {
            for stream in listener.incoming() {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                let (answers, asked) = (answers.clone(), asked.clone());
                thread::spawn(move || serve(stream.unwrap(), &answers, &asked));
            }
        }));
        server
    }

    /// Nothing listens on its port any more.
    pub(crate) fn stop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        self.listening.take().unwrap().join().unwrap();
    }

    pub(crate) fn answer(&self, action: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(action.to_owned(), answer);
    }

    pub(crate) fn asked(&self, action: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|asked| asked["Action"] == action)
            .cloned()
            .collect()
    }
}

fn serve(mut stream: TcpStream, answers: &Mutex<HashMap<String, Answer>>, asked: &Mutex<Vec<Asked>>) {
    let mut bytes = Vec::new();
    let body = loop {
        let mut chunk = [0; 8_192];
        let read = stream.read(&mut chunk).unwrap_or(0);
        if read == 0 {
            return;
        }
        bytes.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let (_, rest) = head.split_once("content-length: ").unwrap();
        let length: usize = rest.split("\r\n").next().unwrap().parse().unwrap();
        if body.len() >= length {
            break body.to_owned();
        }
    };
    let fields: Asked = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let answer = answers.lock().unwrap()[&fields["Action"]].clone();
    asked.lock().unwrap().push(fields);
    match answer {
        Answer::With(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
        Answer::HangUp => {}
        Answer::Silence => thread::sleep(Duration::from_secs(10)),
    }
}
