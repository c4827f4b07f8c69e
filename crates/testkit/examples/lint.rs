//! Runs somebody else's SQL lints on a freshly migrated database and compares what they find with the explained exceptions:
//! `cargo run -p bearingwall-testkit --example lint -- --sql FILE... [--without-platform] [--exceptions FILE]`.
//!
//! A lint file is one or more statements whose rows have the columns `name`, `level`, `detail` and `metadata`, a JSON object
//! with `schema` and `name`; or it creates views with such columns in the schema `lint`, which is there for it while it runs.
//! The files themselves are nowhere in this repository.

use bearingwall_testkit::database::TestDatabase;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: lint --sql FILE... [--without-platform] [--exceptions FILE]";
const EXCEPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/controls/splinter.md");

/// What a lint says about an object of the schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) lint: String,
    pub(crate) object: String,
    pub(crate) level: String,
    pub(crate) detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lint,
            object,
            level,
            detail,
        } = self;
        write!(f, "{level:<5} {lint} {object}: {detail}")
    }
}

/// The tables of the document: what is replaced in the file before it runs, and which findings are explained.
#[derive(Debug, Default)]
pub(crate) struct Exceptions {
    pub(crate) replacements: Vec<(String, String)>,
    /// Lint and object; `*` at the end of an object stands for any rest.
    pub(crate) explained: Vec<(String, String)>,
}

impl Exceptions {
    /// Reads rows of three columns below the headings `Replacements` and `Exceptions`.
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let mut exceptions = Self::default();
        let mut heading = "";
        for line in text.lines() {
            if let Some(title) = line.strip_prefix("## ") {
                heading = title.trim();
            }
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let ["", first, second, why, ""] = cells.as_slice() else {
                continue;
            };
            let (Some(first), Some(second)) = (code(first), code(second)) else {
                continue;
            };
            if why.is_empty() {
                return Err(format!("`{first}` on `{second}` is not explained").into());
            }
            match heading {
                "Replacements" => exceptions.replacements.push((first, second)),
                "Exceptions" => exceptions.explained.push((first, second)),
                _ => {}
            }
        }
        Ok(exceptions)
    }

    fn position(&self, finding: &Finding) -> Option<usize> {
        self.explained.iter().position(|(lint, object)| {
            *lint == finding.lint
                && match object.strip_suffix('*') {
                    Some(beginning) => finding.object.starts_with(beginning),
                    None => *object == finding.object,
                }
        })
    }
}

fn code(cell: &str) -> Option<String> {
    Some(cell.strip_prefix('`')?.strip_suffix('`')?.to_owned())
}

/// What a lint file finds before it: every schema of this database counts as one that an API serves (the lints look at
/// `public` alone otherwise), and there is an empty schema for the lints' views, which is none of them.
const PROLOGUE: &str = "DO $prologue$ BEGIN PERFORM pg_catalog.set_config('pgrst.db_schemas', \
    (SELECT pg_catalog.string_agg(nspname, ',') FROM pg_catalog.pg_namespace \
    WHERE nspname OPERATOR(pg_catalog.!~) '^pg_' AND nspname <> 'information_schema'), true); END $prologue$; CREATE SCHEMA lint";
const VIEWS: &str = "SELECT pg_catalog.format('SELECT * FROM %I.%I', schemaname, viewname) AS query \
    FROM pg_catalog.pg_views WHERE schemaname = 'lint' ORDER BY viewname";

/// Runs the lints, in a transaction that is taken back, as the platform's superuser: a lint sees what nobody else sees.
pub(crate) async fn findings(database: &TestDatabase, lints: &str, exceptions: &Exceptions) -> Outcome<Vec<Finding>> {
    let text = exceptions
        .replacements
        .iter()
        .fold(lints.to_owned(), |text, (from, to)| text.replace(from, to));
    let superuser = database.superuser_client().await;
    superuser.batch_execute(&format!("BEGIN; {PROLOGUE}")).await?;
    let mut found = rows(superuser.simple_query(&text).await?);
    for view in rows(superuser.simple_query(VIEWS).await?) {
        found.extend(rows(
            superuser
                .simple_query(view.try_get("query")?.unwrap_or_default())
                .await?,
        ));
    }
    superuser.batch_execute("ROLLBACK").await?;
    found.iter().map(finding).collect()
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Vec<SimpleQueryRow> {
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}

/// The object is named by its schema and name; what has no schema, an extension or a replication slot, by its name alone.
fn finding(row: &SimpleQueryRow) -> Outcome<Finding> {
    let cell = |name: &str| -> Outcome<String> { Ok(row.try_get(name)?.unwrap_or_default().to_owned()) };
    let metadata: serde_json::Value = serde_json::from_str(&cell("metadata")?)?;
    let part = |name: &str| metadata.get(name).and_then(|value| value.as_str());
    let object = match (part("schema"), part("name")) {
        (Some(schema), Some(name)) => format!("{schema}.{name}"),
        _ => part("extension_name").or(part("entity")).unwrap_or("?").to_owned(),
    };
    Ok(Finding {
        lint: cell("name")?,
        object,
        level: cell("level")?,
        detail: cell("detail")?,
    })
}

/// What is printed, and whether every finding is explained.
pub(crate) fn report(findings: &[Finding], exceptions: &Exceptions) -> (String, bool) {
    let mut text = String::new();
    let mut used = vec![0_usize; exceptions.explained.len()];
    let mut unexplained = 0;
    let mut counts = BTreeMap::<&str, usize>::new();
    for finding in findings {
        *counts.entry(&finding.lint).or_default() += 1;
        match exceptions.position(finding) {
            Some(position) => used.iter_mut().skip(position).take(1).for_each(|count| *count += 1),
            None => {
                unexplained += 1;
                text.push_str(&format!("{finding}\n"));
            }
        }
    }
    for ((lint, object), count) in exceptions.explained.iter().zip(&used) {
        let note = if *count == 0 {
            " (no longer needed with this file)"
        } else {
            ""
        };
        text.push_str(&format!("explained {count:>3} {lint} {object}{note}\n"));
    }
    for (lint, count) in counts {
        text.push_str(&format!("found {count:>7} {lint}\n"));
    }
    text.push_str(&format!(
        "{} findings, {unexplained} of them not explained\n",
        findings.len()
    ));
    (text, unexplained == 0)
}

#[derive(Debug, Default)]
struct Options {
    sql: Vec<PathBuf>,
    exceptions: PathBuf,
    without_platform: bool,
}

fn options(words: impl IntoIterator<Item = String>) -> Outcome<Options> {
    let mut options = Options {
        exceptions: EXCEPTIONS.into(),
        ..Options::default()
    };
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--sql" => options.sql.push(words.next().ok_or(USAGE)?.into()),
            "--exceptions" => options.exceptions = words.next().ok_or(USAGE)?.into(),
            "--without-platform" => options.without_platform = true,
            file if !file.starts_with('-') && !options.sql.is_empty() => options.sql.push(file.into()),
            other => return Err(format!("`{other}` is not known; {USAGE}").into()),
        }
    }
    if options.sql.is_empty() {
        return Err(USAGE.into());
    }
    Ok(options)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Outcome<ExitCode> {
    let options = options(std::env::args().skip(1))?;
    let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let exceptions = Exceptions::parse(&read(&options.exceptions)?)?;
    let database = if options.without_platform {
        TestDatabase::create_without_platform().await
    } else {
        TestDatabase::create().await
    };
    let mut found = Vec::new();
    for file in &options.sql {
        found.extend(findings(&database, &read(file)?, &exceptions).await?);
    }
    found.sort();
    let (text, clean) = report(&found, &exceptions);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
