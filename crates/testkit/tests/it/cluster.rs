//! A cluster starts, survives kills, keeps its data, and ends when nobody uses it.

use bearingwall_core::Classified;
use bearingwall_testkit::cluster::{Cluster, ClusterError, ClusterOptions, InstallPolicy, StopOutcome};
use std::cell::RefCell;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A data root that the server's user can pass through, removed afterwards.
fn scratch() -> TempDir {
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    scratch
}

/// A fast cluster below `scratch` that is stopped soon after this process no longer uses it.
fn options(scratch: &TempDir) -> ClusterOptions {
    ClusterOptions {
        data_root: Some(scratch.path().join("root")),
        grace_s: 2,
        ..ClusterOptions::fast("it")
    }
}

fn start(options: &ClusterOptions) -> Cluster {
    Cluster::start(options, &|what| {
        // An installation may take minutes and must not look like a hanging test.
        if what.starts_with("installing") || what.starts_with("downloading") {
            let _ = writeln!(std::io::stderr(), "testkit: {what}");
        }
    })
    .unwrap()
}

/// Runs statements as the superuser and returns the last one's first value.
fn ask(cluster: &Cluster, sql: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, connection) = cluster
            .superuser_config("postgres")
            .connect(tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let messages = client.simple_query(sql).await.unwrap();
        let rows = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        rows.last().unwrap_or_default()
    })
}

fn is_running(pid: i32) -> bool {
    let state = fs::read_to_string(format!("/proc/{pid}/stat")).ok();
    match state.as_deref().and_then(|text| text.rsplit_once(") ")) {
        Some((_, rest)) => !rest.starts_with('Z'),
        None => !Path::new("/proc/self").exists() && signal(pid, "-0"),
    }
}

