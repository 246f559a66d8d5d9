use domain::job::Publish;
use domain::{Job, PostId, SignedDuration};
use lambda_kit::batch::Failure;
use ports::fakes::{MemoryObjects, MemoryQueues, MemoryTable, MemoryVault};
use publish_init::{PublishInit, Pull};
use rehearsal::{MEDIA_BASE_URL, Stage, TikTok, Time, Watched, done};
use tiktok_sandbox::Endpoint;

pub(crate) type Function = PublishInit<
    Watched<MemoryTable>,
    Watched<MemoryObjects>,
    Watched<MemoryQueues>,
    Watched<MemoryVault>,
    TikTok,
    Time,
>;

pub(crate) fn function(stage: &Stage) -> Function {
    PublishInit {
        store: stage.store(),
        objects: stage.bucket(),
        queues: stage.senders(),
        vault: stage.sealer(),
        tiktok: stage.client(),
        time: stage.time.clone(),
        periods: stage.periods.clone(),
        pull: Pull {
            media_base_url: Some(MEDIA_BASE_URL.to_owned()),
            presign: SignedDuration::from_secs(7_200),
        },
    }
}

/// Delivers the job that starts a post.
pub(crate) fn publish(stage: &Stage, post: &PostId) {
    deliver(stage, stage.publish_job(post)).expect("the job is done with");
}

pub(crate) fn deliver(stage: &Stage, job: Publish) -> Result<(), Failure> {
    done(function(stage).publish(job, stage.deadline(30)))
}

/// Delivers every publish job that waits, and what they send, until none is left; time passes as it must. Whoever has
/// another job to do is somebody else.
pub(crate) fn deliver_all(stage: &Stage) {
    for delivered in 0.. {
        assert!(delivered < 1_000, "the jobs go round and round");
        let Some(job) = stage.queues.pop_next() else { return };
        if let Job::Publish(job) = job {
            deliver(stage, job).expect("the job is done with");
        }
    }
}

pub(crate) fn inits(stage: &Stage) -> usize {
    stage.tiktok.calls(Endpoint::VideoInit).len()
}

pub(crate) fn creator_infos(stage: &Stage) -> usize {
    stage.tiktok.calls(Endpoint::CreatorInfo).len()
}

pub(crate) fn state(stage: &Stage, post: &PostId) -> &'static str {
    stage.post(post).row.state.name()
}

/// The copies that TikTok could pull.
pub(crate) fn copies(stage: &Stage) -> Vec<String> {
    stage.objects.keys().into_iter().filter(|key| key.starts_with("m/")).collect()
}
