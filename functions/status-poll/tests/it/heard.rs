//! TikTok speaks of a publish id that nobody knows: it is adopted where one reading is left, and nowhere else.

use domain::account::Slot;
use domain::job::Heard;
use domain::post::{AfterDeath, Event, PostState, PublishId, Resolution};
use domain::timeline::What;
use domain::{Job, PostId, SignedDuration, Timestamp};
use lambda_kit::batch::Failure;
use rehearsal::{Cue, Stage, done, run};
use tiktok_sandbox::Endpoint;

use super::rig::{asked, check, function, inits, slow, state};

fn event(stage: &Stage, publish_id: &PublishId) -> Heard {
    Heard {
        account: stage.account_id(),
        publish_id: publish_id.clone(),
        at: stage.now(),
        heard_at: stage.now(),
        refused_epoch: None,
    }
}

fn hear(stage: &Stage, job: Heard) -> Result<(), Failure> {
    done(function(stage).heard(job))
}

/// A post that TikTok has taken, and whose answer was lost.
fn lost(stage: &Stage, bits: u128) -> (PostId, PublishId) {
    let post = stage.accept(bits);
    let publish_id = stage.lose(&post, true).unwrap();
    (post, publish_id)
}

fn fail_at_tiktok(stage: &Stage, publish_id: &PublishId, reason: &str) {
    let now = stage.now().as_millisecond();
    stage.tiktok.with(|world| world.fail(&publish_id.0, reason, now)).unwrap();
}

/// Everything that waits is delivered, as far as it is ours, for so many seconds.
fn deliver(stage: &Stage, seconds: i64) {
    let end = stage.now() + SignedDuration::from_secs(seconds);
    while stage.queues.next_at().is_some_and(|at| at <= end) {
        match stage.queues.pop_next() {
            Some(Job::Heard(job)) => hear(stage, job).unwrap(),
            Some(Job::Check(job)) => done(function(stage).check(job)).unwrap(),
            _ => {}
        }
    }
    stage.wait(end.duration_since(stage.now()).as_secs());
}

#[test]
fn the_one_attempt_whose_answer_was_lost_is_adopted_and_published() {
    let stage = Stage::new();
    let (post, publish_id) = lost(&stage, 1);
    stage.wait(60);
    hear(&stage, event(&stage, &publish_id)).unwrap();
    let row = stage.post(&post).row;
    assert!(matches!(&row.state, PostState::Published { publish_id: Some(id), .. } if *id == publish_id));
    assert_eq!(stage.table.publish_ids().get(&publish_id), Some(&post));
    let told: Vec<What> = row.timeline.entries().iter().map(|entry| entry.what).collect();
    assert_eq!(told[told.len() - 2..], [What::Adopted, What::Published]);
    assert_eq!((inits(&stage), stage.tiktok.publications().len(), asked(&stage)), (1, 1, 1));
    assert!(!stage.objects.keys().iter().any(|key| key.starts_with("m/")), "its copy goes");
}

#[test]
fn an_attempt_that_tiktok_is_still_at_is_adopted_and_asked_about_like_any_other() {
    let stage = slow();
    let (post, publish_id) = lost(&stage, 1);
    hear(&stage, event(&stage, &publish_id)).unwrap();
    assert_eq!(state(&stage, &post), "processing");
    assert!(stage.post(&post).row.due.is_some());
}

#[test]
fn a_failure_counts_as_the_attempts_death() {
    for (reason, end) in [("internal", "queued"), ("video_pull_failed", "queued"), ("spam_risk", "failed")] {
        let stage = slow();
        let (post, publish_id) = lost(&stage, 1);
        fail_at_tiktok(&stage, &publish_id, reason);
        hear(&stage, event(&stage, &publish_id)).unwrap();
        assert_eq!(state(&stage, &post), end, "`{reason}`");
        assert_eq!(stage.table.publish_ids().get(&publish_id), Some(&post), "`{reason}`");
    }
}

#[test]
fn a_post_that_is_not_wanted_any_more_is_adopted_to_be_stopped() {
    let stage = slow();
    let (post, publish_id) = lost(&stage, 1);
    stage.apply(&post, Event::CancelAsked);
    hear(&stage, event(&stage, &publish_id)).unwrap();
    assert_eq!(state(&stage, &post), "cancelling");
    deliver(&stage, 120);
    assert_eq!((state(&stage, &post), stage.tiktok.publications().len()), ("cancelled", 0));
    assert_eq!(stage.tiktok.calls(Endpoint::Cancel).len(), 2);
}

