//! What the demo says: timed steps, a progress line that is rewritten on a terminal, and results.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where nobody can rewrite a line, one is written this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(1);
const TERMINAL_INTERVAL: Duration = Duration::from_millis(100);

/// Standard output, shared. Nobody reading is no reason to stop, so write errors are ignored.
pub(crate) struct Console {
    started: Instant,
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// A progress line stands on the terminal without its end.
    open: bool,
    last: Option<Instant>,
}

impl Console {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            terminal: std::io::stdout().is_terminal(),
            state: Mutex::default(),
        }
    }

    /// A step of the set-up, with the time since the start.
    pub(crate) fn step(&self, text: &str) {
        self.line(&format!("[{:6.1} s] {text}", self.started.elapsed().as_secs_f64()));
    }

    /// A line as it is.
    pub(crate) fn line(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wipe = if std::mem::take(&mut state.open) {
            "\r\x1b[K"
        } else {
            ""
        };
        state.last = None;
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{wipe}{text}");
        let _ = out.flush();
    }

    /// What is going on: rewritten on a terminal, at most one line a second elsewhere.
    pub(crate) fn progress(&self, text: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = if self.terminal {
            TERMINAL_INTERVAL
        } else {
            PLAIN_INTERVAL
        };
        let now = Instant::now();
        match state.last {
            Some(last) if now.duration_since(last) < interval => return,
            // What is over within a second needs no line that stays.
            None if !self.terminal => {
                state.last = Some(now);
                return;
            }
            Some(_) | None => state.last = Some(now),
        }
        let mut out = std::io::stdout().lock();
        let _ = if self.terminal {
            state.open = true;
            write!(out, "\r\x1b[K           {text}")
        } else {
            writeln!(out, "           {text}")
        };
        let _ = out.flush();
    }

    /// An error with its causes, on standard error.
    pub(crate) fn complain(&self, error: &anyhow::Error) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut state.open) {
            let _ = writeln!(std::io::stdout());
        }
        let _ = writeln!(std::io::stderr(), "cargo demo: {}", chain(error));
    }
}

/// The error and what caused it, in one line.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    // A transparent error says what its cause says.
    causes.dedup();
    causes.join(": ")
}

/// A number with its thousands apart.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345, "12,345"),
            (2_952_000, "2,952,000"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_transparent_cause_is_told_once() {
        let error = anyhow::anyhow!("down").context("down").context("asking");
        assert_eq!(chain(&error), "asking: down");
    }
}
