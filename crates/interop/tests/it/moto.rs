//! moto, which answers as AWS does, as a process on loopback.

use crate::pgbouncer::required;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running moto, which ends with this value.
pub(crate) struct Moto {
    child: Child,
    pub(crate) url: String,
}

impl Drop for Moto {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where what `.ci` provides stands.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")),
        PathBuf::from,
    )
}

/// The environment that `.ci/moto.sh` makes.
pub(crate) fn environment() -> PathBuf {
    target().join("moto")
}

impl Moto {
    pub(crate) async fn start() -> Option<Self> {
        let program = environment().join("bin/moto_server");
        required(program.exists(), "no moto_server was found (.ci/moto.sh)");
        if !program.exists() {
            return None;
        }
        for _ in 0..5 {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = free.local_addr().unwrap().port();
            drop(free);
            let mut child = Command::new(&program)
                .args(["-H", "127.0.0.1", "-p", &port.to_string()])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let deadline = Instant::now() + Duration::from_secs(60);
            while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                assert!(Instant::now() < deadline, "moto does not answer");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            if child.try_wait().unwrap().is_some() {
                continue;
            }
            let url = format!("http://127.0.0.1:{port}");
            return Some(Self { child, url });
        }
        panic!("moto does not start");
    }

    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
