//! `PULL_FROM_URL`: bytes that TikTok fetches itself, at once, slowly or never.

use serde::{Deserialize, Serialize};

use crate::config::{Outage, Time};
use crate::fetch::{FetchOutcome, FetchRules};
use crate::media::Probe;
use crate::publish::{Post, PostState, WrongStep, not_from};
use crate::world::{Effect, Task, World};

/// A download that takes its time, or for ever.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Pull {
    /// The bytes are here already; how many of them TikTok shows grows with time.
    Slow { outcome: FetchOutcome, since_ms: i64, bytes_per_second: u64 },
    /// It never ends by itself.
    Hanging,
}

impl Pull {
    /// How many bytes of the file that is under way are shown.
    fn bytes_at(&self, now: i64) -> u64 {
        let Self::Slow { outcome, since_ms, bytes_per_second } = self else { return 0 };
        let whole = outcome.result.as_ref().map_or(0, |fetched| fetched.bytes);
        let elapsed = u64::try_from(now - since_ms).unwrap_or(0);
        whole.min(elapsed.saturating_mul(*bytes_per_second) / 1_000)
    }
}

impl Post {
    /// How many came by this time, whichever way.
    pub(crate) fn bytes_at(&self, now: i64) -> u64 {
        self.bytes() + self.pull.as_ref().map_or(0, |pull| pull.bytes_at(now))
    }

    /// What came so far is all that ever comes.
    pub(crate) fn stop_pull(&mut self, now: i64) {
        self.downloaded_bytes += self.pull.take().map_or(0, |pull| pull.bytes_at(now));
    }

    /// TikTok's word for a download that did not work.
    fn pull_failed(&self) -> &'static str {
        if self.carousel.is_some() { "photo_pull_failed" } else { "video_pull_failed" }
    }
}

impl World {
    pub(crate) fn start_fetch(&mut self, publish_id: &str, _now: i64, effects: &mut Vec<Effect>) {
        let config = &self.config;
        let hangs = config.outage == Outage::Pulls;
        let rules = FetchRules {
            head_first: config.fetcher.head_first,
            use_range: config.fetcher.use_range,
            refuse_query: config.fetcher.refuse_query,
            limit_ms: config.fetcher.limit_ms,
            max_bytes: config.media.max_bytes,
            plain_http_on_loopback: config.plain_http_on_loopback,
        };
        let photo_bytes = config.photos.max_bytes;
        let Some(post) = self.posts.get_mut(publish_id) else { return };
        if let (PostState::Downloading, Some(url)) = (&post.state, post.urls.front()) {
            let max_bytes = if post.carousel.is_some() { photo_bytes } else { rules.max_bytes };
            post.fetch_started = true;
            if hangs {
                post.pull = Some(Box::new(Pull::Hanging));
                return;
            }
            let url = url.clone();
            let rules = FetchRules { max_bytes, ..rules };
            effects.push(Effect::Fetch { publish_id: publish_id.into(), url, rules });
        }
    }

    /// How the download went. Too late for a post that ended in the meantime: nothing happens.
    pub fn fetched(&mut self, publish_id: &str, outcome: FetchOutcome, now_ms: i64) -> Vec<Effect> {
        let mut effects = self.tick(now_ms);
        let awaited =
            |post: &Post| post.state == PostState::Downloading && !post.cancelling && post.pull.is_none();
        if self.posts.get(publish_id).is_some_and(awaited) {
            self.come_in(publish_id, outcome, now_ms, &mut effects);
            effects.extend(self.tick(now_ms));
        }
        effects
    }

