//! Many posts while much goes wrong, and what became of each.
//!
//! [`schedules`] gives every post a creator of its own and faults of its own, drawn from a seed: calls to AWS throttled, broken
//! off, slow, or answered in vain; functions killed; TikTok out of order; queue messages doubled or lost; and all the while
//! sweeps are left out or come twice, and TikTok's webhooks come twice or not at all. [`soak`] throws the same dice for every
//! call of every post. The judges are TikTok's world and the rows.

mod schedule;
mod verdict;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use domain::post::PostState;
use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use slipway::client::text;
use tiktok_sandbox::{Endpoint, What};
use tokio::time::{Instant, sleep};

use crate::journey::Journey;
use crate::rig::{GOOD_VIDEO, Rig, Setup, repository_file};
use crate::wire::{Act, Call, Rule, RuleId, Side, When};

use schedule::Schedule;
pub use verdict::{Calls, Fate, Report};

/// How many posts, and how they are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub posts: usize,
    /// The same seed draws the same faults; where exactly they strike depends on the machine.
    pub seed: u64,
    /// So many posts travel at once.
    pub crowd: usize,
    /// Posts that travel undisturbed before, to count their calls.
    pub quiet: usize,
}

/// A post at the latest then has its last word.
const PATIENCE: Duration = Duration::from_mins(12);
/// A post in doubt that TikTok has is looked for so long.
const DOUBT: Duration = Duration::from_secs(75);
/// In place of EventBridge's minute.
const SWEEPS_EVERY: Duration = Duration::from_secs(12);
/// Posts of one creator in the soak: fewer than TikTok takes in a minute.
const SIBLINGS: usize = 5;

/// Short periods: a killed message comes back after 12 s, which is as long as a busy machine may take over one, and the copy of an attempt in doubt is taken away after 8. What only a
/// person could still find out is looked for less and less often.
pub fn setup() -> Setup {
    let mut setup = Setup::default()
        .with("MediaIngestTimeout", "12")
        .with("PublishInitTimeout", "12")
        .with("StatusPollTimeout", "12")
        .with("IngestVisibility", "12")
        .with("PublishVisibility", "12")
        .with("StatusVisibility", "12")
        .with("EvidenceLadder", "4,6,6,10,15,20,20,20,600")
        .with("FenceWaitSeconds", "8")
        .with("TailLadder", "12,12,20");
    setup.tiktok.webhooks.times = 2;
    setup
}

/// A post of one of our creators.
struct Sent {
    account: String,
    caption: String,
    id: String,
    took: Duration,
}

/// Every post has a creator, and a schedule of faults of its own.
pub async fn schedules(rig: &Rig, plan: Plan, say: impl Fn(&str)) -> Result<Report> {
    let quiet = undisturbed(rig, plan, 1, &say).await?;
    let begun = Instant::now();
    let mut chance = StdRng::seed_from_u64(plan.seed);
    let seeds: Vec<u64> = (0..plan.posts).map(|_| chance.random()).collect();
    let travels = stream::iter(seeds.into_iter().enumerate()).map(|(number, seed)| {
        let say = &say;
        async move {
            let journey = connected(rig).await?;
            let schedule = Schedule::draw(&journey.account, &mut StdRng::seed_from_u64(seed));
            let installed: Vec<RuleId> =
                schedule.rules.iter().map(|rule| rig.wire.install(rule.clone())).collect();
            for fault in &schedule.faults {
                rig.sandbox().world().inject(fault.clone());
            }
            let sent = travel(&journey, &schedule).await.with_context(|| format!("{schedule:#?}"))?;
            for rule in installed {
                rig.wire.remove(rule);
            }
            rig.wire.unwatch(&journey.account);
            if (number + 1) % 20 == 0 {
                say(&format!("{} of {} posts have ended", number + 1, plan.posts));
            }
            anyhow::Ok(sent)
        }
    });
    let sent = travels.buffer_unordered(plan.crowd).try_collect::<Vec<_>>();
    let swept = RefCell::default();
    let sent = beside(sent, sweeps(rig, plan.seed, &swept)).await?;
    rig.sandbox().world().clear_faults();
    report(rig, &sent, quiet, begun, swept.into_inner()).await
}

/// 5 % of all calls to AWS are throttled, 2 % of all calls are broken off, and 1 % of all answers are lost.
pub async fn soak(rig: &Rig, plan: Plan, say: impl Fn(&str)) -> Result<Report> {
    let quiet = undisturbed(rig, plan, SIBLINGS, &say).await?;
    let begun = Instant::now();
    let journeys = stream::iter(0..plan.posts.div_ceil(SIBLINGS)).map(|_| connected(rig));
    let journeys: Vec<_> = journeys.buffered(4).try_collect().await?;
    say(&format!("{} creators are connected", journeys.len()));
    rig.wire.forget();
    rig.wire.seed(plan.seed);
    let weather = [
        Rule::new(When::Before, Act::Throttle).to(Side::Aws).share(0.05),
        Rule::new(When::Before, Act::Lose).share(0.02),
        Rule::new(When::After, Act::Lose).share(0.01),
    ];
    let weather = weather.map(|rule| rig.wire.install(rule.times(u32::MAX)));
    let sent = travel_together(&journeys, plan, SIBLINGS, &say);
    let sent = beside(sent, regular_sweeps(rig)).await;
    for rule in weather {
        rig.wire.remove(rule);
    }
    report(rig, &sent?, quiet, begun, BTreeMap::new()).await
}