#[test]
fn between_two_attempts_that_it_could_be_nobody_chooses() {
    let stage = Stage::new();
    let (first, id) = lost(&stage, 1);
    let second = stage.accept(2);
    stage.wait(4_500);
    stage.lose(&second, false);
    stage.change_account(|account| account.slot.as_mut().unwrap().doubts.push(first.clone()));
    let rows = [stage.post(&first), stage.post(&second)];
    hear(&stage, event(&stage, &id)).unwrap();
    assert_eq!([stage.post(&first), stage.post(&second)], rows);
    assert_eq!((stage.waiting().len(), asked(&stage)), (0, 0));

    // once the other one is proven dead, one reading is left
    let PostState::Unconfirmed { attempt, .. } = rows[1].row.state.clone() else { panic!("not in doubt") };
    let dead = Event::AttemptDead {
        nonce: attempt.nonce,
        code: "rate_limit_exceeded".to_owned(),
        then: AfterDeath::Again(stage.now()),
    };
    stage.apply(&second, dead);
    hear(&stage, event(&stage, &id)).unwrap();
    assert_eq!((state(&stage, &first), state(&stage, &second)), ("published", "queued"));
}

#[test]
fn what_happened_before_the_claim_is_about_something_else() {
    for (early, adopted) in [(120, true), (121, false), (3_600, false)] {
        let stage = Stage::new();
        let post = stage.accept(1);
        let claimed_at = stage.now();
        let publish_id = stage.lose(&post, true).unwrap();
        stage.wait(60);
        let at = claimed_at - SignedDuration::from_secs(early);
        hear(&stage, Heard { at, ..event(&stage, &publish_id) }).unwrap();
        assert_eq!(state(&stage, &post) == "published", adopted, "{early} s before");
        assert_eq!(asked(&stage), usize::from(adopted));
    }
}

#[test]
fn while_an_attempt_is_inside_its_claim_it_comes_back_and_then_the_claimer_has_said_so() {
    let stage = slow();
    let post = stage.accept(1);
    let (nonce, until) = stage.claim(&post);
    stage.change_account(|account| account.slot = Some(Slot::taken(post.clone(), until, None)));
    let row = stage.post(&post);
    let publish_id = PublishId("v_pub_url~v2-1.7".to_owned());
    let job = event(&stage, &publish_id);
    hear(&stage, job.clone()).unwrap();
    assert_eq!(stage.post(&post), row);
    assert_eq!(stage.waiting(), [(Job::Heard(job), 45)]);

    stage.wait(30);
    stage.apply(&post, Event::InitAccepted { nonce, publish_id: publish_id.clone() });
    deliver(&stage, 60);
    assert_eq!(state(&stage, &post), "processing");
    assert_eq!(stage.table.publish_ids().get(&publish_id), Some(&post), "it is indexed on the way");
}

#[test]
fn an_id_that_tiktok_does_not_confirm_to_the_creators_token_changes_nothing() {
    let stage = Stage::with(|config| {
        let grace = tiktok_sandbox::Account { nickname: "Grace".to_owned(), ..Default::default() };
        config.accounts.insert("grace".to_owned(), grace);
    });
    let (post, _) = lost(&stage, 1);
    let row = stage.post(&post);

    // grace's own, which has nothing to do with it
    let answer = stage.tiktok.connect(rehearsal::CLIENT_KEY, "grace", &["video.publish"]);
    let body = serde_json::json!({
        "post_info": {
            "title": "hers", "privacy_level": "SELF_ONLY",
            "brand_content_toggle": false, "brand_organic_toggle": false,
        },
        "source_info": {
            "source": "PULL_FROM_URL", "video_url": format!("{}/m/hers.mp4", rehearsal::MEDIA_BASE_URL),
        },
    });
    let hers = PublishId(stage.tiktok.init(answer["access_token"].as_str().unwrap(), &body));
    hear(&stage, event(&stage, &hers)).unwrap();
    assert_eq!((stage.post(&post), stage.waiting().len(), asked(&stage)), (row.clone(), 0, 1));

    // one that TikTok does not know: it may not be visible yet, and is never explained
    let unknown = PublishId("v_pub_url~v2-1.1".to_owned());
    hear(&stage, event(&stage, &unknown)).unwrap();
    deliver(&stage, 3 * 3_600);
    assert_eq!((stage.post(&post), stage.waiting().len()), (row.clone(), 0));
    assert!((3..100).contains(&asked(&stage)), "{}", asked(&stage));

    // one of another way in
    let questions = asked(&stage);
    hear(&stage, event(&stage, &PublishId("v_inbox_url~v2-1.1".to_owned()))).unwrap();
    assert_eq!((stage.post(&post), stage.waiting().len(), asked(&stage)), (row, 0, questions));
    assert!(stage.table.publish_ids().is_empty());
}