fn signal(pid: i32, signal: &str) -> bool {
    Command::new("kill")
        .args([signal, &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap()
        .success()
}

fn wait_until(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < deadline, "{what} did not come true in {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A folder whose programs claim to be that release.
fn fake_binaries(scratch: &TempDir, version: &str) -> PathBuf {
    let folder = scratch.path().join(version);
    fs::create_dir(&folder).unwrap();
    for program in ["postgres", "initdb"] {
        let path = folder.join(program);
        fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn a_second_start_reuses_the_data() {
    let scratch = scratch();
    let first = start(&options(&scratch));
    let port = first.port();
    ask(
        &first,
        "CREATE TABLE kept (word text); INSERT INTO kept VALUES ('still here')",
    );
    assert_eq!(first.stop().unwrap(), StopOutcome::Stopped);

    let second = start(&options(&scratch));
    assert_eq!(ask(&second, "SELECT word FROM kept"), "still here");
    assert_eq!(second.port(), port, "the port is kept while it is free");
    assert_eq!(second.stop().unwrap(), StopOutcome::Stopped);
}

#[test]
fn the_server_is_private_checked_and_runs_unprivileged() {
    let scratch = scratch();
    let cluster = start(&options(&scratch));
    assert_eq!(ask(&cluster, "SHOW data_checksums"), "on");
    assert_eq!(ask(&cluster, "SHOW server_encoding"), "UTF8");
    assert_eq!(ask(&cluster, "SHOW listen_addresses"), "127.0.0.1");
    assert_eq!(ask(&cluster, "SHOW log_error_verbosity"), "terse");
    let hba = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules";
    assert_eq!(ask(&cluster, hba), "scram-sha-256");
    let password = "SELECT left(rolpassword, 14) FROM pg_authid WHERE rolname = 'postgres'";
    assert_eq!(ask(&cluster, password), "SCRAM-SHA-256$");

    let data = fs::metadata(cluster.data_dir()).unwrap();
    assert_eq!(data.mode() & 0o777, 0o700);
    assert_ne!(data.uid(), 0, "PostgreSQL refuses root, and so do we");
    let credentials = cluster.log_file().with_file_name("credentials.json");
    assert_eq!(fs::metadata(credentials).unwrap().mode() & 0o777, 0o600);
    assert!(
        cluster
            .socket_dir()
            .join(format!(".s.PGSQL.{}", cluster.port()))
            .exists()
    );
    cluster.stop().unwrap();
}

#[test]
fn the_servers_log_holds_no_data() {
    let scratch = scratch();
    let cluster = start(&options(&scratch));
    ask(
        &cluster,
        "CREATE TABLE people (email text PRIMARY KEY, CHECK (email <> 'x')); INSERT INTO people VALUES ('a')",
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, connection) = cluster
            .superuser_config("postgres")
            .connect(tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        for failing in [
            "INSERT INTO people VALUES ('CANARY-1'), ('CANARY-1')",
            "SELECT 'CANARY-2'::uuid",
            "SELECT CANARY-3 FROM nowhere",
            "DO $$ BEGIN RAISE WARNING 'CANARY-4'; END $$",
        ] {
            let _ = client.simple_query(failing).await;
        }
        assert!(client.query("SELECT $1::text::uuid", &[&"CANARY-5"]).await.is_err());
    });
    let log = cluster.log_file();
    cluster.stop().unwrap();
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("ready to accept connections"), "{log}");
    assert!(!log.contains("CANARY"), "{log}");
}

#[test]
fn a_killed_server_does_not_block_the_next_start() {
    let scratch = scratch();
    let killed = start(&options(&scratch));
    ask(
        &killed,
        "CREATE TABLE kept (word text); INSERT INTO kept VALUES ('still here')",
    );
    let pid = killed.pid();
    killed.kill().unwrap();
    assert!(!is_running(pid));

    let next = start(&options(&scratch));
    assert_ne!(next.pid(), pid);
    assert_eq!(ask(&next, "SELECT word FROM kept"), "still here");
    next.stop().unwrap();
}

#[test]
fn a_stale_pid_that_was_given_to_another_process_does_not_block_the_start() {
    let scratch = scratch();
    let cluster = start(&options(&scratch));
    let (pid, data) = (cluster.pid(), cluster.data_dir().to_owned());
    assert!(signal(pid, "-KILL"));
    wait_until("the kill", Duration::from_secs(10), || !is_running(pid));
    drop(cluster);
    // Another process of the same user now has the number that the dead server left in its lock file.
    let owner = fs::metadata(&data).unwrap();
    let mut command = Command::new("sleep");
    command.arg("60");
    if nix::unistd::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let mut bystander = command.spawn().unwrap();
    let lock_file = data.join("postmaster.pid");
    let stale = fs::read_to_string(&lock_file)
        .unwrap()
        .replacen(&pid.to_string(), &bystander.id().to_string(), 1);
    fs::write(&lock_file, stale).unwrap();

    let next = start(&options(&scratch));
    assert!(bystander.try_wait().unwrap().is_none(), "a bystander is not stopped");
    next.stop().unwrap();
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

#[test]
fn a_running_server_is_joined_and_stopped_only_by_its_last_user() {
    let scratch = scratch();
    let first = start(&options(&scratch));
    let second = start(&options(&scratch));
    assert_eq!(first.pid(), second.pid());
    assert_eq!(first.stop().unwrap(), StopOutcome::StillUsed);
    assert_eq!(ask(&second, "SELECT 'up'"), "up");
    assert_eq!(second.stop().unwrap(), StopOutcome::Stopped);
}

#[test]
fn parallel_starts_end_in_one_server() {
    let scratch = scratch();
    let options = options(&scratch);
    let clusters: Vec<Cluster> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| start(&options))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    assert!(clusters.iter().all(|cluster| cluster.pid() == clusters[0].pid()));
    let outcomes: Vec<_> = clusters.into_iter().map(|cluster| cluster.stop().unwrap()).collect();
    assert_eq!(
        outcomes,
        [StopOutcome::StillUsed, StopOutcome::StillUsed, StopOutcome::Stopped]
    );
}

#[test]
fn the_watchdog_stops_a_server_whose_users_have_died() {
    let scratch = scratch();
    let cluster = start(&options(&scratch));
    let pid = cluster.pid();
    // What remains of a killed user is its mark; here it names a process that has ended.
    let mut user = Command::new("true").spawn().unwrap();
    user.wait().unwrap();
    let users = scratch.path().join("root/it/users");
    fs::write(users.join("killed"), format!("{} -\n", user.id())).unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert!(is_running(pid), "a server with a live user is left alone");
    drop(cluster);
    wait_until("the watchdog's stop", Duration::from_secs(30), || !is_running(pid));
    // And nothing of it is in the way of the next start.
    start(&options(&scratch)).stop().unwrap();
}

#[test]
fn a_killed_watchdog_is_replaced_by_the_next_user() {
    let scratch = scratch();
    let first = start(&options(&scratch));
    let watchdog = || -> i32 {
        let text = fs::read_to_string(scratch.path().join("root/it/watchdog.pid")).unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    };
    let killed = watchdog();
    assert!(is_running(killed));
    assert!(signal(killed, "-KILL"));
    wait_until("the kill", Duration::from_secs(10), || !is_running(killed));
    let second = start(&options(&scratch));
    assert_ne!(watchdog(), killed);
    assert!(is_running(watchdog()));
    drop(first);
    second.stop().unwrap();
}

#[test]
fn binaries_below_the_floor_are_skipped_saying_so() {
    let scratch = scratch();
    let said = RefCell::new(Vec::new());
    let options = ClusterOptions {
        bin_dir: Some(fake_binaries(&scratch, "15.18")),
        install: InstallPolicy::Forbidden,
        ..options(&scratch)
    };
    let refused = Cluster::start(&options, &|what| said.borrow_mut().push(what.to_owned())).unwrap_err();
    let expected = "PostgreSQL 15.18 is below the security floor, needed is 15.20 or newer";
    assert!(said.borrow().iter().any(|what| what.contains(expected)), "{said:?}");
    assert!(matches!(&refused, ClusterError::NoBinaries { tried } if tried.len() == 2));
    assert_eq!(refused.code(), "TST-006");
    assert!(refused.to_string().contains(expected), "{refused}");
}

#[test]
fn no_install_means_no_install() {
    let scratch = scratch();
    let said = RefCell::new(Vec::new());
    let options = ClusterOptions {
        bin_dir: Some(scratch.path().join("nothing")),
        install: InstallPolicy::Forbidden,
        ..options(&scratch)
    };
    let refused = Cluster::start(&options, &|what| said.borrow_mut().push(what.to_owned())).unwrap_err();
    assert!(matches!(refused, ClusterError::NoBinaries { .. }), "{refused}");
    assert!(said.borrow().iter().all(|what| !what.contains("install")), "{said:?}");
}

#[test]
fn a_role_keeps_its_password_from_start_to_start() {
    let scratch = scratch();
    let first = start(&options(&scratch));
    let password = first.role_password("somebody").unwrap();
    assert_eq!(first.role_password("somebody").unwrap().expose(), password.expose());
    assert_ne!(first.role_password("other").unwrap().expose(), password.expose());
    first.stop().unwrap();
    let second = start(&options(&scratch));
    assert_eq!(second.role_password("somebody").unwrap().expose(), password.expose());
    second.stop().unwrap();
}

#[test]
fn names_that_are_no_directory_names_are_refused() {
    let scratch = scratch();
    for name in ["", "..", "a/b", "Tests", "a b"] {
        let named = ClusterOptions {
            name: name.to_owned(),
            ..options(&scratch)
        };
        assert!(
            matches!(Cluster::start(&named, &|_| ()), Err(ClusterError::InvalidName(_))),
            "{name}"
        );
    }
}

#[test]
fn a_standby_follows_its_primary_and_refuses_writes() {
    let scratch = scratch();
    let primary = start(&options(&scratch));
    ask(&primary, "CREATE TABLE followed (n int)");
    let copy = ClusterOptions {
        name: "it-standby".to_owned(),
        ..options(&scratch)
    };
    let standby = primary.start_standby(&copy, &|_| {}).unwrap();
    assert_ne!(standby.port(), primary.port());
    assert_eq!(ask(&standby, "SELECT pg_is_in_recovery()::text"), "true");
    ask(&primary, "INSERT INTO followed VALUES (7)");
    let deadline = Instant::now() + Duration::from_secs(20);
    while ask(&standby, "SELECT count(*)::text FROM followed") != "1" {
        assert!(Instant::now() < deadline, "the row never arrived");
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = std::panic::catch_unwind(|| ask(&standby, "INSERT INTO followed VALUES (8)"));
    assert!(refused.is_err(), "a standby took a write");
    assert_eq!(standby.stop().unwrap(), StopOutcome::Stopped);
    assert_eq!(primary.stop().unwrap(), StopOutcome::Stopped);
}