/// What happens beside it goes on until the first is done.
async fn beside<T>(main: impl Future<Output = Result<T>>, other: impl Future<Output = ()>) -> Result<T> {
    tokio::select! {
        result = main => result,
        () = other => bail!("it never ends"),
    }
}

/// Left out, once, twice, or killed; and TikTok's webhooks come and go.
async fn sweeps(rig: &Rig, seed: u64, swept: &RefCell<BTreeMap<&'static str, usize>>) {
    let mut chance = StdRng::seed_from_u64(!seed);
    loop {
        sleep(SWEEPS_EVERY).await;
        rig.sandbox().world().reconfigure(|config| config.webhooks.enabled = chance.random_bool(0.8));
        let (what, times) = match chance.random_range(0..8) {
            0 | 1 => ("left out", 0),
            2..=4 => ("come once", 1),
            5 | 6 => ("come twice", 2),
            _ => {
                let kill = Rule::new(When::Before, Act::Kill).of("status-poll").on("DynamoDB", "Query");
                rig.wire.install(kill.skip(chance.random_range(0..16)));
                ("to be killed", 1)
            }
        };
        *swept.borrow_mut().entry(what).or_default() += 1;
        for _ in 0..times {
            let _ = rig.sweep_posts().await;
        }
    }
}

async fn regular_sweeps(rig: &Rig) {
    loop {
        sleep(SWEEPS_EVERY).await;
        let _ = rig.sweep_posts().await;
    }
}

/// A creator of a workspace of its own. On a busy machine the API may run out of time, which is no fault of ours here.
async fn connected(rig: &Rig) -> Result<Journey<'_>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Journey::begin(rig).await {
            Ok(journey) => return Ok(journey),
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => sleep(Duration::from_secs(1)).await,
        }
    }
}

/// The calls of an undisturbed post.
async fn undisturbed(rig: &Rig, plan: Plan, siblings: usize, say: &impl Fn(&str)) -> Result<Calls> {
    let journeys = stream::iter(0..plan.quiet.div_ceil(siblings)).map(|_| connected(rig));
    let journeys: Vec<_> = journeys.buffered(4).try_collect().await?;
    rig.wire.forget();
    let plan = Plan { posts: plan.quiet, ..plan };
    let sent = beside(travel_together(&journeys, plan, siblings, say), regular_sweeps(rig)).await?;
    rig.every_queue_is_empty(PATIENCE).await?;
    let calls = Calls::of(rig, sent.len());
    for post in &sent {
        let fate = fate(rig, post, &[]).await?;
        if fate.state != "published" || fate.wrong.is_some() {
            bail!("undisturbed: {fate:?}\n{}", rig.last_words());
        }
    }
    rig.wire.forget();
    Ok(calls)
}

