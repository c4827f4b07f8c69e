#![doc = include_str!("../README.md")]

mod address;
pub mod break_glass;
pub mod browser_sessions;
pub mod canary;
pub mod danger;
pub mod effects;
mod entry;
mod error;
pub mod floor;
pub mod inventory;
pub mod jobs;
mod login;
mod pool;
pub mod pooler;
pub mod posture;
pub mod revocations;
pub mod roles;
mod session;
mod sessions;
#[cfg(feature = "sql")]
pub mod sql;
mod statement;
mod tickets;
mod tx;

pub use address::{AddressError, ClientCertificate, DatabaseAddress};
pub use entry::EnterKey;
pub use error::TenancyError;
pub use login::{Login, LoginFailure, LoginToken};
pub use pool::{Authority, PoolConfig, TenantPool};
pub use pooler::Pooler;
pub use tx::TenantTx;

/// The migration that this program was built for; a database at any other is refused at start.
pub const SCHEMA_VERSION: &str = "00000000000018";
