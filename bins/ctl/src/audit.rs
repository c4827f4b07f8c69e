//! `audit`: what an auditor and the keeper of the record do.

use crate::arguments::{
    AdminArguments, AuditCommand, AuditExportArguments, CompareArguments, HoldCommand, RetireCommand, StoreLocation,
    VerifyArguments, ViewFormat,
};
use crate::outcome::Outcome;
use crate::{input, output, vault};
use anyhow::Context as _;
use bearingwall_core::{CustomerId, Sensitive};
use bearingwall_events::parse_line;
use bearingwall_events::render::{csv, fhir, ocsf};
use bearingwall_sealing::{
    Compared, Examination, ExportOptions, FileWitness, Finding, LogReport, Range, Scope, SealingKey, VerifyOptions,
    compare, export, list_logs, unsealed_events, verify_log,
};
use bearingwall_secrets::{FileStore, SecretError};
use bearingwall_tlog::note::VerifierKey;
use serde_json::json;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use time::Date;
use tokio_postgres::Client;
use uuid::Uuid;
use zeroize::Zeroizing;

/// How often a long verification says how far it has come, in leaves.
const SAID_EVERY: u64 = 100_000;

pub(crate) async fn run(command: AuditCommand) -> anyhow::Result<Outcome> {
    match command {
        AuditCommand::CreateKey { secrets, name, origin } => create_key(&secrets, &name, &origin),
        AuditCommand::Verify(arguments) => verify(&arguments).await,
        AuditCommand::Export(arguments) => export_log(&arguments).await,
        AuditCommand::Compare(arguments) => compare_witness(&arguments).await,
        AuditCommand::Retain { admin, customer, years } => retain(&admin, customer, years).await,
        AuditCommand::Hold(command) => hold(command).await,
        AuditCommand::Retire(command) => retire(command).await,
    }
}

/// The sealer's key in a store, made where it is missing.
///
/// # Errors
/// When the store cannot be used, holds something else under that name, or the system has no random numbers.
pub fn ensure_seal_key(store: &FileStore, name: &str) -> anyhow::Result<SealingKey> {
    let _lock = vault::lock(store)?;
    let seed = match store.fetch(name) {
        Ok(secret) => {
            Zeroizing::new(<[u8; 32]>::try_from(secret.bytes()).context("that entry is not a key of 32 bytes")?)
        }
        Err(SecretError::Missing { .. }) => {
            let bytes = vault::random_bytes::<32>()?;
            store.put(name, bytes.as_slice())?;
            bytes
        }
        Err(error) => return Err(error.into()),
    };
    Ok(SealingKey::from_seed(seed))
}

fn create_key(secrets: &StoreLocation, name: &str, origin: &str) -> anyhow::Result<Outcome> {
    let store = FileStore::open_or_create(&secrets.0).context("the secret store")?;
    let key = ensure_seal_key(&store, name)?;
    output::note(&format!("the sealer's key is there: {}", store.reference(name)?));
    output::line(&key.verifier(origin)?.to_string())?;
    Ok(Outcome::Done)
}

async fn auditor(admin: &AdminArguments) -> anyhow::Result<Client> {
    admin.login_as("auditor")?.dial().await
}

