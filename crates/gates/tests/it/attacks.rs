//! Attacks on the gate: through the functions, on the server's own connection with any SQL, as the tables' owner and as a superuser.

use crate::fixture::{
    AGENT, ANA, BO, CLEO, Email, Failure, Fixture, Mislabelled, Note, Refund, Refusal, SERVICE, STAFF, UNSEEN, ctx,
    email, refund, refused,
};
use bearingwall_core::{GateId, SubjectId};
use bearingwall_gates::{Digest, GateError, GateState, Operation as _, machine_register, policy_tighten};
use bearingwall_tenancy::TenantTx;
use bearingwall_testkit::database::Login;
use diesel_async::RunQueryDsl as _;
use std::time::Duration;
use uuid::Uuid;

fn denied(detail: &str) -> Result<usize, Refusal> {
    Err(Refusal::Detail(detail.to_owned()))
}

#[tokio::test]
async fn gat_2_neither_who_asked_nor_for_whom_nor_a_machine_approves() {
    let fixture = Fixture::create().await;
    let by_agent = fixture.request(AGENT, &email()).await;
    for (who, subject) in [
        ("agent itself", AGENT),
        ("another machine", SERVICE),
        ("platform staff", STAFF),
        ("nobody seen", UNSEEN),
    ] {
        let said = fixture.approve(subject, &by_agent).await;
        assert!(matches!(said, Err(GateError::NotAPerson)), "{who}: {said:?}");
    }
    let principal = fixture.approve(ANA, &by_agent).await;
    assert!(
        matches!(principal, Err(GateError::OwnRequest)),
        "principal: {principal:?}"
    );
    let own = fixture.request(ANA, &email()).await;
    let said = fixture.approve(ANA, &own).await;
    assert!(matches!(said, Err(GateError::OwnRequest)), "who asked: {said:?}");
    assert_eq!(fixture.state(by_agent.gate).await, "requested");
    // Whoever was not seen for two hours is not signed in.
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute(&format!(
            "SET session_replication_role = replica; ALTER TABLE tenancy.people DISABLE TRIGGER keep_row;
             UPDATE tenancy.people SET first_seen_at = now() - interval '3 hours', last_seen_at = now() - interval '3 hours' WHERE subject_id = '{BO}'"
        ))
        .await
        .unwrap();
    let gone = fixture.approve(BO, &own).await;
    assert!(matches!(gone, Err(GateError::NotAPerson)), "{gone:?}");
}

#[tokio::test]
async fn gat_2_what_is_a_machine_stays_one_and_makes_none() {
    let fixture = Fixture::create().await;
    let register = async |by: SubjectId, subject: SubjectId, principal: Option<SubjectId>| -> Result<(), Failure> {
        fixture
            .pool
            .run(&ctx(fixture.a, by), async |tx: &mut TenantTx<'_>| {
                Ok(machine_register(tx, subject, principal).await?)
            })
            .await
    };
    let another = SubjectId::from_uuid(Uuid::from_u128(0xdead));
    let by_machine = register(AGENT, another, Some(BO)).await;
    assert!(
        matches!(by_machine, Err(Failure::Gate(GateError::NotAPerson))),
        "{by_machine:?}"
    );
    let for_machine = register(BO, another, Some(SERVICE)).await;
    assert!(
        matches!(for_machine, Err(Failure::Gate(GateError::NotAPerson))),
        "{for_machine:?}"
    );
    assert!(register(BO, BO, None).await.is_err(), "oneself");
    assert!(register(BO, AGENT, Some(CLEO)).await.is_err(), "for another principal");
    let owner = fixture.owner().await;
    for sql in [
        "UPDATE tenancy.machines SET principal_id = NULL, kind = 'service'",
        "DELETE FROM tenancy.machines",
        "TRUNCATE tenancy.machines",
    ] {
        assert_eq!(refused(&owner, sql).await.0, "42501", "{sql}");
    }
}

