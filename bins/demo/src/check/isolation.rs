//! The other tenant: its records are missing, its people are not found, its list is its own.

use super::Report;
use super::bench::{Bench, Known, Tenant, listed, only};
use super::storage::field;
use crate::api::{self, Call};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

pub(crate) async fn prove(bench: &Bench<'_>, report: &mut Report<'_>) {
    let tried = "a client of Juniper with a token of Saltmarsh, and the other way round";
    report.prove(tried, foreign_clients(bench)).await;
    report
        .prove(
            "a chart note, its list and the access log with the other tenant's token",
            foreign_paths(bench),
        )
        .await;
    report
        .prove("changing the other tenant's client and note", foreign_writes(bench))
        .await;
    report
        .prove(
            "looking for Juniper's client by name, phone and e-mail at Saltmarsh",
            look_ups(bench),
        )
        .await;
    report.prove("the lists of both tenants", disjoint(bench)).await;
}

async fn foreign_clients(bench: &Bench<'_>) -> anyhow::Result<String> {
    for (asking, owner) in [(&bench.saltmarsh, &bench.juniper), (&bench.juniper, &bench.saltmarsh)] {
        let (foreign, missing) = (owner.any()?.id, Uuid::now_v7());
        let mut answers = Vec::new();
        for id in [foreign, missing] {
            let answer = bench
                .api
                .send(Call::get(format!("/v1/clients/{id}")).bearer(&asking.reader.token))
                .await?;
            answer.expect(404)?;
            bench.note_read(asking, &asking.reader, &answer, "client.read", only(id));
            answers.push(answer.without_correlation());
        }
        anyhow::ensure!(
            answers.first() == answers.last(),
            "a foreign client answers otherwise than a missing one"
        );
    }
    Ok("404, the body equal to a missing client's but for the correlation id".to_owned())
}

async fn foreign_paths(bench: &Bench<'_>) -> anyhow::Result<String> {
    let foreign = bench.juniper.any()?;
    let note = api::id(foreign.notes.first().context("the client has no notes")?, "id")?;
    let (id, token) = (foreign.id, &bench.saltmarsh.reader.token);
    for path in [
        format!("/v1/chart-notes/{note}"),
        format!("/v1/clients/{id}/chart-notes"),
        format!("/v1/clients/{id}/access-log"),
    ] {
        bench
            .api
            .send(Call::get(&path).bearer(token))
            .await?
            .expect(404)
            .context(path)?;
    }
    Ok("404 three times".to_owned())
}

async fn foreign_writes(bench: &Bench<'_>) -> anyhow::Result<String> {
    let foreign = bench.juniper.any()?;
    let note = foreign.notes.first().context("the client has no notes")?;
    let token = &bench.saltmarsh.admin.token;
    let before = bench.fingerprint().await?;
    let (client, note) = (foreign.id, api::id(note, "id")?);
    for call in [
        Call::put(format!("/v1/clients/{client}"))
            .header("if-match", "\"1\"")
            .json(&somebody("foreign-1")),
        Call::put(format!("/v1/chart-notes/{note}"))
            .header("if-match", "\"1\"")
            .json(&some_note()),
        Call::post(format!("/v1/clients/{client}/chart-notes")).json(&some_note()),
    ] {
        bench.api.send(call.bearer(token)).await?.expect(404)?;
    }
    anyhow::ensure!(bench.fingerprint().await? == before, "something was changed");
    Ok("404 three times, every stored row as before".to_owned())
}

async fn look_ups(bench: &Bench<'_>) -> anyhow::Result<String> {
    let (known, queries) = unmistakable(bench)?;
    for query in &queries {
        let own = search(bench, &bench.juniper, query).await?;
        anyhow::ensure!(
            own.contains(&known.id),
            "Juniper itself does not find its client: the proof would be empty"
        );
        let foreign = search(bench, &bench.saltmarsh, query).await?;
        anyhow::ensure!(foreign.is_empty(), "Saltmarsh finds {} clients", foreign.len());
    }
    // A look-up that never finds anybody would pass the above.
    let (_, own) = bench
        .saltmarsh
        .clients
        .iter()
        .next()
        .context("no client was read back")?;
    let found = search(bench, &bench.saltmarsh, &json!({"email": field(&own.item, "email")})).await?;
    anyhow::ensure!(found.contains(&own.id), "Saltmarsh does not find its own client");
    Ok(format!(
        "nobody, {} times; Juniper finds the client each time, Saltmarsh its own",
        queries.len()
    ))
}

