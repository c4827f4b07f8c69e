//! What an error of the SDK says about the message: whether it can have left.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ses::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ses::operation::send_raw_email::SendRawEmailError;
use bearingwall_connectors::mail::{Outcome, Reason};
use std::error::Error;

/// What SES refuses because of the message itself: no later attempt with the same one does better.
const OF_THE_MESSAGE: [&str; 4] = [
    "MessageRejected",
    "InvalidParameterValue",
    "ValidationError",
    "MissingParameter",
];

/// Judges an error. Nothing of its text is kept: SES repeats addresses in it.
// CONTROL: MAI-6
pub(crate) fn outcome_of(error: &SdkError<SendRawEmailError>) -> Outcome {
    match error {
        // Nothing was sent: the request was not made.
        SdkError::ConstructionFailure(_) => Outcome::Later(Reason::of("NotSigned")),
        SdkError::DispatchFailure(_) if caused_by::<CredentialsError>(error).is_some() => {
            Outcome::Later(Reason::of("NoCredentials"))
        }
        SdkError::DispatchFailure(_) if never_connected(error) => Outcome::Later(Reason::of("NotConnected")),
        SdkError::DispatchFailure(_) => Outcome::Unknown(Reason::of("Interrupted")),
        SdkError::TimeoutError(_) => Outcome::Unknown(Reason::of("Timeout")),
        SdkError::ResponseError(_) => Outcome::Unknown(Reason::of("UnreadableAnswer")),
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("unnamed");
            let reason = Reason::of(code);
            let status = answer.raw().status().as_u16();
            // An answer of the server's own failure, or of something before it that gave up waiting, says nothing about the
            // message.
            if !(400..500).contains(&status) || status == 408 {
                Outcome::Unknown(reason)
            } else if OF_THE_MESSAGE.contains(&code) {
                Outcome::Refused(reason)
            } else {
                // The account, its rate, its rights, its configuration: an operator's affair, and not this message's.
                Outcome::Later(reason)
            }
        }
        _ => Outcome::Unknown(Reason::of("unnamed")),
    }
}

/// Whether the connection was never made: no name, no route, no TLS. Another release of the client below is not recognised,
/// and the outcome is then unknown.
fn never_connected(error: &(dyn Error + 'static)) -> bool {
    caused_by::<hyper_util::client::legacy::Error>(error).is_some_and(hyper_util::client::legacy::Error::is_connect)
}

fn caused_by<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        at = error.source();
    }
    None
}
