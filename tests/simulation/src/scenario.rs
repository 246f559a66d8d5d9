//! Who posts what and when, and what the world does meanwhile. A schedule is a scenario and what goes wrong.

use domain::content::{Allow, Disclosure, PrivacyLevel, Transport};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tiktok_sandbox::config::{AutoTime, Rotation};

use crate::chance::{Chance, Rates};

/// When a schedule begins, in milliseconds since 1970: 2026-11-01T12:00:00Z.
pub const START: i64 = 1_793_534_400_000;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// A creator of TikTok's who has connected.
#[derive(Debug, Clone)]
pub struct Creator {
    /// The handle.
    pub handle: String,
    /// Whether the account is private at first.
    pub private: bool,
    /// Whether TikTok never tells the ids of its posts.
    pub ids_withheld: bool,
    /// Whether we may see the list of their videos.
    pub lists_videos: bool,
    /// How old the access token is when the schedule begins.
    pub token_age_ms: i64,
}

/// When the bytes of a post are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// From the start.
    Ready,
    /// When a [`Stroke::Upload`] comes, if one does.
    Late,
}

/// A post that somebody asks for.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The creator's number.
    pub creator: usize,
    /// The bytes.
    pub media: Media,
    /// Who may see it.
    pub privacy: PrivacyLevel,
    /// What viewers may do.
    pub allow: Allow,
    /// What is disclosed.
    pub disclosure: Disclosure,
    /// Whether it is disclosed as made by a machine.
    pub ai_generated: bool,
    /// How TikTok gets the bytes.
    pub transport: Transport,
    /// When it is to be published, after the start.
    pub publish_after_ms: Option<i64>,
}

/// Something that happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// The API accepts a post.
    Submit(usize),
    /// The bytes of a post are uploaded.
    Upload(usize),
    /// A person cancels a post.
    Cancel(usize),
    /// A creator's access tokens end before their time.
    AccessEnds(usize),
    /// A creator's account becomes private, or public.
    Private(usize, bool),
    /// A creator posts in other ways, up to TikTok's cap.
    PostsElsewhere(usize),
    /// A creator takes the authorization back.
    Revoked(usize),
    /// TikTok answers a creator's next refresh with the tokens of another user.
    Confused(usize),
    /// A creator's account is disconnected, and another workspace connects it.
    TakenOver(usize),
    /// TikTok's processing fails from now on, or its API does, or nothing any more.
    Outage(tiktok_sandbox::Outage),
}

/// How strictly the judge judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Everything.
    All,
    /// Duplicates, losses, I3, I4 and I7: what holds whatever clocks show.
    WhateverClocksShow,
}

/// Who posts what and when, and what the world does meanwhile.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// For TikTok's randomness and ours.
    pub seed: u64,
    /// Who posts.
    pub creators: Vec<Creator>,
    /// What they post.
    pub posts: Vec<Planned>,
    /// What happens by itself, and when after the start.
    pub strokes: Vec<(i64, Stroke)>,
    /// What workers' clocks show beyond the time; invocations are spread over them.
    pub skews: Vec<i64>,
    /// How fast TikTok is.
    pub pace: AutoTime,
    /// What a refresh does to the refresh token.
    pub rotation: Rotation,
    /// Whether TikTok has a URL for webhooks.
    pub webhooks: bool,
    /// How late the log of who asked for copies is, if there is one.
    pub log_delay_ms: Option<i64>,
    /// What the judge judges.
    pub strictness: Strictness,
    /// How many posts TikTok takes of each creator in a day.
    pub daily_cap: u32,
    /// How often TikTok sends each webhook.
    pub webhook_times: u32,
    /// How many messages are worked on at the same time; `None`: as many as there are.
    pub workers: Option<usize>,
}

impl Scenario {
    /// One public post, whose video is there or is uploaded after a while, and nothing that goes wrong.
    pub fn plain(media: Media, webhooks: bool) -> Self {
        let mut strokes = vec![(100, Stroke::Submit(0))];
        if media == Media::Late {
            strokes.push((30 * SECOND, Stroke::Upload(0)));
        }
        Self {
            seed: 1,
            creators: vec![Creator {
                handle: "ada".to_owned(),
                private: false,
                ids_withheld: false,
                lists_videos: false,
                token_age_ms: 10 * MINUTE,
            }],
            posts: vec![Planned {
                creator: 0,
                media,
                privacy: PrivacyLevel::PublicToEveryone,
                allow: Allow { comment: true, duet: false, stitch: false },
                disclosure: Disclosure::default(),
                ai_generated: false,
                transport: Transport::Auto,
                publish_after_ms: None,
            }],
            strokes,
            skews: vec![0],
            pace: AutoTime { fetch_ms: 1_000, processing_ms: 2_000, public_id_ms: 3_000 },
            rotation: Rotation::RotateOldDies,
            webhooks,
            log_delay_ms: None,
            strictness: Strictness::All,
            daily_cap: 15,
            webhook_times: 1,
            workers: None,
        }
    }

