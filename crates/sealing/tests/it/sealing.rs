//! Every event is sealed exactly once, whatever the order of commits, and writers never wait.

use crate::fixture::{ORIGIN, PLATFORM, Record, SPRUCE, key, options, seal_all, write};
use bearingwall_core::Classified as _;
use bearingwall_sealing::{SealerOptions, SealingError, SealingKey};
use bearingwall_testkit::database::Login;
use std::time::Duration;
use uuid::Uuid;

const NOT_ONCE: &str = "SELECT count(*) FROM (SELECT e.event_id FROM audit.events e LEFT JOIN audit.leaves l ON l.customer_id = e.customer_id
    AND l.event_id = e.event_id AND l.recorded_at = e.recorded_at GROUP BY e.customer_id, e.event_id, e.recorded_at HAVING count(l.event_id) <> 1) x";

#[tokio::test(flavor = "multi_thread")]
async fn aud_5_under_writers_that_commit_out_of_order_every_event_is_sealed_exactly_once() {
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    // One transaction that stays open from the first seal to the last.
    let slow = record.database.superuser_client().await;
    slow.batch_execute("BEGIN").await.unwrap();
    write(&slow, SPRUCE, 3).await;
    let mut writers = Vec::new();
    for number in 0_u128..8 {
        let client = record.database.superuser_client().await;
        writers.push(tokio::spawn(async move {
            for round in 0_u64..30 {
                client.batch_execute("BEGIN").await.unwrap();
                write(&client, Uuid::from_u128(5 + number % 3), 5).await;
                // Commits fall behind each other by different times, and every seventh is taken back.
                tokio::time::sleep(Duration::from_millis(
                    (round * 7 + u64::try_from(number).unwrap() * 5) % 23,
                ))
                .await;
                let end = if round % 7 == 6 { "ROLLBACK" } else { "COMMIT" };
                client.batch_execute(end).await.unwrap();
            }
        }));
    }
    let mut rounds = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        rounds += usize::from(sealer.seal().await.unwrap().events > 0);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    seal_all(&mut sealer).await;
    assert!(
        rounds > 4,
        "the writers were over too soon for anything to be out of order: {rounds}"
    );
    let sealed = record
        .number("SELECT count(*) FROM audit.leaves WHERE customer_id <> '00000000-0000-8000-8000-000000000001'")
        .await;
    assert_eq!(sealed, 8 * 26 * 5);
    assert_eq!(record.number(NOT_ONCE).await, 0);
    slow.batch_execute("COMMIT").await.unwrap();
    assert_eq!(record.number(NOT_ONCE).await, 3);
    assert_eq!(
        seal_all(&mut sealer)
            .await
            .iter()
            .map(|sealed| sealed.events)
            .sum::<u64>(),
        3
    );
    assert_eq!(record.number(NOT_ONCE).await, 0);
    for number in 0..3 {
        let report = record.verify(Uuid::from_u128(5 + number)).await;
        assert_eq!(report.findings, []);
        assert!(report.leaves > 250 && report.checkpoints > 3, "{report:?}");
    }
    assert_eq!(record.verify(PLATFORM).await.findings, []);
}

