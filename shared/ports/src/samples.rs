//! Rows to test with.

use std::collections::BTreeSet;

use domain::account::{AccountStatus, Sealed, Tokens};
use domain::content::{
    Allow, Caption, Consent, ContentHash, Disclosure, Kind, Mode, PrivacyLevel, Title, Transport,
};
use domain::creator::{CreatorInfo, CreatorStatus};
use domain::endpoint::Secret;
use domain::limits::Limits;
use domain::media::{
    Container, Declared, MediaState, PhotoFormat, PhotoProbe, Pinned, PinnedVideo, Probe, VideoProbe,
};
use domain::post::{Order, Wish};
use domain::{
    Account, AccountId, Content, Creator, CreatorId, Endpoint, EndpointId, KeyId, KeyName, Media, MediaId,
    Periods, Post, PostId, Scopes, SignedDuration, Timestamp, WorkspaceId,
};

use crate::{ApiKey, Connecting};

/// 2026-11-01T12:00:00Z.
pub const NOON: Timestamp = Timestamp::constant(1_793_534_400, 0);

/// The workspace of all samples.
pub fn workspace() -> WorkspaceId {
    WorkspaceId::from_bits(0x5a)
}

/// What a post says.
pub fn content() -> Content {
    Content {
        kind: Kind::Video,
        mode: Mode::Direct,
        transport: Transport::Auto,
        media: vec![MediaId::from_bits(1)],
        title: Title::default(),
        caption: Caption::of_video("A day on the slipway #boats".to_owned()).expect("a short caption"),
        privacy_level: Some(PrivacyLevel::PublicToEveryone),
        allow: Allow { comment: true, duet: false, stitch: false },
        disclosure: Disclosure::default(),
        ai_generated: false,
        cover_timestamp_ms: Some(1_000),
        cover_index: 0,
        add_music: false,
        consent: Consent {
            music_usage_confirmed: true,
            branded_content_policy_confirmed: false,
            text_version: "2026-10".to_owned(),
            given_by: KeyId::from_bits(9).to_string(),
            given_at: NOON,
        },
    }
}

/// What the media of [`post`] is pinned to.
pub fn pinned() -> Pinned {
    Pinned::Video(pinned_video())
}

/// The video of [`pinned`].
pub fn pinned_video() -> PinnedVideo {
    PinnedVideo {
        etag: "\"9b2cf535f27731c974343645a3985328\"".to_owned(),
        container: Container::Mp4,
        duration_ms: 15_000,
        size: Some(30_000_000),
    }
}

/// A post that was accepted at `now`; without `pinned` it waits for its media.
pub fn post(bits: u128, pinned: Option<Pinned>, now: Timestamp) -> Post {
    Post::accept(order(bits), pinned, now, &Periods::default())
}

/// What [`post`] asks for.
pub fn order(bits: u128) -> Order {
    Order {
        id: PostId::from_bits(bits),
        workspace: workspace(),
        creator: CreatorId::from_bits(0xc1),
        account: AccountId::from_bits(0xacc),
        wish: Wish {
            content: ContentHash([0xb0; 32]),
            kind: Kind::Video,
            media: MediaId::from_bits(1),
            privacy_level: Some(PrivacyLevel::PublicToEveryone),
            publish_at: None,
            local_time: None,
        },
        draft: false,
        retry_of: None,
    }
}

/// A media that was declared at `now`.
pub fn media(bits: u128, now: Timestamp) -> Media {
    let declared = Declared {
        container: Container::Mp4,
        size: 30_000_000,
        sha256: Some("c2hhMjU2".to_owned()),
        convert: false,
    };
    Media::declare(MediaId::from_bits(bits), workspace(), declared, now, &Periods::default())
}

/// A media whose bytes are there and good, to be posted by [`pinned`].
pub fn ready_media(bits: u128, now: Timestamp) -> Media {
    let state =
        MediaState::Ready { etag: pinned_video().etag, probe: Probe::Video(probe()), advice: Vec::new() };
    Media { state, waiting: BTreeSet::new(), due: None, ..media(bits, now) }
}

/// What the probe says of a good video.
pub fn probe() -> VideoProbe {
    VideoProbe {
        container: Container::Mp4,
        codec: "h264".to_owned(),
        duration_ms: 15_000,
        frame_rate_millis: 29_970,
        width: 1_080,
        height: 1_920,
        rotation: 0,
        size: 30_000_000,
    }
}