async fn verify(arguments: &VerifyArguments) -> anyhow::Result<Outcome> {
    let client = auditor(&arguments.admin).await?;
    let examination = Examination::begin(&client, Scope::AllLogs).await?;
    // One tenant's log that is asked for by name is announced in that log, too.
    let examinations = if arguments.customer.is_empty() {
        let logs = list_logs(&examination).await?;
        logs.into_iter().map(|(customer, _)| (customer, examination)).collect()
    } else {
        let mut named = Vec::new();
        for customer in arguments.customer.iter().map(|customer| customer.as_uuid()) {
            named.push((customer, Examination::begin(&client, Scope::LogOf(customer)).await?));
        }
        named
    };
    if arguments.key.is_none() {
        output::note("no --key: the first key that stands in this database is taken for the right one");
    }
    let options = VerifyOptions {
        trusted: arguments.key.clone(),
    };
    let mut reports = Vec::with_capacity(examinations.len());
    for (customer, of_log) in examinations {
        let mut said = 0;
        let mut progress = |done: u64, of: u64| {
            if done >= said + SAID_EVERY {
                said = done;
                output::note(&format!("{customer}: {done} of {of} leaves"));
            }
        };
        let report = verify_log(&of_log, customer, &options, &mut progress).await?;
        if !arguments.json {
            say(customer, &report)?;
        }
        reports.push((customer, report));
    }
    let unsealed = unsealed_events(&examination, f64::from(arguments.unsealed_after_s)).await?;
    let verified = unsealed == 0 && reports.iter().all(|(_, report)| report.findings.is_empty());
    examination.conclude(verified).await?;
    if arguments.json {
        let logs: Vec<_> = reports
            .iter()
            .map(|(customer, report)| as_json(*customer, report))
            .collect();
        let document = json!({ "verified": verified, "unsealed": unsealed, "logs": logs });
        output::line(&serde_json::to_string_pretty(&document)?)?;
    } else {
        if unsealed > 0 {
            output::line(&format!(
                "{unsealed} events are older than {} s and in no log: is the sealer running?",
                arguments.unsealed_after_s
            ))?;
        }
        output::line(if verified { "verified" } else { "NOT VERIFIED" })?;
    }
    Ok(if verified { Outcome::Done } else { Outcome::Refused })
}

fn say(customer: Uuid, report: &LogReport) -> anyhow::Result<()> {
    let word = if report.findings.is_empty() { "ok  " } else { "FAIL" };
    output::line(&format!(
        "{word}  {customer}: {} events, {} checkpoints, {} of retired months",
        report.leaves, report.checkpoints, report.retired
    ))?;
    for finding in &report.findings {
        output::line(&format!("      {}", words(finding)))?;
    }
    Ok(())
}

fn words(finding: &Finding) -> String {
    match finding {
        Finding::Changed { leaf_index, event_id } => {
            format!("event {event_id} (leaf {leaf_index}) is not what was sealed")
        }
        Finding::Missing { leaf_index, event_id } => format!("event {event_id} (leaf {leaf_index}) is gone"),
        Finding::LeafMissing { leaf_index } => format!("leaf {leaf_index} is gone"),
        Finding::Repeated { leaf_index, event_id } => {
            format!("event {event_id} is in the log again as leaf {leaf_index}")
        }
        Finding::Root { tree_size } => {
            format!("the leaves do not lead to the root that was signed for {tree_size} of them")
        }
        Finding::Signature { tree_size } => {
            format!("the checkpoint of {tree_size} leaves is not signed by the log's key")
        }
        Finding::Keys => "the log's keys do not follow from the one that is trusted".to_owned(),
        Finding::Node { level, index } => {
            format!("the hash of subtree {index} at level {level} is not that of its leaves")
        }
        Finding::Unsigned { leaf_index } => format!("from leaf {leaf_index} on, nothing was signed"),
        other => format!("{other:?}"),
    }
}

fn as_json(customer: Uuid, report: &LogReport) -> serde_json::Value {
    json!({
        "customer_id": customer,
        "origin": report.origin,
        "leaves": report.leaves,
        "retired": report.retired,
        "checkpoints": report.checkpoints,
        "findings": report.findings.iter().map(words).collect::<Vec<_>>(),
    })
}

async fn export_log(arguments: &AuditExportArguments) -> anyhow::Result<Outcome> {
    let client = auditor(&arguments.admin).await?;
    if let Some(customer) = arguments.customer {
        export_one(&client, arguments, customer.as_uuid(), &arguments.out).await?;
        return Ok(Outcome::Done);
    }
    std::fs::create_dir(&arguments.out).with_context(|| format!("making `{}`", arguments.out.display()))?;
    let examination = Examination::begin(&client, Scope::AllLogs).await?;
    for (customer, _) in list_logs(&examination).await? {
        export_one(&client, arguments, customer, &arguments.out.join(customer.to_string())).await?;
    }
    Ok(Outcome::Done)
}

