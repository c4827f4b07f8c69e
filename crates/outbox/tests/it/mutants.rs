//! Each guard of the database, weakened by itself, makes a test of this suite go red.

use bearingwall_testkit::database::TestDatabase;
use std::process::{Command, Stdio};

const WEAKENED: &str = "BEARINGWALL_OUTBOX_TEST_WEAKENED";
const MARK: &str = "the schema was weakened";

/// A function, what stands in it, what stands there instead, and the test that must notice.
type Mutant = (&'static str, &'static str, &'static str, &'static str);

const MUTANTS: &[Mutant] = &[
    (
        "effect_claim",
        "b.open_until > v_now)",
        "false)",
        "breaker::out_5_after_failures_in_a_row_nothing_is_claimed_for_a_while",
    ),
    (
        "effect_claim",
        "v_config.in_flight - (SELECT",
        "1000 - (SELECT",
        "fairness::out_2_a_flood_of_one_tenant_leaves_the_others_their_turn",
    ),
    (
        "effect_claim",
        "least(v_left, v_share, ",
        "least(v_left, ",
        "fairness::out_2_a_flood_of_one_tenant_leaves_the_others_their_turn",
    ),
    (
        "effect_claim",
        "floor(v_tokens),",
        "1000,",
        "fairness::out_2_a_tenant_begins_no_more_in_a_second_than_it_may",
    ),
    (
        "effect_claim",
        "c.status = 'active' AND ",
        "",
        "fairness::out_2_a_suspended_tenants_effects_wait",
    ),
    (
        "effect_claim",
        "PERFORM tenancy.effect_reap();",
        "",
        "outcomes::out_2_a_late_worker_is_fenced_off",
    ),
    (
        "effect_claim",
        "SET open_until = v_row.leased_until, tried_by",
        "SET open_until = b.open_until, tried_by",
        "breaker::out_5_the_end_of_a_pause_lets_one_through_and_its_success_all",
    ),
    (
        "effect_reap",
        "v_row.in_call = 'none'",
        "false",
        "outcomes::out_3_a_lease_that_ends_during_a_call_goes_the_same_ways",
    ),
    (
        "enter_effect",
        " AND q.lease = p_lease",
        "",
        "attacks::out_2_without_a_living_lease_no_tenant_opens",
    ),
    (
        "enter_effect",
        "(v_region = '*' OR",
        "(true OR",
        "attacks::out_2_without_a_living_lease_no_tenant_opens",
    ),
    (
        "effect_held",
        " AND q.lease = p_lease",
        "",
        "outcomes::out_2_a_late_worker_is_fenced_off",
    ),
    (
        "effect_return",
        " AND q.lease = p_lease",
        "",
        "outcomes::out_2_a_late_worker_is_fenced_off",
    ),
    (
        "effect_begin",
        "v_row.deliver_until <= v_now",
        "false",
        "outcomes::out_6_what_is_too_old_is_not_put_back",
    ),
    (
        "effect_finish",
        "p_outcome = 'ambiguous' AND v_row.in_call = 'none'",
        "false",
        "outcomes::out_3_an_ambiguous_end_is_repeated_only_where_that_is_safe",
    ),
    (
        "effect_finish",
        "(p_outcome = 'retry')::int",
        "1",
        "outcomes::out_5_that_a_destination_is_away_counts_towards_nothing",
    ),
    (
        "effect_finish",
        "p_outcome IN ('unavailable', 'ambiguous')",
        "false",
        "breaker::out_5_after_failures_in_a_row_nothing_is_claimed_for_a_while",
    ),
    (
        "effect_finish",
        "v_row.in_call IS NULL",
        "false",
        "attacks::out_1_a_worker_alters_and_inserts_nothing",
    ),
    (
        "effect_finish",
        "PERFORM tenancy.effect_let_next(v_ids[1], v_row.aggregate_id);",
        "",
        "right::out_4_what_is_about_one_thing_leaves_in_the_order_of_commits",
    ),
    (
        "effect_finish",
        "v_row.attempts + v_counts >= v_row.max_attempts",
        "false",
        "outcomes::out_3_what_fails_for_good_is_given_up_and_what_is_refused_at_once",
    ),
    (
        "effect_break",
        " WHERE b.open_until IS NULL OR b.tried_by = p_effect;",
        ";",
        "breaker::out_5_the_end_of_a_pause_lets_one_through_and_its_success_all",
    ),
    (
        "effect_settle",
        "v_row.deliver_until <= v_now",
        "false",
        "outcomes::out_6_what_is_too_old_is_not_put_back",
    ),
    (
        "effect_settle",
        "tenancy.subject_kind(v_ids[1], v_ids[2]) <> 'human'",
        "false",
        "attacks::out_6_neither_another_tenant_nor_a_machine_settles_anything",
    ),
    (
        "effect_settle",
        " AND q.parked_at IS NOT NULL",
        "",
        "outcomes::out_6_a_person_settles_what_is_parked_and_what_waits_behind_it_goes_on",
    ),
    (
        "guard_effect",
        "IF TG_OP <> 'INSERT' THEN",
        "IF TG_OP <> 'INSERT' THEN RETURN COALESCE(NEW, OLD); END IF; IF TG_OP <> 'INSERT' THEN",
        "attacks::out_1_what_has_been_written_is_kept_by_its_owner_too",
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
