//! Everything a function touches, and one creator who has connected.

use std::io::Cursor;

use domain::account::{Slot, TokenField};
use domain::content::ContentHash;
use domain::job::{Check, Publish};
use domain::media::{Container, MediaState, Pinned, PinnedVideo, VideoProbe, upload_key};
use domain::post::{Event, Order, PublishId};
use domain::{
    Account, AccountId, Content, CreatorId, Job, Media, MediaId, Nonce, Periods, Post, PostId,
    SignedDuration, Timestamp,
};
use ports::fakes::{ManualClock, MemoryObjects, MemoryQueues, MemoryTable, MemoryVault, SeededEntropy};
use ports::{Clock, Entropy, Plaintext, Posts, Saved, Stored, Vault as _, samples};
use tiktok::{Client, Endpoints};
use tiktok_sandbox::config::{App, AutoTime, Config};
use tiktok_sandbox::{Probe, World};

use crate::{Script, TikTok, Watched, done};

/// The app's key at TikTok.
pub const CLIENT_KEY: &str = "aw2f0jx7k1qd9m5e";
/// The app's secret at TikTok.
pub const CLIENT_SECRET: &str = "rehearsal-client-secret";
/// Where TikTok downloads from.
pub const MEDIA_BASE_URL: &str = "https://media.slipway.example";

/// What the creator of the stage has granted.
const SCOPES: [&str; 2] = ["user.info.basic", "video.publish"];

/// Clock and randomness of the stage.
#[derive(Debug, Clone)]
pub struct Time {
    /// The clock.
    pub clock: ManualClock,
    /// The randomness.
    pub entropy: SeededEntropy,
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Entropy for Time {
    fn random(&self) -> [u8; 32] {
        self.entropy.random()
    }
}

/// A video of TikTok's imitation: `good.mp4`, `two-seconds.mp4`, `15-fps.mp4` and so on.
///
/// # Panics
///
/// If there is no such video.
pub fn video(name: &str) -> Vec<u8> {
    let path = format!("{}/../tiktok-sandbox/media/sandbox-{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The account with the tokens that TikTok's token endpoint answered `now`, sealed and due for a refresh.
///
/// # Panics
///
/// If the answer is not one.
pub fn connected(
    mut account: Account,
    answer: &serde_json::Value,
    vault: &MemoryVault,
    now: Timestamp,
) -> Account {
    let text = |field: &str| answer[field].as_str().expect("a text").to_owned();
    let after = |field: &str| now + SignedDuration::from_secs(answer[field].as_i64().expect("a number"));
    account.open_id = text("open_id");
    let epoch = account.epoch;
    let seal = |secret: String, field| {
        done(vault.seal(&Plaintext::new(secret), &account.binding(field, epoch))).expect("sealed")
    };
    let tokens = domain::account::Tokens {
        access: seal(text("access_token"), TokenField::Access),
        refresh: seal(text("refresh_token"), TokenField::Refresh),
        access_expires_at: after("expires_in"),
        refresh_expires_at: after("refresh_expires_in"),
        ..samples::tokens(epoch, now)
    };
    let life = tokens.access_expires_at.duration_since(now);
    account.due = Some(now + SignedDuration::from_secs(life.as_secs() / 100 * 60));
    account.tokens = Some(tokens);
    account
}

/// Everything a function touches. TikTok is strict; `ada` has connected her account.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Sees every call.
    pub script: Script,
    /// Virtual time.
    pub clock: ManualClock,
    /// The clock with randomness.
    pub time: Time,
    /// The table, for looking at it.
    pub table: MemoryTable,
    /// The bucket, for looking at it.
    pub objects: MemoryObjects,
    /// The queues, for looking at them.
    pub queues: MemoryQueues,
    /// The vault.
    pub vault: MemoryVault,
    /// TikTok.
    pub tiktok: TikTok,
    /// Production's periods.
    pub periods: Periods,
}

impl Stage {
    /// A stage with one connected creator and one good video, [`Stage::media`].
    ///
    /// # Panics
    ///
    /// If the imitation does not take its settings.
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A stage whose TikTok is set up in another way.
    ///
    /// # Panics
    ///
    /// If the imitation does not take its settings.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let app = App {
            client_secret: CLIENT_SECRET.to_owned(),
            verified_url_prefixes: vec![format!("{MEDIA_BASE_URL}/"), "bucket.invalid".to_owned()],
            ..App::default()
        };
        let ada = tiktok_sandbox::Account { nickname: "Ada".to_owned(), ..Default::default() };
        let mut config = Config::default().with_app(CLIENT_KEY, app).with_account("ada", ada);
        config.time = tiktok_sandbox::Time::Auto(AutoTime {
            fetch_ms: 1_000,
            processing_ms: 2_000,
            public_id_ms: 3_000,
        });
        change(&mut config);
        let world = World::new(config).expect("settings that the developer portal takes");
        let (script, clock) = (Script::default(), ManualClock::default());
        let objects = MemoryObjects::at(clock.clone());
        let stage = Self {
            time: Time { clock: clock.clone(), entropy: SeededEntropy::default() },
            table: MemoryTable::new(),
            queues: MemoryQueues::new(clock.clone()),
            vault: MemoryVault::new(),
            tiktok: TikTok::new(world, clock.clone(), objects.clone(), script.clone()),
            periods: Periods::default(),
            script,
            clock,
            objects,
        };
        stage.connect("ada");
        stage.upload(1, &video("good.mp4"));
        stage
    }

