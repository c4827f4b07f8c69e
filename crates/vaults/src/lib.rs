#![doc = include_str!("../README.md")]

mod database;
mod login;
mod settings;
mod vaults;

pub use database::{DatabaseLogin, DatabaseSettings, LoginKind, address_from_text};
pub use login::LoginError;
pub use settings::{AwsIdentity, AwsSettings, AzureIdentity, AzureSettings, CacheSettings, VaultSettings};
pub use vaults::{Vaults, VaultsError};

pub use bearingwall_tenancy::ClientCertificate;
