//! What KMS's failures mean to the caller.

use std::error::Error;
use std::fmt;

use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::decrypt::DecryptError;
use ports::PortError;

/// An answer of KMS that is not what its documentation promises.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Odd {
    #[error("the answer bears no key")]
    NoKey,
    #[error("the key is not one for AES-256")]
    NotAes256,
}

/// What KMS says until somebody changes a policy or the key.
const REFUSALS: [&str; 7] = [
    "AccessDeniedException",
    "DisabledException",
    "InvalidArnException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
    "UnrecognizedClientException",
];

/// The encrypted data key was changed, or is of another key or context.
pub(crate) fn foreign_data_key<R>(error: &SdkError<DecryptError, R>) -> bool {
    matches!(
        error.as_service_error(),
        Some(DecryptError::InvalidCiphertextException(_) | DecryptError::IncorrectKeyException(_))
    )
}

/// The raw response is left out: its body may hold a data key.
pub(crate) fn failed<E, R>(what: String, error: SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    let refused = error.code().is_some_and(|code| REFUSALS.contains(&code));
    let source = match error.into_source() {
        Ok(source) => source,
        Err(error) => error.into(),
    };
    PortError { what, source: Some(source), refused }
}
