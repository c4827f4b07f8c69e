//! Runs somebody else's SQL lints on a freshly migrated database and compares what they find with the explained exceptions:
//! `cargo run -p bearingwall-testkit --example lint -- --sql FILE [--without-platform] [--exceptions FILE]`.
//!
//! A lint file is one or more statements whose rows have the columns `name`, `level`, `detail` and `metadata`, a JSON object
//! with `schema` and `name`. The file itself is nowhere in this repository.

use bearingwall_testkit::database::TestDatabase;
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio_postgres::{SimpleQueryMessage, SimpleQueryRow};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "usage: lint --sql FILE [--without-platform] [--exceptions FILE]";
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

/// Runs the lints, in a transaction that is taken back, as the platform's superuser: a lint sees what nobody else sees.
pub(crate) async fn findings(database: &TestDatabase, lints: &str, exceptions: &Exceptions) -> Outcome<Vec<Finding>> {
    let text = exceptions
        .replacements
        .iter()
        .fold(lints.to_owned(), |text, (from, to)| text.replace(from, to));
    let superuser = database.superuser_client().await;
    let messages = superuser.simple_query(&format!("BEGIN; {text}\n; ROLLBACK")).await?;
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let mut findings = rows.map(|row| finding(&row)).collect::<Outcome<Vec<_>>>()?;
    findings.sort();
    Ok(findings)
}

fn finding(row: &SimpleQueryRow) -> Outcome<Finding> {
    let cell = |name: &str| -> Outcome<String> { Ok(row.try_get(name)?.unwrap_or_default().to_owned()) };
    let metadata: serde_json::Value = serde_json::from_str(&cell("metadata")?)?;
    let part = |name: &str| metadata.get(name).and_then(|value| value.as_str()).unwrap_or("?");
    Ok(Finding {
        lint: cell("name")?,
        object: format!("{}.{}", part("schema"), part("name")),
        level: cell("level")?,
        detail: cell("detail")?,
    })
}

/// What is printed, and whether every finding is explained.
pub(crate) fn report(findings: &[Finding], exceptions: &Exceptions) -> (String, bool) {
    let mut text = String::new();
    let mut used = vec![0_usize; exceptions.explained.len()];
    let mut unexplained = 0;
    for finding in findings {
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
    text.push_str(&format!(
        "{} findings, {unexplained} of them not explained\n",
        findings.len()
    ));
    (text, unexplained == 0)
}

#[derive(Debug, Default)]
struct Options {
    sql: PathBuf,
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
            "--sql" => options.sql = words.next().ok_or(USAGE)?.into(),
            "--exceptions" => options.exceptions = words.next().ok_or(USAGE)?.into(),
            "--without-platform" => options.without_platform = true,
            other => return Err(format!("`{other}` is not known; {USAGE}").into()),
        }
    }
    if options.sql.as_os_str().is_empty() {
        return Err(USAGE.into());
    }
    Ok(options)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Outcome<ExitCode> {
    let options = options(std::env::args().skip(1))?;
    let read = |path: &PathBuf| std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()));
    let (lints, exceptions) = (read(&options.sql)?, Exceptions::parse(&read(&options.exceptions)?)?);
    let database = if options.without_platform {
        TestDatabase::create_without_platform().await
    } else {
        TestDatabase::create().await
    };
    let (text, clean) = report(&findings(&database, &lints, &exceptions).await?, &exceptions);
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
