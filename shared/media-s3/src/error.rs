//! What S3's failures mean to the caller.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use ports::PortError;

/// An answer of S3 that is not what its documentation promises.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Odd {
    #[error("the answer bears no ETag")]
    NoEtag,
    #[error("the answer bears no date")]
    NoDate,
    #[error("the answer bears no size")]
    NoSize,
    #[error("the answer bears no id of the upload")]
    NoUploadId,
    #[error("asked for {asked} bytes, got {got}")]
    Length { asked: u64, got: u64 },
    #[error("the object was replaced while it was read")]
    Replaced,
    #[error("a size of {0} bytes is beyond what S3 takes")]
    TooLarge(u64),
}

/// The status S3 answered with, if it answered.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

/// The object is not there: a 404 that does not mean the bucket.
pub(crate) fn missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(404) && error.code() != Some("NoSuchBucket")
}

/// The object is not the one with the `ETag` we asked for.
pub(crate) fn changed<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    status(error) == Some(412)
}

/// The raw response is left out: its headers and body do not belong in an error.
pub(crate) fn failed<E>(what: String, error: SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let refused = status(&error) == Some(403) || error.code() == Some("NoSuchBucket");
    let source = match error.into_source() {
        Ok(source) => source,
        Err(error) => error.into(),
    };
    PortError { what, source: Some(source), refused }
}
