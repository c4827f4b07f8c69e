//! The signed entry into a tenant: what the database verifies before it seals a context.

use bearingwall_core::{Ctx, Sensitive};
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, SmallInt, Text, Uuid as SqlUuid};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Uuid;

/// How long an entry may wait to be used, in milliseconds. The database bounds it again (`tenancy.config.max_ttl`).
const ENTRY_TTL_MS: i64 = 30_000;

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

/// One call of `tenancy.enter`, with every field a bind parameter: literals would show in `pg_stat_activity`.
#[derive(Clone)]
pub(crate) struct Entry {
    customer: Uuid,
    subject: Uuid,
    request: Uuid,
    expiry_ms: i64,
    nonce: Uuid,
    kid: i16,
    regions: Vec<String>,
    mac: Vec<u8>,
}

impl Entry {
    /// Signs an entry for this context, bound to one backend.
    pub(crate) fn sign(key: &EnterKey, ctx: &Ctx, regions: &[String], pid: i32, now_ms: i64) -> Self {
        let proof_ends_ms = i64::try_from(ctx.expires_at().unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        let mut entry = Self {
            customer: ctx.customer().as_uuid(),
            subject: ctx.subject().as_uuid(),
            request: ctx.request().as_uuid(),
            expiry_ms: proof_ends_ms.min(now_ms.saturating_add(ENTRY_TTL_MS)),
            nonce: Uuid::new_v4(),
            kid: key.kid,
            regions: regions.to_vec(),
            mac: Vec::new(),
        };
        entry.mac = entry.mac_with(key, pid);
        entry
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
            regions: Vec::new(),
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
        out.push_bind_param::<Array<Text>, _>(&self.regions)?;
        out.push_sql(", ");
        out.push_bind_param::<Binary, _>(&self.mac)?;
        out.push_sql(")");
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
        let entry = Entry::sign(&key(), &ctx(now + time::Duration::seconds(5)), &[], 1, 0);
        assert_eq!(entry.expiry_ms, 5_000);
        let entry = Entry::sign(&key(), &ctx(now + time::Duration::hours(1)), &[], 1, 0);
        assert_eq!(entry.expiry_ms, ENTRY_TTL_MS);
    }

    #[test]
    fn every_field_changes_the_mac() {
        let far = OffsetDateTime::UNIX_EPOCH + time::Duration::hours(1);
        let entry = Entry::sign(&key(), &ctx(far), &["eu-west-1".to_owned()], 41, 0);
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
            Box::new(|e| e.regions.push("us-east-1".to_owned())),
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut changed = entry.clone();
            change(&mut changed);
            assert_ne!(changed.mac_with(&key(), 41), reference, "field {index}");
        }
        assert_ne!(entry.mac_with(&key(), 42), reference, "backend");
    }
}
