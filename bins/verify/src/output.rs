//! The result on standard output, progress and complaints on standard error.

use bearingwall_tlog::bundle::{Finding, Progress, Report, Selection};
use std::io::{self, IsTerminal as _, Write as _};

/// Below this, nobody waits.
const WORTH_SHOWING_BYTES: u64 = 32 << 20;

/// Percents on a terminal, over one another.
pub(crate) struct ProgressLine {
    is_terminal: bool,
    shown: Option<u64>,
}

impl ProgressLine {
    pub(crate) fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            shown: None,
        }
    }

    pub(crate) fn show(&mut self, progress: Progress) {
        let Progress {
            done_bytes,
            total_bytes,
        } = progress;
        if !self.is_terminal || total_bytes < WORTH_SHOWING_BYTES {
            return;
        }
        let percent = u128::from(done_bytes) * 100 / u128::from(total_bytes.max(1));
        let percent = u64::try_from(percent).unwrap_or(100);
        if self.shown != Some(percent) {
            self.shown = Some(percent);
            let _ = write!(io::stderr(), "\r{percent:3} %");
        }
    }

    pub(crate) fn clear(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r      \r");
        }
    }
}

/// The error, each cause behind its effect.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    causes.dedup();
    let _ = writeln!(io::stderr(), "bearingwall-verify: {}", printable(&causes.join(": ")));
}

/// The whole report. A reader that has gone is an error: the result did not arrive.
pub(crate) fn json(report: &Report) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    Ok(writeln!(out)?)
}

/// The report in sentences.
pub(crate) fn text(report: &Report) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines(report) {
        writeln!(out, "{}", printable(&line))?;
    }
    Ok(())
}

fn lines(report: &Report) -> Vec<String> {
    let mut lines = vec![format!("log        {}", report.origin)];
    if let Some(customer) = report.customer_id {
        lines.push(format!("tenant     {customer}"));
    }
    lines.push(format!("events     {}", events(report)));
    lines.push(format!("proven     {} of {}", report.events_proven, report.count));
    if let Some(root) = report.root {
        lines.push(format!(
            "root       {} of {} leaves",
            root.to_base64(),
            report.tree_size
        ));
    }
    if let Some(key) = &report.signed_by {
        lines.push(format!("signed by  {key}"));
    }
    for (name, time_s) in &report.cosigned_by {
        lines.push(format!("cosigned   {name}, at {time_s} s after 1970-01-01T00:00:00Z"));
    }
    if !report.checkpoints_checked.is_empty() {
        let count = report.checkpoints_checked.len();
        lines.push(format!("continues  {count} earlier checkpoint(s) of the export"));
    }
    for name in &report.remembered_checked {
        lines.push(format!("continues  `{name}`"));
    }
    for size in &report.checkpoints_not_checked {
        lines.push(format!(
            "unchecked  the earlier checkpoint of {size} leaves: the export carries no proof from it"
        ));
    }
    lines.extend(report.findings.iter().map(|finding| format!("WRONG      {finding}")));
    let untold = report.findings_total.saturating_sub(report.findings.len() as u64);
    if untold > 0 {
        lines.push(format!("WRONG      and {untold} more"));
    }
    lines.push(verdict(report));
    lines
}

fn events(report: &Report) -> String {
    let (first, count, size) = (report.first, report.count, report.tree_size);
    let last = first.saturating_add(count).saturating_sub(1);
    match report.selection {
        _ if count == 0 => format!("none of the {size} leaves"),
        Some(Selection::Selected) => {
            format!("{count} selected of {size} leaves; that no other belongs to them is not proven")
        }
        _ if report.is_whole => format!("all {size} leaves"),
        _ => format!("leaves {first} to {last} of {size}, complete; the others are not in this export"),
    }
}

fn verdict(report: &Report) -> String {
    if report.verified {
        return "VERIFIED".to_owned();
    }
    let is_another = |finding: &Finding| {
        matches!(
            finding,
            Finding::Origin { .. } | Finding::Customer { .. } | Finding::Manifest { .. }
        )
    };
    if report.findings.iter().any(is_another) {
        "NOT VERIFIED: this is not the export that was asked about, or none".to_owned()
    } else {
        "NOT VERIFIED".to_owned()
    }
}

/// What stands in an export may be made to deceive a terminal: control and direction characters are spelled out.
fn printable(line: &str) -> String {
    let is_harmful = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut text = String::with_capacity(line.len());
    for c in line.chars() {
        if is_harmful(c) {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_an_export_reaches_the_terminal_as_a_command() {
        assert_eq!(printable("a\u{1b}[2Jé\u{202e}\n"), "a\\u{1b}[2Jé\\u{202e}\\u{a}");
    }
}