#[test]
fn an_account_without_a_doubt_has_nothing_to_adopt() {
    let stage = Stage::new();
    let publish_id = PublishId("v_pub_url~v2-1.1".to_owned());
    hear(&stage, event(&stage, &publish_id)).unwrap();
    let nobody = Heard { account: domain::AccountId::from_bits(1), ..event(&stage, &publish_id) };
    hear(&stage, nobody).unwrap();
    let post = stage.processing(1);
    stage.change_account(|account| {
        account.slot = Some(Slot::taken(post.clone(), account.connected_at, None));
    });
    check(&stage, &post);
    hear(&stage, event(&stage, &publish_id)).unwrap();
    assert_eq!(stage.waiting().iter().filter(|(job, _)| matches!(job, Job::Heard(_))).count(), 0);
}

#[test]
fn a_stale_token_is_refreshed_first() {
    let stage = Stage::new();
    let (post, publish_id) = lost(&stage, 1);
    stage.wait(60);
    stage.tiktok.with(|world| world.expire_access_tokens("ada", stage.now().as_millisecond()));
    hear(&stage, event(&stage, &publish_id)).unwrap();
    let refresh = Job::Refresh { account: stage.account_id(), epoch: Some(1) };
    assert_eq!(stage.waiting()[0], (refresh, 0));
    deliver(&stage, 30);
    assert_eq!(
        (state(&stage, &post), asked(&stage)),
        ("unconfirmed", 1),
        "the refused token is not tried again"
    );
    stage.refresh_tokens();
    deliver(&stage, 60);
    assert_eq!(state(&stage, &post), "published");
}

/// The second attempt of a post whose first TikTok reported as failed in passing, and whose answer was lost although TikTok took
/// it. Gives both ids.
fn second_attempt_lost(stage: &Stage) -> (PostId, PublishId, PublishId) {
    let post = stage.processing(1);
    let first = stage.post(&post).row.state.publish_id().unwrap().clone();
    fail_at_tiktok(stage, &first, "internal");
    check(stage, &post);
    assert_eq!(state(stage, &post), "queued");
    stage.queues.lose_all();
    stage.wait(60);
    let second = stage.lose(&post, true).unwrap();
    (post, first, second)
}

#[test]
fn a_repeated_word_about_the_first_attempt_is_not_taken_for_one_about_the_second() {
    let stage = slow();
    let (post, first, second) = second_attempt_lost(&stage);
    let row = stage.post(&post);
    // TikTok sends its webhooks at least once, with the time of the event or not long after
    for ago in [0, 30, 61, 119] {
        let at = stage.now() - SignedDuration::from_secs(ago);
        hear(&stage, Heard { at, ..event(&stage, &first) }).unwrap();
        deliver(&stage, 5);
        assert_eq!(stage.post(&post).row.state, row.row.state, "{ago} s ago");
    }
    hear(&stage, event(&stage, &second)).unwrap();
    let row = stage.post(&post).row;
    assert!(
        matches!(&row.state, PostState::Processing { publish_id, .. } if *publish_id == second),
        "{row:#?}"
    );
}

#[test]
fn an_id_may_be_that_of_a_post_about_which_a_person_has_spoken() {
    for resolution in [Resolution::NotPublished, Resolution::Published { post_id: None }] {
        let stage = slow();
        let (first, id) = lost(&stage, 1);
        stage.apply(&first, Event::Resolved(resolution.clone()));
        let second = stage.accept(2);
        stage.lose(&second, true);
        hear(&stage, event(&stage, &id)).unwrap();
        assert_eq!(state(&stage, &second), "unconfirmed", "{resolution:?}: whose it is, nobody knows");
    }
}

#[test]
fn an_id_may_be_that_of_an_attempt_that_was_taken_for_dead_because_nobody_had_fetched_its_copy() {
    for same_post in [true, false] {
        let stage = slow();
        let (first, id) = lost(&stage, 1);
        let PostState::Unconfirmed { attempt, .. } = stage.post(&first).row.state else { panic!("sure") };
        let then = AfterDeath::Again(stage.now());
        let code = "fetch_log.nobody".to_owned();
        stage.apply(&first, Event::AttemptDead { nonce: attempt.nonce, code, then });
        stage.wait(30);
        // the next attempt is alive at TikTok; a failure of the first must not start a third
        let next = if same_post { first.clone() } else { stage.accept(2) };
        stage.lose(&next, true);
        fail_at_tiktok(&stage, &id, "video_pull_failed");
        hear(&stage, event(&stage, &id)).unwrap();
        assert_eq!(state(&stage, &next), "unconfirmed", "same post: {same_post}");
    }
}

