//! AUT-4 and AUT-5 where they are kept: what ends, and what cannot begin any more.

use crate::fixture::Fixture;
use bearingwall_core::{RequestId, SubjectId};
use bearingwall_tenancy::TenantPool;
use bearingwall_tenancy::browser_sessions::{NewSession, SessionId};
use bearingwall_tenancy::revocations::{Of, Revocation, Revoke, Revoked};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3600);

/// One person in browsers, and the list.
struct Stage {
    _fixture: Fixture,
    pool: TenantPool,
    person: SubjectId,
    now_s: i64,
}

impl Stage {
    async fn new() -> Self {
        let fixture = Fixture::create().await;
        let pool = fixture.pool(2).await;
        Self {
            _fixture: fixture,
            pool,
            person: SubjectId::from_uuid(Uuid::now_v7()),
            now_s: OffsetDateTime::now_utc().unix_timestamp(),
        }
    }

    /// Whether a session of this person begins, by a token of `issued_s`.
    async fn begins(&self, id: SessionId, person: SubjectId, session_key: Option<Uuid>, issued_s: i64) -> bool {
        let session = NewSession {
            id,
            subject: person,
            session_key,
            issued_s,
            sealed: vec![1],
            idle: HOUR,
            absolute: HOUR,
            request: RequestId::from_uuid(Uuid::now_v7()),
            route: None,
        };
        self.pool.session_start(session).await.unwrap()
    }

    async fn goes_on(&self, id: SessionId) -> bool {
        self.pool.session_use(&id).await.unwrap().is_some()
    }

    async fn revoke(&self, what: Revoked, once: Option<Uuid>) -> bool {
        let order = Revoke {
            what,
            lasting: HOUR,
            once,
            actor: Some(self.person),
            request: RequestId::from_uuid(Uuid::now_v7()),
            route: None,
        };
        self.pool.revoke(order).await.unwrap()
    }

    async fn list(&self) -> Vec<(Of, Uuid, Option<i64>)> {
        let (_, entries) = self.pool.revocations(0).await.unwrap();
        let said = |entry: Revocation| (entry.of, entry.key, entry.not_before_s);
        entries.into_iter().map(said).collect()
    }
}

#[tokio::test]
async fn aut_4_an_entry_of_another_kind_does_not_stand_in_the_way_of_one() {
    let stage = Stage::new().await;
    let person = stage.person.as_uuid();
    // Somebody whose session has the key of a person, and a logout token with that key: neither takes the person's place.
    assert!(stage.revoke(Revoked::Session(person, None), Some(person)).await);
    assert!(stage.revoke(Revoked::Subject(stage.person, stage.now_s), None).await);
    let list = stage.list().await;
    assert_eq!(list.len(), 2, "{list:?}");
    assert!(list.contains(&(Of::Session, person, None)), "{list:?}");
    assert!(list.contains(&(Of::Subject, person, Some(stage.now_s))), "{list:?}");
    // An older order does not shorten what a later one said.
    assert!(
        stage
            .revoke(Revoked::Subject(stage.person, stage.now_s - 100), None)
            .await
    );
    assert!(stage.list().await.contains(&(Of::Subject, person, Some(stage.now_s))));
    // The logout token that was used does nothing again, and hides nothing of what it did.
    assert!(!stage.revoke(Revoked::Session(Uuid::now_v7(), None), Some(person)).await);
    assert_eq!(stage.list().await.len(), 2);
}

#[tokio::test]
async fn aut_4_with_a_session_end_the_tokens_and_browsers_of_its_person_that_name_none() {
    let stage = Stage::new().await;
    let (session, other) = (Uuid::now_v7(), Uuid::now_v7());
    let stranger = SubjectId::from_uuid(Uuid::now_v7());
    assert!(stage.begins([1; 32], stage.person, Some(session), stage.now_s).await);
    assert!(stage.begins([2; 32], stage.person, Some(other), stage.now_s).await);
    assert!(stage.begins([3; 32], stage.person, None, stage.now_s).await);
    assert!(stage.begins([4; 32], stranger, None, stage.now_s).await);
    let of_person = Some((stage.person, stage.now_s));
    assert!(stage.revoke(Revoked::Session(session, of_person), None).await);
    let list = stage.list().await;
    assert!(list.contains(&(Of::Session, session, None)), "{list:?}");
    assert!(
        list.contains(&(Of::Sessionless, stage.person.as_uuid(), Some(stage.now_s))),
        "{list:?}"
    );
    let mut on = Vec::new();
    for id in [[1; 32], [2; 32], [3; 32], [4; 32]] {
        on.push(stage.goes_on(id).await);
    }
    assert_eq!(on, [false, true, false, true]);
}

#[tokio::test]
async fn aut_4_a_person_who_is_signed_out_is_out_of_every_browser() {
    let stage = Stage::new().await;
    let stranger = SubjectId::from_uuid(Uuid::now_v7());
    // Though a browser session began after the second that is named: the provider's clock is another.
    assert!(
        stage
            .begins([1; 32], stage.person, Some(Uuid::now_v7()), stage.now_s)
            .await
    );
    assert!(stage.begins([2; 32], stage.person, None, stage.now_s).await);
    assert!(stage.begins([3; 32], stranger, None, stage.now_s).await);
    assert!(
        stage
            .revoke(Revoked::Subject(stage.person, stage.now_s - 60), None)
            .await
    );
    assert!(!stage.goes_on([1; 32]).await && !stage.goes_on([2; 32]).await);
    assert!(stage.goes_on([3; 32]).await);
}

#[tokio::test]
async fn aut_4_no_session_begins_by_a_token_that_has_ended_meanwhile() {
    let stage = Stage::new().await;
    let (session, other, now_s) = (Uuid::now_v7(), Uuid::now_v7(), stage.now_s);
    let of_person = Some((stage.person, now_s));
    assert!(stage.revoke(Revoked::Session(session, of_person), None).await);
    let stranger = SubjectId::from_uuid(Uuid::now_v7());
    for (number, (what, person, key, issued_s, begins)) in (1..).zip([
        ("the session", stage.person, Some(session), now_s + 60, false),
        ("another of the person", stage.person, Some(other), now_s, true),
        ("of the person, without a name", stage.person, None, now_s, false),
        ("later, without a name", stage.person, None, now_s + 1, true),
        ("somebody else", stranger, None, now_s, true),
    ]) {
        let id = [number; 32];
        assert_eq!(stage.begins(id, person, key, issued_s).await, begins, "{what}");
        assert_eq!(stage.goes_on(id).await, begins, "{what}");
    }
    assert!(stage.revoke(Revoked::Subject(stranger, now_s), None).await);
    assert!(!stage.begins([8; 32], stranger, Some(other), now_s).await);
    assert!(stage.begins([9; 32], stranger, Some(other), now_s + 1).await);
}
