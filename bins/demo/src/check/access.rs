//! Roles grant what they name and no more, and a client's access log says who looked.

use super::Report;
use super::bench::{Bench, Person, only};
use super::isolation::{some_note, somebody};
use crate::api::{self, Answer, Call};
use crate::identity;
use crate::stage::items;
use anyhow::Context as _;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

const DENIED: &str = "http.request.denied";

pub(crate) async fn prove(bench: &Bench<'_>, report: &mut Report<'_>) {
    report
        .prove("every write with an `authenticated` token", reader_writes(bench))
        .await;
    report
        .prove("every read with a `customer_admin` token alone", writer_reads(bench))
        .await;
    report
        .prove("writing with a `customer_admin` token alone", writer_writes(bench))
        .await;
    report
        .prove(
            "every route of a tenant with an `internal_admin` token",
            platform(bench),
        )
        .await;
    report
        .prove("a client's access log after two reads", access_log(bench))
        .await;
}

fn writes(client: Uuid, note: Uuid) -> [Call; 6] {
    let clients = "external_id,first_name,last_name,date_of_birth\r\ncheck-denied,Una,Welcome,1980-01-01\r\n";
    let notes =
        "client_external_id,noted_on,author,service,body\r\njuniper-00001,2026-01-01,X,peel,CANARY-UNWELCOME\r\n";
    [
        Call::post("/v1/clients").json(&somebody("check-denied")),
        Call::put(format!("/v1/clients/{client}"))
            .header("if-match", "\"1\"")
            .json(&somebody("check-denied")),
        Call::post("/v1/clients:import").body("text/csv", clients),
        Call::post(format!("/v1/clients/{client}/chart-notes")).json(&some_note()),
        Call::put(format!("/v1/chart-notes/{note}"))
            .header("if-match", "\"1\"")
            .json(&some_note()),
        Call::post("/v1/chart-notes:import").body("text/csv", notes),
    ]
}

fn reads(client: Uuid, note: Uuid) -> [Call; 6] {
    [
        Call::get("/v1/clients"),
        Call::get(format!("/v1/clients/{client}")),
        Call::post("/v1/clients:search").json(&json!({"name_prefix": "ga"})),
        Call::get(format!("/v1/clients/{client}/chart-notes")),
        Call::get(format!("/v1/chart-notes/{note}")),
        Call::get(format!("/v1/clients/{client}/access-log")),
    ]
}

fn target(bench: &Bench<'_>) -> anyhow::Result<(Uuid, Uuid)> {
    let known = bench.juniper.any()?;
    Ok((
        known.id,
        api::id(known.notes.first().context("the client has no notes")?, "id")?,
    ))
}

async fn denied(bench: &Bench<'_>, calls: Vec<Call>, token: &str, what: &str) -> anyhow::Result<usize> {
    let count = calls.len();
    for call in calls {
        let answer = bench.api.send(call.bearer(token)).await?;
        answer.expect(403)?;
        bench.note_refusal(what, &answer, DENIED, None);
    }
    Ok(count)
}

async fn reader_writes(bench: &Bench<'_>) -> anyhow::Result<String> {
    let (client, note) = target(bench)?;
    let before = bench.fingerprint().await?;
    let token = &bench.juniper.reader.token;
    let count = denied(
        bench,
        writes(client, note).into(),
        token,
        "a write with a reader's token",
    )
    .await?;
    anyhow::ensure!(bench.fingerprint().await? == before, "something was written");
    Ok(format!("403 on {count} routes, every stored row as before"))
}

async fn writer_reads(bench: &Bench<'_>) -> anyhow::Result<String> {
    let (client, note) = target(bench)?;
    let token = &bench.juniper.writer.token;
    let count = denied(bench, reads(client, note).into(), token, "a read with a writer's token").await?;
    Ok(format!("403 on {count} routes"))
}