    /// The bytes are here, or will never be.
    pub(crate) fn arrived(&mut self, publish_id: &str, outcome: FetchOutcome, now: i64) {
        let (rules, photo_rules) = (self.config.media.clone(), &self.config.photos);
        let Some(post) = self.posts.get_mut(publish_id) else { return };
        let longest =
            self.config.accounts.get(&post.account).map_or(0, |who| who.max_video_post_duration_sec);
        post.fetches.extend(outcome.hops);
        let verdict = match outcome.result {
            Ok(fetched) if post.carousel.is_some() => post.take_last_photo(fetched, photo_rules),
            Ok(fetched) => {
                post.downloaded_bytes = fetched.bytes;
                post.sha256 = fetched.sha256;
                let refusal = fetched.probe.refusal(&rules, longest);
                if let Probe::Video(video) = &fetched.probe
                    && !(0..=video.duration_ms).contains(&post.cover_timestamp_ms)
                {
                    // An invalid cover means the first frame.
                    post.cover_timestamp_ms = 0;
                }
                post.media = Some(fetched.probe);
                refusal.map(|(reason, why)| (reason.to_owned(), why))
            }
            Err(why) => Some((post.pull_failed().to_owned(), why)),
        };
        post.state = PostState::Processing { verdict };
        if let Time::Auto(auto) = &self.config.time {
            let at = now + auto.processing_ms;
            self.schedule(at, Task::Settle(publish_id.into()));
        }
    }

    pub(crate) fn pull_deadline(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        let open = self.posts.get(publish_id).filter(|post| post.state == PostState::Downloading);
        if let Some(post) = open {
            let reason = post.pull_failed();
            self.end(publish_id, reason, "the download took longer than allowed", now, effects);
        }
    }

    /// A file came whole; at the pace of the settings it is shown to come.
    fn come_in(&mut self, publish_id: &str, outcome: FetchOutcome, now: i64, effects: &mut Vec<Effect>) {
        let pace = self.config.fetcher.bytes_per_second.filter(|pace| *pace > 0);
        let bytes = outcome.result.as_ref().map(|fetched| fetched.bytes);
        let (Some(bytes_per_second), Ok(bytes)) = (pace, bytes) else {
            return self.take(publish_id, outcome, now, effects);
        };
        let takes = bytes.saturating_mul(1_000).div_ceil(bytes_per_second);
        if let Some(post) = self.posts.get_mut(publish_id) {
            post.pull = Some(Box::new(Pull::Slow { outcome, since_ms: now, bytes_per_second }));
        }
        let at = now.saturating_add(i64::try_from(takes).unwrap_or(i64::MAX));
        self.schedule(at, Task::Arrive(publish_id.into()));
    }

    pub(crate) fn arrive(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        let Some(post) = self.posts.get_mut(publish_id) else { return };
        if post.state != PostState::Downloading || post.cancelling {
            return;
        }
        match post.pull.take().map(|pull| *pull) {
            Some(Pull::Slow { outcome, .. }) => self.take(publish_id, outcome, now, effects),
            hanging => post.pull = hanging.map(Box::new),
        }
    }

    /// A file is here. After a good photo the next one is pulled; the last one, a bad one and a video end the download.
    fn take(&mut self, publish_id: &str, outcome: FetchOutcome, now: i64, effects: &mut Vec<Effect>) {
        let Some(post) = self.posts.get_mut(publish_id) else { return };
        match outcome.result {
            Ok(fetched) if post.urls.len() > 1 => {
                post.fetches.extend(outcome.hops);
                post.take_photo(fetched);
                self.start_fetch(publish_id, now, effects);
            }
            result => {
                self.unschedule(&Task::PullDeadline(publish_id.into()));
                self.arrived(publish_id, FetchOutcome { result, ..outcome }, now);
            }
        }
    }

    /// A download that is under way stands still from now on, until the hour ends it.
    pub fn hang(&mut self, publish_id: &str, now_ms: i64) -> Result<Vec<Effect>, WrongStep> {
        let effects = self.tick(now_ms);
        let post = self.known(publish_id)?;
        if post.state != PostState::Downloading {
            return Err(not_from(post));
        }
        if let Some(post) = self.posts.get_mut(publish_id) {
            post.stop_pull(now_ms);
            post.pull = Some(Box::new(Pull::Hanging));
        }
        Ok(effects)
    }
}
