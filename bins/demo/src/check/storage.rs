//! Everything that was loaded is there, field by field, and loading it again changes nothing.

use super::Report;
use super::bench::{Bench, Known, Tenant, listed, only};
use crate::api::{self, Call};
use crate::console::thousands;
use crate::import::{self, Counts, Kind};
use crate::sample::{Row, Spa, value};
use crate::stage::{items, next};
use anyhow::Context as _;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Requests that are under way at once.
const CONCURRENT: usize = 8;
/// Records that are also read one by one.
const SINGLE_READS: usize = 25;
const NOTE_COLUMNS: [&str; 4] = ["noted_on", "author", "service", "body"];

pub(crate) async fn prove(bench: &mut Bench<'_>, report: &mut Report<'_>) {
    let read = read_back(bench).await;
    report
        .prove(
            "every client, page by page over HTTP, against the CSV",
            clients_equal(bench, read),
        )
        .await;
    report
        .prove(
            "every client's chart notes over HTTP, against the CSV",
            notes_equal(bench),
        )
        .await;
    report
        .prove("single clients and chart notes by id", singles_equal(bench))
        .await;
    report.prove("all four files imported once more", repeated(bench)).await;
    report
        .prove(
            "a client's row with another name under the same id",
            conflicting_client(bench),
        )
        .await;
    report
        .prove(
            "a chart note with another text under the same id",
            conflicting_note(bench),
        )
        .await;
    report.prove("a file of good and bad rows", mixed_rows(bench)).await;
}

async fn read_back(bench: &mut Bench<'_>) -> anyhow::Result<()> {
    let juniper = read_tenant(bench, &bench.juniper).await?;
    let saltmarsh = read_tenant(bench, &bench.saltmarsh).await?;
    bench.juniper.clients = juniper;
    bench.saltmarsh.clients = saltmarsh;
    Ok(())
}

/// All clients with all their notes.
pub(crate) async fn read_tenant(bench: &Bench<'_>, tenant: &Tenant) -> anyhow::Result<BTreeMap<String, Known>> {
    let mut clients = Vec::new();
    let mut before = None;
    loop {
        let path = page_path("/v1/clients", before);
        let (list, _) = bench.read(tenant, Call::get(path), "client.listed", listed).await?;
        clients.extend(items(&list)?.iter().cloned());
        bench
            .stage
            .console
            .progress(&format!("reading back {}: {} clients", tenant.name, clients.len()));
        before = next(&list)?;
        if before.is_none() {
            break;
        }
    }
    let total = clients.len();
    let known = stream::iter(clients.into_iter().enumerate())
        .map(|(index, item)| async move {
            let id = api::id(&item, "id")?;
            let notes = read_notes(bench, tenant, id).await?;
            bench
                .stage
                .console
                .progress(&format!("reading back {}: notes of {index} of {total}", tenant.name));
            Ok::<_, anyhow::Error>((field(&item, "external_id"), Known { id, item, notes }))
        })
        .buffer_unordered(CONCURRENT)
        .try_collect::<Vec<_>>()
        .await?;
    let by_id: BTreeMap<String, Known> = known.into_iter().collect();
    anyhow::ensure!(by_id.len() == total, "two clients have the same external id");
    Ok(by_id)
}

async fn read_notes(bench: &Bench<'_>, tenant: &Tenant, client: Uuid) -> anyhow::Result<Vec<Value>> {
    let mut notes = Vec::new();
    let mut before = None;
    loop {
        let path = page_path(&format!("/v1/clients/{client}/chart-notes"), before);
        let (list, _) = bench
            .read(tenant, Call::get(path), "chart_note.listed", |_| Ok(only(client)))
            .await?;
        notes.extend(items(&list)?.iter().cloned());
        before = next(&list)?;
        if before.is_none() {
            return Ok(notes);
        }
    }
}

fn page_path(path: &str, before: Option<Uuid>) -> String {
    match before {
        None => format!("{path}?limit=100"),
        Some(before) => format!("{path}?limit=100&before={before}"),
    }
}

