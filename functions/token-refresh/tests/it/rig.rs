use std::sync::Arc;

use domain::account::RefreshPlan;
use domain::{Job, SignedDuration, Timestamp};
use lambda_kit::batch::Failure;
use lambda_kit::redacted::Secret;
use ports::fakes::{MemoryObjects, MemoryQueues, MemoryTable, MemoryVault};
use rehearsal::{CLIENT_KEY, CLIENT_SECRET, Stage, TikTok, Time, Watched, done};
use tiktok_sandbox::{Call, Endpoint};
use token_refresh::{Sweep, TokenRefresh};
use wiring::secrets::AppSecrets;

pub(crate) type Function = TokenRefresh<
    Watched<MemoryTable>,
    Watched<MemoryObjects>,
    Watched<MemoryQueues>,
    Watched<MemoryVault>,
    Arc<AppSecrets>,
    TikTok,
    Time,
>;

pub(crate) const PLAN: RefreshPlan =
    RefreshPlan { at_percent: 60, jitter_percent: 15, keep_alive: SignedDuration::from_hours(30 * 24) };

pub(crate) fn function(stage: &Stage) -> Function {
    TokenRefresh {
        store: stage.store(),
        rescue: stage.bucket(),
        queues: stage.senders(),
        vault: stage.sealer(),
        secrets: Arc::new(AppSecrets {
            client_key: CLIENT_KEY.to_owned(),
            client_secret: Secret::new(CLIENT_SECRET.to_owned()),
            deployment_secret: Secret::new("not used here".to_owned()),
        }),
        tiktok: stage.client(),
        time: stage.time.clone(),
        periods: stage.periods.clone(),
        plan: PLAN,
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

pub(crate) fn deadline(stage: &Stage) -> Timestamp {
    stage.deadline(60)
}

/// A refresh because the token of this epoch is no good.
pub(crate) fn refresh(stage: &Stage, epoch: u64) -> Result<(), Failure> {
    done(function(stage).refresh(stage.account_id(), Some(epoch), deadline(stage)))
}

/// Delivers what waits, and what that sends, as it comes; gives up after so many deliveries.
pub(crate) fn deliver(stage: &Stage, at_most: usize) {
    for _ in 0..at_most {
        let Some(job) = stage.queues.pop_next() else { return };
        let (account, epoch) = match job {
            Job::Refresh { account, epoch } => (account, epoch),
            // for status-poll
            Job::Release(_) => continue,
            other => panic!("{other:?} is not ours"),
        };
        done(function(stage).refresh(account, epoch, deadline(stage))).expect("the job is done with");
    }
}

pub(crate) fn token_calls(stage: &Stage) -> Vec<Call> {
    stage.tiktok.calls(Endpoint::Token)
}

pub(crate) fn epoch(stage: &Stage) -> u64 {
    stage.account().tokens.unwrap().epoch
}

/// Whether TikTok takes the access token in the row.
pub(crate) fn is_usable(stage: &Stage) -> bool {
    let token = tiktok::AccessToken::new(stage.access_token());
    done(stage.client().creator_info(&token)).is_ok()
}
