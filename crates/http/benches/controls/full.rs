//! The stage: a durable cluster, a tenant with one client, the real application and the baseline beside it.

use crate::bare;
use crate::load::Target;
use bearingwall_audit::AuditLog;
use bearingwall_authn::jws::Algorithm;
use bearingwall_authn::{AuthnOptions, BearerVerifier, BoxFuture, EndedSessions, Revocations};
use bearingwall_core::{
    AssignmentId, ClientId, Clock, Ctx, CtxParts, CustomerId, Phi, PurposeOfUse, RequestId, Role, SubjectId,
    SystemClock, SystemIds,
};
use bearingwall_domain::{Address, ClientInput, Crm};
use bearingwall_http::{
    Application, Assigned, Assignments, Check, Limits, PerMinute, Rates, Readiness, RouteTable, RunningServer,
    ServerOptions, Services, TrustedProxies, app_routes,
};
use bearingwall_rbac::PolicyTable;
use bearingwall_rbac_casbin::CasbinEngine;
use bearingwall_secrets::{FileKeyStore, FileStore};
use bearingwall_tenancy::{PoolConfig, TenancyError, TenantPool};
use bearingwall_testkit::cluster::{Cluster, ClusterOptions};
use bearingwall_testkit::database::{fresh_database, fresh_tenant};
use bearingwall_testkit::issuer::{DevIssuer, IssuerOptions, TokenRequest};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const DATABASE: &str = "bearingwall_bench";
const AUDIENCE: &str = "bearingwall-bench";
const CONNECTIONS: usize = 16;
const WORKERS: usize = 2;

struct Ready;

impl Readiness for Ready {
    fn check(&self) -> BoxFuture<'_, Vec<Check>> {
        Box::pin(async { Vec::new() })
    }
}

/// As the server remembers it of nearly everybody.
struct NothingAssigned;

impl Assignments for NothingAssigned {
    fn current<'a>(&'a self, _: &'a Ctx) -> BoxFuture<'a, Result<Arc<[Assigned]>, TenancyError>> {
        Box::pin(async { Ok(Arc::default()) })
    }

    fn used<'a>(&'a self, _: &'a Ctx, _: &'a [AssignmentId]) -> BoxFuture<'a, Result<(), TenancyError>> {
        Box::pin(async { Ok(()) })
    }
}

pub(crate) struct Stage {
    cluster: Cluster,
    client: ClientId,
    full: SocketAddr,
    bare: SocketAddr,
    token: String,
    services: Services,
    crm: Crm,
    _issuer: DevIssuer,
    _secrets: tempfile::TempDir,
}

impl Stage {
    pub(crate) async fn set_up() -> Self {
        let cluster = tokio::task::spawn_blocking(|| {
            Cluster::start(&ClusterOptions::durable("bench"), &|step| println!("{step}"))
        })
        .await
        .unwrap()
        .unwrap();
        drop(fresh_database(&cluster, DATABASE).await.unwrap());
        let (customer, key) = fresh_tenant(&cluster, DATABASE, "bench-1").await.unwrap();
        let address = format!(
            "postgres://bearingwall_app@{}:{}/{DATABASE}",
            cluster.host(),
            cluster.port()
        )
        .parse()
        .unwrap();
        let password = cluster.role_password("bearingwall_app").unwrap();
        let mut config = PoolConfig::new(address, Some(password), vec!["bench-1".to_owned()]);
        config.max_connections = CONNECTIONS;
        let pool = TenantPool::connect(config, key).await.unwrap();
        let secrets = tempfile::tempdir().unwrap();
        let keys =
            FileKeyStore::open_or_create(FileStore::create(secrets.path().join("store")).unwrap(), "kek").unwrap();
        let staff = pool.clone();
        let audit = AuditLog::new(pool);
        let crm = Crm::new(audit.clone(), Arc::new(keys));
        let client = crm.client_create(&ctx(customer), &client_input()).await.unwrap().id;
        let issuer = DevIssuer::start(IssuerOptions {
            audience: AUDIENCE.to_owned(),
            port: None,
            lifetime_s: 3_600,
        })
        .await
        .unwrap();
        let token = issuer
            .token(&TokenRequest {
                subject: "bench".to_owned(),
                customer: Some(customer),
                roles: vec![Role::Authenticated],
                alg: Algorithm::Rs256,
                expires_in_s: None,
            })
            .unwrap();
        let verifier = BearerVerifier::start(
            vec![issuer.issuer_config(AUDIENCE)],
            EndedSessions::Listed(nobody_signed_out()),
            AuthnOptions::default(),
        )
        .await
        .unwrap();
        let services = Services {
            identity: Arc::new(verifier),
            permissions: Arc::new(PolicyTable::compile(&CasbinEngine::shipped().await.unwrap()).unwrap()),
            events: Arc::new(audit.sink()),
            staff: Arc::new(staff),
            assignments: Arc::new(NothingAssigned),
            readiness: Arc::new(Ready),
            ids: Arc::new(SystemIds),
            keep_proof: false,
            sessions: None,
            strong_for_phi: false,
            proxies: TrustedProxies::default(),
        };
        let application = application(app_routes().unwrap(), &services, &crm);
        let bare = bare_server(&cluster, client).await;
        Self {
            full: serve(application),
            bare,
            client,
            token,
            services,
            crm,
            cluster,
            _issuer: issuer,
            _secrets: secrets,
        }
    }