/// The value of a CSV column in an answer, as the CSV would spell it.
pub(crate) fn field(item: &Value, column: &str) -> String {
    let found = item
        .get(column)
        .or_else(|| item.get("address").and_then(|address| address.get(column)))
        .or_else(|| item.get("labels").and_then(|labels| labels.get(column)));
    match found {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => String::new(),
        Some(other) => other.to_string(),
    }
}

async fn clients_equal(bench: &Bench<'_>, read: anyhow::Result<()>) -> anyhow::Result<String> {
    read?;
    let mut fields = 0;
    for (tenant, spa) in tenants(bench) {
        compare_clients(&tenant.clients, &spa.clients)?;
        fields += spa.clients.iter().map(Row::len).sum::<usize>();
    }
    let [juniper, saltmarsh] = &bench.stage.spas;
    Ok(format!(
        "{} of {} + {} of {}: {} fields equal, none missing, none too many",
        juniper.clients.len(),
        juniper.name,
        saltmarsh.clients.len(),
        saltmarsh.name,
        thousands(u64::try_from(fields)?)
    ))
}

/// Each row is there with every value, and nothing else is there.
pub(crate) fn compare_clients(known: &BTreeMap<String, Known>, rows: &[Row]) -> anyhow::Result<()> {
    anyhow::ensure!(
        known.len() == rows.len(),
        "{} stored instead of {}",
        known.len(),
        rows.len()
    );
    for row in rows {
        let external = value(row, "external_id");
        let stored = known
            .get(external)
            .with_context(|| format!("`{external}` is not stored"))?;
        for (column, expected) in row {
            let found = field(&stored.item, column);
            anyhow::ensure!(found == *expected, "`{external}` has another {column}");
        }
    }
    Ok(())
}

async fn notes_equal(bench: &Bench<'_>) -> anyhow::Result<String> {
    let mut notes = 0;
    for (tenant, spa) in tenants(bench) {
        notes += compare_notes(&tenant.clients, &spa.notes)?;
    }
    Ok(format!(
        "{} notes, each as often as in the file, {} fields each",
        thousands(notes),
        NOTE_COLUMNS.len()
    ))
}

/// The same notes for the same clients, each as often; answers how many.
pub(crate) fn compare_notes(known: &BTreeMap<String, Known>, rows: &[Row]) -> anyhow::Result<u64> {
    let key = |client: &str, of: &dyn Fn(&str) -> String| {
        let mut key = vec![client.to_owned()];
        key.extend(NOTE_COLUMNS.iter().map(|column| of(column)));
        key
    };
    let mut balance: BTreeMap<Vec<String>, i64> = BTreeMap::new();
    for row in rows {
        let key = key(value(row, "client_external_id"), &|column| {
            value(row, column).to_owned()
        });
        *balance.entry(key).or_default() += 1;
    }
    let mut stored = 0;
    for (external, client) in known {
        for note in &client.notes {
            *balance.entry(key(external, &|column| field(note, column))).or_default() -= 1;
            stored += 1;
        }
    }
    let missing: i64 = balance.values().filter(|count| **count > 0).sum();
    let extra: i64 = -balance.values().filter(|count| **count < 0).sum::<i64>();
    anyhow::ensure!(
        (missing, extra) == (0, 0),
        "{stored} stored: {missing} missing or changed, {extra} too many"
    );
    Ok(stored)
}

async fn singles_equal(bench: &Bench<'_>) -> anyhow::Result<String> {
    let mut read = 0;
    for (tenant, _) in tenants(bench) {
        for known in tenant.clients.values().take(SINGLE_READS) {
            let call = Call::get(format!("/v1/clients/{}", known.id));
            let (item, _) = bench.read(tenant, call, "client.read", |_| Ok(only(known.id))).await?;
            anyhow::ensure!(item == known.item, "a client read by id differs from the list");
            let note = known.notes.first().context("a client has no notes")?;
            let call = Call::get(format!("/v1/chart-notes/{}", api::id(note, "id")?));
            let (item, _) = bench
                .read(tenant, call, "chart_note.read", |_| Ok(only(known.id)))
                .await?;
            anyhow::ensure!(item == *note, "a note read by id differs from the list");
            read += 2;
        }
    }
    anyhow::ensure!(read == 4 * SINGLE_READS, "only {read} were there to read");
    Ok(format!("{read} read, each as in its list"))
}

