//! The sealer, as a task of this process: in production it is a program and a machine of its own.

use crate::place::Place;
use crate::stage::Stage;
use anyhow::Context as _;
use bearingwall_ctl::{Provisioned, ensure_seal_key};
use bearingwall_sealer::Config;
use bearingwall_sealing::{Sealer, SealerOptions};
use bearingwall_tlog::note::VerifierKey;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What stands before `/<tenant>` in the name of each log.
const ORIGIN: &str = "audit.demo.example";
const KEY: &str = "seal-key";
/// A sealer that was stopped leaves when its connection has ended.
const HANDOVER_LIMIT: Duration = Duration::from_secs(10);

#[derive(Serialize)]
struct Document {
    version: u32,
    origin: &'static str,
    database: Database,
    key: Key,
    schedule: Schedule,
    witnesses: [Witness; 1],
}

#[derive(Serialize)]
struct Database {
    url: String,
    password: String,
}

#[derive(Serialize)]
struct Key {
    current: String,
}

#[derive(Serialize)]
struct Schedule {
    interval_ms: u64,
    witness_interval_s: u64,
}

#[derive(Serialize)]
struct Witness {
    name: &'static str,
    directory: String,
}

/// A sealer that runs until it is told to stop.
pub(crate) struct RunningSealer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
    /// Verifies everything that it signs.
    pub(crate) key: VerifierKey,
}

impl RunningSealer {
    /// Makes key, directory and configuration where they are missing, and starts.
    #[expect(
        clippy::disallowed_methods,
        reason = "it belongs to no request, and `stop` ends it and waits for it"
    )]
    pub(crate) fn start(place: &Place, provisioned: &Provisioned, port: u16, database: &str) -> anyhow::Result<Self> {
        let key = ensure_seal_key(&provisioned.store, KEY)?;
        let checkpoints = place.checkpoints();
        std::fs::create_dir_all(&checkpoints).with_context(|| format!("making `{}`", checkpoints.display()))?;
        let document = Document {
            version: 1,
            origin: ORIGIN,
            database: Database {
                url: format!("postgres://bearingwall_sealer@127.0.0.1:{port}/{database}"),
                password: provisioned.store.reference("sealer")?.to_string(),
            },
            key: Key {
                current: provisioned.store.reference(KEY)?.to_string(),
            },
            schedule: Schedule {
                interval_ms: 250,
                witness_interval_s: 2,
            },
            witnesses: [Witness {
                name: "directory",
                directory: checkpoints.display().to_string(),
            }],
        };
        let text = toml::to_string(&document).context("the sealer's configuration")?;
        std::fs::write(place.sealer_config(), &text)?;
        let config = Config::parse(&text)?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async {
                // The other end is dropped, which is as good as a message.
                let _ = stopped.await;
            };
            bearingwall_sealer::run(&config, stopped).await
        });
        Ok(Self {
            stop,
            task,
            key: key.verifier(ORIGIN)?,
        })
    }

    /// Whether it has not given up.
    pub(crate) fn goes_on(&self) -> bool {
        !self.task.is_finished()
    }

    /// Lets the running round end.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.task.await.context("the sealer")?
    }
}

/// Takes over from a sealer that was stopped, to be driven by hand.
pub(crate) async fn take_over(stage: &Stage) -> anyhow::Result<Sealer> {
    let key = ensure_seal_key(&stage.provisioned.store, KEY)?;
    let options = SealerOptions {
        origin: ORIGIN.to_owned(),
        previous: None,
        heartbeat: Duration::from_secs(60),
    };
    let started = Instant::now();
    let mut client = stage.as_role("sealer").await?;
    loop {
        match Sealer::take_over(client, key.clone(), options.clone()).await? {
            Ok(sealer) => return Ok(sealer),
            Err(waiting) => client = waiting,
        }
        anyhow::ensure!(started.elapsed() < HANDOVER_LIMIT, "the other sealer holds on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
