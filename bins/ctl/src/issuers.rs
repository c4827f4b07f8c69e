//! `issuers` and `isolation`: whose tokens the database verifies itself, and whose proof opens a tenant.

use crate::arguments::{AdminArguments, IsolationProfile, IssuersCommand, SyncArguments};
use crate::outcome::Outcome;
use crate::output;
use anyhow::Context as _;
use bearingwall_authn::{Algorithm, IssuerConfig, published_keys};
use bearingwall_migrations::{
    IssuerKey, IssuerRules, issuer_list, issuer_remove, issuer_sync, profile, retire_enter_key, use_profile,
};
use bearingwall_secrets::document;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

const FETCH_TIMEOUT: Duration = Duration::from_secs(10);

/// The part of the server's configuration that is read here; the rest is the server's to check.
#[derive(Deserialize)]
struct ServerFile {
    issuers: Vec<IssuerConfig>,
}

pub(crate) async fn run(command: IssuersCommand) -> anyhow::Result<Outcome> {
    match command {
        IssuersCommand::Sync(arguments) => sync(&arguments).await,
        IssuersCommand::List { admin } => list(&admin).await,
        IssuersCommand::Remove { admin, issuer } => remove(&admin, &issuer).await,
    }
}

async fn sync(arguments: &SyncArguments) -> anyhow::Result<Outcome> {
    let issuers = configured(&arguments.config)?;
    // Before anything changes: an issuer that cannot be asked leaves the keys of all of them as they are.
    let mut fetched = Vec::new();
    for issuer in &issuers {
        output::progress(&format!("asking {} for its keys", issuer.issuer));
        fetched.push((rules(issuer)?, keys(issuer).await?));
    }
    let mut client = arguments.admin.login().await?.dial().await?;
    for (rules, keys) in fetched {
        let ended = issuer_sync(&mut client, &rules, &keys, Duration::from_secs(arguments.keep_for_s)).await?;
        let kids: Vec<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
        output::line(&format!("{}  {}  {ended} ending", rules.issuer, kids.join(" ")))?;
    }
    Ok(Outcome::Done)
}

fn configured(path: &Path) -> anyhow::Result<Vec<IssuerConfig>> {
    let file: ServerFile =
        document::load(path).with_context(|| format!("`{}` is not a server's configuration", path.display()))?;
    anyhow::ensure!(!file.issuers.is_empty(), "`{}` names no issuer", path.display());
    Ok(file.issuers)
}

fn rules(issuer: &IssuerConfig) -> anyhow::Result<IssuerRules> {
    anyhow::ensure!(
        issuer.algorithms.contains(&Algorithm::Rs256),
        "the issuer `{}` may not sign with RS256, which is what the database verifies",
        issuer.issuer
    );
    let number = |seconds: u32| i32::try_from(seconds).context("a time of an issuer is out of range");
    Ok(IssuerRules {
        issuer: issuer.issuer.clone(),
        audience: issuer.audience.clone(),
        customer: issuer.customer,
        roles_claim: issuer.roles_claim.clone(),
        leeway_s: number(issuer.leeway_s)?,
        max_lifetime_s: issuer.max_lifetime_s.map(number).transpose()?,
        allow_typ_jwt: issuer.allow_typ_jwt,
    })
}

async fn keys(issuer: &IssuerConfig) -> anyhow::Result<Vec<IssuerKey>> {
    let published = published_keys(issuer, FETCH_TIMEOUT).await?;
    let keys: Vec<IssuerKey> = published
        .sorted()
        .into_iter()
        .filter_map(|(kid, key)| {
            Some(IssuerKey {
                kid: kid.to_owned(),
                modulus: key.rs256_modulus()?.to_vec(),
            })
        })
        .collect();
    anyhow::ensure!(
        !keys.is_empty(),
        "the issuer `{}` publishes no RSA key with the exponent 65537",
        issuer.issuer
    );
    Ok(keys)
}

async fn list(admin: &AdminArguments) -> anyhow::Result<Outcome> {
    let client = admin.login().await?.dial().await?;
    for row in issuer_list(&client).await? {
        let tenant = row
            .customer
            .map_or_else(|| "any".to_owned(), |customer| customer.to_string());
        let key = match (&row.kid, row.bits, &row.not_after) {
            (Some(kid), Some(bits), Some(end)) if end == "infinity" => format!("{kid}  RSA {bits}  published"),
            (Some(kid), Some(bits), Some(end)) => format!("{kid}  RSA {bits}  ends {end}"),
            _ => "no key".to_owned(),
        };
        output::line(&format!("{}  {}  {tenant}  {key}", row.issuer, row.audience))?;
    }
    Ok(Outcome::Done)
}

async fn remove(admin: &AdminArguments, issuer: &str) -> anyhow::Result<Outcome> {
    let mut client = admin.login().await?.dial().await?;
    anyhow::ensure!(
        issuer_remove(&mut client, issuer).await?,
        "the database has no issuer `{issuer}`"
    );
    output::line(&format!("removed {issuer}: its tokens open nothing"))?;
    Ok(Outcome::Done)
}

/// `isolation`: shows the profile, or changes it.
pub(crate) async fn isolation(admin: &AdminArguments, wanted: Option<IsolationProfile>) -> anyhow::Result<Outcome> {
    let mut client = admin.login().await?.dial().await?;
    let before = profile(&client).await?;
    let Some(wanted) = wanted else {
        output::line(&before)?;
        return Ok(Outcome::Done);
    };
    if before == wanted.as_str() {
        output::line(&format!("the profile is {before} already"))?;
        return Ok(Outcome::Done);
    }
    use_profile(&mut client, wanted.as_str()).await?;
    output::line(&format!(
        "the profile is {} now, and the keys of {before} are gone",
        wanted.as_str()
    ))?;
    Ok(Outcome::Done)
}

/// `keys retire-enter-key`.
pub(crate) async fn retire(admin: &AdminArguments, kid: i16) -> anyhow::Result<Outcome> {
    let mut client = admin.login().await?.dial().await?;
    anyhow::ensure!(
        retire_enter_key(&mut client, kid).await?,
        "the database has no enter key {kid}"
    );
    output::line(&format!(
        "retired the enter key {kid}: what was signed with it is refused"
    ))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_that_cannot_sign_rs256_is_refused_by_name() {
        let mut issuer = IssuerConfig::new("https://id.example.org", "bearingwall");
        assert!(rules(&issuer).is_ok());
        issuer.algorithms = vec![Algorithm::Es256];
        assert!(
            rules(&issuer)
                .unwrap_err()
                .to_string()
                .contains("https://id.example.org")
        );
    }

    #[test]
    fn the_servers_example_names_an_issuer() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/server.example.toml");
        assert_eq!(configured(&example).unwrap().len(), 1);
        let missing = configured(Path::new("/nowhere/server.toml")).unwrap_err();
        assert!(missing.to_string().contains("/nowhere/server.toml"));
    }
}
