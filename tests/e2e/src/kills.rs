//! `kill -9` of the function before and after every call of a post's way.
//!
//! One post travels undisturbed and its calls are written down. Then one post per point travels, side by side with the
//! others, each with a creator of its own, and the function that makes this post's n-th call of that name dies right before
//! the call goes out, or right after its effect. The judges are the sandbox's log and the row.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use domain::MediaId;
use domain::post::PostState;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use ports::{MediaRows as _, Read};
use serde_json::json;
use slipway::client::text;
use tokio::time::{Instant, sleep};

use crate::journey::Journey;
use crate::rig::{GOOD_VIDEO, Rig, Setup, repository_file};
use crate::wire::{Act, Call, Rule, RuleId, When};

/// How a post travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Its video is there before it, and TikTok's webhooks tell its fate.
    Told,
    /// It waits for its video, and its fate is learned by asking.
    Asked,
}

/// One call of the way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    pub way: Way,
    function: String,
    service: &'static str,
    operation: String,
    subject: String,
    /// Earlier calls of this name.
    earlier: u32,
    /// Between the claim and the storing of the `publish_id`.
    side: Side,
}

/// Where a call stands to the claim and to the storing of the `publish_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Elsewhere,
    Claim,
    Init,
    Store,
}

/// Where the function dies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    pub site: Site,
    pub when: When,
}

impl Point {
    /// Nobody can know whether TikTok created the post when the function died here.
    fn may_stay_unconfirmed(&self) -> bool {
        matches!(
            (self.site.side, self.when),
            (Side::Claim, When::After) | (Side::Init, _) | (Side::Store, When::Before)
        )
    }

    /// TikTok was not asked when the function died here.
    fn comes_before_init(&self) -> bool {
        matches!((self.site.side, self.when), (Side::Claim, When::After) | (Side::Init, When::Before))
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, service, operation, subject, earlier, .. } = self;
        let number = if *earlier > 0 { format!(" ({})", earlier + 1) } else { String::new() };
        let name = format!("{function} {service}.{operation} {subject}");
        f.pad(&format!("{}{number}", name.trim_end()))
    }
}

/// What became of a point's post.
#[derive(Clone, Debug)]
pub struct Fate {
    pub point: Point,
    /// The function died there.
    pub reached: bool,
    pub state: &'static str,
    pub inits: usize,
    pub publications: usize,
    pub took: Duration,
    /// What is wrong with that.
    pub wrong: Option<String>,
}

/// All fates.
#[derive(Debug)]
pub struct Report {
    pub sites: Vec<Site>,
    pub fates: Vec<Fate>,
    /// What stayed in the queues.
    pub left_over: Option<String>,
}

