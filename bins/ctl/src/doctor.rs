//! `doctor`: whether the running system still holds what the server needs, check by check.

mod record;
mod tenancy;

use crate::arguments::{AdminArguments, DoctorArguments, DoctorCommand};
use crate::connection::{LoginAddress, with_root};
use crate::keys::enter_key_name;
use crate::outcome::Outcome;
use crate::output;
use crate::pooler;
use bearingwall_core::{
    Ctx, CtxParts, CustomerId, IdGen as _, PurposeOfUse, RequestId, RoleSet, Sensitive, SubjectId, SystemIds,
};
use bearingwall_secrets::{FileStore, SecretError};
use bearingwall_tenancy::posture::{self, Expected};
use bearingwall_tenancy::{
    DatabaseAddress, EnterKey, PoolConfig, Pooler, SCHEMA_VERSION, TenancyError, TenantPool, TenantTx,
};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use tokio_postgres::Client;

/// What the server itself checks about its role before it starts, so that each stands on a line of its own here.
const POSTURE: [&str; 15] = [
    "server-version",
    "schema-version",
    "role-attributes",
    "role-membership",
    "role-settings",
    "parameter-privileges",
    "role-identity",
    "ownership",
    "database-privileges",
    "schema-privileges",
    "table-privileges",
    "row-security",
    "tenant-policy",
    "audit-privileges",
    "key-privileges",
];

/// One check and what it found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A stable word for machines.
    pub check: String,
    /// Whether all is well.
    pub passed: bool,
    /// What was found where it is not; or why the check was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

impl Finding {
    fn passed(check: &str) -> Self {
        Self {
            check: check.to_owned(),
            passed: true,
            found: None,
        }
    }

    pub(crate) fn failed(check: &str, found: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            passed: false,
            found: Some(found.into()),
        }
    }

    /// One finding a fault, or one that says there is none.
    fn all(check: &str, faults: Vec<String>) -> Vec<Self> {
        if faults.is_empty() {
            return vec![Self::passed(check)];
        }
        faults.into_iter().map(|fault| Self::failed(check, fault)).collect()
    }

    fn line(&self) -> String {
        let word = if self.passed { "ok  " } else { "FAIL" };
        match &self.found {
            Some(found) => format!("{word}  {}: {found}", self.check),
            None => format!("{word}  {}", self.check),
        }
    }
}

/// Everything that was examined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examined {
    /// Whether every check passed.
    pub passed: bool,
    /// The checks, in order.
    pub checks: Vec<Finding>,
}

impl Examined {
    fn of(checks: Vec<Finding>) -> Self {
        Self {
            passed: checks.iter().all(|check| check.passed),
            checks,
        }
    }

    /// With more of them.
    fn and(mut self, more: Vec<Finding>) -> Self {
        self.checks.extend(more);
        Self::of(self.checks)
    }

    /// Makes a fault of what would only be said.
    fn require(&mut self, check: &str) {
        for finding in &mut self.checks {
            finding.passed &= finding.check != check || finding.found.is_none();
        }
        self.passed = self.checks.iter().all(|check| check.passed);
    }
}

/// The server's own credentials, with which the doctor tries what the server does.
#[derive(Clone, Debug)]
struct AsServer {
    login: LoginAddress,
    enter_key: Option<EnterKey>,
}

/// Examines the database through the admin's connection and the application's login.
///
/// # Errors
/// Never for what is wrong with the system: that is a finding.
pub async fn examine(
    admin: &Client,
    app: &DatabaseAddress,
    app_password: Option<Sensitive<String>>,
    enter_key: Option<EnterKey>,
) -> Examined {
    let server = AsServer {
        login: LoginAddress {
            address: app.clone(),
            password: app_password,
        },
        enter_key,
    };
    let mut checks = as_server(&server).await;
    let (found, pooler) = pooler::examine(&server.login).await;
    checks.extend(found);
    checks.extend(migrations(admin).await);
    checks.extend(tenancy::examine(admin).await);
    checks.push(tenant_entry(&server, pooler).await);
    Examined::of(checks)
}

pub(crate) async fn run(arguments: DoctorArguments) -> anyhow::Result<Outcome> {
    match (&arguments.about, &arguments.admin) {
        (Some(DoctorCommand::Tenancy(about)), _) => tenancy::run(about).await,
        (None, Some(admin)) => examine_all(&arguments, admin).await,
        (None, None) => anyhow::bail!("`--admin-url` is needed"),
    }
}

