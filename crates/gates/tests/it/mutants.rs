//! Each guard of the database, weakened by itself, makes a test of this suite go red.

use bearingwall_testkit::database::TestDatabase;
use std::process::{Command, Stdio};

const WEAKENED: &str = "BEARINGWALL_GATES_TEST_WEAKENED";
const MARK: &str = "the schema was weakened";

/// A function, what stands in it, what stands there instead, and the test that must notice.
type Mutant = (&'static str, &'static str, &'static str, &'static str);

const MUTANTS: &[Mutant] = &[
    (
        "guard_gate_decision",
        "v_request.expires_at <= clock_timestamp()",
        "false",
        "attacks::gat_3_what_is_decided_or_used_too_late_is_not",
    ),
    (
        "guard_gate_decision",
        "NEW.seen_digest <> v_request.digest",
        "false",
        "attacks::gat_1_another_payload_than_the_one_that_was_seen_is_not_approved",
    ),
    (
        "guard_gate_decision",
        "tenancy.subject_kind(NEW.customer_id, NEW.approver_id) <> 'human'",
        "false",
        "attacks::gat_2_neither_who_asked_nor_for_whom_nor_a_machine_approves",
    ),
    (
        "guard_gate_decision",
        "p.last_seen_at > clock_timestamp() - interval '2 hours'",
        "true",
        "attacks::gat_2_neither_who_asked_nor_for_whom_nor_a_machine_approves",
    ),
    (
        "guard_gate_decision",
        " AND NOT ('internal_admin' = ANY (p.roles))",
        "",
        "attacks::gat_2_neither_who_asked_nor_for_whom_nor_a_machine_approves",
    ),
    (
        "guard_gate_decision",
        "NEW.approver_id = v_request.requested_by OR ",
        "",
        "attacks::gat_2_neither_who_asked_nor_for_whom_nor_a_machine_approves",
    ),
    (
        "guard_gate_decision",
        " OR NEW.approver_id IS NOT DISTINCT FROM v_request.principal_id",
        "",
        "attacks::gat_2_neither_who_asked_nor_for_whom_nor_a_machine_approves",
    ),
    (
        "guard_gate_request",
        "NEW.state = 'approved' AND (",
        "false AND (",
        "attacks::gat_3_the_owner_of_the_tables_is_held_to_the_rules",
    ),
    (
        "guard_gate_request",
        "NEW.state = 'consumed' AND NOT",
        "false AND NOT",
        "attacks::gat_3_the_owner_of_the_tables_is_held_to_the_rules",
    ),
    (
        "guard_gate_request",
        "(OLD.state = 'requested' AND NEW",
        "(true OR OLD.state = 'requested' AND NEW",
        "attacks::gat_3_the_owner_of_the_tables_is_held_to_the_rules",
    ),
    (
        "guard_gate_request",
        " OR to_jsonb(NEW) - v_state <> to_jsonb(OLD) - v_state",
        "",
        "attacks::gat_3_the_owner_of_the_tables_is_held_to_the_rules",
    ),
    (
        "guard_gate_request",
        "NEW.quorum >= greatest(v_kind.quorum, v_policy.quorum)",
        "true",
        "attacks::gat_3_the_owner_of_the_tables_is_held_to_the_rules",
    ),
    (
        "guard_effect",
        "(v_request.state = 'approved') IS NOT TRUE",
        "false",
        "attacks::gat_4_a_superuser_inserts_no_effect_that_nobody_approved",
    ),
    (
        "guard_effect",
        "v_request.digest <> NEW.digest",
        "false",
        "attacks::gat_4_a_superuser_inserts_no_effect_that_nobody_approved",
    ),
    (
        "guard_effect",
        "NOT v_kind.gated OR NEW.gate_id IS NULL",
        "false",
        "attacks::gat_4_a_superuser_inserts_no_effect_that_nobody_approved",
    ),
    (
        "guard_effect",
        "v_request.decided_at + v_request.execute_within <= clock_timestamp()",
        "false",
        "attacks::gat_3_what_is_decided_or_used_too_late_is_not",
    ),
    (
        "guard_effect",
        "v_kind.sealed <> (NEW.key_version IS NOT NULL) OR ",
        "",
        "attacks::gat_4_a_gated_kind_has_no_way_round_its_gate",
    ),
    (
        "guard_effect",
        " OR v_kind.sealed <> (get_byte(NEW.payload, 0) <> 123)",
        "",
        "attacks::gat_4_a_gated_kind_has_no_way_round_its_gate",
    ),
    (
        "guard_action_kind",
        "RAISE EXCEPTION",
        "RETURN NEW; RAISE EXCEPTION",
        "attacks::gat_3_the_owner_of_the_tables_is_held_to_the_rules",
    ),
    (
        "guard_gate_policy",
        "NEW.quorum >= v_kind.quorum",
        "true",
        "attacks::gat_5_a_tenant_asks_for_more_than_the_catalogue_and_never_for_less",
    ),
    (
        "guard_gate_policy",
        "NEW.decide_within <= v_kind.decide_within",
        "true",
        "attacks::gat_5_a_tenant_asks_for_more_than_the_catalogue_and_never_for_less",
    ),
    (
        "guard_gate_policy",
        "v_kind.gated AND",
        "true AND",
        "attacks::gat_5_a_tenant_asks_for_more_than_the_catalogue_and_never_for_less",
    ),
    (
        "gate_policy_set",
        "tenancy.subject_kind(v_ids[1], v_ids[2]) <> 'human'",
        "false",
        "attacks::gat_5_a_tenant_asks_for_more_than_the_catalogue_and_never_for_less",
    ),
    (
        "gate_show",
        "AND e.access_id = p_access",
        "",
        "attacks::gat_6_nothing_is_shown_before_its_reading_is_on_record",
    ),
    (
        "gate_show",
        "e.request_id = v_ids[3]",
        "true",
        "attacks::gat_6_nothing_is_shown_before_its_reading_is_on_record",
    ),
    (
        "gate_show",
        "e.xid IS DISTINCT FROM pg_current_xact_id_if_assigned()",
        "true",
        "attacks::gat_6_nothing_is_shown_before_its_reading_is_on_record",
    ),
    (
        "machine_register",
        "tenancy.subject_kind(v_ids[1], v_ids[2]) <> 'human'",
        "false",
        "attacks::gat_2_what_is_a_machine_stays_one_and_makes_none",
    ),
    (
        "machine_register",
        " OR tenancy.subject_kind(v_ids[1], p_principal) <> 'human'",
        "",
        "attacks::gat_2_what_is_a_machine_stays_one_and_makes_none",
    ),
    (
        "gate_cancel",
        "v_ids[2] IN (r.requested_by, r.principal_id)",
        "true",
        "right::gat_3_an_approval_can_be_taken_back_until_it_is_used",
    ),
    (
        "effect_enqueue_approved",
        " AND r.digest = p_digest",
        "",
        "attacks::gat_1_another_payload_than_the_one_that_was_seen_is_not_approved",
    ),
    (
        "gate_approved",
        "r.kind = p_kind",
        "true",
        "attacks::gat_1_another_payload_than_the_one_that_was_seen_is_not_approved",
    ),
    (
        "record_gate_request",
        "IF TG_OP = 'INSERT' THEN",
        "IF false THEN",
        "right::gat_6_every_step_is_on_the_tenants_record_with_the_digest",
    ),
];

