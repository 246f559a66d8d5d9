//! What is known of the app at TikTok.

use std::collections::BTreeMap;

use domain::Timestamp;
use domain::app::{AppFacts, Mode, ModeSetting, Sighting, is_verification_file};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_793_534_400 + seconds).unwrap()
}

fn seen(sightings: &[(Sighting, i64)]) -> AppFacts {
    let seen: BTreeMap<_, _> =
        sightings.iter().map(|(sighting, seconds)| (*sighting, at(*seconds))).collect();
    AppFacts { seen, ..AppFacts::default() }
}

#[test]
fn the_newest_answer_shows_the_mode_whatever_the_setting_says() {
    let setting: ModeSetting = "audited".parse().unwrap();
    assert_eq!(seen(&[]).mode(ModeSetting::Auto), None);
    let said = seen(&[]).mode(setting).unwrap();
    assert_eq!((said.mode, said.shown_by), (Mode::Audited, None));
    let refused = seen(&[(Sighting::PublicPostAccepted, 5), (Sighting::UnauditedRefused, 9)]);
    let shown = refused.mode(setting).unwrap();
    assert_eq!((shown.mode, shown.shown_by), (Mode::Unaudited, Some((Sighting::UnauditedRefused, at(9)))));
    let passed = seen(&[(Sighting::PublicPostAccepted, 20), (Sighting::UnauditedRefused, 9)]);
    assert_eq!(passed.mode(ModeSetting::Auto).unwrap().mode, Mode::Audited);
    let sandbox = seen(&[(Sighting::NotASandboxTarget, 1), (Sighting::PullAccepted, 30)]);
    assert_eq!(sandbox.mode(ModeSetting::Auto).unwrap().mode, Mode::Sandbox);
    assert!("Audited".parse::<ModeSetting>().is_err());
}

#[test]
fn the_newest_pull_tells_whether_the_domain_is_verified() {
    assert_eq!(seen(&[]).domain_verified(), None);
    let pulls = |accepted, refused| {
        seen(&[(Sighting::PullAccepted, accepted), (Sighting::UrlUnverified, refused)]).domain_verified()
    };
    assert_eq!(pulls(1, 2), Some((false, at(2))));
    assert_eq!(pulls(3, 2), Some((true, at(3))));
}

#[test]
fn verification_files_have_tiktoks_names_and_no_others() {
    for name in ["tiktokAbc123.txt", "tiktok_developers-x.txt"] {
        assert!(is_verification_file(name), "{name}");
    }
    for name in ["tiktok.txt", "tiktok/../x.txt", "tiktoka.html", "x.txt", "tiktok a.txt", "tiktoké.txt"] {
        assert!(!is_verification_file(name), "{name}");
    }
}
