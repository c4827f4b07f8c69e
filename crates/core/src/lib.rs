#![doc = include_str!("../README.md")]

mod clock;
mod context;
mod error;
mod events;
mod held;
mod ids;
mod names;
mod role;
mod sensitive;

pub use clock::{Clock, IdGen, SystemClock, SystemIds};
pub use context::{Ctx, CtxParts, Origin, Principal, PurposeOfUse, UnknownPurpose};
pub use error::{Classified, ErrorKind};
pub use events::{EventSink, Outcome, SecretRead, SecurityEvent};
pub use held::Held;
pub use ids::{
    AssignmentId, BreakGlassId, ClientId, ConversationId, CustomerId, EffectId, EventId, GateId, IdError, InvoiceId,
    MessageId, NoteId, RequestId, RoleChangeId, RoleSetId, SubjectId,
};
pub use names::DirectoryNames;
pub use role::{Role, RoleSet, UnknownRole};
pub use sensitive::{BearerProof, Phi, Sensitive};