/// For the process of a test that is run by the one below: weakens the schema as the environment says.
pub(crate) async fn weaken(database: &TestDatabase) {
    let Ok(mutant) = std::env::var(WEAKENED) else {
        return;
    };
    let mut parts = mutant.split('\u{1}');
    let (name, from, to) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let superuser = database.superuser_client().await;
    let asked = "SELECT pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.pronamespace = 'tenancy'::regnamespace AND p.proname = $1";
    let definition: String = superuser.query_one(asked, &[&name]).await.unwrap().get(0);
    assert!(definition.contains(from), "{name} has no `{from}`");
    superuser.batch_execute(&definition.replace(from, to)).await.unwrap();
    eprintln!("{MARK}");
}

#[test]
fn every_guard_that_is_weakened_is_missed_by_a_test() {
    let program = std::env::current_exe().unwrap();
    let mut survivors = Vec::new();
    for (function, from, to, test) in MUTANTS {
        let output = Command::new(&program)
            .args(["--exact", test, "--nocapture"])
            .env(WEAKENED, [*function, *from, *to].join("\u{1}"))
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(MARK), "{function}: `{from}` was not weakened: {told}");
        if output.status.success() {
            survivors.push(format!("{function}: `{from}` as `{to}` passes {test}"));
        }
    }
    assert!(survivors.is_empty(), "{survivors:#?}");
}
