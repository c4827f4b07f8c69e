//! A transaction cannot be made, copied or opened up.

use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel_async::{AsyncConnection, AsyncPgConnection};

fn takes_copies<T: Clone>(_: &T) {}

pub async fn work(pool: &TenantPool, tx: &mut TenantTx<'_>, connection: &AsyncPgConnection) {
    takes_copies(pool);
    let _ = connection.cancel_token();
    takes_copies(tx); //~ E0277 Clone
    let _: TenantTx<'_> = Default::default(); //~ E0277 Default
    let _: TenantTx<'_> = connection.into(); //~ E0277 From<
    let _ = TenantTx::new(connection, loop {}, false); //~ E0624 associated function `new` is private
    let _ = TenantTx::establish("postgres://").await; //~ E0599 `establish`
    let _ = tx.connection; //~ E0616 field `connection`
    let _ = &**tx; //~ E0614 cannot be dereferenced
    let _ = tx.cancel_token(); //~ E0599 no method named `cancel_token` found
    let _: &mut AsyncPgConnection = tx; //~ E0308 mismatched types
    let _ = pool.inner; //~ E0616 field `inner`
    let _ = pool.get().await; //~ E0599 no method named `get` found
    let _ = pool.run_canary(async |_| Ok(())).await; //~ E0624 method `run_canary` is private
}