/// What the probe says of a good photo.
pub fn photo_probe() -> PhotoProbe {
    PhotoProbe {
        format: PhotoFormat::Jpeg,
        width: 1_920,
        height: 1_080,
        orientation: 6,
        size: 700_000,
        converted_from: None,
    }
}

/// A sealed token that opens nowhere.
pub fn sealed(byte: u8) -> Sealed {
    Sealed { data_key: vec![0xdd; 184], cipher: vec![byte; 12 + 16 + 72] }
}

/// Tokens of a generation, issued at `now`.
pub fn tokens(epoch: u64, now: Timestamp) -> Tokens {
    let byte = u8::try_from(epoch % 100).unwrap_or_default();
    Tokens {
        epoch,
        access: sealed(byte),
        refresh: sealed(byte + 100),
        previous_refresh: None,
        issued_at: now,
        access_expires_at: now + SignedDuration::from_hours(24),
        refresh_expires_at: now + SignedDuration::from_hours(24 * 365),
        scopes: vec!["user.info.basic".to_owned(), "video.publish".to_owned()],
    }
}

/// An account that was connected at `now`.
pub fn account(bits: u128, now: Timestamp) -> Account {
    Account {
        id: AccountId::from_bits(bits),
        client_key: "aw2f0jx7k1qd9m5e".to_owned(),
        open_id: "-000Qm4kC5sVxT0yW9uGqk3o2cBfJ7hZr1aN".to_owned(),
        workspace: workspace(),
        creator: CreatorId::from_bits(0xc1),
        connected_at: now,
        status: AccountStatus::Connected,
        tokens: Some(tokens(1, now)),
        epoch: 1,
        lease: None,
        limits: Limits::default(),
        limits_version: 0,
        slot: None,
        due: Some(now + SignedDuration::from_hours(15)),
    }
}

/// A creator that was connected at `now`.
pub fn creator(bits: u128, now: Timestamp) -> Creator {
    Creator {
        id: CreatorId::from_bits(bits),
        workspace: workspace(),
        account: AccountId::from_bits(0xacc),
        open_id: "-000Qm4kC5sVxT0yW9uGqk3o2cBfJ7hZr1aN".to_owned(),
        status: CreatorStatus::Active,
        scopes: vec!["user.info.basic".to_owned(), "video.publish".to_owned()],
        info: creator_info(now),
        profile_at: now,
        created_at: now,
    }
}

/// What TikTok said of [`creator`].
pub fn creator_info(now: Timestamp) -> CreatorInfo {
    CreatorInfo {
        nickname: "Ada".to_owned(),
        username: "ada.on.the.water".to_owned(),
        avatar_url: "https://avatars.invalid/ada.jpeg".to_owned(),
        privacy_level_options: ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
            .map(str::to_owned)
            .to_vec(),
        comment_disabled: false,
        duet_disabled: false,
        stitch_disabled: true,
        max_video_post_duration_sec: 300,
        fetched_at: now,
    }
}

/// A webhook endpoint of [`workspace`] that was made at `now`.
pub fn endpoint(bits: u128, now: Timestamp) -> Endpoint {
    let secret = Secret { number: 1, sealed: sealed(7), ends_at: None, request_sha256: None };
    let (id, url) = (EndpointId::from_bits(bits), "https://hooks.example/slipway".to_owned());
    Endpoint::new(id, workspace(), url, secret, now, &Periods::default())
}

/// A key of [`workspace`] that was made at `now`, may do everything, and whose secret hashes to `[0x5e; 32]`.
pub fn api_key(bits: u128, now: Timestamp) -> ApiKey {
    ApiKey {
        id: KeyId::from_bits(bits),
        workspace: workspace(),
        name: "Ada's laptop".parse::<KeyName>().expect("a short name"),
        secret_sha256: [0x5e; 32],
        scopes: Scopes::all(),
        created_at: now,
        last_used_at: None,
        expires_at: None,
        retires_at: None,
        revoked_at: None,
        replaces: None,
        request_sha256: None,
    }
}

/// A connection that ends ten minutes after `now`.
pub fn connecting(now: Timestamp) -> Connecting {
    Connecting {
        workspace: workspace(),
        creator: None,
        scopes: vec!["user.info.basic".to_owned(), "video.publish".to_owned()],
        browser_sha256: Some([0xb5; 32]),
        expires_at: now + SignedDuration::from_mins(10),
    }
}
