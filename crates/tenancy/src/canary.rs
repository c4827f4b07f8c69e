//! The canary: the server's own login, in a tenant of the platform's own, looks for rows that it must not see.
//!
//! The canary's tenant owns one row of one table and nothing anywhere else. So every row of any other table that it sees is
//! another tenant's, whatever let it through: a policy that was dropped, a role that gained power, a context that was forged.

use crate::error::TenancyError;
use crate::pool::TenantPool;
use crate::tx::TenantTx;
use diesel::QueryableByName;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing of another tenant was seen.
    Held,
    /// A row of another tenant was seen.
    Breached {
        /// How: the attempt, or the table.
        attempt: String,
    },
    /// The canary did not see its own row, or could not look into a table, so that seeing no other row proves nothing.
    Blind,
}

/// Ways to another tenant's context, each followed by a look at the other canary's row.
const ATTEMPTS: [(&str, &str); 6] = [
    ("a plain look", "SELECT"),
    (
        "a changed setting",
        "SELECT pg_catalog.set_config('app.current_customer_id', '00000000-0000-8000-8000-00000000000b', true)",
    ),
    (
        "a changed setting and seal",
        "SELECT pg_catalog.set_config('app.current_customer_id', '00000000-0000-8000-8000-00000000000b', true), \
         pg_catalog.set_config('app.tenant_seal', pg_catalog.repeat('0', 64), true)",
    ),
    (
        "a forged guarded setting",
        "SELECT pg_catalog.set_config('backtrace_functions', 'bw1_0000000000008000800000000000000b_\
         00000000000080008000000000000004_00000000000080008000000000000004', true)",
    ),
    ("row security switched off", "SET LOCAL row_security = off"),
    (
        "a migration's entry",
        "SELECT tenancy.enter_migration('00000000-0000-8000-8000-00000000000b')",
    ),
];

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

#[derive(QueryableByName)]
struct Relation {
    #[diesel(sql_type = Text)]
    relation: String,
}

/// Every table with a tenant that this login may read, as SQL names it.
const READABLE: &str = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS relation
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = 'customer_id' AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
    ORDER BY 1";

const OTHERS: &str = "customer_id <> '00000000-0000-8000-8000-00000000000a'";

/// Looks for rows of other tenants, in every way that is known here.
///
/// # Errors
/// When the database cannot be asked; that is no verdict.
// CONTROL: TEN-8
pub async fn probe(pool: &TenantPool) -> Result<Verdict, TenancyError> {
    let own = count(pool, None, "SELECT count(*) AS count FROM tenancy.canaries").await?;
    // More than its own is a breach, which the attempts below name; less, or a refusal, says that nothing can be seen here.
    if own.is_none_or(|seen| seen < 1) {
        return Ok(Verdict::Blind);
    }
    for (name, statement) in ATTEMPTS {
        let seen = count(pool, Some(statement), &others("tenancy.canaries")).await?;
        if seen.is_some_and(|seen| seen > 0) {
            return Ok(Verdict::Breached {
                attempt: name.to_owned(),
            });
        }
    }
    for relation in readable(pool).await? {
        match count(pool, None, &others(&relation)).await? {
            Some(0) => {}
            Some(_) => return Ok(Verdict::Breached { attempt: relation }),
            // Nothing was tried that could be refused: a timeout or a broken table is no proof that it is closed.
            None => return Ok(Verdict::Blind),
        }
    }
    Ok(Verdict::Held)
}

/// One row is enough.
fn others(relation: &str) -> String {
    format!("SELECT count(*) AS count FROM (SELECT FROM {relation} WHERE {OTHERS} LIMIT 1) AS seen")
}

/// What a look counts, in a transaction of its own; `None` where the database refused to answer at all.
#[expect(
    clippy::disallowed_methods,
    reason = "an attack is raw SQL: fixed text, and names that the catalog quoted"
)]
async fn count(pool: &TenantPool, before: Option<&str>, look: &str) -> Result<Option<i64>, TenancyError> {
    let outcome: Result<Count, Step> = pool
        .run_canary(async |tx: &mut TenantTx<'_>| {
            if let Some(before) = before {
                diesel::sql_query(before).execute(tx).await?;
            }
            Ok(diesel::sql_query(look).get_result(tx).await?)
        })
        .await;
    match outcome {
        Ok(count) => Ok(Some(count.count)),
        // A refusal is as good as nothing seen; a connection that broke is neither.
        Err(Step::Refused) => Ok(None),
        Err(Step::Failed(error)) => Err(error),
    }
}

#[expect(clippy::disallowed_methods, reason = "a fixed question to the catalog")]
async fn readable(pool: &TenantPool) -> Result<Vec<String>, TenancyError> {
    let relations: Result<Vec<Relation>, Step> = pool
        .run_canary(async |tx: &mut TenantTx<'_>| Ok(diesel::sql_query(READABLE).load(tx).await?))
        .await;
    match relations {
        Ok(relations) => Ok(relations.into_iter().map(|row| row.relation).collect()),
        Err(Step::Refused) => Err(TenancyError::Busy),
        Err(Step::Failed(error)) => Err(error),
    }
}

enum Step {
    Refused,
    Failed(TenancyError),
}

impl From<TenancyError> for Step {
    fn from(error: TenancyError) -> Self {
        Self::Failed(error)
    }
}

impl From<DieselError> for Step {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _) => {
                Self::Failed(TenancyError::Statement(error))
            }
            DieselError::DatabaseError(..) => Self::Refused,
            error => Self::Failed(TenancyError::Statement(error)),
        }
    }
}
