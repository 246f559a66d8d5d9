//! What is wrong with a creator or with the app, and what to do about it.

use std::collections::{BTreeMap, BTreeSet};

use domain::account::{AccountStatus, Care};
use domain::app::{AppFacts, Known, Mode, ModeSetting, Sighting, is_verification_file};
use domain::content::PrivacyLevel;
use domain::creator::CreatorStatus;
use domain::post::{HoldReason, PostState};
use domain::timeline::What;
use domain::{Account, Creator, Problem, Scope, SignedDuration, Timestamp};
use http::StatusCode;
use ports::{Accounts, AppRows, Clock, Creators, Notices, Objects, Posts, Read};
use serde_json::{Value, json};
use wiring::secrets::Secrets;

use crate::answer::{self, Answered, Ask};
use crate::connect::SCOPES;
use crate::fields::Problems;
use crate::posts::PageAsked;
use crate::refusal::Refusal;
use crate::{Api, Outside, view};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// A refresh that is late by this much is worth a word.
const LATE: SignedDuration = SignedDuration::from_hours(1);
/// A workspace's newest posts are looked at in so many pages of a hundred.
const PAGES: u32 = 10;
/// TikTok's cap differs by account and counts other apps' posts too; this is what its guidelines name.
const DAILY_CAP: u64 = 15;
/// What TikTok allows an app that is not audited.
const UNAUDITED_CREATORS: usize = 5;
/// TikTok's files have one line.
const FILE_MAX: usize = 1_000;

/// The posts of a creator, as far as they were looked at.
#[derive(Default)]
pub(crate) struct Tally {
    waiting: u64,
    in_progress: u64,
    unconfirmed: u64,
    held: BTreeMap<&'static str, Held>,
    accepted_in_24_hours: u64,
    complete: bool,
}

struct Held {
    why: HoldReason,
    posts: u64,
    until: Option<Timestamp>,
}

impl Tally {
    fn json(&self) -> Value {
        let held: Vec<Value> = self
            .held
            .values()
            .map(|held| {
                json!({
                    "reason": held.why.as_str(),
                    "posts": held.posts,
                    "until": held.until.map(|until| until.to_string()),
                    "remedy": held.why.remedy(),
                })
            })
            .collect();
        json!({
            "accepted_by_tiktok_in_24_hours": self.accepted_in_24_hours,
            "likely_left_in_24_hours": self.complete.then(|| DAILY_CAP.saturating_sub(self.accepted_in_24_hours)),
            "waiting": self.waiting,
            "in_progress": self.in_progress,
            "unconfirmed": self.unconfirmed,
            "held": held,
            "all_were_looked_at": self.complete,
        })
    }

    /// What becomes of the posts of a creator that was disconnected.
    pub(crate) fn left_behind(&self) -> Value {
        json!({
            "waiting": self.waiting + self.held.values().map(|held| held.posts).sum::<u64>(),
            "in_progress": self.in_progress,
            "what_happens": "posts that wait are held until the creator connects again; TikTok's webhooks still tell \
                             what became of those that TikTok has taken",
            "all_were_looked_at": self.complete,
        })
    }
}

impl<W: Outside> Api<W> {
    /// Looks at the workspace's newest posts and counts this creator's.
    pub(crate) async fn tally(&self, creator: &Creator) -> Result<Tally, Refusal> {
        let now = self.time.now();
        let mut tally = Tally::default();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES {
            let page = self.store.list(&creator.workspace, cursor.as_deref(), 100).await?;
            for post in page.rows.iter().filter(|post| post.creator == creator.id) {
                match &post.state {
                    PostState::Draft
                    | PostState::AwaitingMedia { .. }
                    | PostState::Scheduled { .. }
                    | PostState::Queued { .. } => tally.waiting += 1,
                    PostState::Held { until, why, .. } => {
                        let held = tally.held.entry(why.as_str()).or_insert(Held {
                            why: *why,
                            posts: 0,
                            until: *until,
                        });
                        held.posts += 1;
                        held.until = held.until.min(*until);
                    }
                    PostState::Initiating { .. }
                    | PostState::Uploading { .. }
                    | PostState::Processing { .. }
                    | PostState::Cancelling { .. } => tally.in_progress += 1,
                    PostState::Unconfirmed { .. } => tally.unconfirmed += 1,
                    PostState::SentToInbox { .. }
                    | PostState::Published { .. }
                    | PostState::Failed { .. }
                    | PostState::Cancelled { .. } => {}
                }
                let entries = post.timeline.entries().iter();
                let taken = entries.filter(|entry| entry.what == What::InitAccepted && entry.at > now - DAY);
                tally.accepted_in_24_hours += taken.count() as u64;
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                tally.complete = true;
                break;
            }
        }
        Ok(tally)
    }

