//! Whoever can do everything in the database, and does not hold the key, is found out.

use crate::fixture::{Record, SPRUCE, key, seal_all};
use bearingwall_sealing::Finding;
use uuid::Uuid;

struct Sealed {
    record: Record,
    ids: Vec<Uuid>,
}

impl Sealed {
    async fn open() -> Self {
        let record = Record::open().await;
        let mut sealer = record.sealer().await;
        for count in [300, 20, 1] {
            record.write(SPRUCE, count).await;
            seal_all(&mut sealer).await;
        }
        let rows = record
            .superuser
            .query(
                "SELECT event_id FROM audit.leaves WHERE customer_id = $1 ORDER BY leaf_index",
                &[&SPRUCE],
            )
            .await
            .unwrap();
        let ids = rows.iter().map(|row| row.get(0)).collect();
        let sealed = Self { record, ids };
        assert_eq!(sealed.record.verify(SPRUCE).await.findings, []);
        sealed
    }

    async fn after(&self, forgery: &str) -> Vec<Finding> {
        self.record.forge(forgery).await;
        self.record.verify(SPRUCE).await.findings
    }
}

#[tokio::test]
async fn aud_5_a_changed_event_is_named_whichever_of_its_columns_it_was() {
    let sealed = Sealed::open().await;
    let columns = sealed
        .record
        .superuser
        .query(
            "SELECT a.attname::text, format_type(a.atttypid, NULL) FROM pg_attribute a WHERE a.attrelid = 'audit.events'::regclass
                AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('customer_id', 'event_id', 'recorded_at', 'wal_lsn', 'schema_version')",
            &[],
        )
        .await
        .unwrap();
    assert!(columns.len() > 30);
    for (index, row) in columns.iter().enumerate() {
        let (column, kind): (&str, &str) = (row.get(0), row.get(1));
        let other = match (column, kind) {
            ("phase", _) => "'failed'",
            ("outcome", _) => "'denied'",
            ("route", _) => "'GET /other'",
            ("db_role", _) => "'other'",
            ("service", _) => "'other/1'",
            ("commands", _) => "'{UPDATE}'",
            ("event_type", _) => "'other.event'",
            ("before_digest" | "after_digest" | "query_digest", _) => "sha256('other')",
            ("trace_id" | "salt", _) => "uuid_send(gen_random_uuid())",
            ("span_id", _) => "'\\x0102030405060708'",
            ("http_status", _) => "201",
            (_, "uuid") => "gen_random_uuid()",
            (_, "text[]") => "'{other}'",
            (_, "text") => "upper('OTHER')",
            (_, "bigint" | "integer" | "smallint") => "42",
            (_, "inet") => "'192.0.2.7'",
            (_, "xid8") => "(xid::text::bigint + 1)::text::xid8",
            (column, kind) => panic!("{column} {kind}"),
        };
        let other = if kind == "text" && other.starts_with("upper") && column != "purpose_of_use" {
            "'other'"
        } else {
            other
        };
        let id = sealed.ids[index];
        sealed
            .record
            .forge(&format!(
                "UPDATE audit.events SET {column} = {other} WHERE event_id = '{id}'"
            ))
            .await;
        let findings = sealed.record.verify(SPRUCE).await.findings;
        let expected = Finding::Changed {
            leaf_index: u64::try_from(index).unwrap(),
            event_id: id,
        };
        assert_eq!(findings.len(), index + 1, "{column}: {findings:?}");
        assert!(findings.contains(&expected), "{column}: {findings:?}");
    }
}

#[tokio::test]
async fn aud_5_a_removed_event_and_one_moved_in_time_are_named() {
    let sealed = Sealed::open().await;
    let [gone, moved] = [sealed.ids[7], sealed.ids[305]];
    let findings = sealed
        .after(&format!(
            "DELETE FROM audit.events WHERE event_id = '{gone}';
             UPDATE audit.events SET recorded_at = recorded_at - interval '1 second' WHERE event_id = '{moved}'"
        ))
        .await;
    let missing = |leaf_index, event_id| Finding::Missing { leaf_index, event_id };
    assert_eq!(findings, [missing(7, gone), missing(305, moved)]);
}

#[tokio::test]
async fn aud_5_a_forged_leaf_does_not_lead_to_the_signed_root() {
    let sealed = Sealed::open().await;
    let id = sealed.ids[303];
    // An event that is not as it was, and a leaf to match: only the signed root is left to tell.
    let findings = sealed
        .after(&format!(
            "UPDATE audit.leaves SET hash = sha256('other') WHERE event_id = '{id}'"
        ))
        .await;
    assert!(findings.contains(&Finding::Root { tree_size: 320 }), "{findings:?}");
    assert!(findings.contains(&Finding::Root { tree_size: 321 }), "{findings:?}");
    assert!(!findings.contains(&Finding::Root { tree_size: 300 }), "{findings:?}");
}

