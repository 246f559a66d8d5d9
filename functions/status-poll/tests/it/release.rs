//! Posts that were held because their creator had to connect again.

use domain::account::AccountStatus;
use domain::job::Release;
use domain::post::{Event, HoldReason};
use domain::timeline::Actor;
use domain::{CreatorId, Job, Outcome, PostId};
use rehearsal::{Cue, Stage, done};

use super::rig::{function, state};

fn hold(stage: &Stage, id: &PostId, why: HoldReason, creator: Option<CreatorId>) {
    let seen = stage.post(id).row;
    let held = Event::Held { until: None, why, code: None };
    let Ok(Outcome::Moved(mut post)) = seen.apply(held, Actor::Publish, stage.now(), &stage.periods) else {
        panic!("it is held")
    };
    post.creator = creator.unwrap_or(post.creator);
    let content = done(ports::Posts::content(&stage.table, id, &post.content)).unwrap().unwrap();
    stage.table.insert_post(*post, content);
}

fn job(stage: &Stage) -> Release {
    let account = stage.account();
    Release { workspace: account.workspace, creator: account.creator, account: account.id, cursor: None }
}

/// Delivers a release and those that it sends.
fn release(stage: &Stage, job: Release) -> usize {
    let mut next = Some(job);
    let mut messages = 0;
    while let Some(job) = next.take() {
        messages += 1;
        done(function(stage).release(job)).expect("the job is done with");
        next = stage.waiting().into_iter().find_map(|(job, _)| match job {
            Job::Release(job) => Some(job),
            _ => None,
        });
        let kept: Vec<_> =
            stage.waiting().into_iter().filter(|(job, _)| !matches!(job, Job::Release(_))).collect();
        stage.queues.lose_all();
        for (job, _) in kept {
            done(ports::Queues::send(&stage.queues, &job, domain::SignedDuration::ZERO)).unwrap();
        }
    }
    messages
}

#[test]
fn the_creators_posts_go_on_and_nobody_elses() {
    let stage = Stage::new();
    let posts: Vec<PostId> = (1..=5).map(|bits| stage.accept(bits)).collect();
    hold(&stage, &posts[0], HoldReason::ReconnectRequired, None);
    hold(&stage, &posts[1], HoldReason::Unaudited, None);
    hold(&stage, &posts[2], HoldReason::ReconnectRequired, Some(CreatorId::from_bits(0xbad)));
    hold(&stage, &posts[3], HoldReason::ReconnectRequired, None);
    stage.queues.lose_all();
    assert_eq!(release(&stage, job(&stage)), 1);
    let states: Vec<_> = posts.iter().map(|post| state(&stage, post)).collect();
    assert_eq!(states, ["queued", "held", "held", "queued", "queued"]);
    assert_eq!(stage.waiting().len(), 2, "one publish job for each of the two");
    assert_eq!(release(&stage, job(&stage)), 1, "again, it changes nothing");
    assert_eq!(stage.waiting().len(), 2);
}

#[test]
fn however_many_posts_wait_a_page_goes_on_at_a_time() {
    let stage = Stage::new();
    let posts: Vec<PostId> = (1..=230).map(|bits| stage.accept(bits)).collect();
    for post in &posts {
        hold(&stage, post, HoldReason::ReconnectRequired, None);
    }
    stage.queues.lose_all();
    assert_eq!(release(&stage, job(&stage)), 3);
    assert!(posts.iter().all(|post| state(&stage, post) == "queued"));
}

#[test]
fn nothing_goes_on_before_the_account_is_connected_or_for_another_workspaces_creator() {
    let stage = Stage::new();
    let post = stage.accept(1);
    hold(&stage, &post, HoldReason::ReconnectRequired, None);
    let job = job(&stage);
    stage.change_account(|account| account.status = AccountStatus::Disconnected);
    release(&stage, job.clone());
    assert_eq!(state(&stage, &post), "held");
    stage.change_account(|account| {
        account.status = AccountStatus::Connected;
        account.creator = CreatorId::from_bits(0xbad);
    });
    release(&stage, job);
    assert_eq!(state(&stage, &post), "held");
}

#[test]
fn a_page_that_fails_half_way_is_delivered_again() {
    let stage = Stage::new();
    let posts: Vec<PostId> = (1..=4).map(|bits| stage.accept(bits)).collect();
    for post in &posts {
        hold(&stage, post, HoldReason::ReconnectRequired, None);
    }
    stage.queues.lose_all();
    stage.script.next("save", Cue::FailAfter);
    assert!(done(function(&stage).release(job(&stage))).is_err());
    done(function(&stage).release(job(&stage))).unwrap();
    assert!(posts.iter().all(|post| state(&stage, post) == "queued"));
}