    /// Eight posts of one creator at once: more than TikTok takes in a minute.
    pub fn burst() -> Self {
        let one = Self::plain(Media::Ready, false);
        let posts = vec![one.posts[0].clone(); 8];
        let strokes =
            (0_u8..8).map(|number| (100 + 10 * i64::from(number), Stroke::Submit(usize::from(number))));
        Self { posts, strokes: strokes.collect(), ..one }
    }

    /// The schedule of a seed.
    pub fn of_seed(seed: u64, skews: Skews) -> (Self, Chance) {
        let mut rng = StdRng::seed_from_u64(seed);
        let creators = creators(&mut rng);
        let posts = posts(&mut rng, &creators);
        let mut strokes = strokes(&mut rng, &creators, &posts);
        let most = skews.most_ms();
        // whatever lies between two clocks, half of it lies on either side
        let skews = if rng.random_ratio(1, 4) {
            vec![0]
        } else {
            (0..3).map(|_| rng.random_range(-most / 2..=most / 2)).collect()
        };
        let slow = rng.random_ratio(1, 8);
        let pace = AutoTime {
            fetch_ms: rng.random_range(0..3_000),
            processing_ms: if slow { rng.random_range(0..HOUR) } else { rng.random_range(500..60_000) },
            public_id_ms: if slow { rng.random_range(0..8 * HOUR) } else { rng.random_range(0..30_000) },
        };
        let rotation = match rng.random_range(0..4) {
            0 => Rotation::OldValidUntilNewUsed,
            1 => Rotation::NoRotation,
            2 => Rotation::FamilyRevokedOnReuse,
            _ => Rotation::RotateOldDies,
        };
        // TikTok says everything again and again, and does not answer what is asked about it
        let storm = rng.random_ratio(1, 128);
        if storm {
            let at = rng.random_range(SECOND..10 * SECOND);
            strokes.push((at, Stroke::Outage(tiktok_sandbox::Outage::Api)));
            let end = at + rng.random_range(MINUTE..10 * MINUTE);
            strokes.push((end, Stroke::Outage(tiktok_sandbox::Outage::None)));
        }
        let strictness = if most > 2_000 { Strictness::WhateverClocksShow } else { Strictness::All };
        let scenario = Self {
            seed,
            creators,
            posts,
            strokes,
            skews,
            pace,
            rotation,
            webhooks: !rng.random_ratio(1, 4),
            log_delay_ms: rng.random_ratio(1, 3).then(|| rng.random_range(1_000..20 * MINUTE)),
            strictness,
            daily_cap: 15,
            webhook_times: if storm { 40 } else { 1 },
            workers: None,
        };
        let rates = rates(&mut rng);
        let calm_at = START + rng.random_range(MINUTE..40 * MINUTE);
        (scenario, Chance::seeded(rng, rates, calm_at))
    }
}

/// How far workers' clocks may be apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skews {
    /// Two seconds.
    Trusted,
    /// Ten minutes.
    Wild,
}

impl Skews {
    const fn most_ms(self) -> i64 {
        match self {
            Self::Trusted => 2 * SECOND,
            Self::Wild => 10 * MINUTE,
        }
    }
}

fn creators(rng: &mut StdRng) -> Vec<Creator> {
    let count = if rng.random_ratio(1, 3) { 2 } else { 1 };
    (0..count)
        .map(|number| Creator {
            handle: ["ada", "grace"][number].to_owned(),
            private: rng.random_ratio(1, 6),
            ids_withheld: rng.random_ratio(1, 24),
            lists_videos: rng.random_ratio(1, 3),
            token_age_ms: match rng.random_range(0..4) {
                // it ends soon, or has ended
                0 => 24 * HOUR - rng.random_range(-MINUTE..40 * MINUTE),
                // its refresh is due about now
                1 => rng.random_range(13 * HOUR..18 * HOUR),
                _ => rng.random_range(0..13 * HOUR),
            },
        })
        .collect()
}

