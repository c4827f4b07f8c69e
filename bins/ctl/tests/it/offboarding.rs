//! A tenant is suspended, handed out whole, and erased to the last row, or not at all.

use crate::site::{Site, block_on, connect, own_site, site};
use crate::tenants::{CLIENTS, LEAVING, STAYING, Tenants};
use bearingwall_core::CustomerId;
use bearingwall_secrets::{Aad, DataKey, FileKeyStore, KeyStore as _};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use uuid::Uuid;

/// Tables in which the tenant of these tests has no rows.
const NEVER_FILLED: [&str; 15] = [
    "connectors.destinations",
    "connectors.endpoint_secrets",
    "connectors.endpoints",
    "connectors.events",
    "connectors.http_endpoints",
    "connectors.subscription_secrets",
    "connectors.subscriptions",
    "crm.index_keys",
    "crm.invoice_records",
    "crm.invoices",
    "crm.key_stores",
    "crm.messages",
    "crm.payments",
    "crm.sms_consents",
    "crm.unmatched_messages",
];

/// Tables whose rows about a tenant outlive it.
const KEPT: [&str; 16] = [
    "audit.events",
    "tenancy.break_glass",
    "tenancy.customers",
    "tenancy.effect_aggregates",
    "tenancy.effect_attempts",
    "tenancy.effect_ends",
    "tenancy.effects",
    "tenancy.gate_decisions",
    "tenancy.gate_policies",
    "tenancy.gate_requests",
    "tenancy.machines",
    "tenancy.offboardings",
    "tenancy.people",
    "tenancy.role_assignments",
    "tenancy.role_changes",
    "tenancy.role_sets",
];