#[tokio::test]
async fn gat_1_another_payload_than_the_one_that_was_seen_is_not_approved() {
    let fixture = Fixture::create().await;
    let (ten, thousand) = (
        fixture.request(ANA, &refund("10.00")).await,
        fixture.request(ANA, &refund("1000.00")).await,
    );
    let mixed = fixture.say((fixture.a, BO), thousand.gate, true, ten.digest).await;
    assert!(matches!(mixed, Err(GateError::OtherContent)), "{mixed:?}");
    let unseen = fixture
        .say((fixture.a, BO), thousand.gate, true, Digest::from_bytes([0; 32]))
        .await;
    assert!(matches!(unseen, Err(GateError::OtherContent)));
    fixture.approve(BO, &ten).await.unwrap();
    fixture.approve(CLEO, &ten).await.unwrap();
    // The approval of the small one carries the large one nowhere: not by its digest, not by its number, not by its kind.
    let swap = format!(
        "SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)",
        ten.gate, thousand.digest
    );
    assert_eq!(fixture.sql((fixture.a, ANA), &swap).await, denied("not-approved"));
    let early = format!(
        "SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)",
        thousand.gate, thousand.digest
    );
    assert_eq!(fixture.sql((fixture.a, ANA), &early).await, denied("not-approved"));
    let other_kind = fixture.enqueue::<Email>(ANA, ten.gate).await;
    assert!(matches!(other_kind, Err(GateError::NotApproved)), "{other_kind:?}");
    fixture.enqueue::<Refund>(ANA, ten.gate).await.unwrap();
    let replay = fixture.enqueue::<Refund>(ANA, ten.gate).await;
    assert!(matches!(replay, Err(GateError::NotApproved)), "{replay:?}");
    let replay = format!(
        "SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)",
        ten.gate, ten.digest
    );
    assert_eq!(fixture.sql((fixture.a, ANA), &replay).await, denied("not-approved"));
}

#[tokio::test]
async fn gat_1_the_database_recomputes_every_digest() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &email()).await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("BEGIN; ALTER TABLE tenancy.gate_requests DISABLE TRIGGER keep_row")
        .await
        .unwrap();
    // With the guard out of the way, the constraint still binds each part to the digest.
    for change in [
        "payload = payload || '\\x00'",
        "destination = 'mail.other'",
        "kind = 'message.sms'",
        "aggregate_id = gen_random_uuid()",
        "digest = sha256(payload)",
        "gate_id = gen_random_uuid()",
    ] {
        let (code, _) = refused(
            &superuser,
            &format!(
                "UPDATE tenancy.gate_requests SET {change} WHERE gate_id = '{}'",
                requested.gate
            ),
        )
        .await;
        assert_eq!(code, "23514", "{change}");
    }
}

#[tokio::test]
async fn gat_3_another_tenants_people_neither_see_nor_decide_nor_use_it() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &email()).await;
    let said = fixture
        .say((fixture.b, BO), requested.gate, true, requested.digest)
        .await;
    assert!(matches!(said, Err(GateError::NoSuch)), "{said:?}");
    fixture.approve(BO, &requested).await.unwrap();
    let use_it = format!(
        "SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)",
        requested.gate, requested.digest
    );
    assert_eq!(fixture.sql((fixture.b, BO), &use_it).await, denied("not-approved"));
    for sql in [
        format!(
            "SELECT 1 / (SELECT count(*) FROM tenancy.gate_approved('{}', 'message.email'))",
            requested.gate
        ),
        "SELECT 1 / (SELECT count(*) FROM tenancy.gate_list(NULL, 100))".to_owned(),
        format!("SELECT 1 / tenancy.gate_cancel('{}')::int", requested.gate),
    ] {
        let refused = fixture.sql((fixture.b, BO), &sql).await;
        assert_eq!(refused, Err(Refusal::Message("division by zero".to_owned())), "{sql}");
    }
}