async fn export_one(
    client: &Client,
    arguments: &AuditExportArguments,
    customer: Uuid,
    out: &Path,
) -> anyhow::Result<()> {
    let examination = Examination::begin(client, Scope::ExportOf(customer)).await?;
    let options = ExportOptions {
        range: Range {
            first: arguments.first,
            past: arguments.past,
        },
        tree_size: None,
        earlier: arguments.earlier.clone(),
        trusted: arguments.key.clone(),
    };
    let mut said = 0;
    let mut progress = |done: u64, of: u64| {
        if done >= said + SAID_EVERY {
            said = done;
            output::note(&format!("{done} of {of} events"));
        }
    };
    let exported = export(&examination, customer, out, &options, &mut progress).await?;
    for format in &arguments.also {
        view(out, *format).with_context(|| format!("writing {}", format.extension()))?;
    }
    output::line(&format!(
        "{} events of {} leaves in {}",
        exported.manifest.count,
        exported.manifest.tree_size,
        out.display()
    ))?;
    output::line(&format!(
        "verify with: bearingwall-verify {} --key '{}'",
        out.display(),
        exported.key
    ))
}

/// Writes the export's events in another form, line by line, to a file that appears when it is whole.
fn view(out: &Path, format: ViewFormat) -> anyhow::Result<()> {
    let beside = |ending: &str| {
        let mut name = out.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    };
    let target = beside(format.extension());
    anyhow::ensure!(!target.exists(), "`{}` is there already", target.display());
    let partial = beside(&format!("{}.partial", format.extension()));
    let mut file = BufWriter::new(File::create(&partial)?);
    if format == ViewFormat::Csv {
        write!(file, "{}{}", csv::HEADER, csv::LINE_END)?;
    }
    for line in BufReader::new(File::open(out.join("events.jsonl"))?).lines() {
        let event = parse_line(&line?)?;
        match format {
            ViewFormat::Csv => write!(file, "{}{}", csv::row(&event), csv::LINE_END)?,
            ViewFormat::Fhir => writeln!(file, "{}", fhir::ndjson_line(&event))?,
            ViewFormat::Ocsf => writeln!(file, "{}", ocsf::event(&event))?,
        }
    }
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    std::fs::rename(&partial, &target)?;
    Ok(())
}

async fn compare_witness(arguments: &CompareArguments) -> anyhow::Result<Outcome> {
    let client = auditor(&arguments.admin).await?;
    let found = hold_against(&client, &arguments.directory, &arguments.key).await?;
    for wrong in &found.wrong {
        output::line(&format!("FAIL  {wrong}"))?;
    }
    for missing in &found.without {
        output::line(&format!("      {missing}: no checkpoint is kept there"))?;
    }
    output::line(&format!(
        "{} checkpoints compared, {} wrong",
        found.compared,
        found.wrong.len()
    ))?;
    anyhow::ensure!(found.compared > 0, "there was nothing to compare in that directory");
    Ok(if found.wrong.is_empty() {
        Outcome::Done
    } else {
        Outcome::Refused
    })
}

/// What holding a witness's checkpoints against the logs has shown.
#[derive(Debug, Default)]
pub(crate) struct HeldAgainst {
    pub(crate) compared: u64,
    /// What the logs contradict, a line each.
    pub(crate) wrong: Vec<String>,
    /// The logs of which the witness keeps nothing.
    pub(crate) without: Vec<String>,
}

/// Holds every checkpoint in a witness's directory against the log that it is of.
pub(crate) async fn hold_against(auditor: &Client, directory: &Path, key: &VerifierKey) -> anyhow::Result<HeldAgainst> {
    let examination = Examination::begin(auditor, Scope::AllLogs).await?;
    anyhow::ensure!(directory.is_dir(), "`{}` is no directory", directory.display());
    let witness = FileWitness::new("witness", directory);
    let options = VerifyOptions {
        trusted: Some(key.clone()),
    };
    let mut found = HeldAgainst::default();
    for (customer, origin) in list_logs(&examination).await? {
        let kept = witness.kept(&origin)?;
        if kept.is_empty() {
            found.without.push(origin.clone());
        }
        for (size, note) in kept {
            found.compared += 1;
            let said = match compare(&examination, customer, &note, &options).await? {
                Compared::Same => continue,
                Compared::Rewound => "the log has been rewound",
                Compared::Forked => "the log has been forked",
                Compared::Foreign => "the witness keeps a checkpoint that the log's key has not signed",
            };
            found.wrong.push(format!("{origin}: {size} leaves: {said}"));
        }
    }
    Ok(found)
}

