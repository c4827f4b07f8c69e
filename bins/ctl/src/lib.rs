//! The operator's tool, as a library: what each command does, and the whole way from an empty cluster to a database
//! that the server starts on.
#![doc = include_str!("../README.md")]

mod arguments;
mod audit;
mod bootstrap;
mod connection;
mod doctor;
mod input;
mod issuers;
mod keys;
mod mail;
mod matrix;
mod migrate;
mod outcome;
mod output;
mod pooler;
mod provision;
mod sessions;
mod tenants;
mod vault;

pub use audit::ensure_seal_key;
pub use bearingwall_program::{EXIT_CONFIGURATION, EXIT_FAILURE, EXIT_OK, EXIT_REFUSED};
pub use bootstrap::{BootstrapRequest, bootstrap};
pub use doctor::{Examined, Finding, examine};
pub use keys::{KEK_NAME, ensure_enter_key, enter_key_name};
pub use matrix::permission_matrix;
pub use outcome::exit_code;
pub use provision::{ProvisionOptions, Provisioned, provision};
pub use tenants::TenantError;
pub use vault::{ensure_passwords, role_of, secret_of};

use arguments::{Arguments, Command, KeysCommand};
use bearingwall_program::{NotBegun, begin};
use outcome::Outcome;
use std::ffi::OsString;
use std::process::ExitCode;

/// Parses the arguments (the program's own name first), does what they say, and answers the exit code.
///
/// Results go to standard output, complaints to standard error.
pub fn main_with_arguments(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // CONTROL: SEC-1
    // The environment is not searched: an operator's shell holds what it holds, and nothing of it is read.
    let parsed: Arguments = match begin(arguments, std::iter::empty()) {
        Ok(parsed) => parsed,
        Err(NotBegun::Credentials(refused)) => {
            output::complain(&anyhow::Error::from(refused));
            return ExitCode::from(EXIT_CONFIGURATION);
        }
        Err(NotBegun::Printed { exit_code }) => return ExitCode::from(exit_code),
    };
    match in_runtime(parsed.command) {
        Ok(outcome) => ExitCode::from(outcome.exit_code()),
        Err(error) => {
            output::complain(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

fn in_runtime(command: Command) -> anyhow::Result<Outcome> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run(command))
}

async fn run(command: Command) -> anyhow::Result<Outcome> {
    match command {
        Command::Bootstrap(arguments) => bootstrap::run(arguments).await,
        Command::Migrate { admin, plan } => migrate::run(&admin, plan).await,
        Command::Regions { admin, regions } => tenants::regions(&admin, &regions).await,
        Command::Tenant(command) => tenants::run(command).await,
        Command::Keys(KeysCommand::InstallEnterKey { admin, kid }) => keys::install(&admin, kid).await,
        Command::Keys(KeysCommand::RetireEnterKey { admin, kid }) => issuers::retire(&admin, kid).await,
        Command::Issuers(command) => issuers::run(command).await,
        Command::Sessions(command) => sessions::run(command).await,
        Command::Isolation { admin, profile } => issuers::isolation(&admin, profile).await,
        Command::Keys(KeysCommand::CreateKek { secrets }) => keys::create_kek(&secrets),
        Command::Keys(KeysCommand::RotateKek { secrets }) => keys::rotate_kek(&secrets),
        Command::Keys(KeysCommand::DestroyOldKek { admin }) => keys::turn::destroy_old_kek(&admin).await,
        Command::Keys(KeysCommand::Status { admin, tenant }) => keys::turn::status(&admin, tenant).await,
        Command::Keys(KeysCommand::Rotate(arguments)) => keys::turn::rotate(&arguments).await,
        Command::Keys(KeysCommand::Verify { work }) => keys::turn::verify(&work).await,
        Command::Keys(KeysCommand::Own { admin, tenant, kek, .. }) => keys::turn::own(&admin, tenant, kek).await,
        Command::Pooler { admin, kind } => pooler::set(&admin, kind).await,
        Command::Audit(command) => audit::run(*command).await,
        Command::Mail(command) => mail::run(command).await,
        Command::Doctor(arguments) => doctor::run(*arguments).await,
        Command::Matrix { check } => matrix::run(check.as_deref()).await,
        Command::Openapi => matrix::openapi(),
    }
}
