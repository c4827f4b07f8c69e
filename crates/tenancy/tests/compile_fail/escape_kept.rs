//! A transaction does not outlive the call that made it.

use bearingwall_core::Ctx;
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};

pub async fn work(pool: &TenantPool, ctx: &Ctx) -> Result<(), TenancyError> {
    let mut kept = None::<&mut TenantTx<'_>>;
    pool.run(ctx, async |tx: &mut TenantTx<'_>| { kept = Some(tx); Ok::<_, TenancyError>(()) }).await?; //~ none lifetime
    drop(kept.take());
    Ok(())
}