/// A client of Juniper of whose name, phone and e-mail nobody at Saltmarsh has any.
fn unmistakable<'a>(bench: &'a Bench<'_>) -> anyhow::Result<(&'a Known, [Value; 3])> {
    let values = |column: &str| -> BTreeSet<String> {
        bench
            .saltmarsh
            .clients
            .values()
            .map(|known| field(&known.item, column).to_lowercase())
            .collect()
    };
    let (lasts, phones, emails) = (values("last_name"), values("phone"), values("email"));
    let known = bench
        .juniper
        .clients
        .values()
        .find(|known| {
            let of = |column: &str| field(&known.item, column).to_lowercase();
            let last = of("last_name");
            let beginning = |other: &String| other.starts_with(&last);
            !lasts.iter().any(beginning) && !phones.contains(&of("phone")) && !emails.contains(&of("email"))
        })
        .context("the sample has no such client")?;
    let of = |column: &str| field(&known.item, column);
    let queries = [
        json!({"name_prefix": of("last_name"), "limit": 50}),
        json!({"phone": of("phone"), "limit": 50}),
        json!({"email": of("email")}),
    ];
    Ok((known, queries))
}

async fn search(bench: &Bench<'_>, tenant: &Tenant, query: &Value) -> anyhow::Result<BTreeSet<Uuid>> {
    let call = Call::post("/v1/clients:search").json(query);
    let (found, _) = bench.read(tenant, call, "client.searched", listed).await?;
    listed(&found)
}

async fn disjoint(bench: &Bench<'_>) -> anyhow::Result<String> {
    let ids = |tenant: &Tenant| -> BTreeSet<Uuid> {
        let clients = tenant.clients.values();
        clients
            .flat_map(|known| std::iter::once(known.id).chain(known.notes.iter().filter_map(|n| api::id(n, "id").ok())))
            .collect()
    };
    let (juniper, saltmarsh) = (ids(&bench.juniper), ids(&bench.saltmarsh));
    let common = juniper.intersection(&saltmarsh).count();
    anyhow::ensure!(
        common == 0 && juniper.len() > 600 && saltmarsh.len() > 400,
        "{common} ids in common"
    );
    let texts = |tenant: &Tenant| -> String {
        let all = tenant
            .clients
            .values()
            .map(|known| format!("{}{:?}", known.item, known.notes));
        all.collect()
    };
    for (own, other) in [(&bench.juniper, &bench.saltmarsh), (&bench.saltmarsh, &bench.juniper)] {
        let answers = texts(own);
        let foreign = other
            .clients
            .values()
            .filter(|known| answers.contains(&field(&known.item, "canary")))
            .count();
        anyhow::ensure!(
            foreign == 0,
            "{foreign} canaries of {} in the answers to {}",
            other.name,
            own.name
        );
    }
    Ok(format!(
        "{} and {} ids, none in common, and no canary of the other",
        juniper.len(),
        saltmarsh.len()
    ))
}

/// Somebody to be written where nothing may be written.
pub(crate) fn somebody(external_id: &str) -> Value {
    json!({
        "external_id": external_id,
        "first_name": "Una",
        "last_name": "Welcome",
        "date_of_birth": "1980-01-01",
        "marketing_opt_in": false,
        "labels": {"canary": "CANARY-UNWELCOME"},
    })
}

/// A note to be written where nothing may be written.
pub(crate) fn some_note() -> Value {
    json!({"noted_on": "2026-01-01", "author": "Check, RN", "service": "peel", "body": "CANARY-UNWELCOME"})
}
