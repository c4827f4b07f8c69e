//! The record as its keeper and its auditor handle it: verified, exported, compared, kept and retired.

use crate::site::{block_on, connect};
use crate::tenants::{LEAVING, STAYING, Tenants};
use bearingwall_sealing::{FileWitness, Left, Sealer, SealerOptions, SealingKey};
use std::time::Duration;
use zeroize::Zeroizing;

const ORIGIN: &str = "audit.example.com";

/// Seals everything, and leaves the checkpoints with the witness, if there is one.
fn seal(tenants: &Tenants, key: &str, witness: Option<&FileWitness>) {
    let seed: [u8; 32] = tenants.site.store().fetch(key).unwrap().bytes().try_into().unwrap();
    let options = SealerOptions {
        origin: ORIGIN.to_owned(),
        previous: None,
        heartbeat: Duration::from_mins(1),
    };
    // As whoever may do what the sealer may.
    let config = tenants.site.superuser(&tenants.database);
    block_on(async {
        let key = SealingKey::from_seed(Zeroizing::new(seed));
        let mut sealer = Sealer::take_over(connect(&config).await, key, options)
            .await
            .unwrap()
            .ok()
            .unwrap();
        while sealer.seal().await.unwrap().events > 0 {}
        if let Some(witness) = witness {
            for due in sealer.due(witness.name()).await.unwrap() {
                let left = witness.leave(&due.offer).unwrap();
                assert_eq!(left, Left::Kept(None));
                sealer.answered(&due, witness.name(), &left).await.unwrap();
            }
        }
    });
}

fn public_key(tenants: &Tenants, name: &str) -> String {
    let store = tenants.site.store_option();
    let arguments = [
        "audit",
        "create-key",
        "--secrets",
        &store,
        "--name",
        name,
        "--origin",
        ORIGIN,
    ];
    let first = tenants.site.ctl(&arguments).ok();
    assert_eq!(first, tenants.site.ctl(&arguments).ok(), "made once");
    first.trim().to_owned()
}

const FORGE: &str = "SET bearingwall.audit_ddl = 'on';
    DO $d$ DECLARE v record; BEGIN FOR v IN SELECT t.tgrelid::regclass AS relation, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE c.relnamespace = 'audit'::regnamespace AND t.tgname LIKE 'append_only%'
     LOOP EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', v.relation, v.tgname); END LOOP; END $d$;";

