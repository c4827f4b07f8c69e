//! The ways into a tenant: what the database verifies before it makes a context the verified one.

use crate::statement::statement;
use bearingwall_core::{Ctx, Sensitive};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, SmallInt, Text, Uuid as SqlUuid};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// How long an entry may wait to be used, in milliseconds. The database bounds it again (`tenancy.config.max_ttl_ms`).
const ENTRY_TTL_MS: i64 = 30_000;

/// The key id under which the database verifies its own tickets.
const TICKET_KID: i16 = 0;

/// What `tenancy.login` answers: the caller's token, verified for one tenant, for a minute at most.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) subject: Uuid,
    pub(crate) expiry_ms: i64,
    pub(crate) nonce: Uuid,
    pub(crate) mac: Vec<u8>,
}

/// The key that signs entries (HMAC-SHA256), shared with the database under a key id.
#[derive(Clone)]
pub struct EnterKey {
    kid: i16,
    mac: Hmac<Sha256>,
}

impl EnterKey {
    /// Takes a key of at least 32 bytes; `None` for a shorter one.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the key goes into the MAC and nowhere else")]
    pub fn new(kid: i16, key: &Sensitive<Vec<u8>>) -> Option<Self> {
        let key = key.expose();
        if key.len() < 32 {
            return None;
        }
        Hmac::new_from_slice(key).ok().map(|mac| Self { kid, mac })
    }
}

impl fmt::Debug for EnterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnterKey(kid {})", self.kid)
    }
}

/// A statement that enters a tenant and answers its region, with every field a bind parameter: literals would show in
/// `pg_stat_activity`.
pub(crate) trait Entrance: QueryFragment<Pg> + QueryId + Query<SqlType = Text> + Send + 'static {
    /// The regions that this process serves.
    fn regions(&self) -> Arc<[String]>;
}

/// The region of the platform's own tenants, which are everywhere.
const EVERYWHERE: &str = "*";

/// Whether the region that the database answered is served here: asked once more, for a database that was set up to serve
/// other regions must not decide it alone.
pub(crate) fn is_served(region: &str, served: &[String]) -> bool {
    region == EVERYWHERE || served.iter().any(|one| one == region)
}

/// One call of `tenancy.enter`: signed by this process, or with a ticket of `tenancy.login`.
#[derive(Clone)]
pub(crate) struct Entry {
    customer: Uuid,
    subject: Uuid,
    request: Uuid,
    expiry_ms: i64,
    nonce: Uuid,
    kid: i16,
    regions: Arc<[String]>,
    mac: Vec<u8>,
}

impl Entry {
    /// Signs an entry for this context, bound to one backend.
    pub(crate) fn sign(key: &EnterKey, ctx: &Ctx, regions: &Arc<[String]>, pid: i32, now_ms: i64) -> Self {
        let proof_ends_ms = i64::try_from(ctx.expires_at().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        let mut entry = Self {
            customer: ctx.customer().as_uuid(),
            subject: ctx.subject().as_uuid(),
            request: ctx.request().as_uuid(),
            expiry_ms: proof_ends_ms.min(now_ms.saturating_add(ENTRY_TTL_MS)),
            nonce: Uuid::new_v4(),
            kid: key.kid,
            regions: Arc::clone(regions),
            mac: Vec::new(),
        };
        entry.mac = entry.mac_with(key, pid);
        entry
    }

    /// An entry with a ticket, which the database signed for this subject and tenant.
    pub(crate) fn with_ticket(ticket: &Ticket, ctx: &Ctx, regions: &Arc<[String]>) -> Self {
        Self {
            customer: ctx.customer().as_uuid(),
            subject: ticket.subject,
            request: ctx.request().as_uuid(),
            expiry_ms: ticket.expiry_ms,
            nonce: ticket.nonce,
            kid: TICKET_KID,
            regions: Arc::clone(regions),
            mac: ticket.mac.clone(),
        }
    }

    /// An entry that must be refused: what a new connection is tried with first.
    pub(crate) fn forged() -> Self {
        Self {
            customer: Uuid::nil(),
            subject: Uuid::nil(),
            request: Uuid::nil(),
            expiry_ms: 0,
            nonce: Uuid::nil(),
            kid: 0,
            regions: Arc::default(),
            mac: vec![0; 32],
        }
    }

    // The layout is the one that `tenancy.enter` computes; fixed width, so that no two inputs share an encoding.
    fn mac_with(&self, key: &EnterKey, pid: i32) -> Vec<u8> {
        let mut mac = key.mac.clone();
        mac.update(b"enter.v1");
        mac.update(&self.kid.to_be_bytes());
        mac.update(self.customer.as_bytes());
        mac.update(self.subject.as_bytes());
        mac.update(self.request.as_bytes());
        mac.update(&pid.to_be_bytes());
        mac.update(&self.expiry_ms.to_be_bytes());
        mac.update(self.nonce.as_bytes());
        mac.update(&Sha256::digest(self.regions.join(",").as_bytes()));
        mac.finalize().into_bytes().to_vec()
    }
}

impl Entrance for Entry {
    fn regions(&self) -> Arc<[String]> {
        Arc::clone(&self.regions)
    }
}

impl Query for Entry {
    type SqlType = Text;
}

impl QueryId for Entry {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for Entry {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.enter(");
        out.push_bind_param::<SqlUuid, _>(&self.customer)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.subject)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.request)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, _>(&self.expiry_ms)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.nonce)?;
        out.push_sql(", ");
        out.push_bind_param::<SmallInt, _>(&self.kid)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&*self.regions)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.mac)?;
        out.push_sql(")");
        Ok(())
    }
}

