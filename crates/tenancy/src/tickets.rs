//! Tickets of the split-key profile: what the database minted for a caller's token, for as long as it is good.

use crate::entry::Ticket;
use crate::error::TenancyError;
use crate::session::Session;
use bearingwall_core::{BearerProof, Ctx};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Binary, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A ticket with less time left is not used: it might end on its way.
const MARGIN_MS: i64 = 2_000;
/// The longest that the database mints a ticket for.
const LONGEST_MS: i64 = 60_000;
/// Tickets that are kept at the most; each stands for one token in one tenant within one minute.
const KEPT: usize = 10_000;

/// By SHA-256 of token and tenant, so that no token is kept.
#[derive(Default)]
pub(crate) struct Tickets {
    kept: Mutex<HashMap<[u8; 32], Kept>>,
}

struct Kept {
    ticket: Ticket,
    until: Instant,
}

impl Tickets {
    /// The ticket of this context's token for its tenant: a kept one, or one that the database mints now, which costs it
    /// a verification of the token's signature and this caller one round trip.
    // CONTROL: TEN-7
    pub(crate) async fn ticket(&self, ctx: &Ctx, session: &Session, now_ms: i64) -> Result<Ticket, TenancyError> {
        let proof = ctx.proof().ok_or(TenancyError::NoProof)?;
        let customer = ctx.customer().as_uuid();
        let name = name(proof, customer);
        let asked = Instant::now();
        let kept = match self.lock().get(&name) {
            Some(kept) if kept.until > asked => Some(kept.ticket.clone()),
            _ => None,
        };
        let ticket = match kept {
            Some(ticket) => ticket,
            None => {
                let ticket = mint(proof, customer, session).await?;
                self.keep(name, ticket.clone(), asked, usable(ticket.expiry_ms, now_ms));
                ticket
            }
        };
        // Both sides derive it from the same token; where they differ, one of them is not what it should be.
        if ticket.subject == ctx.subject().as_uuid() {
            Ok(ticket)
        } else {
            Err(TenancyError::ForeignProof)
        }
    }

    fn keep(&self, name: [u8; 32], ticket: Ticket, now: Instant, usable: Duration) {
        let mut kept = self.lock();
        if kept.len() >= KEPT {
            kept.retain(|_, kept| kept.until > now);
        }
        if kept.len() < KEPT {
            let until = now + usable;
            kept.insert(name, Kept { ticket, until });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long after it was asked for a ticket may be used. It ends by the database's clock, which may not agree with this one:
/// never longer than the database mints it for, counted by a clock that nobody sets.
fn usable(expiry_ms: i64, now_ms: i64) -> Duration {
    let left_ms = expiry_ms.saturating_sub(now_ms).min(LONGEST_MS) - MARGIN_MS;
    Duration::from_millis(u64::try_from(left_ms).unwrap_or(0))
}

async fn mint(proof: &BearerProof, customer: Uuid, session: &Session) -> Result<Ticket, TenancyError> {
    let login = Login { proof, customer };
    let minted: (Uuid, i64, Uuid, Vec<u8>) = session
        .outside(async |connection| login.get_result(connection).await)
        .await
        .map_err(|error| match error {
            TenancyError::Statement(DieselError::DatabaseError(_, information))
                if information.message() == "tenant token rejected" =>
            {
                TenancyError::ProofRejected
            }
            error => error,
        })?;
    let (subject, expiry_ms, nonce, mac) = minted;
    Ok(Ticket {
        subject,
        expiry_ms,
        nonce,
        mac,
    })
}

#[expect(clippy::disallowed_methods, reason = "the token is hashed and not kept")]
fn name(proof: &BearerProof, customer: Uuid) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(customer.as_bytes());
    hash.update(proof.expose().as_bytes());
    hash.finalize().into()
}

/// One call of `tenancy.login`.
struct Login<'p> {
    proof: &'p BearerProof,
    customer: Uuid,
}

impl QueryId for Login<'_> {
    type QueryId = Login<'static>;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl Query for Login<'_> {
    type SqlType = (SqlUuid, BigInt, SqlUuid, Binary);
}

impl QueryFragment<Pg> for Login<'_> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the database verifies the token, as a bind parameter and not as text"
    )]
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT subject, expiry_ms, nonce, mac FROM tenancy.login(");
        out.push_bind_param::<Text, _>(self.proof.expose())?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.customer)?;
        out.push_sql(")");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(expiry_ms: i64) -> Ticket {
        Ticket {
            subject: Uuid::nil(),
            expiry_ms,
            nonce: Uuid::nil(),
            mac: Vec::new(),
        }
    }

    #[test]
    fn a_ticket_belongs_to_one_token_and_one_tenant() {
        let (one, other) = (BearerProof::new("a".to_owned()), BearerProof::new("b".to_owned()));
        let names = [
            name(&one, Uuid::nil()),
            name(&other, Uuid::nil()),
            name(&one, Uuid::max()),
        ];
        assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2]);
    }

    #[test]
    fn tickets_that_are_kept_are_bounded_and_expired_ones_make_room() {
        let (tickets, now, minute) = (Tickets::default(), Instant::now(), Duration::from_secs(60));
        for index in 0..KEPT + 10 {
            let mut name = [0; 32];
            name[..8].copy_from_slice(&index.to_be_bytes());
            tickets.keep(name, ticket(100), now, minute);
        }
        assert_eq!(tickets.lock().len(), KEPT);
        tickets.keep([255; 32], ticket(300), now + minute, minute);
        assert_eq!(tickets.lock().len(), 1);
    }

    #[test]
    fn a_ticket_is_not_used_past_its_end_whatever_the_two_clocks_say() {
        let after_mint = |ahead_ms: i64| usable(1_000_000 + 60_000, 1_000_000 + ahead_ms);
        assert_eq!(after_mint(0), Duration::from_secs(58));
        assert_eq!(
            after_mint(-5_000),
            Duration::from_secs(58),
            "the server's clock is behind"
        );
        assert_eq!(
            after_mint(5_000),
            Duration::from_secs(53),
            "the server's clock is ahead"
        );
        assert_eq!(after_mint(120_000), Duration::ZERO);
    }
}
