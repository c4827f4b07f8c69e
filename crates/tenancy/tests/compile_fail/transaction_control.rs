//! A transaction offers nothing that ends it, begins another or enters another tenant.

use bearingwall_core::Ctx;
use bearingwall_tenancy::TenantTx;
use diesel_async::pooled_connection::PoolableConnection;
use diesel_async::{AsyncConnection, AsyncConnectionCore};

fn takes_connection<C: AsyncConnection>(_: &mut C) {}
fn takes_queries<C: AsyncConnectionCore>(_: &mut C) {}
fn takes_pooled<C: PoolableConnection>(_: &mut C) {}

pub async fn work(tx: &mut TenantTx<'_>, ctx: &Ctx) {
    takes_queries(tx);
    tx.commit().await; //~ E0599 no method named `commit` found
    tx.rollback().await; //~ E0599 no method named `rollback` found
    tx.transaction(async |_| Ok(())).await; //~ E0599 `transaction`
    tx.build_transaction(); //~ E0599 no method named `build_transaction` found
    tx.begin_test_transaction().await; //~ E0599 `begin_test_transaction`
    tx.test_transaction(async |_| Ok(())).await; //~ E0599 `test_transaction`
    tx.transaction_state(); //~ E0599 `transaction_state`
    tx.run(ctx, async |_| Ok(())).await; //~ E0599 no method named `run` found
    tx.enter(ctx).await; //~ E0599 no method named `enter` found
    takes_connection(tx); //~ E0277 AsyncConnection
    takes_pooled(tx); //~ E0277 PoolableConnection
    let _ = ctx;
}