async fn retain(admin: &AdminArguments, customer: CustomerId, years: i16) -> anyhow::Result<Outcome> {
    let client = admin.login().await?.dial().await?;
    client
        .execute(
            "SELECT audit.lengthen_retention($1, $2)",
            &[&customer.as_uuid(), &years],
        )
        .await
        .context("the retention was not lengthened")?;
    output::line(&format!("the record of {customer} is kept for {years} years"))?;
    Ok(Outcome::Done)
}

async fn hold(command: HoldCommand) -> anyhow::Result<Outcome> {
    match command {
        HoldCommand::Open {
            admin,
            customer,
            reference,
        } => {
            let client = admin.login().await?.dial().await?;
            let hold = Uuid::new_v4();
            client
                .execute(
                    "SELECT audit.open_hold($1, $2, $3)",
                    &[&hold, &customer.map(|customer| customer.as_uuid()), &reference],
                )
                .await
                .context("the hold was not opened")?;
            output::line(&hold.to_string())?;
            Ok(Outcome::Done)
        }
        HoldCommand::Close { admin, hold } => {
            let client = admin.login().await?.dial().await?;
            let row = client.query_one("SELECT audit.close_hold($1)", &[&hold]).await?;
            anyhow::ensure!(row.get::<_, bool>(0), "there is no open hold of that id");
            output::line("closed")?;
            Ok(Outcome::Done)
        }
    }
}

async fn obstacles(client: &Client, month: Date) -> anyhow::Result<Vec<String>> {
    let rows = client.query("SELECT audit.retirement_obstacles($1)", &[&month]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the database verifies the token, which goes there as a bound value"
)]
async fn retire_request(
    client: &Client,
    retirement: Uuid,
    month: Date,
    manifest: &[u8; 32],
    token: &Sensitive<String>,
) -> Result<u64, tokio_postgres::Error> {
    let query = "SELECT audit.retire_request($1, $2, $3, $4)";
    client
        .execute(query, &[&retirement, &month, &manifest.as_slice(), token.expose()])
        .await
}

#[expect(
    clippy::disallowed_methods,
    reason = "the database verifies the token, which goes there as a bound value"
)]
async fn retire_approve(
    client: &Client,
    retirement: Uuid,
    manifest: &[u8; 32],
    token: &Sensitive<String>,
) -> Result<u64, tokio_postgres::Error> {
    let query = "SELECT audit.retire_approve($1, $2, $3)";
    client
        .execute(query, &[&retirement, &manifest.as_slice(), token.expose()])
        .await
}

async fn retire(command: RetireCommand) -> anyhow::Result<Outcome> {
    match command {
        RetireCommand::Plan { admin, month } => {
            let client = admin.login().await?.dial().await?;
            let obstacles = obstacles(&client, month).await?;
            for obstacle in &obstacles {
                output::line(obstacle)?;
            }
            if obstacles.is_empty() {
                output::line("nothing stands in the way but two persons")?;
                return Ok(Outcome::Done);
            }
            Ok(Outcome::Refused)
        }
        RetireCommand::Request {
            admin, month, manifest, ..
        } => {
            let token = input::secret_line("access token")?;
            let client = admin.login().await?.dial().await?;
            let retirement = Uuid::new_v4();
            retire_request(&client, retirement, month, &manifest, &token)
                .await
                .context("the retirement was not asked for")?;
            output::line(&retirement.to_string())?;
            Ok(Outcome::Done)
        }
        RetireCommand::Approve {
            admin,
            retirement,
            manifest,
            ..
        } => {
            let token = input::secret_line("access token")?;
            let client = admin.login().await?.dial().await?;
            retire_approve(&client, retirement, &manifest, &token)
                .await
                .context("the retirement was not approved")?;
            output::line("approved")?;
            Ok(Outcome::Done)
        }
        RetireCommand::Execute { admin, retirement } => {
            let client = admin.login().await?.dial().await?;
            let row = client
                .query_one("SELECT audit.retire_execute($1)", &[&retirement])
                .await
                .context("the retirement was not carried out")?;
            output::line(&format!("{} events have left the record", row.get::<_, i64>(0)))?;
            Ok(Outcome::Done)
        }
    }
}
