//! When tokens are refreshed, and when creators are warned.

use domain::account::{Account, AccountStatus, Care, RefreshPlan, Sealed, Tokens};
use domain::limits::Limits;
use domain::notice::{News, Notice};
use domain::{AccountId, CreatorId, SignedDuration, Timestamp, WorkspaceId};

const PLAN: RefreshPlan =
    RefreshPlan { at_percent: 60, jitter_percent: 15, keep_alive: SignedDuration::from_hours(30 * 24) };
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_793_534_400 + seconds).unwrap()
}

fn tokens(issued: Timestamp, life: i64) -> Tokens {
    let sealed = Sealed { data_key: Vec::new(), cipher: Vec::new() };
    Tokens {
        epoch: 1,
        access: sealed.clone(),
        refresh: sealed,
        previous_refresh: None,
        issued_at: issued,
        access_expires_at: issued + SignedDuration::from_secs(life),
        refresh_expires_at: issued + SignedDuration::from_hours(365 * 24),
        scopes: Vec::new(),
    }
}

/// Ids as they are made: from a digest, so every bit is as good as random.
fn ids() -> impl Iterator<Item = AccountId> {
    (1..=1_000_u128)
        .map(|it| AccountId::from_bits(it.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
}

fn hours(id: &AccountId, issued: Timestamp, care: Care) -> f64 {
    PLAN.due(id, &tokens(issued, DAY), care).duration_since(issued).as_secs_f64() / 3_600.0
}

#[test]
fn an_active_accounts_tokens_are_never_older_than_three_quarters_of_their_life() {
    for (index, id) in ids().enumerate() {
        let issued = at(i64::try_from(index).unwrap() * 97);
        let age = hours(&id, issued, Care::Active);
        assert!((1.79..=18.01).contains(&age), "{age}");
    }
}

#[test]
fn after_the_first_refresh_the_next_ones_come_between_60_and_75_percent() {
    for id in ids() {
        let mut now = PLAN.due(&id, &tokens(at(0), DAY), Care::Active);
        for late in [2, 600, 30] {
            let issued = now + SignedDuration::from_secs(late);
            let age = hours(&id, issued, Care::Active);
            assert!((14.4..=18.0).contains(&age), "{age} hours after a refresh that was {late} s late");
            now = issued + SignedDuration::from_secs_f64(age * 3_600.0);
        }
    }
}

#[test]
fn accounts_that_connect_at_once_are_spread_over_the_whole_cycle() {
    let mut quarters = [0; 4];
    for id in ids() {
        let age = hours(&id, at(0), Care::Active);
        let quarter = ((age - 1.8) / 16.2 * 4.0).clamp(0.0, 3.9);
        quarters[[0.0, 1.0, 2.0, 3.0].iter().rposition(|least| quarter >= *least).unwrap()] += 1;
    }
    assert!(quarters.iter().all(|count| (200..300).contains(count)), "{quarters:?}");
}

#[test]
fn a_dormant_account_is_refreshed_once_in_thirty_days() {
    for id in ids() {
        let first = PLAN.due(&id, &tokens(at(0), DAY), Care::Dormant);
        assert!(at(0) < first && first <= at(30 * DAY), "{first}");
        let issued = first + SignedDuration::from_secs(3);
        let second = PLAN.due(&id, &tokens(issued, DAY), Care::Dormant);
        assert_eq!(second, first + SignedDuration::from_hours(30 * 24));
    }
}

#[test]
fn a_grant_that_no_refresh_lengthens_is_refreshed_once_a_day_towards_its_end() {
    let id = ids().next().unwrap();
    let end = at(40 * DAY);
    let (mut issued, mut refreshes) = (at(0), 0);
    while issued < end {
        let tokens = Tokens { refresh_expires_at: end, ..tokens(issued, DAY) };
        issued = PLAN.due(&id, &tokens, Care::Dormant) + SignedDuration::from_secs(1);
        refreshes += 1;
    }
    assert!((4..=12).contains(&refreshes), "{refreshes}");
}

#[test]
fn a_life_of_four_minutes_or_of_nothing_is_planned_as_well() {
    let plan = RefreshPlan { jitter_percent: 0, ..PLAN };
    for id in ids() {
        let due = plan.due(&id, &tokens(at(0), 240), Care::Active);
        assert!(at(0) < due && due <= at(144), "{due}");
        assert!(PLAN.due(&id, &tokens(at(0), 0), Care::Active) <= at(0));
    }
}

#[test]
fn a_post_keeps_an_account_active_for_a_week() {
    let mut account = connected();
    assert_eq!(account.care(at(0)), Care::Dormant);
    account.limits.reserve_creator_info(at(0));
    assert_eq!(account.care(at(0)), Care::Dormant, "looking is not posting");
    account.limits.reserve_publish(at(10));
    assert_eq!(account.care(at(11)), Care::Active);
    assert_eq!(account.care(at(7 * DAY + 9)), Care::Active);
    assert_eq!(account.care(at(7 * DAY + 10)), Care::Dormant);
    account.connected_at = at(8 * DAY);
    assert_eq!(account.care(at(15 * DAY - 1)), Care::Active, "connecting counts as well");
    assert_eq!(account.care(at(15 * DAY)), Care::Dormant);
}

#[test]
fn no_token_is_used_within_ten_minutes_of_its_end() {
    let usable = |life, now| {
        let account = Account { tokens: Some(tokens(at(0), life)), ..connected() };
        account.usable_tokens(at(now)).is_some()
    };
    assert!(usable(DAY, DAY - 601));
    assert!(!usable(DAY, DAY - 600));
    assert!(usable(240, 219), "a life of four minutes leaves twenty seconds");
    assert!(!usable(240, 220));
}

fn connected() -> Account {
    Account {
        id: AccountId::from_bits(1),
        client_key: String::new(),
        open_id: String::new(),
        workspace: WorkspaceId::from_bits(2),
        creator: CreatorId::from_bits(3),
        connected_at: at(-30 * DAY),
        status: AccountStatus::Connected,
        tokens: None,
        epoch: 1,
        lease: None,
        limits: Limits::default(),
        limits_version: 0,
        slot: None,
        due: None,
    }
}

#[test]
fn a_creator_is_warned_thirty_seven_and_one_days_before_the_end() {
    let tokens = tokens(at(0), DAY);
    let end = 365 * DAY;
    let warning = |seconds| tokens.warning(at(seconds));
    assert_eq!(warning(end - 30 * DAY - 1), None);
    assert_eq!(warning(end - 30 * DAY), Some(30));
    assert_eq!(warning(end - 7 * DAY - 1), Some(30));
    assert_eq!(warning(end - 7 * DAY), Some(7));
    assert_eq!(warning(end - DAY), Some(1));
    assert_eq!(warning(end - 1), Some(1));
    assert_eq!(warning(end), None, "there is nothing left to warn about");
}

#[test]
fn a_warning_wakes_the_account_even_if_no_refresh_is_near() {
    let plan = RefreshPlan { keep_alive: SignedDuration::from_hours(300 * 24), ..PLAN };
    for id in ids() {
        let tokens = tokens(at(0), DAY);
        let wake = |now| plan.wake(&id, &tokens, Care::Dormant, at(now));
        assert!(wake(0) <= at(335 * DAY));
        let due = plan.due(&id, &tokens, Care::Dormant);
        assert_eq!(wake(340 * DAY), due.min(at(358 * DAY)));
    }
}

#[test]
fn the_same_news_of_the_same_generation_is_one_notice() {
    let news = |epoch, news| {
        Notice::new(&WorkspaceId::from_bits(2), &CreatorId::from_bits(3), epoch, at(0), news).id
    };
    let required = |code: &str| News::ReconnectRequired { code: code.to_owned() };
    assert_eq!(news(4, required("invalid_grant")), news(4, required("authorization.removed")));
    assert_ne!(news(4, required("invalid_grant")), news(5, required("invalid_grant")));
    assert_ne!(news(4, required("invalid_grant")), news(4, News::Disconnected));
    let ends = |days| News::GrantEnds { at: at(30 * DAY), days };
    assert_eq!(news(4, ends(7)), news(9, ends(7)), "a grant that a refresh does not lengthen");
    assert_ne!(news(4, ends(7)), news(4, ends(1)));
}