    /// The table, as functions are given it.
    pub fn store(&self) -> Watched<MemoryTable> {
        Watched::new(self.table.clone(), &self.script)
    }

    /// The bucket, as functions are given it.
    pub fn bucket(&self) -> Watched<MemoryObjects> {
        Watched::new(self.objects.clone(), &self.script)
    }

    /// The queues, as functions are given them.
    pub fn senders(&self) -> Watched<MemoryQueues> {
        Watched::new(self.queues.clone(), &self.script)
    }

    /// The vault, as functions are given it.
    pub fn sealer(&self) -> Watched<MemoryVault> {
        Watched::new(self.vault.clone(), &self.script)
    }

    /// The typed client, as functions are given it.
    pub fn client(&self) -> Client<TikTok> {
        Client::new(self.tiktok.clone(), Endpoints::tiktok())
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The deadline of an invocation that starts now.
    pub fn deadline(&self, seconds: i64) -> Timestamp {
        self.now() + SignedDuration::from_secs(seconds)
    }

    /// Lets time pass, at TikTok too.
    pub fn wait(&self, seconds: i64) {
        let end = self.now() + SignedDuration::from_secs(seconds);
        while let Some(due) = self.tiktok.next_due().filter(|due| *due <= end.as_millisecond()) {
            let due = Timestamp::from_millisecond(due).expect("a time within the calendar");
            self.clock.set(due.max(self.now()));
            self.tiktok.tick();
        }
        self.clock.set(end);
    }

    /// Connects the account of a user of TikTok; it is [`Stage::account_id`].
    ///
    /// # Panics
    ///
    /// If TikTok's answer is not one.
    pub fn connect(&self, handle: &str) {
        self.connect_with(handle, 0, &SCOPES);
    }

    /// Connects the account of a user of TikTok who grants these scopes. Number 0 is [`Stage::account_id`], every other number
    /// another account with another creator, all of one workspace.
    ///
    /// # Panics
    ///
    /// If TikTok's answer is not one.
    pub fn connect_with(&self, handle: &str, number: u128, scopes: &[&str]) {
        let now = self.now();
        let answer = self.tiktok.connect(CLIENT_KEY, handle, scopes);
        let creator = CreatorId::from_bits(0xc1 + number);
        let row = Account { creator, ..samples::account(0xacc + number, now) };
        let mut account = connected(row, &answer, &self.vault, now);
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        if let Some(tokens) = &mut account.tokens {
            tokens.scopes.clone_from(&scopes);
        }
        let creator = domain::Creator {
            open_id: account.open_id.clone(),
            account: account.id.clone(),
            scopes,
            ..samples::creator(0xc1 + number, now)
        };
        self.table.insert_account(account);
        self.table.insert_creator(creator);
        self.vault.forget_calls();
    }

    /// The account of the stage.
    pub fn account_id(&self) -> AccountId {
        AccountId::from_bits(0xacc)
    }

    /// The account's row.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn account(&self) -> Account {
        self.table.accounts().into_iter().next().expect("a connected account")
    }

    /// Changes the account's row.
    pub fn change_account(&self, change: impl FnOnce(&mut Account)) {
        let mut account = self.account();
        change(&mut account);
        self.table.insert_account(account);
    }

