//! What the services' errors mean for whoever asked. Their texts go into the chain of sources; they hold no secret.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use bearingwall_secrets::SecretError;
use std::error::Error;

/// What is wrong, told by the service's own code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Missing,
    Refused,
    Disabled,
    /// A ciphertext that is not one of this key's, or not with this context.
    Ciphertext,
    Unreachable,
    NoIdentity,
    Answer,
}

pub(crate) fn of<E, R>(error: &SdkError<E, R>) -> Failure
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::TimeoutError(_) => Failure::Unreachable,
        // The credentials are fetched while a request is dispatched, and their failure comes in the same wrapping.
        SdkError::DispatchFailure(failure) if failure.is_other() || failure.is_user() => Failure::NoIdentity,
        SdkError::DispatchFailure(_) => Failure::Unreachable,
        SdkError::ServiceError(service) => coded(service.err().code()),
        SdkError::ConstructionFailure(_) | SdkError::ResponseError(_) => Failure::Answer,
        _ => Failure::Answer,
    }
}

fn coded(code: Option<&str>) -> Failure {
    match code.unwrap_or_default() {
        "ResourceNotFoundException" | "NotFoundException" => Failure::Missing,
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "NotAuthorized" => Failure::Refused,
        // A secret that waits for its deletion answers `InvalidRequestException`.
        "DisabledException" | "KMSInvalidStateException" | "InvalidRequestException" | "DecryptionFailure" => {
            Failure::Disabled
        }
        "InvalidCiphertextException" | "IncorrectKeyException" | "InvalidKeyUsageException" => Failure::Ciphertext,
        "ThrottlingException"
        | "LimitExceededException"
        | "KMSInternalException"
        | "DependencyTimeoutException"
        | "KeyUnavailableException"
        | "InternalServiceError"
        | "InternalServiceErrorException"
        | "InternalFailure"
        | "ServiceUnavailable" => Failure::Unreachable,
        _ => Failure::Answer,
    }
}

/// The same for a secret of this name.
pub(crate) fn secret<E, R>(error: SdkError<E, R>, name: &str) -> SecretError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let failure = of(&error);
    named(failure, name, error)
}

pub(crate) fn named(failure: Failure, name: &str, error: impl Error + Send + Sync + 'static) -> SecretError {
    match failure {
        Failure::Missing => SecretError::Missing { name: name.to_owned() },
        Failure::Disabled => SecretError::Disabled { name: name.to_owned() },
        Failure::Refused => SecretError::Refused(Box::new(error)),
        Failure::Unreachable => SecretError::Unreachable(Box::new(error)),
        Failure::NoIdentity => SecretError::NoIdentity(Box::new(error)),
        Failure::Ciphertext | Failure::Answer => SecretError::Answer(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_from_a_refusal() {
        assert_eq!(coded(Some("AccessDeniedException")), Failure::Refused);
        assert_eq!(coded(Some("ThrottlingException")), Failure::Unreachable);
        assert_eq!(coded(Some("ResourceNotFoundException")), Failure::Missing);
        assert_eq!(coded(Some("KMSInvalidStateException")), Failure::Disabled);
        assert_eq!(coded(Some("InvalidCiphertextException")), Failure::Ciphertext);
        // What is not known is no outage: nothing stale is served for it.
        assert_eq!(coded(Some("SomethingNew")), Failure::Answer);
        assert_eq!(coded(None), Failure::Answer);
    }
}
