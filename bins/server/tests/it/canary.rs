//! The canary of a running server: what happens when somebody with power over the database breaks isolation.

use crate::site::{Server, Site};
use std::time::{Duration, Instant};

/// A site's configuration whose canary looks every second, with metrics.
fn watchful(site: &Site) -> String {
    site.config()
        .replace("[database]", "metrics_listen = \"127.0.0.1:0\"\n[database]")
        .replace("[keys]", "[isolation]\ncanary_interval_s = 1\n[keys]")
}

const ALARMS: &str = "SELECT concat_ws(' ', outcome, outcome_code, customer_id, actor_id) FROM audit.events
    WHERE event_type = 'isolation.breached'";
const ALARM: &str = "failure SRV-001 00000000-0000-8000-8000-000000000001 00000000-0000-8000-8000-000000000003";

fn probes(server: &Server, outcome: &str) -> u64 {
    let start = format!("bearingwall_isolation_probes_total{{outcome=\"{outcome}\"}} ");
    let metrics = server.metrics().body;
    let count = metrics.lines().find_map(|line| line.strip_prefix(&start));
    count.unwrap_or_else(|| panic!("{metrics}")).parse().unwrap()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait_for_more(server: &Server, outcome: &str) {
    let before = probes(server, outcome);
    wait_until(outcome, || probes(server, outcome) > before);
}

fn readiness(server: &Server) -> u16 {
    server.get_anonymous("/readyz").status.as_u16()
}

#[test]
fn ten_8_row_security_switched_off_under_a_running_server_is_told_everywhere_and_kept_until_its_end() {
    let site = Site::new();
    let mut server = site.serve(&watchful(&site));
    assert!(probes(&server, "held") >= 1, "the first probe comes before the socket");
    assert_eq!(readiness(&server), 200);
    wait_for_more(&server, "held");
    assert!(site.ask(ALARMS).is_empty());

    site.execute("ALTER TABLE tenancy.canaries DISABLE ROW LEVEL SECURITY");
    server.wait_for_metric("bearingwall_isolation_breached 1");
    assert_eq!(site.wait_for(ALARMS)[0], ALARM);
    wait_until("the server stays ready", || readiness(&server) == 503);
    let refused = server.get_anonymous("/readyz");
    assert_eq!(refused.refusal(), (503, "HTP-012".to_owned()));
    assert!(!refused.body.contains("isolation"), "{refused:?}");
    let log = server.log();
    assert!(
        log.contains("tenant isolation is broken") && log.contains("SRV-001"),
        "{log}"
    );

    site.execute("ALTER TABLE tenancy.canaries ENABLE ROW LEVEL SECURITY");
    wait_for_more(&server, "held");
    wait_for_more(&server, "held");
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(readiness(&server), 503, "that the hole is closed again says nothing");
    server.wait_for_metric("bearingwall_isolation_breached 1");

    server.stop();
    assert!(server.wait().success(), "{}", server.log());
    assert_eq!(readiness(&site.serve(&watchful(&site))), 200);
}

#[test]
fn ten_8_a_policy_that_was_opened_is_found() {
    let site = Site::new();
    let server = site.serve(&watchful(&site));
    site.execute(
        "ALTER POLICY tenant_base ON tenancy.canaries USING (true); ALTER POLICY tenant_isolation ON tenancy.canaries USING (true)",
    );
    server.wait_for_metric("bearingwall_isolation_breached 1");
    assert_eq!(site.wait_for(ALARMS)[0], ALARM);
    wait_until("the server stays ready", || readiness(&server) == 503);
}

#[test]
fn ten_8_a_canary_without_its_own_row_proves_nothing_until_it_has_it_again() {
    let site = Site::new();
    let server = site.serve(&watchful(&site));
    let rows = "SELECT concat_ws(',', quote_literal(customer_id), quote_literal(id)) FROM tenancy.canaries ORDER BY 1";
    let rows = site.ask(rows);
    site.execute("DELETE FROM tenancy.canaries");
    wait_until("the server stays ready", || readiness(&server) == 503);
    assert!(probes(&server, "blind") >= 3);
    server.wait_for_metric("bearingwall_isolation_breached 0");
    for row in rows {
        site.execute(&format!(
            "INSERT INTO tenancy.canaries (customer_id, id) VALUES ({row})"
        ));
    }
    wait_until("the server stays unready", || readiness(&server) == 200);
    assert!(site.ask(ALARMS).is_empty(), "blind is no breach");
}

#[test]
fn ten_8_a_server_that_sees_across_its_tenants_does_not_start_and_why_is_on_the_record() {
    let site = Site::new();
    // A context that trusts the variable, as tutorials have it: no catalogue check sees the difference.
    site.execute(
        "CREATE OR REPLACE FUNCTION tenancy.current_customer_id() RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER
             SET search_path = pg_catalog, pg_temp AS $f$ SELECT current_setting('app.current_customer_id')::uuid $f$",
    );
    let (code, text) = site.refused_start(&watchful(&site), |_| ());
    assert_eq!(code, 3, "{text}");
    let line = text
        .lines()
        .find(|line| line.starts_with("bearingwall-server: refused: "));
    let line = line.unwrap_or_else(|| panic!("{text}"));
    assert!(line.contains("tenant isolation is broken"), "{line}");
    assert!(
        !text.contains("server.listening") && !text.contains("metrics.listening"),
        "{text}"
    );
    assert_eq!(site.ask(ALARMS), [ALARM]);
}
