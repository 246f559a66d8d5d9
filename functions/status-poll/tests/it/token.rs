//! A token error while polling leads back to polling, never to an init.

use domain::Job;
use rehearsal::Stage;
use tiktok_sandbox::Endpoint;

use super::rig::{asked, check, deliver, inits, slow, state};

#[test]
fn a_token_that_is_refused_while_polling_is_refreshed_and_polling_goes_on() {
    let stage = Stage::new();
    let post = stage.processing(1);
    stage.wait(120);
    let now = stage.now().as_millisecond();
    stage.tiktok.with(|world| world.expire_access_tokens("ada", now));
    check(&stage, &post);
    assert_eq!(state(&stage, &post), "processing");
    let refresh = Job::Refresh { account: stage.account_id(), epoch: Some(1) };
    let back = domain::job::Check { refused_epoch: Some(1), ..stage.check_job(&post) };
    assert_eq!(stage.waiting(), [(refresh, 0), (Job::Check(back.clone()), 2)]);

    // too early: no question with the refused token, no second refresh
    stage.queues.lose_all();
    stage.wait(2);
    deliver(&stage, back).unwrap();
    let waiting = stage.waiting();
    let [(Job::Check(back), _)] = waiting.as_slice() else { panic!("{waiting:#?}") };
    assert_eq!(asked(&stage), 1);

    stage.refresh_tokens();
    deliver(&stage, back.clone()).unwrap();
    assert_eq!(state(&stage, &post), "published");
    assert_eq!((asked(&stage), inits(&stage)), (2, 1), "one init: its own");
    assert_eq!(stage.tiktok.publications().len(), 1);
}

#[test]
fn a_token_that_has_ended_is_not_used() {
    let stage = Stage::with(|config| {
        super::rig::stuck(config);
        config.tokens.access_ms = 600_000;
    });
    let post = stage.processing(1);
    stage.wait(590);
    check(&stage, &post);
    assert_eq!(asked(&stage), 0);
    let refresh = Job::Refresh { account: stage.account_id(), epoch: Some(1) };
    assert_eq!(stage.waiting()[0], (refresh, 0));
}

#[test]
fn no_error_of_a_status_question_moves_the_post_or_starts_an_init() {
    for code in tiktok::ErrorCode::KNOWN {
        for status in [200, 400, 401, 403, 429, 500] {
            let stage = slow();
            let post = stage.processing(1);
            stage.wait(120);
            let before = stage.post(&post).row.state.indexed();
            stage.tiktok.refuse(Endpoint::StatusFetch, status, code.as_str());
            check(&stage, &post);
            assert_eq!(stage.post(&post).row.state.indexed(), before, "`{code}`");
            assert_eq!((asked(&stage), inits(&stage)), (1, 1));
            let later = stage.post(&post).row.due.is_some_and(|due| due > stage.now());
            let back = stage.waiting().iter().any(|(job, _)| matches!(job, Job::Check(_)));
            assert!(later || back, "`{code}`: it is asked about again");
        }
    }
}
