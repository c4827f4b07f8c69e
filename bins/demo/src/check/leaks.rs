//! No personal data where none may stand: not in a log, not in an error, not in the record, not in any column.

use super::Report;
use super::bench::Bench;
use crate::api::Call;
use crate::console::thousands;
use crate::place::Place;
use crate::sample::{Spa, value};
use aho_corasick::AhoCorasick;
use anyhow::Context as _;
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::Path;
use tokio_postgres::Client;
use uuid::Uuid;

/// What every client's row and every note carries.
const CANARY: &str = "CANARY-";
const JSON: &str = "application/json";

/// Provokes errors whose input is full of personal data.
pub(crate) async fn provoke(bench: &Bench<'_>, report: &mut Report<'_>) {
    report
        .prove("requests that are wrong and full of personal data", provoked(bench))
        .await;
}

fn wrong_requests(bench: &Bench<'_>) -> anyhow::Result<Vec<Call>> {
    let person = "CANARY-PROVOKED ada.lovelace@example.com (212) 555-0199";
    let somebody = |date: &str| json!({"first_name": person, "last_name": person, "date_of_birth": date, "email": person, "phone": person});
    let client = bench.juniper.any()?.id;
    let path = format!("/v1/clients/{client}");
    Ok(vec![
        Call::post("/v1/clients").body(JSON, format!("{{\"first_name\": \"{person}\", ")),
        Call::post("/v1/clients").body(JSON, format!("[\"{person}\"]")),
        Call::post("/v1/clients").body(JSON, format!("{{\"{person}\": 1}}")),
        Call::post("/v1/clients").body(JSON, vec![b'"', 0xff, 0xfe, b'C', b'A']),
        Call::post("/v1/clients").json(&somebody("CANARY-DATE")),
        Call::post("/v1/clients").json(&somebody("1990-02-03")),
        Call::post("/v1/clients").body("text/CANARY-TYPE", person),
        Call::post("/v1/clients").body(JSON, format!("\"{}\"", person.repeat(30_000))),
        Call::put(&path)
            .header("if-match", "\"CANARY-TAG\"")
            .json(&somebody("1990-02-03")),
        Call::put(&path).json(&somebody("1990-02-03")),
        Call::post("/v1/clients:search").json(&json!({"email": ""})),
        Call::post("/v1/clients:search").json(&json!({"phone": person})),
        Call::post("/v1/clients:search").json(&json!({"ssn": "CANARY-SSN 981-97-3961"})),
        Call::post("/v1/clients:search").json(&json!({"email": person, "phone": person})),
        Call::get("/v1/clients?limit=CANARY-LIMIT"),
        Call::get("/v1/clients?CANARY-NAME=ada.lovelace@example.com"),
        Call::get("/v1/clients/CANARY-ID"),
        Call::get(format!("/v1/clients/{}", Uuid::now_v7())),
        Call::get("/v1/CANARY-PATH/ada.lovelace@example.com"),
        Call::get(&path).header("bearingwall-purpose", "CANARY-PURPOSE"),
        Call::new(Method::PATCH, &path).json(&somebody("1990-02-03")),
        Call::post(format!("{path}/chart-notes"))
            .json(&json!({"noted_on": person, "author": "a", "service": "s", "body": person})),
        Call::post("/v1/clients:import").body("text/csv", format!("{person},{person}\r\n{person},{person}\r\n")),
        Call::post("/v1/clients:import").body("text/plain", person),
    ])
}

async fn provoked(bench: &Bench<'_>) -> anyhow::Result<String> {
    let calls = wrong_requests(bench)?;
    let count = calls.len();
    for (index, call) in calls.into_iter().enumerate() {
        // What a caller sends as its own id is not trusted either.
        let call = call
            .bearer(&bench.juniper.admin.token)
            .header("x-correlation-id", "ada.lovelace@example.com");
        let answer = bench.api.send(call).await?;
        anyhow::ensure!(
            (400..500).contains(&answer.status),
            "request {index} was answered {}",
            answer.status
        );
        anyhow::ensure!(
            answer.header("content-type") == Some("application/problem+json"),
            "request {index} has another type"
        );
        let told = answer.body.contains(CANARY) || answer.body.contains("lovelace");
        anyhow::ensure!(
            !told,
            "the answer to request {index} repeats what was sent: {}",
            answer.body
        );
    }
    Ok(format!("{count} answered with problem details that repeat nothing"))
}

/// What must not be found, and how to look for it.
struct Search {
    needles: Vec<String>,
    automaton: AhoCorasick,
}