#[tokio::test]
async fn gat_3_no_sql_of_the_server_reaches_a_table_of_the_gate() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &email()).await;
    for table in [
        "action_kinds",
        "machines",
        "gate_policies",
        "gate_requests",
        "gate_decisions",
        "effects",
        "effect_attempts",
        "effect_ends",
        "effect_aggregates",
        "effect_queue",
        "effect_turns",
        "effect_breakers",
        "effect_keys",
        "effect_config",
    ] {
        for sql in [
            format!("SELECT * FROM tenancy.{table}"),
            format!("INSERT INTO tenancy.{table} DEFAULT VALUES"),
            format!("DELETE FROM tenancy.{table}"),
            format!("TRUNCATE tenancy.{table}"),
        ] {
            for login in [Login::App, Login::Worker] {
                let client = fixture.database.client(login).await.unwrap();
                assert_eq!(refused(&client, &sql).await.0, "42501", "{login:?}: {sql}");
            }
        }
    }
    let worker = fixture.database.client(Login::Worker).await.unwrap();
    for call in [
        format!(
            "SELECT tenancy.gate_decide('{}', true, '\\x{}', NULL)",
            requested.gate, requested.digest
        ),
        format!(
            "SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)",
            requested.gate, requested.digest
        ),
        format!("SELECT tenancy.gate_show('{}', NULL)", requested.gate),
    ] {
        assert_eq!(refused(&worker, &call).await.0, "42501", "{call}");
    }
}

#[tokio::test]
async fn gat_3_the_owner_of_the_tables_is_held_to_the_rules() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &refund("1.00")).await;
    fixture.approve(BO, &requested).await.unwrap();
    let used = fixture.request(ANA, &email()).await;
    fixture.approve(BO, &used).await.unwrap();
    fixture.enqueue::<Email>(ANA, used.gate).await.unwrap();
    let ready = fixture.request(ANA, &email()).await;
    fixture.approve(BO, &ready).await.unwrap();
    let owner = fixture.owner().await;
    let (gate, digest) = (requested.gate, requested.digest);
    for sql in [
        format!("UPDATE tenancy.gate_requests SET state = 'approved', decided_at = now() WHERE gate_id = '{gate}'"),
        format!(
            "UPDATE tenancy.gate_requests SET state = 'consumed', decided_at = now(), ended_at = now() WHERE gate_id = '{gate}'"
        ),
        format!("UPDATE tenancy.gate_requests SET quorum = 1 WHERE gate_id = '{gate}'"),
        format!(
            "UPDATE tenancy.gate_requests SET expires_at = expires_at + interval '1 hour' WHERE gate_id = '{gate}'"
        ),
        format!(
            "UPDATE tenancy.gate_requests SET state = 'approved', ended_at = NULL WHERE gate_id = '{}'",
            used.gate
        ),
        format!("UPDATE tenancy.gate_requests SET requested_by = '{CLEO}' WHERE gate_id = '{gate}'"),
        format!(
            "UPDATE tenancy.gate_requests SET state = 'consumed', ended_at = clock_timestamp() WHERE gate_id = '{}'",
            ready.gate
        ),
        // Its own request, with one approval where the catalogue asks for two.
        format!(
            "INSERT INTO tenancy.gate_requests (customer_id, gate_id, kind, destination, payload, content_mac, key_version, digest, requested_by, requested_kind,
                                                quorum, self_ok, requested_at, expires_at, execute_within, request_id, state)
             SELECT customer_id, v.id, kind, destination, payload, content_mac, key_version,
                    sha256(convert_to(tenancy.effect_content(customer_id, v.id, kind, destination, NULL, payload), 'UTF8')), v.ids[2], 'system', 1, false,
                    clock_timestamp(), clock_timestamp() + interval '1 hour', interval '1 minute', v.ids[3], 'requested'
               FROM tenancy.gate_requests CROSS JOIN (SELECT gen_random_uuid(), tenancy.current_ids()) AS v (id, ids) WHERE gate_id = '{gate}'"
        ),
        format!("UPDATE tenancy.gate_requests SET state = 'cancelled', ended_at = clock_timestamp(), quorum = 1 WHERE gate_id = '{gate}'"),
        format!("DELETE FROM tenancy.gate_requests WHERE gate_id = '{gate}'"),
        "TRUNCATE tenancy.gate_requests CASCADE".to_owned(),
        format!(
            "INSERT INTO tenancy.gate_decisions (customer_id, gate_id, approver_id, verdict, seen_digest, decided_at)
             VALUES ('{}', '{gate}', '{CLEO}', 'approve', '\\x{digest}', now())",
            fixture.a
        ),
        "UPDATE tenancy.gate_decisions SET verdict = 'approve'".to_owned(),
        "DELETE FROM tenancy.gate_decisions".to_owned(),
        "TRUNCATE tenancy.gate_decisions".to_owned(),
        effect_of(&fixture, gate),
        "UPDATE tenancy.effects SET deliver_until = deliver_until + interval '1 day'".to_owned(),
        "DELETE FROM tenancy.effects".to_owned(),
        "TRUNCATE tenancy.effects CASCADE".to_owned(),
        "UPDATE tenancy.action_kinds SET gated = false, quorum = 0 WHERE kind = 'payment.refund'".to_owned(),
        "DELETE FROM tenancy.action_kinds".to_owned(),
    ] {
        let (code, message) = refused(&owner, &sql).await;
        assert_eq!(code, "42501", "{sql}: {message}");
    }
}

