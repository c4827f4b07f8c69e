//! Who uses a cluster, and the small shell process that stops it when nobody does.
//!
//! A test binary never stops the shared cluster: it ends, its mark goes stale, and either the next binary comes within
//! the grace time or the watchdog stops the server.
//! The same holds for a demo that was killed.

use super::ClusterError;
use super::layout::{Layout, write_private};
use super::process::Process;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const SCRIPT: &str = include_str!("watchdog.sh");

/// A mark that says "this process uses the cluster", taken back when it is dropped.
#[derive(Debug)]
pub(super) struct UserMark {
    path: PathBuf,
}

impl UserMark {
    /// Marks this process, and clears away the marks of processes that are gone.
    pub(super) fn register(layout: &Layout) -> Result<Self, ClusterError> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let users = layout.directory.join("users");
        for (path, process) in marks(&users) {
            if !process.is_alive() {
                // Gone already is as good.
                let _ = fs::remove_file(path);
            }
        }
        let own = Process::of_pid(std::process::id().cast_signed());
        let name = format!("{}-{}", own.pid, COUNTER.fetch_add(1, Ordering::Relaxed));
        let temporary = layout.directory.join(format!("mark-{name}"));
        let path = users.join(&name);
        write_private(&temporary, own.to_line().as_bytes())?;
        fs::rename(&temporary, &path).map_err(ClusterError::io("make", &path))?;
        Ok(Self { path })
    }

    /// Whether another live handle, of this process or another one, uses the cluster too.
    pub(super) fn has_company(&self) -> bool {
        let Some(users) = self.path.parent() else { return false };
        marks(users)
            .iter()
            .any(|(path, process)| *path != self.path && process.is_alive())
    }
}

impl Drop for UserMark {
    fn drop(&mut self) {
        // If it cannot be removed, it goes stale with this process.
        let _ = fs::remove_file(&self.path);
    }
}

fn marks(users: &Path) -> Vec<(PathBuf, Process)> {
    let entries = fs::read_dir(users).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let line = fs::read_to_string(entry.path()).ok()?;
            Some((entry.path(), Process::from_line(&line)?))
        })
        .collect()
}

/// Whether the watchdog has begun to stop this server; a marker whose watchdog is gone is cleared away.
pub(super) fn is_stopping(layout: &Layout, server: Process) -> bool {
    let marker = marker(layout, server);
    if !marker.exists() {
        return false;
    }
    if watchdog_of(layout, server).is_some_and(Process::is_alive) {
        return true;
    }
    let _ = fs::remove_dir(marker);
    false
}

/// Sees to it that a watchdog stands over this server.
pub(super) fn ensure(layout: &Layout, server: Process, grace_s: u32) -> Result<(), ClusterError> {
    if watchdog_of(layout, server).is_some_and(Process::is_alive) {
        return Ok(());
    }
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(SCRIPT).arg("bearingwall-watchdog");
    command
        .arg(layout.directory.join("users"))
        .arg(marker(layout, server))
        .arg(grace_s.to_string());
    command.args(server.to_line().split_whitespace());
    command.env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: Ctrl-C at the terminal is for the owner, who stops the server in order.
    command.process_group(0);
    let mut child = command.spawn().map_err(ClusterError::io("run", "/bin/sh"))?;
    let watchdog = Process::of_pid(child.id().cast_signed());
    std::thread::spawn(move || child.wait());
    let line = format!("{}{}", watchdog.to_line(), server.to_line());
    write_private(&layout.directory.join("watchdog.pid"), line.as_bytes())
}

fn watchdog_of(layout: &Layout, server: Process) -> Option<Process> {
    let text = fs::read_to_string(layout.directory.join("watchdog.pid")).ok()?;
    let mut lines = text.lines();
    let watchdog = Process::from_line(lines.next()?)?;
    (Process::from_line(lines.next()?)? == server).then_some(watchdog)
}

fn marker(layout: &Layout, server: Process) -> PathBuf {
    layout.directory.join(format!("stopping-{}", server.pid))
}