fn manifest(folder: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

fn sha256(path: &Path) -> String {
    Sha256::digest(std::fs::read(path).unwrap())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn ten_9_the_tool_suspends_and_resumes_and_both_stand_on_the_record() {
    let tenants = Tenants::create();
    assert!(
        tenants
            .tenant(&["suspend", "--slug", "saltmarsh"])
            .ok()
            .contains("suspended:")
    );
    assert!(tenants.tenant(&["suspend", "--id", LEAVING]).ok().contains("already"));
    let list = tenants.tenant(&["list"]).ok();
    assert!(
        list.contains(&format!("{LEAVING}  saltmarsh  us-east  suspended  A Spa")),
        "{list}"
    );
    assert!(
        list.contains(&format!("{STAYING}  juniper  us-east  active  A Spa")),
        "{list}"
    );
    assert!(
        tenants
            .tenant(&["resume", "--slug", "saltmarsh"])
            .ok()
            .contains("active again")
    );
    let recorded = tenants.site.ask(
        &tenants.database,
        &format!(
            "SELECT string_agg(event_type, ',' ORDER BY recorded_at) FROM audit.events WHERE resource_id = '{LEAVING}'"
        ),
    );
    assert_eq!(recorded, "tenant.created,tenant.suspended,tenant.resumed");
    for words in [
        &["suspend", "--slug", "nobody"][..],
        &["resume", "--id", "0190d6f0-0000-7000-8000-00000000000f"],
        &["suspend", "--slug", "platform"],
        &["suspend", "--id", "00000000-0000-8000-8000-000000000001"],
    ] {
        let refused = tenants.tenant(words);
        assert!(
            refused.code >= 2 && refused.err.contains("bearingwall-ctl"),
            "{words:?} {refused:?}"
        );
    }
    assert_eq!(tenants.tenant(&["suspend"]).code, 2, "neither id nor slug");
}

#[test]
fn ten_9_an_export_holds_every_row_of_the_tenant_and_none_of_another() {
    let tenants = Tenants::create();
    tenants.tenant(&["suspend", "--id", LEAVING]).ok();
    let counts = tenants.counts(LEAVING);
    let out = tenants.path("export");
    let exported = tenants.tenant(&["export", "--slug", "saltmarsh", "--out", out.to_str().unwrap()]);
    assert!(exported.err.contains("crm.client_records: 1203 rows"), "{exported:?}");
    assert_eq!(exported.ok().trim(), sha256(&out.join("manifest.json")));

    let manifest = manifest(&out);
    assert_eq!(manifest["tenant"], LEAVING);
    assert!(manifest["suspended_at"].is_string());
    let files = manifest["files"].as_array().unwrap();
    let rows = |table: &str| {
        let mut entries = files.iter().filter(|entry| entry["table"] == table);
        entries.next().map_or(0, |entry| entry["rows"].as_u64().unwrap())
    };
    for (table, count) in &counts {
        assert_eq!(rows(table), *count, "{table}");
    }
    assert_eq!(counts["crm.client_digests"], u64::from(CLIENTS) * 2, "the control");
    assert_eq!(counts["crm.staff_digests"], 7);

    assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in files {
        let path = out.join(entry["file"].as_str().unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(entry["sha256"], sha256(&path));
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(row["customer_id"], LEAVING, "{path:?}");
        }
    }
    let payload = format!("\"payload\":\"{}\"", "/v7+".repeat(30));
    let records = std::fs::read_to_string(out.join("crm.client_records.jsonl")).unwrap();
    assert!(
        records.lines().all(|line| line.contains(&payload)),
        "{:?}",
        records.lines().next()
    );
    let operation = format!(
        "SELECT outcome_code FROM audit.events WHERE event_type = 'tenant.exported' AND resource_id = '{LEAVING}'"
    );
    assert_eq!(
        tenants.site.ask(&tenants.database, &operation),
        sha256(&out.join("manifest.json"))
    );

    // The same rows are the same bytes, whenever they are exported.
    let again = tenants.export("again");
    for table in counts.keys().filter(|table| table.starts_with("crm.")) {
        let file = format!("{table}.jsonl");
        assert_eq!(sha256(&out.join(&file)), sha256(&again.join(&file)), "{table}");
    }
    let refused = tenants.tenant(&["export", "--id", LEAVING, "--out", out.to_str().unwrap()]);
    assert!(refused.code == 2 && refused.err.contains("CTL-001"), "{refused:?}");
}

#[test]
fn ten_9_an_export_refuses_relations_that_nobody_has_thought_about() {
    let tenants = Tenants::create();
    tenants.site.execute(
        &tenants.database,
        "CREATE MATERIALIZED VIEW crm.report AS SELECT customer_id, count(*) FROM crm.clients GROUP BY 1",
    );
    let out = tenants.path("export");
    let refused = tenants.tenant(&["export", "--id", LEAVING, "--out", out.to_str().unwrap()]);
    assert!(
        refused.code == 3 && refused.err.contains("CTL-007") && refused.err.contains("crm.report"),
        "{refused:?}"
    );
}

#[test]
fn ten_9_an_altered_or_unfit_export_is_no_ground_for_an_erasure() {
    let tenants = Tenants::create();
    let moving = tenants.export("moving");
    let refused = tenants.request(&moving, "ines");
    assert!(refused.code == 3 && refused.err.contains("CTL-005"), "{refused:?}");

    tenants.tenant(&["suspend", "--id", LEAVING]).ok();
    let folder = tenants.export("export");
    let file = folder.join("crm.client_records.jsonl");
    let whole = std::fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    flipped[200] ^= 1;
    for altered in [flipped, whole[..whole.len() - 1].to_vec(), Vec::new()] {
        std::fs::write(&file, altered).unwrap();
        let refused = tenants.request(&folder, "ines");
        assert!(refused.code == 3 && refused.err.contains("CTL-004"), "{refused:?}");
        assert!(refused.err.contains("crm.client_records.jsonl"), "{refused:?}");
    }
    std::fs::remove_file(&file).unwrap();
    let refused = tenants.request(&folder, "ines");
    assert!(refused.code == 3 && refused.err.contains("missing"), "{refused:?}");
    std::fs::write(&file, whole).unwrap();
    let id = tenants.request(&folder, "ines").ok().trim().to_owned();

    let itself = tenants.approve(&id, &folder, "ines");
    assert!(
        itself.code == 3 && itself.err.contains("MIG-009") && itself.err.contains("nobody approves"),
        "{itself:?}"
    );
    let other = tenants.export("other");
    let other_manifest = tenants.approve(&id, &other, "omar");
    assert!(
        other_manifest.code == 3 && other_manifest.err.contains("another manifest"),
        "{other_manifest:?}"
    );
    let early = tenants.execute(&id, &folder, &["--yes"]);
    assert!(early.code == 3 && early.err.contains("not approved"), "{early:?}");
    tenants.approve(&id, &folder, "omar").ok();

    let unconfirmed = tenants.execute(&id, &folder, &[]);
    assert!(
        unconfirmed.code == 2 && unconfirmed.err.contains("CTL-011"),
        "{unconfirmed:?}"
    );
    let wrong = tenants.execute(&id, &other, &["--yes"]);
    assert!(wrong.code == 3 && wrong.err.contains("CTL-013"), "{wrong:?}");
    let more = format!("INSERT INTO crm.clients (customer_id, id) VALUES ('{LEAVING}', gen_random_uuid())");
    tenants.site.execute(&tenants.database, &more);
    let changed = tenants.execute(&id, &folder, &["--yes"]);
    assert!(changed.code == 3 && changed.err.contains("CTL-009"), "{changed:?}");
    assert_eq!(
        tenants.counts(LEAVING)["crm.client_keys"],
        u64::from(CLIENTS),
        "nothing was erased"
    );
}

#[test]
fn ten_9_what_is_committed_after_the_export_is_not_erased_unseen() {
    let tenants = Tenants::create_on(own_site());
    let config = tenants.site.superuser(&tenants.database);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let late = runtime.block_on(connect(&config));
    let say = |sql: &str| runtime.block_on(late.batch_execute(sql)).unwrap();
    // An erasure that does not look for it would wait for its lock for ever.
    say("SET idle_in_transaction_session_timeout = '60s'");
    // Inside before the suspension, and at work until after the approval: the number of rows stays what it is.
    say(&format!(
        "BEGIN; UPDATE crm.client_records SET payload = '\\x0102' WHERE customer_id = '{LEAVING}'
            AND client_id = '0190d6f0-0000-7000-8000-000000000007'"
    ));
    let (folder, id) = tenants.approved();
    let before = tenants.counts(LEAVING);
    let refused = |code: &str, what: &str| {
        let refused = tenants.execute(&id, &folder, &["--yes"]);
        assert!(
            refused.code == 3 && refused.err.contains(code) && refused.err.contains(what),
            "{refused:?}"
        );
        let after = tenants.counts(LEAVING);
        for table in before.keys().filter(|table| table.as_str() != "audit.events") {
            assert_eq!(after[table], before[table], "{table}");
        }
    };
    refused("CTL-014", "have not ended");
    say("COMMIT");
    refused("CTL-009", "crm.client_records");
    let begun = "SELECT count(begun_at)::text FROM tenancy.offboardings";
    assert_eq!(tenants.site.ask(&tenants.database, begun), "0");
    // What was handed out by another export may go.
    let folder = tenants.export("again");
    let id = tenants.request(&folder, "ines").ok().trim().to_owned();
    tenants.approve(&id, &folder, "omar").ok();
    tenants.execute(&id, &folder, &["--yes"]).ok();
}

#[test]
fn ten_9_what_the_platform_queued_after_the_export_is_not_erased_unseen() {
    let tenants = Tenants::create();
    let (folder, id) = tenants.approved();
    let job = format!(
        "INSERT INTO tenancy.jobs (job_id, customer_id, request_id, kind, available_at)
            VALUES (gen_random_uuid(), '{LEAVING}', gen_random_uuid(), 'mail.send', now())"
    );
    tenants.site.execute(&tenants.database, &job);
    let refused = tenants.execute(&id, &folder, &["--yes"]);
    assert!(
        refused.code == 3 && refused.err.contains("CTL-009") && refused.err.contains("tenancy.jobs"),
        "{refused:?}"
    );
    assert_eq!(tenants.counts(LEAVING)["tenancy.jobs"], 4);
}

#[test]
fn ten_9_an_erasure_that_breaks_off_is_finished_by_the_next_call_and_leaves_nothing() {
    let tenants = Tenants::create();
    let neighbour = tenants.counts(STAYING);
    let (folder, id) = tenants.approved();
    let before = tenants.counts(LEAVING);
    tenants.site.execute(
        &tenants.database,
        &format!(
            "CREATE FUNCTION public.break_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
             CREATE TRIGGER break_off BEFORE DELETE ON crm.clients FOR EACH ROW
                WHEN (OLD.customer_id = '{LEAVING}' AND OLD.id = '0190d6f0-0000-7000-8000-000000001100') EXECUTE FUNCTION public.break_off()"
        ),
    );
    let broken = tenants.execute(&id, &folder, &["--yes"]);
    assert!(
        broken.code == 1 && broken.err.contains("the disk is full"),
        "{broken:?}"
    );
    let half = tenants.counts(LEAVING);
    assert_eq!(
        (half["crm.client_keys"], half["crm.tenant_keys"]),
        (0, 0),
        "the keys went first"
    );
    assert_eq!(
        half["crm.clients"],
        u64::from(CLIENTS) - 1_000,
        "one batch of the spine is gone"
    );
    let resumed = tenants.tenant(&["resume", "--id", LEAVING]);
    assert!(resumed.code == 3 && resumed.err.contains("no way back"), "{resumed:?}");

    tenants.site.execute(
        &tenants.database,
        "DROP TRIGGER break_off ON crm.clients; DROP FUNCTION public.break_off()",
    );
    let file = tenants.path("certificate.json");
    let more = [
        "--yes",
        "--out",
        file.to_str().unwrap(),
        "--backup-retention-days",
        "30",
    ];
    tenants.execute(&id, &folder, &more).ok();
    let after = tenants.counts(LEAVING);
    for (table, count) in &after {
        assert!(*count == 0 || KEPT.contains(&table.as_str()), "{table}: {count}");
    }
    assert!(
        after["audit.events"] > before["audit.events"],
        "the record is kept, and tells of the sweeps"
    );
    assert_eq!((after["tenancy.break_glass"], after["tenancy.people"]), (1, 1));
    assert_eq!(tenants.counts(STAYING), neighbour, "not a row of the neighbour");
    certificate_tells(&tenants, &folder, &id, &file);

    // Once more: nothing is left to erase, and the certificate can be had again.
    let again = tenants.execute(&id, &folder, &["--yes"]).ok();
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["offboarding"], id.as_str());
    let list = tenants.tenant(&["list"]).ok();
    assert!(
        list.contains("  offboarded  Offboarded tenant") && !list.contains("saltmarsh"),
        "{list}"
    );
    // Other tests share the store, and the doctor tries the key that it finds there.
    let install = ["keys", "install-enter-key", "--kid", "1"];
    tenants.site.admin(&install, &tenants.database).ok();
    let doctor = tenants.site.admin(&["doctor"], &tenants.database).ok();
    assert!(!doctor.contains("FAIL"), "{doctor}");
}

fn certificate_tells(tenants: &Tenants, folder: &Path, id: &str, file: &Path) {
    let certificate: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(certificate["tenant"], LEAVING);
    assert_eq!(certificate["manifest_sha256"], sha256(&folder.join("manifest.json")));
    assert_ne!(certificate["requested_by"], certificate["approved_by"]);
    assert!(certificate["executed_at"].is_string() && certificate["proven_at"].is_string());
    assert!(certificate["backups"].as_str().unwrap().contains("is gone by"));
    let tables = certificate["tables"].as_array().unwrap();
    assert_eq!(tables[0]["table"], "crm.client_keys", "in the order of erasing");
    assert_eq!(tables[1]["table"], "crm.index_keys");
    assert_eq!(tables[2]["table"], "crm.tenant_keys");
    assert_eq!(tables.len(), 13 + NEVER_FILLED.len());
    let empty: BTreeSet<&str> = tables
        .iter()
        .filter(|entry| entry["rows_exported"] == 0)
        .map(|entry| entry["table"].as_str().unwrap())
        .collect();
    assert_eq!(empty, BTreeSet::from(NEVER_FILLED), "every other table had rows");
    for entry in tables {
        assert_eq!(entry["rows_remaining"], 0, "{entry}");
    }
    let kept: Vec<&str> = certificate["kept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|kept| kept["table"].as_str().unwrap())
        .collect();
    assert_eq!(kept, KEPT);
    let recorded =
        format!("SELECT string_agg(event_type, ',' ORDER BY recorded_at) FROM audit.events WHERE request_id = '{id}'");
    assert_eq!(
        tenants.site.ask(&tenants.database, &recorded),
        "tenant.offboarding_requested,tenant.offboarding_approved,tenant.erasure_begun,tenant.offboarded"
    );
}

const PERSON: &str = r#"{"v":1,"first_name":"Ana"}"#;
const NOTE: &str = r#"{"v":1,"text":"two units left"}"#;

/// Two clients of a tenant, sealed as the server seals them; the key of the second one was destroyed.
fn sealed_rows(site: &Site, database: &str) -> (Uuid, Uuid, Uuid) {
    let customer: CustomerId = LEAVING.parse().unwrap();
    let (client, erased, note) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let place = |table, column, row| Aad {
        table,
        column,
        customer,
        row,
    };
    let (tenant_key, key) = (DataKey::generate().unwrap(), DataKey::generate().unwrap());
    let kek = FileKeyStore::open(site.store(), "kek").unwrap();
    let tenant = block_on(kek.wrap(customer, &tenant_key)).unwrap();
    let wrapped = tenant_key
        .wrap(&key, &place("crm.client_keys", "wrapped", client))
        .unwrap();
    let record = key
        .seal(&place("crm.client_records", "payload", client), PERSON.as_bytes())
        .unwrap();
    let text = key
        .seal(&place("crm.chart_note_records", "payload", note), NOTE.as_bytes())
        .unwrap();
    let config = site.superuser(database);
    block_on(async {
        let client_of = connect(&config).await;
        let id = customer.as_uuid();
        let statements: [(&str, &[&(dyn tokio_postgres::types::ToSql + Sync)]); 7] = [
            (
                "INSERT INTO crm.tenant_keys (customer_id, version, kek_version, wrapped) VALUES ($1, 1, $2, $3)",
                &[&id, &tenant.kek_version, &tenant.bytes],
            ),
            (
                "INSERT INTO crm.clients (customer_id, id) VALUES ($1, $2), ($1, $3)",
                &[&id, &client, &erased],
            ),
            (
                "INSERT INTO crm.client_keys (customer_id, client_id, tenant_version, wrapped) VALUES ($1, $2, 1, $3)",
                &[&id, &client, &wrapped],
            ),
            (
                "INSERT INTO crm.client_records (customer_id, client_id, payload) VALUES ($1, $2, $3)",
                &[&id, &client, &record],
            ),
            (
                "INSERT INTO crm.client_records (customer_id, client_id, payload) VALUES ($1, $2, '\\x01')",
                &[&id, &erased],
            ),
            (
                "INSERT INTO crm.chart_notes (customer_id, id, client_id) VALUES ($1, $2, $3)",
                &[&id, &note, &client],
            ),
            (
                "INSERT INTO crm.chart_note_records (customer_id, note_id, client_id, payload) VALUES ($1, $2, $3, $4)",
                &[&id, &note, &client, &text],
            ),
        ];
        for (sql, parameters) in statements {
            client_of.execute(sql, parameters).await.unwrap();
        }
    });
    (client, erased, note)
}

#[test]
fn ten_9_an_export_in_the_clear_opens_what_has_a_key_and_only_on_demand() {
    let site = site();
    let database = site.migrated();
    site.admin(&["regions", "us-east"], &database).ok();
    site.ctl(&["keys", "create-kek", "--secrets", &site.store_option()])
        .ok();
    let words = [
        "tenant", "create", "--slug", "spa", "--name", "A Spa", "--region", "us-east", "--id", LEAVING,
    ];
    site.admin(&words, &database).ok();
    let (client, erased, note) = sealed_rows(&site, &database);
    let scratch = tempfile::tempdir().unwrap();
    let export = |name: &str, more: &[&str]| {
        let out = scratch.path().join(name);
        let words = ["tenant", "export", "--slug", "spa", "--out", out.to_str().unwrap()];
        let done = site.admin(&words.iter().chain(more).copied().collect::<Vec<_>>(), &database);
        (out, done)
    };
    let (out, done) = export("clear", &["--decrypt"]);
    assert!(done.err.contains("WARNING"), "{done:?}");
    done.ok();
    let text = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let row = |column: &str, id: Uuid, content: &str| {
        format!(r#"{{"customer_id":"{LEAVING}","{column}":"{id}","content":{content}}}"#) + "\n"
    };
    assert_eq!(
        text("crm.client_records.clear.jsonl"),
        [row("client_id", client, PERSON), row("client_id", erased, "null")].concat()
    );
    assert_eq!(text("crm.chart_note_records.clear.jsonl"), row("note_id", note, NOTE));
    let mode = std::fs::metadata(out.join("crm.client_records.clear.jsonl"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let (out, done) = export("sealed", &[]);
    assert!(!done.err.contains("WARNING"), "{done:?}");
    done.ok();
    for entry in std::fs::read_dir(&out).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("Ana") && !text.contains("two units"),
            "{}",
            path.display()
        );
    }
}