/// The effect of a request, in so many words.
fn effect_of(fixture: &Fixture, gate: GateId) -> String {
    format!(
        "INSERT INTO tenancy.effects (customer_id, effect_id, gate_id, kind, destination, aggregate_id, payload, content_mac, key_version, digest, enqueued_by,
                                      request_id, enqueued_at, deliver_until)
         SELECT customer_id, gate_id, gate_id, kind, destination, aggregate_id, payload, content_mac, key_version, digest, '{ANA}', request_id, now(), now() + interval '1 hour'
           FROM tenancy.gate_requests WHERE customer_id = '{}' AND gate_id = '{gate}'",
        fixture.a
    )
}

#[tokio::test]
async fn gat_4_a_superuser_inserts_no_effect_that_nobody_approved() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &email()).await;
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute("SET session_replication_role = replica")
        .await
        .unwrap();
    let (code, message) = refused(&superuser, &effect_of(&fixture, requested.gate)).await;
    assert_eq!((code.as_str(), message.as_str()), ("42501", "that is not approved"));
    let without = effect_of(&fixture, requested.gate).replacen(
        "SELECT customer_id, gate_id, gate_id",
        "SELECT customer_id, gate_id, NULL",
        1,
    );
    assert_eq!(refused(&superuser, &without).await.1, "that takes an approval");
    let ungated = without.replace("gate_id, NULL, kind,", "gate_id, NULL, 'webhook.deliver',");
    assert_eq!(
        refused(&superuser, &ungated).await.0,
        "23514",
        "the digest names the kind"
    );
    fixture.approve(BO, &requested).await.unwrap();
    let other = effect_of(&fixture, requested.gate).replace(" payload, content_mac, key_version, digest, '", " payload || '\\x00', content_mac, key_version,
        sha256(convert_to(tenancy.effect_content(customer_id, gate_id, kind, destination, aggregate_id, payload || '\\x00'), 'UTF8')), '");
    assert_eq!(refused(&superuser, &other).await.1, "something else was approved");
    superuser
        .batch_execute(&effect_of(&fixture, requested.gate))
        .await
        .unwrap();
}

