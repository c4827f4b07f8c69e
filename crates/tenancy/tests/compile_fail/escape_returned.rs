//! A transaction is not an answer.

use bearingwall_core::Ctx;
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};

pub async fn work(pool: &TenantPool, ctx: &Ctx) -> Result<(), TenancyError> {
    pool.run(ctx, async |_: &mut TenantTx<'_>| Ok::<_, TenancyError>(())).await?;
    let _ = pool.run(ctx, async |tx: &mut TenantTx<'_>| Ok::<_, TenancyError>(tx)).await; //~ none lifetime
    Ok(())
}
