//! The command line.

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;

/// Starts a private PostgreSQL, a development issuer and the real server on loopback, and loads two invented medical
/// spas through the API.
///
/// Without --check it stays up until Ctrl-C and keeps its data for the next start.
#[derive(Debug, Parser)]
#[command(name = "cargo demo --", version, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Does the same in a temporary folder, proves the controls on it, one line each, and ends; fails if any fails.
    #[arg(long)]
    pub(crate) check: bool,

    /// With --check: leaves the temporary folder behind.
    #[arg(long, requires = "check")]
    pub(crate) keep: bool,

    /// Forgets what an earlier start has loaded.
    #[arg(long, conflicts_with = "check")]
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
    }
}
