//! The command line.

mod audit;
mod mail;
mod tenant;

pub(crate) use audit::{
    AuditCommand, AuditExportArguments, CompareArguments, HoldCommand, RetireCommand, VerifyArguments, ViewFormat,
};
pub(crate) use mail::{MailCommand, PostureArguments};
pub(crate) use tenant::{
    ApproveArguments, ExecuteArguments, ExportArguments, OffboardCommand, RequestArguments, TenantArguments,
    TenantCommand, TenantName,
};

use bearingwall_core::{CustomerId, SubjectId};
use bearingwall_secrets::SecretRef;
use bearingwall_tenancy::DatabaseAddress;
use bearingwall_tlog::note::VerifierKey;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::str::FromStr;

/// The operator's tool of Bearingwall: bootstrap, migrations, tenants, keys, the permission matrix and the doctor.
///
/// No option takes a password: passwords are read from a secret store, or from standard input.
/// Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 refused because of what was found.
#[derive(Debug, Parser)]
#[command(name = "bearingwall-ctl", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make roles, database and event triggers, once, with the platform's superuser. Running it again is harmless.
    Bootstrap(BootstrapArguments),
    /// Say which migrations are to run, then run them in order, under a lock.
    Migrate {
        #[command(flatten)]
        admin: AdminArguments,
        /// Only say what would be done.
        #[arg(long)]
        plan: bool,
    },
    /// Set the regions whose tenants may live in this database, all at once.
    Regions {
        #[command(flatten)]
        admin: AdminArguments,
        /// The regions, as `us-east`.
        #[arg(required = true)]
        regions: Vec<String>,
    },
    /// Make, list, suspend, resume, export and offboard tenants.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Make and install keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Keep the issuers' rules and public keys in the database, which verifies callers' tokens in the split-key profile.
    #[command(subcommand)]
    Issuers(IssuersCommand),
    /// End somebody's tokens before their time.
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Show whose proof opens a tenant, or change it. Servers that are set to the other profile are refused at once.
    Isolation {
        #[command(flatten)]
        admin: AdminArguments,
        /// The profile to change to.
        #[arg(long = "use", value_name = "PROFILE")]
        profile: Option<IsolationProfile>,
    },
    /// Tell the database whether servers reach it through a connection pooler in transaction mode.
    Pooler {
        #[command(flatten)]
        admin: AdminArguments,
        /// What stands before the database.
        kind: PoolerKind,
    },
    /// The record: its key, its verification, its exports, and how long it is kept.
    #[command(subcommand)]
    Audit(Box<AuditCommand>),
    /// What the DNS says of a domain that mail is sent from.
    #[command(subcommand)]
    Mail(MailCommand),
    /// Check again, on the running system, that it holds what the server needs.
    Doctor(Box<DoctorArguments>),
    /// Print every route with its permission and the roles that hold it.
    Matrix {
        /// Compare with this file instead, and exit with 1 and the differences if it says otherwise.
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
    },
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct DoctorArguments {
    #[command(subcommand)]
    pub(crate) about: Option<DoctorCommand>,
    #[command(flatten)]
    pub(crate) admin: Option<AdminArguments>,
    /// Where the server reaches the database, if elsewhere than this tool does: the address of a connection pooler,
    /// as `postgres://bearingwall_app@host:6432/bearingwall`.
    #[arg(long, value_name = "URL")]
    pub(crate) app_url: Option<DatabaseAddress>,
    /// The key id of the enter key in the secret store; that check is left out where the store has no such key.
    #[arg(long, default_value_t = 1)]
    pub(crate) enter_kid: i16,
    #[command(flatten)]
    pub(crate) record: RecordArguments,
    /// Count a missing platform hardening as a fault, instead of only saying so.
    #[arg(long)]
    pub(crate) require_platform: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What of the record is looked at.
#[derive(Args, Clone, Debug)]
pub(crate) struct RecordArguments {
    /// The age in seconds at which an event without a seal is a fault.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) unsealed_after_s: u32,
    /// The directory of a witness, as this machine sees it, whose checkpoints are held against the logs; may be repeated.
    #[arg(long, value_name = "DIR", requires = "log_key")]
    pub(crate) witness: Vec<PathBuf>,
    /// The sealer's public key, from another place than this database.
    #[arg(long, value_name = "VKEY", value_parser = VerifierKey::parse, requires = "witness")]
    pub(crate) log_key: Option<VerifierKey>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DoctorCommand {
    /// Read the catalog and name everything that breaks tenant isolation, each with the SQL that repairs it.
    ///
    /// With `--admin-url` the database is compared with what this release made it; with `--database-url` any database is
    /// examined whose tables name their tenant in a column.
    Tenancy(Box<TenancyArguments>),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct TenancyArguments {
    /// This installation's database, as `postgres://bearingwall_admin@host:5432/bearingwall`.
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "database_url",
        conflicts_with = "database_url"
    )]
    pub(crate) admin_url: Option<DatabaseAddress>,
    /// Any database, with a role that may read its catalog. It must not hold a password.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<DatabaseAddress>,
    /// Where the password is, as `azure-kv://vault/name`.
    #[arg(long, value_name = "REFERENCE", conflicts_with = "password_stdin")]
    pub(crate) password_ref: Option<SecretRef>,
    /// Read the password from the first line of standard input.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The secret store of this installation, whose entry `admin` is the password for `--admin-url`.
    #[arg(long, value_name = "STORE", conflicts_with_all = ["password_ref", "password_stdin", "database_url"])]
    pub(crate) secrets: Option<StoreLocation>,
    /// PEM file with the certificate authorities of the database's server, instead of the machine's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_file: Option<PathBuf>,
    /// The column that names the tenant.
    #[arg(long, value_name = "NAME", default_value = "tenant_id", conflicts_with = "admin_url")]
    pub(crate) tenant_column: String,
    /// The type of that column.
    #[arg(long, value_name = "TYPE", default_value = "uuid", conflicts_with = "admin_url")]
    pub(crate) tenant_type: String,
    /// A role that the application logs in with; may be repeated. Without it: every login role that reaches a tenant table
    /// and owns none.
    #[arg(long, value_name = "ROLE", conflicts_with = "admin_url")]
    pub(crate) app_role: Vec<String>,
    /// A schema with tenant tables; may be repeated. Without it: all but the system's.
    #[arg(long, value_name = "SCHEMA", conflicts_with = "admin_url")]
    pub(crate) schema: Vec<String>,
    /// The function that policies compare the tenant with, as `schema.function`.
    #[arg(
        long,
        value_name = "FUNCTION",
        default_value = "tenancy.current_customer_id",
        conflicts_with = "admin_url"
    )]
    pub(crate) context_function: String,
    /// A function that may be SECURITY DEFINER, as `schema.function(type,type)`; may be repeated.
    #[arg(long, value_name = "FUNCTION", conflicts_with = "admin_url")]
    pub(crate) definer_function: Vec<String>,
    /// A regular expression for the names of columns with personal data, instead of the built-in one.
    #[arg(long, value_name = "REGEX", conflicts_with = "admin_url")]
    pub(crate) personal_columns: Option<String>,
    /// Count a missing platform hardening as a fault, instead of only saying so.
    #[arg(long)]
    pub(crate) require_platform: bool,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What stands between servers and the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum PoolerKind {
    /// Nothing.
    None,
    /// PgBouncer in transaction mode.
    Transaction,
}

