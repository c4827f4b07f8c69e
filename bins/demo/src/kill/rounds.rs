//! The kills: the server's at random moments of the load, then PostgreSQL's.

use super::chance::Chance;
use super::load::{Load, Tally, Victim};
use crate::api::{Api, Call};
use crate::arguments::Arguments;
use crate::check::evidence::all_sealed;
use crate::console::thousands;
use crate::place::Place;
use crate::running::Running;
use crate::server::ServerProcess;
use crate::stage::Stage;
use anyhow::Context as _;
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// When the kill comes, after the load began: before the server has opened its first connections, or well after.
const KILL_MS: (u64, u64) = (20, 2_500);
/// How long the load goes on once the server serves again.
const AFTER_MS: (u64, u64) = (300, 900);
const READY_LIMIT: Duration = Duration::from_secs(60);
const RESUME_LIMIT: Duration = Duration::from_secs(30);
const SIGKILL: i32 = 9;

/// What the kills need besides the load.
pub(crate) struct Scene<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) arguments: &'a Arguments,
    pub(crate) place: &'a Place,
    pub(crate) running: &'a mut Running,
    pub(crate) api: &'a mut Api,
    pub(crate) chance: Chance,
}

impl Scene<'_> {
    /// Kills the server so many times, each time under load, and starts it again.
    pub(crate) async fn kill_server(&mut self, load: &mut Load<'_>, kills: u32) -> anyhow::Result<String> {
        let before = load.tally();
        for kill in 1..=kills {
            let round = load.tally();
            let delay = self.chance.between_ms(KILL_MS.0, KILL_MS.1);
            let mut server = self.running.server.take().context("the server is not running")?;
            let goes_on = AtomicBool::new(true);
            let moment = async {
                tokio::time::sleep(delay).await;
                let killed = server.kill_now();
                goes_on.store(false, Ordering::Relaxed);
                killed
            };
            let ((), killed) = tokio::join!(load.run(self.api, Victim::Server, &goes_on), moment);
            killed?;
            let status = server.ended().await?;
            anyhow::ensure!(
                status.signal() == Some(SIGKILL),
                "the server had ended before: {status}"
            );
            let down = Instant::now();
            let server = ServerProcess::start(self.place).await?;
            *self.api = self.api.moved_to(server.url());
            self.running.server = Some(server);
            let told = since(&round, &load.tally());
            self.stage.console.step(&format!(
                "server {kill} of {kills}: killed after {} ms, {told}; served again after {} ms",
                delay.as_millis(),
                down.elapsed().as_millis()
            ));
        }
        let after = load.tally();
        // Otherwise the moments have missed the load, and the proofs below were empty.
        let interrupted = after.silent + after.part - before.silent - before.part;
        anyhow::ensure!(
            interrupted >= u64::from(kills),
            "only {interrupted} requests were interrupted"
        );
        Ok(since(&before, &after))
    }

    /// Kills PostgreSQL so many times under load and starts it again; the server and the sealer must find back.
    pub(crate) async fn kill_database(&mut self, load: &mut Load<'_>, kills: u32) -> anyhow::Result<String> {
        let before = load.tally();
        let mut slowest = Duration::ZERO;
        for kill in 1..=kills {
            let round = load.tally();
            let api = self.api.clone();
            let goes_on = AtomicBool::new(true);
            let outage = async {
                let outcome = self.outage(&api).await;
                goes_on.store(false, Ordering::Relaxed);
                outcome
            };
            let ((), outcome) = tokio::join!(load.run(&api, Victim::Database, &goes_on), outage);
            let told = outcome?;
            let resumed = self.sealer_resumed().await?;
            slowest = slowest.max(resumed);
            let what = since(&round, &load.tally());
            self.stage.console.step(&format!(
                "PostgreSQL {kill} of {kills}: {told}, {what}; all sealed {} ms after the load",
                resumed.as_millis()
            ));
        }
        let told = since(&before, &load.tally());
        Ok(format!(
            "{told}; the same server served again each time, and the same sealer sealed everything within {} ms",
            slowest.as_millis()
        ))
    }

    /// The kill, the start, and the load going on for a while.
    async fn outage(&mut self, api: &Api) -> anyhow::Result<String> {
        let delay = self.chance.between_ms(KILL_MS.0, KILL_MS.1);
        tokio::time::sleep(delay).await;
        let sealers = self.sealers_started().await?;
        self.running.kill_cluster().await?;
        let down = Instant::now();
        let cluster = self
            .running
            .start_cluster(self.arguments, self.place, &self.stage.console)
            .await?;
        anyhow::ensure!(
            cluster.port() == self.stage.database.port,
            "somebody else has taken the cluster's port meanwhile"
        );
        let recovered = down.elapsed();
        self.served_again(api).await?;
        let served = down.elapsed();
        while self.sealers_started().await? <= sealers {
            anyhow::ensure!(down.elapsed() < RESUME_LIMIT, "the sealer did not take over again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let sealing = down.elapsed();
        tokio::time::sleep(self.chance.between_ms(AFTER_MS.0, AFTER_MS.1)).await;
        Ok(format!(
            "killed after {} ms, recovered after {} ms, served again after {} ms, sealing after {} ms",
            delay.as_millis(),
            recovered.as_millis(),
            served.as_millis(),
            sealing.as_millis()
        ))
    }

    async fn served_again(&mut self, api: &Api) -> anyhow::Result<()> {
        let started = Instant::now();
        let server = self.running.server.as_mut().context("the server is not running")?;
        loop {
            if let Ok(status) = tokio::time::timeout(Duration::ZERO, server.ended()).await {
                anyhow::bail!("the server has ended with PostgreSQL: {}", status?);
            }
            let answer = api.send(Call::get("/readyz")).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Ok(());
            }
            anyhow::ensure!(started.elapsed() < READY_LIMIT, "the server is not ready again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How often a sealer has taken over, by the record.
    async fn sealers_started(&self) -> anyhow::Result<i64> {
        let auditor = self.stage.as_role("auditor").await?;
        let count = "SELECT count(*) FROM audit.events WHERE event_type = 'sealing.started'";
        Ok(auditor.query_one(count, &[]).await?.get(0))
    }

    /// Waits until everything is sealed; answers how long that took.
    async fn sealer_resumed(&self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let sealer = self.running.sealer.as_ref().context("the sealer is not running")?;
        all_sealed(self.stage).await?;
        anyhow::ensure!(sealer.goes_on(), "the sealer has given up");
        Ok(started.elapsed())
    }
}

/// What the load came to between two looks.
fn since(before: &Tally, after: &Tally) -> String {
    let mut told = format!(
        "{} requests: {} answered, {} cut off, {} without an answer",
        thousands(after.asked - before.asked),
        thousands(after.whole - before.whole),
        after.part - before.part,
        after.silent - before.silent
    );
    if after.unavailable > before.unavailable {
        told = format!(
            "{told}, {} told that it is away",
            after.unavailable - before.unavailable
        );
    }
    told
}
