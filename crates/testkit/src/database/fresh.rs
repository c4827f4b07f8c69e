//! A database on a cluster of one's own, for benchmarks: nothing of it is shared with a test.

use super::template::{Passwords, Variant, admin_config, build};
use super::{DatabaseError, connect};
use crate::cluster::Cluster;
use bearingwall_core::{CustomerId, Sensitive};
use bearingwall_migrations::{NewTenant, install_enter_key, serve_regions, tenant_create};
use bearingwall_tenancy::EnterKey;
use tokio_postgres::Client;
use uuid::Uuid;

/// Makes a database, migrated and hardened as production's is, in the place of any of that name, so that figures of earlier
/// runs do not slow this one. Answers a connection of its superuser.
///
/// # Errors
/// [`DatabaseError`].
pub async fn fresh_database(cluster: &Cluster, name: &str) -> Result<Client, DatabaseError> {
    let passwords = Passwords::of_cluster(cluster)?;
    let superuser = connect(&cluster.superuser_config("postgres")).await?;
    build(cluster, &superuser, &passwords, Variant::Platform, name).await?;
    connect(&cluster.superuser_config(name)).await
}

/// Makes one tenant there, in a region that the database then serves, and installs the key that enters it.
///
/// # Errors
/// [`DatabaseError`].
pub async fn fresh_tenant(
    cluster: &Cluster,
    database: &str,
    region: &str,
) -> Result<(CustomerId, EnterKey), DatabaseError> {
    let passwords = Passwords::of_cluster(cluster)?;
    let mut admin = connect(&admin_config(cluster, &passwords, database)).await?;
    serve_regions(&admin, &[region.to_owned()]).await?;
    let secret = Sensitive::new(Uuid::new_v4().as_bytes().repeat(2));
    install_enter_key(&mut admin, 1, &secret).await?;
    let tenant = NewTenant {
        id: CustomerId::from_uuid(Uuid::now_v7()),
        slug: "bench".to_owned(),
        name: "Bench".to_owned(),
        region: region.to_owned(),
    };
    tenant_create(&mut admin, &tenant).await?;
    let key = EnterKey::new(1, &secret).ok_or(DatabaseError::Key)?;
    Ok((tenant.id, key))
}
