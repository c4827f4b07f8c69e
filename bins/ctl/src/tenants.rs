//! `regions` and `tenant`: whose data may live here, whose does, and how a tenant ends.

mod certificate;
mod clear;
mod error;
mod export;
mod manifest;
mod offboard;
mod sweep;
mod tables;

pub use error::TenantError;

use crate::arguments::{AdminArguments, ExportArguments, OffboardCommand, TenantArguments, TenantCommand, TenantName};
use crate::outcome::Outcome;
use crate::output;
use bearingwall_core::CustomerId;
use bearingwall_migrations::{NewTenant, serve_regions, tenant_create, tenant_list, tenant_resume, tenant_suspend};
use uuid::Uuid;

pub(crate) async fn run(command: TenantCommand) -> anyhow::Result<Outcome> {
    match command {
        TenantCommand::Create(arguments) => create(arguments).await,
        TenantCommand::List { admin } => list(&admin).await,
        TenantCommand::Suspend { admin, tenant } => suspend(&admin, &tenant).await,
        TenantCommand::Resume { admin, tenant } => resume(&admin, &tenant).await,
        TenantCommand::Export(arguments) => export(arguments).await,
        TenantCommand::Offboard(OffboardCommand::Request(arguments)) => offboard::request(arguments).await,
        TenantCommand::Offboard(OffboardCommand::Approve(arguments)) => offboard::approve(arguments).await,
        TenantCommand::Offboard(OffboardCommand::Execute(arguments)) => offboard::execute(arguments).await,
    }
}

pub(crate) async fn regions(admin: &AdminArguments, regions: &[String]) -> anyhow::Result<Outcome> {
    let client = admin.login().await?.dial().await?;
    serve_regions(&client, regions).await?;
    output::line(&format!("tenants of {} may live in this database", regions.join(", ")))?;
    Ok(Outcome::Done)
}

async fn create(arguments: TenantArguments) -> anyhow::Result<Outcome> {
    let mut client = arguments.admin.login().await?.dial().await?;
    let tenant = NewTenant {
        id: arguments.id.unwrap_or_else(|| CustomerId::from_uuid(Uuid::now_v7())),
        slug: arguments.slug,
        name: arguments.name,
        region: arguments.region,
    };
    tenant_create(&mut client, &tenant).await?;
    output::line(&tenant.id.to_string())?;
    Ok(Outcome::Done)
}

async fn list(admin: &AdminArguments) -> anyhow::Result<Outcome> {
    let client = admin.login().await?.dial().await?;
    for tenant in tenant_list(&client).await? {
        output::line(&format!(
            "{}  {}  {}  {}  {}",
            tenant.id, tenant.slug, tenant.region, tenant.status, tenant.name
        ))?;
    }
    Ok(Outcome::Done)
}

async fn suspend(admin: &AdminArguments, name: &TenantName) -> anyhow::Result<Outcome> {
    let mut client = admin.login().await?.dial().await?;
    let tenant = export::find(&client, name.id, name.slug.as_deref()).await?;
    let changed = tenant_suspend(&mut client, tenant.id).await?;
    output::line(if changed {
        "suspended: nobody enters from now on"
    } else {
        "suspended already"
    })?;
    Ok(Outcome::Done)
}

async fn resume(admin: &AdminArguments, name: &TenantName) -> anyhow::Result<Outcome> {
    let mut client = admin.login().await?.dial().await?;
    let tenant = export::find(&client, name.id, name.slug.as_deref()).await?;
    let changed = tenant_resume(&mut client, tenant.id).await?;
    output::line(if changed { "active again" } else { "active already" })?;
    Ok(Outcome::Done)
}

async fn export(arguments: ExportArguments) -> anyhow::Result<Outcome> {
    let client = arguments.admin.login().await?.dial().await?;
    let tenant = export::find(&client, arguments.tenant.id, arguments.tenant.slug.as_deref()).await?;
    let key_store = match arguments.decrypt {
        true => Some(clear::key_store(&arguments.admin)?),
        false => None,
    };
    let sha256 = export::export(client, &tenant, &arguments.out, key_store.as_ref(), &output::note).await?;
    if key_store.is_some() {
        output::note(&format!(
            "WARNING: `{}` holds personal data in the clear. Encrypt it before it leaves this machine, and erase it after.",
            arguments.out.display()
        ));
    }
    output::line(&sha256)?;
    Ok(Outcome::Done)
}
