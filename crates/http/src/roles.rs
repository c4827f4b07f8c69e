//! A tenant's own roles: sets of permissions that it names, what takes two persons to give, and what one takes away.

mod assignments;
mod changes;
mod sets;

use crate::routes::RouteTableBuilder;

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    assignments::routes(changes::routes(sets::routes(table)))
}

/// A digest as the API writes it: 64 hexadecimal digits.
fn hex(sha256: &[u8]) -> String {
    use std::fmt::Write as _;
    sha256.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