impl Report {
    /// An error if any post was lost or published twice, if a point was never reached, or if a message stayed behind.
    pub fn verdict(&self) -> Result<()> {
        let wrong: Vec<_> =
            self.fates.iter().filter(|fate| fate.wrong.is_some()).map(ToString::to_string).collect();
        ensure!(
            wrong.is_empty(),
            "{} of {} kills ended badly:\n{}",
            wrong.len(),
            self.fates.len(),
            wrong.join("\n")
        );
        if let Some(left_over) = &self.left_over {
            bail!("{left_over}");
        }
        Ok(())
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { point: Point { site, when }, state, inits, publications, took, .. } = self;
        let way = format!("{:?}", site.way).to_lowercase();
        write!(
            f,
            "{way:<5} {when:<6} {site:<58} {state:<11} {inits:>5} {publications:>9} {:>6.1} s",
            took.as_secs_f64()
        )?;
        match &self.wrong {
            Some(wrong) => write!(f, "  WRONG: {wrong}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n{:<5} {:<6} {:<58} {:<11} {:>5} {:>9} {:>8}",
            "way", "killed", "call", "ended", "inits", "published", "after"
        )?;
        for fate in &self.fates {
            writeln!(f, "{fate}")?;
        }
        let count = |is: &dyn Fn(&Fate) -> bool| self.fates.iter().filter(|fate| is(fate)).count();
        writeln!(
            f,
            "\n{} kills: {} published once, {} unconfirmed (killed between claim and publish_id), {} wrong",
            self.fates.len(),
            count(&|fate| fate.state == "published" && fate.wrong.is_none()),
            count(&|fate| fate.state == "unconfirmed" && fate.wrong.is_none()),
            count(&|fate| fate.wrong.is_some()),
        )
    }
}

/// Short periods; TikTok takes its time, so that a check, a sweep and a webhook each find the post being processed.
pub fn setup() -> Setup {
    let mut setup = Setup::default().with("PollLadder", "3,5,10,15").with("TailLadder", "12,12,20");
    setup.tiktok.time = tiktok_sandbox::Time::Auto(tiktok_sandbox::AutoTime {
        fetch_ms: 0,
        processing_ms: 5_000,
        public_id_ms: 3_000,
    });
    setup
}

/// A post at the latest then has its last word.
const PATIENCE: Duration = Duration::from_mins(4);
/// In place of EventBridge's minute.
const SWEEPS_EVERY: Duration = Duration::from_secs(15);
/// So many posts travel at once: a function that is too slow on a busy machine dies of its timeout, which is no point of ours.
pub const CROWD: usize = 16;
/// A point that is not reached alone either is tried so often.
const ALONE: u32 = 3;
/// Creators that connect at once.
const CONNECTING: usize = 4;

/// Kills at every point, or at `few` chosen ones of a post whose fate is told by webhook; `crowd` posts travel at once.
/// `say` hears how it goes.
pub async fn run(rig: &Rig, few: Option<usize>, crowd: usize, say: impl Fn(&str)) -> Result<Report> {
    let ways: &[Way] = if few.is_some() { &[Way::Told] } else { &[Way::Told, Way::Asked] };
    let mut sites: Vec<Site> = Vec::new();
    for way in ways {
        say(&format!("one undisturbed post, {way:?}"));
        for site in record(rig, *way).await? {
            let known = |other: &Site| other.to_string() == site.to_string();
            if !sites.iter().any(known) {
                say(&format!("  {site}"));
                sites.push(site);
            }
        }
    }
    let mut fates = Vec::new();
    for way in ways {
        let points = sites
            .iter()
            .filter(|site| site.way == *way)
            .flat_map(|site| [When::Before, When::After].map(|when| Point { site: site.clone(), when }));
        let mut points: Vec<_> = points.collect();
        if let Some(few) = few {
            points = choose(points, few);
        }
        for some in points.chunks(crowd) {
            say(&format!("{} kills side by side, {way:?}", some.len()));
            for fate in kill_side_by_side(rig, *way, some).await? {
                fates.push(if fate.reached { fate } else { kill_alone(rig, fate, &say).await? });
            }
        }
    }
    let left_over = rig.every_queue_is_empty(PATIENCE).await.err().map(|error| format!("{error:#}"));
    let order = |fate: &Fate| sites.iter().position(|site| *site == fate.point.site);
    fates.sort_by_key(|fate| (order(fate), fate.point.when));
    Ok(Report { sites, fates, left_over })
}

/// Always those around the init, the others evenly.
fn choose(points: Vec<Point>, few: usize) -> Vec<Point> {
    let (dear, others): (Vec<_>, Vec<_>) =
        points.into_iter().partition(|point| point.site.side != Side::Elsewhere);
    let left = few.saturating_sub(dear.len()).max(1);
    let step = (others.len() / left).max(1);
    let offset = step / 2;
    dear.into_iter().chain(others.into_iter().skip(offset).step_by(step)).take(few).collect()
}

/// A post on its way.
struct Traveller<'r> {
    journey: Journey<'r>,
    tag: String,
}

impl<'r> Traveller<'r> {
    /// Connects a creator.
    async fn new(rig: &'r Rig, way: Way) -> Result<Self> {
        rig.sandbox().world().reconfigure(|config| config.webhooks.enabled = way == Way::Told);
        let journey = Journey::begin(rig).await?;
        let tag = journey.account.clone();
        Ok(Self { journey, tag })
    }