async fn examine_all(arguments: &DoctorArguments, admin: &AdminArguments) -> anyhow::Result<Outcome> {
    let client = admin.login().await?.dial().await?;
    let mut app = admin.login_as("app")?;
    if let Some(url) = &arguments.app_url {
        app.address = with_root(url, admin.root_file.as_deref());
    }
    let enter_key = match admin.store()? {
        Some(store) => enter_key(&store, arguments.enter_kid)?,
        None => None,
    };
    let record = record::examine(&client, arguments.record.unsealed_after_s).await;
    let witnesses = record::witnesses(admin, &arguments.record).await;
    let mut examined = examine(&client, &app.address, app.password, enter_key)
        .await
        .and(record)
        .and(witnesses);
    if arguments.require_platform {
        examined.require(tenancy::PLATFORM);
    }
    if arguments.json {
        output::line(&serde_json::to_string_pretty(&examined)?)?;
    } else {
        for check in &examined.checks {
            output::line(&check.line())?;
        }
    }
    Ok(if examined.passed {
        Outcome::Done
    } else {
        Outcome::Refused
    })
}

fn enter_key(store: &FileStore, kid: i16) -> anyhow::Result<Option<EnterKey>> {
    match store.fetch(&enter_key_name(kid)) {
        Ok(secret) => Ok(EnterKey::new(kid, &Sensitive::new(secret.bytes().to_vec()))),
        Err(SecretError::Missing { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

// CONTROL: TEN-5
async fn as_server(server: &AsServer) -> Vec<Finding> {
    let login = &server.login;
    let expected = Expected {
        schema_version: Some(SCHEMA_VERSION),
        ..Expected::default()
    };
    match posture::check(&login.address, login.password.as_ref(), &expected).await {
        Ok(violations) => {
            let faults = |check: &str| -> Vec<String> {
                violations
                    .iter()
                    .filter(|violation| violation.check == check)
                    .map(|violation| violation.found.clone())
                    .collect()
            };
            let mut findings: Vec<Finding> = POSTURE
                .iter()
                .flat_map(|check| Finding::all(check, faults(check)))
                .collect();
            // A check that was added there and not here still counts.
            let unlisted = violations
                .iter()
                .filter(|violation| !POSTURE.contains(&violation.check.as_str()));
            findings.extend(unlisted.map(|violation| Finding::failed(&violation.check, &violation.found)));
            findings
        }
        Err(error) => vec![Finding::failed("app-login", chain(&error))],
    }
}

async fn migrations(admin: &Client) -> Vec<Finding> {
    let faults = match bearingwall_migrations::plan(admin).await {
        Ok(plan) => plan
            .pending
            .iter()
            .map(|migration| format!("{} has not run", migration.name))
            .collect(),
        Err(error) => vec![chain(&error)],
    };
    Finding::all("migrations", faults)
}

/// Enters the platform's own tenant, as the server enters a tenant: login, enter key and seal work together.
async fn tenant_entry(server: &AsServer, pooler: Pooler) -> Finding {
    let check = "tenant-entry";
    let Some(key) = server.enter_key.clone() else {
        return Finding {
            check: check.to_owned(),
            passed: true,
            found: Some("left out: the store has no enter key".to_owned()),
        };
    };
    let mut config = PoolConfig::new(server.login.address.clone(), server.login.password.clone(), Vec::new());
    config.max_connections = 1;
    config.pooler = pooler;
    let entered = async { enter(&TenantPool::connect(config, key).await?).await }.await;
    match entered {
        Ok(()) => Finding::passed(check),
        // Listed one by one above.
        Err(TenancyError::Posture { .. }) => Finding::failed(check, "the server would refuse to start"),
        Err(error) => Finding::failed(check, chain(&error)),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the operator's own tool enters the platform's tenant and reads nothing"
)]
async fn enter(pool: &TenantPool) -> Result<(), TenancyError> {
    use diesel_async::AsyncConnectionCore as _;
    let ctx = Ctx::danger_assume_verified(CtxParts {
        subject: SubjectId::OPERATOR,
        customer: CustomerId::PLATFORM,
        roles: RoleSet::EMPTY,
        request: RequestId::from_uuid(SystemIds.v7()),
        purpose: PurposeOfUse::SystemAdministration,
        expires_at: OffsetDateTime::now_utc() + Duration::seconds(30),
        route: None,
    });
    let question = diesel::select(diesel::dsl::sql::<diesel::sql_types::Bool>("true"));
    pool.run(&ctx, async |tx: &mut TenantTx<'_>| {
        tx.execute_returning_count(question)
            .await
            .map(drop)
            .map_err(TenancyError::Statement)
    })
    .await
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
