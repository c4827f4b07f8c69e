//! Everything that the demo starts, in order, and stops again in the opposite order.

use crate::announcement::Announcement;
use crate::api::{self, Api, Call};
use crate::arguments::Arguments;
use crate::check;
use crate::console::{Console, thousands};
use crate::identity::{self, Tokens};
use crate::import::{self, Imported, Kind};
use crate::kill;
use crate::place::{self, Place};
use crate::running::{Running, Stop};
use crate::sample::{self, Spa};
use crate::sealer::RunningSealer;
use crate::server::{Issuer, ServerProcess, Settings};
use anyhow::Context as _;
use bearingwall_core::{CustomerId, Sensitive};
use bearingwall_ctl::{ProvisionOptions, Provisioned, provision};
use bearingwall_migrations::{NewTenant, tenant_create, tenant_list};
use bearingwall_tenancy::{DatabaseAddress, danger};
use bearingwall_testkit::cluster::Cluster;
use bearingwall_testkit::issuer::DevIssuer;
use serde_json::Value;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio_postgres::Client;
use uuid::Uuid;

const DATABASE: &str = "bearingwall";
const ENTER_KID: i16 = 1;
const USUAL_PORT: u16 = 8080;
/// What a shell answers for a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

/// Everything that is up.
pub(crate) struct Stage {
    pub(crate) console: Arc<Console>,
    pub(crate) provisioned: Provisioned,
    pub(crate) database: Database,
    pub(crate) issuer: DevIssuer,
    pub(crate) other_service: DevIssuer,
    pub(crate) api: Api,
    pub(crate) spas: [Spa; 2],
    pub(crate) tokens: [Tokens; 2],
}

/// The private cluster, as far as the rest must know it.
pub(crate) struct Database {
    version: String,
    pub(crate) port: u16,
    superuser: DatabaseAddress,
    superuser_password: Sensitive<String>,
    /// What PostgreSQL logs.
    pub(crate) log: PathBuf,
    /// What PostgreSQL stores.
    pub(crate) files: PathBuf,
}

impl Database {
    fn of(cluster: &Cluster) -> anyhow::Result<Self> {
        // 150020 is 15.20.
        let number = cluster.server_version_num();
        Ok(Self {
            version: format!("{}.{}", number / 10_000, number % 10_000),
            port: cluster.port(),
            superuser: DatabaseAddress::from_config(cluster.superuser_config("postgres"))?,
            superuser_password: cluster.superuser_password(),
            log: cluster.log_file(),
            files: cluster.data_dir().to_owned(),
        })
    }

    /// As the server is told it.
    fn url(&self) -> String {
        format!("postgres://bearingwall_app@127.0.0.1:{}/{DATABASE}", self.port)
    }

    async fn dial(&self, database: &str) -> anyhow::Result<Client> {
        Ok(danger::dial(&self.superuser.in_database(database), Some(&self.superuser_password)).await?)
    }
}