#[test]
fn aud_5_the_record_is_verified_exported_and_compared_and_each_of_it_is_on_record() {
    let tenants = Tenants::create();
    let (site, database) = (&tenants.site, &tenants.database);
    let key = public_key(&tenants, "seal-key-record");
    let place = tempfile::tempdir().unwrap();
    let witness = FileWitness::new("vault", place.path());
    seal(&tenants, "seal-key-record", Some(&witness));
    let verified = site.admin(
        &["audit", "verify", "--key", &key, "--unsealed-after-s", "3600"],
        database,
    );
    let out = verified.ok();
    assert!(out.contains(&format!("ok    {LEAVING}: 702 events")), "{out}");
    assert!(out.ends_with("verified\n"), "{out}");

    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("export");
    let words = [
        "audit",
        "export",
        "--customer",
        LEAVING,
        "--out",
        target.to_str().unwrap(),
        "--key",
        &key,
        "--also",
        "csv",
        "--also",
        "fhir",
        "--also",
        "ocsf",
    ];
    let out = site.admin(&words, database).ok();
    assert!(out.contains("702 events of 702 leaves"), "{out}");
    // The key that it prints verifies it.
    let printed = out.split("--key '").nth(1).unwrap().trim_end_matches("'\n").to_owned();
    let trusted = bearingwall_tlog::note::VerifierKey::parse(&printed).unwrap();
    let report = bearingwall_tlog::bundle::verify(
        &target,
        &bearingwall_tlog::bundle::VerifyOptions::new(trusted),
        &mut |_| {},
    )
    .unwrap();
    assert!(report.verified, "{report:?}");
    for (ending, lines) in [("csv", 703), ("fhir.ndjson", 702), ("ocsf.ndjson", 702)] {
        let text = std::fs::read_to_string(folder.path().join(format!("export.{ending}"))).unwrap();
        assert_eq!(text.lines().count(), lines, "{ending}");
    }
    assert_ne!(site.admin(&words, database).code, 0, "nothing is written over");
    let everything = folder.path().join("all");
    let out = site
        .admin(
            &["audit", "export", "--all", "--out", everything.to_str().unwrap()],
            database,
        )
        .ok();
    assert!(everything.join(STAYING).join("manifest.json").exists(), "{out}");

    let directory = place.path().to_str().unwrap();
    let compare = ["audit", "compare", "--directory", directory, "--key", &key];
    assert!(
        site.admin(&compare, database)
            .ok()
            .contains("3 checkpoints compared, 0 wrong")
    );
    // The doctor finds the same, and what the record lacks beside.
    let doctor = |directory: &str| site.admin(&["doctor", "--witness", directory, "--log-key", &key], database);
    let healthy = doctor(directory).ok();
    for line in ["ok    record-months\n", "ok    record-sealed\n", "ok    witness\n"] {
        assert!(healthy.contains(line), "{line}: {healthy}");
    }
    let empty = doctor(folder.path().to_str().unwrap());
    assert_eq!(empty.code, 3, "{empty:?}");
    assert!(
        empty.out.contains(&format!(
            "FAIL  witness: {}: {ORIGIN}/{STAYING}: no checkpoint is kept",
            folder.path().display()
        )),
        "{empty:?}"
    );

    let recorded = site.ask(
        database,
        &format!(
            "SELECT string_agg(DISTINCT event_type || ' ' || outcome || ' ' || (customer_id = '{LEAVING}')::text, ',') FROM audit.events WHERE event_type LIKE 'audit.%'"
        ),
    );
    for expected in [
        "audit.verified success false",
        "audit.exported success true",
        "audit.read success false",
    ] {
        assert!(recorded.contains(expected), "{recorded}");
    }

    // What nobody who can log in is able to do is named, and the exit code says so.
    site.execute(
        database,
        &format!("{FORGE} DELETE FROM audit.events WHERE event_id = (SELECT event_id FROM audit.leaves WHERE customer_id = '{LEAVING}' AND leaf_index = 17)"),
    );
    let found = site.admin(
        &[
            "audit",
            "verify",
            "--key",
            &key,
            "--customer",
            LEAVING,
            "--unsealed-after-s",
            "3600",
        ],
        database,
    );
    assert_eq!(found.code, 3, "{found:?}");
    assert!(
        found.out.contains("(leaf 17) is gone") && found.out.contains("NOT VERIFIED"),
        "{found:?}"
    );
    let found = site.admin(
        &["audit", "verify", "--json", "--key", &key, "--unsealed-after-s", "3600"],
        database,
    );
    let document: serde_json::Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!((found.code, &document["verified"]), (3, &false.into()), "{document}");
    // Rewound behind the witness's back.
    site.execute(
        database,
        &format!("{FORGE} DELETE FROM audit.leaves WHERE customer_id = '{STAYING}' AND leaf_index > 3; DELETE FROM audit.checkpoints WHERE customer_id = '{STAYING}'"),
    );
    let compared = site.admin(&compare, database);
    assert_eq!(compared.code, 3, "{compared:?}");
    assert!(compared.out.contains("rewound"), "{compared:?}");
    let found = doctor(directory);
    assert_eq!(found.code, 3, "{found:?}");
    assert!(
        found.out.contains("FAIL  witness") && found.out.contains("rewound"),
        "{found:?}"
    );
}

#[test]
fn aud_5_events_that_no_sealer_takes_are_a_finding_and_a_foreign_key_is_another() {
    let tenants = Tenants::create();
    let key = public_key(&tenants, "seal-key-one");
    let other = public_key(&tenants, "seal-key-other");
    seal(&tenants, "seal-key-one", None);
    let (site, database) = (&tenants.site, &tenants.database);
    let foreign = site.admin(
        &["audit", "verify", "--key", &other, "--unsealed-after-s", "3600"],
        database,
    );
    assert_eq!(foreign.code, 3, "{foreign:?}");
    assert!(foreign.out.contains("is not signed by the log's key"), "{foreign:?}");
    std::thread::sleep(Duration::from_secs(2));
    let unsealed = site.admin(&["audit", "verify", "--key", &key, "--unsealed-after-s", "1"], database);
    assert_eq!(unsealed.code, 3, "{unsealed:?}");
    assert!(unsealed.out.contains("is the sealer running?"), "{unsealed:?}");
    let doctor = site.admin(&["doctor", "--unsealed-after-s", "1"], database);
    assert!(
        doctor.code == 3 && doctor.out.contains("FAIL  record-sealed: an event has waited"),
        "{doctor:?}"
    );
    let later = "SET bearingwall.audit_ddl = 'on';
        DO $$ DECLARE part regclass; BEGIN FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit.events'::regclass
          AND right(inhrelid::regclass::text, 6) > to_char(now() + interval '1 month', 'YYYYMM')
          LOOP EXECUTE format('ALTER TABLE audit.events DETACH PARTITION %s', part); END LOOP; END $$";
    site.execute(database, later);
    let doctor = site.admin(&["doctor"], database);
    assert!(
        doctor.code == 3 && doctor.out.contains("FAIL  record-months: 1 months beyond this one"),
        "{doctor:?}"
    );
    assert_eq!(
        site.admin(
            &["audit", "verify", "--customer", "0190d6f0-0000-7000-8000-0000000000ff"],
            database
        )
        .code,
        1
    );
}