async fn writer_writes(bench: &Bench<'_>) -> anyhow::Result<String> {
    let token = &bench.juniper.writer.token;
    let send = |call: Call| bench.api.send(call.bearer(token));
    let created = send(Call::post("/v1/clients").json(&somebody("check-written"))).await?;
    let written = created.expect(201)?;
    bare(&written)?;
    let id = api::id(&written, "id")?;
    let tag = created.header("etag").context("no entity tag came with it")?.to_owned();
    let change = || {
        Call::put(format!("/v1/clients/{id}"))
            .header("if-match", tag.clone())
            .json(&somebody("check-written"))
    };
    let changed = send(change()).await?.expect(200)?;
    bare(&changed)?;
    anyhow::ensure!(changed.get("version") == Some(&json!(2)), "the version did not move");
    send(change()).await?.expect(409)?;
    let note = send(Call::post(format!("/v1/clients/{id}/chart-notes")).json(&some_note()))
        .await?
        .expect(201)?;
    bare(&note)?;
    Ok("created and changed, answered with id and version only; a stale version is a conflict".to_owned())
}

/// A write's answer holds no representation, which only a recorded read may give.
fn bare(written: &Value) -> anyhow::Result<()> {
    let names: Vec<&str> = written
        .as_object()
        .map(|object| object.keys().map(String::as_str).collect())
        .unwrap_or_default();
    anyhow::ensure!(names == ["id", "version"], "the answer holds {names:?}");
    Ok(())
}

async fn platform(bench: &Bench<'_>) -> anyhow::Result<String> {
    let token = identity::platform_token(&bench.stage.issuer)?;
    let me = bench.api.send(Call::get("/v1/me").bearer(&token)).await?.expect(200)?;
    anyhow::ensure!(
        me.get("customer_id").is_none_or(Value::is_null),
        "the platform's staff has a tenant"
    );
    let (client, note) = target(bench)?;
    let calls = reads(client, note).into_iter().chain(writes(client, note)).collect();
    let count = denied(bench, calls, &token, "a request of the platform's staff").await?;
    Ok(format!("403 on {count} routes; /v1/me answers, without a tenant"))
}

async fn access_log(bench: &Bench<'_>) -> anyhow::Result<String> {
    let tenant = &bench.juniper;
    let (reader, client) = (&tenant.reader, tenant.nth(2)?.id);
    let started = OffsetDateTime::now_utc() - time::Duration::seconds(1);
    let call = Call::get(format!("/v1/clients/{client}")).header("bearingwall-purpose", "PATRQT");
    let (_, first) = bench.read(tenant, call, "client.read", |_| Ok(only(client))).await?;
    let call = Call::get(format!("/v1/clients/{client}/chart-notes"));
    let (_, second) = bench
        .read(tenant, call, "chart_note.listed", |_| Ok(only(client)))
        .await?;
    let path = format!("/v1/clients/{client}/access-log");
    let log = bench.api.send(Call::get(&path).bearer(&reader.token)).await?;
    let log = log.expect(200)?;
    let routes = ["GET /v1/clients/{client_id}", "GET /v1/clients/{client_id}/chart-notes"];
    entry(&log, &first, reader, started, ["client.read", "PATRQT", routes[0]])?;
    entry(
        &log,
        &second,
        reader,
        started,
        ["chart_note.listed", "TREAT", routes[1]],
    )?;
    // Reading the log is an access, too.
    let again = bench
        .api
        .send(Call::get(path).bearer(&tenant.admin.token))
        .await?
        .expect(200)?;
    let read = items(&again)?
        .iter()
        .find(|entry| api::text(entry, "event_type") == "access_log.read");
    anyhow::ensure!(read.is_some(), "reading the log is not in the log");
    Ok("both, with who, when, why and through which route; reading the log is in it, too".to_owned())
}

fn entry(
    log: &Value,
    read: &Answer,
    reader: &Person,
    started: OffsetDateTime,
    expected: [&str; 3],
) -> anyhow::Result<()> {
    let correlation = read.correlation.to_string();
    let entry = items(log)?
        .iter()
        .find(|entry| api::text(entry, "correlation_id") == correlation && api::text(entry, "phase") == "intended")
        .context("the read is not in the log")?;
    let found = ["event_type", "purpose", "route"].map(|name| api::text(entry, name));
    anyhow::ensure!(found == expected, "the log says {found:?} instead of {expected:?}");
    anyhow::ensure!(
        api::id(entry, "actor_id")? == reader.subject,
        "the log names another actor"
    );
    let at = OffsetDateTime::parse(api::text(entry, "recorded_at"), &Rfc3339).context("the log says no time")?;
    anyhow::ensure!(started <= at && at <= read.at, "the log says another time: {at}");
    Ok(())
}