/// How to connect as `bearingwall_admin`.
#[derive(Args, Clone, Debug)]
pub(crate) struct AdminArguments {
    /// The database, as `postgres://bearingwall_admin@host:5432/bearingwall`. It must not hold a password.
    #[arg(long, value_name = "URL")]
    pub(crate) admin_url: DatabaseAddress,
    /// Where the password is, as `azure-kv://vault/name`. Without it: the entry `admin` of `--secrets`, if any.
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) admin_password_ref: Option<SecretRef>,
    /// The secret store of this installation, as `file+sealed:///var/lib/bearingwall/secrets`.
    #[arg(long, value_name = "STORE")]
    pub(crate) secrets: Option<StoreLocation>,
    /// PEM file with the certificate authorities of the database's server, instead of the machine's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_file: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct BootstrapArguments {
    /// The superuser and any database of the cluster, as `postgres://postgres@host:5432/postgres`.
    #[arg(long, value_name = "URL")]
    pub(crate) superuser_url: DatabaseAddress,
    /// Where the superuser's password is.
    #[arg(long, value_name = "REFERENCE", conflicts_with = "password_stdin")]
    pub(crate) superuser_password_ref: Option<SecretRef>,
    /// Read the superuser's password from the first line of standard input.
    #[arg(long)]
    pub(crate) password_stdin: bool,
    /// The database to make.
    #[arg(long, default_value = "bearingwall")]
    pub(crate) database: String,
    /// Leave out the platform hardening (event triggers, closed side channels, the guarded setting), for a managed
    /// service that keeps it to itself. `doctor` then says so.
    #[arg(long)]
    pub(crate) without_platform: bool,
    /// The store that keeps the roles' passwords; those that are missing there are made.
    #[arg(long, value_name = "STORE")]
    pub(crate) secrets: StoreLocation,
    /// PEM file with the certificate authorities of the database's server, instead of the machine's own.
    #[arg(long, value_name = "FILE")]
    pub(crate) root_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Install the key that signs the entry into a tenant: the store's `enter-key-<KID>`, made there if it is missing.
    InstallEnterKey {
        #[command(flatten)]
        admin: Box<AdminArguments>,
        /// The key id that the server will name.
        #[arg(long, value_parser = clap::value_parser!(i16).range(1..))]
        kid: i16,
    },
    /// Take an enter key away from the database: entries that were signed with it are refused from now on.
    RetireEnterKey {
        #[command(flatten)]
        admin: Box<AdminArguments>,
        /// The key id.
        #[arg(long, value_parser = clap::value_parser!(i16).range(1..))]
        kid: i16,
    },
    /// Make the store's `kek`, under which tenants' keys are wrapped, if it is missing.
    CreateKek {
        /// The store.
        #[arg(long, value_name = "STORE")]
        secrets: StoreLocation,
    },
    /// Make a new version of the store's `kek`. Tenants' keys follow with `keys rotate`, or by the servers' own work.
    RotateKek {
        /// The store.
        #[arg(long, value_name = "STORE")]
        secrets: StoreLocation,
    },
    /// Erase the older versions of the store's `kek`, once no tenant's key is under them.
    DestroyOldKek {
        /// With the store in `--secrets`.
        #[command(flatten)]
        admin: Box<AdminArguments>,
    },
    /// List each tenant's key: its versions, what wraps them, and how many clients' keys are under each.
    Status {
        #[command(flatten)]
        admin: Box<AdminArguments>,
        /// One tenant only.
        #[arg(long)]
        tenant: Option<CustomerId>,
    },
    /// Give tenants' keys a new version, and put what is due under the newest one.
    ///
    /// A new version is used only after `--activate-after-s`, so that every server has heard of it; until then clients' keys
    /// stay where they are. With `--wait` the command goes on until nothing is under an old version and those are destroyed.
    Rotate(Box<RotateArguments>),
    /// Open every key of tenants once, and count. Exits with 3 if one does not open.
    Verify {
        #[command(flatten)]
        work: Box<KeyWorkArguments>,
    },
    /// Say under which key-encryption key a tenant's keys are to be: one of its own, or again the installation's.
    Own {
        #[command(flatten)]
        admin: Box<AdminArguments>,
        /// The tenant.
        #[arg(long)]
        tenant: CustomerId,
        /// Its key, as `azure-kv://vault/key` or `aws-kms://region/account/key/id`.
        #[arg(long, value_name = "REFERENCE", required_unless_present = "installations")]
        kek: Option<SecretRef>,
        /// The installation's key again.
        #[arg(long, conflicts_with = "kek")]
        installations: bool,
    },
}

