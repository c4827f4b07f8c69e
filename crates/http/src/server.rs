//! The listening server: sockets, time limits and a shutdown that lets running requests end.

use crate::{Application, scrape};
use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer};
use bearingwall_core::{Classified, ErrorKind};
use bearingwall_telemetry::Metrics;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// Open connections of whoever scrapes the metrics.
const SCRAPERS: usize = 64;

/// How the server listens.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Threads that serve requests.
    pub workers: usize,
    /// How long an idle connection stays open.
    pub keep_alive: Duration,
    /// How long a client may take to send the head of a request, so that slow senders do not hold all connections.
    pub request_head: Duration,
    /// How long running requests may take to end when the server stops.
    pub shutdown: Duration,
    /// Open connections per worker.
    pub max_connections: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            keep_alive: Duration::from_secs(75),
            request_head: Duration::from_secs(5),
            shutdown: Duration::from_secs(30),
            max_connections: 10_000,
        }
    }
}

/// The server could not listen.
#[derive(Debug, thiserror::Error)]
#[error("the server cannot listen on `{address}`")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    #[source]
    source: io::Error,
}

impl Classified for ListenError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Internal
    }

    fn code(&self) -> &'static str {
        "HTP-030"
    }
}

/// A server that listens; nothing is served until [`RunningServer::run`] is awaited.
pub struct RunningServer {
    address: SocketAddr,
    handle: ServerHandle,
    serving: actix_web::dev::Server,
}

impl RunningServer {
    /// Binds `address` (port 0 takes a free one) and prepares the workers. Signals are the caller's business.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(application: Application, address: SocketAddr, options: &ServerOptions) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let serving = HttpServer::new(move || {
            let application = application.clone();
            App::new().configure(move |config| application.configure(config))
        })
        .workers(options.workers)
        .keep_alive(options.keep_alive)
        .client_request_timeout(options.request_head)
        .client_disconnect_timeout(Duration::from_secs(2))
        .max_connections(options.max_connections)
        .shutdown_timeout(options.shutdown.as_secs())
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
        Ok(Self::bound(address, serving))
    }

    /// Binds `address` for whoever scrapes the metrics. The listener serves nothing else, so that it can stand on another
    /// address than the API, which is open to callers who have no business with the numbers.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind_metrics(metrics: Arc<Metrics>, address: SocketAddr) -> Result<Self, ListenError> {
        let failed = |source| ListenError { address, source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let serving = HttpServer::new(move || {
            let metrics = Arc::clone(&metrics);
            App::new().configure(move |config| scrape::configure(config, metrics))
        })
        .workers(1)
        .keep_alive(ServerOptions::default().keep_alive)
        .client_request_timeout(ServerOptions::default().request_head)
        .client_disconnect_timeout(Duration::from_secs(2))
        .max_connections(SCRAPERS)
        .shutdown_timeout(1)
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
        Ok(Self::bound(address, serving))
    }

    fn bound(address: SocketAddr, serving: actix_web::dev::Server) -> Self {
        Self {
            address,
            handle: serving.handle(),
            serving,
        }
    }

    /// The address that was bound.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done, then lets running requests end.
    ///
    /// # Errors
    /// When a worker fails.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ListenError> {
        let Self {
            address,
            handle,
            serving,
        } = self;
        let mut serving = std::pin::pin!(serving);
        let mut stop = std::pin::pin!(stop);
        tokio::select! {
            ended = &mut serving => return ended.map_err(|source| ListenError { address, source }),
            () = &mut stop => {}
        }
        let (ended, ()) = tokio::join!(serving, handle.stop(true));
        ended.map_err(|source| ListenError { address, source })
    }
}