#[tokio::test]
async fn gat_4_a_gated_kind_has_no_way_round_its_gate() {
    let fixture = Fixture::create().await;
    let enqueue = |kind: &str, payload: &str, sealed: &str| {
        format!(
            "SELECT tenancy.effect_enqueue('{}', '{kind}', 'mail.ses', NULL, {payload}, {sealed}, NULL)",
            Uuid::now_v7()
        )
    };
    let sealed = "decode(repeat('01', 32), 'hex'), 1";
    let who = (fixture.a, ANA);
    assert_eq!(
        fixture.sql(who, &enqueue("message.email", "'\\x0101'", sealed)).await,
        denied("not-approved")
    );
    assert_eq!(
        fixture.sql(who, &enqueue("no.such", "'{}'", "NULL, NULL")).await,
        denied("not-of-its-kind")
    );
    // A kind that may hold personal data is sealed, and one that may not is in clear.
    assert_eq!(
        fixture
            .sql(who, &enqueue("webhook.deliver", "'{}'", "NULL, NULL"))
            .await,
        denied("not-of-its-kind")
    );
    assert_eq!(
        fixture.sql(who, &enqueue("webhook.deliver", "'{}'", sealed)).await,
        denied("not-of-its-kind")
    );
    assert_eq!(
        fixture.sql(who, &enqueue("system.notify", "'\\x0101'", sealed)).await,
        denied("not-of-its-kind")
    );
    assert!(
        fixture
            .sql(who, &enqueue("webhook.deliver", "'\\x0101'", sealed))
            .await
            .is_ok()
    );
    assert_eq!(
        fixture
            .sql(who, &enqueue("webhook.deliver", "'\\x0101'", "NULL, NULL"))
            .await,
        denied("not-of-its-kind")
    );
    let mislabelled = fixture.try_request(ANA, &Mislabelled).await;
    assert!(matches!(mislabelled, Err(Failure::Gate(GateError::NotInCatalogue))));
    assert_eq!(
        Note { code: "up".to_owned() }.canonical().unwrap().as_bytes(),
        br#"{"code":"up"}"#
    );
}

/// Moves a request into the past, as only a superuser who takes the guards away can.
async fn age(fixture: &Fixture, gate: GateId, by: &str) {
    let superuser = fixture.database.superuser_client().await;
    superuser
        .batch_execute(&format!(
            "BEGIN; ALTER TABLE tenancy.gate_requests DISABLE TRIGGER keep_row; ALTER TABLE tenancy.gate_requests DISABLE TRIGGER record_row;
             UPDATE tenancy.gate_requests SET requested_at = requested_at - interval '{by}', expires_at = expires_at - interval '{by}',
                    decided_at = decided_at - interval '{by}' WHERE gate_id = '{gate}';
             ALTER TABLE tenancy.gate_requests ENABLE ALWAYS TRIGGER keep_row; ALTER TABLE tenancy.gate_requests ENABLE ALWAYS TRIGGER record_row; COMMIT"
        ))
        .await
        .unwrap();
}

#[tokio::test]
async fn gat_3_what_is_decided_or_used_too_late_is_not() {
    let fixture = Fixture::create().await;
    let late = fixture.request(ANA, &email()).await;
    age(&fixture, late.gate, "25 hours").await;
    let said = fixture.approve(BO, &late).await;
    assert!(matches!(said, Err(GateError::Expired)), "{said:?}");
    let stale = fixture.request(ANA, &email()).await;
    assert_eq!(fixture.approve(BO, &stale).await.unwrap(), GateState::Approved);
    age(&fixture, stale.gate, "61 minutes").await;
    let used = fixture.enqueue::<Email>(ANA, stale.gate).await;
    assert!(matches!(used, Err(GateError::NotApproved)), "{used:?}");
    let used = format!(
        "SELECT tenancy.effect_enqueue_approved('{}', '\\x{}', NULL)",
        stale.gate, stale.digest
    );
    assert_eq!(fixture.sql((fixture.a, ANA), &used).await, denied("expired"));
}

