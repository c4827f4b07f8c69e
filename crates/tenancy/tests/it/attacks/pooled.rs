//! One pooled connection that serves the attacker and then tenant B: ours, or a pool that cleans nothing.

use super::arena::{A, Arena, B, Schema};
use super::attack::{Attack, Step};
use super::run::Outcome;
use super::session::{Refusal, Session};
use crate::fixture::{Answer, Failure, clients, ctx};
use bearingwall_core::CustomerId;
use bearingwall_tenancy::{TenantPool, TenantTx};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

/// The pool of each column, with a single connection.
pub(crate) enum Pooled {
    Ours(TenantPool),
    /// As drivers' pools recycle by default: the same session, and not a word in between.
    Naive {
        session: Session,
        request: tokio_postgres::Statement,
    },
}

impl Pooled {
    pub(crate) async fn of(arena: &Arena) -> Self {
        if arena.schema == Schema::Tutorial {
            let session = Session::open(&arena.config()).await;
            let request = session.prepare("SELECT id FROM crm.clients ORDER BY id").await;
            return Self::Naive { session, request };
        }
        Self::Ours(arena.pool().await)
    }

    /// B works, the attacker leaves something behind, B works again and looks for it.
    pub(crate) async fn survives(&self, arena: &Arena, attack: &Attack, find: &str) -> Outcome {
        let find = arena.fill(find, 0, 0);
        self.request(arena).await.unwrap();
        let before = self.ask(arena, &find).await.unwrap();
        let mut outcome = Outcome::new();
        if let Err(refusal) = self.leave(arena, attack).await {
            outcome.refusals.push(refusal);
        }
        let served = self.request(arena).await;
        let after = self.ask(arena, &find).await;
        outcome.transcript = vec![format!("{before:?}"), format!("{after:?}"), format!("{served:?}")];
        outcome.success = match (served, after) {
            (Ok(()), Ok(after)) if after == before => None,
            (Ok(()), Ok(_)) => Some("survives"),
            _ => Some("stops others"),
        };
        outcome
    }

    async fn leave(&self, arena: &Arena, attack: &Attack) -> Result<(), Refusal> {
        match self {
            Self::Ours(pool) => {
                let left: Result<(), Failure> = pool
                    .run(&ctx(CustomerId::from_uuid(A)), async |tx: &mut TenantTx<'_>| {
                        for step in attack.steps {
                            for sql in statements(arena, step, tx).await? {
                                diesel::sql_query(sql).execute(tx).await?;
                            }
                        }
                        Ok(())
                    })
                    .await;
                left.map_err(refusal)
            }
            Self::Naive { session, .. } => {
                begin(arena, session, A).await?;
                let outcome = async {
                    for step in attack.steps {
                        let found = match step {
                            Step::Each(sql) => session.column(&arena.fill(sql, session.pid, 0)).await?,
                            Step::Sql(sql) | Step::CopyOut(sql) | Step::AsB(sql) | Step::AsBBound(sql) => {
                                vec![arena.fill(sql, session.pid, 0)]
                            }
                        };
                        for sql in found {
                            session.run(&sql, &mut Vec::new()).await?;
                        }
                    }
                    Ok(())
                };
                let outcome = outcome.await;
                session.run("COMMIT", &mut Vec::new()).await?;
                outcome
            }
        }
    }

    /// What B always does; the driver keeps its statement prepared.
    async fn request(&self, arena: &Arena) -> Result<(), Refusal> {
        match self {
            Self::Ours(pool) => {
                let listed: Result<Vec<Uuid>, Failure> = pool
                    .run(&ctx(CustomerId::from_uuid(B)), async |tx: &mut TenantTx<'_>| {
                        Ok(clients::table.select(clients::id).order(clients::id).load(tx).await?)
                    })
                    .await;
                listed.map(drop).map_err(refusal)
            }
            Self::Naive { session, request } => {
                begin(arena, session, B).await?;
                let outcome = session.execute(request).await;
                session.run("COMMIT", &mut Vec::new()).await?;
                outcome.map(drop)
            }
        }
    }

    async fn ask(&self, arena: &Arena, find: &str) -> Result<Option<String>, Refusal> {
        match self {
            Self::Ours(pool) => {
                let answer: Result<Answer, Failure> = pool
                    .run(&ctx(CustomerId::from_uuid(B)), async |tx: &mut TenantTx<'_>| {
                        Ok(diesel::sql_query(find).get_result(tx).await?)
                    })
                    .await;
                answer.map(|answer| answer.answer).map_err(refusal)
            }
            Self::Naive { session, .. } => {
                begin(arena, session, B).await?;
                let answer = session.column(find).await;
                session.run("COMMIT", &mut Vec::new()).await?;
                answer.map(|mut answer| answer.pop())
            }
        }
    }
}

/// The attacker's statements; what it discovers first is one query in its own transaction.
async fn statements(arena: &Arena, step: &Step, tx: &mut TenantTx<'_>) -> Result<Vec<String>, Failure> {
    match step {
        Step::Each(sql) => {
            let discovery = format!("SELECT s AS answer FROM ({}) d (s)", arena.fill(sql, 0, 0));
            let found: Vec<Answer> = diesel::sql_query(discovery).load(tx).await?;
            Ok(found.into_iter().filter_map(|answer| answer.answer).collect())
        }
        Step::Sql(sql) | Step::CopyOut(sql) | Step::AsB(sql) | Step::AsBBound(sql) => Ok(vec![arena.fill(sql, 0, 0)]),
    }
}

async fn begin(arena: &Arena, session: &Session, customer: Uuid) -> Result<(), Refusal> {
    let begin = format!("BEGIN; {}", arena.entry(customer, session.pid));
    session.run(&begin, &mut Vec::new()).await
}

/// Diesel does not hand the SQLSTATE out; the server's message says it.
fn refusal(failure: Failure) -> Refusal {
    let text = format!("{failure:?}");
    let code = if text.contains("permission denied") || text.contains("not permitted") {
        "42501"
    } else if text.contains("tenant context") {
        "28000"
    } else {
        "other"
    };
    Refusal::new(code, text)
}