    pub(crate) async fn read_creator_health(&self, ask: Ask) -> Answered {
        let creator = self.asked_creator(&ask, Scope::CreatorsRead).await?;
        let now = self.time.now();
        let account = self.store.account(&creator.account, Read::Strong).await?;
        let account = account.filter(|account| account.is_of(&creator.id));
        let tally = self.tally(&creator).await?;
        let client_key = self.secrets.secrets(now).await?.client_key.clone();
        let mode = self.store.app(&client_key).await?.mode(self.tiktok_mode);
        let status = view::status(&creator, account.as_ref());

        let mut problems = Vec::new();
        problems.extend(account.as_ref().and_then(broken));
        if account.is_none() || status == CreatorStatus::Disconnected {
            problems.push(error(
                "creator.disconnected",
                "the creator is not connected".to_owned(),
                RECONNECT,
            ));
        }
        let missing: Vec<&str> = SCOPES
            .into_iter()
            .filter(|scope| !creator.scopes.iter().any(|granted| granted == scope))
            .collect();
        if !missing.is_empty() {
            problems.push(error(
                "creator.scopes.missing",
                format!("the creator did not grant `{}`", missing.join("`, `")),
                "send a new link from POST /v1/connect-links and ask the creator to leave every box ticked",
            ));
        }
        if let Some(account) = &account {
            problems.extend(self.token_problems(account, now));
        }
        problems.extend(mode_problem(mode, &creator));
        problems.extend(tally.held.values().map(|held| {
            advice(
                &format!("posts.held.{}", held.why.as_str()),
                format!("{} posts wait: {}", held.posts, held.why.as_str()),
                held.why.remedy(),
            )
        }));
        let healthy = problems.iter().all(|(level, _)| *level != "error");
        let body = json!({
            "creator": creator.id.as_str(),
            "status": status,
            "healthy": healthy,
            "token": account.as_ref().and_then(|account| token(account, now)),
            "scopes": { "needed": SCOPES, "granted": creator.scopes, "missing": missing },
            "posts": tally.json(),
            "resting_until": account.as_ref().and_then(|account| {
                account.limits.rest_until.filter(|until| now < *until).map(|until| until.to_string())
            }),
            "tiktok_mode": mode.map(|known| known.mode.as_str()),
            "problems": problems.iter().map(problem_json).collect::<Vec<_>>(),
        });
        Ok(answer::json(StatusCode::OK, &body))
    }

    fn token_problems(&self, account: &Account, now: Timestamp) -> Vec<(&'static str, Problem)> {
        let (AccountStatus::Connected, Some(tokens)) = (&account.status, &account.tokens) else {
            return Vec::new();
        };
        let mut problems = Vec::new();
        let due = self.refresh.due(&account.id, tokens, account.care(now));
        if now > due + LATE {
            problems.push(advice(
                "creator.refresh.late",
                format!("the tokens were to be refreshed at {due} and could not be yet"),
                "nothing by the creator: it is tried again by itself; look at GET /v1/app-status and at TikTok's status",
            ));
        }
        if now >= tokens.refresh_expires_at {
            problems.push(error(
                "creator.grant.ended",
                format!("the creator's grant ended at {}", tokens.refresh_expires_at),
                RECONNECT,
            ));
        } else if let Some(days) = tokens.warning(now) {
            problems.push(advice(
                "creator.grant.ends",
                format!("the creator's grant ends at {}, in {days} days or less", tokens.refresh_expires_at),
                RECONNECT,
            ));
        }
        problems
    }