async fn repeated(bench: &Bench<'_>) -> anyhow::Result<String> {
    let before = bench.fingerprint().await?;
    let mut rows = 0;
    for (tenant, spa) in tenants(bench) {
        for (kind, csv, expected) in [
            (Kind::Clients, spa.clients_csv, spa.clients.len()),
            (Kind::ChartNotes, spa.notes_csv, spa.notes.len()),
        ] {
            let expected = u64::try_from(expected)?;
            let counts = import(bench, tenant, kind, csv).await?.counts;
            let unchanged = Counts {
                rows: expected,
                unchanged: expected,
                ..Counts::default()
            };
            anyhow::ensure!(counts == unchanged, "{} {}: {counts:?}", tenant.name, kind.noun());
            rows += expected;
        }
    }
    anyhow::ensure!(
        bench.fingerprint().await? == before,
        "the stored rows are not what they were"
    );
    Ok(format!(
        "{} rows: all unchanged, and every stored row is byte for byte what it was",
        thousands(rows)
    ))
}

async fn conflicting_client(bench: &Bench<'_>) -> anyhow::Result<String> {
    let tenant = &bench.juniper;
    let [spa, _] = &bench.stage.spas;
    let row = spa.clients.first().context("the sample is empty")?;
    let changed = Row::from([("last_name".to_owned(), "Somebody-Else".to_owned())]);
    let before = bench.fingerprint().await?;
    let imported = import(bench, tenant, Kind::Clients, &csv(spa.clients_csv, row, &changed)?).await?;
    let expected = Counts {
        rows: 1,
        conflicts: 1,
        ..Counts::default()
    };
    anyhow::ensure!(imported.counts == expected, "{:?}", imported.counts);
    let refused = imported.refused.first().context("the row is not reported")?;
    anyhow::ensure!(refused.line == 2 && refused.outcome == "conflict", "{refused:?}");
    anyhow::ensure!(bench.fingerprint().await? == before, "something was applied");
    Ok(format!("line 2: conflict ({}), nothing applied", refused.reason))
}

async fn conflicting_note(bench: &Bench<'_>) -> anyhow::Result<String> {
    let client = bench.juniper.clients.keys().next().context("no client was read back")?;
    let header = "client_external_id,noted_on,author,service,body,external_id";
    let file = |body: &str| format!("{header}\r\n{client},2026-01-05,\"Check, RN\",peel,{body},check-note-1\r\n");
    let import = |csv: String| async move { import(bench, &bench.juniper, Kind::ChartNotes, &csv).await };
    let first = import(file("first text")).await?.counts;
    let again = import(file("first text")).await?.counts;
    let before = bench.fingerprint().await?;
    let other = import(file("other text")).await?.counts;
    let seen = [first.created, again.unchanged, other.conflicts];
    anyhow::ensure!(seen == [1, 1, 1], "created, unchanged, conflict: {seen:?}");
    anyhow::ensure!(bench.fingerprint().await? == before, "the other text was applied");
    Ok("created, then unchanged, then conflict; nothing applied".to_owned())
}

