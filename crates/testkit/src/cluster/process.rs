//! Processes by pid, told apart from later ones that were given the same number.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A pid and, where `/proc` tells it, when that process started (clock ticks since boot).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: i32,
    start: Option<u64>,
}

impl Process {
    /// The process that has this number now.
    pub(super) fn of_pid(pid: i32) -> Self {
        Self {
            pid,
            start: stat(pid).map(|(_, start)| start),
        }
    }

    /// `pid start`, as the watchdog reads it.
    pub(super) fn to_line(self) -> String {
        let start = self.start.map_or_else(|| "-".to_owned(), |start| start.to_string());
        format!("{} {start}\n", self.pid)
    }

    pub(super) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let pid = words.next()?.parse().ok().filter(|pid| *pid > 0)?;
        Some(Self {
            pid,
            start: words.next()?.parse().ok(),
        })
    }

    /// Whether that same process still runs; a zombie does not.
    pub(super) fn is_alive(self) -> bool {
        // EPERM means: it is there and belongs to somebody else.
        if matches!(kill(Pid::from_raw(self.pid), None), Err(error) if error != Errno::EPERM) {
            return false;
        }
        match stat(self.pid) {
            Some((state, start)) => !matches!(state, 'Z' | 'X') && self.start.is_none_or(|own| own == start),
            None => !Path::new("/proc/self/stat").exists(),
        }
    }

    /// Sends a signal; a process that is gone needs none.
    pub(super) fn signal(self, signal: Signal) {
        if self.is_alive() {
            let _ = kill(Pid::from_raw(self.pid), signal);
        }
    }

    /// Waits until it is gone; says whether it went in time.
    pub(super) fn wait_gone(self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.is_alive() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// Whether it is a server on this data directory: `-D <data>` among its arguments, under that user.
    pub(super) fn serves(self, data: &Path, uid: u32) -> bool {
        if !self.is_alive() {
            return false;
        }
        let proc = Path::new("/proc").join(self.pid.to_string());
        if let Ok(arguments) = fs::read(proc.join("cmdline")) {
            let wanted = data.as_os_str().as_encoded_bytes();
            let right_user = fs::metadata(&proc).is_ok_and(|metadata| metadata.uid() == uid);
            return right_user && arguments.split(|byte| *byte == 0).any(|argument| argument == wanted);
        }
        let listing = Command::new("ps")
            .args(["-p", &self.pid.to_string(), "-o", "args="])
            .output();
        listing.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&*data.to_string_lossy()))
    }
}

/// State and start time (fields 3 and 22) of `/proc/<pid>/stat`; the name before them may hold blanks and brackets.
fn stat(pid: i32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(") ")?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_ended_is_not_alive_even_before_it_is_reaped() {
        let mut child = Command::new("true").spawn().unwrap();
        let process = Process::of_pid(child.id().cast_signed());
        assert!(process.wait_gone(Duration::from_secs(10)));
        child.wait().unwrap();
        assert!(!process.is_alive());
    }

    #[test]
    fn a_reused_pid_is_another_process() {
        let own = Process::of_pid(std::process::id().cast_signed());
        assert!(own.is_alive());
        assert_eq!(Process::from_line(&own.to_line()), Some(own));
        if let Some(start) = own.start {
            assert!(
                !Process {
                    start: Some(start + 1),
                    ..own
                }
                .is_alive()
            );
        }
    }

    #[test]
    fn nonsense_is_no_process() {
        for line in ["", "0 1", "-1 5", "12", "x y"] {
            assert_eq!(Process::from_line(line), None, "{line}");
        }
    }
}