    pub(crate) fn full_target(&self) -> Target {
        let head = format!(
            "GET /v1/clients/{} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\r\n",
            self.client, self.token
        );
        Target {
            address: self.full,
            request: head.into_bytes(),
            expected: "Lovelace",
        }
    }

    /// Other routes behind the same edge, with the same ports.
    pub(crate) fn application(&self, routes: RouteTable) -> Application {
        application(routes, &self.services, &self.crm)
    }

    pub(crate) const fn client(&self) -> ClientId {
        self.client
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn bare_target(&self, path: &str) -> Target {
        let head = format!("GET {path}/{} HTTP/1.1\r\nHost: bench\r\n\r\n", self.client);
        Target {
            address: self.bare,
            request: head.into_bytes(),
            expected: "Lovelace",
        }
    }

    pub(crate) async fn tear_down(self) {
        let cluster = self.cluster;
        tokio::task::spawn_blocking(move || cluster.stop().unwrap())
            .await
            .unwrap();
    }
}

/// Limits that are kept for every request, and that one caller who is as fast as it can be does not reach.
fn application(routes: RouteTable, services: &Services, crm: &Crm) -> Application {
    let wide = PerMinute(u32::MAX);
    let rates = Rates {
        light: wide,
        read: wide,
        write: wide,
        bulk: wide,
        ..Rates::UNLIMITED
    };
    let limits = Limits {
        rates,
        ..Limits::default()
    };
    Application::new(routes, services.clone(), limits).with(crm.clone())
}

/// A list that is looked at for every request, as the server's is.
fn nobody_signed_out() -> Arc<Revocations> {
    let list = Revocations::new(Arc::new(SystemClock), Duration::from_secs(86_400));
    list.refreshed(SystemClock.unix_ms(), &[], true);
    Arc::new(list)
}

fn serve(application: Application) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let options = ServerOptions {
                workers: WORKERS,
                ..ServerOptions::default()
            };
            let server = RunningServer::bind(application, "127.0.0.1:0".parse().unwrap(), &options).unwrap();
            tell.send(server.address()).unwrap();
            server.run(std::future::pending()).await.unwrap();
        });
    });
    told.recv().unwrap()
}

async fn connect(config: tokio_postgres::Config) -> tokio_postgres::Client {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn bare_server(cluster: &Cluster, client: ClientId) -> SocketAddr {
    let superuser = connect(cluster.superuser_config(DATABASE)).await;
    superuser.batch_execute(bare::SCHEMA).await.unwrap();
    superuser
        .execute(
            "INSERT INTO bare.clients VALUES ($1, 1, now(), now(), 'Ada', 'Lovelace', '1985-12-10', '(415) 555-0119',
             'ada.lovelace@example.org', '1 Analytical Way', 'Marlow', 'CA', '94110', 'penicillin', 'none', true)",
            &[&client.as_uuid()],
        )
        .await
        .unwrap();
    let password = cluster.superuser_password();
    let url = format!(
        "postgres://postgres:{}@{}:{}/{DATABASE}",
        password.expose(),
        cluster.host(),
        cluster.port()
    );
    bare::serve(url, WORKERS, CONNECTIONS)
}

fn ctx(customer: CustomerId) -> Ctx {
    Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::OPERATOR,
        customer,
        roles: [Role::CustomerAdmin].into_iter().collect(),
        request: RequestId::from_uuid(Uuid::now_v7()),
        purpose: PurposeOfUse::Operations,
        expires_at: OffsetDateTime::now_utc() + time::Duration::minutes(5),
        route: None,
    })
}

fn client_input() -> ClientInput {
    let text = |value: &str| Phi::new(value.to_owned());
    let mut input = ClientInput::new(text("Ada"), text("Lovelace"), text("1985-12-10"));
    input.phone = Some(text("(415) 555-0119"));
    input.email = Some(text("ada.lovelace@example.org"));
    input.address = Address {
        street: Some(text("1 Analytical Way")),
        city: Some(text("Marlow")),
        state: Some(text("CA")),
        postal_code: Some(text("94110")),
    };
    input.allergies = Some(text("penicillin"));
    input.conditions = Some(text("none"));
    input.marketing_opt_in = true;
    input
}