#[tokio::test]
async fn gat_5_a_tenant_asks_for_more_than_the_catalogue_and_never_for_less() {
    let fixture = Fixture::create().await;
    let set = async |subject: SubjectId, kind: &str, quorum: u8, seconds: u64| -> Result<(), Failure> {
        fixture
            .pool
            .run(&ctx(fixture.a, subject), async |tx: &mut TenantTx<'_>| {
                Ok(policy_tighten(tx, kind, quorum, Duration::from_secs(seconds)).await?)
            })
            .await
    };
    for (kind, quorum, seconds) in [
        ("payment.refund", 1, 3_600),
        ("payment.refund", 2, 90_000),
        ("message.email", 1, 172_800),
        ("system.notify", 1, 60),
    ] {
        let loosened = set(BO, kind, quorum, seconds).await;
        assert!(
            matches!(loosened, Err(Failure::Gate(GateError::Loosens))),
            "{kind}: {loosened:?}"
        );
    }
    assert!(matches!(
        set(AGENT, "message.email", 2, 3_600).await,
        Err(Failure::Gate(GateError::NotAPerson))
    ));
    set(BO, "message.email", 2, 3_600).await.unwrap();
    let requested = fixture.request(ANA, &email()).await;
    assert!(requested.expires_at < time::OffsetDateTime::now_utc() + time::Duration::minutes(61));
    assert_eq!(
        fixture.approve(BO, &requested).await.unwrap(),
        GateState::Requested,
        "two are asked for"
    );
    assert_eq!(fixture.approve(CLEO, &requested).await.unwrap(), GateState::Approved);
    let owner = fixture.owner().await;
    for sql in [
        "UPDATE tenancy.gate_policies SET quorum = 1, kind = 'payment.refund'",
        "DELETE FROM tenancy.gate_policies",
    ] {
        assert_eq!(refused(&owner, sql).await.0, "42501", "{sql}");
    }
}

#[tokio::test]
async fn gat_6_nothing_is_shown_before_its_reading_is_on_record() {
    let fixture = Fixture::create().await;
    let requested = fixture.request(ANA, &email()).await;
    let show = |access: &str| format!("SELECT tenancy.gate_show('{}', {access})", requested.gate);
    let who = (fixture.a, BO);
    let any = "gen_random_uuid()";
    assert_eq!(fixture.sql(who, &show(any)).await, denied("not-recorded"));
    assert_eq!(fixture.sql(who, &show("NULL")).await, denied("not-recorded"));
    // In the same transaction it would be gone with a rollback.
    let open = format!("tenancy.gate_open('{}')", requested.gate);
    assert_eq!(fixture.sql(who, &show(&open)).await, denied("not-recorded"));
    // Another request's reading, or that of something else, opens nothing.
    fixture.sql(who, &format!("SELECT {open}")).await.unwrap();
    let superuser = fixture.database.superuser_client().await;
    let access = "SELECT access_id FROM audit.events WHERE event_type = 'gate.read' AND phase = 'intended'";
    let access: Uuid = superuser.query_one(access, &[]).await.unwrap().get(0);
    assert_eq!(
        fixture.sql(who, &show(&format!("'{access}'"))).await,
        denied("not-recorded")
    );
    // Within one request: another access of the same, and one that is not committed although it is on the disk.
    let reader = ctx(fixture.a, BO);
    let in_request = async |statements: &[&str]| -> Result<(), Failure> {
        fixture
            .pool
            .run(&reader, async |tx: &mut TenantTx<'_>| {
                for statement in statements {
                    diesel::sql_query(*statement).execute(tx).await?;
                }
                Ok(())
            })
            .await
    };
    in_request(&[&format!("SELECT {open}")]).await.unwrap();
    assert!(in_request(&[&show(any)]).await.is_err());
    let keep = format!("SELECT set_config('test.access', {open}::text, true)");
    let uncommitted = show("current_setting('test.access')::uuid");
    // A commit of another connection brings what was written so far to the disk.
    let flush = "SELECT pg_logical_emit_message(true, 'gates', '')";
    let shown: Result<(), Failure> = fixture
        .pool
        .run(&reader, async |tx: &mut TenantTx<'_>| {
            diesel::sql_query(&keep).execute(tx).await?;
            superuser.query_one(flush, &[]).await.unwrap();
            diesel::sql_query(&uncommitted).execute(tx).await?;
            Ok(())
        })
        .await;
    assert!(shown.is_err());
}
