//! An init whose answer was lost, and a log of who asked for its copy: proof, or patience, and never two that may be published.

use domain::post::PostState;
use domain::timeline::What;
use domain::{PostId, SignedDuration};
use rehearsal::{Cue, Stage};
use tiktok_sandbox::{AutoTime, Endpoint, FaultKind};

use super::company::Company;

/// How late the log is.
const DELAY: SignedDuration = SignedDuration::from_mins(10);
/// Long enough for the fence, the log, a second attempt and its end.
const LONG: i64 = 2 * 3_600;

fn company() -> Company {
    company_with(DELAY)
}

fn company_with(delay: SignedDuration) -> Company {
    let stage = Stage::new();
    stage.objects.keep_log(delay);
    Company::new(stage)
}

fn submit(company: &Company) -> PostId {
    let post = company.stage.accept(1);
    company.submit(&post);
    post
}

fn inits(company: &Company) -> usize {
    company.stage.tiktok.calls(Endpoint::VideoInit).len()
}

fn has(company: &Company, what: What) -> bool {
    company.stage.table.only_post().row.timeline.entries().iter().any(|entry| entry.what == what)
}

fn at(company: &Company, post: &PostId, what: What) -> domain::Timestamp {
    let row = company.stage.post(post).row;
    row.timeline.entries().iter().find(|entry| entry.what == what).expect("it happened").at
}

#[test]
fn an_init_that_never_arrived_is_proven_dead_by_the_log_and_the_post_is_published_once() {
    let mut company = company();
    company.stage.tiktok.inject(Endpoint::VideoInit, FaultKind::LostBefore);
    let post = submit(&company);
    let claimed_at = company.stage.now();
    company.play(LONG);
    let stage = &company.stage;
    assert_eq!(stage.post(&post).row.state.name(), "published", "{:#?}", stage.post(&post).row);
    assert_eq!((inits(&company), stage.tiktok.accepted(), stage.tiktok.publications().len()), (2, 1, 1));
    let fenced_at = at(&company, &post, What::Fenced);
    assert!(fenced_at >= claimed_at + stage.periods.fence_wait, "fenced after {}", fenced_at - claimed_at);
    let dead = at(&company, &post, What::InitRefused);
    assert!(dead > fenced_at + DELAY, "dead {} after the fence", dead - fenced_at);
    let told: Vec<_> = stage.table.notices().iter().map(|notice| notice.news.name()).collect();
    assert_eq!(told, ["post.published", "post.url_resolved"][..told.len()]);
    assert_eq!(company.dead_letters, []);
}

#[test]
fn an_init_whose_copy_was_fetched_is_never_made_again_nor_fenced() {
    for fault in [FaultKind::AnswerLost, FaultKind::CutBody, FaultKind::Garbage] {
        // a late log is waited for: what TikTok is at is not taken from under its hands
        for delay in [SignedDuration::from_mins(1), DELAY] {
            let mut company = company_with(delay);
            company.stage.tiktok.inject(Endpoint::VideoInit, fault.clone());
            let post = submit(&company);
            company.play(2 * 86_400);
            assert_eq!(company.stage.post(&post).row.state.name(), "unconfirmed", "{fault:?}");
            assert!(!has(&company, What::Fenced), "{fault:?}");
            assert_eq!((inits(&company), company.stage.tiktok.publications().len()), (1, 1), "{fault:?}");
        }
    }
}

#[test]
fn without_a_log_nothing_is_ever_fenced() {
    for fault in [FaultKind::LostBefore, FaultKind::AnswerLost] {
        let mut company = Company::new(Stage::new());
        company.stage.tiktok.inject(Endpoint::VideoInit, fault.clone());
        let post = submit(&company);
        company.play(3 * 86_400);
        assert_eq!(company.stage.post(&post).row.state.name(), "unconfirmed", "{fault:?}");
        assert!(!has(&company, What::Fenced), "{fault:?}");
        assert!(!company.stage.script.calls().contains(&"fence"), "{fault:?}");
        assert_eq!(inits(&company), 1, "{fault:?}");
    }
}

#[test]
fn a_tiktok_that_comes_late_finds_nothing_to_pull() {
    // it took the post, and its download begins at any time: before the fence, between it and the proof, long after
    for fetch in [1, 60, 299, 301, 400, 700, 899, 901, 1_000, 1_500, 3_000] {
        let stage = Stage::with(|config| {
            let time = AutoTime { fetch_ms: fetch * 1_000, ..AutoTime::default() };
            config.time = tiktok_sandbox::Time::Auto(time);
        });
        stage.objects.keep_log(DELAY);
        let mut company = Company::new(stage);
        company.stage.tiktok.inject(Endpoint::VideoInit, FaultKind::AnswerLost);
        let post = submit(&company);
        company.play(2 * LONG);
        let publications = company.stage.tiktok.publications().len();
        let end = company.stage.post(&post).row.state.name();
        assert!(publications <= 1, "download after {fetch} s: published {publications} times");
        assert!(
            (end, publications) == ("published", 1) || end == "unconfirmed",
            "download after {fetch} s: {end}, {publications} publications"
        );
        assert_eq!(company.stage.tiktok.accepted(), inits(&company), "download after {fetch} s");
    }
}

