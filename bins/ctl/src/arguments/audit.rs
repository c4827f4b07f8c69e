//! `audit`: the record's key, its verification, its exports, and how long it is kept.

use super::{AdminArguments, StoreLocation};
use bearingwall_core::CustomerId;
use bearingwall_tlog::note::VerifierKey;
use clap::{Args, Subcommand};
use std::path::PathBuf;
use time::Date;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Make the sealer's key in a store, if it is missing, and print its public key under the name of the logs.
    CreateKey {
        /// The store of the sealer's machine.
        #[arg(long, value_name = "STORE")]
        secrets: StoreLocation,
        /// The store's entry.
        #[arg(long, default_value = "seal-key")]
        name: String,
        /// What stands before `/<tenant>` in the name of each log, as the sealer's configuration says.
        #[arg(long)]
        origin: String,
    },
    /// Verify the record against its leaves, its trees and their signatures, tenant by tenant, with the auditor's login.
    ///
    /// Exit codes: 0 nothing is wrong, 3 something is, 1 or 2 nothing could be said.
    Verify(VerifyArguments),
    /// Write a tenant's part of the record as a folder that `bearingwall-verify` verifies without this database.
    Export(AuditExportArguments),
    /// Hold the checkpoints of a witness's directory against the logs: a rewound or forked log is found here.
    Compare(CompareArguments),
    /// Keep a tenant's record for longer than six years. It cannot be made shorter again.
    Retain {
        #[command(flatten)]
        admin: AdminArguments,
        /// The tenant.
        #[arg(long, value_name = "ID")]
        customer: CustomerId,
        /// Years, more than before.
        #[arg(long, value_parser = clap::value_parser!(i16).range(6..=100))]
        years: i16,
    },
    /// Legal holds: while one is open, nothing that it covers leaves the record.
    #[command(subcommand)]
    Hold(HoldCommand),
    /// Take a month out of the record under the approval of two persons. Its leaves stay, and so does every proof.
    #[command(subcommand)]
    Retire(RetireCommand),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// Only the log of this tenant; may be repeated.
    #[arg(long, value_name = "ID")]
    pub(crate) customer: Vec<CustomerId>,
    /// The sealer's public key, from another place than this database. Without it a history that somebody else has signed
    /// as a whole is not told from the right one.
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse)]
    pub(crate) key: Option<VerifierKey>,
    /// Events without a seal that are older than this many seconds are a finding.
    #[arg(long, default_value_t = 10)]
    pub(crate) unsealed_after_s: u32,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct AuditExportArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// The tenant.
    #[arg(long, value_name = "ID", required_unless_present = "all")]
    pub(crate) customer: Option<CustomerId>,
    /// Every tenant that has a log, each in a folder of its own below `--out`.
    #[arg(long, conflicts_with_all = ["customer", "first", "past", "earlier"])]
    pub(crate) all: bool,
    /// The folder to make.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Write the same events in another form as well, in a file beside the folder; may be repeated. It is a view: only the
    /// folder proves anything.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) also: Vec<ViewFormat>,
    /// The first leaf.
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u64,
    /// The leaf behind the last one; all of the tree without it.
    #[arg(long)]
    pub(crate) past: Option<u64>,
    /// The size of an earlier checkpoint that is to be in it, with the proof that the log continues it; may be repeated.
    #[arg(long, value_name = "SIZE")]
    pub(crate) earlier: Vec<u64>,
    /// The sealer's public key, from another place than this database.
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse)]
    pub(crate) key: Option<VerifierKey>,
}

/// A form of the record for other systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ViewFormat {
    /// Comma-separated values.
    Csv,
    /// FHIR R4 AuditEvent resources, a line each.
    Fhir,
    /// OCSF events, a line each.
    Ocsf,
}

impl ViewFormat {
    /// What the file's name ends with.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Fhir => "fhir.ndjson",
            Self::Ocsf => "ocsf.ndjson",
        }
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// The witness's directory, as this machine sees it.
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// The sealer's public key, from another place than this database.
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse)]
    pub(crate) key: VerifierKey,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldCommand {
    /// Open one; prints its id.
    Open {
        #[command(flatten)]
        admin: AdminArguments,
        /// The tenant; everybody's record without it.
        #[arg(long, value_name = "ID")]
        customer: Option<CustomerId>,
        /// The reference of the case, never its content.
        #[arg(long)]
        reference: String,
    },
    /// Close one, for good.
    Close {
        #[command(flatten)]
        admin: AdminArguments,
        /// The id that `open` printed.
        #[arg(long)]
        hold: Uuid,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetireCommand {
    /// Say what stands in the way of a month's leaving.
    Plan {
        #[command(flatten)]
        admin: AdminArguments,
        /// The month, as `2019-01`.
        #[arg(long, value_parser = month)]
        month: Date,
    },
    /// Ask for it, as a member of the platform's staff; prints the retirement's id.
    Request {
        #[command(flatten)]
        admin: AdminArguments,
        /// The month, as `2019-01`.
        #[arg(long, value_parser = month)]
        month: Date,
        /// The SHA-256 of the manifests of its exports, in hexadecimal: what was kept of it.
        #[arg(long, value_name = "SHA256", value_parser = sha256)]
        manifest: [u8; 32],
        /// Read your access token from the first line of standard input.
        #[arg(long, required = true)]
        token_stdin: bool,
    },
    /// Approve it within seven days, as another member of staff, with the same manifests.
    Approve {
        #[command(flatten)]
        admin: AdminArguments,
        /// The id that `request` printed.
        #[arg(long)]
        retirement: Uuid,
        /// The SHA-256 of the manifests of its exports, in hexadecimal.
        #[arg(long, value_name = "SHA256", value_parser = sha256)]
        manifest: [u8; 32],
        /// Read your access token from the first line of standard input.
        #[arg(long, required = true)]
        token_stdin: bool,
    },
    /// Do what was approved.
    Execute {
        #[command(flatten)]
        admin: AdminArguments,
        /// The id that `request` printed.
        #[arg(long)]
        retirement: Uuid,
    },
}

fn month(text: &str) -> Result<Date, &'static str> {
    let expected = "expected a month, as `2019-01`";
    let (year, month) = text.split_once('-').ok_or(expected)?;
    if year.len() != 4 || month.len() != 2 {
        return Err(expected);
    }
    let month: u8 = month.parse().map_err(|_| expected)?;
    let month = time::Month::try_from(month).map_err(|_| expected)?;
    Date::from_calendar_date(year.parse().map_err(|_| expected)?, month, 1).map_err(|_| expected)
}

fn sha256(text: &str) -> Result<[u8; 32], &'static str> {
    let expected = "expected 64 hexadecimal digits";
    let hash = bearingwall_tlog::Hash::from_hex(text).ok_or(expected)?;
    Ok(*hash.as_bytes())
}
