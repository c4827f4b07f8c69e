//! The server stops in order: running requests end, the record is flushed, the exit code is 0.

use crate::site::{Server, Site};
use nix::sys::signal::{Signal, kill};
use std::net::TcpStream;
use std::time::{Duration, Instant};

impl Server {
    pub(crate) fn stop(&self) {
        kill(self.pid(), Signal::SIGTERM).unwrap();
    }

    fn wait_until_closed(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(self.address()).is_ok() {
            assert!(Instant::now() < deadline, "the socket stays open: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_request_that_runs_is_answered_and_no_new_one_is_taken() {
    let site = Site::new();
    let mut server = site.serve(&site.config());
    // Nobody can enter a tenant while this table is locked, so the probe waits in the middle of its work.
    let waiting = "SELECT 'waits' FROM pg_stat_activity WHERE datname = current_database()
        AND usename = 'bearingwall_app' AND wait_event_type = 'Lock'";
    let lock = site.lock("tenancy.enter_keys");
    let answer = std::thread::scope(|scope| {
        let running = scope.spawn(|| server.get_anonymous("/readyz"));
        site.wait_for(waiting);
        server.stop();
        server.wait_until_closed();
        assert!(!running.is_finished());
        site.unlock(lock);
        running.join().unwrap()
    });
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(server.wait().success(), "{}", server.log());
    assert!(server.log().contains("server.stopped"), "{}", server.log());
}

#[test]
fn aud_3_refusals_of_the_last_moment_are_on_the_record() {
    let site = Site::new();
    let mut server = site.serve(&site.config());
    let mut requests = Vec::new();
    for _ in 0..20 {
        let refused = server.get("/v1/me", "not.a.token");
        assert_eq!(refused.status, 401);
        requests.push(refused.correlation_id().to_string());
    }
    kill(server.pid(), Signal::SIGINT).unwrap();
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    let recorded =
        site.ask("SELECT request_id::text FROM audit.events WHERE event_type = 'http.request.unauthenticated'");
    assert!(
        requests.iter().all(|request| recorded.contains(request)),
        "{recorded:?} {}",
        server.log()
    );
    assert!(
        !server.log().contains("did not reach the audit record"),
        "{}",
        server.log()
    );
}
