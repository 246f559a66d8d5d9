//! Active and dormant accounts, warnings, and what a refresh keeps besides tokens.

use domain::account::Care;
use domain::notice::News;
use domain::{SignedDuration, Timestamp};
use rehearsal::{Stage, done};
use tiktok_sandbox::Endpoint;

use super::rig::{PLAN, clock_of, deadline, deliver, epoch, function, refresh, token_calls};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The row's own wake-up, as the sweep sends it.
fn wake_up(stage: &Stage) {
    done(function(stage).refresh(stage.account_id(), None, deadline(stage))).expect("the job is done with");
}

fn wakes_at(stage: &Stage, care: Care) -> Timestamp {
    let account = stage.account();
    PLAN.due(&account.id, account.tokens.as_ref().unwrap(), care)
}

fn dormant() -> Stage {
    let stage = Stage::new();
    stage.change_account(|account| account.connected_at -= DAY * 8);
    stage
}

#[test]
fn a_dormant_account_wakes_up_without_a_refresh_until_its_month_is_over() {
    let stage = dormant();
    let due = wakes_at(&stage, Care::Active);
    stage.clock.set(due);
    wake_up(&stage);
    assert_eq!((token_calls(&stage).len(), epoch(&stage)), (0, 1));
    let month = wakes_at(&stage, Care::Dormant);
    assert!(due < month && month <= due + DAY * 30, "{month}");
    assert_eq!(stage.account().due, Some(month));
    stage.clock.set(month);
    wake_up(&stage);
    assert_eq!((token_calls(&stage).len(), epoch(&stage)), (1, 2));
    assert_eq!(stage.account().due, Some(wakes_at(&stage, Care::Dormant)));
}

#[test]
fn an_account_that_posted_this_week_is_kept_fresh() {
    let stage = dormant();
    stage.change_account(|account| {
        account.limits.reserve_publish(account.connected_at + DAY * 7);
    });
    stage.clock.set(wakes_at(&stage, Care::Active));
    wake_up(&stage);
    assert_eq!(token_calls(&stage).len(), 1);
    assert_eq!(stage.account().due, Some(wakes_at(&stage, Care::Active)));
}

#[test]
fn a_dormant_account_that_somebody_needs_is_refreshed_at_once_and_stays_fresh_for_now() {
    let stage = dormant();
    refresh(&stage, 1).unwrap();
    assert_eq!(token_calls(&stage).len(), 1);
    assert_eq!(stage.account().due, Some(wakes_at(&stage, Care::Active)));
}

#[test]
fn a_workspace_is_warned_thirty_seven_and_one_days_before_the_end_once_each() {
    // TikTok lets every new pair end with the first one
    let stage = Stage::with(|config| config.tokens.refresh_ms = 40 * 86_400_000);
    stage.change_account(|account| account.connected_at -= DAY * 8);
    let end = stage.account().tokens.unwrap().refresh_expires_at;
    let mut woken = 0;
    while let Some(due) = stage.account().due.filter(|due| *due < end) {
        woken += 1;
        assert!(woken < 100, "it wakes up again and again");
        stage.clock.set(due.max(stage.now()));
        done(clock_of(&stage).sweep());
        deliver(&stage, 1);
    }
    let warned: Vec<_> = stage
        .table
        .notices()
        .into_iter()
        .map(|notice| match notice.news {
            News::GrantEnds { at, days } => {
                assert!(end.duration_since(at).abs() <= SignedDuration::from_secs(2), "{at}");
                (days, end.duration_since(notice.at).as_hours() / 24)
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(warned.iter().map(|(days, _)| *days).collect::<Vec<_>>(), [30, 7, 1]);
    assert!(warned.iter().all(|(days, left)| *left <= i64::from(*days)), "{warned:?}");
}

#[test]
fn the_end_of_a_grant_is_told_once_with_its_reason() {
    let stage = Stage::new();
    let now = stage.now().as_millisecond();
    drop(stage.tiktok.with(|world| world.revoke_user(rehearsal::CLIENT_KEY, "ada", 1, now)));
    for _ in 0..3 {
        refresh(&stage, 1).unwrap();
    }
    let notices = stage.table.notices();
    let [notice] = notices.as_slice() else { panic!("{notices:#?}") };
    assert_eq!(notice.news, News::ReconnectRequired { code: "invalid_grant".to_owned() });
    assert_eq!(
        (&notice.workspace, notice.creator.as_ref()),
        (&stage.account().workspace, Some(&stage.creator().id))
    );
}

#[test]
fn a_refresh_keeps_the_profile_of_the_week_and_the_scopes_that_were_granted() {
    let stage = Stage::with(|config| {
        let ada = config.accounts.get_mut("ada").expect("ada is there");
        "Ada, Countess of Lovelace".clone_into(&mut ada.nickname);
    });
    refresh(&stage, 1).unwrap();
    assert_eq!(stage.tiktok.calls(Endpoint::UserInfo).len(), 0, "the profile is of today");
    let old = stage.creator();
    stage.table.insert_creator(domain::Creator {
        profile_at: stage.now() - DAY * 7,
        scopes: vec!["video.list".to_owned()],
        ..old
    });
    refresh(&stage, 2).unwrap();
    let creator = stage.creator();
    assert_eq!(creator.info.nickname, "Ada, Countess of Lovelace");
    assert_eq!(creator.profile_at, stage.now());
    assert!(creator.scopes.contains(&"video.publish".to_owned()), "{:?}", creator.scopes);
    assert_eq!(stage.tiktok.calls(Endpoint::UserInfo).len(), 1);
}

#[test]
fn a_profile_that_tiktok_does_not_tell_costs_no_tokens() {
    let stage = Stage::new();
    let old = stage.creator();
    stage.table.insert_creator(domain::Creator { profile_at: stage.now() - DAY * 7, ..old.clone() });
    stage.tiktok.refuse(Endpoint::UserInfo, 500, "internal_error");
    refresh(&stage, 1).unwrap();
    deliver(&stage, 5);
    assert_eq!(epoch(&stage), 2);
    assert_eq!(stage.creator().info, old.info);
}