    /// Goes the way up to the accepted post, as a client does who repeats what was not answered; its id.
    async fn travel(&self, way: Way) -> Result<String> {
        let file = std::fs::read(repository_file(GOOD_VIDEO)?)?;
        let declared = json!({ "kind": "video", "size": file.len(), "content_type": "video/mp4" });
        let media = self.journey.insist("/v1/media", &declared).await?;
        let id = text(&media, "id");
        let mut post = self.journey.post_with(id);
        post["privacy_level"] = json!("PUBLIC_TO_EVERYONE");
        self.journey.rig.wire.watch(&self.tag, [id]);
        if way == Way::Told {
            self.journey.put(&media["upload"], file).await?;
            self.media_is_ready(id).await?;
            return self.journey.insist("/v1/posts", &post).await.map(|post| text(&post, "id").to_owned());
        }
        let post = self.journey.insist("/v1/posts", &post).await?;
        self.journey.put(&media["upload"], file).await?;
        Ok(text(&post, "id").to_owned())
    }

    /// Goes the whole way with nobody else around: the API starts cold, and one sweep finds the post being processed.
    async fn travel_alone(&self, way: Way) -> Result<(String, PostState)> {
        let rig = self.journey.rig;
        rig.kill("api");
        let post = self.travel(way).await?;
        self.journey.until(&post, "processing", |post| !before_processing(&post.state)).await?;
        rig.sweep_posts().await?;
        let last = async {
            loop {
                sleep(SWEEPS_EVERY).await;
                // whatever a kill has put off is found by the next sweeps
                let _ = rig.sweep_posts().await;
            }
        };
        tokio::select! {
            state = self.last_word(&post) => Ok((post.clone(), state?)),
            () = last => unreachable!("it never ends"),
        }
    }

    async fn media_is_ready(&self, id: &str) -> Result<()> {
        let id: MediaId = id.parse()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let media =
                self.journey.rig.store.media(&id, Read::Strong).await?.context("the media has no row")?;
            if media.row.pinned().is_some() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the media is never ready: {:?}", media.row);
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the row's last word; that the public post's id is known belongs to it.
    async fn last_word(&self, post: &str) -> Result<PostState> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.journey.rig.post_soon(post).await?.state;
            let over = match &state {
                PostState::Published { post_ids, .. } => !post_ids.is_empty(),
                PostState::Failed { .. } | PostState::Unconfirmed { .. } => true,
                _ => false,
            };
            if over || Instant::now() > deadline {
                return Ok(state);
            }
        }
    }
}

/// The calls of one undisturbed post.
async fn record(rig: &Rig, way: Way) -> Result<Vec<Site>> {
    let traveller = Traveller::new(rig, way).await?;
    rig.wire.forget();
    let (_, state) = traveller.travel_alone(way).await?;
    ensure!(state.name() == "published", "undisturbed the post became {state:?}\n{}", rig.last_words());
    rig.every_queue_is_empty(PATIENCE).await?;
    let calls = rig.wire.calls_about(&traveller.tag);
    Ok(sites(way, &calls))
}

fn sites(way: Way, calls: &[Call]) -> Vec<Site> {
    let calls: Vec<_> = calls.iter().filter(|call| call.function.is_some()).collect();
    let init = calls.iter().position(|call| call.operation == "video_init").unwrap_or(calls.len());
    let writes = |call: &Call| {
        call.function.as_deref() == Some("publish-init")
            && call.operation == "UpdateItem"
            && call.subject.starts_with("post")
    };
    let claim = calls[..init].iter().rposition(|call| writes(call));
    let store = calls[init..].iter().position(|call| writes(call)).map(|index| init + index);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let site = |(index, call): (usize, &&Call)| {
        let earlier = seen.entry(call.name()).or_default();
        let site = Site {
            way,
            function: call.function.clone().unwrap_or_default(),
            service: call.service,
            operation: call.operation.clone(),
            subject: call.subject.clone(),
            earlier: *earlier,
            side: match Some(index) {
                at if at == claim => Side::Claim,
                at if at == Some(init) => Side::Init,
                at if at == store => Side::Store,
                _ => Side::Elsewhere,
            },
        };
        *earlier += 1;
        site
    };
    calls.iter().enumerate().map(site).collect()
}

fn before_processing(state: &PostState) -> bool {
    match state {
        PostState::Draft
        | PostState::AwaitingMedia { .. }
        | PostState::Scheduled { .. }
        | PostState::Queued { .. }
        | PostState::Held { .. }
        | PostState::Initiating { .. } => true,
        PostState::Uploading { .. }
        | PostState::Processing { .. }
        | PostState::Cancelling { .. }
        | PostState::SentToInbox { .. }
        | PostState::Published { .. }
        | PostState::Failed { .. }
        | PostState::Cancelled { .. }
        | PostState::Unconfirmed { .. } => false,
    }
}