#[test]
fn aud_7_retention_grows_holds_close_once_and_a_month_leaves_by_two_persons() {
    let tenants = Tenants::create();
    let (site, database) = (&tenants.site, &tenants.database);
    let retain = |years: &str| site.admin(&["audit", "retain", "--customer", LEAVING, "--years", years], database);
    retain("10").ok();
    assert_eq!(retain("7").code, 1, "it cannot be made shorter");
    let hold = site
        .admin(
            &["audit", "hold", "open", "--customer", LEAVING, "--reference", "CASE-7"],
            database,
        )
        .ok();
    let hold = hold.trim();

    // A month of eight years ago, with one event of the tenant that is kept for ten and one of another.
    site.execute(
        database,
        &format!(
            "SELECT audit.create_partition('2018-01-01');
             INSERT INTO audit.events (customer_id, recorded_at, actor_id, request_id, event_id, event_type, phase, outcome)
             VALUES ('{LEAVING}', '2018-01-05Z', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success'),
                    ('{STAYING}', '2018-01-06Z', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success')"
        ),
    );
    let plan = |month: &str| site.admin(&["audit", "retire", "plan", "--month", month], database);
    let refused = plan("2018-01");
    assert_eq!(refused.code, 3, "{refused:?}");
    for obstacle in ["within-a-tenants-retention", "legal-hold", "unsealed-events"] {
        assert!(refused.out.contains(obstacle), "{obstacle}: {refused:?}");
    }
    site.admin(&["audit", "hold", "close", "--hold", hold], database).ok();
    assert_eq!(
        site.admin(&["audit", "hold", "close", "--hold", hold], database).code,
        1
    );
    public_key(&tenants, "seal-key-retire");
    seal(&tenants, "seal-key-retire", None);
    assert_eq!(plan("2018-01").out, "within-a-tenants-retention\n");

    // Of eight years ago, and only of the tenant without a longer retention.
    site.execute(
        database,
        &format!(
            "SELECT audit.create_partition('2018-02-01');
             INSERT INTO audit.events (customer_id, recorded_at, actor_id, request_id, event_id, event_type, phase, outcome)
             VALUES ('{STAYING}', '2018-02-06Z', gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'client.read', 'completed', 'success')"
        ),
    );
    seal(&tenants, "seal-key-retire", None);
    plan("2018-02").ok();
    let manifest = "ab".repeat(32);
    let request = [
        "audit",
        "retire",
        "request",
        "--month",
        "2018-02",
        "--manifest",
        &manifest,
        "--token-stdin",
    ];
    assert_ne!(site.admin_told(&request, database, "no.token.atall").code, 0);
    let retirement = site.admin_told(&request, database, &tenants.token("one")).ok();
    let retirement = retirement.trim();
    let execute = ["audit", "retire", "execute", "--retirement", retirement];
    assert_ne!(site.admin(&execute, database).code, 0, "nobody has approved it");
    let approve = [
        "audit",
        "retire",
        "approve",
        "--retirement",
        retirement,
        "--manifest",
        &manifest,
        "--token-stdin",
    ];
    assert_ne!(
        site.admin_told(&approve, database, &tenants.token("one")).code,
        0,
        "the same person"
    );
    site.admin_told(&approve, database, &tenants.token("two")).ok();
    assert_eq!(site.admin(&execute, database).ok(), "1 events have left the record\n");
    assert_ne!(site.admin(&execute, database).code, 0, "once");
    // The leaf stays, and the log still verifies.
    seal(&tenants, "seal-key-retire", None);
    let out = site
        .admin(&["audit", "verify", "--unsealed-after-s", "3600"], database)
        .ok();
    assert!(out.contains("1 of retired months"), "{out}");
}
