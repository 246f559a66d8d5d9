//! The functions, the queues that feed them and the clock that wakes them.

use std::collections::HashMap;
use std::sync::Arc;

use domain::account::RefreshPlan;
use domain::{Job, SignedDuration, Timestamp};
use lambda_kit::batch::Failure;
use lambda_kit::redacted::Secret;
use media_transfer::MediaTransfer;
use ports::Queues as _;
use ports::fakes::{MemoryObjects, MemoryQueues, MemoryTable, MemoryVault};
use publish_init::{PublishInit, Pull};
use rehearsal::{CLIENT_KEY, CLIENT_SECRET, MEDIA_BASE_URL, Stage, TikTok, Time, Watched, done, run};
use status_poll::StatusPoll;
use token_refresh::TokenRefresh;
use wiring::secrets::AppSecrets;

type Table = Watched<MemoryTable>;
type Objects = Watched<MemoryObjects>;
type Queues = Watched<MemoryQueues>;
type Vault = Watched<MemoryVault>;

pub(crate) struct Company {
    pub(crate) stage: Stage,
    publish: PublishInit<Table, Objects, Queues, Vault, TikTok, Time>,
    transfer: MediaTransfer<Table, Objects, Queues, Vault, TikTok, Time>,
    poll: StatusPoll<Table, Objects, Queues, Vault, TikTok, Time>,
    posts: status_poll::Sweep<Table, Queues, Time>,
    refresh: TokenRefresh<Table, Objects, Queues, Vault, Arc<AppSecrets>, TikTok, Time>,
    accounts: token_refresh::Sweep<Table, Queues, Time>,
    tick: Timestamp,
    deliveries: HashMap<String, u32>,
    received: u32,
    /// Messages of the publish queue that were received.
    pub(crate) published: usize,
    pub(crate) dead_letters: Vec<Job>,
}

/// What SQS does with a message that was not done with.
const VISIBILITY: SignedDuration = SignedDuration::from_secs(180);
const MAX_RECEIVES: u32 = 5;

impl Company {
    pub(crate) fn new(stage: Stage) -> Self {
        let (store, objects, queues, vault) =
            (stage.store(), stage.bucket(), stage.senders(), stage.sealer());
        let (tiktok, time, periods) = (stage.client(), stage.time.clone(), stage.periods.clone());
        let secrets = AppSecrets {
            client_key: CLIENT_KEY.to_owned(),
            client_secret: Secret::new(CLIENT_SECRET.to_owned()),
            deployment_secret: Secret::new("not used here".to_owned()),
        };
        Self {
            publish: PublishInit {
                store: store.clone(),
                objects: objects.clone(),
                queues: queues.clone(),
                vault: vault.clone(),
                tiktok: tiktok.clone(),
                time: time.clone(),
                periods: periods.clone(),
                pull: Pull {
                    media_base_url: Some(MEDIA_BASE_URL.to_owned()),
                    presign: SignedDuration::from_secs(7_200),
                },
            },
            transfer: MediaTransfer {
                store: store.clone(),
                objects: objects.clone(),
                queues: queues.clone(),
                vault: vault.clone(),
                tiktok: tiktok.clone(),
                time: time.clone(),
                periods: periods.clone(),
            },
            poll: StatusPoll {
                store: store.clone(),
                objects: objects.clone(),
                queues: queues.clone(),
                vault: vault.clone(),
                tiktok: tiktok.clone(),
                time: time.clone(),
                periods: periods.clone(),
            },
            posts: status_poll::Sweep {
                store: store.clone(),
                queues: queues.clone(),
                time: time.clone(),
                periods: periods.clone(),
            },
            refresh: TokenRefresh {
                store: store.clone(),
                rescue: objects,
                queues: queues.clone(),
                vault,
                secrets: Arc::new(secrets),
                tiktok,
                time: time.clone(),
                periods: periods.clone(),
                plan: RefreshPlan {
                    at_percent: 60,
                    jitter_percent: 15,
                    keep_alive: SignedDuration::from_hours(30 * 24),
                },
            },
            accounts: token_refresh::Sweep { store, queues, time, periods },
            tick: stage.now() + SignedDuration::from_secs(60),
            deliveries: HashMap::new(),
            received: 0,
            published: 0,
            dead_letters: Vec::new(),
            stage,
        }
    }

    /// What the API does when it has written a post.
    pub(crate) fn submit(&self, post: &domain::PostId) {
        let job = Job::Publish(self.stage.publish_job(post));
        done(self.stage.queues.send(&job, SignedDuration::ZERO)).unwrap();
    }

    /// Goes on until nothing is left to do before `end`.
    pub(crate) fn play_until(&mut self, end: Timestamp) {
        while self.step(end) {}
        let left = end.duration_since(self.stage.now());
        self.stage.wait(left.as_secs().max(0));
    }

    /// Goes on until every post has come to an end, for an hour at most.
    pub(crate) fn play_to_the_end(&mut self) {
        let end = self.stage.now() + SignedDuration::from_hours(1);
        let open = |stage: &Stage| {
            let at_its_end = |name| ["published", "failed", "unconfirmed"].contains(&name);
            stage.table.posts().iter().any(|post| !at_its_end(post.row.state.name()))
        };
        while open(&self.stage) && self.step(end) {}
    }

    pub(crate) fn play(&mut self, seconds: i64) {
        self.play_until(self.stage.now() + SignedDuration::from_secs(seconds));
    }

    fn step(&mut self, end: Timestamp) -> bool {
        let next = self.stage.queues.next_at().map_or(self.tick, |at| at.min(self.tick));
        if next > end {
            return false;
        }
        let ahead = next.duration_since(self.stage.now()).max(SignedDuration::ZERO);
        self.stage.wait(ahead.as_secs());
        self.stage.clock.set(next.max(self.stage.now()));
        if let Some(job) = self.stage.queues.pop() {
            self.deliver(job);
        } else {
            self.tick += SignedDuration::from_secs(60);
            // a sweep that crashes or fails is followed by the next
            run(self.posts.sweep());
            run(self.accounts.sweep());
        }
        true
    }

    fn deliver(&mut self, job: Job) {
        self.received += 1;
        assert!(self.received < 20_000, "the jobs go round and round");
        let stage = &self.stage;
        let delivered = match job.clone() {
            Job::Publish(job) => {
                self.published += 1;
                run(self.publish.publish(job, stage.deadline(30)))
            }
            Job::Transfer(job) => run(self.transfer.transfer(job, stage.deadline(120))),
            Job::Check(job) => run(self.poll.check(job)),
            Job::Release(job) => run(self.poll.release(job)),
            Job::Heard(job) => run(self.poll.heard(job)),
            Job::Refresh { account, epoch } => run(self.refresh.refresh(account, epoch, stage.deadline(60))),
            Job::Ingest { .. } | Job::Drop(_) | Job::Deliver(_) | Job::CatchUp(_) => Some(Ok(())),
        };
        let count = self.deliveries.entry(format!("{job:?}")).or_default();
        match delivered {
            Some(Ok(())) => {
                *count = 0;
                return;
            }
            Some(Err(Failure::Retry(_))) | None => *count += 1,
            Some(Err(Failure::GiveUp(_))) => *count = MAX_RECEIVES,
        }
        if *count >= MAX_RECEIVES {
            self.dead_letters.push(job);
        } else {
            done(self.stage.queues.send(&job, VISIBILITY)).unwrap();
        }
    }
}