    pub(crate) async fn read_app_status(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::AppRead).await?;
        let now = self.time.now();
        let client_key = self.secrets.secrets(now).await?.client_key.clone();
        let mut facts = self.store.app(&client_key).await?;
        self.add_what_posts_show(&caller.workspace, &mut facts).await?;
        let posting = self.posting_creators(&caller.workspace, now).await?;
        let mode = facts.mode(self.tiktok_mode);
        let mut problems = self.app_problems(&facts, mode);
        let breaker = self.store.breaker().await?;
        problems.extend(breaker.as_ref().map(|breaker| {
            error(
                "app.breaker.open",
                format!("no post goes out since {}: `{}`", breaker.since, breaker.code),
                "repair what the code names; one post tries again every 15 minutes, and the others follow it",
            )
        }));
        let base = self.base_url(&ask);
        let body = json!({
            "tiktok": {
                "client_key": client_key,
                "mode": mode.map_or("unknown", |known| known.mode.as_str()),
                "mode_setting": match self.tiktok_mode {
                    ModeSetting::Auto => "auto",
                    ModeSetting::Is(mode) => mode.as_str(),
                },
                "mode_shown_by": mode.and_then(|known| known.shown_by).map(|(sighting, at)| {
                    json!({ "what": sighting.as_str(), "at": at.to_string() })
                }),
                "means": means(mode.map(|known| known.mode)),
                "active_user_cap_reached_at": facts.seen.get(&Sighting::ActiveUserCap).map(Timestamp::to_string),
            },
            "posting_creators_in_24_hours": {
                "of_this_workspace": posting.0,
                "all_were_looked_at": posting.1,
                "allowed_in_the_app": mode
                    .filter(|known| known.mode != Mode::Audited)
                    .map(|_| UNAUDITED_CREATORS),
            },
            "media": {
                "base_url": self.media_base_url,
                "pulled_by": if self.media_base_url.is_some() { "media_domain" } else { "presigned_s3_url" },
                "domain_verified": facts.domain_verified().map(|(verified, _)| verified),
                "domain_verified_seen_at": facts.domain_verified().map(|(_, at)| at.to_string()),
                "verification_files": facts.files.iter().map(|name| self.file_json(name, &base)).collect::<Vec<_>>(),
            },
            "register_at_tiktok": {
                "redirect_uri": format!("{base}/oauth/tiktok/callback"),
                "webhook_url": format!("{base}/webhooks/tiktok"),
            },
            "breaker": breaker.as_ref().map(|breaker| json!({
                "code": breaker.code,
                "open_since": breaker.since.to_string(),
                "next_try_at": breaker.probe_at.to_string(),
            })),
            "problems": problems.iter().map(problem_json).collect::<Vec<_>>(),
        });
        Ok(answer::json(StatusCode::OK, &body))
    }

    fn file_json(&self, name: &str, base: &str) -> Value {
        let mut urls = vec![format!("{base}/{name}")];
        if let Some(media) = &self.media_base_url {
            urls.extend([format!("{media}/{name}"), format!("{media}/m/{name}")]);
        }
        json!({ "name": name, "urls": urls })
    }

    /// The workspace's newest posts show what TikTok accepts, at no write's cost.
    async fn add_what_posts_show(
        &self,
        workspace: &domain::WorkspaceId,
        facts: &mut AppFacts,
    ) -> Result<(), Refusal> {
        for post in self.store.list(workspace, None, 100).await?.rows {
            let taken = post.timeline.entries().iter().rfind(|entry| entry.what == What::InitAccepted);
            let Some(at) = taken.map(|entry| entry.at) else { continue };
            let mut saw = |sighting| {
                let seen = facts.seen.entry(sighting).or_insert(at);
                *seen = at.max(*seen);
            };
            saw(Sighting::PullAccepted);
            if post.privacy_level.is_some_and(|level| level != PrivacyLevel::SelfOnly) {
                saw(Sighting::PublicPostAccepted);
            }
        }
        Ok(())
    }

    async fn posting_creators(
        &self,
        workspace: &domain::WorkspaceId,
        now: Timestamp,
    ) -> Result<(usize, bool), Refusal> {
        let page = self.store.list_creators(workspace, None, 100).await?;
        let accounts = self.accounts_of(&page.rows).await?;
        let posted = |account: &Account| account.limits.init.newest().is_some_and(|at| at > now - DAY);
        Ok((accounts.iter().flatten().filter(|account| posted(account)).count(), page.next_cursor.is_none()))
    }

    fn app_problems(&self, facts: &AppFacts, mode: Option<Known>) -> Vec<(&'static str, Problem)> {
        let mut problems = Vec::new();
        if let (ModeSetting::Is(said), Some(shown)) = (self.tiktok_mode, facts.shown())
            && said != shown.mode
        {
            problems.push(error(
                "app.mode.contradicted",
                format!(
                    "TikTokMode says {}, and TikTok's answers show {}",
                    said.as_str(),
                    shown.mode.as_str()
                ),
                "set TikTokMode to `auto`, or to what TikTok shows",
            ));
        }
        if mode.is_none() {
            problems.push(advice(
                "app.mode.unknown",
                "nothing has shown yet whether TikTok has audited the app".to_owned(),
                "set TikTokMode, or publish a post: TikTok's answer shows it",
            ));
        }
        match (facts.domain_verified(), &self.media_base_url) {
            (Some((false, at)), _) => problems.push(error(
                "app.media.domain_unverified",
                format!("TikTok refused the media host as unverified at {at}"),
                "verify the media host as a URL property in TikTok's developer portal; \
                 PUT /v1/app-status/verification-file serves TikTok's file",
            )),
            (_, None) => problems.push(advice(
                "app.media.presigned",
                "TikTok pulls presigned S3 URLs; it may not accept that host".to_owned(),
                "set MediaDomain or MediaBaseUrl to a host that you have verified at TikTok",
            )),
            (Some((true, _)) | None, Some(_)) => {}
        }
        problems
    }

    pub(crate) async fn put_verification_file(&self, mut ask: Ask) -> Answered {
        self.caller(&ask, Scope::AppWrite).await?;
        let problems = Problems::default();
        let body = ask.json().await?;
        let mut fields = problems.body(&body);
        let name = fields.required_text("name", "send the name of TikTok's file, `tiktok….txt`");
        let content = fields.required_text("content", "send what stands in TikTok's file, byte by byte");
        fields.done();
        if let Some(name) = name.filter(|name| !is_verification_file(name)) {
            let name: String = name.chars().take(80).collect();
            problems.push(Problem::new(
                "/name",
                "verification_file.name",
                format!("`{name}` is not the name of a verification file of TikTok's"),
                "send the name as TikTok gives it: `tiktok`, letters and digits, `.txt`",
            ));
        }
        if content.is_some_and(|content| content.is_empty() || content.len() > FILE_MAX) {
            problems.push(Problem::new(
                "/content",
                "verification_file.content",
                format!("the content is empty, or longer than {FILE_MAX} bytes"),
                "send what stands in TikTok's file, byte by byte",
            ));
        }
        let (Some(name), Some(content), true) = (name, content, problems.is_empty()) else {
            return Err(Refusal::invalid(problems.take()));
        };
        let client_key = self.secrets.secrets(self.time.now()).await?.client_key.clone();
        self.objects.publish_file(name, content).await?;
        self.store.put_file(&client_key, name, content).await?;
        Ok(answer::json(StatusCode::OK, &self.file_json(name, &self.base_url(&ask))))
    }

    /// What a workspace was told, newest first.
    pub(crate) async fn list_events(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::EventsRead).await?;
        let page = PageAsked::read(&ask)?;
        let found = self.store.list_notices(&caller.workspace, page.cursor.as_deref(), page.limit).await?;
        let data: Vec<Value> = found.rows.iter().map(view::notice).collect();
        Ok(answer::json(StatusCode::OK, &json!({ "data": data, "next_cursor": found.next_cursor })))
    }
}

