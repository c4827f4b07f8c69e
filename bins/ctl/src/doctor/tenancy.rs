//! `doctor tenancy`: the schema inventory of this installation's database, or of any other.

use super::{Finding, chain};
use crate::arguments::{AdminArguments, TenancyArguments};
use crate::connection::{LoginAddress, with_root};
use crate::input;
use crate::outcome::Outcome;
use crate::{output, vault};
use anyhow::Context as _;
use bearingwall_tenancy::inventory::{self, Check, Inspector, InventoryOptions, Severity};
use serde::Serialize;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// The line that says whether the platform hardening is there.
pub(super) const PLATFORM: &str = Check::PlatformHardening.word();
const INVENTORY: &str = "inventory";

#[derive(Debug, Serialize)]
struct Report {
    passed: bool,
    application_roles: Vec<String>,
    counts: Counts,
    findings: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Counts {
    violations: usize,
    notices: usize,
    by_check: BTreeMap<&'static str, usize>,
}

#[derive(Debug, Serialize)]
struct Line {
    check: &'static str,
    severity: &'static str,
    object: String,
    found: String,
    fix: String,
}

/// The inventory as lines of the whole examination: one a finding, or one that says there is none.
pub(super) async fn examine(admin: &Client) -> Vec<Finding> {
    let found = match inventory::inspect(admin, &InventoryOptions::bearingwall()).await {
        Ok(found) => found,
        Err(error) => return vec![Finding::failed(INVENTORY, chain(&error))],
    };
    let (notices, violations): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|finding| finding.severity() == Severity::Notice);
    let mut lines = if violations.is_empty() {
        vec![Finding::passed(INVENTORY)]
    } else {
        violations
            .iter()
            .map(|finding| {
                let check = format!("{INVENTORY}/{}", finding.check);
                Finding::failed(
                    &check,
                    format!("{}: {}; {}", finding.object, finding.found, finding.fix),
                )
            })
            .collect()
    };
    match notices.iter().find(|finding| finding.check == Check::PlatformHardening) {
        None => lines.push(Finding::passed(PLATFORM)),
        Some(notice) => lines.push(Finding {
            check: PLATFORM.to_owned(),
            passed: true,
            found: Some(notice.found.clone()),
        }),
    }
    lines
}

pub(super) async fn run(arguments: &TenancyArguments) -> anyhow::Result<Outcome> {
    let client = login(arguments).await?.dial().await?;
    let inspector = Inspector::prepare(&client, options(arguments))
        .await
        .context("the schema inventory")?;
    let found = inspector.findings(&client).await.context("the schema inventory")?;
    let is_fault = |finding: &inventory::Finding| {
        finding.severity() == Severity::Violation
            || (arguments.require_platform && finding.check == Check::PlatformHardening)
    };
    let faults = found.iter().filter(|finding| is_fault(finding)).count();
    let report = Report {
        passed: faults == 0,
        application_roles: inspector.options().application_roles.clone(),
        counts: Counts {
            violations: faults,
            notices: found.len() - faults,
            by_check: found.iter().fold(BTreeMap::new(), |mut counts, finding| {
                *counts.entry(finding.check.word()).or_default() += 1;
                counts
            }),
        },
        findings: found
            .iter()
            .map(|finding| Line {
                check: finding.check.word(),
                severity: if is_fault(finding) { "violation" } else { "notice" },
                object: finding.object.clone(),
                found: finding.found.clone(),
                fix: finding.fix.clone(),
            })
            .collect(),
    };
    print(&report, arguments.json)?;
    Ok(if report.passed { Outcome::Done } else { Outcome::Refused })
}

fn print(report: &Report, json: bool) -> anyhow::Result<()> {
    if json {
        return output::line(&serde_json::to_string_pretty(report)?);
    }
    for line in &report.findings {
        let word = if line.severity == "violation" { "FAIL" } else { "note" };
        output::line(&format!(
            "{word}  {}: {}: {} | {}",
            line.check, line.object, line.found, line.fix
        ))?;
    }
    let Counts {
        violations, notices, ..
    } = &report.counts;
    output::line(&format!("{violations} violations, {notices} notices"))
}

async fn login(arguments: &TenancyArguments) -> anyhow::Result<LoginAddress> {
    let given = match (&arguments.password_ref, arguments.password_stdin) {
        (Some(reference), _) => Some(vault::secret_of(reference).await?),
        (None, true) => Some(input::secret_line("password")?),
        (None, false) => None,
    };
    if let Some(admin_url) = &arguments.admin_url {
        let admin = AdminArguments {
            admin_url: admin_url.clone(),
            admin_password_ref: None,
            secrets: arguments.secrets.clone(),
            root_file: arguments.root_file.clone(),
        };
        let mut login = admin.login().await?;
        login.password = given.or(login.password);
        return Ok(login);
    }
    let address = arguments
        .database_url
        .as_ref()
        .context("`--admin-url` or `--database-url` is needed")?;
    Ok(LoginAddress {
        address: with_root(address, arguments.root_file.as_deref()),
        password: given,
    })
}

fn options(arguments: &TenancyArguments) -> InventoryOptions {
    if arguments.admin_url.is_some() {
        return InventoryOptions::bearingwall();
    }
    let mut options = InventoryOptions::for_tenant_column(&arguments.tenant_column);
    options.tenant_type.clone_from(&arguments.tenant_type);
    options.application_roles.clone_from(&arguments.app_role);
    options.schemas.clone_from(&arguments.schema);
    options.context_function.clone_from(&arguments.context_function);
    options.definer_functions.clone_from(&arguments.definer_function);
    if let Some(personal_columns) = &arguments.personal_columns {
        options.personal_columns.clone_from(personal_columns);
    }
    options
}
