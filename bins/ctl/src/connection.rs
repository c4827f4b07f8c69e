//! How the tool logs in.

use crate::arguments::AdminArguments;
use crate::vault;
use anyhow::Context as _;
use bearingwall_core::Sensitive;
use bearingwall_secrets::FileStore;
use bearingwall_tenancy::{DatabaseAddress, danger};
use tokio_postgres::Client;

/// An address with the password for it, if any; without one the server must know the login otherwise.
#[derive(Clone, Debug)]
pub(crate) struct LoginAddress {
    pub(crate) address: DatabaseAddress,
    pub(crate) password: Option<Sensitive<String>>,
}

impl LoginAddress {
    pub(crate) async fn dial(&self) -> anyhow::Result<Client> {
        let dialled = danger::dial(&self.address, self.password.as_ref()).await;
        dialled.with_context(|| format!("logging in as `{}`", self.address.user()))
    }
}

impl AdminArguments {
    /// The store that was named, opened.
    pub(crate) fn store(&self) -> anyhow::Result<Option<FileStore>> {
        let opened = self
            .secrets
            .as_ref()
            .map(|location| FileStore::open(&location.0))
            .transpose();
        opened.context("the secret store")
    }

    /// The admin's login.
    pub(crate) async fn login(&self) -> anyhow::Result<LoginAddress> {
        let address = with_root(&self.admin_url, self.root_file.as_deref());
        let password = match (&self.admin_password_ref, self.store()?) {
            (Some(reference), _) => Some(vault::secret_of(reference).await?),
            (None, Some(store)) => vault::entry(&store, "admin")?,
            (None, None) => None,
        };
        Ok(LoginAddress { address, password })
    }

    /// The same database as another role, whose password is an entry of the store.
    pub(crate) fn login_as(&self, name: &str) -> anyhow::Result<LoginAddress> {
        let address = with_root(&self.admin_url, self.root_file.as_deref()).as_user(&vault::role_of(name));
        let password = match self.store()? {
            Some(store) => vault::entry(&store, name)?,
            None => None,
        };
        Ok(LoginAddress { address, password })
    }
}

pub(crate) fn with_root(address: &DatabaseAddress, root_file: Option<&std::path::Path>) -> DatabaseAddress {
    match root_file {
        Some(file) => address.clone().with_root_file(file.to_owned()),
        None => address.clone(),
    }
}
