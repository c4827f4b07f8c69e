//! The whole way from an empty cluster to a database that the server starts on, in one call.

use crate::bootstrap::{BootstrapRequest, bootstrap};
use crate::connection::LoginAddress;
use crate::keys::{KEK_NAME, ensure_enter_key, enter_key_name};
use crate::vault;
use anyhow::Context as _;
use bearingwall_core::Sensitive;
use bearingwall_migrations::{install_enter_key, migrate, serve_regions};
use bearingwall_secrets::{FileKeyStore, FileStore, SecretRef};
use bearingwall_tenancy::DatabaseAddress;
use std::path::PathBuf;

/// What [`provision`] needs.
#[derive(Clone, Debug)]
pub struct ProvisionOptions {
    /// The superuser and any database of the cluster.
    pub superuser: DatabaseAddress,
    /// The superuser's password, where it has one.
    pub superuser_password: Option<Sensitive<String>>,
    /// The database to make: lower-case letters, digits and underscores.
    pub database: String,
    /// The regions whose tenants may live in it.
    pub regions: Vec<String>,
    /// The directory of the sealed file store, which is made where it is missing; absolute.
    pub secrets: PathBuf,
    /// The key id of the enter key.
    pub enter_kid: i16,
}

/// What is there after [`provision`].
#[derive(Clone, Debug)]
pub struct Provisioned {
    /// The store with every secret.
    pub store: FileStore,
    /// The database as `bearingwall_admin`.
    pub admin: DatabaseAddress,
    /// The admin's password.
    pub admin_password: Sensitive<String>,
    /// The database as `bearingwall_app`.
    pub app: DatabaseAddress,
    /// Where the server finds its password.
    pub app_password: SecretRef,
    /// Where the server finds its enter key.
    pub enter_key: SecretRef,
    /// Where the server finds the key-encryption key.
    pub kek: SecretRef,
    /// How many migrations ran.
    pub migrations_run: usize,
}

/// Bootstraps, migrates, sets the regions, installs the enter key and makes the key-encryption key.
///
/// Every step does nothing where its result is there already.
///
/// # Errors
/// The first step that fails.
pub async fn provision(options: &ProvisionOptions, progress: &(dyn Fn(&str) + Sync)) -> anyhow::Result<Provisioned> {
    let store = FileStore::open_or_create(&options.secrets).context("the secret store")?;
    let request = BootstrapRequest {
        superuser: options.superuser.clone(),
        superuser_password: options.superuser_password.clone(),
        database: options.database.clone(),
        platform: true,
    };
    bootstrap(&request, &store, progress).await?;

    let database = options.superuser.in_database(&options.database);
    let admin_password = vault::entry(&store, "admin")?.context("the admin's password is missing after bootstrap")?;
    let admin = LoginAddress {
        address: database.as_user(&vault::role_of("admin")),
        password: Some(admin_password.clone()),
    };
    let migrations_run = migrate(admin.dial().await?, progress).await?;
    let mut client = admin.dial().await?;
    serve_regions(&client, &options.regions).await?;
    let enter_key = ensure_enter_key(&store, options.enter_kid)?;
    install_enter_key(&mut client, options.enter_kid, &enter_key).await?;
    FileKeyStore::open_or_create(store.clone(), KEK_NAME)?;
    progress("enter key and key-encryption key are there");
    Ok(Provisioned {
        app_password: store.reference("app")?,
        enter_key: store.reference(&enter_key_name(options.enter_kid))?,
        kek: store.reference(KEK_NAME)?,
        admin: admin.address,
        admin_password,
        app: database.as_user(&vault::role_of("app")),
        store,
        migrations_run,
    })
}
