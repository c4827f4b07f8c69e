#![doc = include_str!("../README.md")]

mod arrivals;
mod client;
mod crm;
mod deidentified;
mod error;
mod fingerprint;
mod import;
mod invoice;
mod keys;
mod lookup;
pub mod masking;
mod message;
mod note;
mod portable;
mod schema;
mod staff;
mod statement;
mod text;

pub use arrivals::CrmArrivals;
pub use client::{Address, ClientInput, ClientQuery, ClientRecord, ClientWritten};
pub use crm::{Crm, CrmOptions, Listing, Page};
pub use deidentified::{Deidentification, Deidentified, DeidentifiedClient, DeidentifiedNote, DeidentifiedText};
pub use error::DomainError;
pub use import::{ClientImport, ImportEvent, ImportSummary, NoteImport, RowOutcome};
pub use invoice::{InvoiceInput, InvoiceLine, InvoiceRecord, InvoiceState, InvoiceWritten, PaymentRecord};
pub use keys::turn::{KeyTurner, KeyWork, TurnOptions, Turned};
pub use masking::{Masking, MaskingError, MaskingOptions};
pub use message::{MessageContent, MessageRecord, UnmatchedMessage};
pub use note::{NoteInput, NoteRecord, NoteWritten};
pub use portable::{ClientOpener, TenantOpener};