fn posts(rng: &mut StdRng, creators: &[Creator]) -> Vec<Planned> {
    let burst = rng.random_ratio(1, 64);
    let count = if burst { rng.random_range(7..=14) } else { [1, 1, 1, 2, 2, 3][rng.random_range(0..6)] };
    (0..count)
        .map(|_| {
            let creator = if burst { 0 } else { rng.random_range(0..creators.len()) };
            let widest = if creators[creator].private {
                PrivacyLevel::FollowerOfCreator
            } else {
                PrivacyLevel::PublicToEveryone
            };
            let privacy = match rng.random_range(0..6) {
                0 => PrivacyLevel::MutualFollowFriends,
                1 => PrivacyLevel::SelfOnly,
                _ => widest,
            };
            Planned {
                creator,
                media: if !burst && rng.random_ratio(1, 6) { Media::Late } else { Media::Ready },
                privacy,
                allow: Allow {
                    comment: rng.random(),
                    duet: !creators[creator].private && rng.random(),
                    stitch: !creators[creator].private && rng.random(),
                },
                disclosure: Disclosure { your_brand: rng.random(), ..Disclosure::default() },
                ai_generated: rng.random(),
                transport: [Transport::Auto, Transport::Auto, Transport::Pull, Transport::Upload]
                    [rng.random_range(0..4)],
                publish_after_ms: rng.random_ratio(1, 8).then(|| rng.random_range(0..2 * HOUR)),
            }
        })
        .collect()
}

fn strokes(rng: &mut StdRng, creators: &[Creator], posts: &[Planned]) -> Vec<(i64, Stroke)> {
    let mut strokes = Vec::new();
    let together = rng.random_ratio(1, 3) || posts.len() > 3;
    for (number, post) in posts.iter().enumerate() {
        let at = if together { rng.random_range(0..2_000) } else { rng.random_range(0..4 * MINUTE) };
        strokes.push((at, Stroke::Submit(number)));
        if post.media == Media::Late && !rng.random_ratio(1, 12) {
            let longest = if rng.random_ratio(1, 4) { 2 * HOUR } else { MINUTE };
            strokes.push((at + rng.random_range(0..longest), Stroke::Upload(number)));
        }
        if rng.random_ratio(1, 12) {
            // most of them while something is going on
            let longest = if rng.random_ratio(1, 4) { HOUR } else { 4_000 };
            let from = post.publish_after_ms.filter(|_| rng.random()).unwrap_or(at);
            strokes.push((from + rng.random_range(1..longest), Stroke::Cancel(number)));
        }
    }
    for (number, creator) in creators.iter().enumerate() {
        if rng.random_ratio(1, 10) {
            strokes.push((rng.random_range(0..4 * MINUTE), Stroke::AccessEnds(number)));
        }
        if rng.random_ratio(1, 20) {
            let at = rng.random_range(0..5 * MINUTE);
            strokes.push((at, Stroke::Private(number, !creator.private)));
            if rng.random() {
                let back = at + rng.random_range(SECOND..2 * MINUTE);
                strokes.push((back, Stroke::Private(number, creator.private)));
            }
        }
        if rng.random_ratio(1, 40) {
            strokes.push((rng.random_range(0..MINUTE), Stroke::PostsElsewhere(number)));
        }
        if rng.random_ratio(1, 60) {
            strokes.push((rng.random_range(0..10 * MINUTE), Stroke::Revoked(number)));
        }
        if rng.random_ratio(1, 40) {
            strokes.push((rng.random_range(0..MINUTE), Stroke::Confused(number)));
        }
        if rng.random_ratio(1, 80) {
            let longest = if rng.random() { MINUTE } else { 2 * HOUR };
            strokes.push((rng.random_range(0..longest), Stroke::TakenOver(number)));
        }
    }
    if rng.random_ratio(1, 20) {
        let kind =
            if rng.random() { tiktok_sandbox::Outage::Api } else { tiktok_sandbox::Outage::Processing };
        let at = rng.random_range(0..4 * MINUTE);
        strokes.push((at, Stroke::Outage(kind)));
        let end = at + rng.random_range(SECOND..30 * MINUTE);
        strokes.push((end, Stroke::Outage(tiktok_sandbox::Outage::None)));
    }
    strokes
}

fn rates(rng: &mut StdRng) -> Rates {
    if rng.random_ratio(1, 24) {
        return Rates::default();
    }
    let mut rate = |most: u16| match rng.random_range(0..4) {
        0 => 0,
        1 => most / 8,
        2 => most / 3,
        _ => most,
    };
    Rates {
        port: rate(4_000),
        tiktok: rate(16_000),
        queue: rate(12_000),
        webhook: rate(24_000),
        sweep: rate(20_000),
        fetch: rate(16_000),
        stale: rate(32_000),
        stale_ms: [500, 3_000, 30_000][rng.random_range(0..3)],
        sluggish_ms: [0, 0, 0, 0, 0, 0, 2_000, 9_000][rng.random_range(0..8)],
    }
}
