use domain::account::{AccountStatus, TokenField};
use domain::post::{Event, HoldReason, Outcome, PostState, Task};
use domain::timeline::Actor;
use domain::{CreatorId, Job, Nonce, Post, SignedDuration};
use flows::{MoveError, Moved, Token, dispatch, job_for, move_post, open_token, patience, wakes_sooner};
use ports::fakes::Fault;
use ports::{Plaintext, Vault as _, samples};
use rehearsal::{Cue, Stage, done};

fn held(until: i64) -> Event {
    let until = Some(samples::NOON + SignedDuration::from_secs(until));
    Event::Held { until, why: HoldReason::Operator, code: None }
}

fn moved(stage: &Stage, post: &domain::PostId, event: &Event) -> Result<Moved, MoveError> {
    let by = Actor::Publish.into();
    done(move_post(&stage.store(), &stage.time, &stage.periods, stage.post(post), event, &by))
}

#[test]
fn a_post_is_moved_once_however_often_the_event_comes() {
    let stage = Stage::new();
    let post = stage.accept(1);
    assert!(matches!(moved(&stage, &post, &held(600)), Ok(Moved::Moved { .. })));
    let version = stage.post(&post).version;
    assert!(matches!(moved(&stage, &post, &held(600)), Ok(Moved::Unchanged(_))));
    assert_eq!(stage.post(&post).version, version);
}

#[test]
fn whoever_wrote_first_is_read_and_the_event_is_applied_to_that() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("save", move || async move {
        let mut row = there.post(&id).row;
        row.due = None;
        there.table.insert_post(row, samples::content());
    });
    assert!(matches!(moved(&stage, &post, &held(600)), Ok(Moved::Moved { .. })));
    assert_eq!(stage.post(&post).row.state.name(), "held");
}

#[test]
fn an_event_that_makes_no_sense_any_more_and_an_endless_contest_are_told_apart() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("save", move || async move {
        let row = there.post(&id).row;
        let claim = Event::Claimed {
            nonce: Nonce::from_bits(1),
            until: there.now(),
            source: domain::post::Source::PullFromUrl,
        };
        let Ok(Outcome::Moved(row)) = row.apply(claim, Actor::Publish, there.now(), &there.periods) else {
            return;
        };
        there.table.insert_post(*row, samples::content());
    });
    assert!(matches!(moved(&stage, &post, &held(600)), Err(MoveError::Invalid(_))));

    let stage = Stage::new();
    let post = stage.accept(1);
    for _ in 0..9 {
        let (there, id) = (stage.clone(), post.clone());
        stage.script.before("save", move || async move {
            there.table.insert_post(there.post(&id).row, samples::content());
        });
    }
    assert!(matches!(moved(&stage, &post, &held(600)), Err(MoveError::Contended(_))));
}

#[test]
fn a_near_step_is_a_message_a_far_one_is_left_to_the_row_and_a_send_that_fails_costs_time_only() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let send = |post: &Post| done(dispatch(&stage.senders(), post, stage.now(), &stage.periods));
    let row = |seconds| {
        let mut row = stage.post(&post).row;
        if let PostState::Queued { at, .. } = &mut row.state {
            *at = samples::NOON + SignedDuration::from_secs(seconds);
        }
        row.rearm(stage.now(), &stage.periods);
        row
    };
    send(&row(119));
    send(&row(120));
    send(&row(-50));
    let delays: Vec<i64> = stage.waiting().iter().map(|(_, delay)| *delay).collect();
    assert_eq!(delays, [119, 0]);
    stage.script.next("send", Cue::FailBefore);
    send(&row(1));
    assert_eq!(stage.waiting().len(), 2);
}

#[test]
fn only_a_hold_by_our_own_limiter_comes_back_with_its_time_as_a_ticket() {
    let stage = Stage::new();
    let until = Some(stage.now() + SignedDuration::from_secs(300));
    for why in [HoldReason::RateLimited, HoldReason::Operator, HoldReason::UnconfirmedSibling] {
        let id = stage.accept(1);
        let event = Event::Held { until, why, code: None };
        let row = stage.post(&id).row;
        let Ok(Outcome::Moved(row)) = row.apply(event, Actor::Publish, stage.now(), &stage.periods) else {
            panic!("not held");
        };
        let Job::Publish(job) = job_for(&row, Task::Publish, true) else { panic!("no publish") };
        assert_eq!(job.ticket, until.filter(|_| why == HoldReason::RateLimited), "{why:?}");
    }
}

#[test]
fn a_message_that_the_rows_own_wake_up_overtakes_is_not_worth_sending() {
    let stage = Stage::new();
    let id = stage.accept(1);
    let post = stage.post(&id).row;
    let seconds = SignedDuration::from_secs;
    assert!(!wakes_sooner(&post, stage.now(), seconds(299)));
    assert!(wakes_sooner(&post, stage.now(), seconds(300)));
    // what is over says nothing
    assert!(!wakes_sooner(&post, stage.now() + seconds(300), seconds(10)));
    assert!(!wakes_sooner(&Post { due: None, ..post }, stage.now(), seconds(9_000)));
}

#[test]
fn patience_grows_with_the_trouble_within_bounds() {
    let at = |seconds| samples::NOON + SignedDuration::from_secs(seconds);
    let waits = [0, 4, 60, 600, 86_400, -50]
        .map(|since| patience(at(0), at(since), SignedDuration::from_secs(5)).as_secs());
    assert_eq!(waits, [5, 5, 30, 300, 300, 5]);
    assert_eq!(patience(at(0), at(0), SignedDuration::from_mins(15)).as_secs(), 900);
}

#[test]
fn a_token_is_opened_for_its_own_place_alone() {
    let stage = Stage::new();
    let open = |refused| {
        let account = stage.account();
        done(open_token(&stage.sealer(), &account, &account.creator, refused, stage.now()))
    };
    let Ok(Token::Usable { access, epoch: 1 }) = open(None) else { panic!("not usable") };
    assert_eq!(access.expose(), stage.access_token());
    assert!(matches!(open(Some(1)), Ok(Token::Stale { epoch: 1 })));
    assert!(matches!(open(Some(0)), Ok(Token::Usable { .. })));

    stage.vault.fail_next("open", Fault::BeforeEffect, 1);
    assert!(open(None).is_err(), "what may pass is tried again");
    stage.vault.fail_next("open", Fault::Refused, 1);
    assert!(matches!(open(None), Ok(Token::Locked(_))));

    let other = stage.account();
    let other = other.binding(TokenField::Refresh, 1);
    let foreign = done(stage.vault.seal(&Plaintext::new("x".to_owned()), &other)).unwrap();
    stage.change_account(|account| account.tokens.as_mut().unwrap().access = foreign);
    assert!(matches!(open(None), Ok(Token::Locked(_))));
    assert!(matches!(open_with(&stage, AccountStatus::Disconnected), Ok(Token::Gone)));
}

fn open_with(stage: &Stage, status: AccountStatus) -> Result<Token, ports::PortError> {
    stage.change_account(|account| account.status = status);
    let account = stage.account();
    done(open_token(&stage.sealer(), &account, &account.creator, None, stage.now()))
}

#[test]
fn a_token_is_not_for_the_creator_of_another_workspace() {
    let stage = Stage::new();
    let (account, other) = (stage.account(), CreatorId::from_bits(0xc0de));
    let open = |creator| done(open_token(&stage.sealer(), &account, creator, None, stage.now()));
    assert!(matches!(open(&account.creator), Ok(Token::Usable { .. })));
    assert!(matches!(open(&other), Ok(Token::Gone)));
}
