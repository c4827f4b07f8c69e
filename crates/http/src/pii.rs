//! Masking: what stands in a text, the text without it and back, and the policy that says what is done.

mod body;
mod policy;
mod texts;

use crate::routes::RouteTableBuilder;

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    policy::routes(texts::routes(table))
}
