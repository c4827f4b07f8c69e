#![doc = include_str!("../README.md")]

mod client;
mod crm;
mod deidentified;
mod error;
mod fingerprint;
mod import;
mod keys;
mod lookup;
pub mod masking;
mod note;
mod portable;
mod schema;
mod staff;
mod statement;
mod text;

pub use client::{Address, ClientInput, ClientQuery, ClientRecord, ClientWritten};
pub use crm::{Crm, CrmOptions, Listing, Page};
pub use deidentified::{Deidentification, Deidentified, DeidentifiedClient, DeidentifiedNote, DeidentifiedText};
pub use error::DomainError;
pub use import::{ClientImport, ImportEvent, ImportSummary, NoteImport, RowOutcome};
pub use keys::turn::{KeyTurner, KeyWork, TurnOptions, Turned};
pub use masking::{Masking, MaskingError, MaskingOptions};
pub use note::{NoteInput, NoteRecord, NoteWritten};
pub use portable::{ClientOpener, TenantOpener};
