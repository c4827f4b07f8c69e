//! The record: whether it can be written for long enough, whether it is sealed, and whether witnesses agree with it.

use super::{Finding, chain};
use crate::arguments::{AdminArguments, RecordArguments};
use crate::audit::hold_against;
use bearingwall_tlog::note::VerifierKey;
use std::path::Path;
use tokio_postgres::Client;

/// Months beyond this one that must be ready. The sealer keeps three.
const MONTHS_MIN: i32 = 2;

/// Months and the unsealed window, as the database tells them.
pub(super) async fn examine(admin: &Client, unsealed_after_s: u32) -> Vec<Finding> {
    let asked = admin
        .query_one("SELECT audit.months_ahead(), audit.unsealed_seconds()::float8", &[])
        .await;
    let (months, unsealed): (i32, f64) = match asked {
        Ok(row) => (row.get(0), row.get(1)),
        Err(error) => return vec![Finding::failed("record-months", chain(&error))],
    };
    let months = if months >= MONTHS_MIN {
        Finding::passed("record-months")
    } else {
        let found = match months {
            ..0 => "this month has no partition: nothing of personal data can be read".to_owned(),
            months => format!("{months} months beyond this one are ready: is the sealer running?"),
        };
        Finding::failed("record-months", found)
    };
    let sealed = if unsealed <= f64::from(unsealed_after_s) {
        Finding::passed("record-sealed")
    } else {
        let found = format!("an event has waited {unsealed:.0} s for its seal: is the sealer running?");
        Finding::failed("record-sealed", found)
    };
    vec![months, sealed]
}

/// Each witness's checkpoints against the logs.
// CONTROL: AUD-5
pub(super) async fn witnesses(admin: &AdminArguments, arguments: &RecordArguments) -> Vec<Finding> {
    let Some(key) = &arguments.log_key else {
        return vec![Finding {
            check: "witness".to_owned(),
            passed: true,
            found: Some("left out: no witness was named with --witness and --log-key".to_owned()),
        }];
    };
    let mut findings = Vec::new();
    for directory in &arguments.witness {
        findings.extend(witness(admin, directory, key).await);
    }
    findings
}

async fn witness(admin: &AdminArguments, directory: &Path, key: &VerifierKey) -> Vec<Finding> {
    let place = directory.display();
    let held = async { hold_against(&admin.login_as("auditor")?.dial().await?, directory, key).await }.await;
    match held {
        Ok(held) => {
            let missing = held
                .without
                .into_iter()
                .map(|log| format!("{log}: no checkpoint is kept"));
            let faults = held.wrong.into_iter().chain(missing);
            Finding::all("witness", faults.map(|fault| format!("{place}: {fault}")).collect())
        }
        Err(error) => vec![Finding::failed("witness", format!("{place}: {error:#}"))],
    }
}
