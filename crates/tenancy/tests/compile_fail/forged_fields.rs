//! Private fields keep transactions and contexts from being written down as values.

use bearingwall_core::{Ctx, CtxParts, Origin};
use bearingwall_tenancy::TenantTx;
use diesel_async::AsyncPgConnection;

pub fn work<'c>(parts: CtxParts, connection: &'c AsyncPgConnection) {
    let _ = TenantTx { connection, ..loop {} }; //~ E0451 TenantTx
    let _ = Ctx { parts: parts.clone(), proof: None, origin: Origin::default(), break_glass: None }; //~ E0451 Ctx
    let _ = (parts, connection);
}
