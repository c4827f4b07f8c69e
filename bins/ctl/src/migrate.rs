//! `migrate`: says what is to be done, then does it.

use crate::arguments::AdminArguments;
use crate::outcome::Outcome;
use crate::output;
use bearingwall_migrations::{MigrationError, migrate, plan};

pub(crate) async fn run(admin: &AdminArguments, plan_only: bool) -> anyhow::Result<Outcome> {
    let login = admin.login().await?;
    let client = login.dial().await?;
    let plan = plan(&client).await.inspect_err(differences)?;
    for version in &plan.applied {
        output::line(&format!("applied  {version}"))?;
    }
    for migration in &plan.pending {
        output::line(&format!("to run   {} (sha256 {})", migration.name, migration.sha256()))?;
    }
    if plan_only {
        if plan.pending.is_empty() {
            output::line("nothing to do")?;
        }
        return Ok(Outcome::Done);
    }
    // A connection of its own: the migration keeps its lock until that connection ends.
    let ran = migrate(login.dial().await?, &output::progress).await?;
    output::line(&format!("{ran} migrations ran"))?;
    Ok(Outcome::Done)
}

/// Each difference on its own line, so that a long list can be read.
fn differences(error: &MigrationError) {
    let list = match error {
        MigrationError::Newer { versions } => versions,
        MigrationError::Dirty { reasons } => reasons,
        _ => return,
    };
    for difference in list {
        output::progress(&format!("differs  {difference}"));
    }
}
