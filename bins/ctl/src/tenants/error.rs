//! What can go wrong while a tenant is exported or erased.

use bearingwall_core::{Classified, ErrorKind};
use std::path::PathBuf;
use uuid::Uuid;

/// A failure of an export or an offboarding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantError {
    /// The folder of an export holds something.
    #[error("`{}` is not an empty folder", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The registry has no such tenant.
    #[error("there is no tenant `{name}`")]
    NoTenant {
        /// The id or slug.
        name: String,
    },
    /// A manifest cannot be used.
    #[error("`{}` is no manifest of this program: {reason}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file of an export is not what its manifest says.
    #[error("`{file}` is not the file that the manifest names: {reason}")]
    Altered {
        /// The file.
        file: String,
        /// The difference.
        reason: &'static str,
    },
    /// An export that cannot stand for all of a tenant's data.
    #[error("the export was taken while the tenant was active: suspend the tenant and export it again")]
    Moving,
    /// A sweep ended while a page was read, more than once.
    #[error("`{table}` could not be read within the time that an access may last")]
    TooSlow {
        /// The table.
        table: String,
    },
    /// Relations with a tenant column whose handling nobody has decided.
    #[error("{relations:?} have a tenant column and are no tables that this program exports or erases")]
    UnknownRelations {
        /// The relations.
        relations: Vec<String>,
    },
    /// Tables that refer to each other in a circle.
    #[error("{tables:?} refer to each other in a circle: no order of erasing them exists")]
    Circle {
        /// The tables.
        tables: Vec<String>,
    },
    /// The tenant has other rows than were exported.
    #[error("`{table}` has other rows ({found}) than the export ({exported}): export the tenant again")]
    Changed {
        /// The table.
        table: String,
        /// Rows of the export.
        exported: u64,
        /// Rows in the database.
        found: u64,
    },
    /// Transactions that may be the tenant's are open.
    #[error("transactions that were writing when this began have not ended: nothing was erased, try again")]
    Unsettled,
    /// The proof failed.
    #[error("{count} rows of the tenant remain in `{table}`")]
    Remaining {
        /// The table.
        table: String,
        /// Rows.
        count: u64,
    },
    /// Nobody confirmed.
    #[error("not confirmed: nothing was erased")]
    NotConfirmed,
    /// There is no such offboarding.
    #[error("there is no offboarding `{id}`")]
    NoOffboarding {
        /// Its id.
        id: Uuid,
    },
    /// The manifest belongs to something else.
    #[error("the manifest is not that of this tenant's offboarding")]
    OtherManifest,
}

impl Classified for TenantError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NotEmpty { .. } | Self::Manifest { .. } | Self::NotConfirmed => ErrorKind::Invalid,
            Self::NoTenant { .. } | Self::NoOffboarding { .. } => ErrorKind::NotFound,
            Self::Altered { .. }
            | Self::Moving
            | Self::UnknownRelations { .. }
            | Self::Circle { .. }
            | Self::Changed { .. }
            | Self::Unsettled
            | Self::OtherManifest => ErrorKind::Conflict,
            Self::TooSlow { .. } | Self::Remaining { .. } => ErrorKind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotEmpty { .. } => "CTL-001",
            Self::NoTenant { .. } => "CTL-002",
            Self::Manifest { .. } => "CTL-003",
            Self::Altered { .. } => "CTL-004",
            Self::Moving => "CTL-005",
            Self::TooSlow { .. } => "CTL-006",
            Self::UnknownRelations { .. } => "CTL-007",
            Self::Circle { .. } => "CTL-008",
            Self::Changed { .. } => "CTL-009",
            Self::Remaining { .. } => "CTL-010",
            Self::NotConfirmed => "CTL-011",
            Self::NoOffboarding { .. } => "CTL-012",
            Self::OtherManifest => "CTL-013",
            Self::Unsettled => "CTL-014",
        }
    }
}