#[tokio::test]
async fn aud_5_leaves_that_are_swapped_cut_off_or_added_are_found() {
    let sealed = Sealed::open().await;
    let findings = sealed
        .after(&format!(
            "UPDATE audit.leaves SET leaf_index = 1000 WHERE customer_id = '{SPRUCE}' AND leaf_index = 4;
             UPDATE audit.leaves SET leaf_index = 4 WHERE customer_id = '{SPRUCE}' AND leaf_index = 5;
             UPDATE audit.leaves SET leaf_index = 5 WHERE customer_id = '{SPRUCE}' AND leaf_index = 1000"
        ))
        .await;
    assert_eq!(
        findings
            .iter()
            .filter(|finding| matches!(finding, Finding::Root { .. }))
            .count(),
        3,
        "{findings:?}"
    );

    let sealed = Sealed::open().await;
    let findings = sealed
        .after(&format!(
            "DELETE FROM audit.leaves WHERE customer_id = '{SPRUCE}' AND leaf_index = 320;
             DELETE FROM audit.events WHERE event_id = '{}'",
            sealed.ids[320]
        ))
        .await;
    assert_eq!(findings, [Finding::Root { tree_size: 321 }]);

    let sealed = Sealed::open().await;
    let findings = sealed
        .after(&format!(
            "DROP INDEX audit.leaves_event;
             INSERT INTO audit.leaves (customer_id, leaf_index, event_id, recorded_at, hash)
             SELECT customer_id, 321, event_id, recorded_at, hash FROM audit.leaves WHERE customer_id = '{SPRUCE}' AND leaf_index = 3"
        ))
        .await;
    assert!(
        findings.contains(&Finding::Unsigned { leaf_index: 321 }),
        "{findings:?}"
    );
    let repeated = Finding::Repeated {
        leaf_index: 321,
        event_id: sealed.ids[3],
    };
    assert!(findings.contains(&repeated), "{findings:?}");

    let sealed = Sealed::open().await;
    let findings = sealed
        .after(&format!(
            "DELETE FROM audit.leaves WHERE customer_id = '{SPRUCE}' AND leaf_index = 100"
        ))
        .await;
    assert!(
        findings.contains(&Finding::LeafMissing { leaf_index: 100 }),
        "{findings:?}"
    );
}

#[tokio::test]
async fn aud_5_checkpoints_nodes_and_keys_that_were_made_by_somebody_else_are_found() {
    let sealed = Sealed::open().await;
    let findings = sealed
        .after(&format!(
            "UPDATE audit.checkpoints SET root = sha256('other') WHERE customer_id = '{SPRUCE}' AND tree_size = 300;
             UPDATE audit.nodes SET hash = sha256('other') WHERE customer_id = '{SPRUCE}'"
        ))
        .await;
    assert!(
        findings.contains(&Finding::Signature { tree_size: 300 }),
        "{findings:?}"
    );
    assert!(findings.contains(&Finding::Node { level: 8, index: 0 }), "{findings:?}");

    // A history that is whole and signed, by another key: what a superuser without the sealer's key can make at most.
    let record = Record::open().await;
    record.write(SPRUCE, 30).await;
    let mut other = record
        .sealer_with(key(9), crate::fixture::options())
        .await
        .unwrap()
        .ok()
        .unwrap();
    seal_all(&mut other).await;
    let findings = record.verify(SPRUCE).await.findings;
    assert!(findings.contains(&Finding::Signature { tree_size: 30 }), "{findings:?}");
    let unheld = record.verify_with(SPRUCE, None).await;
    assert_eq!(unheld.findings, [], "without a key from elsewhere, nothing can be told");
}

#[tokio::test]
async fn aud_5_a_tree_that_contradicts_itself_is_not_signed_over() {
    let sealed = Sealed::open().await;
    let mut sealer = loop {
        let taken = sealed
            .record
            .sealer_with(key(1), crate::fixture::options())
            .await
            .unwrap();
        if let Ok(sealer) = taken {
            break sealer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    // Another history's state, of the same size, under the root that was signed for this one.
    sealed
        .record
        .forge(&format!(
            "UPDATE audit.checkpoints SET frontier = overlay(frontier PLACING sha256('other') FROM 9) WHERE customer_id = '{SPRUCE}'"
        ))
        .await;
    sealed.record.write(SPRUCE, 1).await;
    let refused = sealer.seal().await.unwrap_err();
    assert!(
        matches!(refused, bearingwall_sealing::SealingError::Inconsistent { .. }),
        "{refused:?}"
    );
    let leaves = format!("SELECT count(*) FROM audit.leaves WHERE customer_id = '{SPRUCE}'");
    assert_eq!(sealed.record.number(&leaves).await, 321);
}
