//! The deny-list of sessions and subjects, which every server of a deployment reads and adds to.
//!
//! It belongs to no tenant: keys are digests of an issuer and what that issuer calls a session or a person.

use crate::error::TenancyError;
use crate::pool::TenantPool;
use crate::statement::statement;
use bearingwall_core::{RequestId, SubjectId};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use std::time::Duration;
use uuid::Uuid;

/// What an entry's key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// A session.
    Session,
    /// A person.
    Subject,
    /// A person, of whose tokens those end that name no session.
    Sessionless,
}

impl Of {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "session" => Some(Self::Session),
            "subject" => Some(Self::Subject),
            "sessionless" => Some(Self::Sessionless),
            _ => None,
        }
    }
}

/// One entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// What the key names.
    pub of: Of,
    /// The session's or the subject's key.
    pub key: Uuid,
    /// Tokens issued at this second (Unix time) or before are refused; all of them where there is none.
    pub not_before_s: Option<i64>,
    /// When the entry is forgotten (Unix time): no token is left by then that it concerns.
    pub until_s: i64,
}

/// Whose tokens end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Those of one session; and, of the person whose it was, those that name no session and were issued at this second
    /// (Unix time) or before.
    Session(Uuid, Option<(SubjectId, i64)>),
    /// Those of a person that were issued at this second (Unix time) or before.
    Subject(SubjectId, i64),
}

/// An order to end tokens before their time.
#[derive(Clone, Copy, Debug)]
pub struct Revoke {
    /// Whose.
    pub what: Revoked,
    /// For how long it has to be remembered: as long as a token may live.
    pub lasting: Duration,
    /// The key of the logout token that asks for it, which is taken once.
    pub once: Option<Uuid>,
    /// Who is signed out, as far as that is known.
    pub actor: Option<SubjectId>,
    /// The request that asks for it.
    pub request: RequestId,
    /// The route by which it came.
    pub route: Option<&'static str>,
}

impl TenantPool {
    /// What was added to the list after a version, and the version at which it stands. A version below the one that was
    /// asked for says that the database was restored, and that the list is to be read from 0.
    ///
    /// # Errors
    /// Why the database does not answer.
    pub async fn revocations(&self, after: i64) -> Result<(i64, Vec<Revocation>), TenancyError> {
        type Row = (Option<String>, Option<Uuid>, Option<i64>, Option<i64>, i64);
        let rows: Vec<Row> = self
            .platform(async |connection| RevocationsAfter { after }.get_results(connection).await)
            .await?;
        let stands_at = rows.iter().find(|row| row.0.is_none()).map_or(0, |row| row.4);
        let entries = rows
            .into_iter()
            .filter_map(|(of, key, not_before_s, until_s, _)| {
                Some(Revocation {
                    of: Of::from_word(&of?)?,
                    key: key?,
                    not_before_s,
                    until_s: until_s?,
                })
            })
            .collect();
        Ok((stands_at, entries))
    }

    /// Adds to the list, and puts the end of the session on the record in the same transaction. Answers whether it was
    /// done: a logout token that was used before does nothing.
    ///
    /// # Errors
    /// Why the database does not do it.
    pub async fn revoke(&self, order: Revoke) -> Result<bool, TenancyError> {
        self.platform(async |connection| RevokeOne::from(order).get_result(connection).await)
            .await
    }
}

statement!(RevocationsAfter { after: i64 => BigInt }
    "kind, key, not_before, expires_at, version FROM tenancy.revocations_after"
    -> (Nullable<Text>, Nullable<SqlUuid>, Nullable<BigInt>, Nullable<BigInt>, BigInt));
statement!(RevokeOne {
    kind: &'static str => Text,
    key: Uuid => SqlUuid,
    not_before_s: Option<i64> => Nullable<BigInt>,
    seconds: i32 => Integer,
    once: Option<Uuid> => Nullable<SqlUuid>,
    person: Option<Uuid> => Nullable<SqlUuid>,
    actor: Option<Uuid> => Nullable<SqlUuid>,
    request: Uuid => SqlUuid,
    event: &'static str => Text,
    route: Option<&'static str> => Nullable<Text>,
} "tenancy.revoke" -> Bool);

impl From<Revoke> for RevokeOne {
    fn from(order: Revoke) -> Self {
        let (kind, key, person, not_before_s) = match order.what {
            Revoked::Session(key, None) => ("session", key, None, None),
            Revoked::Session(key, Some((person, issued_s))) => ("session", key, Some(person.as_uuid()), Some(issued_s)),
            Revoked::Subject(subject, not_before_s) => ("subject", subject.as_uuid(), None, Some(not_before_s)),
        };
        Self {
            kind,
            key,
            not_before_s,
            seconds: i32::try_from(order.lasting.as_secs()).unwrap_or(i32::MAX),
            once: order.once,
            person,
            actor: order.actor.map(SubjectId::as_uuid),
            request: order.request.as_uuid(),
            event: "session.ended",
            route: order.route,
        }
    }
}