const RECONNECT: &str = "send the creator a link from POST /v1/connect-links with this creator's id";

fn error(rule: &str, detail: String, remedy: &str) -> (&'static str, Problem) {
    ("error", Problem::new("", rule, detail, remedy))
}

fn advice(rule: &str, detail: String, remedy: &str) -> (&'static str, Problem) {
    ("advice", Problem::new("", rule, detail, remedy))
}

fn problem_json((level, problem): &(&'static str, Problem)) -> Value {
    json!({ "level": level, "rule": problem.rule, "detail": problem.detail, "remedy": problem.remedy })
}

fn token(account: &Account, now: Timestamp) -> Option<Value> {
    let tokens = account.tokens.as_ref()?;
    Some(json!({
        "access_expires_at": tokens.access_expires_at.to_string(),
        "refresh_expires_at": tokens.refresh_expires_at.to_string(),
        "last_refreshed_at": tokens.issued_at.to_string(),
        "next_refresh_at": account.due.map(|due| due.to_string()),
        "kept": match account.care(now) {
            Care::Active => "fresh",
            Care::Dormant => "alive",
        },
    }))
}

fn broken(account: &Account) -> Option<(&'static str, Problem)> {
    let AccountStatus::ReconnectRequired { since, code } = &account.status else { return None };
    let detail = format!("TikTok has not accepted the creator's tokens since {since}: {code}");
    Some(error("creator.reconnect_required", detail, RECONNECT))
}

/// What the app's mode means for this creator.
fn mode_problem(mode: Option<Known>, creator: &Creator) -> Option<(&'static str, Problem)> {
    let mode = mode.map(|known| known.mode).filter(|mode| *mode != Mode::Audited)?;
    creator.info.offers(PrivacyLevel::PublicToEveryone).then(|| {
        error(
            "creator.account.public",
            format!("the account is public, and the app is {}: TikTok refuses its posts", mode.as_str()),
            "make the TikTok account private until TikTok has audited the app",
        )
    })
}

fn means(mode: Option<Mode>) -> BTreeSet<&'static str> {
    let private = "only private accounts can be posted to, and posts are visible to their creator alone";
    let five = "at most 5 creators can post in 24 hours";
    let limits = match mode {
        Some(Mode::Sandbox) => {
            vec!["only target users that are entered in TikTok's developer portal can connect", private, five]
        }
        Some(Mode::Unaudited) => vec![private, five],
        Some(Mode::Audited) => vec!["creators can post whatever TikTok's creator_info offers them"],
        None => Vec::new(),
    };
    limits.into_iter().collect()
}
