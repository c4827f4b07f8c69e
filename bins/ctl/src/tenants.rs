//! `regions` and `tenant`: whose data may live here, and whose does.

use crate::arguments::{AdminArguments, TenantArguments};
use crate::outcome::Outcome;
use crate::output;
use bearingwall_core::CustomerId;
use bearingwall_migrations::{NewTenant, serve_regions, tenant_create, tenant_list};
use uuid::Uuid;

pub(crate) async fn regions(admin: &AdminArguments, regions: &[String]) -> anyhow::Result<Outcome> {
    let client = admin.login().await?.dial().await?;
    serve_regions(&client, regions).await?;
    output::line(&format!("tenants of {} may live in this database", regions.join(", ")))?;
    Ok(Outcome::Done)
}

pub(crate) async fn create(arguments: TenantArguments) -> anyhow::Result<Outcome> {
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

pub(crate) async fn list(admin: &AdminArguments) -> anyhow::Result<Outcome> {
    let client = admin.login().await?.dial().await?;
    for tenant in tenant_list(&client).await? {
        output::line(&format!(
            "{}  {}  {}  {}",
            tenant.id, tenant.slug, tenant.region, tenant.name
        ))?;
    }
    Ok(Outcome::Done)
}
