//! A hole that a tool for SQL injection must find: a server on loopback that puts what it is sent into a statement.
//! `cargo run -p bearingwall-testkit --example injectable -- --data-root DIR --cluster NAME --database NAME`.
//!
//! It joins a private cluster that runs, with the rights of the application's role, prints its address, and ends with its standard input.
//! No program that is shipped has anything of this.

use bearingwall_testkit::cluster::{Cluster, ClusterOptions, InstallPolicy};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: injectable --data-root DIR --cluster NAME --database NAME";
const REQUEST_BYTES: usize = 64 * 1024;

struct Arguments {
    data_root: PathBuf,
    cluster: String,
    database: String,
}

fn main() -> ExitCode {
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let done = arguments().and_then(|arguments| {
        let options = ClusterOptions {
            data_root: Some(arguments.data_root),
            install: InstallPolicy::Forbidden,
            ..ClusterOptions::durable(&arguments.cluster)
        };
        let cluster = Cluster::start(&options, &|_| ())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(serve(&cluster, &arguments.database))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Outcome<Arguments> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = words.iter().position(|word| word == name);
        at.and_then(|at| words.get(at + 1).cloned()).ok_or(USAGE)
    };
    Ok(Arguments {
        data_root: value("--data-root")?.into(),
        cluster: value("--cluster")?,
        database: value("--database")?,
    })
}

/// One connection to the database and one caller at a time: such a tool sends one request after the other.
async fn serve(cluster: &Cluster, database: &str) -> Outcome<()> {
    let (client, connection) = connected(&cluster.superuser_config(database)).await?;
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        done = client.batch_execute("SET ROLE bearingwall_app") => done?,
        ended = &mut connection => ended?,
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout();
    writeln!(out, "http://{}", listener.local_addr()?)?;
    out.flush()?;
    let answering = async {
        loop {
            let (stream, _) = listener.accept().await?;
            answer(stream, &client).await?;
        }
    };
    tokio::select! {
        done = answering => done,
        ended = connection => ended.map_err(Into::into),
    }
}

async fn answer(mut stream: TcpStream, client: &Client) -> Outcome<()> {
    let Some(request) = request(&mut stream).await? else {
        return Ok(());
    };
    let (status, body) = match name_of(&request) {
        None => ("400 Bad Request", "no name".to_owned()),
        Some(name) => found(client, &name).await,
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // A caller who has gone away is no reason to end.
    let _ = stream.write_all((head + &body).as_bytes()).await;
    Ok(())
}

/// The hole.
async fn found(client: &Client, name: &str) -> (&'static str, String) {
    let statement = format!("SELECT relname FROM pg_catalog.pg_class WHERE relname = '{name}'");
    match client.simple_query(&statement).await {
        Err(error) => {
            let text = error
                .as_db_error()
                .map_or_else(|| error.to_string(), ToString::to_string);
            ("500 Internal Server Error", text)
        }
        Ok(messages) => {
            let rows = messages.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            ("200 OK", format!("found: {}\n", rows.collect::<Vec<_>>().join(" ")))
        }
    }
}

async fn request(stream: &mut TcpStream) -> Outcome<Option<String>> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Ok(Some(text));
            }
        }
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await?;
        if read == 0 || bytes.len() + read > REQUEST_BYTES {
            return Ok(None);
        }
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
}

/// From a body `{"name":"…"}`, a header `X-Name`, or `GET /hole?name=…`.
fn name_of(request: &str) -> Option<String> {
    let (head, body) = request.split_once("\r\n\r\n")?;
    if let Ok(body) = serde_json::from_str::<serde_json::Value>(body) {
        return body.get("name")?.as_str().map(str::to_owned);
    }
    let named = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("x-name").then(|| value.to_owned())
    };
    head.lines().find_map(named).or_else(|| {
        let (_, value) = head.split(' ').nth(1)?.split_once("name=")?;
        Some(decoded(value))
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || char::from(rest.next()?).to_digit(16);
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let value = digit().zip(digit()).map_or(0, |(high, low)| high * 16 + low);
                bytes.push(u8::try_from(value).unwrap_or_default());
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

type Connection = tokio_postgres::Connection<tokio_postgres::Socket, tokio_postgres::tls::NoTlsStream>;

#[expect(clippy::disallowed_methods, reason = "the hole is beside the pool on purpose")]
async fn connected(config: &tokio_postgres::Config) -> Outcome<(Client, Connection)> {
    Ok(config.connect(NoTls).await?)
}
