//! The command line.

use clap::Parser;
use std::path::PathBuf;

/// The Bearingwall server. Everything it does is in its configuration file; no option and no variable changes that.
///
/// Exit codes: 0 stopped in order, 1 failed, 2 wrong usage or configuration, 3 refused because of what the database
/// or its role looks like, each reason on a line of its own.
#[derive(Debug, Parser)]
#[command(name = "bearingwall-server", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Only check the configuration: nothing is connected to.
    #[arg(long)]
    pub(crate) check_config: bool,
    /// Write the server's URL to this file as soon as it listens.
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
