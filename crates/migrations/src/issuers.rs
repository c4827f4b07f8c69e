//! The operator's calls for the split-key profile: issuers, their keys, and whose proof opens a tenant.

use crate::error::MigrationError;
use bearingwall_core::CustomerId;
use std::time::Duration;
use tokio_postgres::Client;

/// What the database must know about an issuer to verify its access tokens as the server does.
#[derive(Clone, Debug)]
pub struct IssuerRules {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// What must stand in `aud`.
    pub audience: String,
    /// The one tenant that it may speak for; `None` for the platform's own.
    pub customer: Option<CustomerId>,
    /// The path of the claim that lists the roles.
    pub roles_claim: Vec<String>,
    /// How far its clock may be from the database's, in seconds.
    pub leeway_s: i32,
    /// The longest time from `iat` to `exp`, in seconds.
    pub max_lifetime_s: Option<i32>,
    /// Whether the header type `JWT` is accepted too.
    pub allow_typ_jwt: bool,
}

/// An RSA public key with the exponent 65537.
#[derive(Clone, Debug)]
pub struct IssuerKey {
    /// The key id.
    pub kid: String,
    /// The modulus, big-endian without leading zeros: 2048 to 4096 bits.
    pub modulus: Vec<u8>,
}

/// A key as the database knows it, or an issuer without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerRow {
    /// The issuer.
    pub issuer: String,
    /// Its audience.
    pub audience: String,
    /// The tenant that it is bound to.
    pub customer: Option<CustomerId>,
    /// The key id; `None` for an issuer without a key.
    pub kid: Option<String>,
    /// The key's size in bits.
    pub bits: Option<i32>,
    /// When the key ends, as PostgreSQL writes it: `infinity` while the issuer publishes it.
    pub not_after: Option<String>,
}

/// Makes the database's rules and keys of an issuer the given ones and puts that on the record, in one transaction.
/// Keys that it had and that are not given end after `keep_for`. Returns how many end.
///
/// # Errors
/// When a key is weak or the database refuses.
pub async fn issuer_sync(
    admin: &mut Client,
    rules: &IssuerRules,
    keys: &[IssuerKey],
    keep_for: Duration,
) -> Result<u64, MigrationError> {
    let failed = MigrationError::statement;
    let transaction = admin.transaction().await.map_err(failed("begin"))?;
    transaction
        .execute(
            "SELECT tenancy.set_issuer($1, $2, $3, $4, $5, $6, $7)",
            &[
                &rules.issuer,
                &rules.audience,
                &rules.customer.map(CustomerId::as_uuid),
                &rules.roles_claim,
                &rules.leeway_s,
                &rules.max_lifetime_s,
                &rules.allow_typ_jwt,
            ],
        )
        .await
        .map_err(failed("set the issuer's rules"))?;
    for key in keys {
        transaction
            .execute(
                "SELECT tenancy.install_issuer_key($1, $2, $3)",
                &[&rules.issuer, &key.kid, &key.modulus],
            )
            .await
            .map_err(failed("install the issuer's key"))?;
    }
    let kept: Vec<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
    let keep_s = i32::try_from(keep_for.as_secs()).unwrap_or(i32::MAX);
    let ended: i64 = transaction
        .query_one(
            "SELECT tenancy.retire_issuer_keys($1, $2, make_interval(secs => $3::int))",
            &[&rules.issuer, &kept, &keep_s],
        )
        .await
        .map_err(failed("retire the issuer's old keys"))?
        .get(0);
    record(&transaction, "issuer.synced", None).await?;
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(u64::try_from(ended).unwrap_or_default())
}

/// Removes an issuer with its keys: its tokens open nothing from now on. Returns whether it was there.
///
/// # Errors
/// When the database refuses.
pub async fn issuer_remove(admin: &mut Client, issuer: &str) -> Result<bool, MigrationError> {
    let failed = MigrationError::statement;
    let transaction = admin.transaction().await.map_err(failed("begin"))?;
    let removed: bool = transaction
        .query_one("SELECT tenancy.remove_issuer($1)", &[&issuer])
        .await
        .map_err(failed("remove the issuer"))?
        .get(0);
    if removed {
        record(&transaction, "issuer.removed", None).await?;
    }
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(removed)
}

/// Every issuer with every key.
///
/// # Errors
/// When the database refuses.
pub async fn issuer_list(admin: &Client) -> Result<Vec<IssuerRow>, MigrationError> {
    let rows = admin
        .query(
            "SELECT issuer, audience, customer_id, kid, octets * 8, not_after::text FROM tenancy.issuer_list()",
            &[],
        )
        .await
        .map_err(MigrationError::statement("list the issuers"))?;
    Ok(rows
        .iter()
        .map(|row| IssuerRow {
            issuer: row.get(0),
            audience: row.get(1),
            customer: row.get::<_, Option<_>>(2).map(CustomerId::from_uuid),
            kid: row.get(3),
            bits: row.get(4),
            not_after: row.get(5),
        })
        .collect())
}

/// Decides whose proof opens a tenant: `enter-key`, the server's own, or `split-key`, the caller's token.
/// The keys of the other profile are destroyed, so that servers that are set to it are refused at once.
///
/// # Errors
/// For another word, and for `split-key` while no issuer has a key.
pub async fn use_profile(admin: &mut Client, profile: &str) -> Result<(), MigrationError> {
    let failed = MigrationError::statement;
    let transaction = admin.transaction().await.map_err(failed("begin"))?;
    transaction
        .execute("SELECT tenancy.use_profile($1)", &[&profile])
        .await
        .map_err(failed("change the isolation profile"))?;
    record(&transaction, "isolation.changed", Some(profile)).await?;
    transaction.commit().await.map_err(failed("commit"))
}

/// The profile in force.
///
/// # Errors
/// When the database refuses.
pub async fn profile(admin: &Client) -> Result<String, MigrationError> {
    admin
        .query_one("SELECT profile FROM tenancy.entry_rules()", &[])
        .await
        .map(|row| row.get(0))
        .map_err(MigrationError::statement("read the isolation profile"))
}

/// Takes an enter key away: entries that were signed with it are refused from now on. Returns whether it was there.
///
/// # Errors
/// When the database refuses.
pub async fn retire_enter_key(admin: &mut Client, kid: i16) -> Result<bool, MigrationError> {
    let failed = MigrationError::statement;
    let transaction = admin.transaction().await.map_err(failed("begin"))?;
    let retired: bool = transaction
        .query_one("SELECT tenancy.retire_enter_key($1)", &[&kid])
        .await
        .map_err(failed("retire the enter key"))?
        .get(0);
    if retired {
        record(&transaction, "key.retired", Some("enter-key")).await?;
    }
    transaction.commit().await.map_err(failed("commit"))?;
    Ok(retired)
}

async fn record(
    transaction: &tokio_postgres::Transaction<'_>,
    event: &str,
    code: Option<&str>,
) -> Result<(), MigrationError> {
    transaction
        .execute("SELECT audit.record_operation($1, $2, NULL)", &[&event, &code])
        .await
        .map(drop)
        .map_err(MigrationError::statement("record the operation"))
}