#[tokio::test]
async fn aud_5_one_sealer_is_at_it_and_the_next_takes_over_when_it_is_gone() {
    let record = Record::open().await;
    record.write(SPRUCE, 700).await;
    let mut first = record.sealer().await;
    let second = record.sealer_with(key(1), options()).await.unwrap();
    assert!(second.is_err(), "two sealers at once");
    let sealed = first.seal().await.unwrap();
    assert!(sealed.events >= 700 && !sealed.caught_up, "{sealed:?}");
    record.write(SPRUCE, 10).await;
    let sealed = first.seal().await.unwrap();
    assert_eq!(sealed.events, 10);
    assert!(sealed.window < Duration::from_mins(1), "{:?}", sealed.window);
    drop(first);
    record.write(SPRUCE, 390).await;
    let mut second = loop {
        if let Ok(sealer) = record.sealer_with(key(1), options()).await.unwrap() {
            break sealer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    seal_all(&mut second).await;
    let report = record.verify(SPRUCE).await;
    assert_eq!((report.leaves, report.findings), (1_100, vec![]));
    // 1,100 leaves have four full subtrees of 256.
    assert_eq!(
        record
            .number(&format!(
                "SELECT count(*) FROM audit.nodes WHERE customer_id = '{SPRUCE}'"
            ))
            .await,
        4
    );
}

#[tokio::test]
async fn aud_5_a_round_that_fails_seals_nothing_and_is_made_up_for() {
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    seal_all(&mut sealer).await;
    record.write(SPRUCE, 300).await;
    record
        .superuser
        .batch_execute("SET bearingwall.audit_ddl = 'on'; REVOKE INSERT ON audit.checkpoints FROM bearingwall_sealer")
        .await
        .unwrap();
    let failed = sealer.seal().await.unwrap_err();
    assert!(matches!(failed, SealingError::Unwritten(_)), "{failed:?}");
    assert_eq!(failed.code(), "SEA-002");
    assert_eq!(
        record
            .number(&format!(
                "SELECT count(*) FROM audit.leaves WHERE customer_id = '{SPRUCE}'"
            ))
            .await,
        0
    );
    record
        .superuser
        .batch_execute("GRANT INSERT (customer_id, tree_size, seal_id, root, frontier, note) ON audit.checkpoints TO bearingwall_sealer")
        .await
        .unwrap();
    assert_eq!(sealer.seal().await.unwrap().events, 300);
    assert_eq!(record.verify(SPRUCE).await.findings, []);
}

#[tokio::test]
async fn aud_5_another_key_or_another_name_is_refused_and_a_rotation_is_followed() {
    let record = Record::open().await;
    record.write(SPRUCE, 10).await;
    let mut sealer = record.sealer().await;
    seal_all(&mut sealer).await;
    drop(sealer);
    record.write(SPRUCE, 10).await;
    let refused = async |key, options: SealerOptions| {
        loop {
            if let Ok(mut sealer) = record
                .sealer_with(SealingKey::clone(&key), options.clone())
                .await
                .unwrap()
            {
                return sealer.seal().await.unwrap_err();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let other_key = refused(key(2), options()).await;
    assert!(matches!(other_key, SealingError::Identity { .. }), "{other_key:?}");
    let mut renamed = options();
    renamed.origin = "audit.example.org".to_owned();
    let other_name = refused(key(1), renamed).await;
    assert!(matches!(other_name, SealingError::Identity { .. }), "{other_name:?}");
    // A key that never signed these logs cannot hand them over.
    let mut stranger = options();
    stranger.previous = Some(key(3));
    let not_handed_over = refused(key(2), stranger).await;
    assert!(
        matches!(not_handed_over, SealingError::Identity { .. }),
        "{not_handed_over:?}"
    );

    let mut rotating = options();
    rotating.previous = Some(key(1));
    let mut sealer = loop {
        if let Ok(sealer) = record.sealer_with(key(2), rotating.clone()).await.unwrap() {
            break sealer;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    seal_all(&mut sealer).await;
    // From the first key, which is all that an auditor was ever given, everything verifies.
    let report = record.verify(SPRUCE).await;
    assert_eq!((report.leaves, report.findings), (20, vec![]));
    assert_eq!(
        record
            .number("SELECT count(*) FROM audit.events WHERE event_type = 'sealing.key_rotated'")
            .await,
        1
    );
    // Started again with both keys, it hands nothing over a second time.
    drop(sealer);
    let keys = record.number("SELECT count(*) FROM audit.log_keys").await;
    loop {
        if record.sealer_with(key(2), rotating.clone()).await.unwrap().is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(record.number("SELECT count(*) FROM audit.log_keys").await, keys);
    let _ = ORIGIN;
}

#[tokio::test]
async fn aud_5_after_a_restore_elsewhere_the_trees_catch_up_and_hold_nothing_twice() {
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    record.write(SPRUCE, 50).await;
    seal_all(&mut sealer).await;
    record.forge("UPDATE audit.seals SET system_id = system_id - 1").await;
    record.write(SPRUCE, 7).await;
    let sealed = sealer.seal().await.unwrap();
    assert!(sealed.caught_up);
    assert_eq!(sealed.events, 7);
    seal_all(&mut sealer).await;
    assert_eq!(record.number(NOT_ONCE).await, 0);
    assert_eq!(
        record
            .number("SELECT count(*) FROM audit.events WHERE event_type = 'sealing.caught_up'")
            .await,
        1
    );
    assert_eq!(record.verify(SPRUCE).await.findings, []);
}

#[tokio::test]
async fn aud_6_what_a_dead_server_left_open_is_ended_as_unknown_once_and_in_time() {
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    let access = Uuid::new_v4();
    let begin = |access: Uuid| {
        format!(
            "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, access_id, resource, commands)
             VALUES ('{SPRUCE}', gen_random_uuid(), '{access}', gen_random_uuid(), 'client.read', 'intended', 'success', '{access}', 'crm.client_records', '{{SELECT}}')"
        )
    };
    record.superuser.batch_execute(&begin(access)).await.unwrap();
    let ended = Uuid::new_v4();
    record.superuser.batch_execute(&begin(ended)).await.unwrap();
    record
        .superuser
        .batch_execute(&format!(
            "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome, access_id)
             SELECT customer_id, actor_id, request_id, gen_random_uuid(), event_type, 'completed', 'success', access_id FROM audit.events WHERE access_id = '{ended}'"
        ))
        .await
        .unwrap();
    seal_all(&mut sealer).await;
    assert_eq!(sealer.maintain().await.unwrap(), 0, "too early");
    record
        .forge("UPDATE audit.seals SET sealed_at = sealed_at - interval '1 hour'")
        .await;
    assert_eq!(sealer.maintain().await.unwrap(), 1);
    assert_eq!(sealer.maintain().await.unwrap(), 0);
    let unknown = format!(
        "SELECT count(*) FROM audit.events WHERE phase = 'completed' AND outcome = 'unknown' AND access_id = '{access}'"
    );
    assert_eq!(record.number(&unknown).await, 1);
    assert_eq!(
        record
            .number("SELECT count(*) FROM audit.events WHERE outcome = 'unknown'")
            .await,
        1
    );
    seal_all(&mut sealer).await;
    assert_eq!(record.verify(SPRUCE).await.leaves, 4);
}

#[tokio::test]
async fn aud_7_months_are_kept_ready_and_a_quiet_time_shows_a_sign_of_life() {
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    let name = |months: i32| {
        format!("events_' || to_char((now() AT TIME ZONE 'UTC') + make_interval(months => {months}), 'YYYYMM')")
    };
    record
        .superuser
        .batch_execute(&format!(
            "SET bearingwall.audit_ddl = 'on'; DO $d$ BEGIN FOR v IN 2..12 LOOP
             EXECUTE 'DROP TABLE audit.{}; END LOOP; END $d$",
            name(0).replace("months => 0", "months => v")
        ))
        .await
        .unwrap();
    assert_eq!(record.number("SELECT audit.months_ahead()::bigint").await, 1);
    sealer.maintain().await.unwrap();
    assert_eq!(record.number("SELECT audit.months_ahead()::bigint").await, 3);
    let alive = "SELECT count(*) FROM audit.events WHERE event_type = 'sealing.alive'";
    assert_eq!(record.number(alive).await, 1);
    sealer.maintain().await.unwrap();
    assert_eq!(record.number(alive).await, 1, "the heartbeat is a minute");
}

#[tokio::test]
async fn aud_5_the_window_is_told_to_whoever_serves() {
    let record = Record::open().await;
    let app = record.database.client(Login::App).await.unwrap();
    let window = async || -> f64 {
        app.query_one("SELECT audit.unsealed_seconds()", &[])
            .await
            .unwrap()
            .get(0)
    };
    record.write(SPRUCE, 1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(window().await >= 0.3);
    assert!(record.unsealed_for(0.2).await >= 1);
    let mut sealer = record.sealer().await;
    seal_all(&mut sealer).await;
    assert!(window().await < 0.001, "all is sealed");
    record.write(SPRUCE, 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let waiting = window().await;
    assert!((0.2..30.0).contains(&waiting), "{waiting}");
}

#[tokio::test]
async fn aud_5_an_event_under_an_id_that_is_in_the_tree_already_is_sealed_all_the_same() {
    // The writer chooses the id: under one that was sealed, an event must not slip past the trees.
    let record = Record::open().await;
    let mut sealer = record.sealer().await;
    record.write(SPRUCE, 2).await;
    seal_all(&mut sealer).await;
    let again = format!(
        "INSERT INTO audit.events (customer_id, actor_id, request_id, event_id, event_type, phase, outcome)
         SELECT customer_id, actor_id, request_id, event_id, 'chart_note.read', 'completed', 'success' FROM audit.events WHERE customer_id = '{SPRUCE}' LIMIT 1"
    );
    record.superuser.batch_execute(&again).await.unwrap();
    // Not sealed yet, and so a finding, although a leaf has its id.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(record.unsealed_for(0.2).await >= 1);
    seal_all(&mut sealer).await;
    // Twice in one round.
    for _ in 0..2 {
        record.superuser.batch_execute(&again).await.unwrap();
    }
    seal_all(&mut sealer).await;
    let leaves = format!("SELECT count(*) FROM audit.leaves WHERE customer_id = '{SPRUCE}'");
    assert_eq!(record.number(&leaves).await, 5);
    assert_eq!(record.number(NOT_ONCE).await, 0);
    assert_eq!(record.verify(SPRUCE).await.findings, []);
}
