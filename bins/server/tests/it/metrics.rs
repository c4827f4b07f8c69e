//! The metrics have a listener of their own, which tells numbers and nothing else.

use crate::site::{Site, shared};
use serde_json::json;
use std::net::TcpStream;

#[test]
fn the_metrics_are_scraped_beside_the_api_and_hold_no_tenant() {
    let site = Site::new();
    let config = site
        .config()
        .replace("[database]", "metrics_listen = \"127.0.0.1:0\"\n[database]");
    let mut server = site.serve(&config);
    let token = site.administrator(site.tenants.juniper);
    assert_eq!(server.get("/v1/me", &token).status, 200);
    assert_eq!(server.get("/v1/me", "not.a.token").status, 401);

    let answer = server.metrics();
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .header("content-type")
            .starts_with("application/openmetrics-text"),
        "{answer:?}"
    );
    for line in [
        concat!("bearingwall_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        "bearingwall_isolation_breached 0",
        "bearingwall_refusals_lost_total 0",
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line}: {answer:?}");
    }
    for secret in [
        site.tenants.juniper.to_string(),
        site.tenants.saltmarsh.to_string(),
        "juniper".to_owned(),
        "dana".to_owned(),
    ] {
        assert!(!answer.body.contains(&secret), "{secret}: {answer:?}");
    }
    assert_eq!(server.get_anonymous("/metrics").status, 404, "not beside the API");

    let address = server.metrics_address();
    server.stop();
    assert!(server.wait().success(), "{}", server.log());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn refusals_that_do_not_reach_the_record_are_counted_where_the_alarm_looks() {
    let site = Site::new();
    let config = site
        .config()
        .replace("[database]", "metrics_listen = \"127.0.0.1:0\"\n[database]");
    let server = site.serve(&config);
    site.execute("SET bearingwall.audit_ddl = 'on'; REVOKE EXECUTE ON FUNCTION audit.record_refusal(uuid, text, text, uuid, text, inet) FROM bearingwall_app");
    assert_eq!(server.get("/v1/me", "not.a.token").status, 401);
    server.wait_for_metric("bearingwall_refusals_lost_total 1");
}

#[test]
fn nobody_listens_for_scrapers_unless_told_to() {
    let running = shared();
    let (_, server) = &*running;
    assert!(!server.log().contains("metrics.listening"), "{}", server.log());
}

#[test]
fn the_records_months_and_its_unsealed_window_are_told_to_whoever_scrapes() {
    let site = Site::new();
    let config = site
        .config()
        .replace("[database]", "metrics_listen = \"127.0.0.1:0\"\n[database]");
    let server = site.serve(&config);
    // The migrations make twelve months, and no sealer runs here: the events of the start have waited.
    server.wait_for_metric("bearingwall_record_months_ahead 12");
    let window = || -> f64 {
        let body = server.metrics().body;
        let line = body
            .lines()
            .find_map(|line| line.strip_prefix("bearingwall_record_unsealed_seconds "))
            .unwrap();
        line.parse().unwrap()
    };
    assert!(window() > 0.0, "{}", window());
    // With this month and one more left, it is told where the load balancer looks, and still answered as ready.
    assert!(server.get_anonymous("/readyz").json().get("warnings").is_none());
    site.execute(
        "DO $$ DECLARE part regclass; BEGIN
           PERFORM set_config('bearingwall.audit_ddl', 'on', true);
           FOR part IN SELECT i.inhrelid::regclass FROM pg_inherits i
             WHERE i.inhparent = 'audit.events'::regclass
               AND right(i.inhrelid::regclass::text, 6) > to_char(now() + interval '1 month', 'YYYYMM') LOOP
             EXECUTE format('ALTER TABLE audit.events DETACH PARTITION %s', part);
           END LOOP; END $$",
    );
    server.wait_for_metric("bearingwall_record_months_ahead 1");
    let answer = server.get_anonymous("/readyz");
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["warnings"]),
        (200, &json!(["record"])),
        "{answer:?}"
    );
    // What cannot be looked at is not told as healthy.
    site.execute(
        "SET bearingwall.audit_ddl = 'on'; REVOKE EXECUTE ON FUNCTION audit.unsealed_seconds() FROM bearingwall_app",
    );
    server.wait_for_metric("bearingwall_record_months_ahead -1");
    assert!(window().is_nan());
}
