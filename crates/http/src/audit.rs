//! A tenant's own record: its events, the proofs that it was not changed, and reports over it.

mod activity;
pub(crate) mod cursor;
mod disclosures;
mod event;
mod events;
mod proofs;
mod requests;
mod tiles;

use crate::routes::RouteTableBuilder;

pub(crate) fn routes(table: RouteTableBuilder) -> RouteTableBuilder {
    let table = events::routes(table);
    let table = proofs::routes(table);
    let table = tiles::routes(table);
    let table = disclosures::routes(table);
    let table = activity::routes(table);
    requests::routes(table)
}