/// One post per point.
async fn kill_side_by_side(rig: &Rig, way: Way, points: &[Point]) -> Result<Vec<Fate>> {
    let travellers = stream::iter(points).map(|_| Traveller::new(rig, way)).buffered(CONNECTING);
    let travellers: Vec<_> = travellers.try_collect().await?;
    let fates = stream::iter(points.iter().cloned().zip(&travellers))
        .map(|(point, traveller)| kill_in_the_crowd(rig, point, traveller))
        .buffer_unordered(usize::MAX)
        .try_collect::<Vec<_>>();
    let sweeps = async {
        loop {
            sleep(SWEEPS_EVERY).await;
            // one that is killed is followed by the next
            let _ = rig.sweep_posts().await;
        }
    };
    tokio::select! {
        fates = fates => fates,
        () = sweeps => unreachable!("it never ends"),
    }
}

async fn kill_in_the_crowd(rig: &Rig, point: Point, traveller: &Traveller<'_>) -> Result<Fate> {
    let rule = install(rig, &point, traveller);
    let begun = Instant::now();
    let post =
        traveller.travel(point.site.way).await.with_context(|| format!("{} {}", point.when, point.site))?;
    let mut state = traveller.last_word(&post).await?;
    let took = begun.elapsed();
    if rig.wire.struck(rule) == 0 && state.name() == "published" {
        // what comes after the last word: messages that find nothing to do
        rig.wire.strikes(rule, Duration::from_secs(20)).await;
        state = traveller.last_word(&post).await?;
    }
    Ok(judge(rig, point, traveller, rule, &state, took))
}

/// In the crowd a sweep may come at another time, find several posts at once, or a process may know a key already: then the
/// call is made once more with nobody else around, as it was when it was written down.
async fn kill_alone(rig: &Rig, mut fate: Fate, say: &impl Fn(&str)) -> Result<Fate> {
    for _ in 0..ALONE {
        let Fate { point, .. } = fate;
        say(&format!("alone: {} {}", point.when, point.site));
        let way = point.site.way;
        let traveller = Traveller::new(rig, way).await?;
        let rule = install(rig, &point, &traveller);
        let begun = Instant::now();
        let (post, mut state) = traveller.travel_alone(way).await?;
        if rig.wire.struck(rule) == 0 {
            rig.wire.strikes(rule, Duration::from_secs(20)).await;
            state = traveller.last_word(&post).await?;
        }
        fate = judge(rig, point, &traveller, rule, &state, begun.elapsed());
        if fate.reached {
            break;
        }
    }
    Ok(fate)
}

fn install(rig: &Rig, point: &Point, traveller: &Traveller<'_>) -> RuleId {
    let Site { function, service, operation, subject, earlier, .. } = &point.site;
    let rule = Rule::new(point.when, Act::Kill).of(function).on(service, operation).subject(subject);
    rig.wire.install(rule.about(&traveller.tag).skip(*earlier))
}

fn judge(
    rig: &Rig,
    point: Point,
    traveller: &Traveller<'_>,
    rule: RuleId,
    state: &PostState,
    took: Duration,
) -> Fate {
    let reached = rig.wire.struck(rule) > 0;
    rig.wire.remove(rule);
    let inits = traveller.journey.init_codes().len();
    let publications = rig.publications(&traveller.journey.account).len();
    let wrong = match state {
        _ if inits > 1 => Some(format!("{inits} inits")),
        _ if publications > 1 => Some(format!("{publications} publications")),
        PostState::Published { .. } if publications == 1 => None,
        PostState::Unconfirmed { .. } if point.may_stay_unconfirmed() => {
            let expected = usize::from(!point.comes_before_init());
            (publications != expected).then(|| format!("{publications} publications, not {expected}"))
        }
        other => {
            Some(format!("it is {}: {}", other.name(), rig.last_words().lines().last().unwrap_or_default()))
        }
    };
    let wrong = wrong.or_else(|| (!reached).then(|| "the point was never reached".to_owned()));
    Fate { reached, state: state.name(), inits, publications, took, wrong, point }
}
