//! The checked-in table: how it is written, and how a fresh result differs from it.

use super::attack::Attack;
use super::residuals::RESIDUALS;
use super::run::Verdict;
use std::fmt::Write as _;

pub(crate) struct Row {
    pub(crate) attack: &'static Attack,
    /// In the order of the columns.
    pub(crate) verdicts: [Verdict; 3],
}

impl Row {
    fn line(&self) -> String {
        let [tutorial, plain, platform] = &self.verdicts;
        let attack = self.attack;
        let cell = |text: &str| text.replace('|', "\\|");
        format!(
            "| {} | {} | {} | {tutorial} | {plain} | {platform} | {} |",
            attack.id,
            attack.family(),
            cell(attack.name),
            cell(attack.note)
        )
    }
}

/// What the counts at the end of a run say.
pub(crate) fn summary(rows: &[Row]) -> String {
    let count = |column: usize, is: fn(&Verdict) -> bool| rows.iter().filter(|row| is(&row.verdicts[column])).count();
    let breach = |verdict: &Verdict| matches!(verdict, Verdict::Breach(_));
    let residual = |verdict: &Verdict| matches!(verdict, Verdict::Residual(_));
    format!(
        "attacks: {}; tutorial: {} breaches, {} residual; without platform: {} breaches, {} residual; with platform: {} breaches, {} residual",
        rows.len(),
        count(0, breach),
        count(0, residual),
        count(1, breach),
        count(1, residual),
        count(2, breach),
        count(2, residual),
    )
}

pub(crate) fn document(rows: &[Row]) -> String {
    let mut text = String::from(
        "# Attacks on tenant isolation\n\n\
         Every row is one attack by SQL on the application's own connection, after a legitimate entry into tenant A, against tenant B.\n\
         It is carried out on three databases that hold the same two tenants:\n\
         *tutorial* is the negative control, `crates/tenancy/tests/testdata/tutorial.sql`, a schema as tutorials teach it;\n\
         *without platform* is the migrated schema as a managed service has it;\n\
         *with platform* is the migrated schema with the hardening that needs a superuser.\n\n\
         The verdict is decided by facts: what the server answered, and what a superuser finds changed.\n\
         *blocked* names the SQLSTATE that refused it, or says that the answer held nothing of B.\n\
         *BREACH* names what was reached.\n\
         *residual* names one of the reasons at the end of this document.\n\
         *n/a* means that the schema has nothing of the kind.\n\n\
         The test `ten_1_every_attack_has_the_verdict_that_is_written_down` writes this file and fails when a verdict changes either way:\n\
         `cargo test -p bearingwall-tenancy ten_1_every_attack`.\n\n",
    );
    let _ = writeln!(text, "Result: {}.\n", summary(rows));
    text.push_str("| id | family | what is tried | tutorial | without platform | with platform | note |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for row in rows {
        let _ = writeln!(text, "{}", row.line());
    }
    text.push_str("\n## What remains\n\nWithout a proof that was captured from tenant B itself, no attack reads or changes a row of it.\nWhat succeeds all the same is this, with what an operator does about it.\n");
    for residual in RESIDUALS {
        let named = |column: usize| {
            let ids = rows
                .iter()
                .filter(|row| row.verdicts[column] == Verdict::Residual(residual.key));
            let ids: Vec<&str> = ids.map(|row| row.attack.id).collect();
            if ids.is_empty() {
                "none".to_owned()
            } else {
                ids.join(", ")
            }
        };
        let _ = writeln!(text, "\n### {}\n", residual.key);
        let _ = writeln!(text, "Without platform: {}; with platform: {}.", named(1), named(2));
        for line in residual.lines {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// Lines that only one of the two texts has.
pub(crate) fn difference(written: &str, fresh: &str) -> Vec<String> {
    let missing = |from: &str, of: &str, sign: char| {
        let from: Vec<&str> = from.lines().collect();
        let lines = of.lines().filter(|line| !from.contains(line));
        lines.map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
    };
    let mut lines = missing(fresh, written, '-');
    lines.extend(missing(written, fresh, '+'));
    lines.sort_by_key(|line| line.chars().skip(2).take(6).collect::<String>());
    lines
}
