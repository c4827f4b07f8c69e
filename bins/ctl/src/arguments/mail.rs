//! `mail`: what the DNS says of a domain that mail is sent from.

use clap::{Args, Subcommand};
use std::net::SocketAddr;

#[derive(Debug, Subcommand)]
pub(crate) enum MailCommand {
    /// Look at SPF, DKIM and DMARC of a domain, as receivers do.
    ///
    /// Exit codes: 0 all of it is as it must be, 3 something is not, or could not be looked up.
    Posture(PostureArguments),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct PostureArguments {
    /// The domain of the address in `From`, as `clinic.example`.
    pub(crate) domain: String,
    /// The envelope's own domain (custom MAIL FROM), as `bounce.clinic.example`.
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) mail_from: Option<String>,
    /// A DKIM token of SES; may be repeated, and has to be named for each of them.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) dkim: Vec<String>,
    /// The name server to ask, instead of the machine's own.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) server: Option<SocketAddr>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}
