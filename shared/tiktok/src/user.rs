//! `user/info`.

use serde::Deserialize;

/// Who granted the token (UI). Only fields that were asked for and granted are present.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UserInfo {
    /// The user's id for this app. Opaque: real ones begin with `-` or `_`, so never trim or normalise.
    pub open_id: String,
    /// A link to the avatar.
    #[serde(default)]
    pub avatar_url: Option<String>,
    /// The name shown on the profile.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The handle; needs scope `user.info.profile`.
    #[serde(default)]
    pub username: Option<String>,
}
