//! Private fields keep transactions and contexts from being written down as values.

use bearingwall_core::{Ctx, CtxParts};
use bearingwall_tenancy::TenantTx;
use diesel_async::AsyncPgConnection;

pub fn work<'c>(parts: CtxParts, connection: &'c AsyncPgConnection) {
    let _ = TenantTx { connection, ..loop {} }; //~ E0451 TenantTx
    let _ = Ctx { parts: parts.clone(), ..loop {} }; //~ E0451 Ctx
    let _ = (parts, connection);
}