/// Runs the demo or the check until its end or a signal.
pub(crate) async fn run(arguments: &Arguments, console: &Arc<Console>) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let temporary = arguments
        .is_passing()
        .then(|| place::temporary_folder(arguments.data_dir.as_deref()))
        .transpose()?;
    let place = match &temporary {
        Some(folder) => Place::passing(folder.path(), arguments.data_dir.is_some())?,
        None => Place::lasting(arguments.data_dir.as_deref())?,
    };
    let mut running = Running::default();
    let outcome = tokio::select! {
        outcome = work(arguments, console, &place, &mut running) => outcome,
        () = stop.signalled() => {
            console.step("stopping");
            Ok(if running.up { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
        }
    };
    let stopped = running.stop(console).await;
    if let Some(folder) = temporary {
        if arguments.keep {
            console.step(&format!("everything is left in {}", folder.keep().display()));
        } else {
            place.forget_cluster(stopped.as_ref().ok().and_then(Option::as_deref))?;
            folder.close().context("removing the temporary folder")?;
        }
    }
    let code = outcome?;
    stopped?;
    Ok(code)
}

async fn work(
    arguments: &Arguments,
    console: &Arc<Console>,
    place: &Place,
    running: &mut Running,
) -> anyhow::Result<ExitCode> {
    let stage = Stage::set_up(arguments, console, place, running).await?;
    if arguments.is_passing() {
        let report = match arguments.kill {
            Some(kills) => kill::run(&stage, arguments, kills, place, running).await,
            None => check::run(&stage, place, running).await,
        };
        console.line(&format!("\n{} passed, {} failed", report.passed, report.failed));
        return Ok(if report.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    stage.announce(place).await?;
    running.up = true;
    let server = running.server.as_mut().context("the server is not there")?;
    let status = server.ended().await?;
    running.server = None;
    anyhow::bail!(
        "the server has ended by itself ({status}); its log is {}",
        place.log().display()
    )
}

impl Stage {
    async fn set_up(
        arguments: &Arguments,
        console: &Arc<Console>,
        place: &Place,
        running: &mut Running,
    ) -> anyhow::Result<Self> {
        let mut spas = sample::spas()?;
        let cluster = running.start_cluster(arguments, place, console).await?;
        let database = Database::of(cluster)?;
        console.step(&format!(
            "PostgreSQL {} listens on 127.0.0.1:{}",
            database.version, database.port
        ));
        forget_unreadable(arguments, console, place, &database).await?;
        let options = ProvisionOptions {
            superuser: database.superuser.clone(),
            superuser_password: Some(database.superuser_password.clone()),
            database: DATABASE.to_owned(),
            regions: spas.iter().map(|spa| spa.region.clone()).collect(),
            secrets: place.secrets(),
            enter_kid: ENTER_KID,
        };
        let provisioned = provision(&options, &|what| console.step(what))
            .await
            .context("setting up the database; where an older version has left it, --fresh makes it anew")?;
        create_tenants(&provisioned, &mut spas, console).await?;

        let issuer = identity::start_issuer(&place.issuer_port()).await?;
        let other_service = identity::start_other_service().await?;
        console.step(&format!("the development issuer serves {}", issuer.issuer()));
        let settings = Settings {
            provisioned: &provisioned,
            database_url: database.url(),
            regions: options.regions,
            enter_kid: ENTER_KID,
            issuers: if arguments.is_passing() {
                vec![known(&issuer), known(&other_service)]
            } else {
                vec![known(&issuer)]
            },
            port: server_port(arguments),
        };
        settings.write(place)?;
        running.sealer = Some(RunningSealer::start(place, &provisioned, database.port, DATABASE)?);
        console.step("the sealer runs as bearingwall_sealer");
        let server = ServerProcess::start(place).await?;
        console.step(&format!(
            "the server runs as bearingwall_app and serves {}",
            server.url()
        ));
        let api = Api::new(server.url())?;
        running.server = Some(server);
        let tokens = tokens(&issuer, &spas)?;
        let stage = Self {
            console: Arc::clone(console),
            provisioned,
            database,
            issuer,
            other_service,
            api,
            spas,
            tokens,
        };
        stage.load().await?;
        Ok(stage)
    }

    /// Loads both spas through the API, each with its own administrator's token.
    async fn load(&self) -> anyhow::Result<()> {
        for (spa, tokens) in self.spas.iter().zip(&self.tokens) {
            for (kind, csv, rows) in [
                (Kind::Clients, spa.clients_csv, spa.clients.len()),
                (Kind::ChartNotes, spa.notes_csv, spa.notes.len()),
            ] {
                let mut told = |counts: import::Counts| {
                    let text = format!("{}: {} of {rows} {}", spa.name, counts.rows, kind.noun());
                    self.console.progress(&text);
                };
                let imported = import::run(&self.api, &tokens.admin, kind, csv, &mut told).await?;
                self.console.step(&summary(spa, kind, &imported));
                if imported.counts.conflicts + imported.counts.invalid > 0 {
                    let first = imported
                        .refused
                        .first()
                        .map(|row| format!("line {}: {}", row.line, row.reason));
                    anyhow::bail!("rows were refused, {}; --fresh starts anew", first.unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    async fn announce(&self, place: &Place) -> anyhow::Result<()> {
        let mut spas = Vec::new();
        for (spa, tokens) in self.spas.iter().zip(&self.tokens) {
            let list = self
                .api
                .send(Call::get("/v1/clients?limit=1").bearer(&tokens.reader))
                .await?
                .expect(200)?;
            let first = list.pointer("/items/0").context("the spa has no clients")?;
            spas.push((spa, tokens.clone(), api::id(first, "id")?));
        }
        let announcement = Announcement {
            url: self.api.url(),
            issuer: self.issuer.issuer(),
            spas,
            platform: identity::platform_token(&self.issuer)?,
            database: self.database.url(),
        };
        announcement.make(place, &self.console)
    }

    /// A login with the superuser's password, for looking at what nobody else may see.
    pub(crate) async fn as_superuser(&self) -> anyhow::Result<Client> {
        self.database.dial(DATABASE).await
    }

    /// A login as one of the system's roles, with its password from the secret store.
    pub(crate) async fn as_role(&self, name: &str) -> anyhow::Result<Client> {
        let secret = self.provisioned.store.fetch(name)?;
        let password = Sensitive::new(secret.utf8()?.to_owned());
        let address = self.provisioned.app.as_user(&bearingwall_ctl::role_of(name));
        Ok(danger::dial(&address, Some(&password)).await?)
    }
}

fn known(issuer: &DevIssuer) -> Issuer {
    Issuer {
        issuer: issuer.issuer().to_owned(),
        audience: identity::AUDIENCE.to_owned(),
    }
}

fn tokens(issuer: &DevIssuer, spas: &[Spa; 2]) -> anyhow::Result<[Tokens; 2]> {
    let [first, second] = spas;
    Ok([
        Tokens::of(issuer, &first.slug, first.id)?,
        Tokens::of(issuer, &second.slug, second.id)?,
    ])
}

fn summary(spa: &Spa, kind: Kind, imported: &Imported) -> String {
    let counts = imported.counts;
    format!(
        "{}: {} {} in {:.1} s ({} rows/s): {} created, {} unchanged",
        spa.name,
        thousands(counts.rows),
        kind.noun(),
        imported.took.as_secs_f64(),
        thousands(imported.rows_per_s()),
        thousands(counts.created),
        thousands(counts.unchanged),
    )
}

/// Without its keys nobody can read what an earlier start has loaded, so it goes.
async fn forget_unreadable(
    arguments: &Arguments,
    console: &Console,
    place: &Place,
    database: &Database,
) -> anyhow::Result<()> {
    let secrets = place.secrets();
    if arguments.fresh && secrets.exists() {
        std::fs::remove_dir_all(&secrets).context("removing the secrets")?;
    }
    if secrets.exists() {
        return Ok(());
    }
    let client = database.dial("postgres").await?;
    let there = client
        .query("SELECT FROM pg_database WHERE datname = $1", &[&DATABASE])
        .await?;
    if !there.is_empty() {
        console.step("forgetting the data of the last start, whose keys are gone");
        client
            .batch_execute(&format!("DROP DATABASE {DATABASE} WITH (FORCE)"))
            .await?;
    }
    Ok(())
}

/// Makes the tenants that are missing, as an operator does.
async fn create_tenants(provisioned: &Provisioned, spas: &mut [Spa], console: &Console) -> anyhow::Result<()> {
    for spa in spas {
        spa.id = create_tenant(provisioned, spa.id, &spa.slug, &spa.name, &spa.region).await?;
        console.step(&format!("tenant {} ({}, {}) is there", spa.id, spa.name, spa.region));
    }
    Ok(())
}

/// Makes a tenant; one that has this slug already is taken as it is.
pub(crate) async fn create_tenant(
    provisioned: &Provisioned,
    id: CustomerId,
    slug: &str,
    name: &str,
    region: &str,
) -> anyhow::Result<CustomerId> {
    let mut admin = danger::dial(&provisioned.admin, Some(&provisioned.admin_password)).await?;
    if let Some(known) = tenant_list(&admin)
        .await?
        .into_iter()
        .find(|tenant| tenant.slug == slug)
    {
        return Ok(known.id);
    }
    let tenant = NewTenant {
        id,
        slug: slug.to_owned(),
        name: name.to_owned(),
        region: region.to_owned(),
    };
    tenant_create(&mut admin, &tenant).await?;
    Ok(id)
}

/// The port that was asked for; else the usual one, where it is free and other people may try the demo.
fn server_port(arguments: &Arguments) -> u16 {
    if let Some(port) = arguments.port {
        return port;
    }
    let free = !arguments.is_passing() && TcpListener::bind(("127.0.0.1", USUAL_PORT)).is_ok();
    if free { USUAL_PORT } else { 0 }
}

/// The value at `name` of a list answer.
pub(crate) fn items(list: &Value) -> anyhow::Result<&Vec<Value>> {
    list.get("items")
        .and_then(Value::as_array)
        .context("the answer holds no list")
}

/// Where the next page begins, if there is one.
pub(crate) fn next(list: &Value) -> anyhow::Result<Option<Uuid>> {
    match list.get("next") {
        None | Some(Value::Null) => Ok(None),
        Some(_) => api::id(list, "next").map(Some),
    }
}
