//! The command line of `tenant`.

use super::AdminArguments;
use bearingwall_core::CustomerId;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Make a tenant and print its id.
    Create(TenantArguments),
    /// List the tenants: id, slug, region, status, name.
    List {
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Let nobody enter the tenant from now on.
    Suspend {
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        tenant: TenantName,
    },
    /// Take a suspension back.
    Resume {
        #[command(flatten)]
        admin: AdminArguments,
        #[command(flatten)]
        tenant: TenantName,
    },
    /// Write everything of a tenant to a folder, as JSON Lines with a manifest, and print the manifest's SHA-256.
    ///
    /// Encrypted content is written as it is stored, in base64: it opens under the tenant's keys, which are in the export
    /// as they are stored, and the key-encryption key, which is not. With `--decrypt`, personal data stands in the clear
    /// as well, in files of its own.
    Export(ExportArguments),
    /// Erase a tenant under the approval of two persons: `request`, `approve`, `execute`.
    #[command(subcommand)]
    Offboard(OffboardCommand),
}

/// Which tenant.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct TenantName {
    /// The tenant's id.
    #[arg(long)]
    pub(crate) id: Option<CustomerId>,
    /// The tenant's slug.
    #[arg(long)]
    pub(crate) slug: Option<String>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct TenantArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// Lower-case letters, digits and hyphens; unique.
    #[arg(long)]
    pub(crate) slug: String,
    /// The name, for people.
    #[arg(long)]
    pub(crate) name: String,
    /// One of the regions that the database serves.
    #[arg(long)]
    pub(crate) region: String,
    /// The id, if it is given from elsewhere.
    #[arg(long)]
    pub(crate) id: Option<CustomerId>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    #[command(flatten)]
    pub(crate) tenant: TenantName,
    /// The folder to write to, which must be empty; it is made where it is missing.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Write personal data in the clear as well, with the key-encryption key of `--secrets`.
    #[arg(long, requires = "secrets")]
    pub(crate) decrypt: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OffboardCommand {
    /// Ask for the erasure of a suspended tenant, with its export, as a member of the platform's staff. Prints the
    /// offboarding's id.
    Request(RequestArguments),
    /// Approve it within 24 hours, as another member of the platform's staff, with the same export.
    Approve(ApproveArguments),
    /// Erase the tenant: its keys first, then its rows. Prints a certificate. Running it again after a failure goes on.
    Execute(ExecuteArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RequestArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// The tenant's id.
    #[arg(long)]
    pub(crate) id: CustomerId,
    /// `manifest.json` of the export; every file that it names is checked.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: PathBuf,
    /// Read your access token from the first line of standard input.
    #[arg(long, required = true)]
    pub(crate) token_stdin: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ApproveArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// The offboarding's id, as `request` printed it.
    #[arg(long, value_name = "ID")]
    pub(crate) offboarding: Uuid,
    /// `manifest.json` of the export; every file that it names is checked.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: PathBuf,
    /// Read your access token from the first line of standard input.
    #[arg(long, required = true)]
    pub(crate) token_stdin: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ExecuteArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// The offboarding's id, as `request` printed it.
    #[arg(long, value_name = "ID")]
    pub(crate) offboarding: Uuid,
    /// `manifest.json` of the export. Nothing is erased unless the export is whole and counts what the tenant has.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: PathBuf,
    /// Do not ask for the tenant's slug on standard input.
    #[arg(long)]
    pub(crate) yes: bool,
    /// After how many days the last backup with the tenant's data is gone; the certificate says so.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=3650))]
    pub(crate) backup_retention_days: Option<u16>,
    /// Write the certificate to this file, which must not exist, instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
