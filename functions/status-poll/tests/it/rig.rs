use domain::job::Check;
use domain::{Job, PostId, SignedDuration};
use lambda_kit::batch::Failure;
use ports::fakes::{MemoryObjects, MemoryQueues, MemoryTable, MemoryVault};
use rehearsal::{Stage, TikTok, Time, Watched, done};
use status_poll::{StatusPoll, Sweep, Swept};
use tiktok_sandbox::{Endpoint, config::Config};

pub(crate) type Function = StatusPoll<
    Watched<MemoryTable>,
    Watched<MemoryObjects>,
    Watched<MemoryQueues>,
    Watched<MemoryVault>,
    TikTok,
    Time,
>;

pub(crate) fn function(stage: &Stage) -> Function {
    StatusPoll {
        store: stage.store(),
        objects: stage.bucket(),
        queues: stage.senders(),
        vault: stage.sealer(),
        tiktok: stage.client(),
        time: stage.time.clone(),
        periods: stage.periods.clone(),
    }
}

pub(crate) fn clock_of(stage: &Stage) -> Sweep<Watched<MemoryTable>, Watched<MemoryQueues>, Time> {
    Sweep {
        store: stage.store(),
        queues: stage.senders(),
        time: stage.time.clone(),
        periods: stage.periods.clone(),
    }
}

pub(crate) fn sweep(stage: &Stage) -> Swept {
    done(clock_of(stage).sweep())
}

pub(crate) fn check(stage: &Stage, post: &PostId) {
    deliver(stage, stage.check_job(post)).expect("the job is done with");
}

pub(crate) fn deliver(stage: &Stage, job: Check) -> Result<(), Failure> {
    done(function(stage).check(job))
}

/// TikTok takes its time: nothing is downloaded before somebody says so.
pub(crate) fn slow() -> Stage {
    Stage::with(stuck)
}

pub(crate) fn stuck(config: &mut Config) {
    config.time = tiktok_sandbox::Time::Auto(tiktok_sandbox::AutoTime {
        fetch_ms: 30 * 24 * 3_600_000,
        ..tiktok_sandbox::AutoTime::default()
    });
    config.fetcher.limit_ms = 40 * 24 * 3_600_000;
    config.tokens.access_ms = 40 * 24 * 3_600_000;
}

/// The periods of a deployment without TikTok's webhooks.
pub(crate) fn without_webhooks(mut stage: Stage) -> Stage {
    stage.periods.poll_ladder = [35, 20, 30, 60, 120, 300, 900].map(SignedDuration::from_secs).to_vec();
    stage
}

pub(crate) fn asked(stage: &Stage) -> usize {
    stage.tiktok.calls(Endpoint::StatusFetch).len()
}

pub(crate) fn inits(stage: &Stage) -> usize {
    stage.tiktok.calls(Endpoint::VideoInit).len()
}

pub(crate) fn state(stage: &Stage, post: &PostId) -> &'static str {
    stage.post(post).row.state.name()
}

/// Goes on as the queue and a clock of one minute drive it, until so many seconds are over. Gives the times at which TikTok
/// was asked, in seconds since the start. Jobs that are not ours go nowhere.
pub(crate) fn drive(stage: &Stage, seconds: i64) -> Vec<i64> {
    let start = stage.now();
    let end = start + SignedDuration::from_secs(seconds);
    let (mut tick, mut times, mut delivered) = (start + SignedDuration::from_secs(60), Vec::new(), 0);
    loop {
        let next = stage.queues.next_at().map_or(tick, |at| at.min(tick));
        if next > end {
            stage.wait(end.duration_since(stage.now()).as_secs());
            return times;
        }
        stage.wait(next.duration_since(stage.now()).as_secs().max(0));
        if let Some(job) = stage.queues.pop() {
            delivered += 1;
            assert!(delivered < 5_000, "the jobs go round and round");
            let before = asked(stage);
            if let Job::Check(job) = job {
                deliver(stage, job).expect("the job is done with");
            }
            if asked(stage) > before {
                times.push(stage.now().duration_since(start).as_secs());
            }
        } else {
            sweep(stage);
            tick += SignedDuration::from_secs(60);
        }
    }
}
