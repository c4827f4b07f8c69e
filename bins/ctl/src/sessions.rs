//! `sessions revoke`: tokens that end before their time.

use crate::arguments::{RevokeArguments, SessionsCommand};
use crate::outcome::Outcome;
use crate::output;
use bearingwall_authn::{session_key, subject_id};
use bearingwall_core::{Clock as _, SystemClock};
use bearingwall_migrations::{SignedOut, sign_out};
use std::time::Duration;

pub(crate) async fn run(command: SessionsCommand) -> anyhow::Result<Outcome> {
    let SessionsCommand::Revoke(arguments) = command;
    let whose = whose(&arguments)?;
    let client = arguments.admin.login().await?.dial().await?;
    sign_out(&client, whose, Duration::from_secs(arguments.keep_for_s)).await?;
    output::line(&match whose {
        SignedOut::Session(_) => "the session's tokens are refused".to_owned(),
        SignedOut::Subject(subject, _) => format!("the tokens of {subject} that were issued so far are refused"),
    })?;
    Ok(Outcome::Done)
}

fn whose(arguments: &RevokeArguments) -> anyhow::Result<SignedOut> {
    if let Some(session) = &arguments.session {
        return Ok(SignedOut::Session(session_key(&arguments.issuer, session)));
    }
    let named = arguments.subject.as_ref();
    let subject = arguments
        .subject_id
        .or_else(|| named.map(|subject| subject_id(&arguments.issuer, subject)));
    let subject = subject.ok_or_else(|| anyhow::anyhow!("neither a session nor a person is named"))?;
    let now_s = SystemClock.unix_ms().div_euclid(1000);
    Ok(SignedOut::Subject(subject, now_s.saturating_add(arguments.skew_s)))
}
