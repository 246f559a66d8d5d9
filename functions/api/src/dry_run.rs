//! What would become of a post, without making one.
//!
//! All checks, with what TikTok says of the creator at this moment, and when the post would begin as far as the account's limits
//! and the app's breaker show. Nothing is written but that TikTok was asked: the limiter has to know of every call.

use domain::content::ContentHash;
use domain::creator::CreatorInfo;
use domain::media::MediaState;
use domain::{Account, Level, Media, PostId, Problem, Timestamp};
use http::StatusCode;
use ports::{AppRows, Clock, Posts, Read};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Answered, Ask};
use crate::auth::Caller;
use crate::duplicate;
use crate::fields::{Problems, canonical};
use crate::multipart::{self, Incoming};
use crate::posts::{
    Asked, Asking, Found, ROUTE, check_publish_at, content_problems, creator_problems, key_reused, pinned,
    read, status_problem,
};
use crate::refusal::Refusal;
use crate::{Api, Outside, crypto, view};

const PARAMETER: &str = "dry_run";

/// What would become of a post.
#[derive(Serialize, ToSchema)]
#[schema(as = DryRun)]
pub(crate) struct Verdict {
    /// Whether the same request without `dry_run` would be accepted now.
    would_be_accepted: bool,
    /// The status that it would be answered with.
    status: u16,
    /// The state that the post would begin in; `null`: it would not.
    #[schema(required)]
    state: Option<&'static str>,
    /// When TikTok would be asked at the earliest, as far as is known; `null`: once its media are there, or not at all.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    begins_at: Option<Timestamp>,
    /// What TikTok still takes of the creator in 24 hours; `null`: its cap has not shown yet.
    #[schema(required)]
    day: Option<Day>,
    /// Everything that stands against it (`error`), and what would be better (`advice`).
    verdicts: Vec<view::Problem>,
}

/// TikTok's cap, as far as it was learned.
#[derive(Serialize, ToSchema)]
#[schema(as = DayLeft)]
pub(crate) struct Day {
    /// Posts in 24 hours.
    cap: u32,
    /// How many of them are left now.
    left: u32,
}

/// `?dry_run=true`.
pub(crate) fn is_asked(ask: &Ask, problems: &Problems) -> bool {
    match ask.query(PARAMETER).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            problems.push(Problem::new(
                format!("/{PARAMETER}"),
                "field.type",
                format!("`{PARAMETER}` must be true or false"),
                "send `true`, or leave it out",
            ));
            // whoever says something else does not want a post
            true
        }
    }
}

/// When a post would begin, and what puts it off.
struct Forecast {
    begins_at: Timestamp,
    advice: Vec<Problem>,
    day: Option<Day>,
}

impl<W: Outside> Api<W> {
    /// Judges a request to create a post. Whatever it says is a verdict, not a refusal, as long as it could be read at all.
    pub(crate) async fn try_post(&self, caller: &Caller, mut ask: Ask, problems: Problems) -> Answered {
        let now = self.time.now();
        let key = problems.idempotency_key(&ask);
        let Incoming { post: body, attached, identity, form } = multipart::read(&mut ask, &problems).await?;
        let hash = ContentHash(crypto::sha256(canonical(&identity).as_bytes()));
        let asked = read(&body, form, caller, now, &problems);
        let found = self.judge(caller, &asked, attached.is_some(), &problems).await?;
        if body.is_object() {
            problems.add(content_problems(&asked));
        }
        if let Some(when) = &asked.publish_at {
            check_publish_at(when.at, now, &found.media, &problems);
        }
        let mut advice = advice_of(&found.media);
        let account = self.ask_about_creator(&found, &asked, &problems, &mut advice).await?;

        let mut id = PostId::from_bits(0);
        let (mut status, mut replayed) = (StatusCode::ACCEPTED, false);
        if let Some(key) = &key {
            let asking = Asking { caller, route: ROUTE, key: &[key.as_str()], deadline: ask.deadline };
            id = PostId::from_bits(self.id_of(&asking).await?);
            if let Some(first) = self.store.post(&id, Read::Strong).await? {
                replayed = first.row.accepted == hash;
                if !replayed {
                    let refusal = key_reused();
                    status = refusal.status();
                    problems.add(refusal.into_problems());
                }
            }
        }
        let is_new = !replayed && !asked.draft && !asked.allow_duplicate;
        if let Some(creator) = found.creator.as_ref().filter(|_| is_new && problems.is_empty()) {
            let bytes = duplicate::bytes_of(&asked.media, &found.media, attached.as_ref());
            let earlier = self.duplicate_of(&id, &creator.id, &asked.content, &bytes, now).await?;
            if let Some(earlier) = earlier {
                let refusal = earlier.refusal(now);
                status = refusal.status();
                problems.add(refusal.into_problems());
            }
        }

        let problems = problems.take();
        let accepted = problems.is_empty() || replayed;
        if !accepted && status == StatusCode::ACCEPTED {
            status = Refusal::invalid(problems.clone()).status();
        }
        let state = accepted.then(|| state_of(&asked, &found, attached.is_some(), now));
        let forecast = match account.filter(|_| accepted && !asked.draft) {
            Some(account) => Some(self.forecast(&account, &asked, now).await?),
            None => None,
        };
        let waits = state.is_some_and(|state| matches!(state, "awaiting_media" | "draft"));
        let begins_at = forecast.as_ref().filter(|_| !waits).map(|forecast| forecast.begins_at);
        let (more, day) = forecast.map_or((Vec::new(), None), |forecast| (forecast.advice, forecast.day));
        advice.extend(more);
        let verdicts = problems.iter().chain(&advice);
        let verdicts = verdicts.map(|it| view::Problem::of(it, it.level.into())).collect();
        let verdict =
            Verdict { would_be_accepted: accepted, status: status.as_u16(), state, begins_at, day, verdicts };
        Ok(answer::json(StatusCode::OK, &verdict))
    }