impl Search {
    fn new(spas: &[Spa]) -> anyhow::Result<Self> {
        let mut needles = BTreeSet::from([CANARY.to_owned(), "ada.lovelace@".to_owned(), "2125550199".to_owned()]);
        for client in spas.iter().flat_map(|spa| &spa.clients) {
            let of = |column: &str| value(client, column);
            let (first, last) = (of("first_name"), of("last_name"));
            let digits: String = of("phone").chars().filter(char::is_ascii_digit).collect();
            anyhow::ensure!(digits.len() == 10, "a client of the sample has no telephone number");
            needles.extend([
                format!("{first} {last}"),
                format!("{last} {first}"),
                format!("{last}, {first}"),
            ]);
            needles.extend([
                digits,
                of("phone").to_owned(),
                of("email").to_owned(),
                of("street").to_owned(),
            ]);
            needles.insert(of("external_id").to_owned());
        }
        let needles: Vec<String> = needles.into_iter().collect();
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(&needles)?;
        Ok(Self { needles, automaton })
    }

    /// Nothing of it may stand in `text`; an error names the kind of place, not what was found there.
    fn clean(&self, place: &str, text: &[u8]) -> anyhow::Result<()> {
        match self.automaton.find(text) {
            None => Ok(()),
            Some(found) => {
                let needle = self.needles.get(found.pattern().as_usize()).map_or("", String::as_str);
                anyhow::bail!("{place} holds `{needle}` at byte {}", found.start())
            }
        }
    }
}

/// Looks everywhere.
pub(crate) async fn prove(bench: &Bench<'_>, place: &Place, report: &mut Report<'_>) {
    let search = match Search::new(&bench.stage.spas) {
        Ok(search) => search,
        Err(error) => return report.prove("the search for personal data", async { Err(error) }).await,
    };
    let search = &search;
    report
        .prove("the search itself, on the CSV files", finds(search, &bench.stage.spas))
        .await;
    let what = "canaries, names, phones, e-mails, streets and external ids";
    report
        .prove(&format!("{what} in the server's log"), server_log(search, place))
        .await;
    report
        .prove(
            &format!("{what} in every error body and header above"),
            errors(search, bench),
        )
        .await;
    report
        .prove(&format!("{what} in every audit row"), audit_rows(search, bench))
        .await;
    report
        .prove(
            &format!("{what} in every column of every table, and in the statistics"),
            columns(search, bench),
        )
        .await;
    report
        .prove(&format!("{what} in PostgreSQL's own log"), database_log(search, bench))
        .await;
    let files = &bench.stage.database.files;
    report
        .prove(
            "canaries in the database's files, byte for byte, the write-ahead log included",
            database_files(files),
        )
        .await;
}

/// A search that finds nothing anywhere would prove nothing.
async fn finds(search: &Search, spas: &[Spa]) -> anyhow::Result<String> {
    let mut rows = 0;
    for line in spas
        .iter()
        .flat_map(|spa| spa.clients_csv.lines().skip(1).chain(spa.notes_csv.lines().skip(1)))
    {
        anyhow::ensure!(
            search.clean("", line.as_bytes()).is_err(),
            "a row of the sample passes as clean"
        );
        rows += 1;
    }
    Ok(format!(
        "{} needles, found in each of {} rows",
        thousands(u64::try_from(search.needles.len())?),
        thousands(rows)
    ))
}

async fn server_log(search: &Search, place: &Place) -> anyhow::Result<String> {
    let text = tokio::fs::read(place.log()).await?;
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .count();
    anyhow::ensure!(lines > 1_000, "only {lines} lines were logged");
    search.clean("the log", &text)?;
    Ok(format!("none in {} lines", thousands(u64::try_from(lines)?)))
}

async fn errors(search: &Search, bench: &Bench<'_>) -> anyhow::Result<String> {
    let errors = bench.api.errors();
    anyhow::ensure!(errors.len() > 50, "only {} errors were provoked", errors.len());
    for (index, text) in errors.iter().enumerate() {
        search.clean(&format!("error {index}"), text.as_bytes())?;
    }
    Ok(format!("none in {} errors", errors.len()))
}

async fn audit_rows(search: &Search, bench: &Bench<'_>) -> anyhow::Result<String> {
    let superuser = bench.stage.as_superuser().await?;
    let rows = superuser.query("SELECT e::text FROM audit.events e", &[]).await?;
    anyhow::ensure!(rows.len() > 4_000, "the record has {} rows only", rows.len());
    for row in &rows {
        search.clean("an audit row", row.get::<_, &str>(0).as_bytes())?;
    }
    Ok(format!("none in {} rows", thousands(u64::try_from(rows.len())?)))
}