/// Who works on which tenants' keys, and with what.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeyWorkArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// The key-encryption key; the entry `kek` of `--secrets` by default.
    #[arg(long, value_name = "REFERENCE")]
    pub(crate) kek: Option<SecretRef>,
    /// One tenant only.
    #[arg(long)]
    pub(crate) tenant: Option<CustomerId>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RotateArguments {
    #[command(flatten)]
    pub(crate) work: KeyWorkArguments,
    /// Only put the work into the queue: for a key-encryption key that the servers reach and this machine does not.
    #[arg(long, conflicts_with = "wait")]
    pub(crate) enqueue: bool,
    /// Go on until the old versions are destroyed.
    #[arg(long)]
    pub(crate) wait: bool,
    /// Seconds until a new version is used, and until an old one is destroyed after that. Servers remember keys for 300.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub(crate) activate_after_s: u32,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IssuersCommand {
    /// Take the issuers from the server's configuration, fetch their key sets, and make the database's the same.
    ///
    /// Meant to run every few minutes. Keys that an issuer does not publish any more end after `--keep-for-s`.
    Sync(SyncArguments),
    /// List the issuers with their audience, tenant and keys.
    List {
        #[command(flatten)]
        admin: AdminArguments,
    },
    /// Remove an issuer and its keys.
    Remove {
        #[command(flatten)]
        admin: AdminArguments,
        /// The `iss` of its tokens.
        #[arg(long)]
        issuer: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// Refuse the tokens of one session, or all tokens of a person that were issued so far.
    ///
    /// Servers know it within two seconds. It does not keep the person from signing in again: that is the provider's.
    Revoke(RevokeArguments),
}

#[derive(Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("whose").required(true))]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// The `iss` of the tokens.
    #[arg(long)]
    pub(crate) issuer: String,
    /// The `sid` of the session.
    #[arg(long, group = "whose")]
    pub(crate) session: Option<String>,
    /// The `sub` of the person.
    #[arg(long, group = "whose")]
    pub(crate) subject: Option<String>,
    /// The person as our record names them.
    #[arg(long, group = "whose")]
    pub(crate) subject_id: Option<SubjectId>,
    /// How far the issuer's clock may be ahead: tokens that it issues in this time are refused as well.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(0..=120))]
    pub(crate) skew_s: i64,
    /// How long this has to be remembered: the longest life of a token, `authn.max_lifetime_s`, and five minutes more.
    #[arg(long, default_value_t = 86_700, value_parser = clap::value_parser!(u64).range(60..=90_000))]
    pub(crate) keep_for_s: u64,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SyncArguments {
    #[command(flatten)]
    pub(crate) admin: AdminArguments,
    /// The server's configuration, of which only `[[issuers]]` is read.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// How long a key that is not published any more is still accepted: the longest life of a token under it.
    #[arg(long, default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(crate) keep_for_s: u64,
}

/// Whose proof opens a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum IsolationProfile {
    /// The server signs with its own key.
    EnterKey,
    /// The database verifies the caller's token.
    SplitKey,
}

