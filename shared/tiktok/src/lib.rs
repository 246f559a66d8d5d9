#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod answer;
mod client;
mod error;
mod exchange;
mod oauth;
mod publish;
mod secret;
mod upload;
mod user;
mod videos;
pub mod webhook;

pub use answer::UnreadableAt;
pub use client::{Client, Endpoints, InvalidBase};
pub use error::{Ambiguity, Error, ErrorCode, OAuthErrorCode, Remedy};
pub use exchange::{
    BoxError, BuildError, Endpoint, Exchange, ExchangeError, ExchangeLimits, Request, ReqwestExchange,
    Response,
};
pub use oauth::{AppCredentials, AuthorizeUrl, Scopes, TokenSet, scope};
pub use publish::{
    CreatorInfo, FailReason, PhotoMode, PhotoPost, PhotoSettings, PrivacyLevel, PublishStatus, StatusReport,
    VideoPost,
};
pub use secret::{AccessToken, ClientSecret, PullUrl, RefreshToken, UploadUrl};
pub use upload::{ChunkAnswer, NextChunk, UploadPlan, VideoType, VideoUpload};
pub use user::UserInfo;
pub use videos::{Video, VideoPage};
