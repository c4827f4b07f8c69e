//! The edge as a caller meets it: what every route demands, what an error says, and what is recorded.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod assigned;
#[allow(
    dead_code,
    clippy::disallowed_methods,
    reason = "the tests of the verifier use the rest of it, and its loopback issuer lives as long as its test"
)]
#[path = "../../../authn/tests/attacks/attacks.rs"]
mod attacks;
mod browser;
mod crm;
mod documents;
mod errors;
mod fakes;
mod grants;
mod intake;
mod listening;
mod ratchet;
mod rates;
mod refusals;
mod staff;
mod subscriptions;
mod tokens;
mod webhooks;
