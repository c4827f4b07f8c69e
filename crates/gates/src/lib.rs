#![doc = include_str!("../README.md")]

mod canonical;
mod cipher;
mod error;
mod operation;
mod rows;
mod statements;
mod store;

pub use canonical::{Canonical, CanonicalError, INTEGER_MAX};
pub use cipher::{PayloadCipher, PayloadKeys, TenantCipher};
pub use error::GateError;
pub use operation::{Approved, DestinationName, DestinationNameError, Digest, Gated, Operation, Recourse, Ungated};
pub use rows::{GateContent, GateState, GateSummary, Requested};
pub use store::{
    Decision, PAGE_MAX, REASON_CHARS, gate_cancel, gate_decide, gate_expire, gate_pending, gate_request, gate_show,
    gate_take, machine_register, policy_tighten,
};
