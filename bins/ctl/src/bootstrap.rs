//! `bootstrap`: roles, database and event triggers, once, with a credential that is not kept.

use crate::arguments::BootstrapArguments;
use crate::connection::{LoginAddress, with_root};
use crate::outcome::Outcome;
use crate::{input, output, vault};
use anyhow::Context as _;
use bearingwall_core::Sensitive;
use bearingwall_migrations::{BootstrapOptions, bootstrap_database, bootstrap_platform, bootstrap_roles};
use bearingwall_secrets::FileStore;
use bearingwall_tenancy::DatabaseAddress;

/// "bootstrap" in ASCII, as far as it fits: one bootstrap at a time and database that the superuser connects to.
const LOCK: i64 = 0x62_6f6f_7473_7472;

/// What [`bootstrap`] needs.
#[derive(Clone, Debug)]
pub struct BootstrapRequest {
    /// The superuser and any database of the cluster.
    pub superuser: DatabaseAddress,
    /// The superuser's password, where it has one.
    pub superuser_password: Option<Sensitive<String>>,
    /// The database to make: lower-case letters, digits and underscores.
    pub database: String,
    /// Whether to install the platform hardening too, which needs a true superuser.
    pub platform: bool,
}

/// Makes the roles with the store's passwords (missing ones are made), the database and its event triggers.
///
/// Running it again sets the same passwords and installs the same triggers.
///
/// # Errors
/// When the superuser's right does not suffice, the name is unfit, or the store cannot be used.
pub async fn bootstrap(request: &BootstrapRequest, store: &FileStore, progress: &dyn Fn(&str)) -> anyhow::Result<()> {
    let passwords = vault::ensure_passwords(store)?;
    let login = |address| LoginAddress {
        address,
        password: request.superuser_password.clone(),
    };
    let cluster = login(request.superuser.clone()).dial().await?;
    // Held until this connection ends: PostgreSQL answers two changes of one role at the same time with an error.
    let locked = cluster
        .execute("SELECT pg_catalog.pg_advisory_lock($1)", &[&LOCK])
        .await;
    locked.context("waiting for another bootstrap")?;
    let options = BootstrapOptions {
        database: request.database.clone(),
        passwords,
    };
    bootstrap_roles(&cluster, &options).await?;
    progress(&format!("roles and database `{}` are there", request.database));
    let database = login(request.superuser.in_database(&request.database)).dial().await?;
    bootstrap_database(&database).await?;
    progress("the schema's privileges are set");
    if request.platform {
        bootstrap_platform(&database).await?;
        progress("the platform hardening is installed: event triggers, side channels, the guarded setting");
    }
    Ok(())
}

pub(crate) async fn run(arguments: BootstrapArguments) -> anyhow::Result<Outcome> {
    let superuser_password = match (&arguments.superuser_password_ref, arguments.password_stdin) {
        (Some(reference), _) => Some(vault::secret_of(reference).await?),
        (None, true) => Some(input::secret_line("password")?),
        (None, false) => None,
    };
    let store = FileStore::open_or_create(&arguments.secrets.0).context("the secret store")?;
    let request = BootstrapRequest {
        superuser: with_root(&arguments.superuser_url, arguments.root_file.as_deref()),
        superuser_password,
        database: arguments.database,
        platform: !arguments.without_platform,
    };
    bootstrap(&request, &store, &output::progress).await?;
    output::line(&format!(
        "next: bearingwall-ctl migrate --admin-url postgres://bearingwall_admin@…/{}",
        request.database
    ))?;
    Ok(Outcome::Done)
}
