//! Reports over the record: to whom a client's data went, what each actor did, and all that happened in one request.

mod activity;
mod disclosures;
mod kinship;
mod tree;

pub use activity::{ActivityQuery, ActorActivity};
pub use disclosures::Disclosure;
pub use kinship::{Kin, Kinship};
pub use tree::{AccessNode, RequestTree};