impl IsolationProfile {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::EnterKey => "enter-key",
            Self::SplitKey => "split-key",
        }
    }
}

/// A sealed file store: `file+sealed://` and an absolute directory, without the name of an entry.
#[derive(Clone, Debug)]
pub(crate) struct StoreLocation(pub(crate) PathBuf);

impl FromStr for StoreLocation {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "expected `file+sealed://` and an absolute directory; no other store is compiled in";
        let directory = text.strip_prefix("file+sealed://").ok_or(expected)?;
        // A reference to some entry there parses exactly if the directory is fit to be in one.
        SecretRef::sealed_file(directory.as_ref(), "entry").map_err(|_| expected)?;
        Ok(Self(directory.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sec_1_a_password_in_the_url_is_refused_without_repeating_it() {
        let arguments = [
            "ctl",
            "migrate",
            "--admin-url",
            "postgres://bearingwall_admin:hunter2@localhost/db",
        ];
        let refused = Arguments::try_parse_from(arguments).unwrap_err();
        // clap itself repeats the value it refuses, which is why the arguments are scanned before they are parsed.
        assert!(refused.use_stderr());
        let found = bearingwall_secrets::scan::scan_arguments(arguments.iter().map(|argument| (*argument).to_owned()));
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_store_is_an_absolute_directory() {
        assert!("file+sealed:///var/lib/bearingwall".parse::<StoreLocation>().is_ok());
        for bad in [
            "/var/lib",
            "file+sealed://relative",
            "file+sealed:///a#name",
            "azure-kv://vault",
        ] {
            assert!(bad.parse::<StoreLocation>().is_err(), "{bad}");
        }
    }
}
