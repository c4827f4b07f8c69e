//! `--check`: what the system promises, tried on the running system, one line each.

mod access;
pub(crate) mod bench;
mod crash;
pub(crate) mod evidence;
mod isolation;
mod leaks;
mod record;
mod session;
mod statements;
pub(crate) mod storage;
mod tokens;

use crate::console::{Console, chain};
use crate::place::Place;
use crate::running::Running;
use crate::stage::Stage;
use bench::Bench;
use std::future::Future;

/// What was proven and what was not.
pub(crate) struct Report<'a> {
    console: &'a Console,
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl<'a> Report<'a> {
    pub(crate) const fn new(console: &'a Console) -> Self {
        Self {
            console,
            passed: 0,
            failed: 0,
        }
    }

    /// Runs one proof, which answers what was seen, and prints its line.
    pub(crate) async fn prove(&mut self, tried: &str, proof: impl Future<Output = anyhow::Result<String>>) {
        match proof.await {
            Ok(seen) => {
                self.passed += 1;
                self.console.line(&format!("ok    {tried} — {seen}"));
            }
            Err(error) => {
                self.failed += 1;
                self.console.line(&format!("FAIL  {tried} — {}", chain(&error)));
            }
        }
    }
}

/// Tries everything. A proof that fails does not keep the others from running.
pub(crate) async fn run<'a>(stage: &'a Stage, place: &Place, running: &mut Running) -> Report<'a> {
    let mut report = Report::new(&stage.console);
    let console = &stage.console;
    console.line("");
    let mut bench = Bench::new(stage);
    report
        .prove("who the tokens of both spas speak for", bench.introduce())
        .await;
    storage::prove(&mut bench, &mut report).await;
    isolation::prove(&bench, &mut report).await;
    statements::prove(&bench, &mut report).await;
    record::prove_append_only(&bench, &mut report).await;
    access::prove(&bench, &mut report).await;
    tokens::prove(&bench, &mut report).await;
    crash::prove(&mut bench, place, running, &mut report).await;
    leaks::provoke(&bench, &mut report).await;
    record::prove_events(&bench, &mut report).await;
    evidence::prove(&bench, place, running, &mut report).await;
    report.prove("SIGTERM to the server", stop(running)).await;
    leaks::prove(&bench, place, &mut report).await;
    report
}

async fn stop(running: &mut Running) -> anyhow::Result<String> {
    use anyhow::Context as _;
    let server = running.server.take().context("the server is not running")?;
    let status = server.stop().await?;
    anyhow::ensure!(status.success(), "it ended with {status}");
    Ok("it let its requests end and answered exit code 0".to_owned())
}
