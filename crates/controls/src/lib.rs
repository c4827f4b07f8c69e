#![doc = include_str!("../README.md")]

mod catalogue;

pub use catalogue::CATALOGUE;

/// One promise of the system that can be attacked, tested and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// The stable id, `TEN-1`: three letters for the area, a number from 1.
    pub id: &'static str,
    /// A short name.
    pub title: &'static str,
    /// What holds, in one sentence that a test can show to be false.
    pub statement: &'static str,
    /// The directory of the crate that owns it, under `crates/`.
    pub crate_name: &'static str,
    /// The framework clauses that it supports.
    pub clauses: &'static [Clause],
    /// What to run or open to see that it holds.
    pub evidence: &'static [Evidence],
}

impl Control {
    /// Whether this control supports a clause, named exactly as in the catalogue (`164.312(b)`).
    #[must_use]
    pub fn supports(&self, framework: Framework, cite: &str) -> bool {
        self.clauses
            .iter()
            .any(|clause| clause.framework == framework && clause.cite == cite)
    }
}

/// A clause of a framework.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The framework.
    pub framework: Framework,
    /// The clause within it, as the framework writes it.
    pub cite: &'static str,
}

/// The frameworks that the catalogue refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Framework {
    /// The HIPAA rules, 45 CFR Part 164.
    Hipaa,
    /// SOC 2 Trust Services Criteria 2017, points of focus revised 2022.
    Soc2,
    /// The General Data Protection Regulation, (EU) 2016/679.
    Gdpr,
    /// ISO/IEC 27001:2022, Annex A.
    Iso27001,
    /// NIST SP 800-53, revision 5.
    Nist80053,
}

impl Framework {
    /// The name to print.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hipaa => "HIPAA 45 CFR Part 164",
            Self::Soc2 => "SOC 2 TSC 2017",
            Self::Gdpr => "GDPR",
            Self::Iso27001 => "ISO/IEC 27001:2022 Annex A",
            Self::Nist80053 => "NIST SP 800-53 r5",
        }
    }
}

/// What shows that a control holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A command that runs the tests which attack the control.
    Tests(&'static str),
    /// A command that shows the control on a running system.
    Live(&'static str),
    /// A checked-in file that a reviewer reads.
    File(&'static str),
}

/// The control with this id.
#[must_use]
pub fn control(id: &str) -> Option<&'static Control> {
    CATALOGUE.iter().find(|control| control.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn split(id: &str) -> (&str, u32) {
        let (area, number) = id.split_once('-').unwrap();
        (area, number.parse().unwrap())
    }

    #[test]
    fn ids_are_unique_and_well_formed() {
        let mut seen = BTreeSet::new();
        for control in CATALOGUE.iter() {
            let (area, number) = split(control.id);
            assert!(
                area.len() == 3 && area.bytes().all(|byte| byte.is_ascii_uppercase()),
                "{}",
                control.id
            );
            assert!(number > 0 && format!("{area}-{number}") == control.id, "{}", control.id);
            assert!(seen.insert(control.id), "{} appears twice", control.id);
        }
    }

    #[test]
    fn the_catalogue_is_sorted_by_crate() {
        let mut crates = Vec::new();
        // An area may be enforced in more than one crate: AUD is, in `audit` and in `sealing`.
        let mut last: BTreeMap<(&str, &str), u32> = BTreeMap::new();
        let mut numbers: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
        for control in CATALOGUE.iter() {
            if crates.last() != Some(&control.crate_name) {
                crates.push(control.crate_name);
            }
            let (area, number) = split(control.id);
            let previous = last.insert((control.crate_name, area), number).unwrap_or(0);
            assert!(number > previous, "{} is out of order", control.id);
            numbers.entry(area).or_default().insert(number);
        }
        for (area, numbers) in numbers {
            let expected: BTreeSet<u32> = (1..).take(numbers.len()).collect();
            assert_eq!(numbers, expected, "{area} leaves a gap");
        }
        let distinct: BTreeSet<_> = crates.iter().collect();
        assert_eq!(
            distinct.len(),
            crates.len(),
            "a crate's controls stand together: {crates:?}"
        );
    }

    #[test]
    fn every_control_can_be_shown() {
        for control in CATALOGUE.iter() {
            assert!(
                !control.title.is_empty() && !control.title.ends_with('.'),
                "{}",
                control.id
            );
            assert!(control.statement.ends_with('.'), "{}", control.id);
            assert!(
                control
                    .clauses
                    .iter()
                    .any(|clause| clause.framework == Framework::Hipaa),
                "{}",
                control.id
            );
            assert!(
                control.clauses.iter().any(|clause| clause.framework == Framework::Soc2),
                "{}",
                control.id
            );
            assert!(
                control
                    .clauses
                    .iter()
                    .any(|clause| clause.framework == Framework::Nist80053),
                "{}",
                control.id
            );
            assert!(
                control
                    .evidence
                    .iter()
                    .any(|evidence| matches!(evidence, Evidence::Tests(_))),
                "{}",
                control.id
            );
        }
    }

    #[test]
    fn the_tests_of_a_control_are_found_by_its_id() {
        for control in CATALOGUE.iter() {
            let prefix = format!("{}_", control.id.to_ascii_lowercase().replace('-', "_"));
            assert!(
                control
                    .evidence
                    .iter()
                    .any(|evidence| matches!(evidence, Evidence::Tests(command) if command.ends_with(&prefix))),
                "{} has no command that ends in `{prefix}`",
                control.id
            );
        }
    }

    #[test]
    fn an_unknown_id_is_none() {
        assert_eq!(control("TEN-0"), None);
        assert_eq!(control("ten-1"), None);
    }
}