#[test]
fn doubled_deliveries_side_by_side_agree() {
    let stage = Stage::new();
    let (post, publish_id) = lost(&stage, 1);
    stage.wait(60);
    let (there, job) = (stage.clone(), event(&stage, &publish_id));
    let same = job.clone();
    stage.script.before("save", move || async move { function(&there).heard(same).await.unwrap() });
    hear(&stage, job.clone()).unwrap();
    for _ in 0..3 {
        hear(&stage, job.clone()).unwrap();
        deliver(&stage, 10);
    }
    assert_eq!(state(&stage, &post), "published");
    let count = |what| stage.post(&post).row.timeline.entries().iter().filter(|it| it.what == what).count();
    assert_eq!((count(What::Adopted), count(What::Published)), (1, 1));
    assert_eq!(stage.table.notices().iter().filter(|it| it.news.name() == "post.published").count(), 1);
}

#[test]
fn a_crash_or_an_error_at_any_call_is_made_good_by_the_next_delivery() {
    let mut played = 0;
    for cue in Cue::CRASHES.into_iter().chain(Cue::FAILURES) {
        for number in 0.. {
            let stage = Stage::new();
            let (post, publish_id) = lost(&stage, 1);
            stage.wait(60);
            let job = event(&stage, &publish_id);
            stage.script.forget_calls();
            stage.script.at(number, cue);
            drop(run(function(&stage).heard(job.clone())));
            if stage.script.end() {
                break;
            }
            played += 1;
            let told = format!("{cue:?} at {number}");
            // received again
            hear(&stage, job.clone()).unwrap();
            deliver(&stage, 60);
            assert_eq!(state(&stage, &post), "published", "{told}");
            assert_eq!(stage.table.publish_ids().get(&publish_id), Some(&post), "{told}");
            let news: Vec<_> = stage.table.notices().iter().map(|it| it.news.name()).collect();
            assert_eq!(news.iter().filter(|name| **name == "post.published").count(), 1, "{told}");
            assert_eq!(inits(&stage), 1, "{told}");
        }
    }
    assert!(played >= 24, "{played}");
}

#[test]
fn a_crash_in_the_middle_never_lets_the_id_be_taken_for_another_posts() {
    for cue in Cue::CRASHES {
        for call in ["remember", "save"] {
            let stage = slow();
            let (first, id) = lost(&stage, 1);
            let job = event(&stage, &id);
            stage.script.next(call, cue);
            assert!(run(function(&stage).heard(job.clone())).is_none());
            // before anybody hears again, the next post of the account is in doubt as well
            stage.wait(4_500);
            let second = stage.accept(2);
            let doubts = stage.post(&first).row.state.lost().is_some();
            if stage.post(&first).row.state.unindexed().is_some() {
                // whoever takes the slot sees to that
                done(flows::index(&stage.table, &stage.time, stage.post(&first))).unwrap();
            }
            stage.lose(&second, true);
            if doubts {
                stage.change_account(|account| account.slot.as_mut().unwrap().doubts.push(first.clone()));
            }
            hear(&stage, job).unwrap();
            deliver(&stage, 60);
            assert_eq!(state(&stage, &second), "unconfirmed", "{cue:?} at `{call}`");
            let told = stage.post(&first).row.state.publish_id().cloned();
            assert!(told.is_none_or(|told| told == id), "{cue:?} at `{call}`");
        }
    }
}

#[test]
fn what_cannot_be_explained_for_two_hours_never_will_be() {
    let stage = slow();
    let (post, publish_id) = lost(&stage, 1);
    let change = |config: &mut tiktok_sandbox::Config| config.outage = tiktok_sandbox::Outage::Api;
    stage.tiktok.with(|world| world.reconfigure(change));
    let heard_at: Timestamp = stage.now();
    hear(&stage, event(&stage, &publish_id)).unwrap();
    deliver(&stage, 4 * 3_600);
    assert_eq!((stage.waiting().len(), state(&stage, &post)), (0, "unconfirmed"));
    let calls = stage.tiktok.calls(Endpoint::StatusFetch).len();
    assert!((10..60).contains(&calls), "{calls} calls since {heard_at}");
}
