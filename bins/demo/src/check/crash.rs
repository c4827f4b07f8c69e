//! The server is killed in the middle of an import: nothing is lost, nothing doubled.

use super::Report;
use super::bench::{Bench, Known, Person, Tenant};
use super::storage::{compare_clients, compare_notes, import, read_tenant};
use crate::api::{self, Call};
use crate::console::chain;
use crate::identity::Tokens;
use crate::import::{self, Counts, Imported, Kind};
use crate::place::Place;
use crate::running::Running;
use crate::sample::tenant_id;
use crate::server::ServerProcess;
use crate::stage::create_tenant;
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use futures_util::stream::{self, StreamExt as _};
use reqwest::Body;
use std::collections::BTreeMap;
use std::time::Duration;

/// Slow enough that the kill comes before the end.
const PIECE_BYTES: usize = 2 * 1024;
const PIECE_PAUSE: Duration = Duration::from_millis(15);

pub(crate) async fn prove(bench: &mut Bench<'_>, place: &Place, running: &mut Running, report: &mut Report<'_>) {
    let tenant = match third_tenant(bench).await {
        Ok(tenant) => tenant,
        Err(error) => return report.prove("a third tenant for the crash", async { Err(error) }).await,
    };
    for kind in [Kind::Clients, Kind::ChartNotes] {
        let tried = format!(
            "kill -9 of the server while {} are imported, a new start, the import once more",
            kind.noun()
        );
        report.prove(&tried, killed(bench, &tenant, kind, place, running)).await;
    }
    report
        .prove(
            "what is stored after both crashes, over HTTP, against the CSV",
            whole(bench, &tenant),
        )
        .await;
}

async fn third_tenant(bench: &Bench<'_>) -> anyhow::Result<Tenant> {
    let (slug, name) = ("tidewater", "Tidewater");
    let [spa, _] = &bench.stage.spas;
    let id = create_tenant(&bench.stage.provisioned, tenant_id(2), slug, name, &spa.region).await?;
    let tokens = Tokens::of(&bench.stage.issuer, slug, id)?;
    let reader = bench
        .api
        .send(Call::get("/v1/me").bearer(&tokens.reader))
        .await?
        .expect(200)?;
    let subject = api::id(&reader, "subject_id")?;
    let person = |token: String| Person { token, subject };
    Ok(Tenant {
        id,
        name: name.to_owned(),
        reader: person(tokens.reader),
        writer: person(tokens.writer),
        admin: person(tokens.admin),
        clients: BTreeMap::new(),
    })
}

async fn killed(
    bench: &mut Bench<'_>,
    tenant: &Tenant,
    kind: Kind,
    place: &Place,
    running: &mut Running,
) -> anyhow::Result<String> {
    let [_, spa] = &bench.stage.spas;
    let (csv, rows) = match kind {
        Kind::Clients => (spa.clients_csv, spa.clients.len()),
        Kind::ChartNotes => (spa.notes_csv, spa.notes.len()),
    };
    let rows = u64::try_from(rows)?;
    let server = running.server.take().context("the server is not running")?;
    import_until_killed(bench, tenant, kind, csv, server).await?;
    let there = stored(bench, tenant.id, kind).await?;
    anyhow::ensure!(
        0 < there && there < rows,
        "{there} of {rows} rows are stored: that is not the middle"
    );

    let server = ServerProcess::start(place).await?;
    bench.api = bench.api.moved_to(server.url());
    running.server = Some(server);
    let counts = import(bench, tenant, kind, csv).await?.counts;
    let expected = Counts {
        rows,
        created: rows - there,
        unchanged: there,
        ..Counts::default()
    };
    anyhow::ensure!(counts == expected, "{there} were stored, then {counts:?}");
    Ok(format!(
        "{there} of {rows} were stored, {} came after, none twice",
        rows - there
    ))
}

/// Imports slowly, and kills the server once rows are stored.
async fn import_until_killed(
    bench: &Bench<'_>,
    tenant: &Tenant,
    kind: Kind,
    csv: &str,
    mut server: ServerProcess,
) -> anyhow::Result<()> {
    let mut killed = Ok(false);
    let mut told = |counts: Counts| {
        if counts.created > 0 && matches!(killed, Ok(false)) {
            killed = server.kill_now().map(|()| true);
        }
    };
    let pieces: Vec<Vec<u8>> = csv.as_bytes().chunks(PIECE_BYTES).map(<[u8]>::to_vec).collect();
    let paced = stream::iter(pieces).then(|piece| async move {
        tokio::time::sleep(PIECE_PAUSE).await;
        Ok::<_, std::io::Error>(piece)
    });
    let body = Body::wrap_stream(paced);
    let cut_off = import::send(&bench.api, &tenant.admin.token, kind, body, &mut told).await;
    anyhow::ensure!(killed?, "the import ended before the kill: {}", ended(&cut_off));
    anyhow::ensure!(cut_off.is_err(), "the import did not notice the kill");
    server.ended().await?;
    Ok(())
}

async fn stored(bench: &Bench<'_>, tenant: CustomerId, kind: Kind) -> anyhow::Result<u64> {
    let table = match kind {
        Kind::Clients => "crm.clients",
        Kind::ChartNotes => "crm.chart_notes",
    };
    let superuser = bench.stage.as_superuser().await?;
    let count = format!("SELECT count(*) FROM {table} WHERE customer_id = $1");
    let row = superuser.query_one(&count, &[&tenant.as_uuid()]).await?;
    Ok(u64::try_from(row.get::<_, i64>(0))?)
}

async fn whole(bench: &Bench<'_>, tenant: &Tenant) -> anyhow::Result<String> {
    let [_, spa] = &bench.stage.spas;
    let clients: BTreeMap<String, Known> = read_tenant(bench, tenant).await?;
    compare_clients(&clients, &spa.clients)?;
    let notes = compare_notes(&clients, &spa.notes)?;
    Ok(format!("{} clients and {notes} notes, all equal", clients.len()))
}

/// How the import ended, in one line.
fn ended(outcome: &anyhow::Result<Imported>) -> String {
    match outcome {
        Ok(done) => format!("{:?}", done.counts),
        Err(error) => chain(error),
    }
}
