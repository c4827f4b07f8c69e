//! `--kill`: the server and PostgreSQL are killed under load, and what was sent is held against the record.

mod chance;
mod exchange;
mod load;
mod proof;
mod rounds;

use crate::arguments::Arguments;
use crate::check::Report;
use crate::check::bench::Bench;
use crate::place::Place;
use crate::running::Running;
use crate::stage::Stage;
use chance::Chance;
use load::Load;
use rounds::Scene;
use uuid::Uuid;

/// Kills, and proves what must hold all the same. A proof that fails does not keep the others from running.
pub(crate) async fn run<'a>(
    stage: &'a Stage,
    arguments: &Arguments,
    kills: u32,
    place: &Place,
    running: &mut Running,
) -> Report<'a> {
    let mut report = Report::new(&stage.console);
    let seed = arguments.seed.unwrap_or_else(random);
    stage.console.line(&format!("\nseed {seed}"));
    let mut bench = Bench::new(stage);
    report
        .prove("who the tokens of both spas speak for", bench.introduce())
        .await;
    let mut load = match Load::prepare(&bench, seed).await {
        Ok(load) => load,
        Err(error) => {
            report.prove("whom the load asks for", async { Err(error) }).await;
            return report;
        }
    };
    let mut api = bench.api.clone();
    let mut scene = Scene {
        stage,
        arguments,
        place,
        running,
        api: &mut api,
        chance: Chance::new(seed, 0),
    };
    let tried = format!("kill -9 of the server, {kills} times under load");
    report.prove(&tried, scene.kill_server(&mut load, kills)).await;
    let tried = format!("kill -9 of PostgreSQL, {} times under load", arguments.kill_database);
    report
        .prove(&tried, scene.kill_database(&mut load, arguments.kill_database))
        .await;
    proof::prove(stage, &load, &api, running, &mut report).await;
    report
}

/// Another seed each time; its last 32 bits are enough, and easy to type.
fn random() -> u64 {
    let (_, low) = Uuid::new_v4().as_u64_pair();
    low & u64::from(u32::MAX)
}
