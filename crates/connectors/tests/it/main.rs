//! What arrives and what leaves, tried from outside of the crate.

mod egress;
mod webhooks;