async fn columns(search: &Search, bench: &Bench<'_>) -> anyhow::Result<String> {
    let superuser = bench.stage.as_superuser().await?;
    // Statistics are copies of values.
    superuser.batch_execute("ANALYZE").await?;
    let tables = superuser
        .query(
            "SELECT format('%I.%I', n.nspname, c.relname),
                    array(SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
                          AND NOT a.attisdropped AND a.atttypid = 'bytea'::regtype)
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
                AND n.nspname !~ '^pg_toast' ORDER BY 1",
            &[],
        )
        .await?;
    let (mut rows, mut encrypted) = (0, 0);
    for table in &tables {
        let (name, binary): (String, Vec<String>) = (table.get(0), table.get(1));
        rows += dump(
            search,
            &superuser,
            &name,
            &format!("SELECT convert_to(t::text, 'UTF8') FROM {name} t"),
        )
        .await?;
        for column in binary {
            let place = format!("{name}.{column}");
            encrypted += dump(
                search,
                &superuser,
                &place,
                &format!("SELECT {column} FROM {name} WHERE {column} IS NOT NULL"),
            )
            .await?;
        }
    }
    anyhow::ensure!(
        tables.len() >= 15 && rows > 10_000 && encrypted > 10_000,
        "{} tables, {rows} rows",
        tables.len()
    );
    let statistics =
        "SELECT convert_to(coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, ''), 'UTF8')
                        FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let values = dump(search, &superuser, "pg_stats", statistics).await?;
    anyhow::ensure!(values > 20, "there are no statistics to look at");
    Ok(format!(
        "none in {} rows of {} tables, {} binary values decoded, {values} columns' statistics",
        thousands(rows),
        tables.len(),
        thousands(encrypted)
    ))
}

/// Searches the one binary column of a query, and answers how many rows it had.
async fn dump(search: &Search, client: &Client, place: &str, query: &str) -> anyhow::Result<u64> {
    let rows = client
        .query(query, &[])
        .await
        .with_context(|| format!("reading {place}"))?;
    for row in &rows {
        search.clean(place, row.get::<_, &[u8]>(0))?;
    }
    Ok(u64::try_from(rows.len())?)
}

async fn database_log(search: &Search, bench: &Bench<'_>) -> anyhow::Result<String> {
    let text = tokio::fs::read(&bench.stage.database.log).await?;
    let lines = text.split(|byte| *byte == b'\n').count();
    anyhow::ensure!(lines > 1, "the log is empty");
    search.clean("PostgreSQL's log", &text)?;
    Ok(format!(
        "none in {lines} lines, although more than a hundred statements failed"
    ))
}

async fn database_files(directory: &Path) -> anyhow::Result<String> {
    let directory = directory.to_owned();
    let (files, bytes) = tokio::task::spawn_blocking(move || {
        let automaton = AhoCorasick::new([CANARY])?;
        let mut seen = (0_u64, 0_u64);
        search_files(&automaton, &directory, &mut seen)?;
        Ok::<_, anyhow::Error>(seen)
    })
    .await??;
    anyhow::ensure!(files > 100 && bytes > 10_000_000, "only {files} files, {bytes} bytes");
    Ok(format!("none in {} files, {} MB", thousands(files), bytes / 1_000_000))
}

fn search_files(automaton: &AhoCorasick, directory: &Path, seen: &mut (u64, u64)) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(directory).with_context(|| format!("reading `{}`", directory.display()))? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            search_files(automaton, &entry.path(), seen)?;
        } else if kind.is_file() {
            // A running server removes files of its own.
            let Ok(bytes) = std::fs::read(entry.path()) else {
                continue;
            };
            anyhow::ensure!(
                !automaton.is_match(&bytes),
                "`{}` holds a canary",
                entry.path().display()
            );
            seen.0 += 1;
            seen.1 += u64::try_from(bytes.len())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_needle_is_found_and_nothing_else() {
        let spas = crate::sample::spas().unwrap();
        let search = Search::new(&spas).unwrap();
        let client = &spas[0].clients[0];
        let of = |column: &str| value(client, column).to_owned();
        for text in [
            "x CANARY-000F4481502E".to_owned(),
            of("email").to_uppercase(),
            format!(
                "tel 1{}",
                of("phone").chars().filter(char::is_ascii_digit).collect::<String>()
            ),
            format!("{}, {}", of("last_name"), of("first_name")),
            of("external_id"),
            of("street"),
        ] {
            assert!(search.clean("here", text.as_bytes()).is_err(), "{text}");
        }
        search.clean("here", of("first_name").as_bytes()).unwrap();
        search
            .clean(
                "here",
                b"GET /v1/clients/{client_id} 200 0190d6f0-0000-7000-8000-000000000001",
            )
            .unwrap();
    }
}