    /// The creator's row.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn creator(&self) -> domain::Creator {
        self.table.creators().into_iter().find(|it| it.id == CreatorId::from_bits(0xc1)).expect("a creator")
    }

    /// The video that posts are made of.
    pub fn media(&self) -> MediaId {
        MediaId::from_bits(1)
    }

    /// Puts a probed video into the bucket and its row into the table.
    pub fn upload(&self, bits: u128, bytes: &[u8]) -> Pinned {
        let id = MediaId::from_bits(bits);
        let etag = self.objects.put(&upload_key(&id), Container::Mp4, bytes.to_vec());
        let duration_ms = match tiktok_sandbox::probe(&mut Cursor::new(bytes), bytes.len() as u64) {
            Probe::Video(video) => u64::try_from(video.duration_ms).unwrap_or_default(),
            Probe::Photo(_) | Probe::Nothing { .. } => 0,
        };
        let media = samples::ready_media(bits, self.now());
        let probe = VideoProbe { duration_ms, size: bytes.len() as u64, ..samples::probe() };
        let probe = domain::media::Probe::Video(probe);
        let state = MediaState::Ready { etag: etag.clone(), probe, advice: Vec::new() };
        self.table.insert_media(Media { state, ..media });
        Pinned::Video(PinnedVideo {
            etag,
            container: Container::Mp4,
            duration_ms,
            size: Some(bytes.len() as u64),
        })
    }

    /// An accepted post of [`Stage::media`].
    pub fn accept(&self, bits: u128) -> PostId {
        self.accept_with(bits, |_| {})
    }

    /// An accepted post of [`Stage::media`] with another content.
    ///
    /// # Panics
    ///
    /// If the video is gone.
    pub fn accept_with(&self, bits: u128, change: impl FnOnce(&mut Content)) -> PostId {
        let mut content = samples::content();
        change(&mut content);
        let media = self.table.all_media().into_iter().find(|it| content.media.contains(&it.row.id));
        let pinned = media.expect("the video's row").row.pinned();
        let mut post = samples::post(bits, pinned, self.now());
        post.content = ContentHash([u8::try_from(bits % 251).unwrap_or_default(); 32]);
        post.media = content.media[0].clone();
        post.privacy_level = content.privacy_level;
        let id = post.id.clone();
        self.table.insert_post(post, content);
        id
    }

    /// An accepted post of [`Stage::media`] that is ordered in another way: later, by another account, with other content.
    ///
    /// # Panics
    ///
    /// If the video is gone.
    pub fn order(&self, bits: u128, change: impl FnOnce(&mut Order)) -> PostId {
        let mut order = samples::order(bits);
        order.wish.content = ContentHash([u8::try_from(bits % 251).unwrap_or_default(); 32]);
        change(&mut order);
        let content = Content { privacy_level: order.wish.privacy_level, ..samples::content() };
        let media = self.table.all_media().into_iter().find(|it| it.row.id == order.wish.media);
        let pinned = media.expect("the video's row").row.pinned();
        let post = Post::accept(order, pinned, self.now(), &self.periods);
        let id = post.id.clone();
        self.table.insert_post(post, content);
        id
    }

    /// A post of another account: see [`Stage::connect_with`].
    pub fn accept_for(&self, number: u128, bits: u128) -> PostId {
        self.order(bits, |order| {
            order.account = AccountId::from_bits(0xacc + number);
            order.creator = CreatorId::from_bits(0xc1 + number);
        })
    }

    /// Applies an event to a post's row, as somebody else would.
    ///
    /// # Panics
    ///
    /// If the event makes no sense there, or was known.
    pub fn apply(&self, id: &PostId, event: Event) {
        let seen = self.post(id);
        let by = domain::timeline::Actor::Person;
        match seen.row.apply(event, by, self.now(), &self.periods).expect("a step that makes sense") {
            domain::Outcome::Moved(moved) => {
                let news = moved.news();
                let saved = Posts::save(&self.table, &seen, &moved, news.as_ref(), self.time.nonce());
                assert!(matches!(done(saved), Ok(Saved::Written(_))), "nobody else writes meanwhile");
            }
            domain::Outcome::Unchanged => panic!("the step was known"),
        }
    }

    /// A post that TikTok has taken: its init went through right now.
    ///
    /// # Panics
    ///
    /// If TikTok does not take it.
    pub fn processing(&self, bits: u128) -> PostId {
        let id = self.accept(bits);
        let (nonce, _) = self.claim(&id);
        let publish_id = self.send_init(&id);
        self.apply(&id, Event::InitAccepted { nonce, publish_id });
        id
    }

    /// An accepted post becomes one whose init's answer was lost right now; it has its account's slot. With `taken` TikTok has
    /// taken it, and gave this publish id.
    ///
    /// # Panics
    ///
    /// If TikTok does not take it.
    pub fn lose(&self, id: &PostId, taken: bool) -> Option<PublishId> {
        let (nonce, until) = self.claim(id);
        let publish_id = taken.then(|| self.send_init(id));
        self.apply(id, Event::AnswerLost { nonce });
        self.change_account(|account| {
            account.slot = Some(Slot::taken(id.clone(), until, account.slot.as_ref()));
        });
        publish_id
    }

    /// A post that has been claimed right now, with the copy that TikTok may pull.
    ///
    /// # Panics
    ///
    /// If it cannot be.
    pub fn claim(&self, id: &PostId) -> (Nonce, Timestamp) {
        let (nonce, until) = (self.time.nonce(), self.now() + SignedDuration::from_secs(40));
        self.apply(id, Event::Claimed { nonce, until, source: domain::post::Source::PullFromUrl });
        let row = self.post(id).row;
        let key = row.state.copy_keys().remove(0);
        let upload = self.objects.object(&upload_key(&row.media)).expect("the video");
        self.objects.put(&key, Container::Mp4, upload.bytes);
        (nonce, until)
    }

    /// TikTok takes the attempt that is open.
    fn send_init(&self, id: &PostId) -> PublishId {
        let row = self.post(id).row;
        let content =
            done(Posts::content(&self.table, id, &row.content)).expect("no fault").expect("a content");
        let key = row.state.copy_keys().remove(0);
        let body = serde_json::json!({
            "post_info": {
                "title": content.caption.as_str(),
                "privacy_level": row.privacy_level.map(domain::content::PrivacyLevel::as_str),
                "brand_content_toggle": false,
                "brand_organic_toggle": false,
            },
            "source_info": { "source": "PULL_FROM_URL", "video_url": format!("{MEDIA_BASE_URL}/{key}") },
        });
        PublishId(self.tiktok.init(&self.access_token(), &body))
    }

    /// A refresh by somebody else: the next generation is in the row.
    ///
    /// # Panics
    ///
    /// If TikTok refuses it.
    pub fn refresh_tokens(&self) {
        let app = tiktok::AppCredentials {
            client_key: CLIENT_KEY.to_owned(),
            client_secret: tiktok::ClientSecret::new(CLIENT_SECRET),
        };
        let old = tiktok::RefreshToken::new(self.refresh_token());
        let set = done(self.client().refresh(&app, &old)).expect("a refresh");
        let (account, now) = (self.account(), self.now());
        let had = account.tokens.clone().expect("tokens");
        let epoch = had.epoch + 1;
        let seal = |secret: &str, field| {
            let secret = Plaintext::new(secret.to_owned());
            done(self.vault.seal(&secret, &account.binding(field, epoch))).expect("sealed")
        };
        let access = seal(set.access_token.expose(), TokenField::Access);
        let refresh = seal(set.refresh_token.expose(), TokenField::Refresh);
        let access_expires_at = now + SignedDuration::try_from(set.expires_in).expect("a short time");
        let previous_refresh = Some((had.epoch, had.refresh));
        let tokens = domain::account::Tokens {
            epoch,
            access,
            refresh,
            previous_refresh,
            issued_at: now,
            access_expires_at,
            ..account.tokens.clone().expect("tokens")
        };
        self.change_account(|account| account.tokens = Some(tokens));
    }

    /// The access token in the clear.
    ///
    /// # Panics
    ///
    /// If there is none, or it does not open.
    pub fn access_token(&self) -> String {
        self.open(TokenField::Access)
    }

    /// The refresh token in the clear.
    ///
    /// # Panics
    ///
    /// If there is none, or it does not open.
    pub fn refresh_token(&self) -> String {
        self.open(TokenField::Refresh)
    }

    fn open(&self, field: TokenField) -> String {
        let account = self.account();
        let tokens = account.tokens.clone().expect("tokens");
        let sealed = match field {
            TokenField::Access => &tokens.access,
            TokenField::Refresh => &tokens.refresh,
            TokenField::UploadUrl | TokenField::Endpoint => panic!("no token"),
        };
        let secret = done(self.vault.open(sealed, &account.binding(field, tokens.epoch))).expect("it opens");
        secret.expose().to_owned()
    }

    /// A post's row.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn post(&self, id: &PostId) -> Stored<Post> {
        self.table.posts().into_iter().find(|it| it.row.id == *id).expect("the post's row")
    }

    /// The message that starts a post.
    pub fn publish_job(&self, id: &PostId) -> Publish {
        let post = self.post(id).row;
        let (account, content) = (post.account, post.content);
        Publish { post: id.clone(), account, content, ticket: None, refused_epoch: None }
    }

    /// The message that asks about a post.
    pub fn check_job(&self, id: &PostId) -> Check {
        let account = self.post(id).row.account;
        Check { post: id.clone(), account, swept: false, refused_epoch: None }
    }

    /// The jobs in the queues, in the order they were sent, with their delays in seconds.
    pub fn waiting(&self) -> Vec<(Job, i64)> {
        self.queues.waiting().into_iter().map(|sent| (sent.job, sent.delay.as_secs())).collect()
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}