/// One call of `tenancy.enter_job`: the tenant is the one of the leased row, and is not named.
pub(crate) struct JobEntry {
    pub(crate) job: Uuid,
    pub(crate) lease: Uuid,
    pub(crate) regions: Arc<[String]>,
}

impl JobEntry {
    /// An entry that must be refused: what a new connection is tried with first.
    pub(crate) fn forged() -> Self {
        Self {
            job: Uuid::nil(),
            lease: Uuid::nil(),
            regions: Arc::default(),
        }
    }
}

impl Entrance for JobEntry {
    fn regions(&self) -> Arc<[String]> {
        Arc::clone(&self.regions)
    }
}

impl Query for JobEntry {
    type SqlType = Text;
}

impl QueryId for JobEntry {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for JobEntry {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.enter_job(");
        out.push_bind_param::<SqlUuid, _>(&self.job)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.lease)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&*self.regions)?;
        out.push_sql(")");
        Ok(())
    }
}

/// One call of `tenancy.enter_located`: the tenant is the one that the key leads to, and is not named.
pub(crate) struct LocatedEntry {
    pub(crate) kind: &'static str,
    pub(crate) key: Vec<u8>,
    pub(crate) request: Uuid,
    pub(crate) regions: Arc<[String]>,
}

impl Entrance for LocatedEntry {
    fn regions(&self) -> Arc<[String]> {
        Arc::clone(&self.regions)
    }
}

impl Query for LocatedEntry {
    type SqlType = Text;
}

impl QueryId for LocatedEntry {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for LocatedEntry {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.enter_located(");
        out.push_bind_param::<Text, _>(self.kind)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.key)?;
        out.push_sql(", ");
        out.push_bind_param::<SqlUuid, _>(&self.request)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&*self.regions)?;
        out.push_sql(")");
        Ok(())
    }
}

statement!(pub(crate) EffectEntry {
    effect: Uuid => SqlUuid,
    lease: Uuid => SqlUuid,
    regions: Vec<String> => Array<Text>,
} "tenancy.enter_effect" -> Text);

/// The tenant is the one of the leased effect, and is not named.
impl EffectEntry {
    /// As [`JobEntry::forged`].
    pub(crate) fn forged() -> Self {
        Self {
            effect: Uuid::nil(),
            lease: Uuid::nil(),
            regions: Vec::new(),
        }
    }
}

impl Entrance for EffectEntry {
    fn regions(&self) -> Arc<[String]> {
        self.regions.as_slice().into()
    }
}

/// One call of `tenancy.enter_canary`, into a tenant that is nobody's.
pub(crate) struct CanaryEntry;

impl Entrance for CanaryEntry {
    fn regions(&self) -> Arc<[String]> {
        Arc::default()
    }
}

impl Query for CanaryEntry {
    type SqlType = Text;
}

impl QueryId for CanaryEntry {
    type QueryId = Self;
    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<Pg> for CanaryEntry {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> diesel::QueryResult<()> {
        out.push_sql("SELECT tenancy.enter_canary()");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearingwall_core::{CtxParts, CustomerId, PurposeOfUse, RequestId, RoleSet, SubjectId};
    use time::OffsetDateTime;

    #[expect(clippy::disallowed_methods, reason = "a test needs no token")]
    fn ctx(expires_at: OffsetDateTime) -> Ctx {
        Ctx::danger_assume_verified(CtxParts {
            subject: SubjectId::OPERATOR,
            customer: CustomerId::PLATFORM,
            roles: RoleSet::EMPTY,
            request: RequestId::from_uuid(Uuid::nil()),
            purpose: PurposeOfUse::Treatment,
            expires_at,
            route: None,
        })
    }

    fn key() -> EnterKey {
        EnterKey::new(1, &Sensitive::new(vec![7; 32])).unwrap()
    }

    #[test]
    fn short_keys_are_refused() {
        assert!(EnterKey::new(1, &Sensitive::new(vec![7; 31])).is_none());
    }

    #[test]
    fn an_entry_never_outlives_the_proof_of_identity() {
        let now = OffsetDateTime::UNIX_EPOCH;
        let entry = Entry::sign(&key(), &ctx(now + time::Duration::seconds(5)), &Arc::default(), 1, 0);
        assert_eq!(entry.expiry_ms, 5_000);
        let entry = Entry::sign(&key(), &ctx(now + time::Duration::hours(1)), &Arc::default(), 1, 0);
        assert_eq!(entry.expiry_ms, ENTRY_TTL_MS);
    }

    #[test]
    fn every_field_changes_the_mac() {
        let far = OffsetDateTime::UNIX_EPOCH + time::Duration::hours(1);
        let entry = Entry::sign(&key(), &ctx(far), &["eu-west-1".to_owned()].into(), 41, 0);
        let reference = entry.mac_with(&key(), 41);
        assert_eq!(reference, entry.mac);
        let other = Uuid::from_u128(1);
        type Change = Box<dyn Fn(&mut Entry)>;
        let changes: [Change; 7] = [
            Box::new(move |e| e.customer = other),
            Box::new(move |e| e.subject = other),
            Box::new(move |e| e.request = other),
            Box::new(|e| e.expiry_ms += 1),
            Box::new(move |e| e.nonce = other),
            Box::new(|e| e.kid += 1),
            Box::new(|e| e.regions = ["eu-west-1".to_owned(), "us-east-1".to_owned()].into()),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut changed = entry.clone();
            change(&mut changed);
            assert_ne!(changed.mac_with(&key(), 41), reference, "field {index}");
        }
        assert_ne!(entry.mac_with(&key(), 42), reference, "backend");
    }
}
