//! Sessions of people in browsers, as the database keeps them: a digest, a pseudonymous id, and ciphertext.

use crate::error::TenancyError;
use crate::pool::TenantPool;
use crate::statement::statement;
use bearingwall_core::{RequestId, SubjectId};
use diesel::sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl as _;
use std::time::Duration;
use uuid::Uuid;

/// The name of a session: SHA-256 of the random number in the browser's cookie, which is not kept.
pub type SessionId = [u8; 32];

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its name.
    pub id: SessionId,
    /// Who signed in.
    pub subject: SubjectId,
    /// The provider's session, as the deny-list knows it.
    pub session_key: Option<Uuid>,
    /// When its access token was issued (Unix time).
    pub issued_s: i64,
    /// What the provider handed out, encrypted.
    pub sealed: Vec<u8>,
    /// How long it may rest; 12 hours at the most.
    pub idle: Duration,
    /// How long it lasts in all; a day at the most.
    pub absolute: Duration,
    /// The request that signed in.
    pub request: RequestId,
    /// The route by which it came.
    pub route: Option<&'static str>,
}

/// What is kept of a session that goes on.
#[derive(Clone, Debug)]
pub struct KeptSession {
    /// What the provider handed out, encrypted.
    pub sealed: Vec<u8>,
    /// Its version.
    pub version: i32,
}

impl TenantPool {
    /// Begins a session, and puts that on the record in the same transaction. Answers whether it did: not where the session
    /// or the person is on the deny-list by now.
    ///
    /// # Errors
    /// Why the database does not do it.
    pub async fn session_start(&self, session: NewSession) -> Result<bool, TenancyError> {
        let start = Start {
            id: session.id.to_vec(),
            subject: session.subject.as_uuid(),
            session_key: session.session_key,
            issued_s: session.issued_s,
            sealed: session.sealed,
            idle_s: seconds(session.idle),
            absolute_s: seconds(session.absolute),
            request: session.request.as_uuid(),
            route: session.route,
        };
        self.platform(async |connection| start.get_result(connection).await)
            .await
    }

    /// A session that has neither rested for too long nor ended; looking counts as use.
    ///
    /// # Errors
    /// Why the database does not answer.
    pub async fn session_use(&self, id: &SessionId) -> Result<Option<KeptSession>, TenancyError> {
        let query = Use { id: id.to_vec() };
        let rows: Vec<(Vec<u8>, i32)> = self
            .platform(async |connection| query.get_results(connection).await)
            .await?;
        let kept = rows.into_iter().next();
        Ok(kept.map(|(sealed, version)| KeptSession { sealed, version }))
    }

    /// Whether the caller may renew what is sealed in this version: nobody else may meanwhile, on any server.
    ///
    /// # Errors
    /// Why the database does not answer.
    pub async fn session_claim(&self, id: &SessionId, version: i32) -> Result<bool, TenancyError> {
        let query = Claim {
            id: id.to_vec(),
            version,
        };
        self.platform(async |connection| query.get_result(connection).await)
            .await
    }

    /// Puts the next version in the place of this one; answers whether it was still there.
    ///
    /// # Errors
    /// Why the database does not do it.
    pub async fn session_renew(&self, id: &SessionId, version: i32, sealed: Vec<u8>) -> Result<bool, TenancyError> {
        let query = Renew {
            id: id.to_vec(),
            version,
            sealed,
        };
        self.platform(async |connection| query.get_result(connection).await)
            .await
    }

    /// Ends a session, and puts that on the record in the same transaction; answers whether there was one.
    ///
    /// # Errors
    /// Why the database does not do it.
    pub async fn session_end(
        &self,
        id: &SessionId,
        request: RequestId,
        route: Option<&'static str>,
    ) -> Result<bool, TenancyError> {
        let query = End {
            id: id.to_vec(),
            request: request.as_uuid(),
            route,
        };
        self.platform(async |connection| query.get_result(connection).await)
            .await
    }
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

statement!(Start {
    id: Vec<u8> => Binary,
    subject: Uuid => SqlUuid,
    session_key: Option<Uuid> => Nullable<SqlUuid>,
    issued_s: i64 => BigInt,
    sealed: Vec<u8> => Binary,
    idle_s: i32 => Integer,
    absolute_s: i32 => Integer,
    request: Uuid => SqlUuid,
    route: Option<&'static str> => Nullable<Text>,
} "tenancy.session_start" -> Bool);
statement!(Use { id: Vec<u8> => Binary } "sealed, version FROM tenancy.session_use" -> (Binary, Integer));
statement!(Claim { id: Vec<u8> => Binary, version: i32 => Integer } "tenancy.session_claim" -> Bool);
statement!(Renew { id: Vec<u8> => Binary, version: i32 => Integer, sealed: Vec<u8> => Binary } "tenancy.session_renew" -> Bool);
statement!(End {
    id: Vec<u8> => Binary,
    request: Uuid => SqlUuid,
    route: Option<&'static str> => Nullable<Text>,
} "tenancy.session_end" -> Bool);
