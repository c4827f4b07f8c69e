#![doc = include_str!("../README.md")]

use bearingwall_secrets::scan::{self, ScanError};
use clap::Parser;
use std::ffi::OsString;
use std::io::Write as _;

/// Done, or stopped in order.
pub const EXIT_OK: u8 = 0;
/// Something failed.
pub const EXIT_FAILURE: u8 = 1;
/// The usage or the configuration is wrong; trying again unchanged is useless.
pub const EXIT_CONFIGURATION: u8 = 2;
/// Refused because of what was found.
pub const EXIT_REFUSED: u8 = 3;

/// Why a program does not begin.
#[derive(Debug)]
pub enum NotBegun {
    /// Arguments or environment hold credentials: places are named, values are not.
    Credentials(ScanError),
    /// Wrong usage, or a system that does not keep memory private, which was printed; or help and version, which were asked for and printed.
    Printed {
        /// The code to exit with.
        exit_code: u8,
    },
}

/// The arguments of a program (its own name first), once neither they nor its environment are found to hold a credential.
///
/// Arguments stand in the process list and in the shell's history: they are searched before anything reads or prints them.
///
/// # Errors
/// [`NotBegun`]; what is wrong with the usage is printed here.
// CONTROL: SEC-1
pub fn begin<A: Parser>(
    arguments: impl IntoIterator<Item = OsString>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<A, NotBegun> {
    if let Err(error) = keep_memory_private() {
        return Err(NotBegun::Printed {
            exit_code: refuse_memory(error),
        });
    }
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let texts = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
    let mut findings = scan::scan_arguments(texts);
    findings.extend(scan::scan_environment(environment.into_iter()));
    scan::refuse(findings).map_err(NotBegun::Credentials)?;
    A::try_parse_from(arguments).map_err(|error| {
        // Nobody to tell is no reason for another exit code.
        let _ = error.print();
        NotBegun::Printed {
            exit_code: if error.use_stderr() {
                EXIT_CONFIGURATION
            } else {
                EXIT_OK
            },
        }
    })
}

/// A program that dies leaves no image of its memory, where its secrets are, and nobody who runs as the same user reads it while it
/// lives: no core dump, whether a limit or a handler (`core_pattern`) decides about it, no `ptrace`, no `/proc/PID/mem`.
///
/// Linux: setrlimit(2), prctl(2) `PR_SET_DUMPABLE`, proc(5). Elsewhere the limit alone.
// CONTROL: SEC-7
fn keep_memory_private() -> nix::Result<()> {
    nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0)?;
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_dumpable(false)?;
    Ok(())
}

fn refuse_memory(error: nix::Error) -> u8 {
    // Nobody to tell is no reason to go on.
    let _ = writeln!(
        std::io::stderr(),
        "the memory of this program cannot be kept from others: {}",
        error.desc()
    );
    EXIT_FAILURE
}

/// The environment, to be searched for credentials and for nothing else. A variable that is no UTF-8 is searched all the
/// same.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment is read to be searched for credentials, and for nothing else"
)]
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let lossy = |text: OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (lossy(name), lossy(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[arg(long)]
        name: Option<String>,
    }

    fn tried(words: &[&str], environment: &[(&str, &str)]) -> Result<Option<String>, NotBegun> {
        let words = std::iter::once("program")
            .chain(words.iter().copied())
            .map(OsString::from);
        let environment = environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        begin::<Arguments>(words, environment).map(|arguments| arguments.name)
    }

    #[test]
    fn sec_1_a_credential_is_refused_before_anything_is_parsed() {
        assert_eq!(
            tried(&["--name", "x"], &[("HOME", "/root")]).unwrap().as_deref(),
            Some("x")
        );
        for (words, environment) in [
            (&["--surprise", "AKIAIOSFODNN7EXAMPLE"][..], &[][..]),
            (&[], &[("DATABASE_PASSWORD", "correct horse battery")]),
        ] {
            let refused = tried(words, environment).unwrap_err();
            assert!(matches!(refused, NotBegun::Credentials(_)), "{refused:?}");
        }
    }

    #[test]
    fn wrong_usage_is_told_from_what_was_asked_for() {
        for (words, expected) in [(&["--surprise"][..], EXIT_CONFIGURATION), (&["--help"], EXIT_OK)] {
            let refused = tried(words, &[]).unwrap_err();
            assert!(
                matches!(refused, NotBegun::Printed { exit_code } if exit_code == expected),
                "{refused:?}"
            );
        }
    }
}
