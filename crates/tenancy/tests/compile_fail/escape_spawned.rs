//! A transaction does not move to a task of its own.

use bearingwall_core::Ctx;
use bearingwall_tenancy::{TenancyError, TenantPool, TenantTx};

fn spawn<F: Future<Output = ()> + Send + 'static>(_: F) {}

pub async fn work(pool: &TenantPool, ctx: &Ctx) -> Result<(), TenancyError> {
    spawn(async {});
    pool.run(ctx, async |tx: &mut TenantTx<'_>| {
        spawn(async move { drop(tx) }); //~ E0521 escapes
        Ok::<_, TenancyError>(())
    })
    .await
}
