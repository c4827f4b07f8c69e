//! The controls themselves, grouped by the crate that owns them, in the order of the layers.

mod access;
mod connectors;
mod edge;
mod effects;
mod foundations;
mod mail;
mod record;

use crate::{Clause, Control, Framework};
use std::sync::LazyLock;

const fn cite(framework: Framework, cite: &'static str) -> Clause {
    Clause { framework, cite }
}

/// Every control of the system.
pub static CATALOGUE: LazyLock<Vec<Control>> = LazyLock::new(|| {
    [
        foundations::CONTROLS,
        access::CONTROLS,
        record::CONTROLS,
        effects::CONTROLS,
        edge::CONTROLS,
        mail::CONTROLS,
        connectors::CONTROLS,
    ]
    .concat()
});
