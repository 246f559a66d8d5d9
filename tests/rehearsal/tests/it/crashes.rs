//! A crash, an error or a lost answer at every call: published once, or visibly unconfirmed, and never twice.

use domain::PostState;
use rehearsal::{Cue, Stage};
use tiktok_sandbox::Endpoint;

use super::company::Company;

/// A post goes from accepted to its end; what the script says happens on the way.
fn play(script: &[(usize, Cue)]) -> Company {
    let mut company = Company::new(Stage::new());
    let post = company.stage.accept(1);
    company.submit(&post);
    for (number, cue) in script {
        company.stage.script.at(*number, *cue);
    }
    company.play_to_the_end();
    company
}

/// The calls of a post's journey when nothing goes wrong.
fn journey() -> Vec<&'static str> {
    play(&[]).stage.script.calls()
}

/// The numbers of those calls, without the sweeps' looks at partitions in which nothing is due.
fn numbers(calls: &[&str]) -> Vec<usize> {
    let finds = |number: &usize| {
        let next = calls.get(number + 1).copied().unwrap_or_default();
        !calls[*number].starts_with("due") || next == "rows"
    };
    (0..calls.len()).filter(finds).collect()
}

#[track_caller]
fn judge(company: &Company, script: &[(usize, Cue)], calls: &[&str]) {
    let stage = &company.stage;
    let told =
        format!("{:?}", script.iter().map(|(at, cue)| (*cue, *at, calls.get(*at))).collect::<Vec<_>>());
    let inits = stage.tiktok.calls(Endpoint::VideoInit).len();
    let accepted = stage.tiktok.accepted();
    assert!(accepted <= 1, "{told}: posted {accepted} times");
    assert!(!stage.tiktok.any_limit_broken(), "{told}");
    let row = stage.table.only_post().row;
    match &row.state {
        PostState::Published { .. } => {
            assert_eq!((accepted, inits), (1, 1), "{told}");
            let publication = &stage.tiktok.publications()[0];
            assert_eq!(publication.privacy_level, row.privacy_level.unwrap().as_str(), "{told}");
            assert_eq!(publication.breaches, Vec::<String>::new(), "{told}");
        }
        PostState::Unconfirmed { .. } => {
            assert!(inits <= 1, "{told}");
            assert!(script.iter().any(|(at, _)| is_in_doubt(calls, *at)), "{told}: unconfirmed without need");
        }
        stuck => panic!("{told}: stuck as {stuck:#?}\n{:#?}", row.timeline),
    }
    assert_eq!(company.dead_letters, [], "{told}");
}

/// Between the claim, with it, and the writing of the publish id, with it.
fn is_in_doubt(calls: &[&str], at: usize) -> bool {
    let init = calls.iter().position(|call| *call == "video_init").unwrap();
    (init - 1..=init + 1).contains(&at)
}

#[test]
fn a_crash_before_or_after_any_call_ends_published_once_or_in_doubt_only_where_it_must_be() {
    let calls = journey();
    let mut unconfirmed = Vec::new();
    let numbers = numbers(&calls);
    assert!(numbers.len() >= 15, "{numbers:?}");
    for number in numbers {
        for cue in Cue::CRASHES {
            let script = [(number, cue)];
            let company = play(&script);
            judge(&company, &script, &calls);
            if company.stage.table.only_post().row.state.name() == "unconfirmed" {
                unconfirmed.push((calls[number], cue, number));
            }
        }
    }
    let init = calls.iter().position(|call| *call == "video_init").unwrap();
    assert_eq!(
        unconfirmed,
        [
            ("save", Cue::CrashAfter, init - 1),
            ("video_init", Cue::CrashBefore, init),
            ("video_init", Cue::CrashAfter, init),
            ("save", Cue::CrashBefore, init + 1),
        ]
    );
}

#[test]
fn an_error_before_or_after_the_effect_of_any_call_ends_published_once_or_in_doubt_only_at_init() {
    let calls = journey();
    let init = calls.iter().position(|call| *call == "video_init").unwrap();
    for number in numbers(&calls) {
        for cue in Cue::FAILURES.into_iter().chain([Cue::NotSent]) {
            let script = [(number, cue)];
            let company = play(&script);
            judge(&company, &script, &calls);
            let in_doubt = company.stage.table.only_post().row.state.name() == "unconfirmed";
            assert_eq!(in_doubt, number == init && cue != Cue::NotSent, "{cue:?} at `{}`", calls[number]);
        }
    }
}

#[test]
fn two_misfortunes_in_one_journey_are_no_worse() {
    let calls = journey();
    let until = calls.iter().position(|call| *call == "remember").unwrap() + 1;
    let cues = [Cue::CrashBefore, Cue::CrashAfter, Cue::FailBefore, Cue::FailAfter];
    for first in 0..until {
        for second in first + 1..until + 6 {
            for one in cues {
                for other in cues {
                    let script = [(first, one), (second, other)];
                    let company = play(&script);
                    let stage = &company.stage;
                    assert!(stage.tiktok.accepted() <= 1, "{script:?}: posted twice");
                    let end = stage.table.only_post().row.state.name();
                    assert!(["published", "unconfirmed"].contains(&end), "{script:?}: stuck as `{end}`");
                    if end == "published" {
                        assert_eq!(stage.tiktok.accepted(), 1, "{script:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_message_of_a_journey_may_be_lost() {
    for lost in 0..4 {
        let mut company = Company::new(Stage::new());
        let post = company.stage.accept(1);
        company.submit(&post);
        for _ in 0..lost {
            company.play(45);
        }
        company.stage.queues.lose_all();
        company.play(3_600);
        assert_eq!(company.stage.post(&post).row.state.name(), "published", "lost after {lost} steps");
        assert_eq!(company.stage.tiktok.accepted(), 1);
    }
}

#[test]
fn every_message_may_come_twice() {
    let mut company = Company::new(Stage::new());
    let post = company.stage.accept(1);
    for _ in 0..5 {
        company.submit(&post);
    }
    for _ in 0..60 {
        for sent in company.stage.queues.waiting() {
            if company.stage.queues.waiting().len() < 40 {
                rehearsal::done(ports::Queues::send(&company.stage.queues, &sent.job, sent.delay)).unwrap();
            }
        }
        company.play(60);
    }
    assert_eq!(company.stage.post(&post).row.state.name(), "published");
    assert_eq!(company.stage.tiktok.calls(Endpoint::VideoInit).len(), 1);
    assert_eq!(company.dead_letters, []);
}