    /// What TikTok says of the creator at this moment. A creator who cannot post just now is advice: the post would be accepted,
    /// and wait. `Err`: TikTok cannot be asked, so nothing can be said.
    async fn ask_about_creator(
        &self,
        found: &Found,
        asked: &Asked,
        problems: &Problems,
        advice: &mut Vec<Problem>,
    ) -> Result<Option<Account>, Refusal> {
        let Some(creator) = &found.creator else { return Ok(None) };
        if let Some(problem) = status_problem(creator.status) {
            problems.push(problem);
            return Ok(None);
        }
        match self.ask_creator_info(creator).await {
            Ok((info, account)) => {
                problems.add(told(found, asked, &info));
                Ok(Some(account))
            }
            Err(refusal) if refusal.status() == StatusCode::CONFLICT => {
                let may_pass = refusal.is_retryable();
                let said = refusal.into_problems();
                if may_pass {
                    advice.extend(said.into_iter().map(advised));
                    problems.add(told(found, asked, &creator.info));
                } else {
                    problems
                        .add(said.into_iter().map(|said| Problem { param: "/creator".to_owned(), ..said }));
                }
                Ok(None)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// When TikTok would be asked.
    async fn forecast(&self, account: &Account, asked: &Asked, now: Timestamp) -> Result<Forecast, Refusal> {
        let mut advice = Vec::new();
        let wanted = asked.publish_at.as_ref().map_or(now, |when| when.at.max(now));
        let mut begins_at = wanted;
        let limits = &account.limits;
        if let Some(free) = limits.day.free_at(wanted) {
            begins_at = begins_at.max(free);
            advice.push(Problem::new(
                "/publish_at",
                "posts.held.creator_daily_cap",
                format!(
                    "TikTok's cap of this creator's posts in 24 hours is used up: the post waits until {free}"
                ),
                "nothing: it goes on by itself; send a later `publish_at` to choose its time",
            ));
        }
        if let Some(breaker) = self.store.breaker().await?.filter(|breaker| wanted < breaker.probe_at) {
            begins_at = begins_at.max(breaker.probe_at);
            advice.push(Problem::new(
                "",
                "posts.held.operator",
                format!(
                    "TikTok refuses the app with `{}`, and every post waits for the operator",
                    breaker.code
                ),
                "repair what the code names; look at GET /v1/app-status",
            ));
        }
        if let Some(slot) = account.slot.as_ref().filter(|slot| wanted < slot.until) {
            begins_at = begins_at.max(slot.until);
            advice.push(Problem::new(
                "/creator",
                "posts.held.unconfirmed_sibling",
                format!("another post of this creator is being begun: it may take until {}", slot.until),
                "nothing: the post goes on by itself",
            ));
        }
        // as a post reserves its place
        let begins_at = limits.clone().reserve_publish(begins_at);
        let day = limits.day.cap.zip(limits.day.left(now));
        let day = day.map(|(cap, left)| Day { cap: cap.posts, left });
        Ok(Forecast { begins_at, advice: advice.into_iter().map(advised).collect(), day })
    }
}

fn advised(problem: Problem) -> Problem {
    Problem { level: Level::Advice, ..problem }
}

/// What stands against the content for the creator, as TikTok described it.
fn told(found: &Found, asked: &Asked, info: &CreatorInfo) -> Vec<Problem> {
    let duration_ms = pinned(&found.media, asked.content.kind).and_then(|pinned| pinned.duration_ms());
    creator_problems(&asked.content, info, duration_ms)
}

/// What the probe advises.
fn advice_of(media: &[Option<Media>]) -> Vec<Problem> {
    let rows = media.iter().enumerate().filter_map(|(index, media)| Some((index, media.as_ref()?)));
    let advice = rows.filter_map(|(index, media)| match &media.state {
        MediaState::Ready { advice, .. } => Some((index, advice)),
        MediaState::AwaitingUpload { .. } | MediaState::Rejected { .. } => None,
    });
    advice
        .flat_map(|(index, advice)| {
            let here = move |it: &Problem| Problem { param: format!("/media/{index}"), ..it.clone() };
            advice.iter().map(here).map(advised)
        })
        .collect()
}

/// The state that a post would begin in.
fn state_of(asked: &Asked, found: &Found, attached: bool, now: Timestamp) -> &'static str {
    let is_there = !attached && pinned(&found.media, asked.content.kind).is_some();
    let is_scheduled = asked.publish_at.as_ref().is_some_and(|when| now < when.at);
    match (asked.draft, is_there, is_scheduled) {
        (true, _, _) => "draft",
        (false, false, _) => "awaiting_media",
        (false, true, true) => "scheduled",
        (false, true, false) => "queued",
    }
}