/// Every creator's posts at once, of as many creators at once as the crowd allows.
async fn travel_together(
    journeys: &[Journey<'_>],
    plan: Plan,
    siblings: usize,
    say: &impl Fn(&str),
) -> Result<Vec<Sent>> {
    let travels = stream::iter(journeys.iter().enumerate()).map(|(number, journey)| async move {
        let begun = number * siblings;
        let ours = begun..plan.posts.min(begun + siblings);
        let sent = ours.map(|index| async move { travel(journey, &Schedule::quiet(index % 3 == 0)).await });
        let sent = future::try_join_all(sent).await?;
        if (number + 1) % 10 == 0 {
            say(&format!("the posts of {} of {} creators have ended", number + 1, journeys.len()));
        }
        anyhow::Ok(sent)
    });
    let sent: Vec<_> =
        travels.buffer_unordered(plan.crowd.div_ceil(siblings)).try_collect::<Vec<Vec<Sent>>>().await?;
    Ok(sent.into_iter().flatten().collect())
}

/// Goes the whole way, as a client does who repeats what was not answered.
async fn travel(journey: &Journey<'_>, schedule: &Schedule) -> Result<Sent> {
    let rig = journey.rig;
    let file = std::fs::read(repository_file(GOOD_VIDEO)?)?;
    let declared = json!({ "kind": "video", "size": file.len(), "content_type": "video/mp4" });
    let media = journey.insist("/v1/media", &declared).await?;
    let draft = journey.post_with(text(&media, "id"));
    rig.wire.watch(&journey.account, [text(&media, "id")]);
    let begun = Instant::now();
    let created = if schedule.waits {
        let created = journey.insist("/v1/posts", &draft).await?;
        upload(journey, &media["upload"], file).await?;
        created
    } else {
        upload(journey, &media["upload"], file).await?;
        journey.insist("/v1/posts", &draft).await?
    };
    let id = text(&created, "id").to_owned();
    let caption = text(&draft, "caption").to_owned();
    let again = schedule.again.iter().map(|after| async {
        sleep(*after).await;
        journey.deliver_again(&id).await
    });
    let (ended, delivered) = future::join(ends(journey, &id, &caption), future::join_all(again)).await;
    ended?;
    delivered.into_iter().collect::<Result<()>>()?;
    Ok(Sent { account: journey.account.clone(), caption, id, took: begun.elapsed() })
}

/// The bucket refuses and breaks off as well.
async fn upload(journey: &Journey<'_>, to: &Value, file: Vec<u8>) -> Result<()> {
    for _ in 0..9 {
        if journey.put(to, file.clone()).await.is_ok() {
            return Ok(());
        }
        sleep(Duration::from_millis(200)).await;
    }
    journey.put(to, file).await
}

/// Waits for the row's last word.
async fn ends(journey: &Journey<'_>, id: &str, caption: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut doubted = None;
    loop {
        match journey.rig.post_soon(id).await?.state {
            PostState::Published { .. } | PostState::Failed { .. } => return Ok(()),
            PostState::Unconfirmed { .. } if journey.rig.published(&journey.account, caption) > 0 => {
                if doubted.get_or_insert_with(Instant::now).elapsed() > DOUBT {
                    return Ok(());
                }
            }
            _ => doubted = None,
        }
        if Instant::now() > deadline {
            return Ok(());
        }
    }
}

/// What became of a post; `calls` are those that went over the wire.
async fn fate(rig: &Rig, sent: &Sent, calls: &[Call]) -> Result<Fate> {
    let row = rig.post(&sent.id).await?;
    let inits: Vec<tiktok_sandbox::Call> = {
        let world = rig.sandbox().world();
        let ours = |call: &&tiktok_sandbox::Call| {
            call.account.as_deref() == Some(&sent.account)
                && call.request["post_info"]["title"] == *sent.caption
        };
        world.calls(Endpoint::VideoInit).map(|(_, call)| call).filter(ours).cloned().collect()
    };
    let around_init = |call: &Call| {
        let ours = call.about.as_deref() == Some(&sent.account);
        ours && matches!(call.struck, Some(Act::Kill | Act::Lose | Act::Delay(_)))
            && (call.operation == "video_init"
                || call.function.as_deref() == Some("publish-init") && call.operation == "UpdateItem")
    };
    let mut fate = Fate {
        tag: format!("{} ({})", sent.account, sent.id),
        state: row.state.name(),
        code: None,
        inits: inits.len(),
        publications: rig.published(&sent.account, &sent.caption),
        init_was_lost: inits.iter().any(|call| call.fault.is_some()) || calls.iter().any(around_init),
        took: sent.took,
        wrong: None,
    };
    fate.judge(&row.state);
    if let Some(wrong) = &mut fate.wrong {
        let struck = calls.iter().filter(|call| call.about.as_deref() == Some(&sent.account));
        for call in struck.filter(|call| call.struck.is_some()) {
            let _ = write!(wrong, "\n    {:?} {}", call.struck, call.name());
        }
        for entry in row.timeline.entries() {
            let _ = write!(wrong, "\n    {} {:?} by {:?} {:?}", entry.at, entry.what, entry.by, entry.code);
        }
    }
    Ok(fate)
}

async fn report(
    rig: &Rig,
    sent: &[Sent],
    quiet: Calls,
    begun: Instant,
    sweeps: BTreeMap<&'static str, usize>,
) -> Result<Report> {
    rig.sandbox().world().reconfigure(|config| config.webhooks.enabled = true);
    let left_over = rig.every_queue_is_empty(PATIENCE).await.err().map(|error| format!("{error:#}"));
    let calls = Calls::of(rig, sent.len());
    let struck = rig.wire.calls();
    let mut fates = Vec::new();
    for post in sent {
        fates.push(fate(rig, post, &struck).await?);
    }
    let mut strikes = BTreeMap::new();
    for act in struck.iter().filter_map(|call| call.struck) {
        *strikes.entry(name(act)).or_insert(0) += 1;
    }
    let mut faults = BTreeMap::new();
    for entry in rig.sandbox().world().log() {
        if let What::Call(call) = &entry.what
            && let Some(fault) = &call.fault
        {
            *faults.entry(format!("{} {fault}", call.endpoint)).or_insert(0) += 1;
        }
    }
    Ok(Report { fates, left_over, strikes, faults, sweeps, calls, quiet, took: begun.elapsed() })
}

fn name(act: Act) -> &'static str {
    match act {
        Act::Kill => "killed",
        Act::Lose => "broken off",
        Act::Delay(_) => "slow",
        Act::Throttle => "throttled",
        Act::Swallow => "a message lost",
        Act::Double => "a message doubled",
    }
}
