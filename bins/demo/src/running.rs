//! What runs beside this process, and how it ends: the server first, then PostgreSQL, at whatever point.

use crate::arguments::Arguments;
use crate::console::Console;
use crate::place::Place;
use crate::sealer::RunningSealer;
use crate::server::ServerProcess;
use anyhow::Context as _;
use bearingwall_testkit::cluster::{Cluster, ClusterError, ClusterOptions, InstallPolicy, StopOutcome};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;

/// What must be stopped, filled as it starts, so that an interruption at any point stops what is there.
#[derive(Default)]
pub(crate) struct Running {
    starting: Option<JoinHandle<Result<Cluster, ClusterError>>>,
    cluster: Option<Cluster>,
    pub(crate) server: Option<ServerProcess>,
    pub(crate) sealer: Option<RunningSealer>,
    /// Everything was announced: from here on a signal is the expected end.
    pub(crate) up: bool,
}

impl Running {
    /// Starts the cluster of this place, or joins it.
    pub(crate) async fn start_cluster(
        &mut self,
        arguments: &Arguments,
        place: &Place,
        console: &Arc<Console>,
    ) -> anyhow::Result<&Cluster> {
        let options = ClusterOptions {
            data_root: place.cluster_root.clone(),
            bin_dir: arguments.pg_bin.clone(),
            install: if arguments.no_install {
                InstallPolicy::Forbidden
            } else {
                InstallPolicy::Allowed
            },
            ..ClusterOptions::durable(&place.cluster_name)
        };
        let console = Arc::clone(console);
        let start = move || Cluster::start(&options, &|what| console.step(what));
        let started = self.starting.insert(tokio::task::spawn_blocking(start)).await;
        self.starting = None;
        Ok(self.cluster.insert(started.context("starting PostgreSQL")??))
    }

    /// Ends PostgreSQL without a warning; its sessions end with it. The cluster can be started again.
    pub(crate) async fn kill_cluster(&mut self) -> anyhow::Result<()> {
        let cluster = self.cluster.take().context("PostgreSQL is not running")?;
        let killed = tokio::task::spawn_blocking(move || cluster.kill());
        Ok(killed.await.context("killing PostgreSQL")??)
    }

    /// Stops what is there, and answers the cluster's folder.
    pub(crate) async fn stop(mut self, console: &Console) -> anyhow::Result<Option<PathBuf>> {
        let server = match self.server.take() {
            Some(server) => stop_server(server, console).await,
            None => Ok(()),
        };
        let sealer = match self.sealer.take() {
            Some(sealer) => sealer.stop().await,
            None => Ok(()),
        };
        // An interrupted start runs on to its end, and what it started must not stay behind.
        if let Some(starting) = self.starting.take() {
            self.cluster = starting.await.ok().and_then(Result::ok);
        }
        let folder = self
            .cluster
            .as_ref()
            .and_then(|cluster| cluster.data_dir().parent().map(Path::to_owned));
        if let Some(cluster) = self.cluster.take() {
            let stopped = tokio::task::spawn_blocking(move || cluster.stop());
            match stopped.await.context("stopping PostgreSQL")?? {
                StopOutcome::Stopped => console.step("PostgreSQL has stopped"),
                StopOutcome::StillUsed => console.step("PostgreSQL runs on: somebody else uses it"),
            }
        }
        sealer?;
        server.map(|()| folder)
    }
}

async fn stop_server(server: ServerProcess, console: &Console) -> anyhow::Result<()> {
    let status = server.stop().await?;
    console.step(&format!("the server has stopped ({status})"));
    anyhow::ensure!(status.success(), "the server did not stop in order: {status}");
    Ok(())
}

/// The signals that ask a program to end.
pub(crate) struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next of them.
    pub(crate) async fn signalled(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
