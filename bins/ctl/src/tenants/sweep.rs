//! Transactions of the operator inside one tenant, with personal data under sweeps that stand on the record first.

use super::error::TenantError;
use super::tables::TenantTable;
use anyhow::Context as _;
use bearingwall_core::CustomerId;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Transaction};
use uuid::Uuid;

/// A sweep older than this is declared anew; the database's own limit is 30 seconds unless it was changed.
const RENEWED_AFTER: Duration = Duration::from_secs(10);

/// How often a page may outlive its sweep before that is an error.
const ATTEMPTS: usize = 3;

/// Times, bytes and numbers as text that depends on no default of the server.
const SESSION: &str =
    "SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = 'iso_8601'; SET bytea_output = 'hex';
    SET extra_float_digits = 1";

/// One piece of the operator's work on one tenant: every transaction enters that tenant, under one request.
pub(super) struct Sweep {
    client: Client,
    customer: CustomerId,
    request: Uuid,
    /// What the record calls the work.
    event: &'static str,
    commands: &'static [&'static str],
    declared: BTreeMap<String, Instant>,
}

impl Sweep {
    /// Work that the record calls `event`, with these commands on tables of the PHI class.
    pub(super) async fn begin(
        client: Client,
        customer: CustomerId,
        event: &'static str,
        commands: &'static [&'static str],
    ) -> anyhow::Result<Self> {
        client.batch_execute(SESSION).await.context("setting the session up")?;
        Ok(Self {
            client,
            customer,
            request: Uuid::now_v7(),
            event,
            commands,
            declared: BTreeMap::new(),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// A transaction inside the tenant.
    pub(super) async fn enter(&mut self) -> anyhow::Result<Transaction<'_>> {
        let transaction = self.client.transaction().await.context("beginning")?;
        transaction
            .execute(
                "SELECT tenancy.enter_migration($1, $2)",
                &[&self.customer.as_uuid(), &self.request],
            )
            .await
            .context("entering the tenant")?;
        Ok(transaction)
    }

    /// A page of rows, and the text of the place behind each.
    pub(super) async fn page(
        &mut self,
        table: &TenantTable,
        after: Option<&[String]>,
        rows: usize,
    ) -> anyhow::Result<Vec<Row>> {
        let customer = self.customer.as_uuid();
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&customer];
        parameters.extend(
            after
                .unwrap_or_default()
                .iter()
                .map(|value| value as &(dyn ToSql + Sync)),
        );
        self.covered(table, "SELECT", &table.page_sql(after.is_some(), rows), &parameters)
            .await
    }

    /// What a statement of its own reads, whose first two parameters are the tenant and the place to go on from.
    pub(super) async fn read(&mut self, table: &TenantTable, sql: &str, after: Uuid) -> anyhow::Result<Vec<Row>> {
        let customer = self.customer.as_uuid();
        self.covered(table, "SELECT", sql, &[&customer, &after]).await
    }

    pub(super) fn customer(&self) -> CustomerId {
        self.customer
    }

    /// How many rows of the tenant are in the table.
    pub(super) async fn count(&mut self, table: &TenantTable) -> anyhow::Result<u64> {
        let customer = self.customer.as_uuid();
        let rows = self.covered(table, "SELECT", &table.count_sql(), &[&customer]).await?;
        let count: i64 = rows.first().context("a count has one row")?.try_get(0)?;
        u64::try_from(count).context("a count is not negative")
    }

    /// Erases some rows of the tenant, and answers how many.
    pub(super) async fn delete(&mut self, table: &TenantTable, rows: usize) -> anyhow::Result<u64> {
        let customer = self.customer.as_uuid();
        let sql = format!(
            "WITH gone AS ({} RETURNING 1) SELECT count(*) FROM gone",
            table.delete_sql(rows)
        );
        let rows = self.covered(table, "DELETE", &sql, &[&customer]).await?;
        let count: i64 = rows.first().context("a count has one row")?.try_get(0)?;
        u64::try_from(count).context("a count is not negative")
    }

    /// Runs one statement in a transaction of its own.
    ///
    /// SECURITY: rows that no sweep covers do not exist for a statement, and it does not fail. So the transaction asks
    /// afterwards whether the sweep was good until then, and is given up if not.
    async fn covered(
        &mut self,
        table: &TenantTable,
        command: &str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> anyhow::Result<Vec<Row>> {
        for _ in 0..ATTEMPTS {
            if table.phi {
                self.declare(table).await?;
            }
            let transaction = self.enter().await?;
            let rows = transaction
                .query(sql, parameters)
                .await
                .with_context(|| format!("{command} on `{}`", table.name))?;
            let covered = !table.phi
                || transaction
                    .query_one("SELECT audit.sweep_declared($1, $2)", &[&table.name, &command])
                    .await
                    .context("asking whether the sweep is good still")?
                    .try_get(0)?;
            if covered {
                transaction.commit().await.context("committing")?;
                return Ok(rows);
            }
            transaction.rollback().await.context("rolling back")?;
            self.declared.remove(&table.name);
        }
        Err(TenantError::TooSlow {
            table: table.name.clone(),
        }
        .into())
    }

    /// Puts the sweep of a table on the record, unless that was done a moment ago.
    async fn declare(&mut self, table: &TenantTable) -> anyhow::Result<()> {
        let fresh = self.declared.get(&table.name);
        if fresh.is_some_and(|since| since.elapsed() < RENEWED_AFTER) {
            return Ok(());
        }
        let (event, commands) = (self.event, self.commands);
        let declared = Instant::now();
        let transaction = self.enter().await?;
        transaction
            .execute(
                "SELECT audit.declare_sweep($1, $2, $3)",
                &[&event, &table.name, &commands],
            )
            .await
            .with_context(|| format!("putting the sweep of `{}` on the record", table.name))?;
        transaction.commit().await.context("committing the sweep")?;
        self.declared.insert(table.name.clone(), declared);
        Ok(())
    }
}