#[test]
fn a_post_that_is_not_wanted_is_fenced_at_once_and_ends_cancelled() {
    let mut company = company();
    let post = company.stage.accept(1);
    let (there, id) = (company.stage.clone(), post.clone());
    company.stage.script.before("video_init", move || async move {
        there.apply(&id, domain::post::Event::CancelAsked);
    });
    company.stage.tiktok.inject(Endpoint::VideoInit, FaultKind::LostBefore);
    company.submit(&post);
    company.play(200);
    assert!(has(&company, What::Fenced), "nobody waits for what is not wanted");
    company.play(LONG);
    assert!(matches!(company.stage.post(&post).row.state, PostState::Cancelled { publish_id: None }));
    assert_eq!((inits(&company), company.stage.tiktok.accepted()), (1, 0));
}

#[test]
fn an_account_goes_on_while_one_of_its_posts_is_looked_into() {
    let mut company = company();
    company.stage.tiktok.inject(Endpoint::VideoInit, FaultKind::LostBefore);
    submit(&company);
    let others: Vec<PostId> = (2..=5).map(|bits| company.stage.accept(bits)).collect();
    for post in &others {
        company.submit(post);
    }
    company.play(2 * LONG);
    for post in company.stage.table.posts() {
        assert_eq!(post.row.state.name(), "published", "{}", post.row.id);
    }
    assert_eq!((company.stage.tiktok.publications().len(), inits(&company)), (5, 6));
    assert_eq!(company.dead_letters, []);
}

/// One journey in doubt, with what the script says on the way; `arrives`: TikTok took it.
fn play(arrives: bool, script: &[(usize, Cue)]) -> Company {
    let mut company = company_with(SignedDuration::from_mins(1));
    let kind = if arrives { FaultKind::AnswerLost } else { FaultKind::LostBefore };
    company.stage.tiktok.inject(Endpoint::VideoInit, kind);
    submit(&company);
    for (number, cue) in script {
        company.stage.script.at(*number, *cue);
    }
    company.play(2_400);
    company
}

/// The calls of such a journey from the lost init on, without the sweeps' looks at partitions in which nothing is due.
fn numbers(calls: &[&str]) -> Vec<usize> {
    let init = calls.iter().position(|call| *call == "video_init").unwrap();
    let finds = |number: &usize| {
        let next = calls.get(number + 1).copied().unwrap_or_default();
        !calls[*number].starts_with("due") || next == "rows"
    };
    (init..calls.len()).filter(finds).collect()
}

#[test]
fn a_crash_or_an_error_at_any_call_on_the_way_to_the_proof_never_publishes_twice() {
    let cues = [Cue::CrashBefore, Cue::CrashAfter, Cue::FailBefore, Cue::FailAfter];
    for arrives in [false, true] {
        let calls = play(arrives, &[]).stage.script.calls();
        let numbers = numbers(&calls);
        assert!(numbers.len() >= 20, "{}", numbers.len());
        for number in numbers {
            for cue in cues {
                let company = play(arrives, &[(number, cue)]);
                let told = format!("{cue:?} at {number} `{}`, arrives: {arrives}", calls[number]);
                let stage = &company.stage;
                let (accepted, publications) = (stage.tiktok.accepted(), stage.tiktok.publications().len());
                assert!(accepted <= 1 && publications <= 1, "{told}: accepted {accepted} times");
                assert_eq!(company.dead_letters, [], "{told}");
                let end = stage.table.only_post().row.state.name();
                if arrives {
                    assert_eq!((end, inits(&company)), ("unconfirmed", 1), "{told}");
                } else {
                    // the second attempt may be lost as well, and looked into in its turn
                    assert!(
                        ["published", "unconfirmed", "queued", "processing"].contains(&end),
                        "{told}: {end}"
                    );
                }
            }
        }
    }
}

#[test]
fn with_two_misfortunes_after_the_init_there_is_still_one_publication_at_most() {
    let calls = play(false, &[]).stage.script.calls();
    let numbers = numbers(&calls);
    let dead = calls.iter().rposition(|call| *call == "was_asked_for").unwrap();
    let around: Vec<usize> =
        numbers.into_iter().filter(|number| (dead - 4..dead + 14).contains(number)).collect();
    for first in &around {
        for second in around.iter().filter(|second| *second > first) {
            for cues in [
                (Cue::CrashAfter, Cue::CrashBefore),
                (Cue::FailAfter, Cue::FailAfter),
                (Cue::CrashAfter, Cue::FailAfter),
            ] {
                let script = [(*first, cues.0), (*second, cues.1)];
                let company = play(false, &script);
                assert!(company.stage.tiktok.accepted() <= 1, "{script:?}");
            }
        }
    }
}
