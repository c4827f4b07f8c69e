//! The command line.

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Starts a private PostgreSQL, a development issuer and the real server on loopback, and loads two invented medical
/// spas through the API.
///
/// Without --check and --kill it stays up until Ctrl-C and keeps its data for the next start.
#[derive(Debug, Parser)]
#[command(name = "cargo demo --", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Does the same in a temporary folder, proves the controls on it, one line each, and ends; fails if any fails.
    #[arg(long, group = "passing")]
    pub(crate) check: bool,

    /// Does the same in a temporary folder, kills the server N times with SIGKILL under a mixed load, then PostgreSQL,
    /// and proves that no personal data was sent without its committed event, that what was acknowledged is stored, that
    /// the sealer resumed and that the logs verify; fails if any of it does.
    #[arg(long, value_name = "N", group = "passing", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) kill: Option<u32>,

    /// With --kill: how often PostgreSQL is killed.
    #[arg(long, value_name = "N", requires = "kill", conflicts_with = "check", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) kill_database: u32,

    /// With --kill: what the requests and the moments of the kills follow from; without it another one each time.
    ///
    /// It is printed. What a run meets also depends on the machine: a seed asks the same, it does not repeat the answers.
    #[arg(long, value_name = "NUMBER", requires = "kill", conflicts_with = "check")]
    pub(crate) seed: Option<u64>,

    /// With --check or --kill: leaves the temporary folder behind.
    #[arg(long, requires = "passing")]
    pub(crate) keep: bool,

    /// Forgets what an earlier start has loaded.
    #[arg(long, conflicts_with = "passing")]
    pub(crate) fresh: bool,

    /// Where the cluster, the secrets and the log are kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// The folder of PostgreSQL's programs; without it they are searched.
    #[arg(long, value_name = "DIR", env = "BEARINGWALL_PG_BIN")]
    pub(crate) pg_bin: Option<PathBuf>,

    /// Never installs PostgreSQL.
    #[arg(long, env = "BEARINGWALL_NO_INSTALL", value_parser = FalseyValueParser::new())]
    pub(crate) no_install: bool,

    /// The server's port; without it 8080 where that is free.
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
}

impl Arguments {
    /// Whether it ends by itself and leaves nothing behind.
    pub(crate) const fn is_passing(&self) -> bool {
        self.check || self.kill.is_some()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The server process itself.
    #[command(hide = true)]
    Serve(ServeArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    #[arg(long)]
    pub(crate) config: PathBuf,
    #[arg(long)]
    pub(crate) ready_file: PathBuf,
}

/// `cargo demo` is an alias that ends in `--`, so that `cargo demo -- --check` arrives with a second one.
pub(crate) fn without_leading_dashes(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    if arguments.get(1).is_some_and(|first| first == "--") {
        arguments.remove(1);
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parsed(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        let arguments = std::iter::once("demo")
            .chain(arguments.iter().copied())
            .map(OsString::from);
        Arguments::try_parse_from(without_leading_dashes(arguments))
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_alias_works_with_and_without_its_second_separator() {
        for arguments in [&["--check"][..], &["--", "--check"]] {
            assert!(parsed(arguments).unwrap().check);
        }
        assert!(!parsed(&["--"]).unwrap().check);
        assert!(!parsed(&[]).unwrap().check);
    }

    #[test]
    fn senseless_combinations_are_refused() {
        assert!(parsed(&["--keep"]).is_err());
        assert!(parsed(&["--check", "--fresh"]).is_err());
        assert!(parsed(&["--", "--", "--check"]).is_err());
        for arguments in [
            &["--kill"][..],
            &["--kill", "0"],
            &["--kill", "5", "--check"],
            &["--kill", "5", "--fresh"],
            &["--seed", "1"],
            &["--check", "--seed", "1"],
            &["--kill-database", "1"],
        ] {
            assert!(parsed(arguments).is_err(), "{arguments:?}");
        }
    }

    #[test]
    fn kills_are_counted_and_leave_nothing_behind() {
        let arguments = parsed(&["--", "--kill", "50", "--seed", "7", "--keep"]).unwrap();
        assert_eq!(
            (
                arguments.kill,
                arguments.kill_database,
                arguments.seed,
                arguments.is_passing()
            ),
            (Some(50), 3, Some(7), true)
        );
        assert!(!parsed(&["--fresh"]).unwrap().is_passing());
    }
}
