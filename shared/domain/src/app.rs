//! What is known of the app at TikTok: what the operator says, and what TikTok's answers have shown.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::PostId;

/// How TikTok treats the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A sandbox of the developer portal: up to ten target users, and only their private posts.
    Sandbox,
    /// Not audited: private posts of private accounts, five posting creators in 24 hours.
    Unaudited,
    /// Audited: whatever `creator_info` offers.
    Audited,
}

impl Mode {
    /// The mode as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Unaudited => "unaudited",
            Self::Audited => "audited",
        }
    }
}

/// What the template's parameter `TikTokMode` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModeSetting {
    /// Found out from TikTok's answers.
    #[default]
    Auto,
    /// The operator knows.
    Is(Mode),
}

/// A word that is none of the modes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of auto, sandbox, unaudited and audited")]
pub struct InvalidMode(String);

impl FromStr for ModeSetting {
    type Err = InvalidMode;
    fn from_str(text: &str) -> Result<Self, InvalidMode> {
        match text {
            "auto" => Ok(Self::Auto),
            "sandbox" => Ok(Self::Is(Mode::Sandbox)),
            "unaudited" => Ok(Self::Is(Mode::Unaudited)),
            "audited" => Ok(Self::Is(Mode::Audited)),
            other => Err(InvalidMode(other.chars().take(40).collect())),
        }
    }
}

/// An answer of TikTok's that shows something about the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sighting {
    /// A post that is not private was accepted: the app is audited.
    PublicPostAccepted,
    /// `unaudited_client_can_only_post_to_private_accounts`.
    UnauditedRefused,
    /// The sign-in of somebody who is not a target user of the sandbox (`non_sandbox_target`).
    NotASandboxTarget,
    /// A pull from our media host was accepted: TikTok knows the host as ours.
    PullAccepted,
    /// `url_ownership_unverified`.
    UrlUnverified,
    /// `reached_active_user_cap`.
    ActiveUserCap,
}

impl Sighting {
    /// Every sighting.
    pub const ALL: [Self; 6] = [
        Self::PublicPostAccepted,
        Self::UnauditedRefused,
        Self::NotASandboxTarget,
        Self::PullAccepted,
        Self::UrlUnverified,
        Self::ActiveUserCap,
    ];

    /// TikTok's own code where it has one, else a word of ours.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PublicPostAccepted => "public_post_accepted",
            Self::UnauditedRefused => "unaudited_client_can_only_post_to_private_accounts",
            Self::NotASandboxTarget => "non_sandbox_target",
            Self::PullAccepted => "pull_accepted",
            Self::UrlUnverified => "url_ownership_unverified",
            Self::ActiveUserCap => "reached_active_user_cap",
        }
    }

    /// What a refusal of TikTok's with this code shows.
    pub fn of_code(code: &str) -> Option<Self> {
        let refusals =
            [Self::UnauditedRefused, Self::NotASandboxTarget, Self::UrlUnverified, Self::ActiveUserCap];
        refusals.into_iter().find(|sighting| sighting.as_str() == code)
    }
}

/// The operator's set-up is at fault: no post goes out, but for one probe now and then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// TikTok's code, or ours.
    pub code: String,
    /// Since when.
    pub since: Timestamp,
    /// When one post may try again.
    pub probe_at: Timestamp,
}

impl Breaker {
    /// While it is open, one post tries again this often.
    pub const PROBE: SignedDuration = SignedDuration::from_mins(15);

    /// When a post that waits for the set-up looks again: after the probe, and not all at the same moment.
    pub fn wait(&self, post: &PostId) -> Timestamp {
        let spread = i64::try_from(post.bits() % 240).unwrap_or_default();
        self.probe_at + SignedDuration::from_secs(spread)
    }
}

/// TikTok's downloads do not get on: videos whose transport is left to us are uploaded meanwhile. What hangs is left alone: it
/// may still land.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detour {
    /// When downloads were seen to hang, in the order they were seen.
    pub stalls: Vec<Timestamp>,
    /// Until when videos are uploaded.
    pub until: Option<Timestamp>,
}

impl Detour {
    /// So many hanging downloads within [`Detour::WINDOW`] open the detour.
    pub const STALLS: usize = 3;
    /// How long a hanging download counts.
    pub const WINDOW: SignedDuration = SignedDuration::from_hours(2);
    /// How long videos are uploaded after the latest one.
    pub const OPEN: SignedDuration = SignedDuration::from_hours(6);

    /// The same after one more download was seen to hang.
    #[must_use]
    pub fn stalled(&self, now: Timestamp) -> Self {
        let mut stalls = self.stalls.clone();
        stalls.retain(|at| now < *at + Self::WINDOW);
        stalls.push(now);
        let first = stalls.len().saturating_sub(Self::STALLS);
        stalls.drain(..first);
        let until = if stalls.len() < Self::STALLS { self.until } else { Some(now + Self::OPEN) };
        Self { stalls, until }
    }

    /// Whether videos are uploaded.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

/// What TikTok's answers have shown, and the files that prove a domain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AppFacts {
    /// When each was seen last.
    pub seen: BTreeMap<Sighting, Timestamp>,
    /// Names of TikTok's verification files that are served.
    pub files: BTreeSet<String>,
}

/// The mode and whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The mode.
    pub mode: Mode,
    /// TikTok's answer that shows it; `None`: the operator says so.
    pub shown_by: Option<(Sighting, Timestamp)>,
}

impl AppFacts {
    /// The mode that TikTok's newest answer shows.
    pub fn shown(&self) -> Option<Known> {
        let says = |sighting| match sighting {
            Sighting::PublicPostAccepted => Some(Mode::Audited),
            Sighting::UnauditedRefused => Some(Mode::Unaudited),
            Sighting::NotASandboxTarget => Some(Mode::Sandbox),
            Sighting::PullAccepted | Sighting::UrlUnverified | Sighting::ActiveUserCap => None,
        };
        let seen = self.seen.iter().filter_map(|(sighting, at)| Some((*at, *sighting, says(*sighting)?)));
        let (at, sighting, mode) = seen.max_by_key(|(at, _, _)| *at)?;
        Some(Known { mode, shown_by: Some((sighting, at)) })
    }

    /// The mode as far as it is known: TikTok's answers are believed before the setting.
    pub fn mode(&self, setting: ModeSetting) -> Option<Known> {
        self.shown().or(match setting {
            ModeSetting::Auto => None,
            ModeSetting::Is(mode) => Some(Known { mode, shown_by: None }),
        })
    }

    /// Whether TikTok takes the media host for ours: its newest answer, if there was one.
    pub fn domain_verified(&self) -> Option<(bool, Timestamp)> {
        let accepted = self.seen.get(&Sighting::PullAccepted).map(|at| (*at, true));
        let refused = self.seen.get(&Sighting::UrlUnverified).map(|at| (*at, false));
        accepted.into_iter().chain(refused).max().map(|(at, verified)| (verified, at))
    }
}

/// Whether a name is one of TikTok's verification files: `tiktok`, letters and digits, `.txt`.
pub fn is_verification_file(name: &str) -> bool {
    let token = name.strip_prefix("tiktok").and_then(|rest| rest.strip_suffix(".txt"));
    token.is_some_and(|token| {
        (1..=100).contains(&token.len())
            && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    })
}
