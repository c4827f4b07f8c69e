//! A vendor on loopback that remembers idempotency keys, loses answers and is away now and then.

use bearingwall_outbox::{Delivery, Destination, Idempotency, Outcome, Prepared};
use bearingwall_tenancy::TenantTx;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// What has happened at the vendor's.
#[derive(Default)]
pub(crate) struct Ledger {
    /// Key, and how often it came.
    pub(crate) deliveries: BTreeMap<String, usize>,
    /// Content of what was done, in order.
    pub(crate) done: Vec<String>,
}

pub(crate) struct Vendor {
    pub(crate) address: SocketAddr,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
}

fn chance(of: u8) -> bool {
    Uuid::new_v4().as_bytes()[0] < of
}

impl Vendor {
    /// Of 256 calls, `lost` get no answer after the work, and `away` are turned away before it.
    pub(crate) async fn start(lost: u8, away: u8) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ledger: Arc<Mutex<Ledger>> = Arc::default();
        let kept = Arc::clone(&ledger);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&kept), lost, away));
            }
        });
        Self { address, ledger }
    }
}

async fn answer(stream: TcpStream, ledger: Arc<Mutex<Ledger>>, lost: u8, away: u8) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
        return;
    }
    let Some((key, content)) = line.trim_end().split_once(' ') else {
        return;
    };
    tokio::time::sleep(Duration::from_millis(u64::from(Uuid::new_v4().as_bytes()[1] % 16))).await;
    if chance(away) {
        let _ = stream.write_all(b"away\n").await;
        return;
    }
    {
        let mut ledger = ledger.lock().unwrap();
        let came = ledger.deliveries.entry(key.to_owned()).or_default();
        *came += 1;
        if *came == 1 {
            ledger.done.push(content.to_owned());
        }
    }
    if !chance(lost) {
        let _ = stream.write_all(b"taken\n").await;
    }
}

/// The way there.
pub(crate) struct Line {
    pub(crate) serves: &'static str,
    pub(crate) idempotency: Idempotency,
    pub(crate) address: SocketAddr,
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Destination for Line {
    fn serves(&self) -> Vec<String> {
        vec![self.serves.to_owned()]
    }

    fn idempotency(&self) -> Idempotency {
        self.idempotency
    }

    fn deadline(&self) -> Duration {
        Duration::from_millis(500)
    }

    fn prepare<'a>(&'a self, _: &'a mut TenantTx<'_>, _: &'a Delivery) -> Answer<'a, Result<Prepared, Outcome>> {
        Box::pin(async { Ok(None) })
    }

    fn deliver<'a>(&'a self, delivery: &'a Delivery, _: Prepared) -> Answer<'a, Outcome> {
        Box::pin(async move {
            let call = async {
                let mut stream = TcpStream::connect(self.address).await?;
                let content = String::from_utf8_lossy(delivery.content().as_bytes()).into_owned();
                stream
                    .write_all(format!("{} {content}\n", delivery.key()).as_bytes())
                    .await?;
                let mut line = String::new();
                BufReader::new(stream).read_line(&mut line).await?;
                Ok::<_, std::io::Error>(line)
            };
            match call.await.as_deref() {
                Ok("taken\n") => Outcome::Delivered { receipt: None },
                Ok("away\n") => Outcome::Unavailable {
                    code: "away".to_owned(),
                    after: Some(Duration::ZERO),
                },
                _ => Outcome::Ambiguous {
                    code: "no-answer".to_owned(),
                },
            }
        })
    }
}