async fn mixed_rows(bench: &Bench<'_>) -> anyhow::Result<String> {
    let header = "external_id,first_name,last_name,date_of_birth,phone,email,canary";
    let good =
        |id: u8| format!("check-good-{id},Ada,Check{id},1990-02-03,(212) 555-0100,ada{id}@example.com,CANARY-GOOD{id}");
    let rows = [
        header.to_owned(),
        good(1),
        "check-bad-1,Bea,Wrong,1990-02-31,,,CANARY-BADDATE".to_owned(),
        good(2),
        "check-bad-2,,Nameless,1990-02-03,,,CANARY-BADNAME".to_owned(),
        "check-bad-3,Too,Short".to_owned(),
        good(3),
        "check-bad-4,Cy,Mail,1990-02-03,,CANARY-BADMAIL,x".to_owned(),
    ];
    let csv = rows.join("\r\n") + "\r\n";
    let imported = import(bench, &bench.juniper, Kind::Clients, &csv).await?;
    let counts = imported.counts;
    anyhow::ensure!(
        (counts.created, counts.invalid, counts.conflicts) == (3, 4, 0),
        "{counts:?}"
    );
    let mut lines: Vec<u64> = imported.refused.iter().map(|row| row.line).collect();
    lines.sort_unstable();
    anyhow::ensure!(lines == [3, 5, 6, 8], "reported lines: {lines:?}");
    let silent = imported
        .refused
        .iter()
        .find(|row| row.reason.is_empty() || row.reason.contains("CANARY"));
    anyhow::ensure!(silent.is_none(), "a reason is missing or repeats the row");
    Ok("3 stored, 4 reported with line and reason".to_owned())
}

/// Imports as the tenant's administrator.
pub(crate) async fn import(
    bench: &Bench<'_>,
    tenant: &Tenant,
    kind: Kind,
    csv: &str,
) -> anyhow::Result<import::Imported> {
    let mut told = |counts: Counts| {
        bench
            .stage
            .console
            .progress(&format!("importing {}: {} {}", tenant.name, counts.rows, kind.noun()));
    };
    import::run(&bench.api, &tenant.admin.token, kind, csv, &mut told).await
}

/// A file with one row of another, some values replaced.
fn csv(file: &str, row: &Row, replaced: &Row) -> anyhow::Result<String> {
    let columns = csv::Reader::from_reader(file.as_bytes()).headers()?.clone();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&columns)?;
    writer.write_record(
        columns
            .iter()
            .map(|column| replaced.get(column).map_or(value(row, column), String::as_str)),
    )?;
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn tenants<'a>(bench: &'a Bench<'_>) -> [(&'a Tenant, &'a Spa); 2] {
    let [first, second] = &bench.stage.spas;
    [(&bench.juniper, first), (&bench.saltmarsh, second)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn row(columns: &[(&str, &str)]) -> Row {
        columns
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn known(item: Value, notes: Vec<Value>) -> BTreeMap<String, Known> {
        BTreeMap::from([(
            "a".to_owned(),
            Known {
                id: Uuid::nil(),
                item,
                notes,
            },
        )])
    }

    #[test]
    fn a_field_that_differs_is_found_wherever_it_stands() {
        let item =
            json!({"external_id": "a", "address": {"city": "X"}, "labels": {"canary": "C"}, "marketing_opt_in": true});
        let expected = [
            ("external_id", "a"),
            ("city", "X"),
            ("canary", "C"),
            ("marketing_opt_in", "true"),
            ("phone", ""),
        ];
        let stored = known(item, Vec::new());
        compare_clients(&stored, &[row(&expected)]).unwrap();
        for (index, (column, _)) in expected.iter().enumerate().skip(1) {
            let mut changed = expected;
            changed[index] = (column, "other");
            assert!(compare_clients(&stored, &[row(&changed)]).is_err(), "{column}");
        }
        assert!(compare_clients(&stored, &[]).is_err());
    }

    #[test]
    fn notes_are_counted_not_only_looked_for() {
        let note = json!({"noted_on": "2026-01-01", "author": "A", "service": "s", "body": "b"});
        let one = row(&[
            ("client_external_id", "a"),
            ("noted_on", "2026-01-01"),
            ("author", "A"),
            ("service", "s"),
            ("body", "b"),
        ]);
        let twice = known(Value::Null, vec![note.clone(), note.clone()]);
        assert_eq!(compare_notes(&twice, &[one.clone(), one.clone()]).unwrap(), 2);
        assert!(compare_notes(&twice, std::slice::from_ref(&one)).is_err());
        assert!(compare_notes(&known(Value::Null, vec![note]), &[one.clone(), one]).is_err());
    }
}
